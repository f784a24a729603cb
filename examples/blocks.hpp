// SPDX-License-Identifier: MIT
//
// What sealed_copy says over a connection.
//
// Wire format; numbers are big-endian. First the tokens of the handshake, then blocks: each a 32-bit length, and so many
// bytes. A block is a wrapped message: a byte that tells its kind, and its content. The context counts the blocks, so that
// their order needs no number, and its key is this connection's alone.
#pragma once

#include "net.hpp"
#include "session.hpp"
#include "wire.hpp"

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
    file = 'F', ///< From the sender: the file's 64-bit size, and its name in UTF-8.
    data = 'D', ///< From the sender: the file's next bytes.
    end = 'E',  ///< From the sender, no content: those were all, and they are what the file had.
    accepted =
        'A', ///< From the receiver, no content: after `file`, go on; after `end`, it is on the disk, under its name.
    refused = 'R', ///< From the receiver, at any time: the sender's exit status in a byte, and the reason in UTF-8.
};

constexpr std::size_t most_content = 262144;

/// One that is not the peer's next one, unchanged.
struct rejected : std::runtime_error {
    explicit rejected(const std::error_code& code) : std::runtime_error{"rejected a block: " + session::symbol(code)} {}
};

/// Valid until the next one is received.
struct block {
    blocks::kind kind{};
    std::span<std::byte> content;
};

inline std::string to_string(std::span<const std::byte> bytes) {
    std::string text(bytes.size(), '\0');
    std::ranges::transform(bytes, text.begin(), [](std::byte byte) { return static_cast<char>(byte); });
    return text;
}

/// Blocks to and from one peer, in memory that is used again for the next one.
class channel {
public:
    /// A block has to be sent, or to arrive, within `time`.
    channel(net::connection& peer, sspan::security_context& context, std::chrono::seconds time)
        : peer_{&peer}, context_{&context}, time_{time}, frame_{context.sizes(), 1 + most_content} {}

    /// Where the next block's content goes. `send` overwrites it.
    [[nodiscard]] std::span<std::byte> room() noexcept { return frame_.payload().subspan(1); }

    /// Sends the first `size` bytes of `room()`.
    void send(kind what, std::size_t size = 0) {
        frame_.payload()[0] = static_cast<std::byte>(what);
        const auto wrapped = context_->wrap(frame_, 1 + size);
        std::vector<std::byte> length;
        wire::append_number(length, wrapped.size());
        peer_->allow(time_);
        peer_->send(length);
        peer_->send(wrapped);
    }
    /// Sends a copy, of no more than `most_content` bytes.
    void send(kind what, std::span<const std::byte> content) {
        const auto size = std::min(content.size(), most_content);
        std::ranges::copy(content.first(size), room().begin());
        send(what, size);
    }

    [[nodiscard]] block receive() {
        peer_->allow(time_);
        peer_->receive(wrapped_,
                       wire::receive_length(*peer_, sspan::max_wrapped_size(context_->sizes(), 1 + most_content)));
        std::error_code ec;
        const auto message = context_->unwrap(wrapped_, {}, ec).data;
        if (ec) {
            throw rejected{ec};
        }
        if (message.empty()) {
            throw std::runtime_error{"the peer sent a block of no kind"};
        }
        return {static_cast<kind>(message[0]), message.subspan(1)};
    }
    /// Whether the peer has something to say already.
    [[nodiscard]] bool has_input() const noexcept { return peer_->has_input(); }

private:
    net::connection* peer_;
    sspan::security_context* context_;
    std::chrono::seconds time_;
    sspan::message_frame frame_;
    std::vector<std::byte> wrapped_;
};

} // namespace blocks
