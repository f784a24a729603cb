// SPDX-License-Identifier: MIT
//
// Text conversion for SSPI, which uses UTF-16.
#pragma once

#include "secret.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// UTF-16 with a terminating zero; empty, without a zero, in a moved-from object.
using os_string = std::vector<SEC_WCHAR>;
using secret_os_string = std::vector<SEC_WCHAR, wiping_allocator<SEC_WCHAR>>;

/// Appends `text` and a terminating zero to the empty `out`, in one allocation.
/// @return false if wchar_t has 32 bits and `text` is not valid UTF-32.
template <class String>
[[nodiscard]] bool to_os(std::wstring_view text, String& out) {
    out.reserve(text.size() * (sizeof(wchar_t) / sizeof(SEC_WCHAR)) + 1);
    for (const wchar_t unit : text) {
        if constexpr (sizeof(wchar_t) == sizeof(SEC_WCHAR)) {
            out.push_back(static_cast<SEC_WCHAR>(unit));
        } else {
            const auto point = static_cast<char32_t>(unit);
            if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
                return false;
            }
            if (point >= 0x10000) {
                out.push_back(static_cast<SEC_WCHAR>(0xD800 + ((point - 0x10000) >> 10)));
                out.push_back(static_cast<SEC_WCHAR>(0xDC00 + ((point - 0x10000) & 0x3FF)));
            } else {
                out.push_back(static_cast<SEC_WCHAR>(point));
            }
        }
    }
    out.push_back(0);
    return true;
}

/// Converts like `to_os`. Returns false also for a zero in `name`, because SSPI reads names up to the first zero.
[[nodiscard]] inline bool to_os_name(std::wstring_view name, os_string& out) {
    return name.find(L'\0') == std::wstring_view::npos && to_os(name, out);
}

/// Returns true if zero-terminated `text` equals the ASCII text `name`. Case is ignored.
template <class Unit>
[[nodiscard]] bool is_name(const Unit* text, std::wstring_view name) noexcept {
    constexpr auto lower = [](wchar_t unit) {
        return unit >= L'A' && unit <= L'Z' ? static_cast<wchar_t>(unit + 32) : unit;
    };
    for (const wchar_t unit : name) {
        if (lower(static_cast<wchar_t>(*text)) != lower(unit)) { // the terminating zero differs, too
            return false;
        }
        ++text;
    }
    return *text == 0;
}

/// Returns a copy of SSPI's zero-terminated text; empty for nullptr.
[[nodiscard]] inline std::wstring from_os(const SEC_WCHAR* text) {
    std::wstring copy;
    for (; text != nullptr && *text != 0; ++text) {
        const auto unit = static_cast<char32_t>(*text);
        if constexpr (sizeof(wchar_t) > sizeof(SEC_WCHAR)) {
            if (unit >= 0xD800 && unit < 0xDC00 && text[1] >= 0xDC00 && text[1] < 0xE000) {
                ++text;
                copy +=
                    static_cast<wchar_t>(0x10000 + ((unit - 0xD800) << 10) + (static_cast<char32_t>(*text) - 0xDC00));
                continue;
            }
        }
        copy += static_cast<wchar_t>(unit);
    }
    return copy;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
