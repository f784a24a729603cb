// SPDX-License-Identifier: MIT
#include <sspan/os/substitute.hpp>

#include <sspan/identity.hpp>

#include <gtest/gtest.h>

namespace {

using sspan::identity;
using sspan::detail::has_package_list;
using sspan::detail::os_string;

/// What the substitutes are given.
bool is_seen(const identity* who, const os_string& packages) {
    bool seen = false;
    const auto status = sspan::detail::auth_data::with(who, packages, [&seen](const void* auth_data) {
        seen = has_package_list(auth_data);
        return SEC_E_OK;
    });
    return status == SEC_E_OK && seen;
}

TEST(substitute, sees_a_list_of_packages_whoever_logs_on) {
    os_string list;
    ASSERT_TRUE(sspan::detail::to_os(L"!ntlm", list));
    const identity who{L"alice", L"LOOPBACK", L"correct horse"};
    EXPECT_TRUE(is_seen(&who, list));
    EXPECT_TRUE(is_seen(nullptr, list));
    EXPECT_FALSE(is_seen(&who, {}));
    EXPECT_FALSE(is_seen(nullptr, {}));
}

} // namespace
