// SPDX-License-Identifier: MIT
//
// The version of this library.
#pragma once

#include <string_view>

/// The version as one number for comparisons in the preprocessor: major * 10000 + minor * 100 + patch.
#define SSPAN_VERSION 200

namespace sspan {

/// The version as text.
inline constexpr std::string_view version = "0.2.0";

} // namespace sspan
