// SPDX-License-Identifier: MIT
//
// The expiry of objects that do not expire.
#pragma once

#include "os/platform.hpp"

#include <chrono>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// The expiry of credentials and contexts that do not expire. It is later than every other time, so `now < *expiry`
/// needs no special case. Do not add to it. An empty `std::optional` means that the package did not report an expiry.
inline constexpr std::chrono::system_clock::time_point never = (std::chrono::system_clock::time_point::max)();

} // namespace sspan::inline SSPAN_API_NAMESPACE
