// SPDX-License-Identifier: MIT
//
// NegotiateStream over a socket.
#pragma once

#include "net.hpp"

#include <sspan/protocol/negotiate_stream.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace interop {

using bytes = std::vector<std::byte>;

constexpr std::chrono::seconds patience{60};

// Numbers before the data that have a special meaning (Peer.cs).
constexpr std::uint32_t close_connection = 0;
constexpr std::uint32_t ask_for_name = 0xFFFFFFFF;

inline bytes receive_record(net::connection& peer) {
    bytes record(sspan::negotiate_stream::handshake_header_size);
    peer.receive(record);
    const auto header = std::span<const std::byte>{record}.first<sspan::negotiate_stream::handshake_header_size>();
    record.resize(record.size() + sspan::negotiate_stream::handshake_payload_size(header));
    peer.receive(std::span{record}.subspan(sspan::negotiate_stream::handshake_header_size));
    return record;
}

/// Performs the handshake. If it fails, the peer gets the reason.
template <class Side>
auto authenticate(Side& side, net::connection& peer, bool begins) {
    bytes record;
    for (;;) {
        if (!begins) {
            record = receive_record(peer);
        }
        begins = false;
        try {
            const auto taken = side.step(record);
            if (!taken.record.empty()) {
                peer.send(taken.record);
            }
            if (taken.done) {
                return std::move(side).finish();
            }
        } catch (const sspan::handshake_error& failure) {
            if (!failure.token().empty()) {
                peer.send(failure.token());
            }
            throw;
        }
    }
}

/// Sends and receives bytes through a channel.
template <class Channel>
class stream {
public:
    stream(net::connection peer, Channel channel) : peer_{std::move(peer)}, channel_{std::move(channel)} {}

    [[nodiscard]] Channel& channel() { return channel_; }
    [[nodiscard]] net::connection& peer() { return peer_; }

    /// Sends the data in records with at most `most` bytes of it.
    void send(std::span<const std::byte> data, std::size_t most = SIZE_MAX) {
        while (!data.empty()) {
            const auto part = data.first(std::min({data.size(), most, channel_.max_payload()}));
            peer_.allow(patience);
            peer_.send(channel_.wrap(channel_.assign(part)));
            data = data.subspan(part.size());
        }
    }
    void send_number(std::uint32_t number) {
        const std::array little_endian{static_cast<std::byte>(number), static_cast<std::byte>(number >> 8),
                                       static_cast<std::byte>(number >> 16), static_cast<std::byte>(number >> 24)};
        send(little_endian);
    }

    /// @return false if the peer has closed the connection between two records.
    [[nodiscard]] bool receive(std::span<std::byte> data) {
        while (!data.empty()) {
            while (used_ == received_.size()) {
                std::array<std::byte, sspan::negotiate_stream::prefix_size> prefix{};
                peer_.allow(patience);
                if (!peer_.receive_or_end(prefix)) {
                    return false;
                }
                record_.resize(channel_.length(prefix));
                peer_.receive(record_);
                received_ = channel_.unwrap(record_);
                used_ = 0;
            }
            const auto part = std::min(data.size(), received_.size() - used_);
            std::ranges::copy(received_.subspan(used_, part), data.begin());
            used_ += part;
            data = data.subspan(part);
        }
        return true;
    }
    [[nodiscard]] bool receive_number(std::uint32_t& number) {
        std::array<std::byte, 4> little_endian{};
        if (!receive(little_endian)) {
            return false;
        }
        number = 0;
        for (std::size_t i = 4; i-- != 0;) {
            number = (number << 8) | std::to_integer<std::uint32_t>(little_endian[i]);
        }
        return true;
    }

private:
    net::connection peer_;
    Channel channel_;
    bytes record_;
    std::span<std::byte> received_; // a part of `record_`
    std::size_t used_ = 0;          // bytes of `received_` that were read
};

} // namespace interop
