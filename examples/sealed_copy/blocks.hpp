// SPDX-License-Identifier: MIT
//
// The blocks that sealed_copy sends after the handshake. Each is a frame (net.hpp) with one wrapped message: a byte for
// the kind, then the content. The context counts its messages, so a block needs no number. Its key is for this
// connection only.
#pragma once

#include "../net.hpp"

#include <sspan/sspan.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace blocks {

enum class kind : std::uint8_t {
    file = 'F',     ///< From the sender: the file's size as a 64-bit number, big-endian, and its name in UTF-8.
    data = 'D',     ///< From the sender: the file's next bytes.
    end = 'E',      ///< From the sender, without content: the file is complete.
    accepted = 'A', ///< From the receiver, without content. After `file`: continue. After `end`: the file is stored.
    refused = 'R',  ///< From the receiver, at any time: the sender's exit status in a byte, and the reason in UTF-8.
};

constexpr std::size_t most_content = 262144;

/// The error for a block that was changed, or that is not the peer's next one.
struct rejected : std::runtime_error {
    explicit rejected(const std::error_code& code) : std::runtime_error{"rejected a block: " + code.message()} {}
};

/// A received block. It is valid until the next block is received.
struct block {
    blocks::kind kind{};
    std::span<std::byte> content;
};

inline std::string to_string(std::span<const std::byte> bytes) {
    std::string text(bytes.size(), '\0');
    std::ranges::transform(bytes, text.begin(), [](std::byte byte) { return static_cast<char>(byte); });
    return text;
}

/// Sends and receives blocks. All blocks use the same memory.
class channel {
public:
    /// The deadline of each block, sent or received, is `time`.
    channel(net::connection& peer, sspan::security_context& context, std::chrono::seconds time)
        : peer_{&peer}, context_{&context}, time_{time}, frame_{context.sizes(), 1 + most_content, {.front = 4}} {}

    /// The memory for the next block's content. `send` overwrites it.
    [[nodiscard]] std::span<std::byte> room() noexcept { return frame_.payload().subspan(1); }

    /// Sends the first `size` bytes of `room()`.
    void send(kind what, std::size_t size = 0) {
        frame_.payload()[0] = static_cast<std::byte>(what);
        const auto wrapped = context_->wrap(frame_, 1 + size);
        peer_->allow(time_);
        peer_->send(frame_.prepend(net::frame_prefix(wrapped.size()))); // without a copy
    }
    /// Sends a copy of the content, at most `most_content` bytes.
    void send(kind what, std::span<const std::byte> content) {
        const auto size = std::min(content.size(), most_content);
        std::ranges::copy(content.first(size), room().begin());
        send(what, size);
    }

    [[nodiscard]] block receive() {
        peer_->allow(time_);
        if (!peer_->receive_frame_or_end(wrapped_, sspan::max_wrapped_size(context_->sizes(), 1 + most_content))) {
            throw std::runtime_error{"the peer closed the connection"};
        }
        std::error_code ec;
        const auto message = context_->unwrap(wrapped_, {}, ec).data;
        if (ec) {
            throw rejected{ec};
        }
        if (message.empty()) {
            throw std::runtime_error{"the peer sent an empty block"};
        }
        return {static_cast<kind>(message[0]), message.subspan(1)};
    }
    /// Returns true if a block, or the end of the connection, is waiting.
    [[nodiscard]] bool has_input() const noexcept { return peer_->has_input(); }

private:
    net::connection* peer_;
    sspan::security_context* context_;
    std::chrono::seconds time_;
    sspan::message_frame frame_;
    std::vector<std::byte> wrapped_;
};

} // namespace blocks
