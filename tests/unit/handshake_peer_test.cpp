// SPDX-License-Identifier: MIT
//
// Wrong peers, and changed tokens.
#include <sspan/handshake.hpp>

#include "conversation.hpp"
#include "fixture.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <functional>
#include <random>
#include <string>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;

class handshake_peer : public profile_test {
protected:
    /// Changes the token of leg `number` with `alter`. One of the next legs must then fail.
    static void expect_refused(unsigned number, const std::function<void(bytes&)>& alter, const std::string& what) {
        {
            conversation talk{GetParam()};
            talk.run_legs(number);
            alter(talk.token);
            const auto result = talk.run();
            EXPECT_TRUE(result.code) << "leg " << number << ", " << what;
            EXPECT_FALSE(talk.client_done && talk.server_done);
        }
        EXPECT_TRUE(loopback::live().none());
    }
    /// Returns the token of leg `number` in a separate handshake.
    static bytes token_of(const profile& which, unsigned number) {
        conversation talk{which};
        talk.run_legs(number);
        return talk.token;
    }
    static unsigned legs() { return GetParam().settings().legs; }
};
INSTANTIATE_TEST_SUITE_P(each, handshake_peer, each_profile(), name_of{});

TEST_P(handshake_peer, each_flipped_bit_of_each_token_is_refused) {
    for (unsigned number = 1; number <= legs(); ++number) {
        const auto size = token_of(GetParam(), number).size();
        ASSERT_GT(size, 0U);
        for (std::size_t bit = 0; bit != 8 * size; ++bit) {
            expect_refused(
                number, [bit](bytes& token) { token[bit / 8] ^= std::byte{1} << (bit % 8); },
                "bit " + std::to_string(bit));
        }
    }
}

TEST_P(handshake_peer, each_truncated_token_is_refused) {
    for (unsigned number = 1; number <= legs(); ++number) {
        const auto size = token_of(GetParam(), number).size();
        for (std::size_t left = 0; left != size; ++left) {
            expect_refused(number, [left](bytes& token) { token.resize(left); }, std::to_string(left) + " bytes left");
        }
    }
}

TEST_P(handshake_peer, garbage_is_refused) {
    std::mt19937 random{20'251'104}; // the same bytes every time
    for (unsigned number = 1; number <= legs(); ++number) {
        for (const std::size_t size : {1U, 3U, 8U, 16U, 40U, 160U, 5000U}) {
            for (int round = 0; round != 10; ++round) {
                expect_refused(
                    number,
                    [&](bytes& token) {
                        token.resize(size);
                        for (auto& byte : token) {
                            byte = static_cast<std::byte>(random() & 0xFF);
                        }
                    },
                    std::to_string(size) + " bytes of garbage");
            }
        }
    }
}

TEST_P(handshake_peer, token_of_another_handshake_is_refused) {
    for (unsigned number = 2; number <= legs(); ++number) { // the first token belongs to no handshake yet
        const auto stranger = token_of(GetParam(), number);
        expect_refused(number, [&](bytes& token) { token = stranger; }, "of another handshake");
    }
}

TEST_P(handshake_peer, own_token_sent_back_is_refused) {
    for (const auto form : surfaces) {
        conversation talk{GetParam(), form};
        talk.run_legs(1);
        const auto result = step(talk.client, talk.token, form);
        EXPECT_TRUE(result.code);
        EXPECT_EQ(loopback::live().contexts, 0U);
    }
}

TEST_P(handshake_peer, token_before_the_client_has_begun_is_refused) {
    for (const auto form : surfaces) {
        conversation talk{GetParam(), form};
        EXPECT_TRUE(failed_with(step(talk.client, to_bytes("already?"), form), errc::invalid_token,
                                "InitializeSecurityContext"));
        EXPECT_EQ(calls(function::delete_security_context), 0U);
    }
}

TEST_P(handshake_peer, token_of_another_package_is_refused) {
    for (const auto& other : profiles) {
        if (other.package != GetParam().package) {
            const auto stranger = token_of(other, 1);
            expect_refused(1, [&](bytes& token) { token = stranger; }, other.name);
        }
    }
}

TEST_P(handshake_peer, empty_token_is_refused_by_the_server) {
    for (const auto form : surfaces) {
        conversation talk{GetParam(), form};
        const auto result = step(talk.server, {}, form);
        EXPECT_TRUE(failed_with(result, errc::invalid_token, "AcceptSecurityContext"));
        EXPECT_EQ(loopback::live().contexts, 0U);
    }
}

/// Runs these two sides, and returns the failed step.
step_outcome first_failure(sspan::client_handshake& client, sspan::server_handshake& server, surface form) {
    bytes token;
    step_outcome result;
    bool client_done = false;
    bool server_done = false;
    for (unsigned leg = 0; !result.code && !(client_done && server_done); ++leg) {
        result = leg % 2 == 0 ? step(client, token, form) : step(server, token, form);
        (leg % 2 == 0 ? client_done : server_done) = result.done();
        token = result.token;
    }
    return result;
}

/// Checks that a call of one of the sides failed with `code`.
testing::AssertionResult one_side_failed_with(const step_outcome& result, errc code) {
    const auto by_client = failed_with(result, code, "InitializeSecurityContext");
    return by_client ? by_client : failed_with(result, code, "AcceptSecurityContext");
}

TEST_P(handshake_peer, wrong_password_is_logon_denied) {
    for (const auto form : surfaces) {
        const auto outbound = sspan::credentials::outbound(GetParam().package, {L"bob", L"LOOPBACK", L"correct horse"});
        const auto inbound = sspan::credentials::inbound(GetParam().package);
        sspan::client_handshake client{outbound, service(), GetParam().client_options()};
        sspan::server_handshake server{inbound};
        EXPECT_TRUE(one_side_failed_with(first_failure(client, server, form), errc::logon_denied));
    }
}

TEST_P(handshake_peer, unknown_user_is_logon_denied) {
    for (const auto form : surfaces) {
        const auto outbound = sspan::credentials::outbound(GetParam().package, {L"eve", L"LOOPBACK", L"correct horse"});
        const auto inbound = sspan::credentials::inbound(GetParam().package);
        sspan::client_handshake client{outbound, service(), GetParam().client_options()};
        sspan::server_handshake server{inbound};
        EXPECT_TRUE(one_side_failed_with(first_failure(client, server, form), errc::logon_denied));
    }
}

TEST_P(handshake_peer, unknown_target_is_target_unknown_where_names_are_checked) {
    for (const auto form : surfaces) {
        const auto outbound = sspan::credentials::outbound(GetParam().package);
        const auto inbound = sspan::credentials::inbound(GetParam().package);
        sspan::client_handshake client{outbound, L"HTTP/nobody.knows.example", GetParam().client_options()};
        sspan::server_handshake server{inbound};
        const auto result = first_failure(client, server, form);
        if (GetParam().mutual_auth) {
            EXPECT_TRUE(failed_with(result, errc::target_unknown, "InitializeSecurityContext"));
            EXPECT_EQ(calls(function::delete_security_context), 0U);
        } else {
            EXPECT_TRUE(succeeded(result));
        }
    }
}

TEST_P(handshake_peer, ticket_for_another_key_is_a_denied_logon_where_there_are_tickets) {
    for (const auto form : surfaces) {
        const auto outbound = sspan::credentials::outbound(GetParam().package);
        const auto inbound = sspan::credentials::inbound(GetParam().package);
        sspan::client_handshake client{outbound, loopback::configure().other_services.at(0),
                                       GetParam().client_options()};
        sspan::server_handshake server{inbound};
        const auto result = first_failure(client, server, form);
        if (GetParam().mutual_auth) {
            EXPECT_TRUE(failed_with(result, errc::logon_denied, "AcceptSecurityContext"));
        } else {
            EXPECT_TRUE(succeeded(result));
        }
    }
}

TEST_P(handshake_peer, target_reaches_the_package_whole) {
    loopback::configure().other_services.emplace_back(L"HTTP/\u00FCber.example/\u4E16\u754C");
    const auto outbound = sspan::credentials::outbound(GetParam().package);
    sspan::client_handshake known{outbound, loopback::configure().other_services.back(), GetParam().client_options()};
    EXPECT_TRUE(succeeded(step(known, {})));
    if (GetParam().mutual_auth) {
        sspan::client_handshake shorter{outbound, L"HTTP/\u00FCber.example/\u4E16", GetParam().client_options()};
        EXPECT_TRUE(failed_with(step(shorter, {}), errc::target_unknown, "InitializeSecurityContext"));
    }
}

} // namespace
