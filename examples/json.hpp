// SPDX-License-Identifier: MIT
//
// sspan's values as JSON.
#pragma once

#include "text.hpp"

#include <nlohmann/json.hpp>
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

/// In UTC, as RFC 3339 has it.
inline json to_json(const std::optional<std::chrono::system_clock::time_point>& told) {
    if (!told) {
        return nullptr;
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

/// The names of the flags, one by one.
inline json to_json(sspan::context_flags flags) {
    auto names = json::array();
    for (std::uint32_t bit = 1; bit != 0; bit <<= 1) {
        if (const auto flag = static_cast<sspan::context_flags>(bit); contains(flags, flag)) {
            names.push_back(sspan::to_string(flag));
        }
    }
    return names;
}

inline json to_json(sspan::package_capabilities capabilities) {
    using enum sspan::package_capabilities;
    constexpr std::array<std::pair<sspan::package_capabilities, const char*>, 22> table{{
        {integrity, "integrity"},
        {privacy, "privacy"},
        {token_only, "token_only"},
        {datagram, "datagram"},
        {connection, "connection"},
        {multi_required, "multi_required"},
        {client_only, "client_only"},
        {extended_error, "extended_error"},
        {impersonation, "impersonation"},
        {accept_win32_name, "accept_win32_name"},
        {stream, "stream"},
        {negotiable, "negotiable"},
        {gss_compatible, "gss_compatible"},
        {logon, "logon"},
        {ascii_buffers, "ascii_buffers"},
        {fragment, "fragment"},
        {mutual_auth, "mutual_auth"},
        {delegation, "delegation"},
        {readonly_with_checksum, "readonly_with_checksum"},
        {restricted_tokens, "restricted_tokens"},
        {nego_extender, "nego_extender"},
        {negotiable2, "negotiable2"},
    }};
    auto names = json::array();
    for (const auto& [capability, name] : table) {
        if (contains(capabilities, capability)) {
            names.push_back(name);
            capabilities &= ~capability;
        }
    }
    if (capabilities != none) {
        std::array<char, 16> rest{};
        std::snprintf(rest.data(), rest.size(), "0x%08X", static_cast<unsigned>(capabilities));
        names.push_back(rest.data());
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
