// SPDX-License-Identifier: MIT
//
// The mechanisms and security layers of SASL, and the options of both sides.
#pragma once

#include "../channel_bindings.hpp"
#include "../flags.hpp"
#include "../handshake_options.hpp"
#include "../package.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

namespace sasl {

/// The mechanisms of SASL that use SSPI's tokens.
enum class mechanism : std::uint8_t {
    gssapi,     ///< Kerberos (RFC 4752). Both sides agree on a layer after the handshake.
    gss_spnego, ///< SPNEGO. The flags of the context are the layer.
};

/// A security layer: the protection of what is sent after the authentication. It is also a set of layers. The values are
/// the protocol's.
enum class layer : std::uint8_t {
    none = 1,            ///< No protection and no framing. Only for use inside TLS.
    integrity = 2,       ///< Third parties can read it, but changes are detected.
    confidentiality = 4, ///< Third parties cannot read it, and changes are detected.
};

} // namespace sasl

template <>
inline constexpr bool is_flags<sasl::layer> = true;

namespace sasl {

using sspan::operator|;
using sspan::operator&;
using sspan::operator~;
using sspan::operator|=;
using sspan::operator&=;

/// Returns the mechanism's name in SASL.
[[nodiscard]] constexpr std::string_view to_string(mechanism which) noexcept {
    return which == mechanism::gssapi ? "GSSAPI" : "GSS-SPNEGO";
}
/// Returns the package whose credentials the mechanism needs.
[[nodiscard]] constexpr std::wstring_view package_of(mechanism which) noexcept {
    return which == mechanism::gssapi ? package::kerberos : package::negotiate;
}
/// Returns the enumerator's name, or "several" for a set.
[[nodiscard]] constexpr std::string_view to_string(layer which) noexcept {
    switch (which) {
    case layer::none:
        return "none";
    case layer::integrity:
        return "integrity";
    case layer::confidentiality:
        return "confidentiality";
    }
    return "several";
}

/// The longest buffer that is sent with GSS-SPNEGO, and the default for GSSAPI.
inline constexpr std::uint32_t default_max_buffer = 65536;

/// Options of `sasl::client`.
struct client_options {
    sasl::mechanism mechanism = sasl::mechanism::gssapi;
    /// The acceptable layers. The strongest layer that both sides have is chosen. With `gss_spnego`, the weakest of these
    /// is the least that is acceptable.
    layer layers = layer::confidentiality;
    /// The longest buffer that this side receives, without its length: 1 to 0xFFFFFF bytes. `gssapi` sends it to the
    /// peer. `gss_spnego` does not send it. There it limits the payload, because Cyrus SASL counts only the payload.
    std::uint32_t max_buffer = default_max_buffer;
    /// The longest buffer that this side sends. The peer's maximum applies, too.
    std::uint32_t max_send = default_max_buffer;
    /// The identity to act as, in UTF-8 without a zero. If it is empty, the server uses the authenticated name. Only for
    /// `gssapi`.
    std::string authorization_identity{};
    channel_bindings bindings{};
    handshake_limits limits{};
    ntlm_use ntlm = ntlm_use::allowed;
    /// Flags that are required in addition to those of the layers. `gssapi` always requires `mutual_auth`. Without
    /// `mutual_auth`, `gss_spnego` accepts NTLM. Allowed are `delegate`, `mutual_auth`, `identify`, `extended_error`,
    /// `unverified_target_name` and the flags that only servers have.
    context_flags require = context_flags::mutual_auth;
    /// Flags that are requested in addition, but not required.
    context_flags request = context_flags::extended_error;
};

/// Options of `sasl::server`.
struct server_options {
    sasl::mechanism mechanism = sasl::mechanism::gssapi;
    /// The layers that this side offers, if the context supports them. With `gss_spnego`, the weakest of these is the
    /// least that is acceptable.
    layer layers = layer::confidentiality;
    std::uint32_t max_buffer = default_max_buffer; ///< As `client_options::max_buffer`.
    std::uint32_t max_send = default_max_buffer;   ///< As `client_options::max_send`.
    channel_bindings bindings{};                   ///< As `sspan::server_options::bindings`.
    handshake_limits limits{};
    ntlm_use ntlm = ntlm_use::allowed;
    std::vector<std::wstring> service_names{};   ///< As `sspan::server_options::service_names`.
    context_flags require = context_flags::none; ///< As `client_options::require`, but nothing is always required.
    context_flags request = context_flags::extended_error;
};

} // namespace sasl

} // namespace sspan::inline SSPAN_API_NAMESPACE
