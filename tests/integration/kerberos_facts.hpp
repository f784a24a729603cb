// SPDX-License-Identifier: MIT
//
// Where packages differ, what the tests expect: one block for each implementation.
#pragma once

#include <sspan/error.hpp>

#include <cstddef>
#include <system_error>

namespace facts {

/// Who refuses a handshake, and with which status.
struct refusal {
    const char* function;
    sspan::errc code;
};

/// What is announced for signatures and for the tokens of encrypted messages, and what these have.
struct style_sizes {
    std::size_t max_signature;
    std::size_t security_trailer;
    std::size_t token;
};

using sspan::errc;

#if defined(_WIN32)

// Wine 8, whose Kerberos is MIT's library. Of that library's minor statuses, which say what is wrong, it keeps none: it
// returns 0xC0000001 for every logon and SEC_E_INTERNAL_ERROR for almost everything else. Windows has a status for each:
// SEC_E_LOGON_DENIED, SEC_E_TARGET_UNKNOWN, SEC_E_CONTEXT_EXPIRED, SEC_E_TIME_SKEW, SEC_E_NO_AUTHENTICATING_AUTHORITY...
inline constexpr refusal logon_refused{"AcquireCredentialsHandle", errc{static_cast<int>(0xC0000001)}};
inline constexpr refusal step_refused{"InitializeSecurityContext", errc::internal_error};
inline constexpr refusal client_refused{"AcceptSecurityContext", errc::internal_error};
inline constexpr refusal nothing_to_use{"AcquireCredentialsHandle", errc::no_credentials};

inline constexpr refusal wrong_password = logon_refused;
inline constexpr refusal unknown_user = logon_refused;
inline constexpr refusal unknown_realm = logon_refused;
inline constexpr refusal no_ticket = nothing_to_use;
inline constexpr refusal expired_ticket = step_refused;
inline constexpr refusal expired_credentials = step_refused; ///< They were good when they were acquired.
inline constexpr refusal early_ticket = step_refused;
inline constexpr refusal unknown_target = step_refused;
inline constexpr refusal empty_target = step_refused;
inline constexpr refusal skew_seen_by_kdc = step_refused;
inline constexpr refusal skew_seen_by_server = client_refused;
inline constexpr refusal no_keytab = nothing_to_use;
inline constexpr refusal key_of_another_service = client_refused;
inline constexpr refusal key_of_another_version = client_refused;
inline constexpr refusal wrong_key = client_refused;
inline constexpr refusal replayed_handshake = client_refused;
inline constexpr refusal logon_without_kdc = logon_refused;
inline constexpr refusal ticket_without_kdc = step_refused;

/// Whether the side that refuses has something to tell the other.
inline constexpr bool makes_error_tokens = false;

/// Whether an explicit logon takes the place of the user's own ticket.
inline constexpr bool explicit_logon_is_saved = true;

/// Whether a password is looked at although the user's own ticket is there.
inline constexpr bool checks_password_before_ticket = true;

/// Whether a logon takes name@realm for a user, without a domain.
inline constexpr bool takes_user_at_realm = false;

inline constexpr bool offers_dce_style = true;
inline constexpr bool delegates = true;
/// Whether messages may be late, but not repeated. Elsewhere replays are noticed only by the order.
inline constexpr bool offers_replay_detection_alone = true;

/// Whether credentials and contexts say when they end.
inline constexpr bool tells_expiry = true;
inline constexpr bool tells_package = true;

inline constexpr std::size_t signature_size = 28;
inline constexpr bool offers_integrity_only = true;
inline constexpr refusal integrity_only{"EncryptMessage", errc::qop_not_supported}; ///< Where it is not offered.
inline constexpr std::size_t integrity_only_size = 28;
inline constexpr style_sizes plain_sizes{40, 72, 60}; ///< Enough for every key type.
inline constexpr style_sizes dce_sizes{40, 88, 76};

inline constexpr errc replayed = errc::invalid_token;
inline constexpr errc dropped = errc::out_of_sequence; ///< The message behind the gap says so.
/// Whether those behind it say so, too, until the missing one comes.
inline constexpr bool waits_for_dropped = false;
inline constexpr errc late = errc::out_of_sequence;
inline constexpr errc foreign = errc::message_altered;
inline constexpr errc reflected = errc::message_altered;
/// Of a message that is not what was sent: its header may be what strikes first.
inline bool is_altered(const std::error_code& code) {
    return code == errc::message_altered || code == errc::invalid_token;
}

#else

// WinPR 3.15, whose Kerberos is MIT's library below GSSAPI: the messages are WinPR's own. A client is told
// SEC_E_NO_CREDENTIALS whatever the library says, a server SEC_E_INTERNAL_ERROR.
inline constexpr refusal logon_refused{"AcquireCredentialsHandle", errc::no_credentials};
inline constexpr refusal step_refused{"InitializeSecurityContext", errc::no_credentials};
inline constexpr refusal client_refused{"AcceptSecurityContext", errc::internal_error};

inline constexpr refusal wrong_password = logon_refused;
inline constexpr refusal unknown_user = logon_refused;
inline constexpr refusal unknown_realm = logon_refused;
inline constexpr refusal no_ticket = logon_refused;
inline constexpr refusal expired_ticket = logon_refused; ///< It would have to be good for another minute.
inline constexpr refusal expired_credentials = step_refused;
inline constexpr refusal early_ticket = step_refused;
inline constexpr refusal unknown_target = step_refused;
inline constexpr refusal empty_target = step_refused;
inline constexpr refusal skew_seen_by_kdc = step_refused;
inline constexpr refusal skew_seen_by_server = client_refused;
inline constexpr refusal no_keytab = client_refused; ///< It is not opened before there is a client.
inline constexpr refusal key_of_another_service = client_refused;
inline constexpr refusal key_of_another_version = client_refused;
inline constexpr refusal wrong_key = client_refused;
inline constexpr refusal replayed_handshake = client_refused;
inline constexpr refusal logon_without_kdc = logon_refused;
inline constexpr refusal ticket_without_kdc = step_refused;

inline constexpr bool makes_error_tokens = false;
inline constexpr bool explicit_logon_is_saved = false;
inline constexpr bool checks_password_before_ticket = false;
inline constexpr bool takes_user_at_realm = true;

inline constexpr bool offers_dce_style = false;
inline constexpr bool delegates = false;
inline constexpr bool offers_replay_detection_alone = false;

inline constexpr bool tells_expiry = false;
inline constexpr bool tells_package = false;

inline constexpr std::size_t signature_size = 28;
inline constexpr bool offers_integrity_only = false;
inline constexpr refusal integrity_only{"EncryptMessage", errc::qop_not_supported};
inline constexpr std::size_t integrity_only_size = 0; ///< Nobody can tell.
inline constexpr style_sizes plain_sizes{28, 60, 60};
inline constexpr style_sizes dce_sizes{}; ///< Nobody can tell.

inline constexpr errc replayed = errc::out_of_sequence;
inline constexpr errc dropped = errc::out_of_sequence;
inline constexpr bool waits_for_dropped = true; ///< The missing one is good, and not late.
inline constexpr errc late = errc::out_of_sequence;
inline constexpr errc foreign = errc::out_of_sequence; ///< Its number is looked at first, and each context has its own.
inline constexpr errc reflected = errc::invalid_token;
/// An altered number is what strikes first.
inline bool is_altered(const std::error_code& code) {
    return code == errc::message_altered || code == errc::invalid_token || code == errc::out_of_sequence ||
           code == errc::qop_not_supported;
}

#endif

} // namespace facts
