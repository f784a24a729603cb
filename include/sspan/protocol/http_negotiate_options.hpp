// SPDX-License-Identifier: MIT
//
// Options of HTTP's Negotiate authentication.
#pragma once

#include "../handshake_options.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sspan::inline SSPAN_API_NAMESPACE::http_negotiate {

/// The server that authenticates the client.
enum class server_kind : std::uint8_t {
    origin, ///< Status 401, WWW-Authenticate, Authorization.
    proxy,  ///< Status 407, Proxy-Authenticate, Proxy-Authorization.
};

/// Returns the status of an answer that demands authentication.
[[nodiscard]] constexpr unsigned challenge_status(server_kind kind) noexcept {
    return kind == server_kind::origin ? 401 : 407;
}
/// Returns the name of the answer's field, which holds the server's tokens.
[[nodiscard]] constexpr std::string_view challenge_field(server_kind kind) noexcept {
    return kind == server_kind::origin ? "WWW-Authenticate" : "Proxy-Authenticate";
}
/// Returns the name of the request's field, which holds the client's tokens.
[[nodiscard]] constexpr std::string_view credentials_field(server_kind kind) noexcept {
    return kind == server_kind::origin ? "Authorization" : "Proxy-Authorization";
}

/// The longest header: a token of 64 KiB takes 87,394 bytes of it.
inline constexpr std::size_t default_max_header = std::size_t{128} * 1024;

/// Options of `http_negotiate::client`.
struct client_options {
    /// The handshake's options. Inside TLS, set `bindings` to `channel_bindings::tls_server_end_point`.
    ///
    /// They require `mutual_auth` by default, so NTLM is refused before a message of NTLM is sent. A client that accepts
    /// NTLM removes `mutual_auth` from `require`; then it cannot tell who has answered.
    sspan::client_options handshake = sspan::client_options::authentication_only();
    server_kind server = server_kind::origin;
    std::size_t max_header = default_max_header; ///< The longest sum of an answer's challenges, in bytes.
};

/// The requests that one handshake authenticates.
enum class authentication_scope : std::uint8_t {
    /// The request that completes the handshake. The next request is challenged again.
    request,
    /// All requests of the connection, until one has a credentials field, even an invalid one. Use it only if each connection has one client:
    /// a proxy may send the requests of several clients over one connection.
    connection,
};

/// Options of `http_negotiate::server`.
struct server_options {
    /// The handshake's options. Inside TLS, set `bindings` to `channel_bindings::tls_server_end_point`. To prevent
    /// relays, set `service_names`, too.
    sspan::server_options handshake = sspan::server_options::authentication_only();
    server_kind server = server_kind::origin;
    authentication_scope scope = authentication_scope::request;
    std::size_t max_header = default_max_header; ///< The longest value of the credentials field, in bytes.
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::http_negotiate
