// SPDX-License-Identifier: MIT
//
// Requests that a package may ignore without an error: channel bindings, flags that no answer reports, lists of
// packages, and `autologon::restricted`. If the package ignores them, sspan refuses them. Otherwise these tests check
// their effect. Each test also runs the handshake or the logon without the request, which must always succeed.
#include "kerberos.hpp"
#include "kerberos_facts.hpp"
#include "world.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>

namespace {

using namespace integration;
using sspan::context_flags;

/// Expects `refused`, or success if `refused` is empty.
template <class Attempt>
void expect_outcome(const std::optional<refusal>& refused, Attempt attempt) {
    if (refused) {
        expect_refusal(*refused, attempt);
    } else {
        EXPECT_NO_THROW(attempt());
    }
}

void shake_hands(const sspan::credentials& outbound, const sspan::credentials& inbound, const wishes& wanted) {
    auto pair = establish(outbound, inbound, service(), wanted);
    pair.server.verify(numbered(20), sign(pair.client, numbered(20)));
}

void shake_hands(const wishes& wanted) {
    shake_hands(sspan::credentials::outbound(sspan::package::kerberos),
                sspan::credentials::inbound(sspan::package::kerberos), wanted);
}

constexpr refusal other_channel{"AcceptSecurityContext", errc::bad_bindings}; // weak evidence for Windows' status

/// The sizes of both sides' bindings; 0: no bindings.
struct channels {
    const char* name;
    std::size_t client;
    std::size_t server;
    context_flags server_request;
    std::optional<refusal> compared; ///< The result if the server compares them.

    friend void PrintTo(const channels& what, std::ostream* out) { *out << what.name; } // GoogleTest's name for it
};
constexpr channels every_channel[]{
    {"equal", 32, 32, context_flags::none, std::nullopt},
    {"different", 32, 48, context_flags::none, other_channel},
    {"missing_at_the_server", 32, 0, context_flags::none, std::nullopt},
    {"missing_at_the_client", 0, 32, context_flags::none, other_channel},
    {"missing_at_the_client_and_allowed", 0, 32, context_flags::allow_missing_bindings, std::nullopt},
    {"none", 0, 0, context_flags::none, std::nullopt},
};

class kerberos_bindings : public ::testing::TestWithParam<std::tuple<style, channels>> {};
INSTANTIATE_TEST_SUITE_P(each, kerberos_bindings,
                         ::testing::Combine(::testing::ValuesIn(every_style()), ::testing::ValuesIn(every_channel)),
                         [](const auto& test) {
                             return std::string{std::get<channels>(test.param).name} + "_" +
                                    name_of(std::get<style>(test.param));
                         });

TEST_P(kerberos_bindings, are_compared_by_the_server_or_refused) {
    const auto& [which, what] = GetParam();
    wishes wanted{which};
    wanted.server.request |= what.server_request;
    auto expected = what.compared;
    if (what.server != 0) {
        wanted.server.bindings = sspan::channel_bindings::application_data(numbered(what.server));
        expected = facts.server_bindings ? facts.server_bindings : expected;
    }
    if (what.client != 0) { // the client steps first
        wanted.client.bindings = sspan::channel_bindings::application_data(numbered(what.client));
        expected = facts.client_bindings ? facts.client_bindings : expected;
    }
    expect_outcome(expected, [&] { shake_hands(wanted); });
}

TEST(kerberos_unreported_flags, reach_the_package_or_are_refused) {
    const auto outbound = sspan::credentials::outbound(sspan::package::kerberos);
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    const auto attempt = [&](context_flags of_the_client, context_flags of_the_server) {
        wishes wanted{style::plain, sspan::message_protection}; // no_integrity turns integrity off, as documented
        wanted.client.request |= of_the_client;
        wanted.server.request |= of_the_server;
        static_cast<void>(establish(outbound, inbound, service(), wanted));
    };
    for (const auto flag : {context_flags::no_integrity, context_flags::unverified_target_name}) {
        SCOPED_TRACE(to_string(flag));
        expect_outcome(facts.unreported_client_flags, [&] { attempt(flag, context_flags::none); });
    }
    for (const auto flag : {context_flags::allow_missing_bindings, context_flags::proxy_bindings}) {
        SCOPED_TRACE(to_string(flag));
        expect_outcome(facts.unreported_server_flags, [&] { attempt(context_flags::none, flag); });
    }
    EXPECT_NO_THROW(attempt(context_flags::none, context_flags::none));
}

sspan::identity alice() {
    return {L"alice", L"SSPAN.TEST", world::password()};
}

TEST(negotiate_list_of_a_client, chooses_the_package_or_is_refused) {
    const auto ticket = world::with_ticket(world::ticket::fresh); // a logon may replace it
    for (const bool by_password : {true, false}) {
        const auto log_on = [by_password](std::wstring_view list) {
            const sspan::credential_options options{.packages = std::wstring{list}};
            sspan::client_handshake client{
                by_password ? sspan::credentials::outbound(sspan::package::negotiate, alice(), options)
                            : sspan::credentials::outbound(sspan::package::negotiate, options),
                service()};
            static_cast<void>(client.step());
        };
        const refusal none_left{"InitializeSecurityContext", errc::no_credentials};
        expect_refusal(facts.package_list.value_or(none_left), [&] { log_on(L"!kerberos,!ntlm"); });
        expect_outcome(facts.package_list, [&] { log_on(L"!ntlm"); });
        EXPECT_NO_THROW(log_on(L""));
    }
}

TEST(negotiate_list_of_a_server, chooses_the_package_or_is_refused) {
    const auto ticket = world::with_ticket(world::ticket::fresh);
    for (const bool by_password : {true, false}) {
        const auto inbound = [by_password](std::wstring_view list) {
            const sspan::credential_options options{.packages = std::wstring{list}};
            return by_password ? sspan::credentials::inbound(sspan::package::negotiate, alice(), options)
                               : sspan::credentials::inbound(sspan::package::negotiate, options);
        };
        if (facts.package_list) {
            expect_refusal(*facts.package_list, [&] { static_cast<void>(inbound(L"!kerberos")); });
            expect_refusal(*facts.package_list, [&] { static_cast<void>(inbound(L"!ntlm")); });
            EXPECT_NO_THROW(static_cast<void>(inbound(L"")));
            continue;
        }
        const auto outbound = sspan::credentials::outbound(sspan::package::negotiate);
        const refusal excluded{"AcceptSecurityContext", errc::invalid_token}; // no evidence for Windows' status
        expect_refusal(excluded, [&] { shake_hands(outbound, inbound(L"!kerberos"), wishes{style::plain}); });
        EXPECT_NO_THROW(shake_hands(outbound, inbound(L"!ntlm"), wishes{style::plain}));
    }
}

TEST(negotiate_restricted_logon, takes_an_identity_or_is_refused) {
    const auto ticket = world::with_ticket(world::ticket::fresh);
    const auto start = [](const sspan::credentials& outbound) {
        sspan::client_handshake client{outbound, service()};
        static_cast<void>(client.step());
    };
    const sspan::credential_options restricted{.logon = sspan::autologon::restricted};
    const refusal nobody_is_named{"InitializeSecurityContext", errc::no_credentials}; // no evidence for the call
    expect_refusal(facts.restricted_logon.value_or(nobody_is_named),
                   [&] { start(sspan::credentials::outbound(sspan::package::negotiate, restricted)); });
    expect_outcome(facts.restricted_logon,
                   [&] { start(sspan::credentials::outbound(sspan::package::negotiate, alice(), restricted)); });
    EXPECT_NO_THROW(start(sspan::credentials::outbound(sspan::package::negotiate)));
    EXPECT_NO_THROW(start(sspan::credentials::outbound(sspan::package::negotiate, alice())));
}

} // namespace
