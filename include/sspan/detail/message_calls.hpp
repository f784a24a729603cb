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
#include <system_error>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// A message and two buffers of the package's.
template <std::size_t Count>
using message_buffers = buffer_list<(Count == std::dynamic_extent ? max_message_parts : Count) + 2>;

template <std::size_t Count>
std::span<std::byte> established::sign(std::span<const const_buffer, Count> message, std::span<std::byte> signature,
                                       const protect_options& options, std::error_code& ec) noexcept {
    auto refused = refusal(can_sign(), message, signature);
    if (refused == errc{} && signature.size() < sizes.max_signature) {
        refused = errc::buffer_too_small;
    }
    if (!succeeded(refused, ec)) {
        return {};
    }
    message_buffers<Count> buffers;
    for (const auto& part : message) {
        buffers.add(part.type(), part.bytes());
    }
    const auto last = buffers.add(SECBUFFER_TOKEN, signature);
    auto raw = handle.get();
    const auto which = number(options.sequence_number, sent);
    if (!succeeded(api::make_signature(&raw, 0, buffers.native(), which), ec)) {
        return {};
    }
    ++sent;
    std::span<std::byte> written;
    if (!filled(buffers[last], signature, written) || written.empty()) {
        ec = errc::internal_error;
        return {};
    }
    return written;
}

template <std::size_t Count>
bool established::verify(std::span<const const_buffer, Count> message, std::span<const std::byte> signature,
                         const accept_options& options, std::error_code& ec) noexcept {
    auto refused = refusal(can_sign(), message, signature);
    if (refused == errc{} && signature.empty()) {
        refused = errc::invalid_token;
    }
    if (!succeeded(refused, ec)) {
        return false;
    }
    message_buffers<Count> buffers;
    for (const auto& part : message) {
        buffers.add(part.type(), part.bytes());
    }
    buffers.add(SECBUFFER_TOKEN, signature);
    ULONG quality = 0;
    auto raw = handle.get();
    const auto which = number(options.sequence_number, received);
    if (!succeeded(api::verify_signature(&raw, buffers.native(), which, &quality), ec)) {
        return false;
    }
    ++received;
    return true;
}

template <std::size_t Count>
encrypted_parts established::encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                                     std::span<std::byte> padding, const protect_options& options,
                                     std::error_code& ec) noexcept {
    return may_encrypt(message, token, padding, options, ec) ? call_encrypt(message, token, padding, options, ec)
                                                             : encrypted_parts{};
}

template <std::size_t Count>
bool established::may_encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                              std::span<std::byte> padding, const protect_options& options,
                              std::error_code& ec) const noexcept {
    const auto protection =
        options.quality == quality_of_protection::encrypted ? context_flags::confidentiality : context_flags::integrity;
    auto refused = refusal(contains(granted, protection) && sizes.security_trailer != 0, message, token, padding);
    if (refused == errc{} && (token.size() < sizes.security_trailer || padding.size() < sizes.block_size)) {
        refused = errc::buffer_too_small;
    }
    return succeeded(refused, ec);
}

template <std::size_t Count>
encrypted_parts established::call_encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                                          std::span<std::byte> padding, const protect_options& options,
                                          std::error_code& ec) noexcept {
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
    if (!succeeded(api::encrypt_message(&raw, static_cast<ULONG>(options.quality), buffers.native(), which), ec)) {
        return {};
    }
    ++sent;
    encrypted_parts parts;
    bool sound = filled(buffers[0], token, parts.token) && !parts.token.empty() &&
                 (last == 0 || filled(buffers[last], padding, parts.padding));
    for (std::size_t i = 0; i != message.size(); ++i) {
        const auto bytes = message[i].bytes();
        const auto& left = buffers[i + 1];
        sound = sound && left.cbBuffer == bytes.size() && (bytes.empty() || left.pvBuffer == bytes.data());
    }
    if (!sound) {
        ec = errc::internal_error;
        return {};
    }
    if (parts.padding.size() > sizes.block_size) { // left as it was by a package that never pads
        parts.padding = {};
    }
    return parts;
}

template <std::size_t Count>
decrypted_parts established::decrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                                     const accept_options& options, std::error_code& ec) noexcept {
    auto refused = refusal(can_decrypt(), message, token);
    if (refused == errc{} && token.empty()) {
        refused = errc::invalid_token;
    }
    if (!succeeded(refused, ec)) {
        return {};
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
    const auto status = api::decrypt_message(&raw, buffers.native(), which, &quality);

    decrypted_parts parts;
    if (succeeded(status, ec)) {
        ++received;
        bool sound = last == 0 || filled_part(buffers[last], data, parts.last);
        for (std::size_t i = 0; i != message.size(); ++i) {
            const auto bytes = message[i].bytes();
            const auto& left = buffers[i + 1];
            sound = sound && (i + 1 == last ||
                              (left.cbBuffer == bytes.size() && (bytes.empty() || left.pvBuffer == bytes.data())));
        }
        if (!sound) {
            ec = errc::internal_error;
        } else if (!accept(quality, options, parts.quality)) {
            ec = errc::qop_not_supported;
        }
    }
    if (ec) {
        // Some packages decrypt before they check, so this may be the plaintext of a message that is not authentic.
        for (const auto& part : message) {
            secure_zero(part.writable_bytes());
        }
        secure_zero(token);
        return {};
    }
    return parts;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
