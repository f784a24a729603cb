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
inline constexpr bool is_constant_text_array = false; // what a literal is, and what may be none
template <std::size_t Size>
inline constexpr bool is_constant_text_array<const char (&)[Size]> = true;
template <std::size_t Size>
inline constexpr bool is_constant_text_array<const char8_t (&)[Size]> = true;

template <class Range>
concept readable_bytes = byte_like<std::remove_const_t<element_of<Range>>> && !is_constant_text_array<Range> &&
                         std::convertible_to<Range, std::span<const std::remove_const_t<element_of<Range>>>>;
template <class Range>
concept writable_bytes = byte_like<element_of<Range>> && std::convertible_to<Range, std::span<element_of<Range>>>;

} // namespace detail

/// Bytes that a function reads.
///
/// A std::string, std::string_view, std::vector<unsigned char>, std::array<char, 4>, std::span<std::byte> and every other
/// contiguous range of `std::byte` or of a character type of one byte converts to it. A string literal converts without
/// its terminating zero. Any other array of `const char` does not compile: use std::array or std::span for bytes.
class const_bytes {
public:
    constexpr const_bytes() noexcept = default;
    template <class Range>
        requires(!std::derived_from<std::remove_cvref_t<Range>, const_bytes> && detail::readable_bytes<Range>)
    const_bytes(Range&& range) noexcept // NOLINT(google-explicit-constructor): the conversion is its purpose
        : data_{std::data(range)}, size_{std::size(range)} {}
    template <std::size_t Size>
    consteval const_bytes(const char (&literal)[Size]) // NOLINT(google-explicit-constructor)
        : data_{literal}, size_{length(literal)} {}
    template <std::size_t Size>
    consteval const_bytes(const char8_t (&literal)[Size]) // NOLINT(google-explicit-constructor)
        : data_{literal}, size_{length(literal)} {}

    [[nodiscard]] const std::byte* data() const noexcept { return static_cast<const std::byte*>(data_); }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] const std::byte* begin() const noexcept { return data(); }
    [[nodiscard]] const std::byte* end() const noexcept { return data() + size_; }

private:
    /// Without the zero at the end. Does not compile for an array that has another zero, or none.
    template <class Char, std::size_t Size>
    static consteval std::size_t length(const Char (&literal)[Size]) {
        for (std::size_t i = 0; i != Size; ++i) {
            if ((literal[i] == 0) != (i + 1 == Size)) {
                throw "sspan::const_bytes: this is no string literal; use std::array or std::span for bytes";
            }
        }
        return Size - 1;
    }

    const void* data_ = nullptr; // a literal is not of bytes while the compiler looks at it
    std::size_t size_ = 0;
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
