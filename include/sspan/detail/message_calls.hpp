// SPDX-License-Identifier: MIT
//
// The body of every message call: check the arguments, call the package, check its results.
#pragma once

#include "../error.hpp"
#include "../flags.hpp"
#include "../message.hpp"
#include "../message_part.hpp"
#include "../os/secret.hpp"
#include "established.hpp"
#include "message_lists.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// A message and two buffers for the package.
template <class Parts>
using message_buffers = buffer_list<Parts::capacity + 2>;

template <class Parts>
made_signature established::sign(Parts message, std::span<std::byte> signature,
                                 std::uint32_t sequence_number) noexcept {
    if (const auto refused = refusal(can_sign(), message, signature); refused != errc{}) {
        return {refused};
    }
    if (signature.size() < sizes.max_signature) {
        return {errc::buffer_too_small};
    }
    message_buffers<Parts> buffers;
    for (std::size_t i = 0; i != message.size(); ++i) {
        buffers.add(message.type(i), message.bytes(i));
    }
    const auto last = buffers.add(SECBUFFER_TOKEN, signature);
    const auto status = api::make_signature(handle.address(), 0, buffers.native(), sequence_number);
    if (status != SEC_E_OK) {
        return {to_errc(status)};
    }
    const auto& made = buffers[last];
    return made.cbBuffer != 0 && is_front(made, signature) ? made_signature{errc{}, made.cbBuffer}
                                                           : made_signature{errc::internal_error};
}

template <class Parts>
errc established::verify(Parts message, std::span<const std::byte> signature, std::uint32_t sequence_number) noexcept {
    if (const auto refused = refusal(can_sign(), message, signature); refused != errc{}) {
        return refused;
    }
    if (signature.empty()) {
        return errc::invalid_token;
    }
    message_buffers<Parts> buffers;
    for (std::size_t i = 0; i != message.size(); ++i) {
        buffers.add(message.type(i), message.bytes(i));
    }
    buffers.add(SECBUFFER_TOKEN, signature);
    ULONG quality = 0;
    return to_errc(api::verify_signature(handle.address(), buffers.native(), sequence_number, &quality));
}

/// Wipes a message that was not encrypted correctly, so that it cannot be sent.
template <class Parts>
made_token wiped(Parts message, errc status) noexcept {
    for (std::size_t i = 0; i != message.size(); ++i) {
        secure_zero(message.writable_bytes(i));
    }
    return {status};
}

template <class Parts>
made_token established::encrypt(Parts message, std::span<std::byte> token, std::span<std::byte> padding,
                                protect_options options) noexcept {
    if (const auto refused = refusal(can_encrypt(options), message, token, padding); refused != errc{}) {
        return {refused};
    }
    if (token.size() < sizes.security_trailer || (!padding.empty() && padding.size() < sizes.block_size)) {
        return {errc::buffer_too_small};
    }
    message_buffers<Parts> buffers;
    buffers.add(SECBUFFER_TOKEN, token);
    for (std::size_t i = 0; i != message.size(); ++i) {
        buffers.add(message.type(i), message.bytes(i));
    }
    const bool pads = sizes.block_size != 0 && !padding.empty(); // packages that never pad may refuse this buffer
    if (pads) {
        buffers.add(SECBUFFER_PADDING, padding);
    }
    const auto status = api::encrypt_message(handle.address(), static_cast<ULONG>(options.quality), buffers.native(),
                                             options.sequence_number);
    if (status != SEC_E_OK) [[unlikely]] {
        return wiped(message, to_errc(status));
    }
    const auto padded = pads ? buffers[message.size() + 1].cbBuffer : 0;
    bool sound = buffers[0].cbBuffer != 0 && is_front(buffers[0], token) &&
                 (padded == 0 || (padded <= sizes.block_size && is_front(buffers[message.size() + 1], padding)));
    for (std::size_t i = 0; i != message.size(); ++i) {
        sound = sound && is_whole(buffers[i + 1], message.bytes(i));
    }
    return sound ? made_token{errc{}, buffers[0].cbBuffer, padded} : wiped(message, errc::internal_error);
}

template <class Parts>
opened_data established::decrypt(Parts message, std::span<std::byte> token, accept_options options) noexcept {
    if (const auto refused = refusal(can_decrypt(), message, token); refused != errc{}) {
        return {refused};
    }
    if (token.empty()) {
        return {errc::invalid_token};
    }
    message_buffers<Parts> buffers;
    buffers.add(SECBUFFER_TOKEN, token);
    std::size_t last = 0; // the last part to decrypt
    for (std::size_t i = 0; i != message.size(); ++i) {
        const auto index = buffers.add(message.type(i), message.bytes(i));
        last = message.writable(i) ? index : last;
    }
    ULONG quality = 0; // NTLM does not set it
    opened_data opened{
        to_errc(api::decrypt_message(handle.address(), buffers.native(), options.sequence_number, &quality))};
    if (opened.status == errc{}) [[likely]] {
        bool sound = true;
        for (std::size_t i = 0; i != message.size(); ++i) {
            sound = sound && (i + 1 == last ? is_part(buffers[last], message.bytes(i), opened.offset)
                                            : is_whole(buffers[i + 1], message.bytes(i)));
        }
        opened.size = last != 0 ? buffers[last].cbBuffer : 0;
        opened.status = judge(sound, quality, options, opened.quality);
    }
    if (opened.status != errc{}) [[unlikely]] {
        // Some packages decrypt before they check. The data may be the plaintext of a forged message.
        for (std::size_t i = 0; i != message.size(); ++i) {
            secure_zero(message.writable_bytes(i));
        }
        secure_zero(token);
        return {opened.status};
    }
    return opened;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
