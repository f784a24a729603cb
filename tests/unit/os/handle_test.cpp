// SPDX-License-Identifier: MIT
#include <sspan/os/handle.hpp>

#include "unit/fixture.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <utility>
#include <vector>

namespace {

using sspan::detail::sec_handle_kind;
using sspan::detail::unique_handle;

std::vector<ULONG_PTR> closed;

struct recorded_kind : sec_handle_kind {
    static void close(SecHandle handle) { closed.push_back(handle.dwLower); }
};
using recorded = unique_handle<recorded_kind>;

static_assert(!std::is_copy_constructible_v<recorded>);
static_assert(!std::is_copy_assignable_v<recorded>);
static_assert(std::is_nothrow_move_constructible_v<recorded>);
static_assert(std::is_nothrow_move_assignable_v<recorded>);
static_assert(!std::is_convertible_v<SecHandle, recorded>);
static_assert(!std::is_convertible_v<recorded, bool>);
static_assert(sizeof(recorded) == sizeof(SecHandle));

class handle : public ::testing::Test {
protected:
    void SetUp() override { closed.clear(); }
};

TEST_F(handle, misuse_07_zero_state_closes_nothing) {
    {
        recorded zero;
        EXPECT_FALSE(zero);
        const recorded moved{std::move(zero)};
        EXPECT_FALSE(moved);
        zero.reset();
    }
    EXPECT_TRUE(closed.empty());
}

TEST_F(handle, closes_once_however_often_it_moved) {
    {
        recorded first{SecHandle{7, 0}};
        EXPECT_TRUE(first);
        recorded second{std::move(first)};
        EXPECT_FALSE(first);
        recorded third;
        third = std::move(second);
        EXPECT_FALSE(second);
        EXPECT_EQ(third.get().dwLower, 7U);
        EXPECT_TRUE(closed.empty());
    }
    EXPECT_EQ(closed, (std::vector<ULONG_PTR>{7}));
}

TEST_F(handle, assignment_closes_what_was_there) {
    recorded one{SecHandle{1, 0}};
    one = recorded{SecHandle{2, 0}};
    EXPECT_EQ(closed, (std::vector<ULONG_PTR>{1}));
    auto& same = one;
    one = std::move(same);
    EXPECT_EQ(one.get().dwLower, 2U);
    EXPECT_EQ(closed.size(), 1U);
}

TEST_F(handle, reset_closes_now_and_release_never) {
    recorded one{SecHandle{1, 0}};
    one.reset();
    EXPECT_EQ(closed, (std::vector<ULONG_PTR>{1}));
    EXPECT_FALSE(one);
    recorded two{SecHandle{2, 0}};
    EXPECT_EQ(two.release().dwLower, 2U);
    EXPECT_FALSE(two);
    EXPECT_EQ(closed.size(), 1U);
}

TEST_F(handle, swap_exchanges) {
    recorded one{SecHandle{1, 0}};
    recorded zero;
    one.swap(zero);
    EXPECT_FALSE(one);
    EXPECT_EQ(zero.get().dwLower, 1U);
}

TEST_F(handle, trap_sspis_two_marks_for_no_handle_are_the_zero_state) {
    constexpr auto ones = ~ULONG_PTR{0};
    {
        EXPECT_FALSE(recorded{(SecHandle{0, 0})});
        EXPECT_FALSE(recorded{(SecHandle{ones, ones})});
        EXPECT_FALSE(recorded{(SecHandle{ones, 1})});
        EXPECT_FALSE(recorded{(SecHandle{1, ones})});
        EXPECT_TRUE(recorded{(SecHandle{0, 1})}) << "zero in one half only is a valid handle";
    }
    EXPECT_EQ(closed, (std::vector<ULONG_PTR>{0}));
}

class handle_kinds : public testing_support::loopback_test {};

TEST_F(handle_kinds, misuse_05_each_is_closed_by_its_own_function) {
    using loopback::calls;
    using loopback::function;
    SecPkgInfoW* info = nullptr;
    ULONG count = 0;
    ASSERT_EQ(sspan::detail::api::enumerate_security_packages(&count, &info), SEC_E_OK);
    {
        const sspan::detail::context_buffer<SecPkgInfoW> owner{info};
    }
    EXPECT_EQ(calls(function::free_context_buffer), 1U);

    auto credentials = sspan::credentials::outbound(sspan::package::ntlm).release();
    {
        const sspan::detail::credentials_handle owner{credentials};
    }
    EXPECT_EQ(calls(function::free_credentials_handle), 1U);
    EXPECT_EQ(calls(function::delete_security_context), 0U);

    loopback::impersonate_on_thread(L"LOOPBACK\\bob", SecurityImpersonation);
    HANDLE token = nullptr;
    ASSERT_EQ(sspan::detail::api::open_thread_token(TOKEN_QUERY, true, &token), 0U);
    {
        const sspan::detail::token_handle owner{token};
    }
    EXPECT_EQ(calls(function::close_handle), 1U);
    loopback::stop_impersonating_on_thread();

    { // the context is last: credentials outlive contexts
        auto pair = testing_support::establish();
        const auto context = pair.client.release();
        {
            const sspan::detail::context_handle owner{context};
        }
        EXPECT_EQ(calls(function::delete_security_context), 1U);
    }
}

} // namespace
