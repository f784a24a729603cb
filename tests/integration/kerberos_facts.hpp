// SPDX-License-Identifier: MIT
//
// The expected differences between packages: one block for each implementation.
#pragma once

#include <sspan/error.hpp>

#include <cstddef>
#include <optional>
#include <system_error>

namespace integration {

using sspan::errc;

/// The function that refuses a handshake, and its status.
struct refusal {
    const char* function;
    errc code;
};

/// The announced sizes of signatures and of encrypted messages' tokens, and the real sizes.
struct style_sizes {
    std::size_t max_signature;
    std::size_t security_trailer;
    std::size_t token;
};

struct package_facts {
    refusal wrong_password;
    refusal unknown_user;
    refusal unknown_realm;
    refusal no_ticket;
    refusal expired_ticket;
    refusal expired_credentials; ///< The credentials were valid at their acquisition.
    refusal early_ticket;
    refusal unknown_target;
    refusal skew_seen_by_kdc;
    refusal skew_seen_by_server;
    refusal no_keytab;
    refusal key_of_another_service;
    refusal key_of_another_version;
    refusal wrong_key;
    std::optional<refusal> replayed_handshake; ///< Empty: not known.
    refusal logon_without_kdc;
    refusal ticket_without_kdc;

    // sspan refuses these requests if the package would ignore them. Empty: the package gets the request.
    std::optional<refusal> client_bindings;
    std::optional<refusal> server_bindings;
    std::optional<refusal> unreported_client_flags; ///< `no_integrity`, `unverified_target_name`
    std::optional<refusal> unreported_server_flags; ///< `allow_missing_bindings`, `proxy_bindings`
    std::optional<refusal> package_list;            ///< `credential_options::packages`
    std::optional<refusal> restricted_logon;        ///< `autologon::restricted`

    bool makes_error_tokens;            ///< A server that refuses also sends an error token.
    bool explicit_logon_is_saved;       ///< An explicit logon replaces the user's own ticket.
    bool checks_password_before_ticket; ///< A password is checked even if the user's own ticket exists.
    bool takes_user_at_realm;           ///< A logon accepts name@realm as the user, without a domain.

    bool offers_dce_style;
    bool delegates;
    /// Messages may be late, but not repeated. Other packages detect replays only by the order.
    bool offers_replay_detection_alone;

    bool tells_expiry;      ///< Credentials and contexts report their expiry.
    bool inbound_never_end; ///< A server's credentials do not expire.
    bool tells_package;
    bool negotiate_proves_server; ///< A client of Negotiate gets `mutual_auth`.

    std::size_t signature_size;
    bool offers_integrity_only;
    refusal integrity_only; ///< The refusal where it is not offered.
    std::size_t integrity_only_size;
    style_sizes plain_sizes;
    style_sizes dce_sizes;

    errc replayed;
    errc dropped; ///< The error for the first message after a gap.
    /// Later messages get this error, too, until the missing one arrives. The missing one is then valid, and not late.
    bool waits_for_dropped;
    errc late;
    errc foreign;
    errc reflected;
    /// Returns true for the error of a message that was changed.
    bool (*is_altered)(const std::error_code& code);
};

// Refusals by sspan, before any call of the package.
inline constexpr refusal unsupported_step{"InitializeSecurityContext", errc::unsupported_function};
inline constexpr refusal unsupported_answer{"AcceptSecurityContext", errc::unsupported_function};
inline constexpr refusal unsupported_logon{"AcquireCredentialsHandle", errc::unsupported_function};

#if defined(SSPAN_API_HEADER)

// Windows, as documented and as in windows_test.cpp. The loopback package behaves in the same way. "No evidence" marks
// behaviour that no source describes.
inline constexpr refusal logon_denied{"InitializeSecurityContext", errc::logon_denied};
inline constexpr refusal other_key{"AcceptSecurityContext", errc::logon_denied};
inline constexpr refusal nobody_answers{"InitializeSecurityContext", errc::no_authenticating_authority};

inline const package_facts facts{
    .wrong_password = logon_denied,
    .unknown_user = logon_denied,
    .unknown_realm = nobody_answers,
    .no_ticket = {"InitializeSecurityContext", errc::no_credentials},
    .expired_ticket = {"InitializeSecurityContext", errc::context_expired},      // no evidence
    .expired_credentials = {"InitializeSecurityContext", errc::context_expired}, // no evidence
    .early_ticket = {},                                                          // no evidence, and not arranged
    .unknown_target = {"InitializeSecurityContext", errc::target_unknown},
    .skew_seen_by_kdc = {"InitializeSecurityContext", errc::time_skew},
    .skew_seen_by_server = {"AcceptSecurityContext", errc::time_skew},
    .no_keytab = {}, // not arranged
    .key_of_another_service = other_key,
    .key_of_another_version = other_key,
    .wrong_key = other_key,
    .replayed_handshake = std::nullopt, // no evidence
    .logon_without_kdc = nobody_answers,
    .ticket_without_kdc = nobody_answers,

    .client_bindings = std::nullopt,
    .server_bindings = std::nullopt,
    .unreported_client_flags = std::nullopt, // no evidence
    .unreported_server_flags = std::nullopt, // no evidence
    .package_list = std::nullopt,
    .restricted_logon = std::nullopt,

    .makes_error_tokens = true, // no evidence
    .explicit_logon_is_saved = false,
    .checks_password_before_ticket = false,
    .takes_user_at_realm = true,

    .offers_dce_style = true,
    .delegates = true,
    .offers_replay_detection_alone = true, // no evidence

    .tells_expiry = true,
    .inbound_never_end = false, // no evidence
    .tells_package = true,
    .negotiate_proves_server = true,

    .signature_size = 28,
    .offers_integrity_only = true,
    .integrity_only = {},
    .integrity_only_size = 28,
    .plain_sizes = {28, 60, 60},
    .dce_sizes = {28, 76, 76},

    .replayed = errc::out_of_sequence,
    .dropped = errc::out_of_sequence, // weak evidence
    .waits_for_dropped = true,        // no evidence
    .late = errc::out_of_sequence,
    .foreign = errc::message_altered,
    .reflected = errc::message_altered,
    .is_altered =
        [](const std::error_code& code) { return code == errc::message_altered || code == errc::invalid_token; },
};

#elif defined(_WIN32)

// Wine 8, whose Kerberos is MIT's library. Wine drops that library's minor statuses, which have the reason: it returns
// 0xC0000001 for every logon and SEC_E_INTERNAL_ERROR for almost everything else. Windows has a status for each reason:
// SEC_E_LOGON_DENIED, SEC_E_TARGET_UNKNOWN, SEC_E_CONTEXT_EXPIRED, SEC_E_TIME_SKEW,
// SEC_E_NO_AUTHENTICATING_AUTHORITY...
inline constexpr refusal logon_refused{"AcquireCredentialsHandle", errc{static_cast<int>(0xC0000001)}};
inline constexpr refusal step_refused{"InitializeSecurityContext", errc::internal_error};
inline constexpr refusal client_refused{"AcceptSecurityContext", errc::internal_error};
inline constexpr refusal nothing_to_use{"AcquireCredentialsHandle", errc::no_credentials};

inline const package_facts facts{
    .wrong_password = logon_refused,
    .unknown_user = logon_refused,
    .unknown_realm = logon_refused,
    .no_ticket = nothing_to_use,
    .expired_ticket = step_refused,
    .expired_credentials = step_refused,
    .early_ticket = step_refused,
    .unknown_target = step_refused,
    .skew_seen_by_kdc = step_refused,
    .skew_seen_by_server = client_refused,
    .no_keytab = nothing_to_use,
    .key_of_another_service = client_refused,
    .key_of_another_version = client_refused,
    .wrong_key = client_refused,
    .replayed_handshake = client_refused,
    .logon_without_kdc = logon_refused,
    .ticket_without_kdc = step_refused,

    .client_bindings = unsupported_step,
    .server_bindings = unsupported_answer,
    .unreported_client_flags = unsupported_step,
    .unreported_server_flags = unsupported_answer,
    .package_list = unsupported_logon,
    .restricted_logon = unsupported_logon,

    .makes_error_tokens = false,
    .explicit_logon_is_saved = true,
    .checks_password_before_ticket = true,
    .takes_user_at_realm = false,

    .offers_dce_style = true,
    .delegates = true,
    .offers_replay_detection_alone = true,

    .tells_expiry = true,
    .inbound_never_end = true, // a key in a file does not expire
    .tells_package = true,
    .negotiate_proves_server = true,

    .signature_size = 28,
    .offers_integrity_only = true,
    .integrity_only = {},
    .integrity_only_size = 28,
    .plain_sizes = {40, 72, 60}, // enough for every key type
    .dce_sizes = {40, 88, 76},

    .replayed = errc::invalid_token,
    .dropped = errc::out_of_sequence,
    .waits_for_dropped = false,
    .late = errc::out_of_sequence,
    .foreign = errc::message_altered,
    .reflected = errc::message_altered,
    .is_altered = // the change may affect the header first
    [](const std::error_code& code) { return code == errc::message_altered || code == errc::invalid_token; },
};

#else

// WinPR 3.15, whose Kerberos is MIT's library below GSSAPI. The messages are WinPR's own. A client always gets
// SEC_E_NO_CREDENTIALS for an error of the library, a server SEC_E_INTERNAL_ERROR.
inline constexpr refusal logon_refused{"AcquireCredentialsHandle", errc::no_credentials};
inline constexpr refusal step_refused{"InitializeSecurityContext", errc::no_credentials};
inline constexpr refusal client_refused{"AcceptSecurityContext", errc::internal_error};

inline const package_facts facts{
    .wrong_password = logon_refused,
    .unknown_user = logon_refused,
    .unknown_realm = logon_refused,
    .no_ticket = logon_refused,
    .expired_ticket = logon_refused, // it must be valid for another minute
    .expired_credentials = step_refused,
    .early_ticket = step_refused,
    .unknown_target = step_refused,
    .skew_seen_by_kdc = step_refused,
    .skew_seen_by_server = client_refused,
    .no_keytab = client_refused, // the keytab is not opened before a client connects
    .key_of_another_service = client_refused,
    .key_of_another_version = client_refused,
    .wrong_key = client_refused,
    .replayed_handshake = client_refused,
    .logon_without_kdc = logon_refused,
    .ticket_without_kdc = step_refused,

    // The client's token has them; WinPR's server does not compare them, other servers may.
    .client_bindings = std::nullopt,
    .server_bindings = unsupported_answer,
    .unreported_client_flags = unsupported_step,
    .unreported_server_flags = unsupported_answer,
    .package_list = unsupported_logon,
    .restricted_logon = unsupported_logon,

    .makes_error_tokens = false,
    .explicit_logon_is_saved = false,
    .checks_password_before_ticket = false,
    .takes_user_at_realm = true,

    .offers_dce_style = false,
    .delegates = false,
    .offers_replay_detection_alone = false,

    .tells_expiry = false,
    .inbound_never_end = true,
    .tells_package = false,
    .negotiate_proves_server = false,

    .signature_size = 28,
    .offers_integrity_only = false,
    .integrity_only = {"EncryptMessage", errc::qop_not_supported},
    .integrity_only_size = 0, // not known
    .plain_sizes = {28, 60, 60},
    .dce_sizes = {}, // not known

    .replayed = errc::out_of_sequence,
    .dropped = errc::out_of_sequence,
    .waits_for_dropped = true,
    .late = errc::out_of_sequence,
    .foreign = errc::out_of_sequence, // the number is checked first, and each context has its own
    .reflected = errc::invalid_token,
    .is_altered = // a changed number is detected first
    [](const std::error_code& code) {
        return code == errc::message_altered || code == errc::invalid_token || code == errc::out_of_sequence ||
               code == errc::qop_not_supported;
    },
};

#endif

} // namespace integration
