// SPDX-License-Identifier: MIT
//
// What a handshake is asked for.
#pragma once

#include "channel_bindings.hpp"
#include "flags.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// How much a peer may ask of us before we know who it is.
struct handshake_limits {
    std::size_t max_token = std::size_t{128} * 1024; ///< A longer token from the peer is `invalid_token`. In bytes.
    std::uint32_t max_steps = 16;                    ///< One more is `illegal_message`. Kerberos takes 1 or 2, NTLM 2.
    std::uint32_t max_incomplete_steps = 256; ///< So many may end as `incomplete_message`; one more fails with it.
};

/// Whether a handshake may end with NTLM.
///
/// NTLM does not prove who the server is, and its messages help an attacker who relays them or guesses passwords. A check
/// of `package()` after the handshake comes too late: those messages have been sent. With `refused`, a handshake fails
/// with `security_qos_failed`
/// - in its first step, before anything is sent, if the credentials are for `package::ntlm`;
/// - in the step in which this side makes, or gets, a token that contains "NTLMSSP" and a zero, raw or inside SPNEGO. Its
///   own token is not returned, and the peer's does not reach the package;
/// - in `finish`, unless the package tells that it is not NTLM, or the credentials are for `package::kerberos`. Where
///   Negotiate does not tell what it has chosen, `finish` always fails.
///
/// `credential_options::packages` = L"!ntlm" lets Negotiate itself exclude NTLM, where the platform heeds it. Use both.
enum class ntlm_use : std::uint8_t { allowed, refused };

/// What a client wants of its context.
struct client_options {
    context_flags require = message_protection | context_flags::mutual_auth; ///< `finish` fails without these.
    context_flags request = context_flags::extended_error;                   ///< Nice to have.
    channel_bindings bindings{};                                             ///< The channel it runs over.
    handshake_limits limits{};
    ntlm_use ntlm = ntlm_use::allowed;

    /// Options for a client that does not exchange messages: in HTTP, or inside TLS. They require that the server proves who
    /// it is, and neither require nor request protection of messages.
    [[nodiscard]] static client_options authentication_only() noexcept {
        client_options options;
        options.require = context_flags::mutual_auth;
        return options;
    }
};

/// What a server wants of its contexts.
struct server_options {
    context_flags require = message_protection;            ///< `finish` fails without these.
    context_flags request = context_flags::extended_error; ///< Nice to have.
    /// The channel it runs over. Where the server gives one, a client of another, or of none, is `bad_bindings`, unless
    /// `request` has `allow_missing_bindings`: that lets pass who has never heard of channel bindings.
    channel_bindings bindings{};
    handshake_limits limits{};
    ntlm_use ntlm = ntlm_use::allowed;
    /// The names of this service, such as L"HTTP/web.corp.example". If there are any, `finish` fails with
    /// `wrong_principal` unless the client's target is one of them. The case of ASCII letters does not matter. If the
    /// package does not tell the target, `finish` fails, too.
    ///
    /// This protects clients against relays: an attacker who is a client's server passes that client's tokens on to this
    /// service. Their target is the attacker's, not this service.
    std::vector<std::wstring> service_names{};

    /// Options for a server that does not exchange messages: in HTTP, or inside TLS. They require nothing, and do not
    /// request protection of messages.
    [[nodiscard]] static server_options authentication_only() noexcept {
        server_options options;
        options.require = context_flags::none;
        return options;
    }
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
