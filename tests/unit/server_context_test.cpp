// SPDX-License-Identifier: MIT
#include <sspan/server_context.hpp>

#include "adopt.hpp"
#include "conversation.hpp"
#include "fixture.hpp"
#include "messages.hpp"
#include "profiles.hpp"

#include <sspan/handshake.hpp>

#include <gtest/gtest.h>

#include <system_error>
#include <type_traits>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::context_flags;
using sspan::errc;

static_assert(std::is_base_of_v<sspan::security_context, sspan::server_context>);
static_assert(std::is_same_v<decltype(std::declval<sspan::server_handshake>().finish()), sspan::server_context>);
static_assert(std::is_same_v<decltype(std::declval<sspan::client_handshake>().finish()), sspan::client_context>);
static_assert(!std::is_constructible_v<sspan::server_context, sspan::security_context>);
static_assert(!std::is_convertible_v<sspan::security_context, sspan::server_context>);
static_assert(!std::is_copy_constructible_v<sspan::server_context>);
static_assert(std::is_nothrow_move_constructible_v<sspan::server_context>);
static_assert(std::is_nothrow_move_assignable_v<sspan::server_context>);

class server_context_test : public profile_test {};
INSTANTIATE_TEST_SUITE_P(each, server_context_test, each_profile(), name_of{});

TEST_P(server_context_test, zero_state_is_unusable) {
    sspan::server_context zero;
    EXPECT_FALSE(zero);
    std::error_code ec;
    EXPECT_FALSE(zero.verify(bytes{}, numbered(16), {}, ec));
    EXPECT_EQ(ec, errc::invalid_handle);
    EXPECT_EQ(calls(function::verify_signature), 0U);
}

TEST_P(server_context_test, finish_on_both_surfaces) {
    for (const auto form : surfaces) {
        conversation talk{GetParam(), form};
        ASSERT_TRUE(succeeded(talk.run()));
        sspan::server_context server;
        const auto result = outcome_of(form, [&](auto&... ec) { server = std::move(talk.server).finish(ec...); });
        EXPECT_TRUE(succeeded(result));
        EXPECT_TRUE(server);
        auto client = std::move(talk.client).finish();
        verify(client, sign(server, numbered(10)));
        EXPECT_EQ(decrypt(server, encrypt(client, numbered(10))), numbered(10));
    }
}

TEST_P(server_context_test, moves_and_is_deleted_once) {
    {
        auto pair = establish(GetParam());
        sspan::server_context moved = std::move(pair.server);
        EXPECT_FALSE(pair.server);
        EXPECT_TRUE(moved);
        pair.server = std::move(moved);
        verify(pair.client, sign(pair.server, numbered(10)));
        EXPECT_EQ(calls(function::delete_security_context), 0U);
    }
    EXPECT_EQ(calls(function::delete_security_context), 2U);
}

TEST_P(server_context_test, may_be_kept_as_a_mere_security_context) {
    auto pair = establish(GetParam());
    sspan::security_context kept = std::move(pair.server);
    EXPECT_FALSE(pair.server);
    verify(kept, sign(pair.client, numbered(10)));
}

TEST_P(server_context_test, adopt_takes_a_handle) {
    for (const auto form : surfaces) {
        auto pair = establish(GetParam());
        const auto granted = pair.server.granted();
        const auto handle = pair.server.release();
        EXPECT_FALSE(pair.server);
        const auto result = adopt(form, handle, granted, pair.server);
        EXPECT_TRUE(succeeded(result));
        EXPECT_EQ(pair.server.granted(), granted);
        verify(pair.server, sign(pair.client, numbered(10)));
    }
}

TEST_P(server_context_test, adopt_that_fails_deletes_the_context) {
    for (const auto form : surfaces) {
        auto pair = establish(GetParam());
        const auto handle = pair.server.release();
        loopback::fail_at(function::query_context_attributes, 1, SEC_E_INSUFFICIENT_MEMORY);
        const auto result = adopt(form, handle, context_flags::integrity, pair.server);
        EXPECT_FALSE(pair.server);
        EXPECT_TRUE(failed_with(result, errc::insufficient_memory, "QueryContextAttributes"));
        EXPECT_EQ(loopback::live().contexts, 1U);
    }
}

TEST_P(server_context_test, adopt_of_no_handle_is_invalid) {
    for (const auto form : surfaces) {
        sspan::server_context adopted;
        const auto result = adopt(form, CtxtHandle{}, context_flags::integrity, adopted);
        EXPECT_FALSE(adopted);
        EXPECT_TRUE(failed_with(result, errc::invalid_handle, "QueryContextAttributes"));
    }
}

} // namespace
