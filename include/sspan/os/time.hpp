// SPDX-License-Identifier: MIT
//
// Conversion of SSPI's times. They are local, according to the documentation and a check of Kerberos. Other programs
// assume UTC.
#pragma once

#include "../expiry.hpp"
#include "api.hpp"

#include <chrono>
#include <cstdint>
#include <cstring> // std::memcpy
#include <optional>
#include <ratio>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

using optional_time = std::optional<std::chrono::system_clock::time_point>;

/// Converts a time that the package has just reported. It is local, with the current offset of the time zone.
///
/// Packages have no single value for "unknown" and for "never". A date before 1970, such as 0, is unknown: returns
/// std::nullopt. A date from 2100 on, such as 0x7FFFFFFFFFFFFFFF in any time zone, is `never`. Returns std::nullopt if
/// the offset is not known.
inline optional_time to_time(const TimeStamp& told) noexcept {
    using ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
    constexpr std::int64_t unix_epoch = 116'444'736'000'000'000; // in ticks since 1601
    constexpr std::int64_t year_2100 = 157'469'184'000'000'000;
    std::int64_t local = 0;
    static_assert(sizeof told == sizeof local);
    std::memcpy(&local, &told, sizeof local);
    if (local < unix_epoch) {
        return std::nullopt;
    }
    if (local >= year_2100) {
        return never;
    }
    const auto utc = api::local_to_utc(local);
    if (utc == 0) {
        return std::nullopt;
    }
    const ticks since_1970{utc - unix_epoch};
    return std::chrono::system_clock::time_point{
        std::chrono::duration_cast<std::chrono::system_clock::duration>(since_1970)};
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
