// SPDX-License-Identifier: MIT
//
// The only file, with system.hpp, that calls the operating system: one function per call of calls.hpp. The functions
// behave like SSPI in Microsoft's documentation; wine.hpp and winpr.hpp correct the differences of the two substitutes.
// A test program supplies its own functions by defining SSPAN_API_HEADER. That header defines them inline, or it
// defines SSPAN_API_LINKAGE as nothing and a source file defines them.
#pragma once

#include "calls.hpp"
#include "platform.hpp"

#if !defined(SSPAN_API_HEADER)
#include "system.hpp"
#include "wine.hpp"
#include "wine_messages.hpp"
#include "winpr.hpp"
#endif

#include <cstddef> // std::size_t
#include <cstdint>

namespace sspan::inline SSPAN_API_NAMESPACE::detail::api {

/// The handle type of the message calls.
#if defined(_WIN32) || defined(SSPAN_API_HEADER)
using message_context = CtxtHandle;
#else
using message_context = winpr::context;
#endif

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::api

#if defined(SSPAN_API_HEADER)
#include SSPAN_API_HEADER
#endif
#if !defined(SSPAN_API_LINKAGE)
#define SSPAN_API_LINKAGE inline
#endif

namespace sspan::inline SSPAN_API_NAMESPACE::detail::api {

#define SSPAN_DECLARE(result, name, os_name, parameters) result SSPAN_API_LINKAGE name parameters noexcept;
SSPAN_OS_CALLS(SSPAN_DECLARE)
#undef SSPAN_DECLARE

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::api

#if !defined(SSPAN_API_HEADER)

// Windows exports functions by name, WinPR in a table. Functions of substitutes that behave differently are corrected.
#if defined(_WIN32)
#define SSPAN_OS(function) ::function
#define SSPAN_CORRECTED(function, correction)                                                                          \
    (wine::is_running() ? static_cast<decltype(&::function)>(&wine::correction) : &::function)
#else
#define SSPAN_OS(function) winpr::theirs().function
#define SSPAN_CORRECTED(function, correction) winpr::correction
#endif

namespace sspan::inline SSPAN_API_NAMESPACE::detail::api {

// SSPI only reads these strings, although its prototypes omit const.
inline SEC_WCHAR* unconst(const SEC_WCHAR* text) noexcept {
    return const_cast<SEC_WCHAR*>(text);
}

inline SECURITY_STATUS enumerate_security_packages(ULONG* count, SecPkgInfoW** packages) noexcept {
    return SSPAN_OS(EnumerateSecurityPackagesW)(count, packages);
}

inline SECURITY_STATUS query_security_package_info(const SEC_WCHAR* package, SecPkgInfoW** info) noexcept {
    return SSPAN_OS(QuerySecurityPackageInfoW)(unconst(package), info);
}

inline SECURITY_STATUS free_context_buffer(void* buffer) noexcept {
    return SSPAN_OS(FreeContextBuffer)(buffer);
}

inline SECURITY_STATUS acquire_credentials_handle(const SEC_WCHAR* principal, const SEC_WCHAR* package, ULONG use,
                                                  void* auth_data, CredHandle* credential, TimeStamp* expiry) noexcept {
    return SSPAN_CORRECTED(AcquireCredentialsHandleW, acquire)(unconst(principal), unconst(package), use, nullptr,
                                                               auth_data, nullptr, nullptr, credential, expiry);
}

inline SECURITY_STATUS free_credentials_handle(CredHandle* credential) noexcept {
    return SSPAN_OS(FreeCredentialsHandle)(credential);
}

inline SECURITY_STATUS query_credentials_attributes(CredHandle* credential, ULONG attribute, void* buffer) noexcept {
#if defined(_WIN32)
    return ::QueryCredentialsAttributesW(credential, attribute, buffer);
#else
    return winpr::query_credentials(credential, attribute, buffer);
#endif
}

inline SECURITY_STATUS set_credentials_attributes(CredHandle* credential, ULONG attribute, void* buffer,
                                                  ULONG size) noexcept {
#if defined(_WIN32)
    return ::SetCredentialsAttributesW(credential, attribute, buffer, size);
#else
    return winpr::set_credentials(credential, attribute, buffer, size);
#endif
}

inline SECURITY_STATUS initialize_security_context(CredHandle* credential, CtxtHandle* context, const SEC_WCHAR* target,
                                                   ULONG request, ULONG data_representation, SecBufferDesc* input,
                                                   CtxtHandle* new_context, SecBufferDesc* output, ULONG* attributes,
                                                   TimeStamp* expiry) noexcept {
    return SSPAN_CORRECTED(InitializeSecurityContextW, initialize)(credential, context, unconst(target), request, 0,
                                                                   data_representation, input, 0, new_context, output,
                                                                   attributes, expiry);
}

inline SECURITY_STATUS accept_security_context(CredHandle* credential, CtxtHandle* context, SecBufferDesc* input,
                                               ULONG request, ULONG data_representation, CtxtHandle* new_context,
                                               SecBufferDesc* output, ULONG* attributes, TimeStamp* expiry) noexcept {
    return SSPAN_CORRECTED(AcceptSecurityContext, accept)(credential, context, input, request, data_representation,
                                                          new_context, output, attributes, expiry);
}

inline SECURITY_STATUS complete_auth_token(CtxtHandle* context, SecBufferDesc* token) noexcept {
    return SSPAN_OS(CompleteAuthToken)(context, token);
}

inline SECURITY_STATUS delete_security_context(CtxtHandle* context) noexcept {
    return SSPAN_OS(DeleteSecurityContext)(context);
}

inline SECURITY_STATUS query_context_attributes(CtxtHandle* context, ULONG attribute, void* buffer) noexcept {
    return SSPAN_CORRECTED(QueryContextAttributesW, query_context)(context, attribute, buffer);
}

inline SECURITY_STATUS make_signature(message_context* context, ULONG quality, SecBufferDesc* message,
                                      ULONG sequence_number) noexcept {
    return SSPAN_CORRECTED(MakeSignature, sign)(context, quality, message, sequence_number);
}

inline SECURITY_STATUS verify_signature(message_context* context, SecBufferDesc* message, ULONG sequence_number,
                                        ULONG* quality) noexcept {
    return SSPAN_CORRECTED(VerifySignature, verify)(context, message, sequence_number, quality);
}

inline SECURITY_STATUS encrypt_message(message_context* context, ULONG quality, SecBufferDesc* message,
                                       ULONG sequence_number) noexcept {
    return SSPAN_CORRECTED(EncryptMessage, encrypt)(context, quality, message, sequence_number);
}

inline SECURITY_STATUS decrypt_message(message_context* context, SecBufferDesc* message, ULONG sequence_number,
                                       ULONG* quality) noexcept {
    return SSPAN_CORRECTED(DecryptMessage, decrypt)(context, message, sequence_number, quality);
}

inline SECURITY_STATUS export_security_context(CtxtHandle* context, ULONG flags, SecBuffer* packed,
                                               HANDLE* token) noexcept {
    return SSPAN_OS(ExportSecurityContext)(context, flags, packed, token);
}

inline SECURITY_STATUS import_security_context(const SEC_WCHAR* package, SecBuffer* packed, HANDLE token,
                                               CtxtHandle* context) noexcept {
    return SSPAN_OS(ImportSecurityContextW)(unconst(package), packed, token, context);
}

inline SECURITY_STATUS query_security_context_token(CtxtHandle* context, HANDLE* token) noexcept {
    return SSPAN_OS(QuerySecurityContextToken)(context, token);
}

inline SECURITY_STATUS impersonate_security_context(CtxtHandle* context) noexcept {
    return SSPAN_OS(ImpersonateSecurityContext)(context);
}

inline SECURITY_STATUS revert_security_context(CtxtHandle* context) noexcept {
    return SSPAN_OS(RevertSecurityContext)(context);
}

#undef SSPAN_CORRECTED
#undef SSPAN_OS

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::api

#endif // SSPAN_API_HEADER
