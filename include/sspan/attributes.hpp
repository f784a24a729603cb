// SPDX-License-Identifier: MIT
//
// Attributes of an established context.
//
// All functions here call QueryContextAttributes, may run in any thread, and return values that own their memory. On
// failure the value is empty. They fail with `unsupported_function` if the package does not have the attribute, with
// `invalid_handle` in the zero state, and with `insufficient_memory`.
#pragma once

#include "attribute_query.hpp"
#include "error.hpp"
#include "expiry.hpp"
#include "flags.hpp"
#include "os/text.hpp"
#include "os/time.hpp"
#include "package.hpp"
#include "secret_bytes.hpp"
#include "security_context.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Returns the name of the client (SECPKG_ATTR_NAMES). On a server it is the peer. On a client it is the client's own
/// user, not the peer; the peer is the handshake's target.
[[nodiscard]] inline std::wstring query_user_name(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<detail::SecPkgContext_NamesW>(
        context, SECPKG_ATTR_NAMES, ec, [&ec](auto& names) { return detail::take_string(names.sUserName, ec); });
}
[[nodiscard]] inline std::wstring query_user_name(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_user_name(context, ec); });
}

/// The start and the expiry of a context. A time is empty if the package did not report it. `expiry` may be `never`.
struct lifespan {
    std::optional<std::chrono::system_clock::time_point> start;  ///< The time from which the context is valid.
    std::optional<std::chrono::system_clock::time_point> expiry; ///< The time of the end, or `never`.
};

/// Returns SECPKG_ATTR_LIFESPAN.
[[nodiscard]] inline lifespan query_lifespan(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<SecPkgContext_Lifespan>(context, SECPKG_ATTR_LIFESPAN, ec, [](const auto& told) {
        return lifespan{detail::to_time(told.tsStart), detail::to_time(told.tsExpiry)};
    });
}
[[nodiscard]] inline lifespan query_lifespan(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_lifespan(context, ec); });
}

/// Returns SECPKG_ATTR_PASSWORD_EXPIRY. For NTLM, this is the expiry of the client's password; for Kerberos, the end of
/// the client's ticket. It may be `never`. It is empty if the package did not report it.
[[nodiscard]] inline std::optional<std::chrono::system_clock::time_point>
query_password_expiry(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<SecPkgContext_PasswordExpiry>(context, SECPKG_ATTR_PASSWORD_EXPIRY, ec, [](const auto& told) {
        return detail::to_time(told.tsPasswordExpires);
    });
}
[[nodiscard]] inline std::optional<std::chrono::system_clock::time_point>
query_password_expiry(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_password_expiry(context, ec); });
}

/// The algorithms that protect messages, and the key's length in bits. The algorithm numbers are the package's own.
struct key_info {
    std::wstring signature_algorithm;         ///< The name of the algorithm of `sign`.
    std::wstring encrypt_algorithm;           ///< The name of the algorithm of `encrypt`.
    std::uint32_t key_size = 0;               ///< In bits.
    std::uint32_t signature_algorithm_id = 0; ///< The package's number of the algorithm.
    std::uint32_t encrypt_algorithm_id = 0;   ///< The package's number of the algorithm.
};

/// Returns SECPKG_ATTR_KEY_INFO.
[[nodiscard]] inline key_info query_key_info(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<detail::SecPkgContext_KeyInfoW>(context, SECPKG_ATTR_KEY_INFO, ec, [&ec](const auto& told) {
        const context_memory<SEC_WCHAR> signature{told.sSignatureAlgorithmName};
        const context_memory<SEC_WCHAR> encrypt{told.sEncryptAlgorithmName};
        return key_info{detail::to_string(signature, ec), detail::to_string(encrypt, ec),
                        static_cast<std::uint32_t>(told.KeySize), static_cast<std::uint32_t>(told.SignatureAlgorithm),
                        static_cast<std::uint32_t>(told.EncryptAlgorithm)};
    });
}
[[nodiscard]] inline key_info query_key_info(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_key_info(context, ec); });
}

/// Returns the authority that vouches for the client, such as its domain (SECPKG_ATTR_AUTHORITY).
[[nodiscard]] inline std::wstring query_authority(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<detail::SecPkgContext_AuthorityW>(
        context, SECPKG_ATTR_AUTHORITY, ec, [&ec](auto& told) { return detail::take_string(told.sAuthorityName, ec); });
}
[[nodiscard]] inline std::wstring query_authority(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_authority(context, ec); });
}

/// Returns the key that both sides share (SECPKG_ATTR_SESSION_KEY). It can be used to forge messages: do not keep it
/// longer than necessary. Its memory is wiped when it is freed. The package's copy is wiped at once.
[[nodiscard]] inline secret_bytes query_session_key(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<SecPkgContext_SessionKey>(context, SECPKG_ATTR_SESSION_KEY, ec, [&ec](const auto& told) {
        return detail::take_secret(told.SessionKey, told.SessionKeyLength, ec);
    });
}
[[nodiscard]] inline secret_bytes query_session_key(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_session_key(context, ec); });
}

/// Returns the package that the context was established with (SECPKG_ATTR_PACKAGE_INFO).
[[nodiscard]] inline package_info query_package_info(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<detail::SecPkgContext_PackageInfoW>(context, SECPKG_ATTR_PACKAGE_INFO, ec, [&ec](auto& told) {
        return detail::take_package(told.PackageInfo, ec);
    });
}
[[nodiscard]] inline package_info query_package_info(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_package_info(context, ec); });
}

/// The progress of Negotiate's choice of a package (SECPKG_NEGOTIATION_). The values are SSPI's.
enum class negotiation_state : std::uint32_t {
    complete = 0,     ///< SECPKG_NEGOTIATION_COMPLETE: the choice is made.
    optimistic = 1,   ///< SECPKG_NEGOTIATION_OPTIMISTIC: not complete yet.
    in_progress = 2,  ///< SECPKG_NEGOTIATION_IN_PROGRESS: not complete yet.
    direct = 3,       ///< SECPKG_NEGOTIATION_DIRECT; Microsoft documents no meaning.
    try_multicred = 4 ///< SECPKG_NEGOTIATION_TRY_MULTICRED; Microsoft documents no meaning.
};

/// The package that Negotiate has chosen. For other packages, it is the package itself.
struct negotiation_info {
    package_info package;
    negotiation_state state = negotiation_state::complete;
};

/// Returns the package at work (SECPKG_ATTR_NEGOTIATION_INFO).
[[nodiscard]] inline negotiation_info query_negotiation_info(const security_context& context,
                                                             std::error_code& ec) noexcept {
    return detail::query<detail::SecPkgContext_NegotiationInfoW>(
        context, SECPKG_ATTR_NEGOTIATION_INFO, ec, [&ec](auto& told) {
            return negotiation_info{detail::take_package(told.PackageInfo, ec),
                                    static_cast<negotiation_state>(told.NegotiationState)};
        });
}
[[nodiscard]] inline negotiation_info query_negotiation_info(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_negotiation_info(context, ec); });
}

/// The names of both sides in the package's own form.
struct native_names {
    std::wstring client; ///< The client, for example alice@CORP.EXAMPLE with Kerberos.
    std::wstring server; ///< The server.
};

/// Returns SECPKG_ATTR_NATIVE_NAMES. A name that the package does not report is empty.
[[nodiscard]] inline native_names query_native_names(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<detail::SecPkgContext_NativeNamesW>(
        context, SECPKG_ATTR_NATIVE_NAMES, ec, [&ec](const auto& told) {
            const context_memory<SEC_WCHAR> client{told.sClientName};
            const context_memory<SEC_WCHAR> server{told.sServerName};
            if (!client && !server) {
                ec = errc::internal_error;
            }
            return native_names{detail::from_os(client.get()), detail::from_os(server.get())};
        });
}
[[nodiscard]] inline native_names query_native_names(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_native_names(context, ec); });
}

/// Returns the flags that are granted now (SECPKG_ATTR_FLAGS); `granted` of the context returns those of the handshake.
/// For NTLM, both omit `mutual_auth` and `delegate`, even if the package reports them.
[[nodiscard]] inline context_flags query_flags(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<SecPkgContext_Flags>(context, SECPKG_ATTR_FLAGS, ec, [&context](const auto& told) {
        const auto flags = detail::from_bits(told.Flags, context.is_server() ? &detail::flag_row::asc_granted
                                                                             : &detail::flag_row::isc_granted);
        return flags & ~(detail::never_ntlms & ~context.granted());
    });
}
[[nodiscard]] inline context_flags query_flags(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_flags(context, ec); });
}

/// Returns the service that the client intended to reach (SECPKG_ATTR_CLIENT_SPECIFIED_TARGET), for a server's context.
/// If it is not a name of this server, refuse the client: its tokens may have been relayed.
[[nodiscard]] inline std::wstring query_client_specified_target(const security_context& context,
                                                                std::error_code& ec) noexcept {
    return detail::query<detail::SecPkgContext_ClientSpecifiedTarget>(
        context, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, ec,
        [&ec](auto& told) { return detail::take_string(told.sTargetName, ec); });
}
[[nodiscard]] inline std::wstring query_client_specified_target(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_client_specified_target(context, ec); });
}

/// Returns any attribute whose structure has an `attribute_number`, as the package filled it.
///
/// The structure owns nothing. Pass each pointer that SSPI requires you to free to a `context_memory`, for example
/// `SecPkgContext_DceInfo::pPac` and `SecPkgContext_TargetInformation::MarshalledTargetInfo`. The handle in
/// `SecPkgContext_AccessToken` is borrowed and may be null: do not close it, and do not use it after the context is
/// deleted. `query_security_context_token` returns a token that you own.
template <detail::numbered_attribute Attribute>
[[nodiscard]] Attribute query_attribute(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<Attribute>(context, attribute_number<Attribute>, ec,
                                    [](const Attribute& told) { return told; });
}
template <detail::numbered_attribute Attribute>
[[nodiscard]] Attribute query_attribute(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_attribute<Attribute>(context, ec); });
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
