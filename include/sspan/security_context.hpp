// SPDX-License-Identifier: MIT
//
// An established security context: signs, verifies, encrypts and decrypts messages in place.
#pragma once

#include "detail/handle.hpp"
#include "detail/message_calls.hpp"
#include "error.hpp"
#include "flags.hpp"
#include "message.hpp"

#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

namespace detail {
class handshake;
}

/// Owns a CtxtHandle. It comes from a handshake's `finish`.
///
/// One thread may send (`sign`, `encrypt`) while another receives (`verify`, `decrypt`); messages are to be received in
/// the order in which they were sent. No function allocates memory, copies a payload or takes a lock.
///
/// All fail with `invalid_handle` in the zero state and with `invalid_parameter` when a buffer exceeds 32 bits or
/// overlaps another; like `buffer_too_small` and `qop_not_supported`, both are found before the package is called, and
/// no buffer has been touched then. Any status but SEC_E_OK is an error here.
class security_context {
public:
    /// The zero state, in which a moved-from object is, too.
    security_context() noexcept = default;

    /// Takes a handle that was established elsewhere with `granted`, all of which counts as required.
    /// @throws error what QueryContextAttributes reports for SECPKG_ATTR_SIZES; then the handle has been deleted.
    [[nodiscard]] static security_context adopt(CtxtHandle handle, context_flags granted,
                                                std::error_code& ec) noexcept {
        return security_context{detail::establish(detail::context_handle{handle}, granted, granted, ec)};
    }
    [[nodiscard]] static security_context adopt(CtxtHandle handle, context_flags granted) {
        std::error_code ec;
        auto adopted = adopt(handle, granted, ec);
        detail::throw_if(ec, "QueryContextAttributes");
        return adopted;
    }

    /// Signs `message` with the context's session key.
    ///
    /// Writes at most `sizes().max_signature` bytes to the front of `signature`, which must have room for so many;
    /// `message` is only read.
    /// @return the part of `signature` that was written; send it with the message.
    /// @throws error `buffer_too_small`, `qop_not_supported` (integrity was not granted), `context_expired`.
    /// @note Calls MakeSignature. The peer checks with `verify`.
    [[nodiscard]] std::span<std::byte> sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                            const protect_options& options, std::error_code& ec) noexcept {
        return state_.sign(message, signature, options, ec);
    }
    [[nodiscard]] std::span<std::byte> sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                            std::error_code& ec) noexcept {
        return sign(message, signature, {}, ec);
    }
    [[nodiscard]] std::span<std::byte> sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                            const protect_options& options = {}) {
        std::error_code ec;
        const auto written = sign(message, signature, options, ec);
        detail::throw_if(ec, "MakeSignature");
        return written;
    }

    /// Checks that `signature`, exactly as received, is the peer's for `message`. Both are only read.
    ///
    /// @return whether it is; never true together with an error.
    /// @throws error `message_altered`, `out_of_sequence`, `invalid_token`, `context_expired`, `qop_not_supported`
    ///   (integrity was not granted). Of NTLM every later message fails, too: close the connection.
    /// @note Calls VerifySignature.
    [[nodiscard]] bool verify(std::span<const std::byte> message, std::span<const std::byte> signature,
                              const accept_options& options, std::error_code& ec) noexcept {
        return state_.verify(message, signature, options, ec);
    }
    [[nodiscard]] bool verify(std::span<const std::byte> message, std::span<const std::byte> signature,
                              std::error_code& ec) noexcept {
        return verify(message, signature, {}, ec);
    }
    void verify(std::span<const std::byte> message, std::span<const std::byte> signature,
                const accept_options& options = {}) {
        std::error_code ec;
        if (!verify(message, signature, options, ec)) {
            throw error{ec, "VerifySignature"};
        }
    }

    /// Encrypts `data` in place.
    ///
    /// Writes at most `sizes().security_trailer` bytes to the front of `token` and at most `sizes().block_size` bytes
    /// to the front of `padding`, which must have room for so many; one byte more lets sspan notice a package that
    /// ignores padding (Wine's Kerberos). On failure `data` is neither plaintext nor a message.
    /// @return the written parts of `token` and `padding`, and `data`; all three go to the peer.
    /// @throws error `buffer_too_small`, `context_expired`, `qop_not_supported` (confidentiality, or for
    ///   `integrity_only` integrity, was not granted).
    /// @note Calls EncryptMessage. The peer uses `decrypt`. NTLM encrypts even what is to be `integrity_only`.
    [[nodiscard]] encrypted_message encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::span<std::byte> padding, const protect_options& options,
                                            std::error_code& ec) noexcept {
        return state_.encrypt(data, token, padding, options, ec);
    }
    [[nodiscard]] encrypted_message encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::span<std::byte> padding, std::error_code& ec) noexcept {
        return encrypt(data, token, padding, {}, ec);
    }
    [[nodiscard]] encrypted_message encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::span<std::byte> padding, const protect_options& options = {}) {
        std::error_code ec;
        const auto message = encrypt(data, token, padding, options, ec);
        detail::throw_if(ec, "EncryptMessage");
        return message;
    }

    /// Checks and decrypts `data`, which includes the padding if there is any, in place; `token` is exactly as received
    /// and may be overwritten.
    ///
    /// @return the part of `data` that is the message, and what protected it. On failure there is none, and `data` and
    ///   `token` are all zeros, unless the package was not called.
    /// @throws error `message_altered`, `out_of_sequence`, `invalid_token`, `context_expired`, `qop_not_supported` (the
    ///   message is authentic but was not encrypted, see `accept_options`; or the context has no protection). Of NTLM
    ///   every later message fails, too: close the connection.
    /// @note Calls DecryptMessage.
    [[nodiscard]] decrypted_message decrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            const accept_options& options, std::error_code& ec) noexcept {
        return state_.decrypt(data, token, options, ec);
    }
    [[nodiscard]] decrypted_message decrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::error_code& ec) noexcept {
        return decrypt(data, token, {}, ec);
    }
    [[nodiscard]] decrypted_message decrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            const accept_options& options = {}) {
        std::error_code ec;
        const auto message = decrypt(data, token, options, ec);
        detail::throw_if(ec, "DecryptMessage");
        return message;
    }

    /// What the handshake granted.
    [[nodiscard]] context_flags granted() const noexcept { return state_.granted; }
    [[nodiscard]] const context_sizes& sizes() const noexcept { return state_.sizes; }

    /// Lends the handle; zero when there is none.
    [[nodiscard]] CtxtHandle native_handle() const noexcept { return state_.handle.get(); }
    /// Gives the handle away; the caller deletes it with DeleteSecurityContext.
    [[nodiscard]] CtxtHandle release() noexcept { return state_.handle.release(); }
    /// False in the zero state.
    explicit operator bool() const noexcept { return static_cast<bool>(state_.handle); }

private:
    friend class detail::handshake;
    explicit security_context(detail::established&& state) noexcept : state_{std::move(state)} {}

    detail::established state_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
