// SPDX-License-Identifier: MIT
//
// The macros of <windows.h> without NOMINMAX. The headers that they could break follow.
#include <sspan/os/platform.hpp>

#include <gsl/narrow>

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <memory>
#include <new>
#include <optional>
#include <ratio>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#undef min
#undef max
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/protocol/negotiate_stream.hpp>
#include <sspan/protocol/sasl.hpp>
#include <sspan/sspan.hpp>
#undef min
#undef max

#include <gtest/gtest.h>

namespace {

TEST(macros, named_min_and_max_do_not_matter) {
    EXPECT_FALSE(sspan::security_context{});
    EXPECT_FALSE(sspan::sasl::client_channel{});
    EXPECT_FALSE(sspan::negotiate_stream::client_channel{});
    EXPECT_EQ(sspan::http_negotiate::challenge_status(sspan::http_negotiate::server_kind::proxy), 407U);
}

} // namespace
