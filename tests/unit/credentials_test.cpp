// SPDX-License-Identifier: MIT
#include <sspan/credentials.hpp>

#include "allocation.hpp"
#include "conversation.hpp"
#include "profiles.hpp"

#include <sspan/attributes.hpp>
#include <sspan/credential_attributes.hpp>
#include <sspan/handshake.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using namespace testing_support;
using loopback::calls;
using loopback::function;
using loopback::live;
using sspan::credentials;
using sspan::errc;

static_assert(std::is_nothrow_copy_constructible_v<credentials>);
static_assert(std::is_nothrow_copy_assignable_v<credentials>);
static_assert(std::is_nothrow_default_constructible_v<credentials>);
static_assert(std::is_nothrow_move_constructible_v<credentials>);
static_assert(std::is_nothrow_move_assignable_v<credentials>);

constexpr const char* lookup = "QuerySecurityPackageInfo";
constexpr const char* acquisition = "AcquireCredentialsHandle";

/// The ways to acquire credentials: for the own user or for an identity, on either side.
enum class way { outbound, outbound_as, inbound, inbound_as };
constexpr std::array ways{way::outbound, way::outbound_as, way::inbound, way::inbound_as};

sspan::identity somebody() {
    return {L"bob", L"LOOPBACK", L"battery staple"};
}

outcome acquire(way how, surface form, std::wstring_view package, credentials& result,
                const sspan::identity& who = somebody(), const sspan::credential_options& options = {}) {
    return outcome_of(form, [&](auto&... ec) {
        switch (how) {
        case way::outbound:
            result = credentials::outbound(package, options, ec...);
            break;
        case way::outbound_as:
            result = credentials::outbound(package, who, options, ec...);
            break;
        case way::inbound:
            result = credentials::inbound(package, options, ec...);
            break;
        case way::inbound_as:
            result = credentials::inbound(package, who, options, ec...);
            break;
        }
    });
}

class credentials_test : public surface_test {
protected:
    static outcome acquire(way how, credentials& result) {
        return ::acquire(how, which_surface(), which_profile().package, result);
    }
};
INSTANTIATE_TEST_SUITE_P(each, credentials_test, each_profile_and_surface(), name_of{});

TEST_P(credentials_test, each_way_asks_for_its_own_use) {
    for (const auto how : ways) {
        credentials made;
        ASSERT_TRUE(succeeded(acquire(how, made)));
        EXPECT_TRUE(made);
        EXPECT_EQ(made.package(), which_profile().package);
        EXPECT_EQ(made.max_token(), which_profile().settings().max_token);
        const bool outbound = how == way::outbound || how == way::outbound_as;
        EXPECT_EQ(loopback::last_flags(function::acquire_credentials_handle),
                  static_cast<ULONG>(outbound ? SECPKG_CRED_OUTBOUND : SECPKG_CRED_INBOUND));
    }
}

TEST_P(credentials_test, identity_reaches_the_package) {
    loopback::configure().user = L"nobody";
    auto outbound = credentials::outbound(which_profile().package, somebody());
    auto inbound = credentials::inbound(which_profile().package);
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    EXPECT_NO_THROW(run(client, server)); // only bob's password makes this possible
}

TEST_P(credentials_test, misuse_07_are_freed_once) {
    {
        credentials made;
        ASSERT_TRUE(succeeded(acquire(way::outbound, made)));
        credentials moved{std::move(made)};
        EXPECT_FALSE(made);
        EXPECT_TRUE(made.package().empty());
        credentials assigned;
        assigned = std::move(moved);
        EXPECT_TRUE(assigned);
        EXPECT_EQ(live().credentials, 1U);
        EXPECT_EQ(calls(function::free_credentials_handle), 0U);
    }
    EXPECT_EQ(calls(function::free_credentials_handle), 1U);
}

TEST_P(credentials_test, assigning_frees_what_was_there) {
    credentials made;
    ASSERT_TRUE(succeeded(acquire(way::outbound, made)));
    ASSERT_TRUE(succeeded(acquire(way::inbound, made)));
    EXPECT_EQ(live().credentials, 1U);
}

TEST_P(credentials_test, misuse_07_failed_acquire_frees_nothing) {
    for (const auto status : all_failures()) {
        for (const auto how : ways) {
            credentials made;
            loopback::fail_at(function::acquire_credentials_handle, 1, status);
            EXPECT_TRUE(failed_with(acquire(how, made), sspi_code(status), acquisition));
            EXPECT_FALSE(made);
            EXPECT_EQ(made.max_token(), 0U);
        }
    }
    EXPECT_EQ(calls(function::free_credentials_handle), 0U);
}

TEST_P(credentials_test, misuse_06_failed_lookup_acquires_nothing) {
    for (const auto status : all_failures()) {
        credentials made;
        loopback::fail_at(function::query_security_package_info, 1, status);
        EXPECT_TRUE(failed_with(acquire(way::outbound, made), sspi_code(status), lookup));
    }
    EXPECT_EQ(calls(function::acquire_credentials_handle), 0U);
    EXPECT_EQ(calls(function::free_context_buffer), 0U);
}

TEST_P(credentials_test, success_without_a_handle_is_an_internal_error) {
    credentials made;
    loopback::fail_at(function::acquire_credentials_handle, 1, SEC_E_OK); // returns success without any effect
    EXPECT_TRUE(failed_with(acquire(way::inbound, made), errc::internal_error, acquisition));
    EXPECT_EQ(calls(function::free_credentials_handle), 0U);
}

TEST_P(credentials_test, informational_status_of_the_acquire_is_a_success) {
    credentials made;
    loopback::return_after(function::acquire_credentials_handle, 1, sspi_status(0x00090323U)); // SEC_I_NO_LSA_CONTEXT
    EXPECT_TRUE(succeeded(acquire(way::outbound, made)));
    EXPECT_TRUE(made);
}

TEST_P(credentials_test, misuse_12_package_without_a_longest_token_is_an_internal_error) {
    which_profile().settings().max_token = 0;
    credentials made;
    EXPECT_TRUE(failed_with(acquire(way::outbound, made), errc::internal_error, lookup));
    EXPECT_EQ(calls(function::acquire_credentials_handle), 0U);
}

TEST_P(credentials_test, identity_that_was_moved_from_is_refused_before_any_call) {
    auto who = somebody();
    const auto taken = std::move(who);
    for (const auto how : {way::outbound_as, way::inbound_as}) {
        credentials made;
        EXPECT_TRUE(failed_with(::acquire(how, which_surface(), which_profile().package, made, who),
                                errc::invalid_handle, acquisition));
    }
    EXPECT_EQ(calls(function::acquire_credentials_handle), 0U);
    EXPECT_EQ(calls(function::query_security_package_info), 0U);
}

TEST_P(credentials_test, lack_of_memory_at_each_allocation_is_an_error_and_leaks_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    for (const auto how : ways) {
        const auto who = somebody();
        std::size_t failures = 0;
        for (std::size_t nth = 1; nth < 100; ++nth, ++failures) {
            credentials made;
            allocation::fail_at(nth);
            const auto result = ::acquire(how, which_surface(), which_profile().package, made, who);
            allocation::fail_at(0);
            EXPECT_EQ(live().package_blocks, 0U);
            if (!result.code) {
                EXPECT_TRUE(made);
                break;
            }
            EXPECT_EQ(result.code, errc::insufficient_memory);
            EXPECT_EQ(live().credentials, 0U);
        }
        EXPECT_GE(failures, 1U); // the name for SSPI; a long name that is kept needs another allocation
    }
}

TEST_P(credentials_test, release_gives_the_handle_away_and_adopt_takes_it) {
    credentials made;
    ASSERT_TRUE(succeeded(acquire(way::outbound, made)));
    const auto handle = made.release();
    EXPECT_FALSE(made);
    EXPECT_EQ(live().credentials, 1U);
    credentials adopted;
    const auto package = which_profile().package;
    ASSERT_TRUE(succeeded(
        outcome_of(which_surface(), [&](auto&... ec) { adopted = credentials::adopt(handle, package, ec...); })));
    EXPECT_EQ(adopted.native_handle().dwLower, handle.dwLower);
    EXPECT_EQ(adopted.max_token(), which_profile().settings().max_token);
    EXPECT_EQ(adopted.package(), package);
}

TEST_P(credentials_test, misuse_06_adopt_that_fails_frees_the_handle) {
    credentials made;
    ASSERT_TRUE(succeeded(acquire(way::outbound, made)));
    const auto handle = made.release();
    loopback::fail_at(function::query_security_package_info, 1, SEC_E_INSUFFICIENT_MEMORY);
    const auto package = which_profile().package;
    EXPECT_TRUE(failed_with(
        outcome_of(which_surface(), [&](auto&... ec) { EXPECT_FALSE(credentials::adopt(handle, package, ec...)); }),
        errc::insufficient_memory, lookup));
    EXPECT_EQ(calls(function::free_credentials_handle), 1U);
}

TEST_P(credentials_test, adopt_of_no_handle_is_invalid) {
    constexpr auto ones = ~ULONG_PTR{0};
    for (const auto handle : {CredHandle{0, 0}, CredHandle{ones, ones}}) {
        const auto package = which_profile().package;
        EXPECT_TRUE(failed_with(
            outcome_of(which_surface(), [&](auto&... ec) { EXPECT_FALSE(credentials::adopt(handle, package, ec...)); }),
            errc::invalid_handle, lookup));
    }
    EXPECT_EQ(calls(function::free_credentials_handle), 0U);
}

class credentials_name : public loopback_test, public ::testing::WithParamInterface<surface> {};
INSTANTIATE_TEST_SUITE_P(each, credentials_name, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(credentials_name, unknown_package_is_not_found) {
    credentials made;
    EXPECT_TRUE(failed_with(acquire(way::outbound, GetParam(), L"NoSuch", made), errc::secpkg_not_found, lookup));
}

TEST_P(credentials_name, package_with_a_zero_inside_is_refused_before_any_call) {
    credentials made;
    EXPECT_TRUE(failed_with(acquire(way::outbound, GetParam(), L"NTLM\0"sv, made), errc::invalid_parameter, lookup));
    EXPECT_EQ(calls(function::query_security_package_info), 0U);
}

TEST_P(credentials_name, zero_state_owns_nothing) {
    const credentials zero;
    EXPECT_FALSE(zero);
    EXPECT_EQ(zero.max_token(), 0U);
    EXPECT_TRUE(zero.package().empty());
    EXPECT_EQ(zero.native_handle().dwLower | zero.native_handle().dwUpper, 0U);
}

TEST_P(credentials_test, opaque_identity_reaches_the_package) {
    loopback::configure().user = L"nobody";
    const auto who = sspan::identity::adopt(loopback::make_identity(L"bob", L"LOOPBACK", L"battery staple"));
    auto outbound = credentials::outbound(which_profile().package, who);
    auto inbound = credentials::inbound(which_profile().package);
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    EXPECT_NO_THROW(run(client, server));
}

TEST_P(credentials_test, name_with_its_domain_reaches_the_package) {
    loopback::configure().user = L"nobody";
    for (const auto* const name : {L"bob@LOOPBACK", L"LOOPBACK\\bob"}) {
        auto outbound = credentials::outbound(which_profile().package, {name, L"", L"battery staple"});
        auto inbound = credentials::inbound(which_profile().package);
        sspan::client_handshake client{outbound, service(), which_profile().client_options()};
        sspan::server_handshake server{inbound};
        run(client, server);
        static_cast<void>(std::move(client).finish());
        EXPECT_EQ(sspan::query_user_name(std::move(server).finish()), L"LOOPBACK\\bob");
    }
}

TEST_P(credentials_test, list_of_packages_is_refused_by_all_but_negotiate) {
    const bool chooses = which_profile().package == sspan::package::negotiate;
    for (const auto how : ways) {
        credentials made;
        const auto result =
            ::acquire(how, which_surface(), which_profile().package, made, somebody(), {.packages = L"!ntlm"});
        EXPECT_TRUE(chooses ? succeeded(result) : failed_with(result, errc::unsupported_function, acquisition));
        EXPECT_EQ(static_cast<bool>(made), chooses);
    }
    EXPECT_EQ(calls(function::acquire_credentials_handle), chooses ? ways.size() : 0U);
}

constexpr auto negotiates = sspan::package::negotiate;

class negotiate_credentials : public loopback_test, public ::testing::WithParamInterface<surface> {
protected:
    /// Runs the client's first step.
    static outcome start(const credentials& outbound) {
        sspan::client_handshake client{outbound, service(), without_mutual_auth()};
        return step(client, {}, GetParam());
    }
};
INSTANTIATE_TEST_SUITE_P(each, negotiate_credentials, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(negotiate_credentials, list_without_ntlm_never_falls_back_to_it) {
    loopback::configure().negotiate_winner = loopback::package::ntlm;
    for (const auto how : {way::outbound, way::outbound_as}) {
        credentials any;
        credentials not_ntlm;
        ASSERT_TRUE(succeeded(::acquire(how, GetParam(), negotiates, any)));
        ASSERT_TRUE(succeeded(::acquire(how, GetParam(), negotiates, not_ntlm, somebody(), {.packages = L"!ntlm"})));
        EXPECT_TRUE(succeeded(start(any)));
        EXPECT_TRUE(failed_with(start(not_ntlm), errc::no_credentials, "InitializeSecurityContext"));
    }
}

TEST_P(negotiate_credentials, server_with_a_list_refuses_clients_of_other_packages) {
    loopback::configure().negotiate_winner = loopback::package::ntlm;
    const auto outbound = credentials::outbound(negotiates);
    for (const auto how : {way::inbound, way::inbound_as}) {
        for (const auto* const packages : {L"", L"ntlm", L"!ntlm", L"kerberos"}) {
            credentials inbound;
            ASSERT_TRUE(succeeded(::acquire(how, GetParam(), negotiates, inbound, somebody(), {.packages = packages})));
            sspan::client_handshake client{outbound, service(), without_mutual_auth()};
            sspan::server_handshake server{inbound};
            const auto token = step(client, {}).token;
            const bool takes_ntlm = *packages == L'\0' || *packages == L'n';
            EXPECT_EQ(!step(server, token).code, takes_ntlm) << packages;
        }
    }
}

TEST_P(negotiate_credentials, list_without_an_identity_is_the_logged_on_users) {
    credentials made;
    ASSERT_TRUE(
        succeeded(::acquire(way::outbound, GetParam(), negotiates, made, somebody(), {.packages = L"!ntlm,kerberos"})));
    EXPECT_EQ(sspan::query_user_name(made), L"LOOPBACK\\alice");
    EXPECT_TRUE(succeeded(start(made)));

    // Empty names mean another user: an anonymous one, who has no account.
    ASSERT_TRUE(succeeded(
        ::acquire(way::outbound_as, GetParam(), negotiates, made, {L"", L"", L""}, {.packages = L"!ntlm,kerberos"})));
    EXPECT_EQ(sspan::query_user_name(made), L"\\");
    EXPECT_TRUE(failed_with(start(made), errc::logon_denied, "InitializeSecurityContext"));
}

TEST_P(negotiate_credentials, list_and_an_opaque_identity_are_refused) {
    const auto who = sspan::identity::adopt(loopback::make_identity(L"bob", L"LOOPBACK", L"battery staple"));
    for (const auto how : {way::outbound_as, way::inbound_as}) {
        credentials made;
        EXPECT_TRUE(failed_with(::acquire(how, GetParam(), negotiates, made, who, {.packages = L"!ntlm"}),
                                errc::unsupported_function, acquisition));
        EXPECT_FALSE(made);
    }
    EXPECT_EQ(calls(function::acquire_credentials_handle), 0U);
    credentials made;
    EXPECT_TRUE(succeeded(
        ::acquire(way::outbound_as, GetParam(), negotiates, made, who, {.logon = sspan::autologon::restricted})));
}

TEST_P(negotiate_credentials, list_that_is_no_text_is_refused_before_the_call) {
    std::vector<std::wstring> lists{L"!ntlm\0"s, L"\0"s};
    if constexpr (sizeof(wchar_t) > 2) {
        lists.emplace_back(1, static_cast<wchar_t>(0xD800));
    }
    for (const auto& packages : lists) {
        for (const auto how : ways) {
            credentials made;
            EXPECT_TRUE(failed_with(::acquire(how, GetParam(), negotiates, made, somebody(), {.packages = packages}),
                                    errc::invalid_parameter, acquisition));
        }
    }
    EXPECT_EQ(calls(function::acquire_credentials_handle), 0U);
}

TEST_P(negotiate_credentials, restricted_logon_is_used_only_with_an_identity) {
    const sspan::credential_options restricted{.logon = sspan::autologon::restricted};
    credentials nobody;
    ASSERT_TRUE(succeeded(::acquire(way::outbound, GetParam(), negotiates, nobody, somebody(), restricted)));
    EXPECT_EQ(loopback::last_flags(function::acquire_credentials_handle), 0x12U);
    EXPECT_TRUE(failed_with(start(nobody), errc::no_credentials, "InitializeSecurityContext"));

    credentials bob;
    ASSERT_TRUE(succeeded(::acquire(way::outbound_as, GetParam(), negotiates, bob, somebody(), restricted)));
    EXPECT_TRUE(succeeded(start(bob)));
}

TEST_P(negotiate_credentials, restricted_logon_is_refused_where_nobody_would_heed_it) {
    const sspan::credential_options restricted{.logon = sspan::autologon::restricted};
    credentials made;
    for (const auto how : ways) {
        EXPECT_TRUE(failed_with(::acquire(how, GetParam(), sspan::package::kerberos, made, somebody(), restricted),
                                errc::unsupported_function, acquisition));
    }
    for (const auto how : {way::inbound, way::inbound_as}) {
        EXPECT_TRUE(failed_with(::acquire(how, GetParam(), negotiates, made, somebody(), restricted),
                                errc::unsupported_function, acquisition));
    }
    EXPECT_EQ(calls(function::acquire_credentials_handle), 0U);
}

TEST_P(negotiate_credentials, lack_of_memory_for_a_list_is_an_error_and_leaks_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    const sspan::credential_options list{.packages = L"kerberos,!ntlm,and a long name"};
    for (const auto how : ways) {
        const auto who = somebody();
        std::size_t failures = 0;
        for (std::size_t nth = 1; nth < 100; ++nth, ++failures) {
            credentials made;
            allocation::fail_at(nth);
            const auto result = ::acquire(how, GetParam(), negotiates, made, who, list);
            allocation::fail_at(0);
            if (!result.code) {
                break;
            }
            EXPECT_EQ(result.code, errc::insufficient_memory);
            EXPECT_EQ(live().credentials, 0U);
        }
        EXPECT_GE(failures, 2U); // the name and the list for SSPI
    }
}

} // namespace
