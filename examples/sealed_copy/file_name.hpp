// SPDX-License-Identifier: MIT
//
// The file names that the receiver accepts from a sender.
#pragma once

#include "../console.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace file_name {

/// Returns true if Windows treats a name with this stem as a device, in every folder, in upper and lower case.
inline bool is_device(std::string_view stem) {
    stem = stem.substr(0, stem.find_last_not_of(' ') + 1); // empty if there are only spaces
    std::string upper{stem};
    std::ranges::transform(stem, upper.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    constexpr std::array<std::string_view, 6> alone{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    if (std::ranges::find(alone, upper) != alone.end()) {
        return true;
    }
    if (!upper.starts_with("COM") && !upper.starts_with("LPT")) {
        return false;
    }
    constexpr std::array<std::string_view, 3> superscripts{"\xC2\xB9", "\xC2\xB2",
                                                           "\xC2\xB3"}; // in UTF-8; Windows treats them as digits
    const auto rest = std::string_view{upper}.substr(3);
    return (rest.size() == 1 && rest[0] >= '0' && rest[0] <= '9') ||
           std::ranges::find(superscripts, rest) != superscripts.end();
}

/// Returns true if `name`, in UTF-8, is an ordinary file name on every system. Returns false for paths, drives,
/// streams, devices, control characters, and trailing characters that Windows removes.
inline bool is_plain(std::string_view name) {
    constexpr std::size_t longest = 255; // bytes on Linux, UTF-16 units on Windows
    if (name.empty() || name.size() > longest || name.find_first_of(R"(\/:*?"<>|)") != std::string_view::npos ||
        name.ends_with('.') || name.ends_with(' ')) {
        return false;
    }
    try {
        if (console::to_utf8(console::to_wide(name)) != name) {
            return false; // to_utf8 has replaced control characters
        }
    } catch (const std::invalid_argument&) {
        return false; // not UTF-8
    }
    return !is_device(name.substr(0, name.find('.')));
}

} // namespace file_name
