// SPDX-License-Identifier: MIT
//
// All statuses of SSPI: X(name, value, symbol, meaning).
#pragma once

#include "platform.hpp"

// clang-format off: one status, one row

/// The failures, in the order of their values.
#define SSPAN_SEC_E(X) \
    X(insufficient_memory, 0x80090300, "SEC_E_INSUFFICIENT_MEMORY", "there is not enough memory for the request") \
    X(invalid_handle, 0x80090301, "SEC_E_INVALID_HANDLE", "the object owns no handle, or the package does not know it") \
    X(unsupported_function, 0x80090302, "SEC_E_UNSUPPORTED_FUNCTION", "the package does not offer this function, attribute or flag") \
    X(target_unknown, 0x80090303, "SEC_E_TARGET_UNKNOWN", "no service is known by the target name") \
    X(internal_error, 0x80090304, "SEC_E_INTERNAL_ERROR", "the package failed for a reason of its own, or answered nonsense") \
    X(secpkg_not_found, 0x80090305, "SEC_E_SECPKG_NOT_FOUND", "this machine has no security package of that name") \
    X(not_owner, 0x80090306, "SEC_E_NOT_OWNER", "the caller does not own the credentials or the handle, or is not the only owner") \
    X(cannot_install, 0x80090307, "SEC_E_CANNOT_INSTALL", "the security package could not be initialised") \
    X(invalid_token, 0x80090308, "SEC_E_INVALID_TOKEN", "the token is malformed, or a buffer that the call needs is missing") \
    X(cannot_pack, 0x80090309, "SEC_E_CANNOT_PACK", "the package cannot marshal the context or the logon data") \
    X(qop_not_supported, 0x8009030A, "SEC_E_QOP_NOT_SUPPORTED", "the message or the context does not have the protection asked for") \
    X(no_impersonation, 0x8009030B, "SEC_E_NO_IMPERSONATION", "the context has no client that could be impersonated") \
    X(logon_denied, 0x8009030C, "SEC_E_LOGON_DENIED", "the logon was refused: wrong name, wrong password or not allowed") \
    X(unknown_credentials, 0x8009030D, "SEC_E_UNKNOWN_CREDENTIALS", "the package does not recognise the credentials") \
    X(no_credentials, 0x8009030E, "SEC_E_NO_CREDENTIALS", "the package has no credentials to use") \
    X(message_altered, 0x8009030F, "SEC_E_MESSAGE_ALTERED", "the message or its signature was changed after it was protected") \
    X(out_of_sequence, 0x80090310, "SEC_E_OUT_OF_SEQUENCE", "the message is a repetition, or is not the next one") \
    X(no_authenticating_authority, 0x80090311, "SEC_E_NO_AUTHENTICATING_AUTHORITY", "no domain controller or KDC could be reached or trusted") \
    X(bad_pkgid, 0x80090316, "SEC_E_BAD_PKGID", "no package has this id") \
    X(context_expired, 0x80090317, "SEC_E_CONTEXT_EXPIRED", "the context's lifetime is over; establish a new one") \
    X(incomplete_message, 0x80090318, "SEC_E_INCOMPLETE_MESSAGE", "the input ends too early; call again when more of it has arrived") \
    X(incomplete_credentials, 0x80090320, "SEC_E_INCOMPLETE_CREDENTIALS", "the credentials do not suffice to establish the context") \
    X(buffer_too_small, 0x80090321, "SEC_E_BUFFER_TOO_SMALL", "an output buffer is too small") \
    X(wrong_principal, 0x80090322, "SEC_E_WRONG_PRINCIPAL", "the peer is not the principal that was asked for") \
    X(time_skew, 0x80090324, "SEC_E_TIME_SKEW", "the clocks of the two machines differ too much") \
    X(untrusted_root, 0x80090325, "SEC_E_UNTRUSTED_ROOT", "the certificate chain ends at an authority that is not trusted") \
    X(illegal_message, 0x80090326, "SEC_E_ILLEGAL_MESSAGE", "a message was not expected here or badly formatted") \
    X(cert_unknown, 0x80090327, "SEC_E_CERT_UNKNOWN", "the certificate could not be processed") \
    X(cert_expired, 0x80090328, "SEC_E_CERT_EXPIRED", "the certificate is not valid at this time") \
    X(encrypt_failure, 0x80090329, "SEC_E_ENCRYPT_FAILURE", "the message could not be encrypted") \
    X(decrypt_failure, 0x80090330, "SEC_E_DECRYPT_FAILURE", "the message could not be decrypted") \
    X(algorithm_mismatch, 0x80090331, "SEC_E_ALGORITHM_MISMATCH", "the two sides have no algorithm in common") \
    X(security_qos_failed, 0x80090332, "SEC_E_SECURITY_QOS_FAILED", "less was granted than is required, or NTLM was refused") \
    X(unfinished_context_deleted, 0x80090333, "SEC_E_UNFINISHED_CONTEXT_DELETED", "the context was deleted before its handshake was complete") \
    X(no_tgt_reply, 0x80090334, "SEC_E_NO_TGT_REPLY", "the peer did not send the ticket that user-to-user authentication needs") \
    X(no_ip_addresses, 0x80090335, "SEC_E_NO_IP_ADDRESSES", "this machine has no network address to put into the request") \
    X(wrong_credential_handle, 0x80090336, "SEC_E_WRONG_CREDENTIAL_HANDLE", "the context was started with other credentials") \
    X(crypto_system_invalid, 0x80090337, "SEC_E_CRYPTO_SYSTEM_INVALID", "the cipher or checksum of this context is not available") \
    X(max_referrals_exceeded, 0x80090338, "SEC_E_MAX_REFERRALS_EXCEEDED", "the KDCs referred to one another too often") \
    X(must_be_kdc, 0x80090339, "SEC_E_MUST_BE_KDC", "only a domain controller can do this") \
    X(strong_crypto_not_supported, 0x8009033A, "SEC_E_STRONG_CRYPTO_NOT_SUPPORTED", "the peer demands stronger cryptography than this machine has") \
    X(too_many_principals, 0x8009033B, "SEC_E_TOO_MANY_PRINCIPALS", "the KDC's answer names more than one principal") \
    X(no_pa_data, 0x8009033C, "SEC_E_NO_PA_DATA", "the KDC's answer lacks the pre-authentication data that was expected") \
    X(pkinit_name_mismatch, 0x8009033D, "SEC_E_PKINIT_NAME_MISMATCH", "the client certificate does not carry the user's name") \
    X(smartcard_logon_required, 0x8009033E, "SEC_E_SMARTCARD_LOGON_REQUIRED", "the account may log on with a smart card only") \
    X(shutdown_in_progress, 0x8009033F, "SEC_E_SHUTDOWN_IN_PROGRESS", "the system is shutting down") \
    X(kdc_invalid_request, 0x80090340, "SEC_E_KDC_INVALID_REQUEST", "the KDC was sent a request that it does not accept") \
    X(kdc_unable_to_refer, 0x80090341, "SEC_E_KDC_UNABLE_TO_REFER", "the KDC knows no other KDC for the service") \
    X(kdc_unknown_etype, 0x80090342, "SEC_E_KDC_UNKNOWN_ETYPE", "the KDC does not support the encryption type") \
    X(unsupported_preauth, 0x80090343, "SEC_E_UNSUPPORTED_PREAUTH", "the KDC asks for a pre-authentication that the package does not know") \
    X(delegation_required, 0x80090345, "SEC_E_DELEGATION_REQUIRED", "this needs a delegated identity, and the client's was not delegated") \
    X(bad_bindings, 0x80090346, "SEC_E_BAD_BINDINGS", "the channel bindings are missing or belong to another channel") \
    X(multiple_accounts, 0x80090347, "SEC_E_MULTIPLE_ACCOUNTS", "the name or certificate belongs to more than one account") \
    X(no_kerb_key, 0x80090348, "SEC_E_NO_KERB_KEY", "there is no Kerberos key for the account") \
    X(cert_wrong_usage, 0x80090349, "SEC_E_CERT_WRONG_USAGE", "the certificate is not meant for this use") \
    X(downgrade_detected, 0x80090350, "SEC_E_DOWNGRADE_DETECTED", "someone may have tried to weaken the authentication") \
    X(smartcard_cert_revoked, 0x80090351, "SEC_E_SMARTCARD_CERT_REVOKED", "the smart card's certificate was revoked") \
    X(issuing_ca_untrusted, 0x80090352, "SEC_E_ISSUING_CA_UNTRUSTED", "the authority that issued the smart card's certificate is not trusted") \
    X(revocation_offline_c, 0x80090353, "SEC_E_REVOCATION_OFFLINE_C", "whether the smart card's certificate was revoked could not be found out") \
    X(pkinit_client_failure, 0x80090354, "SEC_E_PKINIT_CLIENT_FAILURE", "the smart card's certificate is not trusted") \
    X(smartcard_cert_expired, 0x80090355, "SEC_E_SMARTCARD_CERT_EXPIRED", "the smart card's certificate is not valid any more") \
    X(no_s4u_prot_support, 0x80090356, "SEC_E_NO_S4U_PROT_SUPPORT", "the domain cannot act for a user without his credentials") \
    X(crossrealm_delegation_failure, 0x80090357, "SEC_E_CROSSREALM_DELEGATION_FAILURE", "constrained delegation does not reach into another realm") \
    X(revocation_offline_kdc, 0x80090358, "SEC_E_REVOCATION_OFFLINE_KDC", "whether the KDC's certificate was revoked could not be found out") \
    X(issuing_ca_untrusted_kdc, 0x80090359, "SEC_E_ISSUING_CA_UNTRUSTED_KDC", "the authority that issued the KDC's certificate is not trusted") \
    X(kdc_cert_expired, 0x8009035A, "SEC_E_KDC_CERT_EXPIRED", "the KDC's certificate is not valid any more") \
    X(kdc_cert_revoked, 0x8009035B, "SEC_E_KDC_CERT_REVOKED", "the KDC's certificate was revoked") \
    X(invalid_parameter, 0x8009035D, "SEC_E_INVALID_PARAMETER", "an argument is not valid: it is too long, overlaps another or contradicts one") \
    X(delegation_policy, 0x8009035E, "SEC_E_DELEGATION_POLICY", "the client's policy forbids delegating to this target") \
    X(policy_nltm_only, 0x8009035F, "SEC_E_POLICY_NLTM_ONLY", "the client's policy forbids delegating over NTLM") \
    X(no_context, 0x80090361, "SEC_E_NO_CONTEXT", "there is no security context for the operation") \
    X(pku2u_cert_failure, 0x80090362, "SEC_E_PKU2U_CERT_FAILURE", "a certificate could not be used for peer-to-peer authentication") \
    X(mutual_auth_failed, 0x80090363, "SEC_E_MUTUAL_AUTH_FAILED", "the server could not prove who it is") \
    X(only_https_allowed, 0x80090365, "SEC_E_ONLY_HTTPS_ALLOWED", "only https addresses are accepted") \
    X(application_protocol_mismatch, 0x80090367, "SEC_E_APPLICATION_PROTOCOL_MISMATCH", "the two sides have no application protocol in common") \
    X(invalid_upn_name, 0x80090369, "SEC_E_INVALID_UPN_NAME", "the user name must have the form name@domain") \
    X(ext_buffer_too_small, 0x8009036A, "SEC_E_EXT_BUFFER_TOO_SMALL", "the buffer for a TLS extension is too small") \
    X(insufficient_buffers, 0x8009036B, "SEC_E_INSUFFICIENT_BUFFERS", "the call was given too few buffers")

/// The statuses that are not failures.
#define SSPAN_SEC_I(X) \
    X(ok, 0x00000000, "SEC_E_OK", "success") \
    X(continue_needed, 0x00090312, "SEC_I_CONTINUE_NEEDED", "the handshake needs another token from the peer") \
    X(complete_needed, 0x00090313, "SEC_I_COMPLETE_NEEDED", "the token must be completed before it is sent") \
    X(complete_and_continue, 0x00090314, "SEC_I_COMPLETE_AND_CONTINUE", "the token must be completed, and the handshake goes on") \
    X(local_logon, 0x00090315, "SEC_I_LOCAL_LOGON", "the logon was made from cached knowledge, no authority was asked") \
    X(generic_extension_received, 0x00090316, "SEC_I_GENERIC_EXTENSION_RECEIVED", "a TLS extension that was waited for has arrived") \
    X(context_expired, 0x00090317, "SEC_I_CONTEXT_EXPIRED", "the peer has closed its side of the connection") \
    X(incomplete_credentials, 0x00090320, "SEC_I_INCOMPLETE_CREDENTIALS", "the server asks for credentials that the client has not given") \
    X(renegotiate, 0x00090321, "SEC_I_RENEGOTIATE", "the peer wants a new handshake") \
    X(no_lsa_context, 0x00090323, "SEC_I_NO_LSA_CONTEXT", "the local security authority has no part in this context") \
    X(signature_needed, 0x0009035C, "SEC_I_SIGNATURE_NEEDED", "a signature must be made before the handshake can go on") \
    X(no_renegotiation, 0x00090360, "SEC_I_NO_RENEGOTIATION", "the peer refuses a new handshake") \
    X(message_fragment, 0x00090364, "SEC_I_MESSAGE_FRAGMENT", "the token is a part only; call again for the rest") \
    X(continue_needed_message_ok, 0x00090366, "SEC_I_CONTINUE_NEEDED_MESSAGE_OK", "the handshake goes on, and data may be sent already") \
    X(async_call_pending, 0x00090368, "SEC_I_ASYNC_CALL_PENDING", "the call has not ended yet")

// clang-format on

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// The statuses that are not failures, as constants.
namespace sec_i {
#define SSPAN_ROW(name, value, symbol, meaning) inline constexpr SECURITY_STATUS name = value;
SSPAN_SEC_I(SSPAN_ROW)
#undef SSPAN_ROW
} // namespace sec_i

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
