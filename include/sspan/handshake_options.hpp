// SPDX-License-Identifier: MIT
//
// What a handshake is asked for.
#pragma once

#include "channel_bindings.hpp"
#include "flags.hpp"

#include <cstddef>
#include <cstdint>

namespace sspan::inline SSPAN_API_NAMESPACE {

inline constexpr context_flags message_protection = context_flags::integrity | context_flags::confidentiality |
                                                    context_flags::replay_detect | context_flags::sequence_detect;

/// How much a peer may ask of us before we know who it is.
struct handshake_limits {
    std::size_t max_token = std::size_t{128} * 1024; ///< A longer token from the peer is `invalid_token`. In bytes.
    std::uint32_t max_steps = 16;                    ///< One more is `illegal_message`. Kerberos takes 1 or 2, NTLM 2.
    std::uint32_t max_incomplete_steps = 256; ///< So many may end as `incomplete_message`; one more fails with it.
};

/// What a client wants of its context.
struct client_options {
    context_flags require = message_protection | context_flags::mutual_auth; ///< `finish` fails without these.
    context_flags request = context_flags::extended_error;                   ///< Nice to have.
    channel_bindings bindings{};                                             ///< The channel it runs over.
    handshake_limits limits{};
};

/// What a server wants of its contexts.
struct server_options {
    context_flags require = message_protection;            ///< `finish` fails without these.
    context_flags request = context_flags::extended_error; ///< Nice to have.
    /// The channel it runs over. Where the server gives one, a client of another, or of none, is `bad_bindings`, unless
    /// `request` has `allow_missing_bindings`: that lets pass who has never heard of channel bindings.
    channel_bindings bindings{};
    handshake_limits limits{};
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
