// SPDX-License-Identifier: MIT
//
// Checking and opening messages: verify, decrypt, unwrap.
#pragma once

#include "buffer.hpp"
#include "detail/message_calls.hpp"
#include "detail/wrap_calls.hpp"
#include "error.hpp"
#include "flags.hpp"
#include "message.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// What `security_context` and `message_receiver` can do. One thread at a time, and messages in the order in which they
/// were sent.
///
/// A message that is not the peer's next one, unchanged, is `message_altered`, `out_of_sequence`, `invalid_token` or
/// another error of the package; close the connection then. Of NTLM every later message fails, too.
///
/// Every function fails with `invalid_handle` in the zero state, with `qop_not_supported` when no such protection was
/// granted, and with `invalid_parameter` when a buffer exceeds 32 bits or overlaps another, or when there are no parts
/// or more than `max_message_parts`. All these are found before the package is called, and no buffer has been touched
/// then. Any status of the package but SEC_E_OK is an error.
template <class Derived>
class message_receiving {
public:
    /// Checks that `signature`, exactly as received, is the peer's for `message`. Both are only read.
    ///
    /// @return whether it is; never true together with an error.
    /// @note Calls VerifySignature.
    [[nodiscard]] bool verify(std::span<const std::byte> message, std::span<const std::byte> signature,
                              const accept_options& options, std::error_code& ec) noexcept {
        return detail::succeeded(call_verify(detail::one_const_part{message}, signature, options), ec);
    }
    [[nodiscard]] bool verify(std::span<const std::byte> message, std::span<const std::byte> signature,
                              std::error_code& ec) noexcept {
        return verify(message, signature, {}, ec);
    }
    void verify(std::span<const std::byte> message, std::span<const std::byte> signature,
                const accept_options& options = {}) {
        detail::throw_if(call_verify(detail::one_const_part{message}, signature, options), "VerifySignature");
    }
    /// As above, of a message in the same parts as it was signed in.
    [[nodiscard]] bool verify(std::span<const const_buffer> message, std::span<const std::byte> signature,
                              const accept_options& options, std::error_code& ec) noexcept {
        return detail::succeeded(call_verify(detail::many_parts<const_buffer>{message}, signature, options), ec);
    }
    [[nodiscard]] bool verify(std::span<const const_buffer> message, std::span<const std::byte> signature,
                              std::error_code& ec) noexcept {
        return verify(message, signature, {}, ec);
    }
    void verify(std::span<const const_buffer> message, std::span<const std::byte> signature,
                const accept_options& options = {}) {
        detail::throw_if(call_verify(detail::many_parts<const_buffer>{message}, signature, options), "VerifySignature");
    }

    /// Checks and decrypts `data`, which includes the padding if there is any, in place; `token` is exactly as received
    /// and may be overwritten.
    ///
    /// @return the part of `data` that is the message, and what protected it. On failure there is none, and `data` and
    ///   `token` are all zeros, unless the package was not called.
    /// @throws error `qop_not_supported` also for a message that is authentic but was not encrypted, see
    ///   `accept_options`.
    /// @note Calls DecryptMessage.
    [[nodiscard]] decrypted_message decrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            const accept_options& options, std::error_code& ec) noexcept {
        const auto opened = call_decrypt(detail::one_part{data}, token, options);
        return detail::succeeded(opened.status, ec)
                   ? decrypted_message{data.subspan(opened.offset, opened.size), opened.quality}
                   : decrypted_message{};
    }
    [[nodiscard]] decrypted_message decrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::error_code& ec) noexcept {
        return decrypt(data, token, {}, ec);
    }
    [[nodiscard]] decrypted_message decrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            const accept_options& options = {}) {
        const auto opened = call_decrypt(detail::one_part{data}, token, options);
        detail::throw_if(opened.status, "DecryptMessage");
        return {data.subspan(opened.offset, opened.size), opened.quality};
    }
    /// As above, of a message in the same parts as it was encrypted in; the last `buffer::data` includes the padding.
    /// On failure every `buffer::data` is all zeros.
    [[nodiscard]] decrypted_parts decrypt(std::span<const buffer> message, std::span<std::byte> token,
                                          const accept_options& options, std::error_code& ec) noexcept {
        const auto opened = call_decrypt(detail::many_parts<buffer>{message}, token, options);
        return detail::succeeded(opened.status, ec) ? parts_of(message, opened) : decrypted_parts{};
    }
    [[nodiscard]] decrypted_parts decrypt(std::span<const buffer> message, std::span<std::byte> token,
                                          std::error_code& ec) noexcept {
        return decrypt(message, token, {}, ec);
    }
    [[nodiscard]] decrypted_parts decrypt(std::span<const buffer> message, std::span<std::byte> token,
                                          const accept_options& options = {}) {
        const auto opened = call_decrypt(detail::many_parts<buffer>{message}, token, options);
        detail::throw_if(opened.status, "DecryptMessage");
        return parts_of(message, opened);
    }

    /// Checks and decrypts a message in one piece, as `wrap` and gss_wrap make it, in place.
    ///
    /// @return the part of `wire` that is the message, and what protected it. On failure there is none, and `wire` is
    ///   all zeros, unless the package was not called.
    /// @throws error as `decrypt`.
    /// @note Calls DecryptMessage with SECBUFFER_STREAM; for NTLM and in DCE style with TOKEN and DATA.
    [[nodiscard]] decrypted_message unwrap(std::span<std::byte> wire, const accept_options& options,
                                           std::error_code& ec) noexcept {
        const auto opened = call_unwrap(wire, options);
        return detail::succeeded(opened.status, ec)
                   ? decrypted_message{wire.subspan(opened.offset, opened.size), opened.quality}
                   : decrypted_message{};
    }
    [[nodiscard]] decrypted_message unwrap(std::span<std::byte> wire, std::error_code& ec) noexcept {
        return unwrap(wire, {}, ec);
    }
    [[nodiscard]] decrypted_message unwrap(std::span<std::byte> wire, const accept_options& options = {}) {
        const auto opened = call_unwrap(wire, options);
        detail::throw_if(opened.status, "DecryptMessage");
        return {wire.subspan(opened.offset, opened.size), opened.quality};
    }
    /// As `unwrap`, for those who do not mind two copies and two allocations.
    /// @throws std::bad_alloc, perhaps when the package has counted the message already: close the connection then.
    [[nodiscard]] unwrapped_copy unwrap_copy(std::span<const std::byte> wire, const accept_options& options = {}) {
        detail::wiped_vector copy{wire.begin(), wire.end()};
        const auto message = unwrap(copy, options);
        return {{message.data.begin(), message.data.end()}, message.quality};
    }

private:
    friend Derived;
    message_receiving() noexcept = default;
    message_receiving(message_receiving&&) noexcept = default;
    message_receiving& operator=(message_receiving&&) noexcept = default;
    ~message_receiving() = default;

    [[nodiscard]] detail::established* state() noexcept { return static_cast<Derived&>(*this).state(); }

    static decrypted_parts parts_of(std::span<const buffer> message, const detail::opened_data& opened) noexcept {
        for (std::size_t i = message.size(); i-- != 0;) {
            if (message[i].writable()) {
                return {message[i].writable_bytes().subspan(opened.offset, opened.size), opened.quality};
            }
        }
        return {{}, opened.quality};
    }
    template <class Parts>
    [[nodiscard]] errc call_verify(Parts message, std::span<const std::byte> signature,
                                   const accept_options& options) noexcept {
        auto* const context = state();
        return context == nullptr ? errc::invalid_handle : context->verify(message, signature, options.sequence_number);
    }
    template <class Parts>
    [[nodiscard]] detail::opened_data call_decrypt(Parts message, std::span<std::byte> token,
                                                   const accept_options& options) noexcept {
        auto* const context = state();
        return context == nullptr ? detail::opened_data{errc::invalid_handle}
                                  : context->decrypt(message, token, options);
    }
    [[nodiscard]] detail::opened_data call_unwrap(std::span<std::byte> wire, const accept_options& options) noexcept {
        auto* const context = state();
        return context == nullptr ? detail::opened_data{errc::invalid_handle}
                                  : detail::wrap_calls::unwrap(*context, wire, options);
    }
};

/// The receiving half of a context that was `split`: one thread's, while another has the sending half.
class message_receiver : public message_receiving<message_receiver> {
public:
    /// The zero state, in which a moved-from object is, too.
    message_receiver() noexcept = default;

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
    friend class message_receiving<message_receiver>;
    friend class security_context;
    explicit message_receiver(std::shared_ptr<detail::established> context) noexcept : context_{std::move(context)} {}
    [[nodiscard]] detail::established* state() const noexcept { return context_.get(); }

    std::shared_ptr<detail::established> context_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
