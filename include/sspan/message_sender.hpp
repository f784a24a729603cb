// SPDX-License-Identifier: MIT
//
// Protecting messages: sign, encrypt, wrap.
#pragma once

#include "buffer.hpp"
#include "detail/message_calls.hpp"
#include "detail/wrap_calls.hpp"
#include "error.hpp"
#include "flags.hpp"
#include "message.hpp"
#include "message_frame.hpp"

#include <algorithm> // std::ranges::copy
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// What `security_context` and `message_sender` can do. One thread at a time.
///
/// Every function fails with `invalid_handle` in the zero state, with `qop_not_supported` when the protection was not
/// granted, with `invalid_parameter` when a buffer exceeds 32 bits or overlaps another, or when there are no
/// parts or more than `max_message_parts`, and with `buffer_too_small`. All these are found before the package is
/// called, and no buffer has been touched then. Any status of the package but SEC_E_OK is an error, `context_expired`
/// for example.
template <class Derived>
class message_sending {
public:
    /// Signs `message` with the context's session key.
    ///
    /// Writes at most `sizes().max_signature` bytes to the front of `signature`, which must have room for so many;
    /// `message` is only read.
    /// @return the part of `signature` that was written; send it with the message.
    /// @note Calls MakeSignature. The peer checks with `verify`.
    [[nodiscard]] std::span<std::byte> sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                            const protect_options& options, std::error_code& ec) noexcept {
        const const_buffer whole[]{const_buffer::data(message)};
        std::span<std::byte> written;
        detail::succeeded(call_sign(std::span{whole}, signature, options, written), ec);
        return written;
    }
    [[nodiscard]] std::span<std::byte> sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                            std::error_code& ec) noexcept {
        return sign(message, signature, {}, ec);
    }
    [[nodiscard]] std::span<std::byte> sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                            const protect_options& options = {}) {
        const const_buffer whole[]{const_buffer::data(message)};
        std::span<std::byte> written;
        detail::throw_if(call_sign(std::span{whole}, signature, options, written), "MakeSignature");
        return written;
    }
    /// As above, of a message in parts.
    [[nodiscard]] std::span<std::byte> sign(std::span<const const_buffer> message, std::span<std::byte> signature,
                                            const protect_options& options, std::error_code& ec) noexcept {
        std::span<std::byte> written;
        detail::succeeded(call_sign(message, signature, options, written), ec);
        return written;
    }
    [[nodiscard]] std::span<std::byte> sign(std::span<const const_buffer> message, std::span<std::byte> signature,
                                            std::error_code& ec) noexcept {
        return sign(message, signature, {}, ec);
    }
    [[nodiscard]] std::span<std::byte> sign(std::span<const const_buffer> message, std::span<std::byte> signature,
                                            const protect_options& options = {}) {
        std::span<std::byte> written;
        detail::throw_if(call_sign(message, signature, options, written), "MakeSignature");
        return written;
    }

    /// Encrypts `data` in place.
    ///
    /// Writes at most `sizes().security_trailer` bytes to the front of `token` and at most `sizes().block_size` bytes
    /// to the front of `padding`, which must have room for so many. An empty `padding` is allowed: the package gets no
    /// buffer for it then, and fails if it needs one. On failure `data` is no message, and may still be the plaintext: do
    /// not send it.
    /// @return the written parts of `token` and `padding`, and `data`; all three go to the peer.
    /// @note Calls EncryptMessage. The peer uses `decrypt`. NTLM encrypts even what is to be `integrity_only`.
    [[nodiscard]] encrypted_message encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::span<std::byte> padding, const protect_options& options,
                                            std::error_code& ec) noexcept {
        const buffer whole[]{buffer::data(data)};
        encrypted_parts parts;
        return detail::succeeded(call_encrypt(std::span{whole}, token, padding, options, parts), ec)
                   ? encrypted_message{parts.token, data, parts.padding}
                   : encrypted_message{};
    }
    [[nodiscard]] encrypted_message encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::span<std::byte> padding, std::error_code& ec) noexcept {
        return encrypt(data, token, padding, {}, ec);
    }
    [[nodiscard]] encrypted_message encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::span<std::byte> padding, const protect_options& options = {}) {
        const buffer whole[]{buffer::data(data)};
        encrypted_parts parts;
        detail::throw_if(call_encrypt(std::span{whole}, token, padding, options, parts), "EncryptMessage");
        return {parts.token, data, parts.padding};
    }
    /// As above, of a message in parts: each `buffer::data` is encrypted, the others are as they were.
    [[nodiscard]] encrypted_parts encrypt(std::span<const buffer> message, std::span<std::byte> token,
                                          std::span<std::byte> padding, const protect_options& options,
                                          std::error_code& ec) noexcept {
        encrypted_parts parts;
        detail::succeeded(call_encrypt(message, token, padding, options, parts), ec);
        return parts;
    }
    [[nodiscard]] encrypted_parts encrypt(std::span<const buffer> message, std::span<std::byte> token,
                                          std::span<std::byte> padding, std::error_code& ec) noexcept {
        return encrypt(message, token, padding, {}, ec);
    }
    [[nodiscard]] encrypted_parts encrypt(std::span<const buffer> message, std::span<std::byte> token,
                                          std::span<std::byte> padding, const protect_options& options = {}) {
        encrypted_parts parts;
        detail::throw_if(call_encrypt(message, token, padding, options, parts), "EncryptMessage");
        return parts;
    }

    /// Encrypts the first `size` bytes of the frame's payload, in place, into a message in one piece: token, data and
    /// padding without gaps, as gss_unwrap takes it. The payload has been overwritten then, on failure with zeros,
    /// unless the package was not called.
    ///
    /// @return the message, part of the frame; send it before the frame's next use.
    /// @throws error `buffer_too_small` also when the frame was made for smaller `sizes`.
    /// @note Calls EncryptMessage. The peer uses `unwrap`.
    [[nodiscard]] std::span<const std::byte> wrap(message_frame& frame, std::size_t size,
                                                  const protect_options& options, std::error_code& ec) noexcept {
        std::span<const std::byte> wire;
        detail::succeeded(call_wrap(frame, size, options, wire), ec);
        return wire;
    }
    [[nodiscard]] std::span<const std::byte> wrap(message_frame& frame, std::size_t size,
                                                  std::error_code& ec) noexcept {
        return wrap(frame, size, {}, ec);
    }
    [[nodiscard]] std::span<const std::byte> wrap(message_frame& frame, std::size_t size,
                                                  const protect_options& options = {}) {
        std::span<const std::byte> wire;
        detail::throw_if(call_wrap(frame, size, options, wire), "EncryptMessage");
        return wire;
    }
    /// As `wrap`, for those who do not mind two copies and two allocations.
    /// @throws std::bad_alloc, perhaps when the package has counted the message already: close the connection then.
    [[nodiscard]] std::vector<std::byte> wrap_copy(std::span<const std::byte> message,
                                                   const protect_options& options = {}) {
        const auto* const context = state();
        detail::throw_if(context == nullptr ? errc::invalid_handle : errc{}, "EncryptMessage");
        message_frame frame{context->sizes, message.size()};
        std::ranges::copy(message, frame.payload().begin());
        const auto wire = wrap(frame, message.size(), options);
        return {wire.begin(), wire.end()};
    }

private:
    friend Derived;
    message_sending() noexcept = default;
    message_sending(message_sending&&) noexcept = default;
    message_sending& operator=(message_sending&&) noexcept = default;
    ~message_sending() = default;

    [[nodiscard]] detail::established* state() noexcept { return static_cast<Derived&>(*this).state(); }

    template <std::size_t Count>
    [[nodiscard]] errc call_sign(std::span<const const_buffer, Count> message, std::span<std::byte> signature,
                                 const protect_options& options, std::span<std::byte>& written) noexcept {
        auto* const context = state();
        return context == nullptr ? errc::invalid_handle : context->sign(message, signature, options, written);
    }
    template <std::size_t Count>
    [[nodiscard]] errc call_encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                                    std::span<std::byte> padding, const protect_options& options,
                                    encrypted_parts& parts) noexcept {
        auto* const context = state();
        return context == nullptr ? errc::invalid_handle : context->encrypt(message, token, padding, options, parts);
    }
    [[nodiscard]] errc call_wrap(message_frame& frame, std::size_t size, const protect_options& options,
                                 std::span<const std::byte>& wire) noexcept {
        auto* const context = state();
        return context == nullptr ? errc::invalid_handle
                                  : detail::wrap_calls::wrap(*context, frame, size, options, wire);
    }
};

/// The sending half of a context that was `split`: one thread's, while another has the receiving half.
class message_sender : public message_sending<message_sender> {
public:
    /// The zero state, in which a moved-from object is, too.
    message_sender() noexcept = default;

    [[nodiscard]] context_sizes sizes() const noexcept { return context_ ? context_->sizes : context_sizes{}; }
    /// As of the context.
    [[nodiscard]] context_flags granted() const noexcept { return context_ ? context_->granted : context_flags::none; }
    /// As of the context.
    [[nodiscard]] std::optional<std::chrono::system_clock::time_point> expiry() const noexcept {
        return context_ ? context_->expiry : std::nullopt;
    }
    /// False in the zero state.
    explicit operator bool() const noexcept { return context_ != nullptr; }

private:
    friend class message_sending<message_sender>;
    friend class security_context;
    explicit message_sender(std::shared_ptr<detail::established> context) noexcept : context_{std::move(context)} {}
    [[nodiscard]] detail::established* state() const noexcept { return context_.get(); }

    std::shared_ptr<detail::established> context_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
