// SPDX-License-Identifier: MIT
//
// Lengths and tokens on a connection: a 32-bit big-endian number, and so many bytes.
#pragma once

#include "net.hpp"

#include <sspan/establish.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace wire {

/// The longest token. No package needs more, and peers that nobody knows yet do not get more memory than this.
inline constexpr std::size_t most_token = std::size_t{64} << 10;

inline void append_number(std::vector<std::byte>& bytes, std::size_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        bytes.push_back(static_cast<std::byte>((number >> shift) & 0xFF));
    }
}

inline std::uint32_t receive_number(net::connection& peer) {
    std::array<std::byte, 4> bytes{};
    peer.receive(bytes);
    std::uint32_t number = 0;
    for (const auto byte : bytes) {
        number = (number << 8) | std::to_integer<std::uint32_t>(byte);
    }
    return number;
}

inline std::size_t receive_length(net::connection& peer, std::size_t most) {
    const std::size_t length = receive_number(peer);
    if (length > most) {
        throw std::runtime_error{"the peer claims a length of " + std::to_string(length) + " bytes; the limit is " +
                                 std::to_string(most)};
    }
    return length;
}

inline void send_token(net::connection& peer, std::span<const std::byte> token) {
    std::vector<std::byte> frame;
    append_number(frame, token.size());
    frame.insert(frame.end(), token.begin(), token.end());
    peer.send(frame);
}

inline std::vector<std::byte> receive_token(net::connection& peer) {
    std::vector<std::byte> token;
    peer.receive(token, receive_length(peer, most_token));
    if (token.empty()) {
        throw std::runtime_error{"the peer sent an empty token"};
    }
    return token;
}

/// Exchanges tokens until both sides know each other.
template <class Handshake>
auto establish(Handshake handshake, net::connection& peer) {
    return sspan::establish(
        std::move(handshake), [&peer](std::span<const std::byte> token) { send_token(peer, token); },
        [&peer] { return receive_token(peer); });
}

} // namespace wire
