// SPDX-License-Identifier: MIT
//
// What protecting a message takes and gives.
#pragma once

#include "bytes.hpp"
#include "message_part.hpp"
#include "os/platform.hpp"

#include <array>
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
enum class minimum_protection : std::uint8_t {
    as_required,    ///< `encrypted` if the handshake required confidentiality, else `integrity_only`.
    encrypted,      ///< A message that was merely signed is refused.
    integrity_only, ///< Both are accepted.
};

/// What to accept as one message.
struct accept_options {
    minimum_protection minimum = minimum_protection::as_required; ///< Of `decrypt` and `unwrap`.
    std::uint32_t sequence_number = 0;                            ///< The one that it was protected with.
};

namespace detail {
/// Stands first in a structure whose members must be named: `{.token = token, .data = data}`.
struct named_members {
    explicit named_members() = default;
};
} // namespace detail

/// An encrypted message and what protects it, in the order in which they go over the wire, without gaps. `encrypt` and
/// `decrypt` take it; `encrypt` returns it. The members are named: `{.token = token, .data = data, .padding = padding}`.
struct encrypted_message {
    detail::named_members only_by_name = detail::named_members{};
    /// Room for `sizes().security_trailer` bytes, or the token as received.
    mutable_bytes token{};
    /// The message in one piece, or a list of `message_part`.
    message_data data{};
    /// Room for `sizes().block_size` bytes, or the padding as received. On the wire it lies directly behind the data, or
    /// behind the last `message_part::data`.
    mutable_bytes padding{};

    /// Returns the three in the order in which they are sent. Of a message in parts, `encrypt` returns empty data: send the
    /// token, the parts and the padding.
    [[nodiscard]] std::array<std::span<const std::byte>, 3> in_wire_order() const noexcept {
        return {token, data, padding};
    }
};

/// A decrypted message, as part of the caller's buffer, and what protected it on its way.
struct decrypted_message {
    /// The message without its padding. For a message in parts: what is left of the last `message_part::data`; the other
    /// parts are whole.
    std::span<std::byte> data;
    quality_of_protection quality = quality_of_protection::integrity_only;
};

/// A copy of an unwrapped message, and what protected it on its way.
struct unwrapped_copy {
    std::vector<std::byte> data;
    quality_of_protection quality = quality_of_protection::integrity_only;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
