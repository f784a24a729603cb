// SPDX-License-Identifier: MIT
//
// Corrects differences between FreeRDP's WinPR and SSPI, or refuses with SEC_E_UNSUPPORTED_FUNCTION. Measured in
// version 3.15.
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

/// Returns WinPR's own functions. WinPR exports the wide functions only through this table.
inline const SecurityFunctionTableW& theirs() noexcept {
    return *::InitSecurityInterfaceExW(0);
}

/// Returns the mutex that a step over these credentials must hold. All handshakes over the same credentials share one
/// krb5_context, which is not thread-safe and not locked by WinPR.
inline std::mutex& turn(const CredHandle* credential) noexcept {
    static std::array<std::mutex, 61> turns; // credentials may share a mutex, which only costs time
    return turns[credential->dwLower % turns.size()];
}

inline constexpr ULONG not_reported = ~ULONG{0};

/// Sets the flags that a step has granted. NTLM, and Kerberos on clients, report nothing: a complete context has the
/// requested flags that the package supports. On servers, Kerberos reports flags that it does not support.
inline void set_granted(SECURITY_STATUS status, ULONG request, ULONG integrity, ULONG& attributes) noexcept {
    if (attributes == not_reported) {
        const auto kept =
            ISC_REQ_MUTUAL_AUTH | ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT | ISC_REQ_CONFIDENTIALITY | integrity;
        attributes = status == SEC_E_OK ? request & kept : 0;
    }
    attributes &= ~ULONG{ISC_RET_DELEGATE}; // it does not delegate tickets
    if ((attributes & ISC_RET_SEQUENCE_DETECT) == 0) {
        attributes &= ~ULONG{ISC_RET_REPLAY_DETECT}; // only sequence detection checks the numbers
    }
}

/// Deletes the context that NTLM leaves after a failed first step. Callers of SSPI do not expect one.
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
    const std::scoped_lock<std::mutex> mine{turn(credential)};
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
    if (has_bindings(input) || (request & unheeded_by_accept) != 0) { // servers do not compare them
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    *attributes = not_reported;
    const std::scoped_lock<std::mutex> mine{turn(credential)};
    const auto status = theirs().AcceptSecurityContext(credential, context, input, request, representation, new_context,
                                                       output, attributes, expiry);
    set_granted(status, request, ASC_REQ_INTEGRITY, *attributes);
    forget_failed(status, context, new_context);
    return status;
}

/// Refuses two requests that WinPR ignores: SECPKG_CRED_AUTOLOGON_RESTRICTED, and a list of packages. Negotiate would
/// use NTLM although the list excludes it.
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

/// A security context with its numbers of messages in each direction, which WinPR's packages do not count. Each number
/// has its own cache line, because two threads write them.
struct context : CtxtHandle {
    context() noexcept : CtxtHandle{0, 0} {}
    context(const CtxtHandle& handle) noexcept // NOLINT(google-explicit-constructor): it is that handle
        : CtxtHandle{handle} {}

    alignas(64) std::uint32_t sent = 0;
    alignas(64) std::uint32_t received = 0;
};

/// Sets the size of the token of an encrypted message. It distinguishes NTLM from Kerberos.
[[nodiscard]] inline SECURITY_STATUS query_token_size(CtxtHandle* context, std::size_t& size) noexcept {
    SecPkgContext_Sizes sizes{};
    const auto status = theirs().QueryContextAttributesW(context, SECPKG_ATTR_SIZES, &sizes);
    size = sizes.cbSecurityTrailer;
    return status;
}
inline constexpr ULONG ntlms_token_size = 16;

/// Calls `call` with the data in one piece and the caller's token.
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

/// Converts SEC_E_INTERNAL_ERROR, which Kerberos often returns for altered messages, to SEC_E_MESSAGE_ALTERED.
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

/// Passes exactly the announced token size, because WinPR does not report the used part of a larger one.
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

/// Rotates a message to the only rotation that WinPR's Kerberos accepts, and refuses a filler: Kerberos would access
/// memory behind the token. It also refuses messages that are only signed, which WinPR does not support. `wire` is the
/// whole message, `token` the size of its token.
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
        // The peer may have used another rotation.
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

/// WinPR returns SEC_E_OK without a name.
inline SECURITY_STATUS query_credentials(CredHandle*, ULONG, void*) noexcept {
    return SEC_E_UNSUPPORTED_FUNCTION;
}

/// WinPR 2 has no such function. WinPR 3.15 stores the name of a KDC proxy, but never uses it.
inline SECURITY_STATUS set_credentials(CredHandle*, ULONG, void*, ULONG) noexcept {
    return SEC_E_UNSUPPORTED_FUNCTION;
}

/// Sets the block size to 0, because WinPR never pads.
inline SECURITY_STATUS query_context(CtxtHandle* context, ULONG attribute, void* buffer) noexcept {
    const auto status = theirs().QueryContextAttributesW(context, attribute, buffer);
    if (attribute == SECPKG_ATTR_SIZES && status == SEC_E_OK) {
        static_cast<SecPkgContext_Sizes*>(buffer)->cbBlockSize = 0;
    }
    return status;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::winpr

#endif
