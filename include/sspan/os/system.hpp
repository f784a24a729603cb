// SPDX-License-Identifier: MIT
//
// The part of api.hpp that is not SSPI: threads and their tokens, handles, errors, time and memory.
#pragma once

#include "platform.hpp"
#if !defined(SSPAN_API_HEADER)
#include "wine.hpp"

#include <cstddef> // std::size_t
#include <cstdint>
#include <cstdlib> // std::abort
#if !defined(_WIN32)
#include <ctime> // localtime_r
#endif

namespace sspan::inline SSPAN_API_NAMESPACE::detail::api {

inline DWORD last_error() noexcept {
    return ::GetLastError();
}

inline void set_last_error(DWORD error) noexcept {
    ::SetLastError(error);
}

#if defined(_WIN32)

inline DWORD open_thread_token(DWORD access, bool as_self, HANDLE* token) noexcept {
    return ::OpenThreadToken(::GetCurrentThread(), access, as_self ? TRUE : FALSE, token) ? ERROR_SUCCESS
                                                                                          : ::GetLastError();
}

inline DWORD set_thread_token(HANDLE token) noexcept {
    return ::SetThreadToken(nullptr, token) ? ERROR_SUCCESS : ::GetLastError();
}

inline DWORD query_impersonation_level(HANDLE token, SECURITY_IMPERSONATION_LEVEL* level) noexcept {
    DWORD written = 0;
    return ::GetTokenInformation(token, TokenImpersonationLevel, level, sizeof *level, &written) ? ERROR_SUCCESS
                                                                                                 : ::GetLastError();
}

inline DWORD query_token_type(HANDLE token, bool* is_primary) noexcept {
    TOKEN_TYPE type{};
    DWORD written = 0;
    if (!::GetTokenInformation(token, TokenType, &type, sizeof type, &written)) {
        return ::GetLastError();
    }
    *is_primary = type == TokenPrimary;
    return ERROR_SUCCESS;
}

inline DWORD duplicate_token(HANDLE token, DWORD access, SECURITY_IMPERSONATION_LEVEL level, bool as_primary,
                             HANDLE* duplicate) noexcept {
    const auto call =
        wine::is_running() ? static_cast<decltype(&::DuplicateTokenEx)>(&wine::duplicate_token) : &::DuplicateTokenEx;
    return call(token, access, nullptr, level, as_primary ? TokenPrimary : TokenImpersonation, duplicate)
               ? ERROR_SUCCESS
               : ::GetLastError();
}

inline DWORD query_token_id(HANDLE token, std::uint64_t* id) noexcept {
    TOKEN_STATISTICS statistics{};
    DWORD written = 0;
    if (!::GetTokenInformation(token, TokenStatistics, &statistics, sizeof statistics, &written)) {
        return ::GetLastError();
    }
    *id = std::uint64_t{static_cast<DWORD>(statistics.TokenId.HighPart)} << 32 | statistics.TokenId.LowPart;
    return ERROR_SUCCESS;
}

inline DWORD close_handle(HANDLE handle) noexcept {
    return ::CloseHandle(handle) ? ERROR_SUCCESS : ::GetLastError();
}

inline std::int64_t local_to_utc(std::int64_t local) noexcept {
    FILETIME from{};
    FILETIME to{};
    from.dwLowDateTime = static_cast<DWORD>(local & 0xFFFFFFFF);
    from.dwHighDateTime = static_cast<DWORD>(local >> 32);
    return ::LocalFileTimeToFileTime(&from, &to) ? std::int64_t{to.dwHighDateTime} << 32 | to.dwLowDateTime : 0;
}

inline void free_auth_identity(void* identity) noexcept {
    const auto opaque = static_cast<PSEC_WINNT_AUTH_IDENTITY_OPAQUE>(identity);
    ::SspiZeroAuthIdentity(opaque);
    ::SspiFreeAuthIdentity(opaque);
}

inline void secure_zero(void* memory, std::size_t size) noexcept {
    ::SecureZeroMemory(memory, size);
}

[[noreturn]] inline void fail_fast() noexcept {
    ::RaiseFailFastException(nullptr, nullptr, 0);
    ::TerminateProcess(::GetCurrentProcess(), 0x40000015); // STATUS_FATAL_APP_EXIT
    std::abort();
}

#else // threads have no access tokens outside Windows

inline DWORD open_thread_token(DWORD, bool, HANDLE*) noexcept {
    return ERROR_NO_TOKEN;
}

inline DWORD set_thread_token(HANDLE token) noexcept {
    return token == nullptr ? ERROR_SUCCESS : ERROR_CALL_NOT_IMPLEMENTED;
}

inline DWORD query_impersonation_level(HANDLE, SECURITY_IMPERSONATION_LEVEL*) noexcept {
    return ERROR_CALL_NOT_IMPLEMENTED;
}

inline DWORD query_token_type(HANDLE, bool*) noexcept {
    return ERROR_CALL_NOT_IMPLEMENTED;
}

inline DWORD duplicate_token(HANDLE, DWORD, SECURITY_IMPERSONATION_LEVEL, bool, HANDLE*) noexcept {
    return ERROR_CALL_NOT_IMPLEMENTED;
}

inline DWORD query_token_id(HANDLE, std::uint64_t*) noexcept {
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

inline void free_auth_identity(void*) noexcept {} // none exist outside Windows

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
