// SPDX-License-Identifier: MIT
//
// The format of Kerberos' wrapped messages (RFC 4121, section 4.2.6.2): a header of 16 bytes, then a body. A sealed
// body is confounder, data, filler, a copy of the header, checksum. The body of a message that is only signed is data,
// checksum. The body may be rotated to the right by RRC bytes. RRC is not protected, so a receiver may change it.
#pragma once

#include "platform.hpp"

#include <algorithm> // std::any_of, std::rotate
#include <cstddef>
#include <iterator> // std::begin
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail::rfc4121 {

inline constexpr std::size_t header_size = 16;
inline constexpr std::size_t confounder_size = 16;
/// The sizes for AES with SHA-1 (RFC 3962), AES128 with SHA-256, AES256 with SHA-384 (RFC 8009).
inline constexpr std::size_t checksum_sizes[]{12, 16, 24};

[[nodiscard]] inline std::size_t number_at(std::span<const std::byte> bytes, std::size_t index) noexcept {
    return std::to_integer<std::size_t>(bytes[index]) << 8 | std::to_integer<std::size_t>(bytes[index + 1]);
}

[[nodiscard]] inline bool is_wrapped(std::span<const std::byte> message) noexcept {
    return message.size() >= header_size && message[0] == std::byte{5} && message[1] == std::byte{4} &&
           message[3] == std::byte{0xFF};
}
[[nodiscard]] inline bool is_sealed(std::span<const std::byte> header) noexcept {
    return (header[2] & std::byte{2}) != std::byte{};
}
/// Returns the size of the filler of a sealed message, or the size of the checksum of a signed one.
[[nodiscard]] inline std::size_t extra_count(std::span<const std::byte> header) noexcept {
    return number_at(header, 4);
}
[[nodiscard]] inline std::size_t rotation(std::span<const std::byte> header) noexcept {
    return number_at(header, 6);
}
inline void set_rotation(std::span<std::byte> header, std::size_t count) noexcept {
    header[6] = static_cast<std::byte>(count >> 8);
    header[7] = static_cast<std::byte>(count);
}

/// Changes the rotation of a message's body.
inline void rotate(std::span<std::byte> message, std::size_t count) noexcept {
    const auto body = message.subspan(header_size);
    if (!body.empty()) {
        const auto by = (rotation(message) % body.size() + body.size() - count % body.size()) % body.size();
        std::rotate(body.data(), body.data() + by, body.data() + body.size());
    }
    set_rotation(message, count);
}

/// Returns the size of SSPI's token at the front of a message: all except the data. The rotation must be SSPI's.
[[nodiscard]] inline std::size_t token_size(std::span<const std::byte> header) noexcept {
    return is_sealed(header) ? header_size + extra_count(header) + rotation(header) + confounder_size
                             : header_size + extra_count(header);
}

/// Returns true if some key type has tokens of this size.
[[nodiscard]] inline bool can_be_token(std::span<const std::byte> token) noexcept {
    const auto extra = extra_count(token);
    return is_sealed(token)
               ? std::any_of(std::begin(checksum_sizes), std::end(checksum_sizes),
                             [&](std::size_t checksum) {
                                 return token.size() == header_size + confounder_size + extra + header_size + checksum;
                             })
               : token.size() == header_size + extra;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::rfc4121
