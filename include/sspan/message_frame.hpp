// SPDX-License-Identifier: MIT
//
// Memory for one wrapped message after another.
#pragma once

#include "detail/api.hpp"
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
        : token_room_{sizes.security_trailer}, capacity_{capacity} {
        if (sizes.block_size != 0) {
            token_room_ += detail::api::token_excess();
            padding_room_ = std::size_t{sizes.block_size} + 1; // to notice a package that leaves padding alone
        }
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

    static constexpr std::size_t max_capacity = 0x7FFFFFFFU; // leaves 32 bits for the whole

    std::size_t token_room_;
    std::size_t capacity_;
    std::size_t padding_room_ = 0;
    detail::wiped_vector memory_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
