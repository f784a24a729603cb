// SPDX-License-Identifier: MIT
#include <sspan/credentials.hpp>

#include "allocation.hpp"
#include "conversation.hpp"
#include "profiles.hpp"

#include <sspan/attributes.hpp>
#include <sspan/handshake.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace {

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

/// Takes for itself, as a whole or for somebody, on either side.
enum class way { outbound, outbound_as, inbound, inbound_as };
constexpr std::array ways{way::outbound, way::outbound_as, way::inbound, way::inbound_as};

sspan::identity somebody() {
    return {L"bob", L"LOOPBACK", L"battery staple"};
}

outcome acquire(way how, surface form, std::wstring_view package, credentials& result,
                const sspan::identity& who = somebody()) {
    return outcome_of(
        form,
        [&](std::error_code& ec) {
            switch (how) {
            case way::outbound:
                result = credentials::outbound(package, ec);
                break;
            case way::outbound_as:
                result = credentials::outbound(package, who, ec);
                break;
            case way::inbound:
                result = credentials::inbound(package, ec);
                break;
            case way::inbound_as:
                result = credentials::inbound(package, who, ec);
                break;
            }
        },
        [&] {
            switch (how) {
            case way::outbound:
                result = credentials::outbound(package);
                break;
            case way::outbound_as:
                result = credentials::outbound(package, who);
                break;
            case way::inbound:
                result = credentials::inbound(package);
                break;
            case way::inbound_as:
                result = credentials::inbound(package, who);
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
    EXPECT_NO_THROW(run(client, server)); // only bob's password can do that
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
    loopback::fail_at(function::acquire_credentials_handle, 1, SEC_E_OK); // nothing is done, nothing said
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
        EXPECT_GE(failures, 1U); // the name for SSPI; a long one to keep takes another
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
    ASSERT_TRUE(succeeded(outcome_of(
        which_surface(), [&](std::error_code& ec) { adopted = credentials::adopt(handle, package, ec); },
        [&] { adopted = credentials::adopt(handle, package); })));
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
    EXPECT_TRUE(failed_with(outcome_of(
                                which_surface(),
                                [&](std::error_code& ec) { EXPECT_FALSE(credentials::adopt(handle, package, ec)); },
                                [&] { static_cast<void>(credentials::adopt(handle, package)); }),
                            errc::insufficient_memory, lookup));
    EXPECT_EQ(calls(function::free_credentials_handle), 1U);
}

TEST_P(credentials_test, adopt_of_no_handle_is_invalid) {
    constexpr auto ones = ~ULONG_PTR{0};
    for (const auto handle : {CredHandle{0, 0}, CredHandle{ones, ones}}) {
        const auto package = which_profile().package;
        EXPECT_TRUE(failed_with(outcome_of(
                                    which_surface(),
                                    [&](std::error_code& ec) { EXPECT_FALSE(credentials::adopt(handle, package, ec)); },
                                    [&] { static_cast<void>(credentials::adopt(handle, package)); }),
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

TEST_P(credentials_test, user_principal_name_reaches_the_package) {
    loopback::configure().user = L"nobody";
    const sspan::identity who{L"bob@LOOPBACK", L"", L"battery staple"};
    auto outbound = credentials::outbound(which_profile().package, who);
    auto inbound = credentials::inbound(which_profile().package);
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    run(client, server);
    static_cast<void>(std::move(client).finish());
    EXPECT_EQ(sspan::query_user_name(std::move(server).finish()), L"LOOPBACK\\bob");
}

TEST_P(credentials_test, list_of_packages_is_refused_by_all_but_negotiate) {
    const bool chooses = which_profile().package == sspan::package::negotiate;
    const sspan::identity who{L"bob", L"LOOPBACK", L"battery staple", {.packages = L"!ntlm"}};
    for (const auto how : {way::outbound_as, way::inbound_as}) {
        credentials made;
        const auto result = ::acquire(how, which_surface(), which_profile().package, made, who);
        EXPECT_TRUE(chooses ? succeeded(result) : failed_with(result, errc::unsupported_function, acquisition));
    }
    EXPECT_EQ(calls(function::acquire_credentials_handle), chooses ? 2U : 0U);
}

class negotiate_credentials : public loopback_test, public ::testing::WithParamInterface<surface> {
protected:
    /// The client's first step.
    static outcome start(const credentials& outbound) {
        sspan::client_handshake client{outbound, service(), without_mutual_auth()};
        return step(client, {}, GetParam());
    }
};
INSTANTIATE_TEST_SUITE_P(each, negotiate_credentials, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(negotiate_credentials, list_without_ntlm_never_falls_back_to_it) {
    loopback::configure().negotiate_winner = loopback::package::ntlm;
    const auto any = credentials::outbound(sspan::package::negotiate, somebody());
    EXPECT_TRUE(succeeded(start(any)));
    const sspan::identity who{L"bob", L"LOOPBACK", L"battery staple", {.packages = L"!ntlm"}};
    const auto not_ntlm = credentials::outbound(sspan::package::negotiate, who);
    EXPECT_TRUE(start(not_ntlm).code);
}

TEST_P(negotiate_credentials, restricted_logon_is_used_only_with_an_identity) {
    constexpr auto restricted = sspan::autologon::restricted;
    credentials nobody;
    ASSERT_TRUE(succeeded(outcome_of(
        GetParam(),
        [&](std::error_code& ec) { nobody = credentials::outbound(sspan::package::negotiate, restricted, ec); },
        [&] { nobody = credentials::outbound(sspan::package::negotiate, restricted); })));
    EXPECT_EQ(loopback::last_flags(function::acquire_credentials_handle), 0x12U);
    EXPECT_TRUE(failed_with(start(nobody), errc::no_credentials, "InitializeSecurityContext"));

    credentials bob;
    ASSERT_TRUE(succeeded(outcome_of(
        GetParam(),
        [&](std::error_code& ec) {
            bob = credentials::outbound(sspan::package::negotiate, somebody(), restricted, ec);
        },
        [&] { bob = credentials::outbound(sspan::package::negotiate, somebody(), restricted); })));
    EXPECT_TRUE(succeeded(start(bob)));

    const auto before = calls(function::acquire_credentials_handle);
    credentials kerberos_has_no_such_thing;
    EXPECT_TRUE(failed_with(
        outcome_of(
            GetParam(),
            [&](std::error_code& ec) {
                kerberos_has_no_such_thing = credentials::outbound(sspan::package::kerberos, restricted, ec);
            },
            [&] { kerberos_has_no_such_thing = credentials::outbound(sspan::package::kerberos, restricted); }),
        errc::unsupported_function, acquisition));
    EXPECT_EQ(calls(function::acquire_credentials_handle), before);
}

} // namespace
