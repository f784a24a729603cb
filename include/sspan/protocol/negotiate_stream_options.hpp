// SPDX-License-Identifier: MIT
//
// Options of NegotiateStream.
#pragma once

#include "../flags.hpp"
#include "../handshake_options.hpp"

#include <cstdint>

namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream {

/// The protection of the data. The order is from weaker to stronger.
enum class protection_level : std::uint8_t {
    sign,             ///< The data is readable on the wire and cannot be changed.
    encrypt_and_sign, ///< The data is also encrypted.
};

/// Options of a client.
struct client_options {
    /// The weakest protection. `finish` fails below it.
    protection_level protection = protection_level::encrypt_and_sign;
    /// The server proves its identity, and it may identify the client, but not act as the client. To let the server act
    /// as the client, remove `identify` from `request`. The flags of `protection` and `sequence_detect` are added to
    /// `require`.
    sspan::client_options handshake = defaults();

private:
    static sspan::client_options defaults() noexcept {
        auto options = sspan::client_options::authentication_only();
        options.request |= context_flags::identify;
        return options;
    }
};

/// Options of a server.
struct server_options {
    /// The weakest protection. `finish` fails below it, and the client is told.
    protection_level protection = protection_level::encrypt_and_sign;
    /// The flags of `protection` are added to `require`. Add `sequence_detect` if the order of the records must be
    /// protected: a client of .NET that encrypts does not request it.
    sspan::server_options handshake = sspan::server_options::authentication_only();
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream
