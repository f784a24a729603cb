// SPDX-License-Identifier: MIT
#include <sspan/access_token.hpp>

#include "fixture.hpp"
#include "profiles.hpp"

#include <sspan/impersonation.hpp>

#include <gtest/gtest.h>

#include <system_error>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::access_token;
using sspan::errc;

constexpr const char* query = "QuerySecurityContextToken";

outcome query_token(surface form, const sspan::server_context& context, access_token& token) {
    return outcome_of(
        form, [&](std::error_code& ec) { token = sspan::query_security_context_token(context, ec); },
        [&] { token = sspan::query_security_context_token(context); });
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
    auto level = SecurityAnonymous;
    EXPECT_EQ(sspan::detail::api::query_impersonation_level(token.get(), &level), 0U);
    EXPECT_EQ(level, SecurityImpersonation);
    EXPECT_EQ(sspan::detail::api::set_thread_token(token.get()), 0U);
    EXPECT_EQ(loopback::current_thread_client(), L"LOOPBACK\\alice");
    loopback::stop_impersonating_on_thread();
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
    loopback::fail_at(function::query_security_context_token, 1, SEC_E_OK); // nothing is done, nothing said
    access_token token;
    EXPECT_TRUE(failed_with(query_token(which_surface(), pair.server, token), errc::internal_error, query));
}

TEST_P(access_token_of, no_context_is_an_invalid_handle) {
    access_token token;
    EXPECT_TRUE(failed_with(query_token(which_surface(), {}, token), errc::invalid_handle, query));
    EXPECT_EQ(calls(function::query_security_context_token), 0U);
}

} // namespace
