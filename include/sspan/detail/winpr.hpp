// SPDX-License-Identifier: MIT
//
// What FreeRDP's WinPR, measured in version 3.15, leaves to its callers and SSPI does not: done here, in front of it.
#pragma once

#include "platform.hpp"

#if !defined(_WIN32)

#include <array>
#include <mutex>

namespace sspan::inline SSPAN_API_NAMESPACE::detail::winpr {

/// WinPR's own functions. It exports the wide ones through this table only.
inline const SecurityFunctionTableW& theirs() noexcept {
    return *::InitSecurityInterfaceExW(0);
}

/// Kerberos has one krb5_context for all handshakes over the same credentials. No two threads may use that at the same
/// time, and nobody in there sees to it, so these take turns, each as long as its step lasts.
inline std::mutex& turn(const CredHandle* credential) noexcept {
    static std::array<std::mutex, 61> turns; // other credentials may share one, which costs time only
    return turns[credential->dwLower % turns.size()];
}

inline constexpr ULONG not_reported = ~ULONG{0};

/// What a step has granted. NTLM, and Kerberos to clients, report nothing: such a context, once it is complete, does
/// what it was asked for, in so far as the package can. Of what Kerberos reports to servers, it does not do all.
inline void set_granted(SECURITY_STATUS status, ULONG request, ULONG integrity, ULONG& attributes) noexcept {
    if (attributes == not_reported) {
        const auto kept =
            ISC_REQ_MUTUAL_AUTH | ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT | ISC_REQ_CONFIDENTIALITY | integrity;
        attributes = status == SEC_E_OK ? request & kept : 0;
    }
    attributes &= ~ULONG{ISC_RET_DELEGATE}; // it takes no tickets along
    if ((attributes & ISC_RET_SEQUENCE_DETECT) == 0) {
        attributes &= ~ULONG{ISC_RET_REPLAY_DETECT}; // what looks at the numbers is sequence detection
    }
}

/// NTLM leaves a context behind when the first step fails, which SSPI's callers do not expect.
inline void forget_failed(SECURITY_STATUS status, const CtxtHandle* context, CtxtHandle* new_context) noexcept {
    if (status < 0 && context == nullptr && (new_context->dwLower | new_context->dwUpper) != 0) {
        theirs().DeleteSecurityContext(new_context);
        *new_context = {0, 0};
    }
}

inline SECURITY_STATUS SEC_ENTRY initialize(CredHandle* credential, CtxtHandle* context, SEC_WCHAR* target,
                                            ULONG request, ULONG reserved1, ULONG representation, SecBufferDesc* input,
                                            ULONG reserved2, CtxtHandle* new_context, SecBufferDesc* output,
                                            ULONG* attributes, TimeStamp* expiry) noexcept {
    *attributes = not_reported;
    const std::scoped_lock mine{turn(credential)};
    const auto status =
        theirs().InitializeSecurityContextW(credential, context, target, request, reserved1, representation, input,
                                            reserved2, new_context, output, attributes, expiry);
    set_granted(status, request, ISC_REQ_INTEGRITY, *attributes);
    forget_failed(status, context, new_context);
    return status;
}

inline SECURITY_STATUS SEC_ENTRY accept(CredHandle* credential, CtxtHandle* context, SecBufferDesc* input,
                                        ULONG request, ULONG representation, CtxtHandle* new_context,
                                        SecBufferDesc* output, ULONG* attributes, TimeStamp* expiry) noexcept {
    *attributes = not_reported;
    const std::scoped_lock mine{turn(credential)};
    const auto status = theirs().AcceptSecurityContext(credential, context, input, request, representation, new_context,
                                                       output, attributes, expiry);
    set_granted(status, request, ASC_REQ_INTEGRITY, *attributes);
    forget_failed(status, context, new_context);
    return status;
}

/// NTLM takes SECBUFFER_PADDING for the data, and would leave those as they are; no package says how much of a larger
/// token it has filled. No package pads.
inline SECURITY_STATUS SEC_ENTRY encrypt(CtxtHandle* context, ULONG quality, SecBufferDesc* message,
                                         ULONG number) noexcept {
    SecPkgContext_Sizes sizes{};
    if (const auto status = theirs().QueryContextAttributesW(context, SECPKG_ATTR_SIZES, &sizes); status < 0) {
        return status;
    }
    for (ULONG i = 0; i != message->cBuffers; ++i) {
        auto& buffer = message->pBuffers[i];
        if (buffer.BufferType == SECBUFFER_PADDING) {
            buffer = {0, SECBUFFER_EMPTY, nullptr};
        } else if (buffer.BufferType == SECBUFFER_TOKEN && buffer.cbBuffer > sizes.cbSecurityTrailer) {
            buffer.cbBuffer = sizes.cbSecurityTrailer;
        }
    }
    return theirs().EncryptMessage(context, quality, message, number);
}

/// Whether a peer's token is safe to be looked at: NTLM reads 16 bytes even if there are fewer, and Kerberos reads and
/// writes as far behind its token as the "extra count" in there says (RFC 4121, 4.2.3), which it supports as 0 only.
inline bool is_safe(const SecBufferDesc& message) noexcept {
    for (ULONG i = 0; i != message.cBuffers; ++i) {
        const auto& buffer = message.pBuffers[i];
        if (buffer.BufferType == SECBUFFER_TOKEN) {
            const auto* const bytes = static_cast<const unsigned char*>(buffer.pvBuffer);
            if (buffer.cbBuffer < 16 || (bytes[0] == 5 && bytes[1] == 4 && (bytes[4] | bytes[5]) != 0)) {
                return false;
            }
        }
    }
    return true;
}

inline SECURITY_STATUS SEC_ENTRY verify(CtxtHandle* context, SecBufferDesc* message, ULONG number,
                                        ULONG* quality) noexcept {
    return is_safe(*message) ? theirs().VerifySignature(context, message, number, quality) : SEC_E_INVALID_TOKEN;
}

inline SECURITY_STATUS SEC_ENTRY decrypt(CtxtHandle* context, SecBufferDesc* message, ULONG number,
                                         ULONG* quality) noexcept {
    return is_safe(*message) ? theirs().DecryptMessage(context, message, number, quality) : SEC_E_INVALID_TOKEN;
}

/// It says SEC_E_OK, and no name.
inline SECURITY_STATUS SEC_ENTRY query_credentials(CredHandle*, ULONG, void*) noexcept {
    return SEC_E_UNSUPPORTED_FUNCTION;
}

/// WinPR 2 has no such function; 3.15 remembers the name of a KDC's proxy without ever using it.
inline SECURITY_STATUS SEC_ENTRY set_credentials(CredHandle*, ULONG, void*, ULONG) noexcept {
    return SEC_E_UNSUPPORTED_FUNCTION;
}

/// Theirs, with ours in front.
inline const SecurityFunctionTableW& functions() noexcept {
    static const SecurityFunctionTableW table = [] {
        auto ours = theirs();
        ours.InitializeSecurityContextW = initialize;
        ours.AcceptSecurityContext = accept;
        ours.EncryptMessage = encrypt;
        ours.VerifySignature = verify;
        ours.DecryptMessage = decrypt;
        ours.QueryCredentialsAttributesW = query_credentials;
        return ours;
    }();
    return table;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::winpr

#endif
