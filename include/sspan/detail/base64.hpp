// SPDX-License-Identifier: MIT
//
// Base64 with the standard alphabet (RFC 4648, section 4).
#pragma once

#include "../os/platform.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

inline constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The value of each character, or 64 for a character outside of the alphabet.
inline constexpr std::array<std::uint8_t, 256> base64_values = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(64);
    for (std::size_t i = 0; i != base64_alphabet.size(); ++i) {
        values[static_cast<unsigned char>(base64_alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}();

/// Returns the length of `size` bytes in base64. `size` is the length of a token, so the result does not overflow.
[[nodiscard]] constexpr std::size_t base64_length(std::size_t size) noexcept {
    return (size / 3 + (size % 3 != 0 ? 1 : 0)) * 4;
}

/// Appends `data` in base64 with padding. @throws std::bad_alloc if there is no memory
inline void append_base64(std::span<const std::byte> data, std::string& text) {
    text.reserve(text.size() + base64_length(data.size()));
    for (std::size_t i = 0; i < data.size(); i += 3) {
        const auto left = data.size() - i;
        std::uint32_t bits = 0;
        for (std::size_t n = 0; n != 3; ++n) {
            bits = bits << 8 | (n < left ? std::to_integer<std::uint32_t>(data[i + n]) : 0U);
        }
        for (std::size_t n = 0; n != 4; ++n) {
            text += n <= left ? base64_alphabet[(bits >> (18 - 6 * n)) & 0x3F] : '=';
        }
    }
}

/// Replaces the content of `data` with the decoded `text`.
///
/// The text has no whitespace, all of its padding, and zeros in the bits that are not used.
/// @return false for any other text; `data` is undefined then. @throws std::bad_alloc if there is no memory
[[nodiscard]] inline bool decode_base64(std::string_view text, std::vector<std::byte>& data) {
    data.clear();
    if (text.size() % 4 != 0) {
        return false;
    }
    std::size_t padding = 0;
    while (padding != 2 && padding != text.size() && text[text.size() - 1 - padding] == '=') {
        ++padding;
    }
    data.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i != text.size(); i += 4) {
        const auto missing = i + 4 == text.size() ? padding : 0;
        std::uint32_t bits = 0;
        for (std::size_t n = 0; n != 4; ++n) {
            const auto value =
                n < 4 - missing ? base64_values[static_cast<unsigned char>(text[i + n])] : std::uint8_t{0};
            if (value == 64) {
                return false;
            }
            bits = bits << 6 | value;
        }
        if ((bits & ((std::uint32_t{1} << (8 * missing)) - 1)) != 0) {
            return false;
        }
        for (std::size_t n = 0; n != 3 - missing; ++n) {
            data.push_back(static_cast<std::byte>((bits >> (16 - 8 * n)) & 0xFF));
        }
    }
    return true;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
