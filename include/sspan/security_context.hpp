// SPDX-License-Identifier: MIT
//
// An established security context: signs, verifies, encrypts and decrypts messages in place.
#pragma once

#include "buffer.hpp"
#include "detail/handle.hpp"
#include "error.hpp"
#include "flags.hpp"
#include "message.hpp"

#include <cstddef>
#include <cstdint>
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

    /// Takes a handle that was established elsewhere with `granted`; contexts that grant confidentiality then require it.
    /// @throws error what QueryContextAttributes reports for SECPKG_ATTR_SIZES; then the handle has been deleted.
    [[nodiscard]] static security_context adopt(CtxtHandle handle, context_flags granted, std::error_code& ec) noexcept {
        return create(detail::context_handle{handle}, granted, granted, ec);
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
                                            const protect_options& options, std::error_code& ec) noexcept;
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
                              const accept_options& options, std::error_code& ec) noexcept;
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
    /// Writes at most `sizes().security_trailer` bytes to the front of `token` and at most `sizes().block_size` bytes to
    /// the front of `padding`, which must have room for so many; one byte more lets sspan notice a package that ignores
    /// padding (Wine's Kerberos). On failure `data` is neither plaintext nor a message.
    /// @return the written parts of `token` and `padding`, and `data`; all three go to the peer.
    /// @throws error `buffer_too_small`, `qop_not_supported` (confidentiality, or integrity for `integrity_only`, was not
    ///   granted), `context_expired`.
    /// @note Calls EncryptMessage. The peer uses `decrypt`. NTLM encrypts even what is to be `integrity_only`.
    [[nodiscard]] encrypted_message encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::span<std::byte> padding, const protect_options& options,
                                            std::error_code& ec) noexcept;
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
                                            const accept_options& options, std::error_code& ec) noexcept;
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
    [[nodiscard]] context_flags granted() const noexcept { return granted_; }
    [[nodiscard]] const context_sizes& sizes() const noexcept { return sizes_; }

    /// Lends the handle; zero when there is none.
    [[nodiscard]] CtxtHandle native_handle() const noexcept { return handle_.get(); }
    /// Gives the handle away; the caller deletes it with DeleteSecurityContext.
    [[nodiscard]] CtxtHandle release() noexcept { return handle_.release(); }
    /// False in the zero state.
    explicit operator bool() const noexcept { return static_cast<bool>(handle_); }

private:
    friend class detail::handshake;

    security_context(detail::context_handle handle, const context_sizes& sizes, context_flags granted,
                     context_flags required) noexcept
        : handle_{std::move(handle)}, sizes_{sizes}, granted_{granted}, required_{required} {}

    static security_context create(detail::context_handle handle, context_flags granted, context_flags required,
                                   std::error_code& ec) noexcept;

    /// Why a message call cannot be made with these buffers; SEC_E_OK if it can.
    template <class... Spans>
    [[nodiscard]] errc refusal(bool protection_granted, const Spans&... spans) const noexcept {
        if (!handle_) {
            return errc::invalid_handle;
        }
        if (!protection_granted) {
            return errc::qop_not_supported;
        }
        if (!(buffer::fits(spans.size()) && ...) || detail::any_overlap(spans...)) {
            return errc::invalid_parameter;
        }
        return errc{};
    }

    [[nodiscard]] bool can_sign() const noexcept {
        return contains(granted_, context_flags::integrity) && sizes_.max_signature != 0;
    }

    [[nodiscard]] bool must_be_encrypted(const accept_options& options) const noexcept {
        return options.at_least ? *options.at_least == quality_of_protection::encrypted
                                : contains(required_, context_flags::confidentiality);
    }

    detail::context_handle handle_;
    context_sizes sizes_;
    context_flags granted_ = context_flags::none;
    context_flags required_ = context_flags::none;
};

inline security_context security_context::create(detail::context_handle handle, context_flags granted,
                                                 context_flags required, std::error_code& ec) noexcept {
    ec.clear();
    if (!handle) {
        ec = errc::invalid_handle;
        return {};
    }
    SecPkgContext_Sizes sizes{};
    auto raw = handle.get();
    ec = detail::failure(detail::api::query_context_attributes(&raw, SECPKG_ATTR_SIZES, &sizes));
    if (ec) {
        return {};
    }
    return {std::move(handle),
            {sizes.cbMaxToken, sizes.cbMaxSignature, sizes.cbBlockSize, sizes.cbSecurityTrailer},
            granted,
            required};
}

inline std::span<std::byte> security_context::sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                                   const protect_options& options, std::error_code& ec) noexcept {
    auto refused = refusal(can_sign(), message, signature);
    if (refused == errc{} && signature.size() < sizes_.max_signature) {
        refused = errc::buffer_too_small;
    }
    if (!detail::succeeded(refused, ec)) {
        return {};
    }
    buffer_list buffers{buffer::data(message), buffer::token(signature)};
    auto raw = handle_.get();
    if (!detail::succeeded(detail::api::make_signature(&raw, 0, buffers.native(), options.sequence_number), ec)) {
        return {};
    }
    std::span<std::byte> written;
    if (!detail::filled(buffers[1], signature, written) || written.empty()) {
        ec = errc::internal_error;
        return {};
    }
    return written;
}

inline bool security_context::verify(std::span<const std::byte> message, std::span<const std::byte> signature,
                                     const accept_options& options, std::error_code& ec) noexcept {
    auto refused = refusal(can_sign(), message, signature);
    if (refused == errc{} && signature.empty()) {
        refused = errc::invalid_token;
    }
    if (!detail::succeeded(refused, ec)) {
        return false;
    }
    buffer_list buffers{buffer::data(message), buffer::token(signature)};
    ULONG quality = 0;
    auto raw = handle_.get();
    return detail::succeeded(
        detail::api::verify_signature(&raw, buffers.native(), options.sequence_number, &quality), ec);
}

inline encrypted_message security_context::encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                                   std::span<std::byte> padding, const protect_options& options,
                                                   std::error_code& ec) noexcept {
    const auto protection = options.quality == quality_of_protection::encrypted ? context_flags::confidentiality
                                                                                : context_flags::integrity;
    auto refused = refusal(contains(granted_, protection) && sizes_.security_trailer != 0, data, token, padding);
    if (refused == errc{} && (token.size() < sizes_.security_trailer || padding.size() < sizes_.block_size)) {
        refused = errc::buffer_too_small;
    }
    if (!detail::succeeded(refused, ec)) {
        return {};
    }
    buffer_list buffers{buffer::token(token), buffer::data(data), buffer::padding(padding)};
    if (padding.empty()) {
        buffers.drop_last();
    }
    auto raw = handle_.get();
    if (!detail::succeeded(detail::api::encrypt_message(&raw, static_cast<ULONG>(options.quality), buffers.native(),
                                                        options.sequence_number),
                           ec)) {
        return {};
    }
    encrypted_message message{{}, data, {}};
    if (!detail::filled(buffers[0], token, message.token) || message.token.empty() ||
        !detail::filled(buffers[2], padding, message.padding) || buffers[1].cbBuffer != data.size()) {
        ec = errc::internal_error;
        return {};
    }
    if (message.padding.size() > sizes_.block_size) { // left as it was by a package that never pads
        message.padding = {};
    }
    return message;
}

inline decrypted_message security_context::decrypt(std::span<std::byte> data, std::span<std::byte> token,
                                                   const accept_options& options, std::error_code& ec) noexcept {
    const auto either = context_flags::integrity | context_flags::confidentiality;
    auto refused = refusal((granted_ & either) != context_flags::none, data, token);
    if (refused == errc{} && token.empty()) {
        refused = errc::invalid_token;
    }
    if (!detail::succeeded(refused, ec)) {
        return {};
    }
    buffer_list buffers{buffer::token(token), buffer::data(data)};
    ULONG quality = 0; // NTLM leaves it alone
    auto raw = handle_.get();
    const auto status = detail::api::decrypt_message(&raw, buffers.native(), options.sequence_number, &quality);

    decrypted_message message;
    if (quality == 0 && contains(granted_, context_flags::confidentiality)) {
        message.quality = quality_of_protection::encrypted;
    }
    if (detail::succeeded(status, ec) && !detail::filled_part(buffers[1], data, message.data)) {
        ec = errc::internal_error;
    }
    if (!ec && must_be_encrypted(options) && message.quality != quality_of_protection::encrypted) {
        ec = errc::qop_not_supported;
    }
    if (ec) {
        // Some packages decrypt before they check, so this may be the plaintext of a message that is not authentic.
        detail::api::secure_zero(data.data(), data.size());
        detail::api::secure_zero(token.data(), token.size());
        return {};
    }
    return message;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
