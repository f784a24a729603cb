// SPDX-License-Identifier: MIT
//
// What FreeRDP's WinPR, measured in version 3.15, does otherwise than SSPI: corrected here, in front of it, or refused with
// SEC_E_UNSUPPORTED_FUNCTION.
#pragma once

#include "platform.hpp"

#if !defined(_WIN32)

#include "rfc4121.hpp"
#include "substitute.hpp"

#include <algorithm> // std::ranges::copy
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new> // std::nothrow
#include <span>

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
    if ((WINPR_VERSION_MAJOR < 3 && has_bindings(input)) || (request & unheeded_by_initialize) != 0) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
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
    if (has_bindings(input) || (request & unheeded_by_accept) != 0) { // no server compares them
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    *attributes = not_reported;
    const std::scoped_lock mine{turn(credential)};
    const auto status = theirs().AcceptSecurityContext(credential, context, input, request, representation, new_context,
                                                       output, attributes, expiry);
    set_granted(status, request, ASC_REQ_INTEGRITY, *attributes);
    forget_failed(status, context, new_context);
    return status;
}

/// Refuses two requests that WinPR ignores: a list of packages (Negotiate uses NTLM although the list excludes it), and
/// SECPKG_CRED_AUTOLOGON_RESTRICTED.
inline SECURITY_STATUS SEC_ENTRY acquire(SEC_WCHAR* principal, SEC_WCHAR* name, ULONG use, void* logon_id,
                                         void* auth_data, SEC_GET_KEY_FN get_key, void* argument,
                                         CredHandle* credential, TimeStamp* expiry) noexcept {
    constexpr ULONG autologon_restricted = 0x00000010; // SECPKG_CRED_AUTOLOGON_RESTRICTED
    if ((use & autologon_restricted) != 0 || has_package_list(auth_data)) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    return theirs().AcquireCredentialsHandleW(principal, name, use, logon_id, auth_data, get_key, argument, credential,
                                              expiry);
}

/// A security context, and how many messages went through it in each direction, which no package counts. The two threads
/// of a context each write a cache line of their own.
struct context : CtxtHandle {
    context() noexcept : CtxtHandle{0, 0} {}
    context(const CtxtHandle& handle) noexcept // NOLINT(google-explicit-constructor): it is that handle
        : CtxtHandle{handle} {}

    alignas(64) std::uint32_t sent = 0;
    alignas(64) std::uint32_t received = 0;
};

/// How long the token of an encrypted message is: what tells NTLM from Kerberos.
[[nodiscard]] inline SECURITY_STATUS query_token_size(CtxtHandle* context, std::size_t& size) noexcept {
    SecPkgContext_Sizes sizes{};
    const auto status = theirs().QueryContextAttributesW(context, SECPKG_ATTR_SIZES, &sizes);
    size = sizes.cbSecurityTrailer;
    return status;
}
inline constexpr ULONG ntlms_token_size = 16;

/// Calls `call` with one piece of data and the caller's token.
template <class Call>
[[nodiscard]] SECURITY_STATUS with_one_piece(message_parts& parts, Call call) noexcept {
    if (parts.token == nullptr || !parts.gather()) {
        return parts.token == nullptr ? SEC_E_INVALID_TOKEN : SEC_E_INSUFFICIENT_MEMORY;
    }
    SecBuffer buffers[]{one_buffer(SECBUFFER_DATA, parts.piece()), *parts.token};
    SecBufferDesc message{SECBUFFER_VERSION, 2, buffers};
    const auto status = call(message);
    parts.token->cbBuffer = buffers[1].cbBuffer;
    return status;
}

/// What a peer has altered, Kerberos often calls an error of its own.
[[nodiscard]] inline SECURITY_STATUS verdict(SECURITY_STATUS status) noexcept {
    return status == SEC_E_INTERNAL_ERROR ? SEC_E_MESSAGE_ALTERED : status;
}

inline SECURITY_STATUS sign(context* context, ULONG quality, SecBufferDesc* message, ULONG) noexcept {
    message_parts parts{*message};
    const auto status = with_one_piece(
        parts, [&](SecBufferDesc& one) { return theirs().MakeSignature(context, quality, &one, context->sent); });
    context->sent += status == SEC_E_OK ? 1 : 0;
    return status;
}

/// NTLM reads 16 bytes of a signature, even if there are fewer.
inline SECURITY_STATUS verify(context* context, SecBufferDesc* message, ULONG, ULONG* quality) noexcept {
    message_parts parts{*message};
    if (parts.token == nullptr || parts.token->cbBuffer < ntlms_token_size) {
        return SEC_E_INVALID_TOKEN;
    }
    const auto status = with_one_piece(
        parts, [&](SecBufferDesc& one) { return theirs().VerifySignature(context, &one, context->received, quality); });
    context->received += status == SEC_E_OK ? 1 : 0;
    return verdict(status);
}

/// Nobody says how much of a larger token was filled, so it gets what the package announces.
inline SECURITY_STATUS encrypt(context* context, ULONG quality, SecBufferDesc* message, ULONG) noexcept {
    message_parts parts{*message};
    if (parts.has_header || parts.data == nullptr || parts.token == nullptr) {
        return parts.has_header ? SEC_E_UNSUPPORTED_FUNCTION : SEC_E_INVALID_TOKEN;
    }
    std::size_t size = 0;
    if (const auto status = query_token_size(context, size); status != SEC_E_OK) {
        return status;
    }
    if (parts.token->cbBuffer < size) {
        return SEC_E_BUFFER_TOO_SMALL;
    }
    parts.token->cbBuffer = static_cast<ULONG>(size);
    const auto status = with_one_piece(
        parts, [&](SecBufferDesc& one) { return theirs().EncryptMessage(context, quality, &one, context->sent); });
    parts.scatter();
    context->sent += status == SEC_E_OK ? 1 : 0;
    return status;
}

/// Kerberos takes one rotation only, and no filler; it reads and writes as far behind the token as a filler says. It has
/// no messages that are only signed. `wire` is the whole message, `token` the size of its token.
[[nodiscard]] inline SECURITY_STATUS to_kerberos(std::span<std::byte> wire, std::size_t token) noexcept {
    using namespace rfc4121;
    if (is_wrapped(wire) && !is_sealed(wire)) {
        return SEC_E_QOP_NOT_SUPPORTED;
    }
    if (!is_wrapped(wire) || extra_count(wire) != 0 || wire.size() < token ||
        token < 2 * header_size + confounder_size) {
        return SEC_E_INVALID_TOKEN;
    }
    rotate(wire, token - header_size - confounder_size);
    return SEC_E_OK;
}

[[nodiscard]] inline SECURITY_STATUS open(context* context, std::span<std::byte> token, std::span<std::byte> data,
                                          ULONG* quality) noexcept {
    SecBuffer buffers[]{one_buffer(SECBUFFER_DATA, data), one_buffer(SECBUFFER_TOKEN, token)};
    SecBufferDesc message{SECBUFFER_VERSION, 2, buffers};
    const auto status = theirs().DecryptMessage(context, &message, context->received, quality);
    context->received += status == SEC_E_OK ? 1 : 0;
    return verdict(status);
}

inline SECURITY_STATUS decrypt(context* context, SecBufferDesc* message, ULONG, ULONG* quality) noexcept {
    message_parts parts{*message};
    if (parts.data == nullptr || parts.has_header) {
        return parts.has_header ? SEC_E_UNSUPPORTED_FUNCTION : SEC_E_INVALID_TOKEN;
    }
    std::size_t size = 0;
    if (const auto status = query_token_size(context, size); status != SEC_E_OK) {
        return status;
    }
    const bool is_kerberos = size != ntlms_token_size;
    if (parts.stream != nullptr) {
        const std::span wire{static_cast<std::byte*>(parts.stream->pvBuffer), parts.stream->cbBuffer};
        auto status = is_kerberos ? to_kerberos(wire, size) : SEC_E_OK;
        if (status == SEC_E_OK) {
            status =
                wire.size() < size ? SEC_E_INVALID_TOKEN : open(context, wire.first(size), wire.subspan(size), quality);
        }
        if (status == SEC_E_OK) {
            *parts.data = one_buffer(SECBUFFER_DATA, wire.subspan(size));
        }
        return status;
    }
    if (parts.token == nullptr || parts.token->cbBuffer < ntlms_token_size) {
        return SEC_E_INVALID_TOKEN;
    }
    const std::span token{static_cast<std::byte*>(parts.token->pvBuffer), parts.token->cbBuffer};
    if (is_kerberos) {
        if (rfc4121::is_wrapped(token) && !rfc4121::is_sealed(token)) {
            return SEC_E_QOP_NOT_SUPPORTED;
        }
        if (token.size() != size) {
            return SEC_E_MESSAGE_ALTERED;
        }
    }
    if (!parts.gather()) {
        return SEC_E_INSUFFICIENT_MEMORY;
    }
    const auto data = parts.piece();
    if (is_kerberos && rfc4121::rotation(token) != size - rfc4121::header_size - rfc4121::confounder_size) {
        // A peer may have rotated it otherwise.
        const std::unique_ptr<std::byte[]> whole{new (std::nothrow) std::byte[size + data.size()]};
        if (!whole) {
            return SEC_E_INSUFFICIENT_MEMORY;
        }
        const std::span wire{whole.get(), size + data.size()};
        std::ranges::copy(token, wire.begin());
        std::ranges::copy(data, wire.begin() + static_cast<std::ptrdiff_t>(size));
        const auto status = to_kerberos(wire, size);
        if (status != SEC_E_OK) {
            return status;
        }
        std::ranges::copy(wire.first(size), token.begin());
        std::ranges::copy(wire.subspan(size), data.begin());
    } else if (is_kerberos && (!rfc4121::is_wrapped(token) || rfc4121::extra_count(token) != 0)) {
        return SEC_E_INVALID_TOKEN;
    }
    const auto status = open(context, token, data, quality);
    parts.scatter();
    return status;
}

/// It says SEC_E_OK, and no name.
inline SECURITY_STATUS query_credentials(CredHandle*, ULONG, void*) noexcept {
    return SEC_E_UNSUPPORTED_FUNCTION;
}

/// WinPR 2 has no such function; 3.15 remembers the name of a KDC's proxy without ever using it.
inline SECURITY_STATUS set_credentials(CredHandle*, ULONG, void*, ULONG) noexcept {
    return SEC_E_UNSUPPORTED_FUNCTION;
}

/// As WinPR answers, but that nobody pads.
inline SECURITY_STATUS query_context(CtxtHandle* context, ULONG attribute, void* buffer) noexcept {
    const auto status = theirs().QueryContextAttributesW(context, attribute, buffer);
    if (attribute == SECPKG_ATTR_SIZES && status == SEC_E_OK) {
        static_cast<SecPkgContext_Sizes*>(buffer)->cbBlockSize = 0;
    }
    return status;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::winpr

#endif
