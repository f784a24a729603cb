// SPDX-License-Identifier: MIT
//
// A small part of HTTP/1.1: messages with a Content-Length.
#pragma once

#include "net.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http {

/// The longest header of a message: room for a token of 64 KiB.
inline constexpr std::size_t most_header = std::size_t{256} << 10;
inline constexpr std::size_t most_body = std::size_t{1} << 20;

/// A request or an answer.
struct message {
    std::string start_line;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;

    /// The values of all fields of this name.
    [[nodiscard]] std::vector<std::string_view> values(std::string_view name) const {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
        std::vector<std::string_view> found;
        for (const auto& field : fields) {
            if (std::ranges::equal(field.first, name, {}, lower, lower)) {
                found.emplace_back(field.second);
            }
        }
        return found;
    }
    /// The word of the start line with this index.
    [[nodiscard]] std::string_view word(std::size_t index) const {
        std::string_view rest{start_line};
        for (; index != 0; --index) {
            rest.remove_prefix(std::min(rest.size(), rest.find(' ')));
            rest.remove_prefix(std::min(rest.size(), std::size_t{1}));
        }
        return rest.substr(0, rest.find(' '));
    }
    [[nodiscard]] unsigned status() const { return static_cast<unsigned>(number(word(1))); }

    static std::size_t number(std::string_view digits) {
        std::size_t value = 0;
        const auto* const end = digits.data() + digits.size();
        if (const auto [read, error] = std::from_chars(digits.data(), end, value);
            error != std::errc{} || read != end) {
            throw std::runtime_error{"not a number: " + std::string{digits}};
        }
        return value;
    }
};

/// A connection that carries messages.
class channel {
public:
    explicit channel(net::connection peer) : peer_{std::move(peer)} {}

    [[nodiscard]] net::connection& peer() { return peer_; }
    void send(std::string_view text) { peer_.send(std::as_bytes(std::span{text})); }

    /// Receives a message. @return false if the peer has closed the connection instead.
    [[nodiscard]] bool receive_or_end(message& received) {
        constexpr std::string_view end_of_header = "\r\n\r\n";
        auto end_of_it = ahead_.find(end_of_header);
        for (std::array<std::byte, 4096> more{}; end_of_it == std::string::npos;
             end_of_it = ahead_.find(end_of_header)) {
            if (ahead_.size() > most_header) {
                throw std::runtime_error{"the header is too long"};
            }
            const auto got = peer_.receive_some(more);
            if (got == 0) {
                return false;
            }
            append(std::span{more}.first(got));
        }
        const auto header = ahead_.substr(0, end_of_it + 2);
        ahead_.erase(0, end_of_it + end_of_header.size());
        received = {};
        for (std::size_t begin = 0; begin != header.size();) {
            const auto end = header.find("\r\n", begin);
            const auto line = header.substr(begin, end - begin);
            begin = end + 2;
            if (received.start_line.empty()) {
                received.start_line = line;
                continue;
            }
            const auto colon = std::min(line.find(':'), line.size());
            const auto value = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
            received.fields.emplace_back(line.substr(0, colon), line.substr(value));
        }
        if (!received.values("Transfer-Encoding").empty()) {
            throw std::runtime_error{"only bodies with a Content-Length are supported"};
        }
        const auto lengths = received.values("Content-Length");
        const auto length = lengths.empty() ? 0 : message::number(lengths.front());
        if (length > most_body) {
            throw std::runtime_error{"the body is too long"};
        }
        received.body.resize(length);
        const auto here = ahead_.copy(received.body.data(), received.body.size());
        ahead_.erase(0, here);
        peer_.receive(std::as_writable_bytes(std::span{received.body}).subspan(here));
        return true;
    }
    [[nodiscard]] message receive() {
        message received;
        if (!receive_or_end(received)) {
            throw std::runtime_error{"the peer has closed the connection"};
        }
        return received;
    }

private:
    void append(std::span<const std::byte> bytes) {
        for (const auto byte : bytes) {
            ahead_ += std::to_integer<char>(byte);
        }
    }

    net::connection peer_;
    std::string ahead_; // received, but not yet taken
};

} // namespace http
