// SPDX-License-Identifier: MIT
//
// One thread sends while another receives, on both sides of one context. ThreadSanitizer checks them.
#include <sspan/security_context.hpp>

#include "unit/fixture.hpp"
#include "unit/profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace {

using namespace testing_support;

constexpr std::size_t message_size = 32;
constexpr std::size_t slots = 64;

std::size_t messages_each_way() {
    const char* wanted = std::getenv("SSPAN_MESSAGES");
    return wanted != nullptr ? std::stoul(wanted) : 100'000;
}

/// A channel from one thread to another. It synchronizes nothing but the bytes that it carries.
class channel {
public:
    struct message {
        std::array<std::byte, message_size + 160> bytes{};
        std::size_t size = 0;
    };

    template <class Fill>
    void send(Fill fill) {
        const auto next = sent_.load(std::memory_order_relaxed);
        while (next - received_.load(std::memory_order_acquire) == slots) {
            std::this_thread::yield();
        }
        fill(messages_[next % slots]);
        sent_.store(next + 1, std::memory_order_release);
    }
    template <class Take>
    void receive(Take take) {
        const auto next = received_.load(std::memory_order_relaxed);
        while (sent_.load(std::memory_order_acquire) == next) {
            std::this_thread::yield();
        }
        take(messages_[next % slots]);
        received_.store(next + 1, std::memory_order_release);
    }

private:
    std::array<message, slots> messages_{};
    std::atomic<std::size_t> sent_{0};
    std::atomic<std::size_t> received_{0};
};

void number(std::span<std::byte> data, std::size_t value) {
    for (auto& byte : data) {
        byte = static_cast<std::byte>(value & 0xFF);
        value = value / 2 + 7;
    }
}

/// Sends signed and wrapped messages in turns.
void send_all(sspan::message_sender sender, channel& to, std::size_t count) {
    sspan::message_frame frame{sender.sizes(), message_size};
    for (std::size_t i = 0; i != count; ++i) {
        to.send([&](channel::message& out) {
            if (i % 2 == 0) {
                const auto data = std::span{out.bytes}.first(message_size);
                number(data, i);
                const auto signature = sender.sign(data, std::span{out.bytes}.subspan(message_size));
                out.size = message_size + signature.size();
            } else {
                number(frame.payload(), i);
                const auto wire = sender.wrap(frame, message_size);
                std::ranges::copy(wire, out.bytes.begin());
                out.size = wire.size();
            }
        });
    }
}

void receive_all(sspan::message_receiver receiver, channel& from, std::size_t count, std::size_t& right) {
    std::array<std::byte, message_size> expected{};
    for (std::size_t i = 0; i != count; ++i) {
        from.receive([&](channel::message& in) {
            number(expected, i);
            const auto all = std::span{in.bytes}.first(in.size);
            std::error_code ec;
            if (i % 2 == 0) {
                const auto data = all.first(message_size);
                right += receiver.verify(data, all.subspan(message_size), {}, ec) && std::ranges::equal(data, expected);
            } else {
                const auto opened = receiver.unwrap(all, {}, ec);
                right += !ec && std::ranges::equal(opened.data, expected);
            }
        });
    }
}

class halves : public profile_test {};
INSTANTIATE_TEST_SUITE_P(each, halves, each_profile(), name_of{});

TEST_P(halves, send_and_receive_at_once) {
    auto pair = establish(GetParam());
    auto client = std::move(pair.client).split();
    auto server = std::move(pair.server).split();
    channel up;
    channel down;
    std::size_t right_up = 0;
    std::size_t right_down = 0;
    const auto count = messages_each_way();
    {
        const std::jthread client_sends{[&] { send_all(std::move(client.sender), up, count); }};
        const std::jthread server_receives{[&] { receive_all(std::move(server.receiver), up, count, right_up); }};
        const std::jthread server_sends{[&] { send_all(std::move(server.sender), down, count); }};
        const std::jthread client_receives{[&] { receive_all(std::move(client.receiver), down, count, right_down); }};
    }
    EXPECT_EQ(right_up, count);
    EXPECT_EQ(right_down, count);
    RecordProperty("messages", std::to_string(2 * count));
}

} // namespace
