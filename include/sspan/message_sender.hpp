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
        return succeeded(call_sign(detail::one_const_part{message}, signature, options), signature, ec);
    }
    [[nodiscard]] std::span<std::byte> sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                            std::error_code& ec) noexcept {
        return sign(message, signature, {}, ec);
    }
    [[nodiscard]] std::span<std::byte> sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                            const protect_options& options = {}) {
        return or_throw(call_sign(detail::one_const_part{message}, signature, options), signature);
    }
    /// As above, of a message in parts.
    [[nodiscard]] std::span<std::byte> sign(std::span<const const_buffer> message, std::span<std::byte> signature,
                                            const protect_options& options, std::error_code& ec) noexcept {
        return succeeded(call_sign(detail::many_parts<const_buffer>{message}, signature, options), signature, ec);
    }
    [[nodiscard]] std::span<std::byte> sign(std::span<const const_buffer> message, std::span<std::byte> signature,
                                            std::error_code& ec) noexcept {
        return sign(message, signature, {}, ec);
    }
    [[nodiscard]] std::span<std::byte> sign(std::span<const const_buffer> message, std::span<std::byte> signature,
                                            const protect_options& options = {}) {
        return or_throw(call_sign(detail::many_parts<const_buffer>{message}, signature, options), signature);
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
        const auto made = call_encrypt(detail::one_part{data}, token, padding, options);
        return detail::succeeded(made.status, ec)
                   ? encrypted_message{token.first(made.token), data, padding.first(made.padding)}
                   : encrypted_message{};
    }
    [[nodiscard]] encrypted_message encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::span<std::byte> padding, std::error_code& ec) noexcept {
        return encrypt(data, token, padding, {}, ec);
    }
    [[nodiscard]] encrypted_message encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::span<std::byte> padding, const protect_options& options = {}) {
        const auto made = call_encrypt(detail::one_part{data}, token, padding, options);
        detail::throw_if(made.status, "EncryptMessage");
        return {token.first(made.token), data, padding.first(made.padding)};
    }
    /// As above, of a message in parts: each `buffer::data` is encrypted, the others are as they were.
    [[nodiscard]] encrypted_parts encrypt(std::span<const buffer> message, std::span<std::byte> token,
                                          std::span<std::byte> padding, const protect_options& options,
                                          std::error_code& ec) noexcept {
        const auto made = call_encrypt(detail::many_parts<buffer>{message}, token, padding, options);
        return detail::succeeded(made.status, ec)
                   ? encrypted_parts{token.first(made.token), padding.first(made.padding)}
                   : encrypted_parts{};
    }
    [[nodiscard]] encrypted_parts encrypt(std::span<const buffer> message, std::span<std::byte> token,
                                          std::span<std::byte> padding, std::error_code& ec) noexcept {
        return encrypt(message, token, padding, {}, ec);
    }
    [[nodiscard]] encrypted_parts encrypt(std::span<const buffer> message, std::span<std::byte> token,
                                          std::span<std::byte> padding, const protect_options& options = {}) {
        const auto made = call_encrypt(detail::many_parts<buffer>{message}, token, padding, options);
        detail::throw_if(made.status, "EncryptMessage");
        return {token.first(made.token), padding.first(made.padding)};
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

    static std::span<std::byte> succeeded(detail::made_signature made, std::span<std::byte> signature,
                                          std::error_code& ec) noexcept {
        return detail::succeeded(made.status, ec) ? signature.first(made.size) : std::span<std::byte>{};
    }
    static std::span<std::byte> or_throw(detail::made_signature made, std::span<std::byte> signature) {
        detail::throw_if(made.status, "MakeSignature");
        return signature.first(made.size);
    }
    template <class Parts>
    [[nodiscard]] detail::made_signature call_sign(Parts message, std::span<std::byte> signature,
                                                   const protect_options& options) noexcept {
        auto* const context = state();
        return context == nullptr ? detail::made_signature{errc::invalid_handle}
                                  : context->sign(message, signature, options.sequence_number);
    }
    template <class Parts>
    [[nodiscard]] detail::made_token call_encrypt(Parts message, std::span<std::byte> token,
                                                  std::span<std::byte> padding,
                                                  const protect_options& options) noexcept {
        auto* const context = state();
        return context == nullptr ? detail::made_token{errc::invalid_handle}
                                  : context->encrypt(message, token, padding, options);
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
