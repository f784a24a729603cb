// SPDX-License-Identifier: MIT
//
// A context that was split into a sending and a receiving half.
#include <sspan/security_context.hpp>

#include "message_queue.hpp"
#include "messages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;
using sspan::message_receiver;
using sspan::message_sender;

template <class T>
constexpr bool only_moves = !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> &&
                            std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>;
static_assert(only_moves<message_sender>);
static_assert(only_moves<message_receiver>);

template <class T>
concept can_sign = requires(T half, bytes memory) { half.sign(memory, memory); };
template <class T>
concept can_verify = requires(T half, bytes memory) { half.verify(memory, memory); };
static_assert(can_sign<message_sender> && !can_verify<message_sender>);
static_assert(can_verify<message_receiver> && !can_sign<message_receiver>);

class message_halves : public surface_test {
protected:
    static outcome split(sspan::security_context& context, sspan::message_halves& halves) {
        return outcome_of(which_surface(), [&](auto&... ec) { halves = std::move(context).split(ec...); });
    }
};
INSTANTIATE_TEST_SUITE_P(each, message_halves, each_profile_and_surface(), name_of{});

TEST_P(message_halves, do_what_the_context_did) {
    auto pair = establish(which_profile());
    const auto sizes = pair.client.sizes();
    const auto granted = pair.client.granted();
    const auto expiry = pair.client.expiry();
    ASSERT_TRUE(expiry.has_value());
    sspan::message_halves halves;
    ASSERT_TRUE(succeeded(split(pair.client, halves)));
    EXPECT_FALSE(pair.client);
    EXPECT_EQ(halves.sender.granted(), granted);
    EXPECT_EQ(halves.receiver.granted(), granted);
    EXPECT_EQ(halves.sender.expiry(), expiry);
    EXPECT_EQ(halves.receiver.expiry(), expiry);
    EXPECT_TRUE(halves.sender);
    EXPECT_TRUE(halves.receiver);
    EXPECT_EQ(halves.sender.sizes().max_signature, sizes.max_signature);
    EXPECT_EQ(halves.receiver.sizes().security_trailer, sizes.security_trailer);

    bytes room(sizes.max_signature);
    EXPECT_NO_THROW(pair.server.verify(numbered(10), halves.sender.sign(numbered(10), room)));
    const auto answer = testing_support::sign(pair.server, numbered(11));
    EXPECT_NO_THROW(halves.receiver.verify(answer.data, answer.signature));
    EXPECT_EQ(pair.server.unwrap_copy(halves.sender.wrap_copy(numbered(12))).data, numbered(12));
    EXPECT_EQ(halves.receiver.unwrap_copy(pair.server.wrap_copy(numbered(13))).data, numbered(13));
}

TEST_P(message_halves, misuse_07_context_is_deleted_with_the_second) {
    {
        auto pair = establish(which_profile());
        sspan::message_halves halves;
        ASSERT_TRUE(succeeded(split(pair.client, halves)));
        halves.sender = message_sender{};
        EXPECT_EQ(calls(function::delete_security_context), 0U);
        const auto answer = testing_support::sign(pair.server, numbered(11));
        EXPECT_NO_THROW(halves.receiver.verify(answer.data, answer.signature));
        halves.receiver = message_receiver{};
        EXPECT_EQ(calls(function::delete_security_context), 1U);
    }
    EXPECT_EQ(calls(function::delete_security_context), 2U);
}

TEST_P(message_halves, zero_state_does_not_split) {
    sspan::client_context zero;
    sspan::message_halves halves;
    EXPECT_TRUE(failed_with(split(zero, halves), errc::invalid_handle, "sspan::security_context::split"));
    EXPECT_FALSE(halves.sender);
    EXPECT_FALSE(halves.receiver);
    EXPECT_EQ(halves.sender.granted() | halves.receiver.granted(), sspan::context_flags::none);
    EXPECT_FALSE(halves.sender.expiry() || halves.receiver.expiry());
}

TEST_P(message_halves, moved_from_half_is_the_zero_state) {
    auto pair = establish(which_profile());
    sspan::message_halves halves;
    ASSERT_TRUE(succeeded(split(pair.client, halves)));
    const auto sender = std::move(halves.sender);
    const auto receiver = std::move(halves.receiver);
    EXPECT_FALSE(halves.sender);
    EXPECT_FALSE(halves.receiver);
    EXPECT_EQ(halves.sender.sizes().max_signature, 0U);
    EXPECT_EQ(halves.receiver.sizes().max_signature, 0U);
    auto memory = numbered(100);
    sspan::message_frame frame{sender.sizes(), 10};
    std::error_code ec;
    const auto refused = [&ec] { return std::exchange(ec, {}) == errc::invalid_handle; };
    EXPECT_TRUE(halves.sender.sign(numbered(1), memory, {}, ec).empty());
    EXPECT_TRUE(refused());
    static_cast<void>(halves.sender.encrypt({.data = memory}, {}, ec));
    EXPECT_TRUE(refused());
    EXPECT_TRUE(halves.sender.wrap(frame, 1, {}, ec).empty());
    EXPECT_TRUE(refused());
    EXPECT_FALSE(halves.receiver.verify(numbered(1), memory, {}, ec));
    EXPECT_TRUE(refused());
    static_cast<void>(halves.receiver.decrypt({.data = memory}, {}, ec));
    EXPECT_TRUE(refused());
    static_cast<void>(halves.receiver.unwrap(memory, {}, ec));
    EXPECT_TRUE(refused());
    EXPECT_EQ(memory, numbered(100));
}

using pipe = message_queue<bytes>;

TEST_P(message_halves, one_thread_sends_while_another_receives) {
    auto pair = establish(which_profile());
    sspan::message_halves client;
    sspan::message_halves server;
    ASSERT_TRUE(succeeded(split(pair.client, client)));
    ASSERT_TRUE(succeeded(split(pair.server, server)));
    constexpr std::size_t count = 2000;
    pipe to_server;
    pipe to_client;
    std::atomic<std::size_t> right{0};
    const auto sends = [](message_sender& sender, pipe& way) {
        sspan::message_frame frame{sender.sizes(), 50};
        for (std::size_t i = 0; i != count; ++i) {
            std::ranges::copy(numbered(i % 50), frame.payload().begin());
            way.send(copy_of(sender.wrap(frame, i % 50)));
        }
    };
    const auto receives = [&right](message_receiver& receiver, pipe& way) {
        for (std::size_t i = 0; i != count; ++i) {
            auto wire = way.receive();
            right += copy_of(receiver.unwrap(wire).data) == numbered(i % 50) ? 1U : 0U;
        }
    };
    std::thread threads[]{std::thread{[&] { sends(client.sender, to_server); }},
                          std::thread{[&] { sends(server.sender, to_client); }},
                          std::thread{[&] { receives(client.receiver, to_client); }},
                          std::thread{[&] { receives(server.receiver, to_server); }}};
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(right, 2 * count);
}

} // namespace
