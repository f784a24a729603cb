// SPDX-License-Identifier: MIT
//
// The body of every message call: look at the arguments, call the package, look at what it did.
#pragma once

#include "../buffer.hpp"
#include "../error.hpp"
#include "../flags.hpp"
#include "../message.hpp"
#include "../os/secret.hpp"
#include "established.hpp"

#include <cstddef>
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// A message and two buffers of the package's.
template <std::size_t Count>
using message_buffers = buffer_list<(Count == std::dynamic_extent ? max_message_parts : Count) + 2>;

template <std::size_t Count>
errc established::sign(std::span<const const_buffer, Count> message, std::span<std::byte> signature,
                       const protect_options& options, std::span<std::byte>& written) noexcept {
    if (const auto refused = refusal(can_sign(), message, signature); refused != errc{}) {
        return refused;
    }
    if (signature.size() < sizes.max_signature) {
        return errc::buffer_too_small;
    }
    message_buffers<Count> buffers;
    for (const auto& part : message) {
        buffers.add(part.type(), part.bytes());
    }
    const auto last = buffers.add(SECBUFFER_TOKEN, signature);
    if (const auto status = api::make_signature(handle.address(), 0, buffers.native(), options.sequence_number);
        status != SEC_E_OK) {
        return to_errc(status);
    }
    std::span<std::byte> front;
    if (!filled(buffers[last], signature, front) || front.empty()) {
        return errc::internal_error;
    }
    written = front;
    return errc{};
}

template <std::size_t Count>
errc established::verify(std::span<const const_buffer, Count> message, std::span<const std::byte> signature,
                         const accept_options& options) noexcept {
    if (const auto refused = refusal(can_sign(), message, signature); refused != errc{}) {
        return refused;
    }
    if (signature.empty()) {
        return errc::invalid_token;
    }
    message_buffers<Count> buffers;
    for (const auto& part : message) {
        buffers.add(part.type(), part.bytes());
    }
    buffers.add(SECBUFFER_TOKEN, signature);
    ULONG quality = 0;
    if (const auto status =
            api::verify_signature(handle.address(), buffers.native(), options.sequence_number, &quality);
        status != SEC_E_OK) {
        return to_errc(status);
    }
    return errc{};
}

template <std::size_t Count>
errc established::encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                          std::span<std::byte> padding, const protect_options& options,
                          encrypted_parts& parts) noexcept {
    const auto refused = may_encrypt(message, token, padding, options);
    return refused != errc{} ? refused : call_encrypt(message, token, padding, options, parts);
}

template <std::size_t Count>
errc established::may_encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                              std::span<std::byte> padding, const protect_options& options) const noexcept {
    const auto protection =
        options.quality == quality_of_protection::encrypted ? context_flags::confidentiality : context_flags::integrity;
    const auto refused = refusal(contains(granted, protection) && sizes.security_trailer != 0, message, token, padding);
    if (refused == errc{} &&
        (token.size() < sizes.security_trailer || (!padding.empty() && padding.size() < sizes.block_size))) {
        return errc::buffer_too_small;
    }
    return refused;
}

template <std::size_t Count>
errc established::call_encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                               std::span<std::byte> padding, const protect_options& options,
                               encrypted_parts& parts) noexcept {
    message_buffers<Count> buffers;
    buffers.add(SECBUFFER_TOKEN, token);
    for (const auto& part : message) {
        buffers.add(part.type(), part.bytes());
    }
    std::size_t last = 0;
    if (sizes.block_size != 0 && !padding.empty()) { // a package that never pads may take offence at it
        last = buffers.add(SECBUFFER_PADDING, padding);
    }
    const auto status = api::encrypt_message(handle.address(), static_cast<ULONG>(options.quality), buffers.native(),
                                             options.sequence_number);
    if (status != SEC_E_OK) {
        return to_errc(status);
    }
    encrypted_parts made;
    bool sound = filled(buffers[0], token, made.token) && !made.token.empty() &&
                 (last == 0 || filled(buffers[last], padding, made.padding));
    for (std::size_t i = 0; i != message.size(); ++i) {
        const auto bytes = message[i].bytes();
        const auto& left = buffers[i + 1];
        sound = sound && left.cbBuffer == bytes.size() && (bytes.empty() || left.pvBuffer == bytes.data());
    }
    if (!sound) {
        return errc::internal_error;
    }
    parts = made;
    return errc{};
}

template <std::size_t Count>
errc established::decrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                          const accept_options& options, decrypted_parts& parts) noexcept {
    if (const auto refused = refusal(can_decrypt(), message, token); refused != errc{}) {
        return refused;
    }
    if (token.empty()) {
        return errc::invalid_token;
    }
    message_buffers<Count> buffers;
    buffers.add(SECBUFFER_TOKEN, token);
    std::size_t last = 0;
    std::span<std::byte> data; // of the last part to decrypt
    for (const auto& part : message) {
        const auto index = buffers.add(part.type(), part.bytes());
        if (part.writable()) {
            last = index;
            data = part.writable_bytes();
        }
    }
    ULONG quality = 0; // NTLM leaves it alone
    auto result = to_errc(api::decrypt_message(handle.address(), buffers.native(), options.sequence_number, &quality));

    decrypted_parts opened;
    if (result == errc{}) {
        bool sound = last == 0 || filled_part(buffers[last], data, opened.last);
        for (std::size_t i = 0; i != message.size(); ++i) {
            const auto bytes = message[i].bytes();
            const auto& left = buffers[i + 1];
            sound = sound && (i + 1 == last ||
                              (left.cbBuffer == bytes.size() && (bytes.empty() || left.pvBuffer == bytes.data())));
        }
        if (!sound) {
            result = errc::internal_error;
        } else if (!accept(quality, options, opened.quality)) {
            result = errc::qop_not_supported;
        }
    }
    if (result != errc{}) {
        // Some packages decrypt before they check, so this may be the plaintext of a message that is not authentic.
        for (const auto& part : message) {
            secure_zero(part.writable_bytes());
        }
        secure_zero(token);
        return result;
    }
    parts = opened;
    return errc{};
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
