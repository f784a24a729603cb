// SPDX-License-Identifier: MIT
//
// sspan's values as JSON.
#pragma once

#include "text.hpp"

#include <nlohmann/json.hpp>
#include <sspan/expiry.hpp>
#include <sspan/flags.hpp>
#include <sspan/package.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

namespace values {

using json = nlohmann::ordered_json; // keys stay in the order in which a person reads them

inline json to_json(std::wstring_view text) {
    return text::to_utf8(text);
}

/// In UTC, as RFC 3339 has it, or "never"; null for what the package did not tell.
inline json to_json(const std::optional<std::chrono::system_clock::time_point>& told) {
    if (!told) {
        return nullptr;
    }
    if (*told == sspan::never) {
        return "never";
    }
    const auto second = std::chrono::floor<std::chrono::seconds>(*told);
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{second - day};
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return text.data();
}

/// The names of the flags, one by one; of a bit without a name, its value.
template <sspan::flags_enum Enum>
json to_json(Enum flags) {
    auto names = json::array();
    for (std::uint32_t bit = 1; bit != 0; bit <<= 1) {
        if (const auto flag = static_cast<Enum>(bit); contains(flags, flag)) {
            auto name = sspan::to_string(flag);
            if (name == "none") {
                std::array<char, 16> value{};
                std::snprintf(value.data(), value.size(), "0x%08X", static_cast<unsigned>(bit));
                name = value.data();
            }
            names.push_back(std::move(name));
        }
    }
    return names;
}

inline json to_json(const sspan::package_info& info) {
    constexpr std::uint16_t no_rpc_id = 0xFFFF;
    json package;
    package["name"] = to_json(info.name);
    package["comment"] = to_json(info.comment);
    package["version"] = info.version;
    package["rpc_id"] = info.rpc_id == no_rpc_id ? json{} : json(info.rpc_id);
    package["max_token"] = info.max_token;
    package["capabilities"] = to_json(info.capabilities);
    return package;
}

} // namespace values
