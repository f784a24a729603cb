// SPDX-License-Identifier: MIT
//
// Numbers and tokens on a connection. A number has 32 bits, big-endian. A token is a frame.
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

/// The size limit of a token. No package needs more. A peer without authentication can use no more memory than this.
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

inline std::vector<std::byte> receive_token(net::connection& peer) {
    auto token = peer.receive_frame(most_token);
    if (token.empty()) {
        throw std::runtime_error{"the peer sent an empty token"};
    }
    return token;
}

/// Authenticates both sides.
template <class Handshake>
auto establish(Handshake handshake, net::connection& peer) {
    return sspan::establish(
        std::move(handshake), [&peer](std::span<const std::byte> token) { peer.send_frame(token); },
        [&peer] { return receive_token(peer); });
}

} // namespace wire
