// SPDX-License-Identifier: MIT
//
// Options of NegotiateStream.
#pragma once

#include "../flags.hpp"
#include "../handshake_options.hpp"
#include "../impersonation_level.hpp"

#include <cstdint>

namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream {

/// The protection of the data. The order is from weaker to stronger.
enum class protection_level : std::uint8_t {
    sign,             ///< The data is readable on the wire and cannot be changed.
    encrypt_and_sign, ///< The data is also encrypted.
};

/// Options of a client.
struct client_options {
    /// The weakest protection. `step` fails below it.
    protection_level protection = protection_level::encrypt_and_sign;
    /// What the server may do as the client: identify it, act as it, or act as it towards other machines, too.
    /// `delegation` requires `delegate`.
    impersonation_level impersonation = impersonation_level::identification;
    /// By default the server proves its identity. The flags of `protection` and `sequence_detect` are added to `require`.
    /// Flags that change the format of messages are `invalid_parameter`.
    sspan::client_options handshake = sspan::client_options::authentication_only();
};

/// Options of a server.
struct server_options {
    /// The weakest protection. `step` fails below it, and the client is told.
    protection_level protection = protection_level::encrypt_and_sign;
    /// The flags of `protection` are added to `require`. Add `sequence_detect` if the order of the records must be
    /// protected: a client of .NET that encrypts does not request it. Flags that change the format of messages are
    /// `invalid_parameter`.
    sspan::server_options handshake = sspan::server_options::authentication_only();
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream
