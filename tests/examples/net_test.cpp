// SPDX-License-Identifier: MIT
#include "net.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr auto enough = seconds{30};

/// Both ends of a connection.
struct pair {
    net::library sockets;
    net::listener listener{"127.0.0.1", 0};
    net::connection peer = net::connect("127.0.0.1", static_cast<unsigned>(std::stoul(listener.port())), enough);
    net::connection ours = listener.accept(enough);
};

/// Returns the time until `action` reports that the peer is too slow.
template <class Action>
steady_clock::duration time_until_too_slow(Action action) {
    const auto start = steady_clock::now();
    try {
        action();
        ADD_FAILURE() << "no deadline was missed";
    } catch (const std::runtime_error& error) {
        EXPECT_TRUE(std::string{error.what()}.ends_with("the peer is silent or too slow")) << error.what();
    }
    return steady_clock::now() - start;
}

TEST(connection, what_arrives_in_pieces) {
    pair ends;
    std::vector<std::byte> sent(1'000'000);
    for (std::size_t index = 0; index < sent.size(); ++index) {
        sent[index] = static_cast<std::byte>(index % 251);
    }
    const std::jthread sender{[&] { // more than the system buffers
        for (int round = 0; round < 20; ++round) {
            ends.peer.send(sent);
        }
    }};
    std::vector<std::byte> received;
    for (int round = 0; round < 20; ++round) {
        ends.ours.receive(received, sent.size());
        ASSERT_EQ(received, sent);
    }
}

TEST(connection, silent_peer) {
    pair ends;
    ends.ours.allow(seconds{1});
    std::array<std::byte, 1> byte{};
    const auto time = time_until_too_slow([&] { ends.ours.receive(byte); });
    EXPECT_GE(time, milliseconds{900});
    EXPECT_LT(time, seconds{10});
}

TEST(connection, byte_now_and_then_is_too_slow) {
    pair ends;
    std::atomic<bool> over = false;
    const std::jthread slow{[&] {
        while (!over) {
            ends.peer.send(std::array{std::byte{1}});
            std::this_thread::sleep_for(milliseconds{50});
        }
    }};
    ends.ours.allow(seconds{1});
    std::array<std::byte, 100'000> bytes{};
    const auto time = time_until_too_slow([&] { ends.ours.receive(bytes); });
    over = true;
    EXPECT_GE(time, milliseconds{900});
    EXPECT_LT(time, seconds{10});
}

TEST(connection, calls_share_the_time_until_the_next_allow) {
    pair ends;
    ends.ours.allow(seconds{1});
    std::array<std::byte, 1> byte{};
    for (int round = 0; round < 3; ++round) {
        std::this_thread::sleep_for(milliseconds{500});
        ends.peer.send(byte);
        ends.ours.allow(seconds{1});
        ends.ours.receive(byte);
    }
    ends.peer.send(byte);
    std::this_thread::sleep_for(milliseconds{1100});
    time_until_too_slow([&] { ends.ours.receive(byte); }); // the byte has arrived, but too late
}

TEST(connection, peer_that_does_not_read) {
    pair ends;
    const std::vector<std::byte> much(64'000'000);
    ends.ours.allow(seconds{1});
    const auto time = time_until_too_slow([&] { ends.ours.send(much); });
    EXPECT_GE(time, milliseconds{900});
    EXPECT_LT(time, seconds{10});
}

TEST(connection, finish_waits_for_no_flood) {
    pair ends;
    const std::jthread flooding{[&] {
        const std::vector<std::byte> much(100'000);
        EXPECT_THROW(for (;;) { ends.peer.send(much); }, std::system_error); // reset
    }};
    const auto start = steady_clock::now();
    {
        auto ours = std::move(ends.ours);
        ours.finish();
    }
    const auto time = steady_clock::now() - start;
    EXPECT_GE(time, milliseconds{900});
    EXPECT_LT(time, seconds{10});
}

TEST(connection, input_and_end) {
    pair ends;
    EXPECT_FALSE(ends.ours.has_input());
    std::array<std::byte, 1> byte{};
    ends.peer.send(byte);
    EXPECT_TRUE(ends.ours.receive_or_end(byte));
    EXPECT_FALSE(ends.ours.has_input());
    const std::jthread ending{[&] { ends.peer.finish(); }};
    EXPECT_FALSE(ends.ours.receive_or_end(byte));
    EXPECT_TRUE(ends.ours.has_input()) << "the end";
}

TEST(connection, frames) {
    pair ends;
    const std::vector<std::byte> sent(70'000, std::byte{7});
    const std::jthread sender{[&] {
        ends.peer.send_frame({});
        ends.peer.send_frame(sent);
        ends.peer.send_frame(std::array{std::byte{1}, std::byte{2}});
        ends.peer.finish();
    }};
    EXPECT_TRUE(ends.ours.receive_frame(0).empty());
    EXPECT_EQ(ends.ours.receive_frame(sent.size()), sent);
    std::vector<std::byte> last;
    ASSERT_TRUE(ends.ours.receive_frame_or_end(last, 2));
    EXPECT_EQ(last, (std::vector{std::byte{1}, std::byte{2}}));
    EXPECT_FALSE(ends.ours.receive_frame_or_end(last, 2));
    EXPECT_THROW(static_cast<void>(ends.ours.receive_frame(2)), std::runtime_error);
}

TEST(connection, frame_over_the_limit) {
    pair ends;
    ends.peer.send(std::array{std::byte{0}, std::byte{1}, std::byte{0}, std::byte{2}});
    try {
        static_cast<void>(ends.ours.receive_frame(65'537));
        ADD_FAILURE() << "it was received";
    } catch (const std::runtime_error& error) {
        EXPECT_EQ(std::string{error.what()}, "the peer claims a length of 65538 bytes; the limit is 65537");
    }
}

} // namespace
