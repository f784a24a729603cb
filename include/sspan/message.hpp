// SPDX-License-Identifier: MIT
//
// What protecting a message takes and gives.
#pragma once

#include "os/platform.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// How large the package's parts of a message can get, in bytes (SecPkgContext_Sizes). What a call returns is the
/// actual size, which may be smaller.
struct context_sizes {
    std::uint32_t max_token = 0;        ///< A token of the handshake.
    std::uint32_t max_signature = 0;    ///< What `sign` writes; 0 when the context cannot sign.
    std::uint32_t block_size = 0;       ///< The padding that `encrypt` writes; 0 when there is never any.
    std::uint32_t security_trailer = 0; ///< The token that `encrypt` writes; 0 when the context cannot encrypt.
};

/// What protects a message that was encrypted with `encrypt`. The values are SSPI's.
enum class quality_of_protection : std::uint32_t {
    encrypted = 0,                           ///< Nobody else can read it or change it unnoticed.
    integrity_only = SECQOP_WRAP_NO_ENCRYPT, ///< Everybody can read it, nobody can change it unnoticed.
};

/// How to protect one message.
struct protect_options {
    quality_of_protection quality = quality_of_protection::encrypted; ///< Of `encrypt` and `wrap`.
    /// The message's number, of a datagram context of NTLM. On connections the packages count by themselves.
    std::uint32_t sequence_number = 0;
};

/// What a received message must have been protected with.
enum class least_protection : std::uint8_t {
    as_required,    ///< `encrypted` if the handshake required confidentiality, else `integrity_only`.
    encrypted,      ///< A message that was merely signed is refused.
    integrity_only, ///< Both are taken.
};

/// What to accept as one message.
struct accept_options {
    least_protection at_least = least_protection::as_required; ///< Of `decrypt` and `unwrap`.
    std::uint32_t sequence_number = 0;                         ///< The one that it was protected with.
};

/// An encrypted message, as parts of the caller's buffers. On the wire: token, data, padding, without gaps.
struct encrypted_message {
    std::span<std::byte> token;
    std::span<std::byte> data;
    std::span<std::byte> padding;
};

/// What `encrypt` has added to a message in parts. On the wire: token, the parts in their order, and the padding
/// directly behind the last `buffer::data`, where `decrypt` wants it.
struct encrypted_parts {
    std::span<std::byte> token;
    std::span<std::byte> padding;
};

/// A decrypted message, as part of the caller's buffer, and what protected it on its way.
struct decrypted_message {
    std::span<std::byte> data;
    quality_of_protection quality = quality_of_protection::integrity_only;
};

/// What became of a decrypted message in parts.
struct decrypted_parts {
    /// What is left of the last `buffer::data`, behind which the padding was. The other parts are whole.
    std::span<std::byte> last;
    quality_of_protection quality = quality_of_protection::integrity_only;
};

/// A copy of an unwrapped message, and what protected it on its way.
struct unwrapped_copy {
    std::vector<std::byte> data;
    quality_of_protection quality = quality_of_protection::integrity_only;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
