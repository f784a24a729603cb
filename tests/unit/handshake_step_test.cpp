// SPDX-License-Identifier: MIT
#include <sspan/handshake_step.hpp>

#include "conversation.hpp"
#include "fixture.hpp"
#include "profiles.hpp"

#include <sspan/handshake.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::context_flags;
using sspan::errc;
using sspan::handshake_state;

// The options and the default values.

TEST(handshake_step_values, defaults_require_what_they_should) {
    constexpr auto four = context_flags::integrity | context_flags::confidentiality | context_flags::replay_detect |
                          context_flags::sequence_detect;
    EXPECT_EQ(sspan::client_options{}.require, four | context_flags::mutual_auth);
    EXPECT_EQ(sspan::server_options{}.require, four);
    EXPECT_EQ(sspan::client_options{}.request, context_flags::extended_error);
    EXPECT_EQ(sspan::server_options{}.request, context_flags::extended_error);
}

TEST(handshake_step_values, only_complete_is_done) {
    for (const auto state : {handshake_state::continue_needed, handshake_state::incomplete_message,
                             handshake_state::incomplete_credentials, handshake_state::message_fragment}) {
        EXPECT_FALSE((sspan::handshake_step{{}, 0, state}.done()));
    }
    EXPECT_TRUE((sspan::handshake_step{{}, 0, handshake_state::complete}.done()));
    EXPECT_FALSE(sspan::handshake_step{}.done());
}

TEST(handshake_error, owns_its_token_and_copies_without_throwing) {
    static_assert(std::is_nothrow_copy_constructible_v<sspan::handshake_error>);
    auto token = to_bytes("for the peer");
    const sspan::handshake_error original{errc::logon_denied, "AcceptSecurityContext", token};
    token.assign(token.size(), std::byte{0});
    const auto copy = original; // NOLINT(performance-unnecessary-copy-initialization): the copy is under test
    EXPECT_EQ(copy_of(copy.token()), to_bytes("for the peer"));
    EXPECT_EQ(copy.code(), errc::logon_denied);
    EXPECT_TRUE(std::string{copy.what()}.starts_with("AcceptSecurityContext"));
    EXPECT_TRUE((sspan::handshake_error{errc::logon_denied, "AcceptSecurityContext", {}}.token().empty()));
}

// Each success status, on each side. `side` is the side whose package returns the status.

enum class who { client, server };

class handshake_status : public loopback_test, public ::testing::WithParamInterface<std::tuple<profile, surface, who>> {
protected:
    [[nodiscard]] static const profile& which_profile() { return std::get<0>(GetParam()); }
    [[nodiscard]] static surface form() { return std::get<1>(GetParam()); }
    [[nodiscard]] static bool of_client() { return std::get<2>(GetParam()) == who::client; }
    [[nodiscard]] static loopback::side& side() {
        return of_client() ? loopback::configure().client : loopback::configure().server;
    }
    [[nodiscard]] static function call() {
        return of_client() ? function::initialize_security_context : function::accept_security_context;
    }
    [[nodiscard]] static bool is_turn_of_side(const conversation& talk) { return talk.client_is_next() == of_client(); }
};
INSTANTIATE_TEST_SUITE_P(each, handshake_status,
                         ::testing::Combine(each_profile(), ::testing::ValuesIn(surfaces),
                                            ::testing::Values(who::client, who::server)),
                         [](const auto& test) {
                             return std::string{std::get<0>(test.param).name} +
                                    (std::get<1>(test.param) == surface::error_code ? "_error_code" : "_exception") +
                                    (std::get<2>(test.param) == who::client ? "_client" : "_server");
                         });

TEST_P(handshake_status, misuse_03_complete_needed_completes_the_token_and_is_done) {
    for (unsigned legs = 2; legs <= 5; ++legs) {
        which_profile().settings().legs = legs;
        side().final_status = SEC_I_COMPLETE_NEEDED;
        conversation talk{which_profile(), form()};
        while (!(talk.client_done && talk.server_done)) {
            const bool turn = is_turn_of_side(talk);
            const auto before = calls(function::complete_auth_token);
            const auto taken = talk.leg();
            ASSERT_TRUE(succeeded(taken)) << "leg " << talk.legs << " of " << legs;
            EXPECT_EQ(calls(function::complete_auth_token) - before, turn && taken.done() ? 1U : 0U);
            if (turn && taken.done()) {
                const auto completed = loopback::last_buffers(function::complete_auth_token);
                const auto given = loopback::last_buffers(call());
                ASSERT_EQ(completed.size(), given.size());
                EXPECT_EQ(completed[0].type, given[0].type);
                EXPECT_EQ(completed[0].size, taken.token.size()); // unchanged since the step
                EXPECT_TRUE(taken.token.empty() || completed[0].memory == given[0].memory);
            }
        }
        expect_established(talk);
    }
}

TEST_P(handshake_status, misuse_03_complete_and_continue_completes_the_token_and_goes_on) {
    for (unsigned legs = 3; legs <= 6; ++legs) {
        which_profile().settings().legs = legs;
        side().continue_status = SEC_I_COMPLETE_AND_CONTINUE;
        conversation talk{which_profile(), form()};
        while (!(talk.client_done && talk.server_done)) {
            const bool turn = is_turn_of_side(talk);
            const auto before = calls(function::complete_auth_token);
            const auto taken = talk.leg();
            ASSERT_TRUE(succeeded(taken)) << "leg " << talk.legs << " of " << legs;
            EXPECT_EQ(calls(function::complete_auth_token) - before, turn && !taken.done() ? 1U : 0U);
            if (turn && !taken.done()) {
                EXPECT_EQ(taken.state, handshake_state::continue_needed);
                EXPECT_EQ(loopback::last_buffers(function::complete_auth_token).at(0).memory,
                          loopback::last_buffers(call()).at(0).memory);
            }
        }
        expect_established(talk);
    }
}

TEST_P(handshake_status, message_ok_while_continuing_goes_on_without_completing) {
    which_profile().settings().legs = 4;
    side().continue_status = sspi_status(0x00090366); // SEC_I_CONTINUE_NEEDED_MESSAGE_OK
    conversation talk{which_profile(), form()};
    EXPECT_TRUE(succeeded(talk.run()));
    EXPECT_EQ(calls(function::complete_auth_token), 0U);
    expect_established(talk);
}

TEST_P(handshake_status, fragments_add_up_to_the_token) {
    which_profile().settings().legs = 4;
    side().fragment_size = 50;
    conversation talk{which_profile(), form()};
    talk.run_legs(of_client() ? 0 : 1);
    unsigned fragments = 1;
    auto part = of_client() ? step(talk.client, {}, form()) : step(talk.server, talk.token, form());
    bytes whole = part.token;
    while (part.state == handshake_state::message_fragment) {
        ASSERT_TRUE(succeeded(part));
        EXPECT_EQ(part.token.size(), 50U);
        EXPECT_FALSE(part.done());
        part = of_client() ? step(talk.client, {}, form()) : step(talk.server, {}, form());
        whole.insert(whole.end(), part.token.begin(), part.token.end());
        ++fragments;
    }
    ASSERT_TRUE(succeeded(part));
    EXPECT_GT(fragments, 2U);
    talk.token = whole;
    ++talk.legs;
    EXPECT_TRUE(succeeded(talk.run()));
    expect_established(talk);
}

TEST_P(handshake_status, fragments_of_the_last_token_end_in_completion) {
    which_profile().settings().legs = of_client() ? 3 : 2;
    side().fragment_size = 50;
    conversation talk{which_profile(), form()};
    EXPECT_TRUE(succeeded(talk.run()));
    expect_established(talk);
}

TEST_P(handshake_status, incomplete_credentials_go_on_with_the_same_token) {
    which_profile().settings().legs = 4;
    side().incomplete_credentials = true;
    conversation talk{which_profile(), form()};
    talk.run_legs(of_client() ? 2 : 1);
    const auto asked = of_client() ? step(talk.client, talk.token, form()) : step(talk.server, talk.token, form());
    ASSERT_TRUE(succeeded(asked));
    EXPECT_EQ(asked.state, handshake_state::incomplete_credentials);
    EXPECT_EQ(asked.used, 0U);
    EXPECT_FALSE(asked.done());
    EXPECT_TRUE(succeeded(talk.run()));
    expect_established(talk);
}

TEST_P(handshake_status, misuse_10_incomplete_message_keeps_the_state_at_every_length) {
    loopback::configure().stream_framing = true;
    which_profile().settings().legs = 4;
    for (unsigned legs = of_client() ? 2 : 1; legs < 4; legs += 2) {
        conversation talk{which_profile(), form()};
        talk.run_legs(legs);
        const auto live = loopback::live().contexts;
        for (std::size_t size = 1; size < talk.token.size(); size += 7) {
            const std::span part{talk.token.data(), size};
            const auto taken = of_client() ? step(talk.client, part, form()) : step(talk.server, part, form());
            ASSERT_TRUE(succeeded(taken)) << size;
            EXPECT_EQ(taken.state, handshake_state::incomplete_message) << size;
            EXPECT_EQ(taken.used, 0U);
            EXPECT_TRUE(taken.token.empty());
            EXPECT_FALSE(taken.done());
            EXPECT_EQ(loopback::live().contexts, live);
        }
        EXPECT_TRUE(succeeded(talk.run()));
        expect_established(talk);
    }
}

TEST_P(handshake_status, misuse_10_incomplete_message_ordered_at_every_call_keeps_the_state) {
    which_profile().settings().legs = 5;
    for (std::size_t nth = of_client() ? 2 : 1; nth <= 3; ++nth) {
        conversation talk{which_profile(), form()};
        loopback::fail_at(call(), nth, SEC_E_INCOMPLETE_MESSAGE);
        unsigned seen = 0;
        while (!(talk.client_done && talk.server_done)) {
            const auto given = talk.token;
            const bool client_turn = talk.client_is_next();
            auto taken = talk.leg();
            ASSERT_TRUE(succeeded(taken));
            if (taken.state == handshake_state::incomplete_message) {
                ++seen;
                EXPECT_EQ(taken.used, 0U);
                talk.token = given; // the whole input again
                --talk.legs;
                ASSERT_EQ(talk.client_is_next(), client_turn);
            }
        }
        EXPECT_EQ(seen, 1U);
        expect_established(talk);
    }
}

// Bytes after the token in the input.

class handshake_extra : public loopback_test, public ::testing::WithParamInterface<std::tuple<profile, surface>> {
protected:
    void SetUp() override {
        loopback_test::SetUp();
        loopback::configure().stream_framing = true;
    }
    static const profile& which_profile() { return std::get<0>(GetParam()); }
    static surface form() { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(each, handshake_extra, each_profile_and_surface(), name_of{});

TEST_P(handshake_extra, misuse_10_bytes_after_the_token_are_left_to_the_caller) {
    which_profile().settings().legs = 3;
    auto options = which_profile().client_options();
    options.request |= context_flags::stream;
    sspan::server_options server_options;
    server_options.request |= context_flags::stream;
    for (const std::size_t extra : {1U, 2U, 100U, 5000U}) {
        conversation talk{which_profile().package, options, server_options, form()};
        while (!(talk.client_done && talk.server_done)) {
            const auto token_size = talk.token.size();
            if (token_size != 0) {
                talk.token.insert(talk.token.end(), extra, std::byte{0x5A});
            }
            const auto taken = talk.leg();
            ASSERT_TRUE(succeeded(taken)) << "leg " << talk.legs;
            EXPECT_EQ(taken.used, token_size) << "leg " << talk.legs;
        }
        expect_established(talk);
    }
}

TEST_P(handshake_extra, rest_that_is_longer_than_the_input_is_none) {
    auto options = which_profile().client_options();
    options.request |= context_flags::stream;
    sspan::server_options server_options;
    server_options.request |= context_flags::stream;
    for (const ULONG excess : {10'000U, 0xFFFFFF00U}) {
        loopback::configure().extra_excess = excess;
        conversation talk{which_profile().package, options, server_options, form()};
        ASSERT_TRUE(succeeded(talk.leg()));
        talk.token.insert(talk.token.end(), 100, std::byte{0x5A});
        const auto size = talk.token.size();
        const auto taken = talk.leg();
        ASSERT_TRUE(succeeded(taken));
        EXPECT_LE(taken.used, size);
    }
}

TEST_P(handshake_extra, second_input_buffer_is_there_for_streams_only) {
    conversation talk{which_profile().package, which_profile().client_options(), {}, form()};
    EXPECT_TRUE(succeeded(talk.leg()));
    talk.token.push_back(std::byte{0x5A}); // the package has no buffer to return this byte
    const auto taken = talk.leg();
    EXPECT_TRUE(failed_with(taken, errc::invalid_token, "AcceptSecurityContext"));
}

} // namespace
