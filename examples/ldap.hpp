// SPDX-License-Identifier: MIT
//
// The part of LDAP (RFC 4511) that is needed for a bind with SASL, for "Who am I?" (RFC 4532) and for a search, over a
// connection with or without a security layer.
#pragma once

#include "net.hpp"

#include <sspan/protocol/sasl.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ldap {

using bytes = std::vector<std::byte>;

inline constexpr std::chrono::seconds patience{20};
inline constexpr std::string_view who_am_i = "1.3.6.1.4.1.4203.1.11.3";

enum tag : unsigned char {
    integer = 0x02,
    octet_string = 0x04,
    enumerated = 0x0A,
    sequence = 0x30,
    bind_request = 0x60,
    bind_response = 0x61,
    unbind_request = 0x42,
    search_request = 0x63,
    search_entry = 0x64,
    search_done = 0x65,
    extended_request = 0x77,
    extended_response = 0x78,
    sasl_credentials = 0xA3,
    server_credentials = 0x87,
    request_name = 0x80,
    response_value = 0x8B,
    equality = 0xA3,
    present = 0x87,
};

enum result : unsigned char { success = 0, sasl_bind_in_progress = 14, invalid_credentials = 49 };

inline bytes to_bytes(std::string_view text) {
    const auto view = std::as_bytes(std::span{text});
    return {view.begin(), view.end()};
}
inline std::string to_text(std::span<const std::byte> text) {
    return {reinterpret_cast<const char*>(text.data()), text.size()};
}

/// One element of BER. Its length always takes four bytes, although a shorter form is often possible.
inline bytes element(tag type, std::span<const std::byte> content) {
    constexpr unsigned four_bytes_follow = 0x84;
    bytes made{static_cast<std::byte>(type), static_cast<std::byte>(four_bytes_follow)};
    for (unsigned shift = 32; shift != 0;) {
        shift -= 8;
        made.push_back(static_cast<std::byte>((content.size() >> shift) & 0xFF));
    }
    made.insert(made.end(), content.begin(), content.end());
    return made;
}
inline bytes element(tag type, std::string_view text) {
    return element(type, std::as_bytes(std::span{text}));
}
inline bytes element(tag type, std::initializer_list<bytes> parts) {
    bytes content;
    for (const auto& part : parts) {
        content.insert(content.end(), part.begin(), part.end());
    }
    return element(type, content);
}
inline bytes number(tag type, unsigned char value) {
    const std::array content{std::byte{value}};
    return element(type, content);
}

struct item {
    unsigned type = 0;
    std::span<const std::byte> content;
};

/// Reads elements of BER one after another.
class reader {
public:
    explicit reader(std::span<const std::byte> content) : left_{content} {}

    [[nodiscard]] bool at_end() const { return left_.empty(); }
    item next() {
        const auto type = take(1)[0];
        auto size = std::to_integer<std::size_t>(take(1)[0]);
        if (size >= 0x80) {
            std::size_t long_size = 0;
            for (const auto byte : take(size - 0x80)) {
                long_size = (long_size << 8) | std::to_integer<std::size_t>(byte);
            }
            size = long_size;
        }
        return {std::to_integer<unsigned>(type), take(size)};
    }

private:
    std::span<const std::byte> take(std::size_t size) {
        if (size > left_.size()) {
            throw std::runtime_error{"an element of BER ends too early"};
        }
        const auto taken = left_.first(size);
        left_ = left_.subspan(size);
        return taken;
    }

    std::span<const std::byte> left_;
};

/// A message, without its number.
struct message {
    bytes memory;
    unsigned char id = 0;
    item operation;

    [[nodiscard]] reader fields() const { return reader{operation.content}; }
};

/// A connection, and the channel that protects it after the bind.
template <class Channel>
class stream {
public:
    explicit stream(net::connection connection) : connection_{std::move(connection)} {}

    void protect(Channel channel) { channel_ = std::move(channel); }
    [[nodiscard]] Channel& channel() { return channel_; }
    [[nodiscard]] net::connection& connection() { return connection_; }

    void send(std::span<const std::byte> data) {
        connection_.allow(patience);
        if (channel_.protection() == sspan::sasl::layer::none) {
            connection_.send(data);
            return;
        }
        while (!data.empty()) {
            const auto part = data.first(std::min(data.size(), channel_.max_payload()));
            connection_.send(channel_.wrap(channel_.assign(part)));
            data = data.subspan(part.size());
        }
    }

    /// Receives a buffer. @return the whole buffer without its length.
    bytes receive_buffer() {
        connection_.allow(patience);
        std::array<std::byte, sspan::sasl::prefix_size> prefix{};
        connection_.receive(prefix);
        bytes wire;
        connection_.receive(wire, channel_.length(prefix));
        largest_ = std::max(largest_, wire.size());
        return wire;
    }
    /// The size of the largest buffer so far.
    [[nodiscard]] std::size_t largest() const { return largest_; }

    /// @return none if the peer has closed the connection.
    std::optional<message> receive_message() {
        constexpr std::size_t most = std::size_t{16} << 20;
        std::array<std::byte, 2> front{};
        if (!receive(front)) {
            return std::nullopt;
        }
        std::size_t size = std::to_integer<std::size_t>(front[1]);
        if (size >= 0x80) {
            bytes length(std::min<std::size_t>(size - 0x80, sizeof size));
            receive(length);
            size = 0;
            for (const auto byte : length) {
                size = (size << 8) | std::to_integer<std::size_t>(byte);
            }
        }
        if (size > most) {
            throw std::runtime_error{"a message of LDAP is too long"};
        }
        message made;
        made.memory.resize(size);
        if (size != 0 && !receive(made.memory)) {
            throw std::runtime_error{"the peer closed the connection in the middle of a message"};
        }
        reader fields{made.memory};
        const auto id = fields.next().content;
        if (id.empty()) {
            throw std::runtime_error{"a message of LDAP has no number"};
        }
        made.id = std::to_integer<unsigned char>(id.back());
        made.operation = fields.next();
        return made;
    }

    /// Returns true if the peer closes the connection instead of answering.
    bool ended() {
        connection_.allow(patience);
        try {
            std::array<std::byte, 1> answer{};
            return !connection_.receive_or_end(answer);
        } catch (const std::system_error&) { // reset
            return true;
        }
    }

private:
    bool receive(std::span<std::byte> data) {
        connection_.allow(patience);
        if (channel_.protection() == sspan::sasl::layer::none) {
            return connection_.receive_or_end(data);
        }
        while (received_.size() < data.size()) {
            std::array<std::byte, sspan::sasl::prefix_size> prefix{};
            if (!connection_.receive_or_end(prefix)) {
                return false;
            }
            take_buffer(prefix);
        }
        std::copy_n(received_.begin(), data.size(), data.begin());
        received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(data.size()));
        return true;
    }
    void take_buffer(std::span<const std::byte, sspan::sasl::prefix_size> prefix) {
        bytes wire;
        connection_.receive(wire, channel_.length(prefix));
        largest_ = std::max(largest_, wire.size());
        const auto payload = channel_.unwrap(wire);
        received_.insert(received_.end(), payload.begin(), payload.end());
    }

    net::connection connection_;
    Channel channel_;
    bytes received_;
    std::size_t largest_ = 0;
};

} // namespace ldap
