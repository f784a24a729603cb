// SPDX-License-Identifier: MIT
//
// Memory for one wrapped message after another.
#pragma once

#include "message.hpp"
#include "os/secret.hpp"

#include <cstddef>
#include <initializer_list>
#include <span>
#include <stdexcept>

namespace sspan::inline SSPAN_API_NAMESPACE {

namespace detail {
struct wrap_calls;
} // namespace detail

/// How many bytes `wrap` makes at most of a payload of `size` bytes: what a receiver need take in.
/// @throws std::length_error for more than 31 bits can count.
[[nodiscard]] inline std::size_t max_wrapped_size(const context_sizes& sizes, std::size_t size) {
    constexpr std::size_t most = 0x7FFFFFFF;
    std::size_t sum = 0;
    for (const auto part : {std::size_t{sizes.security_trailer}, size, std::size_t{sizes.block_size}}) {
        if (part > most - sum) {
            throw std::length_error{"sspan::max_wrapped_size: more than 31 bits can count"};
        }
        sum += part;
    }
    return sum;
}

/// Memory for messages to `wrap`: the payload with room around it for what the package adds, so that no byte of the
/// payload is ever copied. It is used again for every message, and wiped when it is freed.
class message_frame {
public:
    /// For payloads of up to `capacity` bytes, sent over contexts of these `sizes`. Allocates, once.
    /// @throws std::bad_alloc, std::length_error.
    message_frame(const context_sizes& sizes, std::size_t capacity)
        : token_room_{sizes.security_trailer}, capacity_{capacity}, padding_room_{sizes.block_size} {
        memory_.resize(max_wrapped_size(sizes, capacity));
    }
    message_frame(message_frame&&) noexcept = default;
    message_frame& operator=(message_frame&&) noexcept = default;
    message_frame(const message_frame&) = delete;
    message_frame& operator=(const message_frame&) = delete;
    ~message_frame() = default;

    /// To be filled from its front with the next payload. `wrap` overwrites it. Empty when moved from.
    [[nodiscard]] std::span<std::byte> payload() noexcept {
        return memory_.empty() ? std::span<std::byte>{} : std::span{memory_}.subspan(token_room_, capacity_);
    }

private:
    friend struct detail::wrap_calls;

    std::size_t token_room_;
    std::size_t capacity_;
    std::size_t padding_room_;
    detail::wiped_vector memory_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
