// SPDX-License-Identifier: MIT
//
// An object keeps the objects that it needs alive. The loopback package reports credentials that are freed before their
// contexts.
#include <sspan/handshake.hpp>

#include "allocation.hpp"
#include "conversation.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using loopback::live;
using sspan::credentials;
using sspan::errc;

static_assert(sizeof(credentials) == 2 * sizeof(void*));
static_assert(sizeof(sspan::security_context) == 2 * sizeof(void*));
static_assert(sizeof(sspan::server_context) == sizeof(sspan::security_context));

class lifetimes : public profile_test {
protected:
    void SetUp() override {
        profile_test::SetUp();
        loopback::configure().credentials_outlive_contexts = true;
    }
};
INSTANTIATE_TEST_SUITE_P(each, lifetimes, each_profile(), name_of{});

sspan::client_handshake client_of_local_credentials(const profile& which) {
    const auto mine = credentials::outbound(which.package);
    return {mine, service(), which.client_options()};
}
sspan::server_handshake server_of_local_credentials(const profile& which) {
    const auto mine = credentials::inbound(which.package);
    return sspan::server_handshake{mine};
}

TEST_P(lifetimes, handshake_keeps_the_credentials_of_the_function_that_made_it) {
    auto client = client_of_local_credentials(GetParam());
    auto server = server_of_local_credentials(GetParam());
    EXPECT_EQ(live().credentials, 2U);
    run(client, server);
    auto client_context = std::move(client).finish();
    auto server_context = std::move(server).finish();
    expect_working(client_context, server_context);
}

TEST_P(lifetimes, handshake_takes_temporary_credentials) {
    sspan::client_handshake client{credentials::outbound(GetParam().package), service(), GetParam().client_options()};
    sspan::server_handshake server{credentials::inbound(GetParam().package)};
    run(client, server);
}

/// The members are destroyed in reverse order: the credentials before the context.
struct session {
    sspan::security_context context;
    credentials own;
};

TEST_P(lifetimes, context_keeps_credentials_that_die_before_it) {
    {
        auto pair = establish(GetParam());
        const session client{std::move(pair.client), std::move(pair.client_credentials)};
        const session server{std::move(pair.server), std::move(pair.server_credentials)};
        loopback::on_call(function::free_credentials_handle, 1, [] { EXPECT_EQ(live().contexts, 1U); });
    }
    EXPECT_EQ(calls(function::free_credentials_handle), 2U);
}

TEST_P(lifetimes, halves_keep_the_credentials) {
    sspan::message_halves halves;
    {
        auto pair = establish(GetParam());
        halves = std::move(pair.client).split();
    }
    EXPECT_EQ(live().credentials, 1U);
    halves.sender = {};
    EXPECT_EQ(live().credentials, 1U);
    halves.receiver = {};
    EXPECT_TRUE(live().none());
}

TEST_P(lifetimes, credentials_that_are_renewed_between_two_legs_do_not_matter_to_the_handshake) {
    conversation talk{GetParam()};
    talk.run_legs(2);
    talk.outbound = credentials::outbound(GetParam().package);
    talk.inbound = credentials::inbound(GetParam().package);
    ASSERT_TRUE(succeeded(talk.run()));
    expect_established(talk);
}

TEST_P(lifetimes, assigned_handshake_deletes_its_old_context_before_it_frees_the_credentials) {
    auto client = client_of_local_credentials(GetParam());
    EXPECT_FALSE(client.step().token.empty());
    auto server = server_of_local_credentials(GetParam());
    {
        auto other = client_of_local_credentials(GetParam());
        EXPECT_FALSE(server.step(copy_of(other.step().token)).token.empty());
    }
    EXPECT_EQ(live().contexts, 2U);
    client = client_of_local_credentials(GetParam());
    server = server_of_local_credentials(GetParam());
    EXPECT_EQ(live().contexts, 0U);
    EXPECT_EQ(live().credentials, 2U);
    run(client, server);
    auto client_context = std::move(client).finish();
    auto server_context = std::move(server).finish();
    expect_working(client_context, server_context);
}

TEST_P(lifetimes, credentials_are_freed_with_the_last_share) {
    auto first = credentials::outbound(GetParam().package);
    auto second = first;
    EXPECT_EQ(second.native_handle().dwLower, first.native_handle().dwLower);
    EXPECT_EQ(second.package(), GetParam().package);
    EXPECT_EQ(second.max_token(), first.max_token());
    EXPECT_EQ(second.expiry(), first.expiry());
    first = {};
    EXPECT_EQ(live().credentials, 1U);
    std::optional<sspan::client_handshake> client{std::in_place, second, service(), GetParam().client_options()};
    second = {};
    EXPECT_EQ(live().credentials, 1U);
    EXPECT_FALSE(client->step().token.empty());
    client.reset();
    EXPECT_EQ(live().credentials, 0U);
    EXPECT_EQ(calls(function::free_credentials_handle), 1U);
}

/// Calls release(), on this surface.
template <class Owner, class Handle>
outcome release(surface form, Owner& owner, Handle& handle) {
    return outcome_of(form, [&](auto&... ec) { handle = owner.release(ec...); });
}

TEST_P(lifetimes, credentials_that_are_shared_are_not_given_away) {
    for (const auto form : surfaces) {
        auto mine = credentials::outbound(GetParam().package);
        CredHandle handle{1, 1};
        {
            const auto copy = mine;
            EXPECT_TRUE(failed_with(release(form, mine, handle), errc::not_owner, "sspan::credentials::release"));
            EXPECT_TRUE(mine);
        }
        {
            const sspan::client_handshake client{mine, service()};
            EXPECT_TRUE(failed_with(release(form, mine, handle), errc::not_owner, "sspan::credentials::release"));
        }
        EXPECT_TRUE(succeeded(release(form, mine, handle)));
        EXPECT_FALSE(mine);
        EXPECT_EQ(live().credentials, 1U);
        EXPECT_EQ(sspan::detail::api::free_credentials_handle(&handle), SEC_E_OK);
        EXPECT_TRUE(succeeded(release(form, mine, handle)));
        EXPECT_EQ(handle.dwLower | handle.dwUpper, 0U);
    }
}

TEST_P(lifetimes, last_owner_of_a_context_gives_its_handle_away) {
    for (const auto form : surfaces) {
        auto pair = establish(GetParam());
        const auto lent = pair.client.native_handle();
        CtxtHandle handle{};
        ASSERT_TRUE(succeeded(release(form, pair.client, handle)));
        EXPECT_EQ(handle.dwLower, lent.dwLower);
        EXPECT_FALSE(pair.client);
        EXPECT_EQ(live().contexts, 2U);
        EXPECT_EQ(sspan::detail::api::delete_security_context(&handle), SEC_E_OK);
        ASSERT_TRUE(succeeded(release(form, pair.client, handle)));
        EXPECT_EQ(handle.dwLower | handle.dwUpper, 0U);
    }
}

TEST_P(lifetimes, finish_moves_and_split_allocate_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    conversation talk{GetParam()};
    ASSERT_TRUE(succeeded(talk.run()));
    std::error_code ec;
    const auto before = allocation::count();
    auto client = std::move(talk.client).finish(ec);
    auto moved = std::move(client);
    const auto halves = std::move(moved).split(ec);
    const auto after = allocation::count();
    EXPECT_FALSE(ec);
    EXPECT_TRUE(halves.sender);
    EXPECT_EQ(after, before);
}

TEST_P(lifetimes, threads_share_credentials) {
    const auto outbound = credentials::outbound(GetParam().package);
    const auto work = [&which = GetParam()](const credentials& mine) {
        for (int i = 0; i != 200; ++i) {
            const auto copy = mine; // NOLINT(performance-unnecessary-copy-initialization): the copies are counted
            sspan::client_handshake client{copy, service(), which.client_options()};
            EXPECT_FALSE(client.step().token.empty());
        }
    };
    std::thread one{work, outbound};
    std::thread other{work, outbound};
    one.join();
    other.join();
}

} // namespace
