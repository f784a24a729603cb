// SPDX-License-Identifier: MIT
//
// Arguments for bytes: spans of std::byte, to which every contiguous range of byte-like elements converts.
#pragma once

#include "os/platform.hpp"

#include <concepts>
#include <cstddef>
#include <iterator> // std::data
#include <span>
#include <type_traits>
#include <utility> // std::declval

namespace sspan::inline SSPAN_API_NAMESPACE {

namespace detail {

template <class T>
concept byte_like = std::same_as<T, std::byte> || std::same_as<T, unsigned char> || std::same_as<T, char> ||
                    std::same_as<T, signed char> || std::same_as<T, char8_t>;

/// The element type of a contiguous range, const if the range gives only const access.
template <class Range>
using element_of = std::remove_pointer_t<decltype(std::data(std::declval<Range&>()))>;

template <class Range>
concept readable_bytes = byte_like<std::remove_const_t<element_of<Range>>> &&
                         std::convertible_to<Range, std::span<const std::remove_const_t<element_of<Range>>>>;
template <class Range>
concept writable_bytes = byte_like<element_of<Range>> && std::convertible_to<Range, std::span<element_of<Range>>>;

template <class Array>
inline constexpr bool is_literal = false;
template <std::size_t Size>
inline constexpr bool is_literal<const char (&)[Size]> = true;
template <std::size_t Size>
inline constexpr bool is_literal<const char8_t (&)[Size]> = true;

} // namespace detail

/// Bytes that a function reads.
///
/// Every contiguous range of `std::byte`, or of a character type of one byte, converts to it: for example std::string,
/// std::string_view, std::vector<unsigned char>, std::array<char, 4>, std::span<std::byte>. A string literal converts
/// without its terminating zero. So does every other `const char` array whose last element is zero.
class const_bytes : public std::span<const std::byte> {
public:
    constexpr const_bytes() noexcept = default;
    template <class Range>
        requires(!std::same_as<std::remove_cvref_t<Range>, const_bytes> && detail::readable_bytes<Range>)
    const_bytes(Range&& range) noexcept // NOLINT(google-explicit-constructor): the conversion is its purpose
        : span{std::as_bytes(std::span<const std::remove_const_t<detail::element_of<Range>>>{range})} {
        if constexpr (detail::is_literal<Range>) {
            if (back() == std::byte{0}) {
                *this = first(size() - 1);
            }
        }
    }
};

/// Bytes that a function writes to. The ranges of `const_bytes` convert to it if they are writable, except temporary
/// containers.
class mutable_bytes : public std::span<std::byte> {
public:
    constexpr mutable_bytes() noexcept = default;
    template <class Range>
        requires(!std::same_as<std::remove_cvref_t<Range>, mutable_bytes> && detail::writable_bytes<Range>)
    mutable_bytes(Range&& range) noexcept // NOLINT(google-explicit-constructor): the conversion is its purpose
        : span{std::as_writable_bytes(std::span<detail::element_of<Range>>{range})} {}
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
