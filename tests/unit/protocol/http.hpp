// SPDX-License-Identifier: MIT
//
// The common part of the tests of HTTP's Negotiate: fields and tokens.
#pragma once

#include <sspan/detail/base64.hpp>

#include "unit/fixture.hpp"
#include "unit/profiles.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace testing_support {

using fields = std::vector<std::string_view>;

/// "Negotiate" and the token, if there is one.
inline std::string field_of(std::span<const std::byte> token) {
    std::string value = token.empty() ? "Negotiate" : "Negotiate ";
    sspan::detail::append_base64(token, value);
    return value;
}

inline bytes token_of(std::string_view value) {
    constexpr std::string_view scheme = "Negotiate ";
    bytes token;
    EXPECT_TRUE(value.starts_with(scheme)) << value;
    EXPECT_TRUE(sspan::detail::decode_base64(value.substr(scheme.size()), token)) << value;
    return token;
}

} // namespace testing_support
