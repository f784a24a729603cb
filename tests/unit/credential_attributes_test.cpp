// SPDX-License-Identifier: MIT
#include <sspan/credential_attributes.hpp>

#include "allocation.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace {

using namespace std::string_view_literals;
using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::credentials;
using sspan::errc;

constexpr const char* query = "QueryCredentialsAttributes";
constexpr const char* set = "SetCredentialsAttributes";

outcome query_name(surface form, const credentials& creds, std::wstring& name) {
    return outcome_of(form, [&](auto&... ec) { name = sspan::query_user_name(creds, ec...); });
}
outcome set_proxy(surface form, const credentials& creds, std::wstring_view server) {
    return outcome_of(form, [&](auto&... ec) { sspan::set_kdc_proxy(creds, server, ec...); });
}

class credential_attributes : public surface_test {
protected:
    static credentials acquire() { return credentials::outbound(which_profile().package); }
};
INSTANTIATE_TEST_SUITE_P(each, credential_attributes, each_profile_and_surface(), name_of{});

TEST_P(credential_attributes, name_is_whose_they_are) {
    const auto creds = acquire();
    std::wstring name;
    EXPECT_TRUE(succeeded(query_name(which_surface(), creds, name)));
    EXPECT_EQ(name, L"LOOPBACK\\alice");
}

TEST_P(credential_attributes, misuse_06_each_failure_of_the_query_leaves_nothing) {
    const auto creds = acquire();
    for (const auto status : all_failures()) {
        loopback::fail_at(function::query_credentials_attributes, 1, status);
        std::wstring name;
        EXPECT_TRUE(failed_with(query_name(which_surface(), creds, name), sspi_code(status), query));
        EXPECT_TRUE(name.empty());
    }
}

TEST_P(credential_attributes, success_without_a_name_is_an_internal_error) {
    const auto creds = acquire();
    loopback::fail_at(function::query_credentials_attributes, 1, SEC_E_OK); // returns success without any effect
    std::wstring name;
    EXPECT_TRUE(failed_with(query_name(which_surface(), creds, name), errc::internal_error, query));
}

TEST_P(credential_attributes, zero_state_has_none) {
    const credentials zero;
    std::wstring name;
    EXPECT_TRUE(failed_with(query_name(which_surface(), zero, name), errc::invalid_handle, query));
    EXPECT_TRUE(failed_with(set_proxy(which_surface(), zero, L"proxy"), errc::invalid_handle, set));
    EXPECT_EQ(calls(function::query_credentials_attributes) + calls(function::set_credentials_attributes), 0U);
}

TEST_P(credential_attributes, lack_of_memory_is_an_error_and_leaks_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    loopback::configure().domain = std::wstring(100, L'D'); // too long for a string without allocation
    const auto creds = acquire();
    std::wstring name;
    outcome result;
    allocation::fail_at(1);
    result = query_name(which_surface(), creds, name);
    allocation::fail_at(0);
    EXPECT_EQ(result.code, errc::insufficient_memory);
    for (const std::size_t nth : {1U, 2U}) {
        allocation::fail_at(nth);
        result = set_proxy(which_surface(), creds, L"proxy.corp.example");
        allocation::fail_at(0);
        EXPECT_EQ(result.code, errc::insufficient_memory);
    }
}

TEST_P(credential_attributes, proxy_reaches_the_package) {
    const auto creds = acquire();
    const auto result = set_proxy(which_surface(), creds, L"proxy.corp.example:443/KdcProxy");
    if (which_profile().package == sspan::package::ntlm) {
        EXPECT_TRUE(failed_with(result, errc::unsupported_function, set));
    } else {
        EXPECT_TRUE(succeeded(result));
        EXPECT_EQ(loopback::kdc_proxy(creds.native_handle()), L"proxy.corp.example:443/KdcProxy");
    }
}

TEST_P(credential_attributes, proxy_is_the_only_way_to_the_key_distribution_centre) {
    if (which_profile().package != sspan::package::ntlm) { // the loopback package reports any other flags
        EXPECT_TRUE(succeeded(set_proxy(which_surface(), acquire(), L"proxy")));
        EXPECT_EQ(loopback::violations(), 0U);
    }
}

TEST_P(credential_attributes, each_failure_of_setting_is_reported) {
    const auto creds = acquire();
    for (const auto status : all_failures()) {
        loopback::fail_at(function::set_credentials_attributes, 1, status);
        EXPECT_TRUE(failed_with(set_proxy(which_surface(), creds, L"proxy"), sspi_code(status), set));
    }
}

TEST_P(credential_attributes, proxy_that_cannot_be_named_is_refused_before_any_call) {
    const auto creds = acquire();
    const std::wstring longest((0xFFFF - sizeof(sspan::detail::SecPkgCredentials_KdcProxySettingsW)) / 2 - 1, L'p');
    const auto too_long = longest + L"p";
    for (const auto server : {L""sv, L"proxy\0.example"sv, std::wstring_view{too_long}}) {
        EXPECT_TRUE(failed_with(set_proxy(which_surface(), creds, server), errc::invalid_parameter, set));
    }
    EXPECT_EQ(calls(function::set_credentials_attributes), 0U);
    if (which_profile().package != sspan::package::ntlm) {
        EXPECT_TRUE(succeeded(set_proxy(which_surface(), creds, longest)));
        EXPECT_EQ(loopback::kdc_proxy(creds.native_handle()), longest);
    }
}

} // namespace
