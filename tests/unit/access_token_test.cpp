// SPDX-License-Identifier: MIT
#include <sspan/access_token.hpp>

#include "fixture.hpp"
#include "profiles.hpp"

#include <sspan/impersonation.hpp>

#include <gtest/gtest.h>

#include <array>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::access_token;
using sspan::errc;
using sspan::impersonation_level;

static_assert(!std::is_copy_constructible_v<access_token> && !std::is_copy_assignable_v<access_token>);
static_assert(std::is_nothrow_move_constructible_v<access_token> && std::is_nothrow_move_assignable_v<access_token>);
static_assert(!std::is_constructible_v<access_token, HANDLE>); // `adopt` documents the ownership

constexpr const char* query = "QuerySecurityContextToken";

outcome query_token(surface form, const sspan::server_context& context, access_token& token) {
    return outcome_of(form, [&](auto&... ec) { token = sspan::query_security_context_token(context, ec...); });
}

class access_token_of : public surface_test {};
INSTANTIATE_TEST_SUITE_P(each, access_token_of, each_profile_and_surface(), name_of{});

TEST_P(access_token_of, the_client_is_owned_and_outlives_the_context) {
    auto pair = establish(which_profile());
    access_token token;
    ASSERT_TRUE(succeeded(query_token(which_surface(), pair.server, token)));
    EXPECT_TRUE(token);
    pair.server = {};
    EXPECT_EQ(loopback::live().thread_tokens, 1U);
    EXPECT_EQ(token.level(), impersonation_level::impersonation);
    EXPECT_FALSE(token.is_primary());
    std::thread{[&] {
        EXPECT_EQ(sspan::run_as_client(token, [] { return loopback::current_thread_client(); }), L"LOOPBACK\\alice");
    }}.join();
    const auto moved = std::move(token);
    EXPECT_FALSE(token);
}

TEST_P(access_token_of, each_failure_is_reported_and_leaves_nothing) {
    const auto pair = establish(which_profile());
    for (const auto status : all_failures()) {
        loopback::fail_at(function::query_security_context_token, 1, status);
        access_token token;
        EXPECT_TRUE(failed_with(query_token(which_surface(), pair.server, token), sspi_code(status), query));
        EXPECT_FALSE(token);
    }
}

TEST_P(access_token_of, success_without_a_token_is_an_internal_error) {
    const auto pair = establish(which_profile());
    loopback::fail_at(function::query_security_context_token, 1, SEC_E_OK); // returns success without any effect
    access_token token;
    EXPECT_TRUE(failed_with(query_token(which_surface(), pair.server, token), errc::internal_error, query));
}

TEST_P(access_token_of, no_context_is_an_invalid_handle) {
    access_token token;
    EXPECT_TRUE(failed_with(query_token(which_surface(), {}, token), errc::invalid_handle, query));
    EXPECT_EQ(calls(function::query_security_context_token), 0U);
}

/// Calls the operations of a token, on this surface.
outcome ask_primary(surface form, const access_token& token, bool& primary) {
    return outcome_of(form, [&](auto&... ec) { primary = token.is_primary(ec...); });
}
outcome ask_level(surface form, const access_token& token, impersonation_level& level) {
    return outcome_of(form, [&](auto&... ec) { level = token.level(ec...); });
}
outcome duplicate(surface form, const access_token& token, impersonation_level level, access_token& made) {
    return outcome_of(form, [&](auto&... ec) { made = token.duplicate(level, ec...); });
}
outcome make_primary(surface form, const access_token& token, access_token& made) {
    return outcome_of(form, [&](auto&... ec) { made = token.to_primary(ec...); });
}

constexpr const char* look = "GetTokenInformation";
constexpr const char* copy = "DuplicateTokenEx";
constexpr std::array levels{impersonation_level::anonymous, impersonation_level::identification,
                            impersonation_level::impersonation, impersonation_level::delegation};

/// Returns a client's token of this level.
access_token token_of(impersonation_level level) {
    loopback::configure().impersonation_level = static_cast<SECURITY_IMPERSONATION_LEVEL>(level);
    return sspan::query_security_context_token(establish().server);
}

TEST_P(access_token_of, level_is_the_tokens_own) {
    for (const auto each : levels) {
        const auto token = token_of(each);
        auto found = impersonation_level::anonymous;
        ASSERT_TRUE(succeeded(ask_level(which_surface(), token, found)));
        EXPECT_EQ(found, each);
        bool primary = true;
        ASSERT_TRUE(succeeded(ask_primary(which_surface(), token, primary)));
        EXPECT_FALSE(primary);
    }
}

TEST_P(access_token_of, primary_token_says_so_and_has_no_level) {
    const auto token = access_token::adopt(loopback::make_primary_token(L"LOOPBACK\\carol"));
    bool primary = false;
    ASSERT_TRUE(succeeded(ask_primary(which_surface(), token, primary)));
    EXPECT_TRUE(primary);
    auto found = impersonation_level::anonymous;
    EXPECT_TRUE(failed_with(ask_level(which_surface(), token, found), errc::bad_token_type, look));
    EXPECT_EQ(calls(function::query_impersonation_level), 0U);
}

TEST_P(access_token_of, duplicate_has_the_level_that_was_asked_for_up_to_its_own) {
    for (const auto own : levels) {
        for (const auto asked : levels) {
            const auto token = token_of(own);
            access_token made;
            const auto result = duplicate(which_surface(), token, asked, made);
            EXPECT_EQ(loopback::last_flags(function::duplicate_token),
                      static_cast<ULONG>(TOKEN_QUERY | TOKEN_IMPERSONATE | TOKEN_DUPLICATE));
            if (asked > own) {
                EXPECT_TRUE(failed_with(result, errc::bad_impersonation_level, copy));
                EXPECT_FALSE(made);
                continue;
            }
            ASSERT_TRUE(succeeded(result));
            EXPECT_EQ(made.level(), asked);
            EXPECT_FALSE(made.is_primary());
            EXPECT_EQ(token.level(), own) << "the original does not change";
            EXPECT_EQ(loopback::live().thread_tokens, 2U);
        }
    }
}

TEST_P(access_token_of, duplicate_outlives_the_original_and_is_the_same_client) {
    access_token made;
    {
        const auto token = token_of(impersonation_level::delegation);
        ASSERT_TRUE(succeeded(duplicate(which_surface(), token, impersonation_level::impersonation, made)));
    }
    EXPECT_EQ(sspan::run_as_client(made, [] { return loopback::current_thread_client(); }), L"LOOPBACK\\alice");
}

TEST_P(access_token_of, primary_token_is_made_of_what_can_be_acted_for) {
    for (const auto own : levels) {
        const auto token = token_of(own);
        access_token made;
        const auto result = make_primary(which_surface(), token, made);
        EXPECT_EQ(loopback::last_flags(function::duplicate_token),
                  loopback::as_primary_flag | static_cast<ULONG>(TOKEN_QUERY | TOKEN_DUPLICATE | TOKEN_ASSIGN_PRIMARY |
                                                                 TOKEN_ADJUST_DEFAULT | TOKEN_ADJUST_SESSIONID));
        if (own < impersonation_level::impersonation) {
            EXPECT_TRUE(failed_with(result, errc::bad_impersonation_level, copy));
            EXPECT_FALSE(made);
            continue;
        }
        ASSERT_TRUE(succeeded(result));
        EXPECT_TRUE(made.is_primary());
        EXPECT_EQ(made.duplicate(impersonation_level::identification).level(), impersonation_level::identification);
    }
}

TEST_P(access_token_of, each_failure_of_a_call_is_reported_and_makes_nothing) {
    const std::error_code denied{static_cast<int>(0x80070005U), sspan::category()};
    const auto token = token_of(impersonation_level::impersonation);
    bool primary = false;
    auto found = impersonation_level::anonymous;
    access_token made;
    loopback::return_after(function::query_token_type, 1, 5);
    EXPECT_TRUE(failed_with(ask_primary(which_surface(), token, primary), denied, look));
    loopback::fail_at(function::query_token_type, 1, 5);
    EXPECT_TRUE(failed_with(ask_level(which_surface(), token, found), denied, look));
    loopback::return_after(function::query_impersonation_level, 1, 5);
    EXPECT_TRUE(failed_with(ask_level(which_surface(), token, found), denied, look));
    EXPECT_EQ(found, impersonation_level::anonymous);
    loopback::fail_at(function::duplicate_token, 1, 5);
    EXPECT_TRUE(failed_with(duplicate(which_surface(), token, impersonation_level::anonymous, made), denied, copy));
    loopback::fail_at(function::duplicate_token, 1, 5);
    EXPECT_TRUE(failed_with(make_primary(which_surface(), token, made), denied, copy));
    loopback::fail_at(function::duplicate_token, 1, 0); // returns success without any effect
    EXPECT_TRUE(failed_with(make_primary(which_surface(), token, made), errc::internal_error, copy));
    EXPECT_FALSE(made);
    EXPECT_EQ(loopback::live().thread_tokens, 1U);
}

TEST_P(access_token_of, what_the_system_does_not_have_is_unsupported) {
    const auto token = token_of(impersonation_level::impersonation);
    access_token made;
    auto found = impersonation_level::anonymous;
    loopback::fail_at(function::duplicate_token, 1, ERROR_CALL_NOT_IMPLEMENTED);
    EXPECT_TRUE(failed_with(make_primary(which_surface(), token, made), errc::unsupported_function, copy));
    loopback::fail_at(function::query_token_type, 1, ERROR_CALL_NOT_IMPLEMENTED);
    EXPECT_TRUE(failed_with(ask_level(which_surface(), token, found), errc::unsupported_function, look));
}

TEST_P(access_token_of, zero_state_is_refused_before_any_call) {
    const access_token zero;
    bool primary = false;
    auto found = impersonation_level::anonymous;
    access_token made;
    EXPECT_FALSE(zero);
    EXPECT_EQ(zero.native_handle(), nullptr);
    EXPECT_FALSE(access_token::adopt(nullptr));
    EXPECT_TRUE(failed_with(ask_primary(which_surface(), zero, primary), errc::invalid_handle, look));
    EXPECT_TRUE(failed_with(ask_level(which_surface(), zero, found), errc::invalid_handle, look));
    EXPECT_TRUE(failed_with(duplicate(which_surface(), zero, impersonation_level::anonymous, made),
                            errc::invalid_handle, copy));
    EXPECT_TRUE(failed_with(make_primary(which_surface(), zero, made), errc::invalid_handle, copy));
    EXPECT_EQ(calls(function::query_token_type) + calls(function::duplicate_token), 0U);
}

TEST_P(access_token_of, handle_is_lent_taken_and_given_away) {
    auto token = token_of(impersonation_level::impersonation);
    const auto handle = token.native_handle();
    EXPECT_NE(handle, nullptr);
    EXPECT_EQ(token.release(), handle);
    EXPECT_FALSE(token);
    EXPECT_EQ(loopback::live().thread_tokens, 1U);
    token = access_token::adopt(handle);
    EXPECT_EQ(token.native_handle(), handle);
    token = {};
    EXPECT_EQ(loopback::live().thread_tokens, 0U);
}

} // namespace
