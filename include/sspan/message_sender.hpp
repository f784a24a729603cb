// SPDX-License-Identifier: MIT
//
// Protecting messages: sign, encrypt, wrap.
#pragma once

#include "bytes.hpp"
#include "context_accessors.hpp"
#include "detail/message_calls.hpp"
#include "detail/message_lists.hpp"
#include "detail/wrap_calls.hpp"
#include "error.hpp"
#include "message.hpp"
#include "message_frame.hpp"
#include "message_part.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// The sending functions of a context. `security_context` and `message_sender` have them. Only one thread at a time may
/// call them.
///
/// All functions fail with these errors:
/// - `invalid_handle` in the zero state;
/// - `qop_not_supported` if the handshake did not grant the protection;
/// - `buffer_too_small` if an output buffer is too small;
/// - `invalid_parameter` if a size exceeds 32 bits, buffers overlap, or a list of parts is empty or longer than
///   `max_message_parts`;
/// - every status of the package other than SEC_E_OK, for example `context_expired`.
///
/// The first four are checked before the package is called; all buffers are unchanged then. With `ec`, a failed
/// function returns an empty result.
template <class Base>
class message_sending : public Base {
public:
    /// Signs `message` with the context's session key.
    ///
    /// Writes at most `sizes().max_signature` bytes to the front of `signature`, which must have room for that many.
    /// `message` is only read.
    /// @return the written part of `signature`. Send it with the message.
    /// @note Calls MakeSignature. The peer checks with `verify`.
    [[nodiscard]] std::span<std::byte> sign(const const_message_data& message, mutable_bytes signature,
                                            const protect_options& options, std::error_code& ec) noexcept {
        const auto made = call_sign(message, signature, options);
        return detail::succeeded(made.status, ec) ? signature.first(made.size) : std::span<std::byte>{};
    }
    [[nodiscard]] std::span<std::byte> sign(const const_message_data& message, mutable_bytes signature,
                                            const protect_options& options = {}) {
        const auto made = call_sign(message, signature, options);
        detail::throw_if(made.status, "MakeSignature");
        return signature.first(made.size);
    }

    /// Encrypts `message.data` in place. In a list of parts, each `message_part::data` is encrypted; the other parts
    /// are only read.
    ///
    /// Writes at most `sizes().security_trailer` bytes to the front of `message.token` and at most `sizes().block_size`
    /// bytes to the front of `message.padding`. Both must have room for that many. `message.padding` may be empty; a
    /// package that needs padding fails then. If the package fails, the data to encrypt is overwritten with zeros.
    /// @return `data` and the written parts of `token` and `padding`. Send them in the order of `in_wire_order`. For a
    ///   message in parts, `data` is empty: send the parts.
    /// @note Calls EncryptMessage. The peer uses `decrypt`. NTLM encrypts `integrity_only` messages, too.
    [[nodiscard]] encrypted_message encrypt(const encrypted_message& message, const protect_options& options,
                                            std::error_code& ec) noexcept {
        const auto made = call_encrypt(message, options);
        return detail::succeeded(made.status, ec) ? written(message, made) : encrypted_message{};
    }
    [[nodiscard]] encrypted_message encrypt(const encrypted_message& message, const protect_options& options = {}) {
        const auto made = call_encrypt(message, options);
        detail::throw_if(made.status, "EncryptMessage");
        return written(message, made);
    }

    /// Encrypts the first `size` bytes of the frame's payload in place. The result is one range: token, data and
    /// padding without gaps, as gss_unwrap expects them. If the package fails, the payload is overwritten with zeros.
    ///
    /// @return the message, a part of the frame. Send it before the next use of the frame. `message_frame::prepend`
    ///   puts a length in front of it.
    /// @throws error `buffer_too_small` if `size` exceeds the frame's capacity, or if the frame was made for smaller
    ///   `sizes`.
    /// @note Calls EncryptMessage. The peer uses `unwrap`.
    [[nodiscard]] std::span<const std::byte> wrap(message_frame& frame, std::size_t size,
                                                  const protect_options& options, std::error_code& ec) noexcept {
        std::span<const std::byte> wire;
        detail::succeeded(call_wrap(frame, size, options, wire), ec);
        return wire;
    }
    [[nodiscard]] std::span<const std::byte> wrap(message_frame& frame, std::size_t size,
                                                  const protect_options& options = {}) {
        std::span<const std::byte> wire;
        detail::throw_if(call_wrap(frame, size, options, wire), "EncryptMessage");
        return wire;
    }
    /// Copies `message` into a new frame and wraps it. Copies twice and allocates twice.
    /// @throws as `wrap`; std::length_error if the result exceeds 31 bits; std::bad_alloc before the package has seen the
    ///   message.
    [[nodiscard]] std::vector<std::byte> wrap_copy(const_bytes message, const protect_options& options = {}) {
        detail::throw_if(this->state_ == nullptr ? errc::invalid_handle : errc{}, "EncryptMessage");
        message_frame frame{this->state_->sizes, message.size()};
        std::vector<std::byte> copy;
        copy.reserve(max_wrapped_size(this->state_->sizes, message.size()));
        const auto wire = wrap(frame, frame.assign(message), options);
        copy.assign(wire.begin(), wire.end());
        return copy;
    }

protected:
    message_sending() noexcept = default;
    explicit message_sending(std::shared_ptr<detail::established> state) noexcept : Base{std::move(state)} {}
    message_sending(message_sending&&) noexcept = default;
    message_sending& operator=(message_sending&&) noexcept = default;
    ~message_sending() = default;

private:
    static encrypted_message written(const encrypted_message& given, detail::made_token made) noexcept {
        return {.token = given.token.first(made.token),
                .data = given.data.in_parts() ? message_data{} : given.data,
                .padding = given.padding.first(made.padding)};
    }
    [[nodiscard]] detail::made_signature call_sign(const const_message_data& message, std::span<std::byte> signature,
                                                   const protect_options& options) noexcept {
        auto* const context = this->state_.get();
        if (context == nullptr) {
            return {errc::invalid_handle};
        }
        return message.in_parts()
                   ? context->sign(detail::parts_to_read{message.parts()}, signature, options.sequence_number)
                   : context->sign(detail::one_part_to_read{message}, signature, options.sequence_number);
    }
    [[nodiscard]] detail::made_token call_encrypt(const encrypted_message& message,
                                                  const protect_options& options) noexcept {
        auto* const context = this->state_.get();
        if (context == nullptr) {
            return {errc::invalid_handle};
        }
        const auto& data = message.data;
        return data.in_parts()
                   ? context->encrypt(detail::parts_to_change{data.parts()}, message.token, message.padding, options)
                   : context->encrypt(detail::one_part_to_change{data}, message.token, message.padding, options);
    }
    [[nodiscard]] errc call_wrap(message_frame& frame, std::size_t size, const protect_options& options,
                                 std::span<const std::byte>& wire) noexcept {
        return detail::wrap_calls::wrap(this->state_.get(), frame, size, options, wire);
    }
};

/// The sending half of a context that was `split`. One thread uses it while another thread uses the receiving half.
class message_sender : public message_sending<context_accessors> {
public:
    /// Makes the zero state, which is also the state of a moved-from object.
    message_sender() noexcept = default;

private:
    friend class security_context;
    explicit message_sender(std::shared_ptr<detail::established> state) noexcept : message_sending{std::move(state)} {}
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
