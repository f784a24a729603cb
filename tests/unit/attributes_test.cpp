// SPDX-License-Identifier: MIT
#include <sspan/attributes.hpp>

#include "allocation.hpp"
#include "conversation.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using loopback::live;
using sspan::errc;

constexpr const char* query = "QueryContextAttributes";

class attributes : public surface_test {
protected:
    outcome user_name(const sspan::security_context& context) {
        return outcome_of(
            which_surface(), [&](std::error_code& ec) { name = sspan::query_user_name(context, ec); },
            [&] { name = sspan::query_user_name(context); });
    }
    outcome negotiation_info(const sspan::security_context& context) {
        return outcome_of(
            which_surface(), [&](std::error_code& ec) { info = sspan::query_negotiation_info(context, ec); },
            [&] { info = sspan::query_negotiation_info(context); });
    }

    std::wstring name;
    sspan::negotiation_info info;
};
INSTANTIATE_TEST_SUITE_P(each, attributes, each_profile_and_surface(), name_of{});

TEST_P(attributes, user_name_is_the_clients_on_both_sides) {
    const auto pair = establish(which_profile());
    for (const sspan::security_context* side :
         {&pair.client, static_cast<const sspan::security_context*>(&pair.server)}) {
        ASSERT_TRUE(succeeded(user_name(*side)));
        EXPECT_EQ(name, L"LOOPBACK\\alice");
        EXPECT_EQ(loopback::last_flags(function::query_context_attributes), static_cast<ULONG>(SECPKG_ATTR_NAMES));
    }
    EXPECT_EQ(live().string_blocks, 0U);
}

TEST_P(attributes, user_name_that_is_not_ascii_arrives_whole) {
    loopback::configure().user = L"al\u00EF\u4E16\U0001F511";
    const auto pair = establish(which_profile());
    ASSERT_TRUE(succeeded(user_name(pair.server)));
    EXPECT_EQ(name, L"LOOPBACK\\al\u00EF\u4E16\U0001F511");
}

TEST_P(attributes, negotiation_info_is_the_package_at_work) {
    const auto pair = establish(which_profile());
    ASSERT_TRUE(succeeded(negotiation_info(pair.client)));
    EXPECT_EQ(info.package.name, which_profile().package == sspan::package::ntlm ? L"NTLM" : L"Kerberos");
    EXPECT_EQ(info.state, sspan::negotiation_state::complete);
    EXPECT_GT(info.package.max_token, 0U);
    EXPECT_EQ(live().package_blocks, 0U);
}

TEST_P(attributes, each_failure_arrives_and_frees_nothing) {
    const auto pair = establish(which_profile());
    const auto freed = calls(function::free_context_buffer);
    for (const auto status : all_failures()) {
        loopback::fail_at(function::query_context_attributes, 1, status);
        EXPECT_TRUE(failed_with(user_name(pair.server), sspi_code(status), query));
        loopback::fail_at(function::query_context_attributes, 1, status);
        EXPECT_TRUE(failed_with(negotiation_info(pair.server), sspi_code(status), query));
    }
    EXPECT_TRUE(name.empty());
    EXPECT_TRUE(info.package.name.empty());
    EXPECT_EQ(calls(function::free_context_buffer), freed);
}

TEST_P(attributes, what_the_package_does_not_offer_is_unsupported) {
    const auto pair = establish(which_profile());
    loopback::configure().unsupported_attributes = {SECPKG_ATTR_NAMES, SECPKG_ATTR_NEGOTIATION_INFO};
    EXPECT_TRUE(failed_with(user_name(pair.server), errc::not_supported, query));
    EXPECT_TRUE(failed_with(negotiation_info(pair.server), errc::not_supported, query));
}

TEST_P(attributes, success_without_a_value_is_an_internal_error) {
    const auto pair = establish(which_profile());
    loopback::fail_at(function::query_context_attributes, 1, SEC_E_OK); // nothing is done, nothing said
    EXPECT_TRUE(failed_with(user_name(pair.server), errc::internal_error, query));
    loopback::fail_at(function::query_context_attributes, 1, SEC_E_OK);
    EXPECT_TRUE(failed_with(negotiation_info(pair.server), errc::internal_error, query));
}

TEST_P(attributes, zero_state_is_refused_before_the_call) {
    const sspan::security_context zero;
    const auto before = calls(function::query_context_attributes);
    EXPECT_TRUE(failed_with(user_name(zero), errc::invalid_handle, query));
    EXPECT_TRUE(failed_with(negotiation_info(zero), errc::invalid_handle, query));
    EXPECT_EQ(calls(function::query_context_attributes), before);
}

TEST_P(attributes, misuse_06_lack_of_memory_leaks_nothing) {
    const auto pair = establish(which_profile());
    const auto until_it_works = [&](auto attempt) {
        std::size_t failures = 0;
        for (std::size_t nth = 1; nth < 100; ++nth, ++failures) {
            allocation::fail_at(nth);
            const auto result = attempt();
            allocation::fail_at(0);
            EXPECT_EQ(live().string_blocks + live().package_blocks, 0U);
            if (!result.code) {
                break;
            }
            EXPECT_EQ(result.code, errc::insufficient_memory);
        }
        return failures;
    };
    EXPECT_GE(until_it_works([&] { return user_name(pair.server); }), 1U);
    EXPECT_GE(until_it_works([&] { return negotiation_info(pair.server); }), 1U);
}

} // namespace
