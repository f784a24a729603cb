// SPDX-License-Identifier: MIT
//
// The requested flags and the granted flags.
#include <sspan/handshake_base.hpp>

#include "conversation.hpp"
#include "fixture.hpp"
#include "messages.hpp"
#include "profiles.hpp"

#include <sspan/handshake.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::context_flags;
using sspan::errc;

/// SSPI's bits, independent of the library's table; 0 where a side has no bit.
struct flag_bits {
    context_flags flag;
    const char* name;
    ULONG isc_request;
    ULONG isc_granted;
    ULONG asc_request;
    ULONG asc_granted;
};
constexpr std::array all_flags{
    flag_bits{context_flags::delegate, "delegate", 0x1, 0x1, 0x1, 0x1},
    flag_bits{context_flags::mutual_auth, "mutual_auth", 0x2, 0x2, 0x2, 0x2},
    flag_bits{context_flags::replay_detect, "replay_detect", 0x4, 0x4, 0x4, 0x4},
    flag_bits{context_flags::sequence_detect, "sequence_detect", 0x8, 0x8, 0x8, 0x8},
    flag_bits{context_flags::confidentiality, "confidentiality", 0x10, 0x10, 0x10, 0x10},
    flag_bits{context_flags::use_session_key, "use_session_key", 0x20, 0x20, 0x20, 0x20},
    flag_bits{context_flags::dce_style, "dce_style", 0x200, 0x200, 0x200, 0x200},
    flag_bits{context_flags::datagram, "datagram", 0x400, 0x400, 0x400, 0x400},
    flag_bits{context_flags::connection, "connection", 0x800, 0x800, 0x800, 0x800},
    flag_bits{context_flags::extended_error, "extended_error", 0x4000, 0x4000, 0x8000, 0x8000},
    flag_bits{context_flags::stream, "stream", 0x8000, 0x8000, 0x10000, 0x10000},
    flag_bits{context_flags::integrity, "integrity", 0x10000, 0x10000, 0x20000, 0x20000},
    flag_bits{context_flags::identify, "identify", 0x20000, 0x20000, 0x80000, 0x80000},
    flag_bits{context_flags::null_session, "null_session", 0x40000, 0x40000, 0x100000, 0x100000},
    flag_bits{context_flags::no_integrity, "no_integrity", 0x800000, 0, 0, 0},
    flag_bits{context_flags::http_style, "http_style", 0x1000000, 0x1000000, 0, 0},
    flag_bits{context_flags::unverified_target_name, "unverified_target_name", 0x20000000, 0, 0, 0},
    flag_bits{context_flags::confidentiality_only, "confidentiality_only", 0x40000000, 0x40000000, 0, 0},
    flag_bits{context_flags::allow_non_user_logons, "allow_non_user_logons", 0, 0, 0x200000, 0x200000},
    flag_bits{context_flags::allow_missing_bindings, "allow_missing_bindings", 0, 0, 0x10000000, 0},
    flag_bits{context_flags::proxy_bindings, "proxy_bindings", 0, 0, 0x4000000, 0},
};
static_assert(all_flags.size() == sspan::detail::flag_table.size());

sspan::client_options ask(context_flags require, context_flags request = context_flags::none) {
    return {require, request};
}
sspan::server_options allow(context_flags require, context_flags request = context_flags::none) {
    return {require, request};
}

class handshake_granted : public surface_test {
protected:
    void SetUp() override {
        surface_test::SetUp();
        loopback::configure().stream_framing = true; // the package then accepts every flag
    }
};
INSTANTIATE_TEST_SUITE_P(each, handshake_granted, each_profile_and_surface(), name_of{});

TEST_P(handshake_granted, misuse_02_each_side_sees_the_bits_of_its_own_family) {
    for (const auto& row : all_flags) {
        if (row.isc_request != 0) {
            const auto outbound = sspan::credentials::outbound(which_profile().package);
            sspan::client_handshake client{outbound, service(), ask(context_flags::none, row.flag)};
            static_cast<void>(step(client, {}, which_surface()));
            EXPECT_EQ(loopback::last_flags(function::initialize_security_context), row.isc_request) << row.name;
        }
        if (row.asc_request != 0) {
            conversation talk{which_profile().package, which_profile().client_options(),
                              allow(context_flags::none, row.flag), which_surface()};
            talk.run_legs(1);
            static_cast<void>(talk.leg());
            EXPECT_EQ(loopback::last_flags(function::accept_security_context), row.asc_request) << row.name;
        }
    }
}

TEST_P(handshake_granted, misuse_02_defaults_in_both_families) {
    conversation talk{which_profile().package, which_profile().client_options(), {}, which_surface()};
    talk.run_legs(2);
    EXPECT_EQ(loopback::last_flags(function::initialize_security_context),
              which_profile().mutual_auth ? 0x1401EU : 0x1401CU);
    EXPECT_EQ(loopback::last_flags(function::accept_security_context), 0x2801CU);
}

TEST_P(handshake_granted, require_is_requested_too_in_every_leg) {
    which_profile().settings().legs = 5;
    conversation talk{which_profile().package, ask(context_flags::integrity, context_flags::identify),
                      allow(context_flags::integrity, context_flags::connection), which_surface()};
    while (!(talk.client_done && talk.server_done)) {
        const bool client = talk.client_is_next();
        ASSERT_TRUE(succeeded(talk.leg()));
        EXPECT_EQ(
            loopback::last_flags(client ? function::initialize_security_context : function::accept_security_context),
            client ? 0x30000U : 0x20800U);
    }
}

TEST_P(handshake_granted, flags_that_a_side_cannot_ask_for_are_refused_before_any_call) {
    const auto outbound = sspan::credentials::outbound(which_profile().package);
    const auto inbound = sspan::credentials::inbound(which_profile().package);
    for (const auto& row : all_flags) {
        if (row.isc_request == 0) {
            sspan::client_handshake client{outbound, service(), ask(context_flags::none, row.flag)};
            EXPECT_TRUE(
                failed_with(step(client, {}, which_surface()), errc::unsupported_function, "InitializeSecurityContext"))
                << row.name;
        }
        if (row.isc_request == 0 || row.isc_granted == 0) { // it can never be granted
            sspan::client_handshake client{outbound, service(), ask(row.flag)};
            EXPECT_TRUE(
                failed_with(step(client, {}, which_surface()), errc::unsupported_function, "InitializeSecurityContext"))
                << row.name;
        }
        if (row.asc_request == 0) {
            sspan::server_handshake server{inbound, allow(context_flags::none, row.flag)};
            EXPECT_TRUE(
                failed_with(step(server, {}, which_surface()), errc::unsupported_function, "AcceptSecurityContext"))
                << row.name;
        }
        if (row.asc_request == 0 || row.asc_granted == 0) {
            sspan::server_handshake server{inbound, allow(row.flag)};
            EXPECT_TRUE(
                failed_with(step(server, {}, which_surface()), errc::unsupported_function, "AcceptSecurityContext"))
                << row.name;
        }
    }
    EXPECT_EQ(calls(function::initialize_security_context), 0U);
    EXPECT_EQ(calls(function::accept_security_context), 0U);
}

TEST_P(handshake_granted, confidentiality_only_and_required_integrity_are_refused_before_any_call) {
    sspan::client_options options;
    options.request |= context_flags::confidentiality_only;
    const auto outbound = sspan::credentials::outbound(sspan::package::kerberos);
    sspan::client_handshake client{outbound, service(), options};
    EXPECT_TRUE(failed_with(step(client, {}, which_surface()), errc::invalid_parameter, "InitializeSecurityContext"));
    EXPECT_EQ(calls(function::initialize_security_context), 0U);
}

TEST_P(handshake_granted, no_integrity_and_a_required_protection_are_refused_before_any_call) {
    const auto outbound = sspan::credentials::outbound(which_profile().package);
    for (const auto protection : {context_flags::integrity, context_flags::confidentiality,
                                  context_flags::replay_detect, context_flags::sequence_detect}) {
        for (const auto mutual_auth : {context_flags::none, context_flags::mutual_auth}) {
            sspan::client_handshake client{outbound, service(),
                                           ask(protection | mutual_auth, context_flags::no_integrity)};
            EXPECT_TRUE(
                failed_with(step(client, {}, which_surface()), errc::invalid_parameter, "InitializeSecurityContext"));
        }
    }
    EXPECT_EQ(calls(function::initialize_security_context), 0U);

    sspan::client_handshake client{outbound, service(),
                                   ask(context_flags::none, context_flags::no_integrity | context_flags::identify)};
    EXPECT_TRUE(succeeded(step(client, {}, which_surface())));
    EXPECT_EQ(loopback::last_flags(function::initialize_security_context), 0x00820000U);
}

/// Finishes `side`, which must fail because exactly `missing` is missing.
template <class Handshake>
void expect_not_granted(Handshake& side, surface form, context_flags missing, const std::string& beginning) {
    const auto contexts = loopback::live().contexts;
    const auto result = finish_outcome(side, form);
    EXPECT_EQ(result.code, errc::security_qos_failed);
    EXPECT_EQ(side.missing(), missing);
    EXPECT_EQ(loopback::live().contexts, contexts - 1);
    const auto expected = beginning + " did not grant " + to_string(missing);
    EXPECT_EQ(result.what.substr(0, expected.size()), expected);
    EXPECT_EQ(result.what.substr(expected.size(), 1), ":"); // no other flag is named
    EXPECT_NE(result.what.find("SEC_E_SECURITY_QOS_FAILED"), std::string::npos);
}

/// Expects that the next step of `side` fails because NTLM does not support `flags`. `how` says where NTLM appears.
template <class Handshake>
void expect_ntlm_refused(Handshake& side, surface form, const bytes& token, context_flags flags,
                         const std::string& how) {
    const auto result = step(side, token, form);
    EXPECT_EQ(result.code, errc::security_qos_failed);
    EXPECT_TRUE(result.token.empty());
    const auto expected = how + ", which does not support " + to_string(flags) + ":";
    EXPECT_EQ(result.what.substr(0, expected.size()), expected);
    EXPECT_EQ(finish_outcome(side, form).code, errc::no_context);
}

/// Returns those of the flags that NTLM never supports.
context_flags refused_for_ntlm(const profile& which, context_flags flags) {
    return which.package == sspan::package::ntlm ? flags & (context_flags::mutual_auth | context_flags::delegate)
                                                 : context_flags::none;
}

TEST_P(handshake_granted, misuse_01_each_required_flag_is_missed_by_the_client) {
    for (const auto& row : all_flags) {
        if (row.isc_granted == 0 || row.isc_request == 0) {
            continue;
        }
        loopback::configure().client.deny_flags = row.isc_granted;
        conversation talk{which_profile().package, ask(row.flag),
                          allow(context_flags::none, row.flag & context_flags::dce_style), which_surface()};
        if (refused_for_ntlm(which_profile(), row.flag) != context_flags::none) {
            expect_ntlm_refused(talk.client, which_surface(), {}, row.flag, "InitializeSecurityContext would use NTLM");
            continue;
        }
        ASSERT_TRUE(succeeded(talk.run())) << row.name;
        expect_not_granted(talk.client, which_surface(), row.flag, "InitializeSecurityContext");
        EXPECT_TRUE(failed_with(step(talk.client, {}, which_surface()), errc::no_context, "InitializeSecurityContext"));
        EXPECT_TRUE(succeeded(finish_outcome(talk.server))) << row.name;
    }
}

TEST_P(handshake_granted, misuse_01_each_required_flag_is_missed_by_the_server) {
    for (const auto& row : all_flags) {
        if (row.asc_granted == 0 || row.asc_request == 0) {
            continue;
        }
        loopback::configure().server.deny_flags = row.asc_granted;
        conversation talk{which_profile().package, ask(context_flags::none), allow(row.flag), which_surface()};
        if (refused_for_ntlm(which_profile(), row.flag) != context_flags::none) {
            talk.run_legs(1);
            expect_ntlm_refused(talk.server, which_surface(), talk.token, row.flag,
                                "AcceptSecurityContext would use NTLM");
            continue;
        }
        ASSERT_TRUE(succeeded(talk.run())) << row.name;
        expect_not_granted(talk.server, which_surface(), row.flag, "AcceptSecurityContext");
        EXPECT_TRUE(failed_with(step(talk.server, {}, which_surface()), errc::no_context, "AcceptSecurityContext"));
        EXPECT_TRUE(succeeded(finish_outcome(talk.client))) << row.name;
    }
}

TEST_P(handshake_granted, misuse_01_every_missing_flag_is_named_and_no_other) {
    const auto denied = context_flags::sequence_detect | context_flags::confidentiality;
    loopback::deny_flags(0x18);
    conversation talk{which_profile().package, which_profile().client_options(), {}, which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    expect_not_granted(talk.client, which_surface(), denied, "InitializeSecurityContext");
    expect_not_granted(talk.server, which_surface(), denied, "AcceptSecurityContext");
}

TEST_P(handshake_granted, misuse_01_nothing_granted_at_all) {
    loopback::deny_flags(0xFFFFFFFF);
    const auto options = which_profile().client_options();
    conversation talk{which_profile().package, options, {}, which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    expect_not_granted(talk.client, which_surface(), options.require, "InitializeSecurityContext");
    expect_not_granted(talk.server, which_surface(), sspan::server_options{}.require, "AcceptSecurityContext");
}

TEST_P(handshake_granted, misuse_01_what_the_last_leg_grants_is_what_counts) {
    // At first the package reports the flags that the client requested. Then the server lowers them.
    loopback::configure().client_decides = false;
    conversation talk{which_profile().package, ask(sspan::message_protection), allow(context_flags::none),
                      which_surface()};
    ASSERT_TRUE(succeeded(talk.leg()));
    EXPECT_EQ(talk.client.missing(), context_flags::none);
    ASSERT_TRUE(succeeded(talk.run()));
    expect_not_granted(talk.client, which_surface(), sspan::message_protection, "InitializeSecurityContext");
}

TEST_P(handshake_granted, client_decides_and_a_server_that_asks_for_nothing_gets_the_same) {
    loopback::configure().client_decides = true;
    conversation talk{which_profile().package, ask(sspan::message_protection), allow(context_flags::none),
                      which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    auto client = std::move(talk.client).finish();
    auto server = std::move(talk.server).finish();
    EXPECT_TRUE(contains(client.granted(), sspan::message_protection));
    EXPECT_TRUE(contains(server.granted(), sspan::message_protection));
    EXPECT_EQ(decrypt(client, encrypt(server, numbered(20))), numbered(20));
}

TEST_P(handshake_granted, what_only_the_server_asks_is_not_granted_and_its_require_notices) {
    conversation talk{which_profile().package, ask(context_flags::integrity), allow(sspan::message_protection),
                      which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    expect_not_granted(talk.server, which_surface(), sspan::message_protection & ~context_flags::integrity,
                       "AcceptSecurityContext");
}

TEST_P(handshake_granted, what_was_only_requested_is_not_missed) {
    loopback::deny_flags(0x1C | 0x4000);
    conversation talk{which_profile().package,
                      ask(context_flags::integrity, sspan::message_protection | context_flags::extended_error),
                      allow(context_flags::integrity, sspan::message_protection | context_flags::extended_error),
                      which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_EQ(talk.client.missing(), context_flags::none);
    const auto client = std::move(talk.client).finish();
    const auto server = std::move(talk.server).finish();
    EXPECT_EQ(client.granted() & sspan::message_protection, context_flags::integrity);
    EXPECT_EQ(server.granted() & sspan::message_protection, context_flags::integrity);
}

TEST_P(handshake_granted, more_than_asked_is_no_error_and_reported) {
    loopback::configure().client.add_flags = 0x20000;  // ISC_RET_IDENTIFY
    loopback::configure().server.add_flags = 0x200000; // ASC_RET_ALLOW_NON_USER_LOGONS
    conversation talk{which_profile(), which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_TRUE(contains(talk.client.granted(), context_flags::identify));
    EXPECT_TRUE(contains(talk.server.granted(), context_flags::allow_non_user_logons));
    const auto client = std::move(talk.client).finish();
    const auto server = std::move(talk.server).finish();
    EXPECT_TRUE(contains(client.granted(), context_flags::identify));
    EXPECT_FALSE(contains(client.granted(), context_flags::allow_non_user_logons));
    EXPECT_TRUE(contains(server.granted(), context_flags::allow_non_user_logons));
    EXPECT_FALSE(contains(server.granted(), context_flags::identify));
}

TEST_P(handshake_granted, trap_anonymous_peer_that_nobody_asked_for_is_refused) {
    const auto refused = [](auto& side, const char* function) {
        const auto result = finish_outcome(side, which_surface());
        EXPECT_TRUE(failed_with(result, errc::security_qos_failed, function));
        EXPECT_NE(result.what.find("granted null_session"), std::string::npos) << result.what;
    };
    loopback::configure().client.add_flags = 0x40000;  // ISC_RET_NULL_SESSION
    loopback::configure().server.add_flags = 0x100000; // ASC_RET_NULL_SESSION
    conversation talk{which_profile(), which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    refused(talk.client, "InitializeSecurityContext");
    refused(talk.server, "AcceptSecurityContext");
    EXPECT_EQ(loopback::live().contexts, 0U);

    conversation agreed{which_profile().package, ask(context_flags::none, context_flags::null_session),
                        allow(context_flags::null_session), which_surface()};
    ASSERT_TRUE(succeeded(agreed.run()));
    EXPECT_TRUE(succeeded(finish_outcome(agreed.client, which_surface())));
    EXPECT_TRUE(succeeded(finish_outcome(agreed.server, which_surface())));
}

TEST_P(handshake_granted, dce_style_that_this_side_has_not_asked_for_is_refused) {
    const auto refused = [](auto& side, const char* function) {
        const auto result = finish_outcome(side, which_surface());
        EXPECT_TRUE(failed_with(result, errc::security_qos_failed, function));
        EXPECT_NE(result.what.find("granted dce_style"), std::string::npos) << result.what;
    };
    loopback::configure().client.add_flags = 0x200; // ISC_RET_USED_DCE_STYLE
    loopback::configure().server.add_flags = 0x200; // ASC_RET_USED_DCE_STYLE
    conversation talk{which_profile(), which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    refused(talk.client, "InitializeSecurityContext");
    refused(talk.server, "AcceptSecurityContext");
    EXPECT_EQ(loopback::live().contexts, 0U);

    conversation agreed{which_profile().package, ask(context_flags::none, context_flags::dce_style),
                        allow(context_flags::dce_style), which_surface()};
    ASSERT_TRUE(succeeded(agreed.run()));
    EXPECT_TRUE(succeeded(finish_outcome(agreed.client, which_surface())));
    EXPECT_TRUE(succeeded(finish_outcome(agreed.server, which_surface())));
}

TEST_P(handshake_granted, sequence_detection_satisfies_a_required_replay_detection) {
    // OpenLDAP's clients request integrity and sequence detection, but never replay detection.
    loopback::deny_flags(0x4); // ISC_RET_REPLAY_DETECT
    conversation talk{which_profile(), which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_EQ(talk.client.missing(), context_flags::none);
    EXPECT_EQ(talk.server.missing(), context_flags::none);
    EXPECT_FALSE(contains(talk.server.granted(), context_flags::replay_detect));
    EXPECT_TRUE(succeeded(finish_outcome(talk.client, which_surface())));
    EXPECT_TRUE(succeeded(finish_outcome(talk.server, which_surface())));
}

TEST_P(handshake_granted, replay_detection_does_not_satisfy_a_required_sequence_detection) {
    loopback::deny_flags(0x8); // ISC_RET_SEQUENCE_DETECT
    conversation talk{which_profile(), which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_EQ(talk.server.missing(), context_flags::sequence_detect);
    EXPECT_TRUE(
        failed_with(finish_outcome(talk.server, which_surface()), errc::security_qos_failed, "AcceptSecurityContext"));
    loopback::deny_flags(0xC);
    conversation neither{which_profile(), which_surface()};
    ASSERT_TRUE(succeeded(neither.run()));
    EXPECT_EQ(neither.client.missing(), context_flags::replay_detect | context_flags::sequence_detect);
    EXPECT_FALSE(succeeded(finish_outcome(neither.client, which_surface())));
}

TEST_P(handshake_granted, granted_bits_are_read_in_the_family_of_the_side) {
    const auto believed = [](context_flags flag) { // NTLM has none of these, whatever it reports
        const bool ntlm_claims =
            (flag == context_flags::mutual_auth || flag == context_flags::delegate) && !which_profile().mutual_auth;
        return ntlm_claims ? context_flags::none : flag;
    };
    for (const auto& row : all_flags) {
        if (row.flag == context_flags::null_session || row.flag == context_flags::dce_style) { // tested above
            continue;
        }
        if (row.isc_granted != 0) {
            loopback::configure().client.deny_flags = ~row.isc_granted;
            loopback::configure().client.add_flags = row.isc_granted;
            conversation talk{which_profile().package, ask(context_flags::none), allow(context_flags::none)};
            ASSERT_TRUE(succeeded(talk.run())) << row.name;
            EXPECT_EQ(std::move(talk.client).finish().granted(), believed(row.flag)) << row.name;
            loopback::configure().client = {};
        }
        if (row.asc_granted != 0) {
            loopback::configure().server.deny_flags = ~row.asc_granted;
            loopback::configure().server.add_flags = row.asc_granted;
            conversation talk{which_profile().package, ask(context_flags::none), allow(context_flags::none)};
            ASSERT_TRUE(succeeded(talk.run())) << row.name;
            EXPECT_EQ(std::move(talk.server).finish().granted(), believed(row.flag)) << row.name;
            loopback::configure().server = {};
        }
    }
}

TEST_P(handshake_granted, unnamed_bits_are_left_out) {
    loopback::configure().client.add_flags = 0x02000000; // ISC_RET_NO_ADDITIONAL_TOKEN
    loopback::configure().server.add_flags = 0x00004000; // ASC_RET_THIRD_LEG_FAILED, where a client has extended_error
    conversation talk{which_profile().package, ask(context_flags::integrity), allow(context_flags::integrity),
                      which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_FALSE(contains(talk.server.granted(), context_flags::extended_error));
    EXPECT_EQ(talk.client.missing(), context_flags::none);
    EXPECT_TRUE(succeeded(finish_outcome(talk.client, which_surface())));
}

TEST_P(handshake_granted, before_the_first_step_everything_is_missing) {
    const conversation talk{which_profile().package, {}, {}, which_surface()};
    EXPECT_EQ(talk.client.missing(), sspan::client_options{}.require);
    EXPECT_EQ(talk.server.missing(), sspan::server_options{}.require);
    EXPECT_EQ(talk.client.granted(), context_flags::none);
    EXPECT_EQ(talk.server.granted(), context_flags::none);
}

// Fallback from Kerberos to NTLM.

using handshake_fallback = loopback_test;

TEST_F(handshake_fallback, misuse_01_negotiate_that_falls_back_to_ntlm_is_refused_by_default) {
    loopback::configure().fall_back_to_ntlm = true;
    for (const auto form : surfaces) {
        const auto outbound = sspan::credentials::outbound(sspan::package::negotiate);
        sspan::client_handshake client{outbound, L"HTTP/nobody.knows.example"};
        expect_ntlm_refused(client, form, {}, context_flags::mutual_auth,
                            "InitializeSecurityContext made a token of NTLM");
    }
}

TEST_F(handshake_fallback, ntlm_inside_negotiate_is_taken_by_who_asks_for_less) {
    loopback::configure().fall_back_to_ntlm = true;
    const auto outbound = sspan::credentials::outbound(sspan::package::negotiate);
    const auto inbound = sspan::credentials::inbound(sspan::package::negotiate);
    sspan::client_handshake client{outbound, L"HTTP/nobody.knows.example", without_mutual_auth()};
    sspan::server_handshake server{inbound};
    run(client, server);
    EXPECT_TRUE(std::move(client).finish());
    EXPECT_TRUE(std::move(server).finish());
}

// NTLM that reports mutual authentication because the client requested it.

constexpr ULONG negotiation_info_attribute = 12;

sspan::client_options that_only_requests(context_flags flags) {
    auto options = without_mutual_auth();
    options.request |= flags;
    return options;
}

TEST_F(handshake_fallback, trap_ntlm_that_claims_to_know_the_server_is_not_believed) {
    loopback::configure().client.add_flags = 0x2;
    loopback::configure().server.add_flags = 0x2;
    for (const auto package : {sspan::package::ntlm, sspan::package::negotiate}) {
        loopback::configure().negotiate_winner = loopback::package::ntlm;
        conversation talk{package, that_only_requests(context_flags::mutual_auth)};
        ASSERT_TRUE(succeeded(talk.run()));
        EXPECT_TRUE(contains(talk.client.granted(), context_flags::mutual_auth)) << "the package reports it";
        EXPECT_FALSE(contains(std::move(talk.client).finish().granted(), context_flags::mutual_auth));
        EXPECT_FALSE(contains(std::move(talk.server).finish().granted(), context_flags::mutual_auth));
    }
}

TEST_F(handshake_fallback, toggle_ntlm_reports_mutual_auth_because_it_was_asked_for_or_does_not) {
    for (const bool claims : {true, false}) {
        loopback::configure().ntlm.claims_mutual_auth = claims;
        conversation talk{sspan::package::ntlm, that_only_requests(context_flags::mutual_auth)};
        ASSERT_TRUE(succeeded(talk.run()));
        EXPECT_EQ(contains(talk.client.granted(), context_flags::mutual_auth), claims) << "the package reports it";
        EXPECT_FALSE(contains(std::move(talk.client).finish().granted(), context_flags::mutual_auth));
    }
}

// The response to a challenge helps an attacker to guess the password.
TEST_F(handshake_fallback, misuse_01_ntlms_challenge_is_not_answered_if_the_server_must_be_known) {
    loopback::configure().negotiate_winner = loopback::package::ntlm;
    conversation willing{sspan::package::negotiate, without_mutual_auth()};
    do {
        willing.run_legs(2);
    } while (!willing.client_done && !sspan::detail::contains_ntlm(willing.token));
    const auto challenge = willing.token;
    ASSERT_FALSE(challenge.empty());
    loopback::configure().negotiate_winner = loopback::package::kerberos;
    for (const auto form : surfaces) {
        conversation talk{sspan::package::negotiate, {}};
        talk.run_legs(1);
        const auto before = calls(function::initialize_security_context);
        expect_ntlm_refused(talk.client, form, challenge, context_flags::mutual_auth,
                            "InitializeSecurityContext was to take a token of NTLM");
        EXPECT_EQ(calls(function::initialize_security_context), before);
    }
}

TEST_F(handshake_fallback, negotiate_that_does_not_tell_its_choice_is_in_doubt_and_kerberos_is_not) {
    loopback::configure().unsupported_attributes.push_back(negotiation_info_attribute);
    loopback::configure().client.add_flags = 0x2;
    conversation unknown{sspan::package::negotiate, {}};
    ASSERT_TRUE(succeeded(unknown.run()));
    expect_not_granted(unknown.client, surface::exception, context_flags::mutual_auth, "InitializeSecurityContext");
    loopback::configure().client.add_flags = 0x3;
    conversation doubtful{sspan::package::negotiate, ask(context_flags::delegate)};
    ASSERT_TRUE(succeeded(doubtful.run()));
    expect_not_granted(doubtful.client, surface::exception, context_flags::delegate, "InitializeSecurityContext");
    conversation talk{sspan::package::kerberos, ask(context_flags::delegate | context_flags::mutual_auth)};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_TRUE(
        contains(std::move(talk.client).finish().granted(), context_flags::delegate | context_flags::mutual_auth));
}

TEST_F(handshake_fallback, trap_package_that_negotiate_only_guesses_is_not_believed) {
    for (const ULONG guess : {2U, 4U}) { // IN_PROGRESS, TRY_MULTICRED
        loopback::configure().negotiation_state = guess;
        conversation talk{sspan::package::negotiate, {}};
        ASSERT_TRUE(succeeded(talk.run()));
        expect_not_granted(talk.client, surface::exception, context_flags::mutual_auth, "InitializeSecurityContext");
    }
    for (const ULONG known : {0U, 1U, 3U}) { // COMPLETE, OPTIMISTIC after a success, DIRECT
        loopback::configure().negotiation_state = known;
        conversation talk{sspan::package::negotiate, {}};
        ASSERT_TRUE(succeeded(talk.run()));
        EXPECT_TRUE(succeeded(finish_outcome(talk.client)));
    }
}

TEST_F(handshake_fallback, trap_ntlm_that_claims_to_delegate_is_not_believed) {
    loopback::configure().client.add_flags = 0x3;
    conversation talk{sspan::package::ntlm, that_only_requests(context_flags::delegate)};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_TRUE(contains(talk.client.granted(), context_flags::delegate)) << "the package reports it";
    EXPECT_FALSE(contains(std::move(talk.client).finish().granted(), context_flags::delegate));
    auto raw = establish(ntlm).client.release();
    const auto adopted = sspan::client_context::adopt(raw, context_flags::delegate | context_flags::mutual_auth);
    EXPECT_EQ(adopted.granted(), context_flags::none);
}

TEST_F(handshake_fallback, ntlm_is_refused_by_a_client_that_wants_to_know_the_server) {
    conversation talk{sspan::package::ntlm, {}};
    expect_ntlm_refused(talk.client, surface::exception, {}, context_flags::mutual_auth,
                        "InitializeSecurityContext would use NTLM");
    EXPECT_EQ(calls(function::initialize_security_context), 0U);
}

} // namespace
