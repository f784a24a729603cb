// SPDX-License-Identifier: MIT
//
// Where packages differ, what the tests expect: one block for each implementation.
#pragma once

#include <sspan/error.hpp>

#include <cstddef>
#include <optional>
#include <system_error>

namespace integration {

using sspan::errc;

/// Who refuses a handshake, and with which status.
struct refusal {
    const char* function;
    errc code;
};

/// What is announced for signatures and for the tokens of encrypted messages, and what these have.
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
    refusal expired_credentials; ///< They were good when they were acquired.
    refusal early_ticket;
    refusal unknown_target;
    refusal skew_seen_by_kdc;
    refusal skew_seen_by_server;
    refusal no_keytab;
    refusal key_of_another_service;
    refusal key_of_another_version;
    refusal wrong_key;
    std::optional<refusal> replayed_handshake; ///< None: not known.
    refusal logon_without_kdc;
    refusal ticket_without_kdc;

    // sspan refuses these requests in front of a package that does not heed them. None: the package gets the request.
    std::optional<refusal> client_bindings;
    std::optional<refusal> server_bindings;
    std::optional<refusal> unreported_client_flags; ///< `no_integrity`, `unverified_target_name`
    std::optional<refusal> unreported_server_flags; ///< `allow_missing_bindings`, `proxy_bindings`
    std::optional<refusal> package_list;            ///< `credential_options::packages`
    std::optional<refusal> restricted_logon;        ///< `autologon::restricted`

    bool makes_error_tokens;            ///< The server that refuses has something to tell the client.
    bool explicit_logon_is_saved;       ///< An explicit logon takes the place of the user's own ticket.
    bool checks_password_before_ticket; ///< A password is looked at although the user's own ticket is there.
    bool takes_user_at_realm;           ///< A logon takes name@realm for a user, without a domain.

    bool offers_dce_style;
    bool delegates;
    /// Messages may be late, but not repeated. Elsewhere replays are noticed only by the order.
    bool offers_replay_detection_alone;

    bool tells_expiry;      ///< Credentials and contexts say when they end.
    bool inbound_never_end; ///< Credentials of a server do not.
    bool tells_package;
    bool negotiate_proves_server; ///< A client of Negotiate gets `mutual_auth`.

    std::size_t signature_size;
    bool offers_integrity_only;
    refusal integrity_only; ///< Where it is not offered.
    std::size_t integrity_only_size;
    style_sizes plain_sizes;
    style_sizes dce_sizes;

    errc replayed;
    errc dropped;           ///< The message behind the gap says so.
    bool waits_for_dropped; ///< Those behind it say so, too, until the missing one comes, which is good, and not late.
    errc late;
    errc foreign;
    errc reflected;
    /// Of a message that is not what was sent.
    bool (*is_altered)(const std::error_code& code);
};

// Refusals by sspan, in front of the package.
inline constexpr refusal unsupported_step{"InitializeSecurityContext", errc::unsupported_function};
inline constexpr refusal unsupported_answer{"AcceptSecurityContext", errc::unsupported_function};
inline constexpr refusal unsupported_logon{"AcquireCredentialsHandle", errc::unsupported_function};

#if defined(SSPAN_API_HEADER)

// Windows, as documented and as windows_test.cpp has it: the loopback package behaves so. "No evidence" marks what no
// source tells.
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

// Wine 8, whose Kerberos is MIT's library. Of that library's minor statuses, which say what is wrong, it keeps none: it
// returns 0xC0000001 for every logon and SEC_E_INTERNAL_ERROR for almost everything else. Windows has a status for each:
// SEC_E_LOGON_DENIED, SEC_E_TARGET_UNKNOWN, SEC_E_CONTEXT_EXPIRED, SEC_E_TIME_SKEW, SEC_E_NO_AUTHENTICATING_AUTHORITY...
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
    .inbound_never_end = true, // a key in a file does not end
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
    .is_altered = // its header may be what strikes first
    [](const std::error_code& code) { return code == errc::message_altered || code == errc::invalid_token; },
};

#else

// WinPR 3.15, whose Kerberos is MIT's library below GSSAPI: the messages are WinPR's own. A client is told
// SEC_E_NO_CREDENTIALS whatever the library says, a server SEC_E_INTERNAL_ERROR.
inline constexpr refusal logon_refused{"AcquireCredentialsHandle", errc::no_credentials};
inline constexpr refusal step_refused{"InitializeSecurityContext", errc::no_credentials};
inline constexpr refusal client_refused{"AcceptSecurityContext", errc::internal_error};

inline const package_facts facts{
    .wrong_password = logon_refused,
    .unknown_user = logon_refused,
    .unknown_realm = logon_refused,
    .no_ticket = logon_refused,
    .expired_ticket = logon_refused, // it would have to be good for another minute
    .expired_credentials = step_refused,
    .early_ticket = step_refused,
    .unknown_target = step_refused,
    .skew_seen_by_kdc = step_refused,
    .skew_seen_by_server = client_refused,
    .no_keytab = client_refused, // it is not opened before there is a client
    .key_of_another_service = client_refused,
    .key_of_another_version = client_refused,
    .wrong_key = client_refused,
    .replayed_handshake = client_refused,
    .logon_without_kdc = logon_refused,
    .ticket_without_kdc = step_refused,

    .client_bindings = std::nullopt, // its token has them, for servers other than WinPR's to compare
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
    .foreign = errc::out_of_sequence, // its number is looked at first, and each context has its own
    .reflected = errc::invalid_token,
    .is_altered = // an altered number strikes first
    [](const std::error_code& code) {
        return code == errc::message_altered || code == errc::invalid_token || code == errc::out_of_sequence ||
               code == errc::qop_not_supported;
    },
};

#endif

} // namespace integration
