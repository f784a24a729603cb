// SPDX-License-Identifier: MIT
#include <sspan/package.hpp>

#include "allocation.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;
using sspan::package_capabilities;

outcome try_query(surface form, std::wstring_view name, sspan::package_info& info) {
    return outcome_of(form, [&](auto&... ec) { info = sspan::query_package(name, ec...); });
}

outcome try_enumerate(surface form, std::vector<sspan::package_info>& list) {
    return outcome_of(form, [&](auto&... ec) { list = sspan::enumerate_packages(ec...); });
}

class package : public loopback_test, public ::testing::WithParamInterface<surface> {};
INSTANTIATE_TEST_SUITE_P(each, package, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(package, query_tells_what_the_package_says_of_itself) {
    sspan::package_info info;
    ASSERT_TRUE(succeeded(try_query(GetParam(), sspan::package::kerberos, info)));
    EXPECT_EQ(info.name, L"Kerberos");
    EXPECT_EQ(info.comment, L"Loopback: behaves as Kerberos");
    EXPECT_EQ(static_cast<unsigned>(info.capabilities), 0x000F3BBFU);
    EXPECT_TRUE(sspan::contains(info.capabilities, package_capabilities::mutual_auth));
    EXPECT_EQ(info.version, 1U);
    EXPECT_EQ(info.rpc_id, 16U);
    EXPECT_EQ(info.max_token, loopback::configure().kerberos.max_token);
}

TEST(security_package, has_names) {
    using sspan::security_package;
    static_assert(sspan::to_string(security_package::not_told) == "not_told");
    EXPECT_EQ(sspan::to_string(security_package::not_told), "not_told");
    EXPECT_EQ(sspan::to_string(security_package::kerberos), "kerberos");
    EXPECT_EQ(sspan::to_string(security_package::ntlm), "ntlm");
    EXPECT_EQ(sspan::to_string(security_package::other), "other");
}

TEST_P(package, query_does_not_mind_case) {
    sspan::package_info info;
    ASSERT_TRUE(succeeded(try_query(GetParam(), L"ntlm", info)));
    EXPECT_EQ(info.name, L"NTLM");
}

TEST_P(package, unknown_name_is_not_found) {
    sspan::package_info info;
    EXPECT_TRUE(
        failed_with(try_query(GetParam(), L"NoSuch", info), errc::secpkg_not_found, "QuerySecurityPackageInfo"));
    EXPECT_TRUE(info.name.empty());
    EXPECT_TRUE(failed_with(try_query(GetParam(), L"", info), errc::secpkg_not_found, "QuerySecurityPackageInfo"));
}

TEST_P(package, name_with_a_zero_inside_is_refused_before_the_call) {
    using namespace std::string_view_literals;
    sspan::package_info info;
    EXPECT_TRUE(failed_with(try_query(GetParam(), L"Kerberos\0x"sv, info), errc::invalid_parameter,
                            "QuerySecurityPackageInfo"));
    EXPECT_EQ(calls(function::query_security_package_info), 0U);
}

TEST_P(package, enumerate_lists_all) {
    std::vector<sspan::package_info> list;
    ASSERT_TRUE(succeeded(try_enumerate(GetParam(), list)));
    ASSERT_EQ(list.size(), 3U);
    for (const auto& row : list) {
        const auto alone = sspan::query_package(row.name);
        EXPECT_EQ(alone.comment, row.comment);
        EXPECT_EQ(alone.capabilities, row.capabilities);
        EXPECT_EQ(alone.max_token, row.max_token);
    }
}

TEST_P(package, each_failure_of_each_call_arrives) {
    for (const auto status : all_failures()) {
        sspan::package_info info;
        loopback::fail_at(function::query_security_package_info, 1, status);
        EXPECT_TRUE(failed_with(try_query(GetParam(), sspan::package::ntlm, info), sspi_code(status),
                                "QuerySecurityPackageInfo"));
        EXPECT_TRUE(info.name.empty());
        std::vector<sspan::package_info> list(1);
        loopback::fail_at(function::enumerate_security_packages, 1, status);
        EXPECT_TRUE(failed_with(try_enumerate(GetParam(), list), sspi_code(status), "EnumerateSecurityPackages"));
        EXPECT_EQ(list.empty(), GetParam() == surface::error_code);
    }
}

TEST_P(package, success_without_a_result_is_an_internal_error_or_an_empty_list) {
    sspan::package_info info;
    loopback::fail_at(function::query_security_package_info, 1, SEC_E_OK); // returns success without any effect
    EXPECT_TRUE(failed_with(try_query(GetParam(), sspan::package::ntlm, info), errc::internal_error,
                            "QuerySecurityPackageInfo"));
    std::vector<sspan::package_info> list(1);
    loopback::fail_at(function::enumerate_security_packages, 1, SEC_E_OK);
    EXPECT_TRUE(succeeded(try_enumerate(GetParam(), list)));
    EXPECT_TRUE(list.empty());
}

TEST_P(package, misuse_06_what_the_package_allocated_is_freed_once) {
    sspan::package_info info;
    std::vector<sspan::package_info> list;
    ASSERT_TRUE(succeeded(try_query(GetParam(), sspan::package::ntlm, info)));
    EXPECT_EQ(calls(function::free_context_buffer), 1U);
    ASSERT_TRUE(succeeded(try_enumerate(GetParam(), list)));
    EXPECT_EQ(calls(function::free_context_buffer), 2U);
    EXPECT_EQ(loopback::live().package_blocks, 0U);
}

TEST_P(package, lack_of_memory_at_each_allocation_is_an_error_and_leaks_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    const auto until_it_works = [](auto attempt) {
        std::size_t failures = 0;
        for (std::size_t nth = 1; nth < 100; ++nth) {
            allocation::fail_at(nth);
            const auto result = attempt();
            allocation::fail_at(0);
            EXPECT_EQ(loopback::live().package_blocks, 0U);
            if (!result.code) {
                break;
            }
            EXPECT_EQ(result.code, errc::insufficient_memory);
            ++failures;
        }
        return failures;
    };
    sspan::package_info info;
    std::vector<sspan::package_info> list;
    EXPECT_GE(until_it_works([&] { return try_query(GetParam(), sspan::package::kerberos, info); }), 2U);
    EXPECT_EQ(info.name, L"Kerberos");
    EXPECT_GE(until_it_works([&] { return try_enumerate(GetParam(), list); }), 3U);
    EXPECT_EQ(list.size(), 3U);
}

} // namespace
