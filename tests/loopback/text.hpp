// SPDX-License-Identifier: MIT
//
// Conversions between SSPI's strings, which are UTF-16 everywhere, and tests' std::wstring. Comparison without case.
#pragma once

#include <sspan/os/platform.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace loopback {

inline std::u16string to_utf16(std::wstring_view text) {
    std::u16string result;
    result.reserve(text.size() * (sizeof(wchar_t) / sizeof(char16_t))); // once: growing would leave a copy
    for (const wchar_t unit : text) {
        const auto code = static_cast<char32_t>(unit);
        if (code > 0xFFFF) { // only where wchar_t has 32 bits
            result += static_cast<char16_t>(0xD800 + ((code - 0x10000) >> 10));
            result += static_cast<char16_t>(0xDC00 + ((code - 0x10000) & 0x3FF));
        } else {
            result += static_cast<char16_t>(code);
        }
    }
    return result;
}

inline std::wstring to_wide(std::u16string_view text) {
    std::wstring result;
    for (std::size_t i = 0; i != text.size(); ++i) {
        auto code = static_cast<char32_t>(text[i]);
        if constexpr (sizeof(wchar_t) == 4) {
            if (code >= 0xD800 && code < 0xDC00 && i + 1 != text.size()) {
                code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<char32_t>(text[++i]) - 0xDC00);
            }
        }
        result += static_cast<wchar_t>(code);
    }
    return result;
}

/// Reads a zero-terminated SSPI string; null is an empty string. It also accepts the pointers in identities, which are
/// unsigned short*.
template <class Unit>
std::u16string from_units(const Unit* text, std::size_t length) {
    std::u16string result(length, u'\0'); // once: growing would leave a copy
    for (std::size_t i = 0; i != length; ++i) {
        result[i] = static_cast<char16_t>(text[i]);
    }
    return result;
}

inline std::u16string from_sspi(const SEC_WCHAR* text) {
    std::size_t length = 0;
    while (text != nullptr && text[length] != 0) {
        ++length;
    }
    return from_units(text, length);
}

inline bool same_name(std::u16string_view left, std::u16string_view right) noexcept {
    const auto lower = [](char16_t unit) noexcept {
        return unit >= u'A' && unit <= u'Z' ? static_cast<char16_t>(unit + (u'a' - u'A')) : unit;
    };
    if (left.size() != right.size()) {
        return false;
    }
    for (std::size_t i = 0; i != left.size(); ++i) {
        if (lower(left[i]) != lower(right[i])) {
            return false;
        }
    }
    return true;
}

} // namespace loopback
