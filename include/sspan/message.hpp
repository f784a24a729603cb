// SPDX-License-Identifier: MIT
//
// Arguments and results of the message functions.
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

/// The largest sizes of the package's parts of a message, in bytes (SecPkgContext_Sizes). The functions return the
/// actual sizes, which may be smaller.
struct context_sizes {
    std::uint32_t max_token = 0;        ///< A token of the handshake.
    std::uint32_t max_signature = 0;    ///< The signature from `sign`; 0 if the context cannot sign.
    std::uint32_t block_size = 0;       ///< The padding from `encrypt`; 0 if the package never pads.
    std::uint32_t security_trailer = 0; ///< The token from `encrypt`; 0 if the context cannot encrypt.
};

/// The protection of a message from `encrypt`. The values are SSPI's.
enum class quality_of_protection : std::uint32_t {
    encrypted = 0,                           ///< Third parties cannot read it, and changes are detected.
    integrity_only = SECQOP_WRAP_NO_ENCRYPT, ///< Third parties can read it, but changes are detected.
};

/// Options for protecting one message.
struct protect_options {
    quality_of_protection quality = quality_of_protection::encrypted; ///< For `encrypt` and `wrap`.
    /// The message's number in a datagram context of NTLM. On connections, the packages count the messages.
    std::uint32_t sequence_number = 0;
};

/// The least protection that a received message must have.
enum class minimum_protection : std::uint8_t {
    as_required,    ///< `encrypted` if the handshake required confidentiality, else `integrity_only`.
    encrypted,      ///< Refuses messages that are only signed.
    integrity_only, ///< Accepts both.
};

/// Options for accepting one message.
struct accept_options {
    minimum_protection minimum = minimum_protection::as_required; ///< For `decrypt` and `unwrap`.
    std::uint32_t sequence_number = 0;                            ///< The number from the sender.
};

namespace detail {
/// Forces callers to name the members of a structure that begins with it: `{.token = token, .data = data}`.
struct named_members {
    explicit named_members() = default;
};
} // namespace detail

/// An encrypted message: token, data and padding, which follow one another on the wire without gaps. `encrypt` and
/// `decrypt` take it; `encrypt` returns it. Name the members: `{.token = token, .data = data, .padding = padding}`.
struct encrypted_message {
    /// Leave this out. It makes callers name the other members.
    detail::named_members only_by_name = detail::named_members{};
    /// Room for `sizes().security_trailer` bytes, or the token as received.
    mutable_bytes token{};
    /// The message in one piece, or a list of `message_part`. It only refers to the list. If the structure has a name,
    /// the list must have a name, too.
    message_data data{};
    /// Room for `sizes().block_size` bytes, or the padding as received. On the wire, it directly follows the data, or
    /// the last `message_part::data`.
    mutable_bytes padding{};

    /// Returns token, data and padding in the order to send them. For a message in parts, `encrypt` returns empty data;
    /// send the parts instead.
    [[nodiscard]] std::array<std::span<const std::byte>, 3> in_wire_order() const noexcept {
        return {token, data, padding};
    }
};

/// A decrypted message, which is a part of the caller's buffer, and its protection.
struct decrypted_message {
    /// The message without its padding. For a message in parts, this is the content of the last `message_part::data`;
    /// the other parts are complete.
    std::span<std::byte> data;
    quality_of_protection quality = quality_of_protection::integrity_only;
};

/// A copy of an unwrapped message, and its protection.
struct unwrapped_copy {
    std::vector<std::byte> data; ///< The message without its padding.
    quality_of_protection quality = quality_of_protection::integrity_only;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
