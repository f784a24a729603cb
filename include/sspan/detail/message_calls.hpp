// SPDX-License-Identifier: MIT
//
// The body of every message call: look at the arguments, call the package, look at what it did.
#pragma once

#include "../buffer.hpp"
#include "../error.hpp"
#include "../flags.hpp"
#include "../message.hpp"
#include "handle.hpp"

#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// What makes a security context. The public class says what its functions do.
struct established {
    [[nodiscard]] std::span<std::byte> sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                            const protect_options& options, std::error_code& ec) noexcept;
    [[nodiscard]] bool verify(std::span<const std::byte> message, std::span<const std::byte> signature,
                              const accept_options& options, std::error_code& ec) noexcept;
    [[nodiscard]] encrypted_message encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            std::span<std::byte> padding, const protect_options& options,
                                            std::error_code& ec) noexcept;
    [[nodiscard]] decrypted_message decrypt(std::span<std::byte> data, std::span<std::byte> token,
                                            const accept_options& options, std::error_code& ec) noexcept;

    /// Why a message call cannot be made with these buffers; SEC_E_OK if it can.
    template <class... Spans>
    [[nodiscard]] errc refusal(bool protection_granted, const Spans&... spans) const noexcept {
        if (!handle) {
            return errc::invalid_handle;
        }
        if (!protection_granted) {
            return errc::qop_not_supported;
        }
        if (!(buffer::fits(spans.size()) && ...) || any_overlap(spans...)) {
            return errc::invalid_parameter;
        }
        return errc{};
    }

    [[nodiscard]] bool can_sign() const noexcept {
        return contains(granted, context_flags::integrity) && sizes.max_signature != 0;
    }

    [[nodiscard]] bool must_be_encrypted(const accept_options& options) const noexcept {
        return options.at_least ? *options.at_least == quality_of_protection::encrypted
                                : contains(required, context_flags::confidentiality);
    }

    context_handle handle;
    context_sizes sizes;
    context_flags granted = context_flags::none;
    context_flags required = context_flags::none;
};

/// Asks for the sizes of a context that a handshake, or somebody else, has established. On failure it has been deleted.
[[nodiscard]] inline established establish(context_handle handle, context_flags granted, context_flags required,
                                           std::error_code& ec) noexcept {
    SecPkgContext_Sizes sizes{};
    auto raw = handle.get();
    ec = handle ? failure(api::query_context_attributes(&raw, SECPKG_ATTR_SIZES, &sizes)) : errc::invalid_handle;
    if (ec) {
        return {};
    }
    return {std::move(handle),
            {sizes.cbMaxToken, sizes.cbMaxSignature, sizes.cbBlockSize, sizes.cbSecurityTrailer},
            granted,
            required};
}

inline std::span<std::byte> established::sign(std::span<const std::byte> message, std::span<std::byte> signature,
                                              const protect_options& options, std::error_code& ec) noexcept {
    auto refused = refusal(can_sign(), message, signature);
    if (refused == errc{} && signature.size() < sizes.max_signature) {
        refused = errc::buffer_too_small;
    }
    if (!succeeded(refused, ec)) {
        return {};
    }
    buffer_list buffers{buffer::data(message), buffer::token(signature)};
    auto raw = handle.get();
    if (!succeeded(api::make_signature(&raw, 0, buffers.native(), options.sequence_number), ec)) {
        return {};
    }
    std::span<std::byte> written;
    if (!filled(buffers[1], signature, written) || written.empty()) {
        ec = errc::internal_error;
        return {};
    }
    return written;
}

inline bool established::verify(std::span<const std::byte> message, std::span<const std::byte> signature,
                                const accept_options& options, std::error_code& ec) noexcept {
    auto refused = refusal(can_sign(), message, signature);
    if (refused == errc{} && signature.empty()) {
        refused = errc::invalid_token;
    }
    if (!succeeded(refused, ec)) {
        return false;
    }
    buffer_list buffers{buffer::data(message), buffer::token(signature)};
    ULONG quality = 0;
    auto raw = handle.get();
    return succeeded(api::verify_signature(&raw, buffers.native(), options.sequence_number, &quality), ec);
}

inline encrypted_message established::encrypt(std::span<std::byte> data, std::span<std::byte> token,
                                              std::span<std::byte> padding, const protect_options& options,
                                              std::error_code& ec) noexcept {
    const auto protection =
        options.quality == quality_of_protection::encrypted ? context_flags::confidentiality : context_flags::integrity;
    auto refused = refusal(contains(granted, protection) && sizes.security_trailer != 0, data, token, padding);
    if (refused == errc{} && (token.size() < sizes.security_trailer || padding.size() < sizes.block_size)) {
        refused = errc::buffer_too_small;
    }
    if (!succeeded(refused, ec)) {
        return {};
    }
    buffer_list buffers{buffer::token(token), buffer::data(data), buffer::padding(padding)};
    if (padding.empty()) {
        buffers.drop_last();
    }
    auto raw = handle.get();
    if (!succeeded(
            api::encrypt_message(&raw, static_cast<ULONG>(options.quality), buffers.native(), options.sequence_number),
            ec)) {
        return {};
    }
    encrypted_message message;
    if (!filled(buffers[0], token, message.token) || message.token.empty() || !filled(buffers[1], data, message.data) ||
        message.data.size() != data.size() || !filled(buffers[2], padding, message.padding)) {
        ec = errc::internal_error;
        return {};
    }
    if (message.padding.size() > sizes.block_size) { // left as it was by a package that never pads
        message.padding = {};
    }
    return message;
}

inline decrypted_message established::decrypt(std::span<std::byte> data, std::span<std::byte> token,
                                              const accept_options& options, std::error_code& ec) noexcept {
    const auto either = context_flags::integrity | context_flags::confidentiality;
    auto refused = refusal((granted & either) != context_flags::none, data, token);
    if (refused == errc{} && token.empty()) {
        refused = errc::invalid_token;
    }
    if (!succeeded(refused, ec)) {
        return {};
    }
    buffer_list buffers{buffer::token(token), buffer::data(data)};
    ULONG quality = 0; // NTLM leaves it alone
    auto raw = handle.get();
    const auto status = api::decrypt_message(&raw, buffers.native(), options.sequence_number, &quality);

    decrypted_message message;
    if (quality == 0 && contains(granted, context_flags::confidentiality)) {
        message.quality = quality_of_protection::encrypted;
    }
    if (succeeded(status, ec) && !filled_part(buffers[1], data, message.data)) {
        ec = errc::internal_error;
    }
    if (!ec && must_be_encrypted(options) && message.quality != quality_of_protection::encrypted) {
        ec = errc::qop_not_supported;
    }
    if (ec) {
        // Some packages decrypt before they check, so this may be the plaintext of a message that is not authentic.
        api::secure_zero(data.data(), data.size());
        api::secure_zero(token.data(), token.size());
        return {};
    }
    return message;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
