// SPDX-License-Identifier: MIT
//
// The messages of secure_echo: what they are on the wire, and what sspan does for them.
//
// Numbers are 32-bit big-endian. A handshake message: length, token. The client begins; a side with nothing to send
// sends nothing. Then messages: 'S' (signed) or 'E' (sealed), length of the token, length of the data, token, data; the
// padding of a sealed message is the end of its data. The server answers each with the same data, of the same kind. When
// a message fails its check it answers '!' and the status, and closes the connection.
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

/// The peer's answer to a message that it did not accept.
struct rejection : std::runtime_error {
    explicit rejection(std::uint32_t status)
        : std::runtime_error{session::symbol({static_cast<int>(status), sspan::category()})} {}
};

/// A message as it arrived: not to be believed before `check`. Its memory is used again for the next one.
struct received {
    messages::kind kind{};
    std::vector<std::byte> token;
    std::vector<std::byte> data;
};

/// Gives the peer `time` to begin, and `time` to finish the message and take our answer. Its data may be of `most` bytes.
/// @return false when the peer has closed the connection after its last message.
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
        throw std::runtime_error{"the peer sent something that is not a message"};
    }
    const auto token_length = wire::receive_length(peer, wire::most_token);
    const auto data_length = wire::receive_length(peer, most);
    peer.receive(message.token, token_length);
    peer.receive(message.data, data_length);
    return true;
}

/// Protects messages and puts them into the wire format, in memory that is used again for the next one.
class writer {
public:
    explicit writer(sspan::security_context& context)
        : context_{&context}, token_(std::max(context.sizes().max_signature, context.sizes().security_trailer)),
          padding_(context.sizes().block_size) {}

    /// @return the bytes to be sent, valid until the next call. To seal `data` is to overwrite it.
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

/// @return the data of an authentic message, in place. Throws sspan::error for any other.
inline std::span<std::byte> check(sspan::security_context& context, received& message) {
    if (message.kind == kind::sign) {
        context.verify(message.data, message.token);
        return message.data;
    }
    return context.decrypt({.token = message.token, .data = message.data}).data;
}

} // namespace messages
