// SPDX-License-Identifier: MIT
//
// The only file that calls the operating system: one inline function per call, with the parameters that SSPI documents
// as reserved or unused left out. A test program replaces the whole file by defining SSPAN_API_HEADER.
#pragma once

#include "platform.hpp"

#if defined(SSPAN_API_HEADER)

#include SSPAN_API_HEADER

#else

#include "winpr.hpp"

#include <cstddef> // std::size_t
#include <cstdint>
#include <cstdlib> // std::abort
#if !defined(_WIN32)
#include <ctime> // localtime_r
#endif

#if defined(_WIN32)
#define SSPAN_OS(function) ::function
#else
#define SSPAN_OS(function) ::sspan::detail::winpr::functions().function
#endif

namespace sspan::inline SSPAN_API_NAMESPACE::detail::api {

// SSPI reads the strings it is given although its prototypes do not say const.
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

#if defined(_WIN32)
inline bool is_wine() noexcept {
    static const bool known = [] {
        const auto ntdll = ::GetModuleHandleW(L"ntdll.dll");
        return ntdll != nullptr && ::GetProcAddress(ntdll, "wine_get_version") != nullptr;
    }();
    return known;
}
inline constexpr bool is_winpr = false;
#else
inline bool is_wine() noexcept {
    return false;
}
inline constexpr bool is_winpr = true;
#endif

inline bool is_windows() noexcept {
    return !is_winpr && !is_wine();
}

// What Windows does and its substitutes leave out without a word. sspan refuses it there.

/// Whether Negotiate heeds the list of packages in a SEC_WINNT_AUTH_IDENTITY_EXW. WinPR's uses NTLM although the list is
/// L"kerberos".
inline bool takes_package_lists() noexcept {
    return is_windows();
}

/// Whether a client's token carries its channel bindings.
inline bool sends_bindings() noexcept {
#if defined(_WIN32)
    return !is_wine();
#else
    return WINPR_VERSION_MAJOR >= 3;
#endif
}

/// Whether a server compares the client's channel bindings with its own.
inline bool compares_bindings() noexcept {
    return is_windows();
}

/// Whether the packages look at every SECBUFFER_DATA of a message, not at the first only.
inline bool takes_parts() noexcept {
    return is_windows();
}

/// Whether the packages number the messages of a connection themselves. WinPR's do not, and would take every replay.
inline bool counts_messages() noexcept {
    return !is_winpr;
}

/// Whether Kerberos finds the token of a message in one piece; Wine's looks where its own last one was.
inline bool kerberos_finds_tokens() noexcept {
    return !is_wine();
}

/// How many bytes longer than announced a token of EncryptMessage can be where there is padding: Wine's Kerberos
/// announces 49 and needs 60.
inline std::uint32_t token_excess() noexcept {
    return is_wine() ? 64 : 0;
}

inline SECURITY_STATUS acquire_credentials_handle(const SEC_WCHAR* principal, const SEC_WCHAR* package, ULONG use,
                                                  void* auth_data, CredHandle* credential, TimeStamp* expiry) noexcept {
    return SSPAN_OS(AcquireCredentialsHandleW)(unconst(principal), unconst(package), use, nullptr, auth_data, nullptr,
                                               nullptr, credential, expiry);
}

inline SECURITY_STATUS free_credentials_handle(CredHandle* credential) noexcept {
    return SSPAN_OS(FreeCredentialsHandle)(credential);
}

inline SECURITY_STATUS query_credentials_attributes(CredHandle* credential, ULONG attribute, void* buffer) noexcept {
    return SSPAN_OS(QueryCredentialsAttributesW)(credential, attribute, buffer);
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
    return SSPAN_OS(InitializeSecurityContextW)(credential, context, unconst(target), request, 0, data_representation,
                                                input, 0, new_context, output, attributes, expiry);
}

inline SECURITY_STATUS accept_security_context(CredHandle* credential, CtxtHandle* context, SecBufferDesc* input,
                                               ULONG request, ULONG data_representation, CtxtHandle* new_context,
                                               SecBufferDesc* output, ULONG* attributes, TimeStamp* expiry) noexcept {
    return SSPAN_OS(AcceptSecurityContext)(credential, context, input, request, data_representation, new_context,
                                           output, attributes, expiry);
}

inline SECURITY_STATUS complete_auth_token(CtxtHandle* context, SecBufferDesc* token) noexcept {
    return SSPAN_OS(CompleteAuthToken)(context, token);
}

inline SECURITY_STATUS delete_security_context(CtxtHandle* context) noexcept {
    return SSPAN_OS(DeleteSecurityContext)(context);
}

inline SECURITY_STATUS query_context_attributes(CtxtHandle* context, ULONG attribute, void* buffer) noexcept {
    return SSPAN_OS(QueryContextAttributesW)(context, attribute, buffer);
}

inline SECURITY_STATUS make_signature(CtxtHandle* context, ULONG quality, SecBufferDesc* message,
                                      ULONG sequence_number) noexcept {
    return SSPAN_OS(MakeSignature)(context, quality, message, sequence_number);
}

inline SECURITY_STATUS verify_signature(CtxtHandle* context, SecBufferDesc* message, ULONG sequence_number,
                                        ULONG* quality) noexcept {
    return SSPAN_OS(VerifySignature)(context, message, sequence_number, quality);
}

inline SECURITY_STATUS encrypt_message(CtxtHandle* context, ULONG quality, SecBufferDesc* message,
                                       ULONG sequence_number) noexcept {
    return SSPAN_OS(EncryptMessage)(context, quality, message, sequence_number);
}

inline SECURITY_STATUS decrypt_message(CtxtHandle* context, SecBufferDesc* message, ULONG sequence_number,
                                       ULONG* quality) noexcept {
    return SSPAN_OS(DecryptMessage)(context, message, sequence_number, quality);
}

inline SECURITY_STATUS impersonate_security_context(CtxtHandle* context) noexcept {
    return SSPAN_OS(ImpersonateSecurityContext)(context);
}

inline SECURITY_STATUS revert_security_context(CtxtHandle* context) noexcept {
    return SSPAN_OS(RevertSecurityContext)(context);
}

inline SECURITY_STATUS query_security_context_token(CtxtHandle* context, HANDLE* token) noexcept {
    return SSPAN_OS(QuerySecurityContextToken)(context, token);
}

inline SECURITY_STATUS export_security_context(CtxtHandle* context, ULONG flags, SecBuffer* packed,
                                               HANDLE* token) noexcept {
    return SSPAN_OS(ExportSecurityContext)(context, flags, packed, token);
}

inline SECURITY_STATUS import_security_context(const SEC_WCHAR* package, SecBuffer* packed, HANDLE token,
                                               CtxtHandle* context) noexcept {
    return SSPAN_OS(ImportSecurityContextW)(unconst(package), packed, token, context);
}

#undef SSPAN_OS

#if defined(_WIN32)

// The next four return a Win32 error code, 0 for success.

/// The calling thread's impersonation token; ERROR_NO_TOKEN when it has none.
inline DWORD open_thread_token(HANDLE* token) noexcept {
    // OpenAsSelf: the thread may be impersonating someone who could not open the token.
    return ::OpenThreadToken(::GetCurrentThread(), TOKEN_QUERY | TOKEN_IMPERSONATE, TRUE, token) ? ERROR_SUCCESS
                                                                                                 : ::GetLastError();
}

/// Makes `token` the calling thread's impersonation token; nullptr removes the present one.
inline DWORD set_thread_token(HANDLE token) noexcept {
    return ::SetThreadToken(nullptr, token) ? ERROR_SUCCESS : ::GetLastError();
}

inline DWORD query_impersonation_level(HANDLE token, SECURITY_IMPERSONATION_LEVEL* level) noexcept {
    DWORD written = 0;
    return ::GetTokenInformation(token, TokenImpersonationLevel, level, sizeof *level, &written) ? ERROR_SUCCESS
                                                                                                 : ::GetLastError();
}

inline DWORD close_handle(HANDLE handle) noexcept {
    return ::CloseHandle(handle) ? ERROR_SUCCESS : ::GetLastError();
}

/// Both in 100 ns since 1601, by the time zone's offset of this moment, as packages reckon; 0 when that is not
/// possible.
inline std::int64_t local_to_utc(std::int64_t local) noexcept {
    FILETIME from{};
    FILETIME to{};
    from.dwLowDateTime = static_cast<DWORD>(local & 0xFFFFFFFF);
    from.dwHighDateTime = static_cast<DWORD>(local >> 32);
    return ::LocalFileTimeToFileTime(&from, &to) ? std::int64_t{to.dwHighDateTime} << 32 | to.dwLowDateTime : 0;
}

/// Wipes and frees a PSEC_WINNT_AUTH_IDENTITY_OPAQUE.
inline void free_auth_identity(void* identity) noexcept {
    const auto opaque = static_cast<PSEC_WINNT_AUTH_IDENTITY_OPAQUE>(identity);
    ::SspiZeroAuthIdentity(opaque);
    ::SspiFreeAuthIdentity(opaque);
}

inline void secure_zero(void* memory, std::size_t size) noexcept {
    ::SecureZeroMemory(memory, size);
}

/// Ends the process at once: no unwinding, no exit handlers.
[[noreturn]] inline void fail_fast() noexcept {
    ::RaiseFailFastException(nullptr, nullptr, 0);
    ::TerminateProcess(::GetCurrentProcess(), 0x40000015); // STATUS_FATAL_APP_EXIT
    std::abort();
}

#else // threads have no access tokens here

inline DWORD open_thread_token(HANDLE*) noexcept {
    return ERROR_NO_TOKEN;
}

inline DWORD set_thread_token(HANDLE token) noexcept {
    return token == nullptr ? ERROR_SUCCESS : ERROR_CALL_NOT_IMPLEMENTED;
}

inline DWORD query_impersonation_level(HANDLE, SECURITY_IMPERSONATION_LEVEL*) noexcept {
    return ERROR_CALL_NOT_IMPLEMENTED;
}

inline DWORD close_handle(HANDLE handle) noexcept {
    return ::CloseHandle(handle) ? ERROR_SUCCESS : ERROR_INVALID_HANDLE;
}

inline std::int64_t local_to_utc(std::int64_t local) noexcept {
    const auto now = ::time(nullptr);
    std::tm here{};
    return ::localtime_r(&now, &here) != nullptr ? local - std::int64_t{here.tm_gmtoff} * 10'000'000 : 0;
}

inline void free_auth_identity(void*) noexcept {} // nothing makes one here

inline void secure_zero(void* memory, std::size_t size) noexcept {
    for (auto* byte = static_cast<volatile unsigned char*>(memory); size != 0; --size, ++byte) {
        *byte = 0;
    }
}

[[noreturn]] inline void fail_fast() noexcept {
    std::abort();
}

#endif

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::api

#endif // SSPAN_API_HEADER
