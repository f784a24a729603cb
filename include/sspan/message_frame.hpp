// SPDX-License-Identifier: MIT
//
// Reusable memory for wrapped messages.
#pragma once

#include "bytes.hpp"
#include "error.hpp"
#include "message.hpp"
#include "os/secret.hpp"

#include <algorithm> // std::min, std::copy
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <system_error>

namespace sspan::inline SSPAN_API_NAMESPACE {

namespace detail {
struct wrap_calls;
inline constexpr std::size_t longest_message = 0x7FFFFFFF;
} // namespace detail

/// Returns the largest size of a wrapped message with a payload of `size` bytes. Receivers can use it to size their
/// buffers.
/// @throws std::length_error if the result exceeds 31 bits.
[[nodiscard]] inline std::size_t max_wrapped_size(const context_sizes& sizes, std::size_t size) {
    std::size_t sum = 0;
    for (const auto part : {std::size_t{sizes.security_trailer}, size, std::size_t{sizes.block_size}}) {
        if (part > detail::longest_message - sum) {
            throw std::length_error{"sspan::max_wrapped_size: more than 31 bits can count"};
        }
        sum += part;
    }
    return sum;
}

/// Returns the size of the largest payload whose wrapped message fits into `wire_limit` bytes: the inverse of
/// `max_wrapped_size`. Returns 0 if not even an empty message fits. It corresponds to gss_wrap_size_limit of GSS-API.
[[nodiscard]] constexpr std::size_t max_payload(const context_sizes& sizes, std::size_t wire_limit) noexcept {
    const auto limit = std::min<std::size_t>(wire_limit, detail::longest_message);
    if (limit < sizes.security_trailer || limit - sizes.security_trailer < sizes.block_size) {
        return 0;
    }
    return limit - sizes.security_trailer - sizes.block_size;
}

/// Options of a `message_frame`.
struct message_frame_options {
    std::size_t front = 0; ///< Room in front of each message for `prepend`, in bytes.
};

/// Memory for messages to `wrap`. It has room around the payload for the package's token and padding, so the payload is
/// not copied. One frame serves any number of messages. Its memory is wiped when it is freed.
class message_frame {
public:
    /// Allocates a frame for payloads of up to `capacity` bytes, sent over contexts of these `sizes`.
    /// @throws std::bad_alloc; std::length_error if a message or the whole frame exceeds 31 bits.
    message_frame(const context_sizes& sizes, std::size_t capacity, const message_frame_options& options = {})
        : front_{options.front}, token_room_{sizes.security_trailer}, capacity_{capacity},
          padding_room_{sizes.block_size} {
        const auto message = max_wrapped_size(sizes, capacity);
        if (front_ > detail::longest_message - message) {
            throw std::length_error{"sspan::message_frame: more than 31 bits can count"};
        }
        memory_.resize(front_ + message);
    }
    message_frame(message_frame&&) noexcept = default;
    message_frame& operator=(message_frame&&) noexcept = default;
    message_frame(const message_frame&) = delete;
    message_frame& operator=(const message_frame&) = delete;
    ~message_frame() = default;

    /// Returns the memory for the next payload. Write the payload to its front. `wrap` overwrites it. It is empty in a
    /// moved-from frame. From now on `prepend` fails until the next `wrap`.
    [[nodiscard]] std::span<std::byte> payload() & noexcept {
        message_size_ = 0;
        return memory_.empty() ? std::span<std::byte>{} : memory(front_ + token_room_, capacity_);
    }
    [[nodiscard]] std::span<std::byte> payload() && = delete;

    /// Copies `payload` into the memory for the next payload: `wrap(frame, frame.assign(text))`.
    ///
    /// @return its size in bytes.
    /// @throws error `buffer_too_small` if it is longer than the frame's capacity, `invalid_handle` when moved from.
    [[nodiscard]] std::size_t assign(const_bytes payload, std::error_code& ec) noexcept {
        ec.clear();
        message_size_ = 0;
        if (memory_.empty() && !payload.empty()) {
            ec = errc::invalid_handle;
        } else if (payload.size() > capacity_) {
            ec = errc::buffer_too_small;
        }
        if (ec) {
            return 0;
        }
        if (!payload.empty()) {
            std::memmove(this->payload().data(), payload.data(), payload.size()); // it may be a part of this frame
        }
        return payload.size();
    }
    [[nodiscard]] std::size_t assign(const_bytes payload) {
        std::error_code ec;
        const auto size = assign(payload, ec);
        detail::throw_if(ec, "sspan::message_frame::assign");
        return size;
    }

    /// Copies `prefix` directly in front of the message that the last `wrap` made, for example its length.
    ///
    /// @return the prefix and the message as one range, a part of the frame. Send it before the next use of the frame.
    /// @throws error `buffer_too_small` if `prefix` is longer than `message_frame_options::front`; `invalid_parameter`
    ///   unless the last call was a `wrap` that succeeded.
    [[nodiscard]] std::span<const std::byte> prepend(const_bytes prefix, std::error_code& ec) & noexcept {
        ec.clear();
        if (memory_.empty() || message_size_ == 0) {
            ec = errc::invalid_parameter;
            return {};
        }
        if (prefix.size() > front_) {
            ec = errc::buffer_too_small;
            return {};
        }
        const auto sent = memory(message_offset_ - prefix.size(), prefix.size() + message_size_);
        std::copy(prefix.begin(), prefix.end(), sent.data());
        return sent;
    }
    [[nodiscard]] std::span<const std::byte> prepend(const_bytes prefix) & {
        std::error_code ec;
        const auto sent = prepend(prefix, ec);
        detail::throw_if(ec, "sspan::message_frame::prepend");
        return sent;
    }

private:
    friend struct detail::wrap_calls;

    [[nodiscard]] std::span<std::byte> memory(std::size_t offset, std::size_t size) noexcept {
        return {memory_.data() + offset, size};
    }

    std::size_t front_;
    std::size_t token_room_;
    std::size_t capacity_;
    std::size_t padding_room_;
    std::size_t message_offset_ = 0; // the last message in `memory_`
    std::size_t message_size_ = 0;
    detail::wiped_vector memory_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
