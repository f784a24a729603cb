// SPDX-License-Identifier: MIT
//
// The body of every message call: look at the arguments, call the package, look at what it did.
#pragma once

#include "../buffer.hpp"
#include "../error.hpp"
#include "../flags.hpp"
#include "../message.hpp"
#include "established.hpp"
#include "secret.hpp"

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
    auto raw = handle.get();
    const auto which = number(options.sequence_number, sent);
    if (const auto status = api::make_signature(&raw, 0, buffers.native(), which); status != SEC_E_OK) {
        return to_errc(status);
    }
    ++sent;
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
    auto raw = handle.get();
    const auto which = number(options.sequence_number, received);
    if (const auto status = api::verify_signature(&raw, buffers.native(), which, &quality); status != SEC_E_OK) {
        return to_errc(status);
    }
    ++received;
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
    if (refused == errc{} && (token.size() < sizes.security_trailer || padding.size() < sizes.block_size)) {
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
    auto raw = handle.get();
    const auto which = number(options.sequence_number, sent);
    const auto status = api::encrypt_message(&raw, static_cast<ULONG>(options.quality), buffers.native(), which);
    if (status != SEC_E_OK) {
        return to_errc(status);
    }
    ++sent;
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
    if (made.padding.size() > sizes.block_size) { // left as it was by a package that never pads
        made.padding = {};
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
    auto raw = handle.get();
    const auto which = number(options.sequence_number, received);
    auto result = to_errc(api::decrypt_message(&raw, buffers.native(), which, &quality));

    decrypted_parts opened;
    if (result == errc{}) {
        ++received;
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
