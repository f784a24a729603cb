// SPDX-License-Identifier: MIT
//
// What a package tells of an established context.
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

// Every function here calls QueryContextAttributes, may run in any thread, and returns values that own their memory.
// All fail with `unsupported_function` when the package does not offer the attribute, with
// `invalid_handle` in the zero state, and with `insufficient_memory`.

/// The name of the client (SECPKG_ATTR_NAMES): of whom a server has accepted, or as whom a client has logged on.
[[nodiscard]] inline std::wstring query_user_name(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<detail::SecPkgContext_NamesW>(
        context, SECPKG_ATTR_NAMES, ec, [&ec](auto& names) { return detail::take_string(names.sUserName, ec); });
}
[[nodiscard]] inline std::wstring query_user_name(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_user_name(context, ec); });
}

/// From when until when a context is good. Nothing: the package did not tell. An expiry may be `never`.
struct lifespan {
    std::optional<std::chrono::system_clock::time_point> start;
    std::optional<std::chrono::system_clock::time_point> expiry;
};

/// SECPKG_ATTR_LIFESPAN.
[[nodiscard]] inline lifespan query_lifespan(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<SecPkgContext_Lifespan>(context, SECPKG_ATTR_LIFESPAN, ec, [](const auto& told) {
        return lifespan{detail::to_time(told.tsStart), detail::to_time(told.tsExpiry)};
    });
}
[[nodiscard]] inline lifespan query_lifespan(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_lifespan(context, ec); });
}

/// Returns SECPKG_ATTR_PASSWORD_EXPIRY. For NTLM this is the time at which the client's password expires, for Kerberos the
/// end of the client's ticket. It may be `never`. Nothing: the package did not tell.
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

/// The algorithms that protect messages, and the key's length in bits. The numbers are the package's own.
struct key_info {
    std::wstring signature_algorithm;
    std::wstring encrypt_algorithm;
    std::uint32_t key_size = 0;
    std::uint32_t signature_algorithm_id = 0;
    std::uint32_t encrypt_algorithm_id = 0;
};

/// SECPKG_ATTR_KEY_INFO.
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

/// Who vouches for the client, such as its domain (SECPKG_ATTR_AUTHORITY).
[[nodiscard]] inline std::wstring query_authority(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<detail::SecPkgContext_AuthorityW>(
        context, SECPKG_ATTR_AUTHORITY, ec, [&ec](auto& told) { return detail::take_string(told.sAuthorityName, ec); });
}
[[nodiscard]] inline std::wstring query_authority(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_authority(context, ec); });
}

/// The key that both sides share (SECPKG_ATTR_SESSION_KEY). Whoever knows it can forge messages: keep it no longer than
/// need be. Its memory is wiped when it is freed, the package's copy at once.
[[nodiscard]] inline secret_bytes query_session_key(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<SecPkgContext_SessionKey>(context, SECPKG_ATTR_SESSION_KEY, ec, [&ec](const auto& told) {
        return detail::take_secret(told.SessionKey, told.SessionKeyLength, ec);
    });
}
[[nodiscard]] inline secret_bytes query_session_key(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_session_key(context, ec); });
}

/// The package that the context was established with (SECPKG_ATTR_PACKAGE_INFO).
[[nodiscard]] inline package_info query_package_info(const security_context& context, std::error_code& ec) noexcept {
    return detail::query<detail::SecPkgContext_PackageInfoW>(context, SECPKG_ATTR_PACKAGE_INFO, ec, [&ec](auto& told) {
        return detail::take_package(told.PackageInfo, ec);
    });
}
[[nodiscard]] inline package_info query_package_info(const security_context& context) {
    return detail::or_throw([&](std::error_code& ec) { return query_package_info(context, ec); });
}

/// How far Negotiate's choice of a package has come (SECPKG_NEGOTIATION_). The values are SSPI's.
enum class negotiation_state : std::uint32_t {
    complete = 0,
    optimistic = 1,
    in_progress = 2,
    direct = 3,
    try_multicred = 4
};

/// The package that Negotiate has chosen, or the package itself.
struct negotiation_info {
    package_info package;
    negotiation_state state = negotiation_state::complete;
};

/// The package at work (SECPKG_ATTR_NEGOTIATION_INFO).
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

/// Both sides' names as the package spells them.
struct native_names {
    std::wstring client;
    std::wstring server;
};

/// SECPKG_ATTR_NATIVE_NAMES. A name that the package does not give is empty.
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

/// What is granted now (SECPKG_ATTR_FLAGS); `granted` of the context is what the handshake was told. Of NTLM neither has
/// `mutual_auth` and `delegate`, whatever it reports.
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

/// The service that the client meant to reach, of a server's context (SECPKG_ATTR_CLIENT_SPECIFIED_TARGET). A server
/// that is not of that name is being used against its client: refuse it.
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
/// The structure owns nothing. Give each pointer that SSPI says to free to a `context_memory`, such as
/// `SecPkgContext_DceInfo::pPac` and `SecPkgContext_TargetInformation::MarshalledTargetInfo`. The handle in
/// `SecPkgContext_AccessToken` is lent, and may be null: do not close it, and do not use it after the context has gone.
/// `query_security_context_token` returns a token to keep.
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
