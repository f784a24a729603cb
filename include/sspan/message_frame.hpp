// SPDX-License-Identifier: MIT
//
// Memory for one wrapped message after another.
#pragma once

#include "detail/secret.hpp"
#include "message.hpp"

#include <cstddef>
#include <span>
#include <stdexcept>

namespace sspan::inline SSPAN_API_NAMESPACE {

namespace detail {
struct wrap_calls;
}

/// Memory for messages to `wrap`: the payload with room around it for what the package adds, so that no byte of the
/// payload is ever copied. It is used again for every message, and wiped when it is freed.
class message_frame {
public:
    /// For payloads of up to `capacity` bytes, sent over contexts of these `sizes`. Allocates, once.
    /// @throws std::bad_alloc, std::length_error.
    message_frame(const context_sizes& sizes, std::size_t capacity)
        : token_room_{sizes.security_trailer + slack}, capacity_{capacity}, padding_room_{sizes.block_size + 1U} {
        if (capacity > max_capacity) {
            throw std::length_error{"sspan::message_frame"};
        }
        memory_.resize(token_room_ + capacity_ + padding_room_);
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

    /// Wine's Kerberos asks for 49 bytes of token and needs 60.
    static constexpr std::size_t slack = 64;
    static constexpr std::size_t max_capacity = 0x7FFFFFFFU; // leaves 32 bits for the whole

    std::size_t token_room_;
    std::size_t capacity_;
    std::size_t padding_room_; // one more than asked for, to notice a package that ignores it
    detail::wiped_vector memory_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
