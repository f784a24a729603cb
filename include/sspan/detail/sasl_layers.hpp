// SPDX-License-Identifier: MIT
//
// The bytes of SASL's security layers: the messages that choose a layer (RFC 4752, 3.1 to 3.3), the length in front of each
// buffer (RFC 4422, 3.7), and UTF-8.
#pragma once

#include "../os/platform.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

inline constexpr std::size_t sasl_prefix_size = 4;             ///< The length in front of each buffer.
inline constexpr std::uint32_t sasl_longest_buffer = 0xFFFFFF; ///< A maximum has three bytes.

using sasl_number = std::array<std::byte, sasl_prefix_size>;

/// Returns the number in network byte order.
[[nodiscard]] constexpr sasl_number to_sasl_number(std::uint32_t value) noexcept {
    return {static_cast<std::byte>(value >> 24), static_cast<std::byte>((value >> 16) & 0xFF),
            static_cast<std::byte>((value >> 8) & 0xFF), static_cast<std::byte>(value & 0xFF)};
}
[[nodiscard]] constexpr std::uint32_t from_sasl_number(std::span<const std::byte, sasl_prefix_size> bytes) noexcept {
    std::uint32_t value = 0;
    for (const auto byte : bytes) {
        value = (value << 8) | std::to_integer<std::uint32_t>(byte);
    }
    return value;
}

/// The first four bytes of the server's offer and of the client's choice.
struct sasl_layers {
    static constexpr std::size_t size = 4;

    std::uint8_t bits = 0;
    std::uint32_t max_buffer = 0; ///< The longest buffer that the sender of this message receives.

    [[nodiscard]] static constexpr sasl_layers read(std::span<const std::byte, size> bytes) noexcept {
        return {std::to_integer<std::uint8_t>(bytes[0]), from_sasl_number(bytes) & sasl_longest_buffer};
    }
    [[nodiscard]] constexpr sasl_number write() const noexcept {
        return to_sasl_number((std::uint32_t{bits} << 24) | max_buffer);
    }
};

/// Returns the strongest of the layers 1, 2 and 4 in `bits`, or 0.
[[nodiscard]] constexpr std::uint8_t strongest_layer(std::uint8_t bits) noexcept {
    return (bits & 4) != 0 ? std::uint8_t{4} : (bits & 2) != 0 ? std::uint8_t{2} : static_cast<std::uint8_t>(bits & 1);
}
/// Returns the weakest of the layers 1, 2 and 4 in `bits`, or 0.
[[nodiscard]] constexpr std::uint8_t weakest_layer(std::uint8_t bits) noexcept {
    return (bits & 1) != 0 ? std::uint8_t{1} : (bits & 2) != 0 ? std::uint8_t{2} : static_cast<std::uint8_t>(bits & 4);
}

/// Returns true if `text` is UTF-8 (RFC 3629) without a zero: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] constexpr bool is_utf8_without_zero(std::span<const std::byte> text) noexcept {
    for (std::size_t i = 0; i != text.size();) {
        const auto first = std::to_integer<std::uint32_t>(text[i++]);
        if (first == 0 || (first >= 0x80 && first < 0xC2) || first > 0xF4) {
            return false;
        }
        const std::size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        if (more > text.size() - i) {
            return false;
        }
        auto point = more == 0 ? first : first & (0x3FU >> more);
        for (const auto end = i + more; i != end; ++i) {
            const auto next = std::to_integer<std::uint32_t>(text[i]);
            if ((next & 0xC0) != 0x80) {
                return false;
            }
            point = (point << 6) | (next & 0x3F);
        }
        const bool is_overlong = (more == 2 && point < 0x800) || (more == 3 && point < 0x10000);
        if (is_overlong || (point >= 0xD800 && point < 0xE000) || point > 0x10FFFF) {
            return false;
        }
    }
    return true;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
