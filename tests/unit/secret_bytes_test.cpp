// SPDX-License-Identifier: MIT
#include <sspan/secret_bytes.hpp>

#include "fixture.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <utility>

namespace {

using namespace testing_support;
using sspan::secret_bytes;

static_assert(!std::is_copy_constructible_v<secret_bytes>);
static_assert(!std::is_copy_assignable_v<secret_bytes>);
static_assert(std::is_nothrow_move_constructible_v<secret_bytes>);
static_assert(std::is_nothrow_move_assignable_v<secret_bytes>);

class secrets : public loopback_test {};

TEST_F(secrets, are_copied_and_wiped_at_the_end) {
    const auto original = to_bytes("0123456789");
    {
        const secret_bytes secret{original};
        EXPECT_EQ(copy_of(secret.get()), original);
        EXPECT_EQ(secret.size(), original.size());
        EXPECT_FALSE(secret.empty());
        EXPECT_EQ(loopback::wiped_bytes(), 0U);
    }
    EXPECT_EQ(loopback::wiped_bytes(), original.size());
}

TEST_F(secrets, are_wiped_when_assigned_to) {
    secret_bytes secret{to_bytes("0123456789")};
    secret = {};
    EXPECT_TRUE(secret.empty());
    EXPECT_EQ(loopback::wiped_bytes(), 10U);
    secret = secret_bytes{to_bytes("abc")};
    secret = secret_bytes{to_bytes("de")};
    EXPECT_EQ(loopback::wiped_bytes(), 13U);
    EXPECT_EQ(copy_of(secret.get()), to_bytes("de"));
}

TEST_F(secrets, leave_nothing_behind_when_moved) {
    secret_bytes secret{to_bytes("0123456789")};
    const auto* const where = secret.get().data();
    const secret_bytes moved{std::move(secret)};
    EXPECT_TRUE(secret.empty());
    EXPECT_TRUE(secret.get().empty());
    EXPECT_EQ(moved.get().data(), where); // there is still only one copy
}

} // namespace
