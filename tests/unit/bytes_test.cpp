// SPDX-License-Identifier: MIT
#include <sspan/bytes.hpp>

#include <gtest/gtest.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using sspan::const_bytes;
using sspan::mutable_bytes;

template <class From>
constexpr bool readable = std::is_convertible_v<From, const_bytes>;
template <class From>
constexpr bool writable = std::is_convertible_v<From, mutable_bytes>;

template <class Byte>
constexpr bool ranges_of_it_convert =
    readable<std::vector<Byte>&> && readable<const std::vector<Byte>&> && readable<std::vector<Byte>> &&
    readable<std::array<Byte, 3>&> && readable<const std::array<Byte, 3>&> && readable<std::span<Byte>> &&
    readable<std::span<const Byte>> && readable<std::span<Byte, 3>> && readable<Byte (&)[3]> &&
    writable<std::vector<Byte>&> && writable<std::array<Byte, 3>&> && writable<std::span<Byte>> &&
    writable<Byte (&)[3]>;
static_assert(ranges_of_it_convert<std::byte>);
static_assert(ranges_of_it_convert<char>);
static_assert(ranges_of_it_convert<signed char>);
static_assert(ranges_of_it_convert<unsigned char>);
static_assert(ranges_of_it_convert<char8_t>);
static_assert(readable<std::string&> && readable<const std::string&> && readable<std::string> &&
              readable<std::string_view> && writable<std::string&>);
static_assert(readable<const_bytes> && readable<mutable_bytes> && writable<mutable_bytes>);

// Memory that cannot be written, or that no longer exists when the call returns.
static_assert(!writable<const std::vector<std::byte>&> && !writable<std::vector<std::byte>> &&
              !writable<std::array<std::byte, 3>> && !writable<std::span<const std::byte>> &&
              !writable<std::string_view> && !writable<const std::string&> && !writable<std::string> &&
              !writable<const char (&)[3]> && !writable<const_bytes>);
// Types whose elements are not bytes, or that have no length.
static_assert(!readable<std::vector<int>> && !readable<std::wstring> && !readable<std::vector<std::uint16_t>> &&
              !readable<const char*> && !readable<void*> && !readable<int> && !readable<std::vector<bool>> &&
              !readable<std::nullptr_t> && !readable<wchar_t (&)[3]>);

static_assert(sizeof(const_bytes) == sizeof(std::span<const std::byte>));
static_assert(std::is_trivially_copyable_v<const_bytes> && std::is_trivially_copyable_v<mutable_bytes>);
static_assert(std::is_convertible_v<const_bytes, std::span<const std::byte>>);
static_assert(std::is_convertible_v<mutable_bytes, std::span<std::byte>>);
static_assert(std::is_convertible_v<mutable_bytes, std::span<const std::byte>>);

std::string text_of(const_bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(bytes, are_the_memory_of_the_range) {
    std::string text = "text";
    const const_bytes read{text};
    EXPECT_EQ(static_cast<const void*>(read.data()), text.data());
    EXPECT_EQ(read.size(), 4U);
    const mutable_bytes written{text};
    written[0] = std::byte{'n'};
    EXPECT_EQ(text, "next");
    EXPECT_EQ(text_of(std::vector<unsigned char>{'a', 'b'}), "ab");
    EXPECT_EQ(text_of({}), "");
}

TEST(bytes, literal_loses_its_zero_and_only_that) {
    EXPECT_EQ(text_of("text"), "text");
    EXPECT_EQ(text_of(""), "");
    EXPECT_EQ(text_of(u8"text"), "text");
    EXPECT_EQ(text_of(std::string_view{"zero\0", 5}).size(), 5U);
}

TEST(bytes, array_is_whole) {
    char buffer[4]{'a'};
    EXPECT_EQ(text_of(buffer).size(), 4U);
    EXPECT_EQ(mutable_bytes{buffer}.size(), 4U);
    const unsigned char nonce[4]{1, 2, 3, 0};
    EXPECT_EQ(const_bytes{nonce}.size(), 4U);
    const std::array<char, 4> array{'a', 'b', 'c', 0};
    EXPECT_EQ(text_of(array).size(), 4U);
}

} // namespace
