// SPDX-License-Identifier: MIT
//
// Messages as they are on the wire, and buffers with checks of the memory around them.
#pragma once

#include "fixture.hpp"
#include "profiles.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

namespace testing_support {

/// Sizes around possible limits: no bytes, block sizes, 8 and 16 bits.
inline constexpr std::array<std::size_t, 11> message_sizes{0, 1, 7, 8, 9, 15, 16, 17, 255, 4096, 65536};

inline bytes numbered(std::size_t size) {
    bytes made(size);
    for (std::size_t i = 0; i != size; ++i) {
        made[i] = static_cast<std::byte>((i * 7 + 1) & 0xFF);
    }
    return made;
}

inline bool all_zero(std::span<const std::byte> part) {
    return std::ranges::all_of(part, [](std::byte byte) { return byte == std::byte{0}; });
}

inline void flip(bytes& target, std::size_t bit) {
    target[bit / 8] ^= std::byte{1} << (bit % 8);
}

/// Returns true for any error of a changed message. The error depends on the package and on the change: NTLM calls a
/// received token too small.
inline bool tells_of_tampering(const std::error_code& code) {
    return code == sspan::errc::message_altered || code == sspan::errc::out_of_sequence ||
           code == sspan::errc::invalid_token || code == sspan::errc::buffer_too_small;
}

struct signed_message {
    bytes data;
    bytes signature;
};

inline signed_message sign(sspan::security_context& sender, bytes data) {
    bytes room(sender.sizes().max_signature);
    auto signature = copy_of(sender.sign(data, room));
    return {std::move(data), std::move(signature)};
}

inline void verify(sspan::security_context& receiver, const signed_message& message) {
    receiver.verify(message.data, message.signature);
}

/// `data` has the padding at its end, as `decrypt` takes it.
struct sealed_message {
    bytes data;
    bytes token;
};

inline sealed_message encrypt(sspan::security_context& sender, bytes data, const sspan::protect_options& options = {}) {
    bytes token(sender.sizes().security_trailer);
    bytes padding(sender.sizes().block_size);
    const auto parts = sender.encrypt({.token = token, .data = data, .padding = padding}, options);
    data.insert(data.end(), parts.padding.begin(), parts.padding.end());
    return {std::move(data), copy_of(parts.token)};
}

/// Encrypts on this surface. A failure with an error code must return nothing.
inline outcome encrypt(surface form, sspan::security_context& sender, const sspan::encrypted_message& message,
                       sspan::encrypted_message& made) {
    return outcome_of(
        form,
        [&](std::error_code& ec) {
            made = sender.encrypt(message, {}, ec);
            EXPECT_TRUE(!ec || (made.token.empty() && made.data.empty() && made.padding.empty()));
        },
        [&] { made = sender.encrypt(message); });
}
inline outcome decrypt(surface form, sspan::security_context& receiver, const sspan::encrypted_message& message,
                       sspan::decrypted_message& opened) {
    return outcome_of(
        form,
        [&](std::error_code& ec) {
            opened = receiver.decrypt(message, {}, ec);
            EXPECT_TRUE(!ec || opened.data.empty());
        },
        [&] { opened = receiver.decrypt(message); });
}

/// Returns a copy of the plaintext. `message` is overwritten.
inline bytes decrypt(sspan::security_context& receiver, sealed_message& message,
                     const sspan::accept_options& options = {}) {
    return copy_of(receiver.decrypt({.token = message.token, .data = message.data}, options).data);
}
inline bytes decrypt(sspan::security_context& receiver, sealed_message&& message,
                     const sspan::accept_options& options = {}) {
    return decrypt(receiver, message, options);
}

/// Returns true if `receiver` refuses the message. The error is in `code`.
inline bool refuses(sspan::security_context& receiver, const signed_message& message, std::error_code& code) {
    return !receiver.verify(message.data, message.signature, {}, code);
}
inline bool refuses(sspan::security_context& receiver, sealed_message& message, std::error_code& code) {
    const auto opened = receiver.decrypt({.token = message.token, .data = message.data}, {}, code);
    return code && opened.data.empty() && opened.data.data() == nullptr;
}

} // namespace testing_support
