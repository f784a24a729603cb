// SPDX-License-Identifier: MIT
//
// The flags of a context, in one set for both sides. SSPI has two sets, ISC_ for the client and ASC_ for the server,
// which use some bits differently. Only this file handles the difference.
#pragma once

#include "os/platform.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// True for enumerations that are sets of flags. They have the operators below.
template <class Enum>
inline constexpr bool is_flags = false;

/// An enumeration that is a set of flags.
template <class Enum>
concept flags_enum = is_flags<Enum>;

/// Returns the union of two sets.
template <flags_enum Enum>
[[nodiscard]] constexpr Enum operator|(Enum left, Enum right) noexcept {
    using bits = std::underlying_type_t<Enum>;
    return static_cast<Enum>(static_cast<bits>(left) | static_cast<bits>(right));
}

/// Returns the flags that both sets contain.
template <flags_enum Enum>
[[nodiscard]] constexpr Enum operator&(Enum left, Enum right) noexcept {
    using bits = std::underlying_type_t<Enum>;
    return static_cast<Enum>(static_cast<bits>(left) & static_cast<bits>(right));
}

/// Returns all flags that are not in the set. With `&=` it removes flags.
template <flags_enum Enum>
[[nodiscard]] constexpr Enum operator~(Enum flags) noexcept {
    return static_cast<Enum>(~static_cast<std::underlying_type_t<Enum>>(flags));
}

/// Adds flags to `left`.
template <flags_enum Enum>
constexpr Enum& operator|=(Enum& left, Enum right) noexcept {
    return left = left | right;
}

/// Keeps in `left` only what `right` contains, too.
template <flags_enum Enum>
constexpr Enum& operator&=(Enum& left, Enum right) noexcept {
    return left = left & right;
}

/// Returns true if `flags` contains all flags of `wanted`.
template <flags_enum Enum>
[[nodiscard]] constexpr bool contains(Enum flags, std::type_identity_t<Enum> wanted) noexcept {
    return (flags & wanted) == wanted;
}

/// The requested (ISC_REQ_, ASC_REQ_) and granted (ISC_RET_, ASC_RET_) flags of a context.
///
/// The values are sspan's own.
enum class context_flags : std::uint32_t {
    none = 0,
    delegate = 1U << 0,                ///< The server may act as the client towards other machines.
    mutual_auth = 1U << 1,             ///< The server proves its identity, too.
    replay_detect = 1U << 2,           ///< Repeated messages are refused.
    sequence_detect = 1U << 3,         ///< Messages out of order are refused, and repeated ones, too.
    confidentiality = 1U << 4,         ///< Messages can be encrypted.
    integrity = 1U << 5,               ///< Messages can be signed.
    use_session_key = 1U << 6,         ///< A new session key is negotiated.
    dce_style = 1U << 7,               ///< Three legs, and the wrapping format of DCE RPC.
    datagram = 1U << 8,                ///< The transport may lose or reorder messages.
    connection = 1U << 9,              ///< The transport keeps messages whole and in order.
    extended_error = 1U << 10,         ///< A failing side makes a token that tells the peer the reason.
    stream = 1U << 11,                 ///< The transport is a stream of bytes.
    identify = 1U << 12,               ///< The server may identify the client, but not act as the client.
    null_session = 1U << 13,           ///< The client is, or may be, anonymous.
    no_integrity = 1U << 14,           ///< Client: Negotiate must not add integrity on its own.
    http_style = 1U << 15,             ///< Client: the transport is HTTP.
    unverified_target_name = 1U << 16, ///< Client: the target name comes from a source that is not trusted.
    confidentiality_only = 1U << 17,   ///< Client: encryption without integrity.
    allow_non_user_logons = 1U << 18,  ///< Server: machines and services may log on.
    allow_missing_bindings = 1U << 19, ///< Server: a client whose system has no channel bindings is accepted.
    proxy_bindings = 1U << 20,         ///< Server: TLS ends at a proxy. Other bindings may be accepted.
};

template <>
inline constexpr bool is_flags<context_flags> = true;

/// All protection of messages: the flags that a handshake requires by default.
inline constexpr context_flags message_protection = context_flags::integrity | context_flags::confidentiality |
                                                    context_flags::replay_detect | context_flags::sequence_detect;

/// What a security package can do (SECPKG_FLAG_). The values are SSPI's.
enum class package_capabilities : std::uint32_t {
    none = 0,
    integrity = SECPKG_FLAG_INTEGRITY,
    privacy = SECPKG_FLAG_PRIVACY,
    token_only = SECPKG_FLAG_TOKEN_ONLY,
    datagram = SECPKG_FLAG_DATAGRAM,
    connection = SECPKG_FLAG_CONNECTION,
    multi_required = SECPKG_FLAG_MULTI_REQUIRED,
    client_only = SECPKG_FLAG_CLIENT_ONLY,
    extended_error = SECPKG_FLAG_EXTENDED_ERROR,
    impersonation = SECPKG_FLAG_IMPERSONATION,
    accept_win32_name = SECPKG_FLAG_ACCEPT_WIN32_NAME,
    stream = SECPKG_FLAG_STREAM,
    negotiable = SECPKG_FLAG_NEGOTIABLE,
    gss_compatible = SECPKG_FLAG_GSS_COMPATIBLE,
    logon = SECPKG_FLAG_LOGON,
    ascii_buffers = SECPKG_FLAG_ASCII_BUFFERS,
    fragment = SECPKG_FLAG_FRAGMENT,
    mutual_auth = SECPKG_FLAG_MUTUAL_AUTH,
    delegation = SECPKG_FLAG_DELEGATION,
    readonly_with_checksum = SECPKG_FLAG_READONLY_WITH_CHECKSUM,
    restricted_tokens = SECPKG_FLAG_RESTRICTED_TOKENS,
    nego_extender = SECPKG_FLAG_NEGO_EXTENDER,
    negotiable2 = SECPKG_FLAG_NEGOTIABLE2,
    appcontainer_passthrough = 0x00400000,     ///< SECPKG_FLAG_APPCONTAINER_PASSTHROUGH, which not every SDK names.
    appcontainer_checks = 0x00800000,          ///< SECPKG_FLAG_APPCONTAINER_CHECKS, as above.
    credential_isolation_enabled = 0x01000000, ///< SECPKG_FLAG_CREDENTIAL_ISOLATION_ENABLED, as above.
};

template <>
inline constexpr bool is_flags<package_capabilities> = true;

namespace detail {

/// The bits of one flag. A bit is 0 if the side cannot request the flag, or does not get it reported.
struct flag_row {
    context_flags flag;
    std::string_view name;
    std::uint32_t isc_request;
    std::uint32_t isc_granted;
    std::uint32_t asc_request;
    std::uint32_t asc_granted;
};

// clang-format off: a table
inline constexpr std::array<flag_row, 21> flag_table{{
    //                                                                      ISC_REQ_    ISC_RET_    ASC_REQ_    ASC_RET_
    {context_flags::delegate,               "delegate",               0x00000001, 0x00000001, 0x00000001, 0x00000001},
    {context_flags::mutual_auth,            "mutual_auth",            0x00000002, 0x00000002, 0x00000002, 0x00000002},
    {context_flags::replay_detect,          "replay_detect",          0x00000004, 0x00000004, 0x00000004, 0x00000004},
    {context_flags::sequence_detect,        "sequence_detect",        0x00000008, 0x00000008, 0x00000008, 0x00000008},
    {context_flags::confidentiality,        "confidentiality",        0x00000010, 0x00000010, 0x00000010, 0x00000010},
    {context_flags::integrity,              "integrity",              0x00010000, 0x00010000, 0x00020000, 0x00020000},
    {context_flags::use_session_key,        "use_session_key",        0x00000020, 0x00000020, 0x00000020, 0x00000020},
    {context_flags::dce_style,              "dce_style",              0x00000200, 0x00000200, 0x00000200, 0x00000200},
    {context_flags::datagram,               "datagram",               0x00000400, 0x00000400, 0x00000400, 0x00000400},
    {context_flags::connection,             "connection",             0x00000800, 0x00000800, 0x00000800, 0x00000800},
    {context_flags::extended_error,         "extended_error",         0x00004000, 0x00004000, 0x00008000, 0x00008000},
    {context_flags::stream,                 "stream",                 0x00008000, 0x00008000, 0x00010000, 0x00010000},
    {context_flags::identify,               "identify",               0x00020000, 0x00020000, 0x00080000, 0x00080000},
    {context_flags::null_session,           "null_session",           0x00040000, 0x00040000, 0x00100000, 0x00100000},
    {context_flags::no_integrity,           "no_integrity",           0x00800000, 0,          0,          0},
    {context_flags::http_style,             "http_style",             0x01000000, 0x01000000, 0,          0},
    {context_flags::unverified_target_name,      "unverified_target_name",      0x20000000, 0,          0,          0},
    {context_flags::confidentiality_only,   "confidentiality_only",   0x40000000, 0x40000000, 0,          0},
    {context_flags::allow_non_user_logons,  "allow_non_user_logons",  0,          0,          0x00200000, 0x00200000},
    {context_flags::allow_missing_bindings, "allow_missing_bindings", 0,          0,          0x10000000, 0},
    {context_flags::proxy_bindings,         "proxy_bindings",         0,          0,          0x04000000, 0},
}};
// clang-format on

/// Returns the flags of `required` that `granted` does not satisfy. Sequence detection also refuses replays.
[[nodiscard]] constexpr context_flags unsatisfied(context_flags required, context_flags granted) noexcept {
    return required &
           ~(contains(granted, context_flags::sequence_detect) ? granted | context_flags::replay_detect : granted);
}

using flag_column = std::uint32_t flag_row::*;

/// Returns the bits of `flags` in one of the four families.
constexpr std::uint32_t to_bits(context_flags flags, flag_column column) noexcept {
    std::uint32_t bits = 0;
    for (const auto& row : flag_table) {
        if (contains(flags, row.flag)) {
            bits |= row.*column;
        }
    }
    return bits;
}

/// Returns the flags of `bits` in one of the four families. Bits without a name in sspan are ignored.
constexpr context_flags from_bits(std::uint32_t bits, flag_column column) noexcept {
    auto flags = context_flags::none;
    for (const auto& row : flag_table) {
        if ((bits & row.*column) != 0) {
            flags |= row.flag;
        }
    }
    return flags;
}

/// Returns the flags that exist in one of the four families.
constexpr context_flags known_flags(flag_column column) noexcept {
    return from_bits(0xFFFFFFFFU, column);
}

struct capability_row {
    package_capabilities flag;
    std::string_view name;
};

inline constexpr std::array<capability_row, 25> capability_table{{
    {package_capabilities::integrity, "integrity"},
    {package_capabilities::privacy, "privacy"},
    {package_capabilities::token_only, "token_only"},
    {package_capabilities::datagram, "datagram"},
    {package_capabilities::connection, "connection"},
    {package_capabilities::multi_required, "multi_required"},
    {package_capabilities::client_only, "client_only"},
    {package_capabilities::extended_error, "extended_error"},
    {package_capabilities::impersonation, "impersonation"},
    {package_capabilities::accept_win32_name, "accept_win32_name"},
    {package_capabilities::stream, "stream"},
    {package_capabilities::negotiable, "negotiable"},
    {package_capabilities::gss_compatible, "gss_compatible"},
    {package_capabilities::logon, "logon"},
    {package_capabilities::ascii_buffers, "ascii_buffers"},
    {package_capabilities::fragment, "fragment"},
    {package_capabilities::mutual_auth, "mutual_auth"},
    {package_capabilities::delegation, "delegation"},
    {package_capabilities::readonly_with_checksum, "readonly_with_checksum"},
    {package_capabilities::restricted_tokens, "restricted_tokens"},
    {package_capabilities::nego_extender, "nego_extender"},
    {package_capabilities::negotiable2, "negotiable2"},
    {package_capabilities::appcontainer_passthrough, "appcontainer_passthrough"},
    {package_capabilities::appcontainer_checks, "appcontainer_checks"},
    {package_capabilities::credential_isolation_enabled, "credential_isolation_enabled"},
}};

/// Returns the names of the rows of `table` that `flags` contains, separated by ", ".
template <class Table, flags_enum Enum>
std::string names_of(const Table& table, Enum flags) {
    std::string text;
    for (const auto& row : table) {
        if (contains(flags, row.flag)) {
            text += text.empty() ? "" : ", ";
            text += row.name;
        }
    }
    return text.empty() ? "none" : text;
}

} // namespace detail

/// Returns the names of the enumerators in `flags`, separated by ", ", or "none".
[[nodiscard]] inline std::string to_string(context_flags flags) {
    return detail::names_of(detail::flag_table, flags);
}
[[nodiscard]] inline std::string to_string(package_capabilities flags) {
    return detail::names_of(detail::capability_table, flags);
}

/// Returns the flags in the ISC_RET_ bits of InitializeSecurityContext's pfContextAttr. Bits without a name in sspan
/// are ignored.
[[nodiscard]] constexpr context_flags from_isc_ret(std::uint32_t bits) noexcept {
    return detail::from_bits(bits, &detail::flag_row::isc_granted);
}
/// Returns the flags in the ASC_RET_ bits of AcceptSecurityContext's pfContextAttr. Bits without a name in sspan are
/// ignored.
[[nodiscard]] constexpr context_flags from_asc_ret(std::uint32_t bits) noexcept {
    return detail::from_bits(bits, &detail::flag_row::asc_granted);
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
