// SPDX-License-Identifier: MIT
//
// Handshakes that refuse NTLM: no NTLM token is sent, none reaches the package, and `finish` fails if the package is
// unknown.
#include <sspan/handshake_options.hpp>

#include "conversation.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>

namespace {

using namespace std::string_view_literals;
using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;
using sspan::ntlm_use;
using sspan::security_package;

constexpr ULONG negotiation_info_attribute = 12;
constexpr const char* client_call = "InitializeSecurityContext";
constexpr const char* server_call = "AcceptSecurityContext";

sspan::client_options client_without_ntlm() {
    auto options = without_mutual_auth(); // these options would refuse NTLM only at the end
    options.ntlm = ntlm_use::refused;
    return options;
}
sspan::server_options server_without_ntlm() {
    sspan::server_options options;
    options.ntlm = ntlm_use::refused;
    return options;
}

/// Checks that the step or `finish` failed because of NTLM, and that the error says so.
::testing::AssertionResult refused_ntlm(const outcome& result, const char* function, std::string_view how) {
    if (const auto failed = failed_with(result, errc::security_qos_failed, function); !failed) {
        return failed;
    }
    if (!result.what.empty() && result.what.find(how) == std::string::npos) {
        return ::testing::AssertionFailure() << result.what;
    }
    return ::testing::AssertionSuccess();
}

class never_ntlm : public loopback_test, public ::testing::WithParamInterface<surface> {};
INSTANTIATE_TEST_SUITE_P(each, never_ntlm, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(never_ntlm, kerberos_works_in_every_form) {
    for (const auto package : {sspan::package::kerberos, sspan::package::negotiate}) {
        for (const unsigned legs : {2U, 5U}) {
            loopback::configure().kerberos.legs = loopback::configure().negotiate.legs = legs;
            conversation talk{package, client_without_ntlm(), server_without_ntlm(), GetParam()};
            ASSERT_TRUE(succeeded(talk.run()));
            expect_established(talk);
        }
    }
}

TEST_P(never_ntlm, credentials_for_it_do_not_take_a_step) {
    conversation talk{sspan::package::ntlm, client_without_ntlm(), server_without_ntlm(), GetParam()};
    const auto sent = step(talk.client, {}, GetParam());
    EXPECT_TRUE(refused_ntlm(sent, client_call, "would use NTLM"));
    EXPECT_TRUE(sent.token.empty());
    const auto taken = step(talk.server, to_bytes("anything"), GetParam());
    EXPECT_TRUE(refused_ntlm(taken, server_call, "would use NTLM"));
    EXPECT_TRUE(taken.token.empty());
    EXPECT_TRUE(failed_with(step(talk.client, {}, GetParam()), errc::no_context, client_call));
    EXPECT_EQ(calls(function::initialize_security_context), 0U);
    EXPECT_EQ(calls(function::accept_security_context), 0U);
}

TEST_P(never_ntlm, client_keeps_a_token_of_it_to_itself) {
    loopback::configure().negotiate_winner = loopback::package::ntlm;
    for (const bool completes : {false, true}) {
        if (completes) {
            loopback::configure().client.continue_status = SEC_I_COMPLETE_AND_CONTINUE;
        }
        conversation talk{sspan::package::negotiate, client_without_ntlm(), {}, GetParam()};
        const auto sent = step(talk.client, {}, GetParam());
        EXPECT_TRUE(refused_ntlm(sent, client_call, "made a token of NTLM"));
        EXPECT_TRUE(sent.token.empty());
        EXPECT_EQ(loopback::live().contexts, 0U);
        const auto later = step(talk.client, {}, GetParam());
        EXPECT_TRUE(failed_with(later, errc::no_context, client_call));
        EXPECT_EQ(later.what.find("NTLM"), std::string::npos) << "this was the reason of the last step only";
    }
}

TEST_P(never_ntlm, client_notices_it_in_fragments) {
    loopback::configure().negotiate_winner = loopback::package::ntlm;
    for (const ULONG size : {1U, 2U, 3U, 5U, 7U, 20U}) {
        loopback::configure().client.fragment_size = size;
        auto options = client_without_ntlm();
        options.limits.max_steps = 1000;
        conversation talk{sspan::package::negotiate, options, {}, GetParam()};
        bytes sent;
        step_outcome taken;
        do {
            taken = step(talk.client, {}, GetParam());
            sent.insert(sent.end(), taken.token.begin(), taken.token.end());
        } while (!taken.code && taken.state == sspan::handshake_state::message_fragment);
        EXPECT_TRUE(refused_ntlm(taken, client_call, "made a token of NTLM")) << size;
        EXPECT_TRUE(taken.token.empty());
        EXPECT_FALSE(sspan::detail::contains_ntlm(sent));
    }
}

TEST_P(never_ntlm, server_does_not_let_the_package_see_it) {
    for (const auto package : {sspan::package::negotiate, sspan::package::ntlm}) {
        loopback::configure().negotiate_winner = loopback::package::ntlm;
        conversation talk{package, without_mutual_auth(), {}, GetParam()};
        ASSERT_TRUE(succeeded(talk.leg()));
        for (const auto inbound : {sspan::package::negotiate, sspan::package::kerberos}) {
            sspan::server_handshake server{sspan::credentials::inbound(inbound), server_without_ntlm()};
            const auto taken = step(server, talk.token, GetParam());
            EXPECT_TRUE(refused_ntlm(taken, server_call, "was to take a token of NTLM"));
            EXPECT_TRUE(taken.token.empty());
        }
    }
    EXPECT_EQ(calls(function::accept_security_context), 0U);
}

TEST_P(never_ntlm, server_refuses_it_raw_and_inside_spnego) {
    const auto inbound = sspan::credentials::inbound(sspan::package::negotiate);
    for (const auto token : {"NTLMSSP\0\1\0\0\0"sv, "\x60\x40\x06\x06\x2B\x06\x01\x05\x05\x02NTLMSSP\0\1"sv}) {
        sspan::server_handshake server{inbound, server_without_ntlm()};
        EXPECT_TRUE(
            refused_ntlm(step(server, to_bytes(token), GetParam()), server_call, "was to take a token of NTLM"));
    }
    EXPECT_EQ(calls(function::accept_security_context), 0U);
}

TEST_P(never_ntlm, client_does_not_take_a_challenge) {
    conversation talk{sspan::package::negotiate, client_without_ntlm(), {}, GetParam()};
    ASSERT_TRUE(succeeded(talk.leg()));
    const auto before = calls(function::initialize_security_context);
    const auto taken = step(talk.client, to_bytes("\xA1\x10 NTLMSSP\0\2"sv), GetParam());
    EXPECT_TRUE(refused_ntlm(taken, client_call, "was to take a token of NTLM"));
    EXPECT_TRUE(taken.token.empty());
    EXPECT_EQ(calls(function::initialize_security_context), before);
    EXPECT_EQ(loopback::live().contexts, 0U);
}

TEST_P(never_ntlm, finish_fails_where_its_tokens_do_not_show_it) {
    loopback::configure().shows_ntlm = false;
    loopback::configure().negotiate_winner = loopback::package::ntlm;
    conversation talk{sspan::package::negotiate, client_without_ntlm(), server_without_ntlm(), GetParam()};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_TRUE(refused_ntlm(finish_outcome(talk.client, GetParam()), client_call, " used NTLM"));
    EXPECT_TRUE(refused_ntlm(finish_outcome(talk.server, GetParam()), server_call, " used NTLM"));
    EXPECT_EQ(loopback::live().contexts, 0U);
}

TEST_P(never_ntlm, finish_fails_where_negotiate_does_not_tell) {
    for (const bool guesses : {false, true}) {
        if (guesses) {
            loopback::configure().unsupported_attributes.clear();
            loopback::configure().negotiation_state = 2; // SECPKG_NEGOTIATION_IN_PROGRESS
        } else {
            loopback::configure().unsupported_attributes.push_back(negotiation_info_attribute);
        }
        conversation talk{sspan::package::negotiate, client_without_ntlm(), server_without_ntlm(), GetParam()};
        ASSERT_TRUE(succeeded(talk.run()));
        EXPECT_TRUE(refused_ntlm(finish_outcome(talk.client, GetParam()), client_call, "does not tell"));
        EXPECT_TRUE(refused_ntlm(finish_outcome(talk.server, GetParam()), server_call, "does not tell"));
        EXPECT_EQ(loopback::live().contexts, 0U);
    }
}

TEST_P(never_ntlm, kerberos_need_not_tell) {
    loopback::configure().unsupported_attributes.push_back(negotiation_info_attribute);
    conversation talk{sspan::package::kerberos, client_without_ntlm(), server_without_ntlm(), GetParam()};
    ASSERT_TRUE(succeeded(talk.run()));
    expect_established(talk);
}

TEST_P(never_ntlm, kerberos_that_turns_out_to_be_ntlm_fails) {
    loopback::configure().told_package = L"NTLM";
    conversation talk{sspan::package::kerberos, client_without_ntlm(), server_without_ntlm(), GetParam()};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_TRUE(refused_ntlm(finish_outcome(talk.client, GetParam()), client_call, " used NTLM"));
    EXPECT_TRUE(refused_ntlm(finish_outcome(talk.server, GetParam()), server_call, " used NTLM"));
}

TEST_P(never_ntlm, another_package_that_is_told_passes) {
    loopback::configure().told_package = L"PKU2U";
    conversation talk{sspan::package::negotiate, client_without_ntlm(), server_without_ntlm(), GetParam()};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_EQ(std::move(talk.client).finish().package(), security_package::other);
    EXPECT_EQ(std::move(talk.server).finish().package(), security_package::other);
}

TEST_P(never_ntlm, error_token_of_it_is_dropped) {
    conversation talk{sspan::package::negotiate, client_without_ntlm(), server_without_ntlm(), GetParam()};
    ASSERT_TRUE(succeeded(talk.leg()));
    loopback::configure().errors_show_ntlm = true;
    talk.token.back() ^= std::byte{1};
    const auto taken = step(talk.server, talk.token, GetParam());
    EXPECT_TRUE(refused_ntlm(taken, server_call, "made a token of NTLM"));
    EXPECT_TRUE(taken.token.empty());
}

TEST_P(never_ntlm, is_allowed_by_default) {
    conversation talk{sspan::package::ntlm, without_mutual_auth(), {}, GetParam()};
    ASSERT_TRUE(succeeded(talk.run()));
    expect_established(talk);
}

} // namespace
