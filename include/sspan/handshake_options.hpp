// SPDX-License-Identifier: MIT
//
// Options of a handshake.
#pragma once

#include "channel_bindings.hpp"
#include "flags.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Limits for a peer that is not authenticated yet.
struct handshake_limits {
    /// The longest token from the peer, in bytes. A longer one fails with `invalid_token`.
    std::size_t max_token = std::size_t{128} * 1024;
    /// The number of steps. One more fails with `illegal_message`. Kerberos takes 1 or 2, NTLM 2; Negotiate may take
    /// more.
    std::uint32_t max_steps = 16;
    /// The number of steps that may return `incomplete_message`. One more fails with this error.
    std::uint32_t max_incomplete_steps = 256;
};

/// Controls whether a handshake may use NTLM.
///
/// NTLM does not prove the server's identity. Its messages help attackers to relay a logon or to guess passwords. A
/// check of `package()` after the handshake is too late: these messages have been sent. With `refused`, a handshake
/// fails with `security_qos_failed`
/// - in its first step, before anything is sent, if the credentials are for `package::ntlm`;
/// - in the step in which this side makes or receives a token that contains "NTLMSSP" and a zero, raw or inside SPNEGO.
///   Its own token is not returned; the peer's token does not reach the package;
/// - in `finish`, unless the package reports that it is not NTLM, or the credentials are for `package::kerberos`. If
///   Negotiate does not report the package that it has chosen, `finish` always fails.
///
/// A required `mutual_auth` or `delegate`, which NTLM does not support, also refuses NTLM in the first two ways.
///
/// `credential_options::packages` = L"!ntlm" makes Negotiate itself exclude NTLM, where the platform supports it. Use
/// both.
enum class ntlm_use : std::uint8_t {
    allowed, ///< The package may use NTLM, unless `require` contains `mutual_auth` or `delegate`.
    refused, ///< No NTLM message is sent. A peer's token with NTLM's signature does not reach the package.
};

/// Options of a client's handshake.
struct client_options {
    /// `finish` fails without these flags. Change them with `|=` and `&= ~`: an assignment drops the defaults. Without
    /// `mutual_auth`, the server may be anybody, and NTLM is accepted.
    context_flags require = message_protection | context_flags::mutual_auth;
    context_flags request = context_flags::extended_error; ///< Requested, but not required.
    channel_bindings bindings{};                           ///< The channel of the handshake.
    handshake_limits limits{};
    ntlm_use ntlm = ntlm_use::allowed;

    /// Returns options for a client that exchanges no messages, for example in HTTP or inside TLS. They require that
    /// the server proves its identity. They neither require nor request message protection.
    [[nodiscard]] static client_options authentication_only() noexcept {
        client_options options;
        options.require = context_flags::mutual_auth;
        return options;
    }
};

/// Options of a server's handshake.
struct server_options {
    /// `finish` fails without these flags. Change them with `|=` and `&= ~`: an assignment drops the defaults.
    context_flags require = message_protection;
    context_flags request = context_flags::extended_error; ///< Requested, but not required.
    /// The channel of the handshake. If it is set, clients with other bindings, or with none, fail with `bad_bindings`.
    /// With `allow_missing_bindings` in `request`, clients whose system does not support bindings are accepted. Leave it
    /// empty if `request` contains `proxy_bindings`, and use `service_names`.
    channel_bindings bindings{};
    handshake_limits limits{};
    ntlm_use ntlm = ntlm_use::allowed;
    /// The names of this service, such as L"HTTP/web.corp.example". If the list is not empty, `finish` fails with
    /// `wrong_principal` unless it contains the target that the client has sent. Two things are ignored: the case of
    /// ASCII letters and, with Kerberos, "@" and a realm at the end of the client's target. A client that sends no
    /// target is refused, for example one with MIT's or Heimdal's Kerberos. If the package does not report the target,
    /// `finish` fails, too: Microsoft documents it only together with channel bindings.
    ///
    /// This is against relays: an attacker's service passes a client's tokens on to this service, but their target is
    /// the attacker's service. Bindings and protected messages also defeat relays.
    std::vector<std::wstring> service_names{};

    /// Returns options for a server that exchanges no messages, for example in HTTP or inside TLS. They require
    /// nothing, and do not request message protection.
    [[nodiscard]] static server_options authentication_only() noexcept {
        server_options options;
        options.require = context_flags::none;
        return options;
    }
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
