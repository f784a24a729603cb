// SPDX-License-Identifier: MIT
//
// The forms of a message for the message calls: a list of one or more parts.
#pragma once

#include "../message_part.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// A message in one part: a list of one, without memory for the list. Most messages have one part.
struct one_part_to_read {
    static constexpr std::size_t capacity = 1;
    static constexpr bool written_to = false;
    std::span<const std::byte> data;
    [[nodiscard]] static constexpr std::size_t size() noexcept { return 1; }
    [[nodiscard]] std::span<const std::byte> bytes(std::size_t) const noexcept { return data; }
    [[nodiscard]] static std::uint32_t type(std::size_t) noexcept { return SECBUFFER_DATA; }
};
struct one_part_to_change {
    static constexpr std::size_t capacity = 1;
    static constexpr bool written_to = true;
    std::span<std::byte> data;
    [[nodiscard]] static constexpr std::size_t size() noexcept { return 1; }
    [[nodiscard]] std::span<const std::byte> bytes(std::size_t) const noexcept { return data; }
    [[nodiscard]] std::span<std::byte> writable_bytes(std::size_t) const noexcept { return data; }
    [[nodiscard]] static bool writable(std::size_t) noexcept { return true; }
    [[nodiscard]] static std::uint32_t type(std::size_t) noexcept { return SECBUFFER_DATA; }
};

/// A message in the caller's parts.
struct parts_to_read {
    static constexpr std::size_t capacity = max_message_parts;
    static constexpr bool written_to = false;
    std::span<const message_part> list;
    [[nodiscard]] std::size_t size() const noexcept { return list.size(); }
    [[nodiscard]] std::span<const std::byte> bytes(std::size_t index) const noexcept { return list[index].bytes(); }
    [[nodiscard]] std::uint32_t type(std::size_t index) const noexcept {
        const auto type = list[index].type();
        return type == (SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM) ? std::uint32_t{SECBUFFER_DATA} : type;
    }
};
struct parts_to_change {
    static constexpr std::size_t capacity = max_message_parts;
    static constexpr bool written_to = true;
    std::span<const message_part> list;
    [[nodiscard]] std::size_t size() const noexcept { return list.size(); }
    [[nodiscard]] std::span<const std::byte> bytes(std::size_t index) const noexcept { return list[index].bytes(); }
    [[nodiscard]] std::span<std::byte> writable_bytes(std::size_t index) const noexcept {
        return list[index].writable_bytes();
    }
    [[nodiscard]] bool writable(std::size_t index) const noexcept { return list[index].writable(); }
    [[nodiscard]] std::uint32_t type(std::size_t index) const noexcept { return list[index].type(); }
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
