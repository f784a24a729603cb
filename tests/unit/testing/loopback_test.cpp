// SPDX-License-Identifier: MIT
#include <sspan/testing/loopback.hpp>

#include <sspan/sspan.hpp>

#include "unit/fixture.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using sspan::context_flags;
using sspan::errc;
using sspan::testing::call;
using sspan::testing::loopback;
using sspan::testing::loopback_options;
using testing_support::bytes;
using testing_support::copy_of;

constexpr auto known_target = L"HTTP/web.test";

loopback_options world() {
    return {.user = L"carol",
            .domain = L"TEST",
            .accounts = {{L"dave", L"open sesame"}},
            .service = known_target,
            .other_services = {L"HTTP/other.test"},
            .seed = 7,
            .report = [](std::string_view text) { ADD_FAILURE() << text; }};
}

/// The result of a handshake, for both sides.
struct outcome {
    sspan::client_context client;
    sspan::server_context server;
    std::error_code client_error;
    std::error_code server_error;
    std::vector<bytes> tokens;
};

struct sides {
    std::wstring_view package = sspan::package::kerberos;
    std::wstring_view target = known_target;
    sspan::client_options client{};
    sspan::server_options server{};
};

outcome converse(const sspan::credentials& outbound, const sides& how) {
    outcome result;
    sspan::client_handshake client{outbound, how.target, how.client};
    sspan::server_handshake server{sspan::credentials::inbound(how.package), how.server};
    bytes token;
    for (bool client_done = false, server_done = false; !client_done || !server_done;) {
        if (!client_done) {
            const auto step = client.step(token, result.client_error);
            if (result.client_error) {
                return result;
            }
            client_done = step.done();
            token = copy_of(step.token);
            result.tokens.push_back(token);
        }
        if (!server_done) {
            const auto step = server.step(token, result.server_error);
            if (result.server_error) {
                return result;
            }
            server_done = step.done();
            token = copy_of(step.token);
            result.tokens.push_back(token);
        }
    }
    result.client = std::move(client).finish(result.client_error);
    result.server = std::move(server).finish(result.server_error);
    return result;
}

outcome converse(const sides& how = {}) {
    return converse(sspan::credentials::outbound(how.package), how);
}

sides to(std::wstring_view target) {
    sides how;
    how.target = target;
    return how;
}

sides with_ntlm_allowed(std::wstring_view package) {
    sides how;
    how.package = package;
    how.client.require = sspan::message_protection;
    return how;
}

bytes signature_of(sspan::security_context& sender) {
    bytes room(sender.sizes().max_signature);
    return copy_of(sender.sign("message", room));
}

/// Runs `body` with a fake, and returns the reports.
template <class Body>
std::vector<std::string> reports_of(Body body) {
    std::vector<std::string> found;
    auto options = world();
    options.report = [&found](std::string_view text) { found.emplace_back(text); };
    {
        loopback fake{std::move(options)};
        body(fake);
    }
    return found;
}

TEST(loopback, establishes_as_the_logged_on_user) {
    const loopback fake{world()};
    auto both = converse();
    ASSERT_TRUE(both.server);
    EXPECT_FALSE(both.server_error);
    EXPECT_EQ(sspan::query_user_name(both.server), L"TEST\\carol");
    EXPECT_NO_THROW(both.server.verify("message", signature_of(both.client)));
    EXPECT_THROW(both.server.verify("massage", signature_of(both.client)), sspan::error);
}

TEST(loopback, knows_the_accounts_and_their_passwords) {
    const loopback fake{world()};
    const auto as = [](std::wstring_view password) {
        const sspan::identity who{L"dave", L"ELSEWHERE", password};
        return sspan::credentials::outbound(sspan::package::kerberos, who);
    };
    auto both = converse(as(L"open sesame"), {});
    ASSERT_TRUE(both.server);
    EXPECT_EQ(sspan::query_user_name(both.server), L"ELSEWHERE\\dave");
    EXPECT_EQ(converse(as(L"close sesame"), {}).client_error, errc::logon_denied);
}

TEST(loopback, has_no_accounts_but_those_given) {
    const loopback fake{world()};
    const sspan::identity who{L"bob", L"TEST", L"battery staple"};
    EXPECT_EQ(converse(sspan::credentials::outbound(sspan::package::kerberos, who), {}).client_error,
              errc::logon_denied);
}

TEST(loopback, knows_the_service_and_the_others) {
    const loopback fake{world()};
    EXPECT_EQ(converse(to(L"HTTP/nobody.test")).client_error, errc::target_unknown);
    EXPECT_EQ(converse(to(L"HTTP/other.test")).server_error, errc::logon_denied);
}

TEST(loopback, falls_back_to_ntlm_for_an_unknown_target) {
    const loopback fake{world()};
    auto how = with_ntlm_allowed(sspan::package::negotiate);
    how.target = L"HTTP/nobody.test";
    const auto both = converse(how);
    ASSERT_TRUE(both.client);
    EXPECT_EQ(both.client.package(), sspan::security_package::ntlm);
    how.client.ntlm = sspan::ntlm_use::refused;
    EXPECT_EQ(converse(how).client_error, errc::security_qos_failed);
}

TEST(loopback, kerberos_unavailable_fails_kerberos) {
    loopback fake{world()};
    fake.kerberos_unavailable();
    EXPECT_EQ(converse().client_error, errc::no_authenticating_authority);
    const sspan::identity who{L"dave", L"TEST", L"open sesame"};
    EXPECT_EQ(converse(sspan::credentials::outbound(sspan::package::kerberos, who), {}).client_error,
              errc::no_authenticating_authority);
}

TEST(loopback, kerberos_unavailable_leaves_ntlm_to_negotiate) {
    loopback fake{world()};
    const auto how = with_ntlm_allowed(sspan::package::negotiate);
    EXPECT_EQ(converse(how).client.package(), sspan::security_package::kerberos);
    fake.kerberos_unavailable();
    EXPECT_EQ(converse(how).client.package(), sspan::security_package::ntlm);
}

TEST(loopback, never_grant_is_seen_by_both_sides) {
    loopback fake{world()};
    fake.never_grant(context_flags::integrity | context_flags::mutual_auth);
    sides how;
    how.client.require = how.server.require = context_flags::none;
    how.client.request = sspan::message_protection | context_flags::mutual_auth;
    how.server.request = sspan::message_protection;
    const auto both = converse(how);
    ASSERT_TRUE(both.client && both.server);
    EXPECT_FALSE(contains(both.client.granted(), context_flags::integrity));
    EXPECT_FALSE(contains(both.server.granted(), context_flags::integrity));
    EXPECT_FALSE(contains(both.client.granted(), context_flags::mutual_auth));
    EXPECT_TRUE(contains(both.client.granted(), context_flags::confidentiality));
    EXPECT_TRUE(contains(both.server.granted(), context_flags::confidentiality));
}

TEST(loopback, never_grant_fails_a_side_that_requires_the_flag) {
    loopback fake{world()};
    fake.never_grant(context_flags::confidentiality);
    const auto both = converse();
    EXPECT_EQ(both.client_error, errc::security_qos_failed);
    EXPECT_EQ(both.server_error, errc::security_qos_failed);
}

TEST(loopback, deny_logon_of_the_logged_on_user) {
    for (const auto package : {sspan::package::kerberos, sspan::package::ntlm, sspan::package::negotiate}) {
        loopback fake{world()};
        const auto how = with_ntlm_allowed(package);
        EXPECT_FALSE(converse(how).server_error);
        fake.deny_logon(L"CAROL");
        EXPECT_EQ(converse(how).server_error, errc::logon_denied);
    }
}

TEST(loopback, deny_logon_of_an_account_only) {
    loopback fake{world()};
    fake.deny_logon(L"dave");
    const sspan::identity who{L"dave", L"TEST", L"open sesame"};
    EXPECT_EQ(converse(sspan::credentials::outbound(sspan::package::kerberos, who), {}).server_error,
              errc::logon_denied);
    EXPECT_FALSE(converse().server_error);
}

TEST(loopback, deny_logon_refuses_a_user_that_does_not_exist) {
    loopback fake{world()};
    EXPECT_THROW(fake.deny_logon(L"erin"), std::invalid_argument);
}

TEST(loopback, expire_tickets_ends_handshakes_and_messages) {
    loopback fake{world()};
    const auto now = std::chrono::system_clock::now();
    auto both = converse();
    ASSERT_TRUE(both.client && both.server);
    EXPECT_GT(both.client.expiry(), now);
    EXPECT_GT(sspan::credentials::outbound(sspan::package::kerberos).expiry(), now);
    const auto signature = signature_of(both.client);
    fake.expire_tickets();
    EXPECT_EQ(converse().client_error, errc::context_expired);
    const auto end = sspan::credentials::outbound(sspan::package::kerberos).expiry();
    EXPECT_TRUE(end && *end < now);
    std::error_code ec;
    EXPECT_FALSE(both.server.verify("message", signature, {}, ec));
    EXPECT_EQ(ec, errc::context_expired);
    EXPECT_THROW(static_cast<void>(signature_of(both.client)), sspan::error);
}

TEST(loopback, the_seed_decides_every_byte) {
    const auto run = [](std::uint64_t seed) {
        auto options = world();
        options.seed = seed;
        const loopback fake{std::move(options)};
        auto both = converse();
        auto made = both.tokens;
        made.push_back(signature_of(both.client));
        return made;
    };
    const auto first = run(7);
    EXPECT_EQ(run(7), first);
    const auto other = run(8);
    ASSERT_EQ(other.size(), first.size());
    for (std::size_t i = 0; i != first.size(); ++i) {
        EXPECT_TRUE(first[i].empty() || other[i] != first[i]) << i;
    }
}

TEST(loopback, acting_as_names_the_client) {
    const loopback fake{world()};
    auto both = converse();
    ASSERT_TRUE(both.server);
    EXPECT_EQ(fake.acting_as(), L"");
    {
        const sspan::impersonation_guard guard{both.server};
        EXPECT_EQ(fake.acting_as(), L"TEST\\carol");
    }
    EXPECT_EQ(fake.acting_as(), L"");
}

TEST(loopback, begins_anew) {
    {
        loopback fake{world()};
        fake.kerberos_unavailable();
        fake.deny_logon(L"carol");
        fake.expire_tickets();
        fake.never_grant(context_flags::confidentiality);
    }
    const loopback fake{world()};
    EXPECT_EQ(fake.calls(call::initialize_security_context), 0U);
    const auto both = converse();
    EXPECT_FALSE(both.client_error);
    EXPECT_FALSE(both.server_error);
}

TEST(loopback, is_alone) {
    const loopback fake{world()};
    EXPECT_THROW(loopback{world()}, std::logic_error);
    EXPECT_FALSE(converse().server_error); // the first fake is unchanged
}

TEST(loopback, counts_calls) {
    const loopback fake{world()};
    auto both = converse();
    EXPECT_EQ(fake.calls(call::make_signature), 0U);
    static_cast<void>(signature_of(both.client));
    static_cast<void>(signature_of(both.client));
    EXPECT_EQ(fake.calls(call::make_signature), 2U);
}

/// A use of sspan that makes one of SSPI's calls.
struct use {
    call which;
    std::function<void()> act;
};

std::ostream& operator<<(std::ostream& stream, const use& which) {
    return stream << "call " << static_cast<int>(which.which);
}

class loopback_fail : public testing::TestWithParam<use> {};

sspan::server_context a_server() {
    return converse().server;
}

/// Sends a message of the client. `open` opens it at the server.
template <class Open>
void exchange(Open open) {
    auto both = converse();
    sspan::message_frame frame{both.client.sizes(), 16};
    auto sealed = copy_of(both.client.wrap(frame, frame.assign("message")));
    open(both.server, sealed);
}

const std::array<use, 17> uses{{
    {call::enumerate_security_packages, [] { static_cast<void>(sspan::enumerate_packages()); }},
    {call::query_security_package_info, [] { static_cast<void>(sspan::query_package(sspan::package::kerberos)); }},
    {call::acquire_credentials_handle,
     [] { static_cast<void>(sspan::credentials::outbound(sspan::package::kerberos)); }},
    {call::query_credentials_attributes,
     [] { static_cast<void>(sspan::query_user_name(sspan::credentials::outbound(sspan::package::kerberos))); }},
    {call::set_credentials_attributes,
     [] {
         const auto credentials = sspan::credentials::outbound(sspan::package::kerberos);
         sspan::set_kdc_proxy(credentials, L"https://proxy.test/KdcProxy");
     }},
    {call::initialize_security_context,
     [] {
         sspan::client_handshake client{sspan::credentials::outbound(sspan::package::kerberos), known_target};
         static_cast<void>(client.step());
     }},
    {call::accept_security_context,
     [] {
         sspan::client_handshake client{sspan::credentials::outbound(sspan::package::kerberos), known_target};
         sspan::server_handshake server{sspan::credentials::inbound(sspan::package::kerberos)};
         static_cast<void>(server.step(client.step().token));
     }},
    {call::query_context_attributes, [] { static_cast<void>(sspan::query_user_name(a_server())); }},
    {call::make_signature,
     [] {
         auto both = converse();
         static_cast<void>(signature_of(both.client));
     }},
    {call::verify_signature,
     [] {
         auto both = converse();
         both.server.verify("message", signature_of(both.client));
     }},
    {call::encrypt_message, [] { exchange([](auto&, auto&) {}); }},
    {call::decrypt_message,
     [] { exchange([](auto& server, auto& sealed) { static_cast<void>(server.unwrap(sealed)); }); }},
    {call::export_security_context, [] { static_cast<void>(sspan::export_context(a_server())); }},
    {call::import_security_context,
     [] { static_cast<void>(sspan::import_context<sspan::server_context>(sspan::export_context(a_server()))); }},
    {call::query_security_context_token, [] { static_cast<void>(sspan::query_security_context_token(a_server())); }},
    {call::impersonate_security_context,
     [] {
         const auto server = a_server();
         const sspan::impersonation_guard guard{server};
     }},
    {call::revert_security_context,
     [] {
         const auto server = a_server();
         sspan::impersonation_guard guard{server};
         guard.revert();
     }},
}};

TEST_P(loopback_fail, makes_the_call_fail) {
    const auto& [which, act] = GetParam();
    {
        const loopback fake{world()};
        EXPECT_NO_THROW(act());
        ASSERT_NE(fake.calls(which), 0U);
    }
    loopback fake{world()};
    fake.fail(which, 1, errc::bad_pkgid);
    if (which == call::revert_security_context) {
        EXPECT_NO_THROW(act()); // the guard then restores the thread's token itself
    } else if (which == call::query_context_attributes) {
        EXPECT_EQ(converse().client_error, errc::bad_pkgid); // the query of the sizes fails
    } else {
        try {
            act();
            ADD_FAILURE() << "the call did not fail";
        } catch (const sspan::error& error) {
            EXPECT_EQ(error.code(), errc::bad_pkgid);
        }
    }
    EXPECT_NO_THROW(act()); // only that one call failed
}

INSTANTIATE_TEST_SUITE_P(each, loopback_fail, testing::ValuesIn(uses));

TEST(loopback, fail_counts_from_now) {
    loopback fake{world()};
    auto both = converse();
    static_cast<void>(signature_of(both.client));
    fake.fail(call::make_signature, 2, errc::internal_error);
    EXPECT_NO_THROW(static_cast<void>(signature_of(both.client)));
    std::error_code ec;
    bytes room(both.client.sizes().max_signature);
    static_cast<void>(both.client.sign("message", room, {}, ec));
    EXPECT_EQ(ec, errc::internal_error);
}

TEST(loopback, fail_refuses_what_cannot_happen) {
    loopback fake{world()};
    EXPECT_THROW(fake.fail(call::make_signature, 0, errc::internal_error), std::invalid_argument);
    EXPECT_THROW(fake.fail(call::make_signature, 1, errc{}), std::invalid_argument);
    EXPECT_THROW(fake.fail(static_cast<call>(200), 1, errc::internal_error), std::invalid_argument);
}

TEST(loopback, reports_a_fault_that_did_not_happen) {
    const auto found = reports_of([](loopback& fake) {
        auto both = converse();
        static_cast<void>(signature_of(both.client));
        fake.fail(call::make_signature, 2, errc::internal_error);
        static_cast<void>(signature_of(both.client));
    });
    EXPECT_EQ(found, (std::vector<std::string>{"fail: call 3 of MakeSignature was to fail; there were 2"}));
}

TEST(loopback, reports_nothing_of_a_clean_test) {
    EXPECT_EQ(reports_of([](loopback&) { converse(); }), std::vector<std::string>{});
}

TEST(loopback, reports_leaks) {
    const auto found = reports_of([](loopback&) {
        auto context = converse().server;
        static_cast<void>(context.release());
        static_cast<void>(sspan::credentials::outbound(sspan::package::kerberos).release());
    });
    EXPECT_EQ(found, (std::vector<std::string>{"leak: 1 security contexts were not deleted",
                                               "leak: 1 credentials handles were not freed"}));
}

TEST(loopback, reports_misuse) {
    const auto found = reports_of([](loopback&) {
        auto credentials = sspan::credentials::outbound(sspan::package::kerberos);
        const auto twice = sspan::credentials::adopt(credentials.native_handle(), sspan::package::kerberos);
    });
    EXPECT_EQ(found.size(), 1U);
    EXPECT_TRUE(!found.empty() && found[0].starts_with("misuse: FreeCredentialsHandle: ")) << found.at(0);
}

#if GTEST_HAS_DEATH_TEST
TEST(loopback_death, ends_the_program_without_a_report) {
    EXPECT_DEATH(
        {
            const loopback fake;
            static_cast<void>(sspan::credentials::outbound(sspan::package::kerberos).release());
        },
        "leak: 1 credentials handles were not freed");
}
#endif

} // namespace
