// SPDX-License-Identifier: MIT
//
// The messages of secure_echo: their wire format, and how sspan protects them.
//
// Numbers have 32 bits, big-endian. The client begins. Each token of the handshake follows its length; empty tokens are
// not sent. Then the messages follow: 'S' (signed) or 'E' (sealed), the length of the token, the length of the data,
// the token, the data. A sealed message has its padding at the end of the data. The server answers with the same data
// and the same kind. If a message fails its check, the server answers '!' and the status, and closes the connection.
#pragma once

#include "net.hpp"
#include "session.hpp"
#include "wire.hpp"

#include <sspan/sspan.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

namespace messages {

/// The first byte on the wire.
enum class kind : std::uint8_t { sign = 'S', seal = 'E' };

/// The error if the peer has rejected our message.
struct rejection : std::runtime_error {
    explicit rejection(std::uint32_t status)
        : std::runtime_error{session::symbol({static_cast<int>(status), sspan::category()})} {}
};

/// A received message. Do not trust it before `check`. The next message uses the same memory.
struct received {
    messages::kind kind{};
    std::vector<std::byte> token;
    std::vector<std::byte> data;
};

/// Receives a message with at most `most` bytes of data. The peer has `time` to begin it, and again `time` to finish it
/// and to take our answer.
/// @return false if the peer closed the connection after its last message.
inline bool receive(net::connection& peer, received& message, std::size_t most, std::chrono::seconds time) {
    peer.allow(time);
    std::array<std::byte, 1> first{};
    if (!peer.receive_or_end(first)) {
        return false;
    }
    peer.allow(time);
    message.kind = static_cast<messages::kind>(first[0]);
    if (first[0] == std::byte{'!'}) {
        throw rejection{wire::receive_number(peer)};
    }
    if (message.kind != kind::sign && message.kind != kind::seal) {
        throw std::runtime_error{"unexpected kind of message"};
    }
    const auto token_length = wire::receive_length(peer, wire::most_token);
    const auto data_length = wire::receive_length(peer, most);
    peer.receive(message.token, token_length);
    peer.receive(message.data, data_length);
    return true;
}

/// Protects messages and puts them into the wire format. All messages use the same memory.
class writer {
public:
    explicit writer(sspan::security_context& context)
        : context_{&context}, token_(std::max(context.sizes().max_signature, context.sizes().security_trailer)),
          padding_(context.sizes().block_size) {}

    /// @return the bytes to send, valid until the next call. Sealing overwrites `data`.
    std::span<std::byte> write(kind what, std::span<std::byte> data) {
        sspan::encrypted_message parts{.data = data};
        if (what == kind::sign) {
            parts.token = context_->sign(data, token_);
        } else {
            parts = context_->encrypt({.token = token_, .data = data, .padding = padding_});
        }
        frame_.assign(1, static_cast<std::byte>(what));
        wire::append_number(frame_, parts.token.size());
        wire::append_number(frame_, parts.data.size() + parts.padding.size());
        for (const auto part : parts.in_wire_order()) {
            frame_.insert(frame_.end(), part.begin(), part.end());
        }
        return frame_;
    }

private:
    sspan::security_context* context_;
    std::vector<std::byte> token_;
    std::vector<std::byte> padding_;
    std::vector<std::byte> frame_;
};

/// @return the data, in place. Throws sspan::error if the message is not authentic.
inline std::span<std::byte> check(sspan::security_context& context, received& message) {
    if (message.kind == kind::sign) {
        context.verify(message.data, message.token);
        return message.data;
    }
    return context.decrypt({.token = message.token, .data = message.data}).data;
}

} // namespace messages
