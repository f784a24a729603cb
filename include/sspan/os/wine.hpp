// SPDX-License-Identifier: MIT
//
// Corrects differences between Wine's packages and those of Windows, or refuses with SEC_E_UNSUPPORTED_FUNCTION.
// Measured in Wine 8 and 10. Not used on Windows.
#pragma once

#include "platform.hpp"

#if defined(_WIN32)

#include "substitute.hpp"

#include <atomic>

namespace sspan::inline SSPAN_API_NAMESPACE::detail::wine {

[[nodiscard]] inline bool is_running() noexcept {
    static constinit std::atomic<signed char> answer{0}; // 0: not determined yet
    auto known = answer.load(std::memory_order_relaxed);
    if (known == 0) [[unlikely]] {
        const auto ntdll = ::GetModuleHandleW(L"ntdll.dll");
        known = ntdll != nullptr && ::GetProcAddress(ntdll, "wine_get_version") != nullptr ? 1 : -1;
        answer.store(known, std::memory_order_relaxed);
    }
    return known > 0;
}

/// Wine's own packages, identified by the constants that they announce for every key. Other packages are not changed.
enum class package { foreign, kerberos, kerberos_in_dce_style, ntlm };

[[nodiscard]] inline package package_of(const SecPkgContext_Sizes& announced) noexcept {
    const auto is = [&](ULONG token, ULONG signature, ULONG block, ULONG trailer) {
        return announced.cbMaxToken == token && announced.cbMaxSignature == signature &&
               announced.cbBlockSize == block && announced.cbSecurityTrailer == trailer;
    };
    return is(12000, 37, 1, 49)   ? package::kerberos
           : is(12000, 28, 1, 76) ? package::kerberos_in_dce_style
           : is(1904, 16, 0, 16)  ? package::ntlm
                                  : package::foreign;
}
[[nodiscard]] inline package package_of(CtxtHandle* context) noexcept {
    SecPkgContext_Sizes announced{};
    return ::QueryContextAttributesW(context, SECPKG_ATTR_SIZES, &announced) == SEC_E_OK ? package_of(announced)
                                                                                         : package::foreign;
}

/// Kerberos announces constants, which can be too small. These values suffice for the signature and token of every key
/// type. Kerberos never pads the data.
inline constexpr ULONG max_signature = 40;
inline constexpr ULONG security_trailer = 72;
inline constexpr ULONG security_trailer_in_dce_style = 88;
inline SECURITY_STATUS SEC_ENTRY query_context(CtxtHandle* context, ULONG attribute, void* buffer) noexcept {
    const auto status = ::QueryContextAttributesW(context, attribute, buffer);
    if (attribute == SECPKG_ATTR_SIZES && status == SEC_E_OK) {
        auto& sizes = *static_cast<SecPkgContext_Sizes*>(buffer);
        const auto which = package_of(sizes);
        if (which == package::kerberos || which == package::kerberos_in_dce_style) {
            sizes.cbMaxSignature = max_signature;
            sizes.cbSecurityTrailer = which == package::kerberos ? security_trailer : security_trailer_in_dce_style;
            sizes.cbBlockSize = 0;
        }
    }
    return status;
}

/// Refuses two requests that Wine does not support. Wine reads an identity with a list of packages as the older
/// structure, and follows an invalid pointer. It answers SECPKG_CRED_AUTOLOGON_RESTRICTED with
/// SEC_E_UNKNOWN_CREDENTIALS.
inline SECURITY_STATUS SEC_ENTRY acquire(SEC_WCHAR* principal, SEC_WCHAR* name, ULONG use, void* logon_id,
                                         void* auth_data, SEC_GET_KEY_FN get_key, void* argument,
                                         CredHandle* credential, TimeStamp* expiry) noexcept {
    if ((use & SECPKG_CRED_AUTOLOGON_RESTRICTED) != 0 || has_package_list(auth_data)) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    return ::AcquireCredentialsHandleW(principal, name, use, logon_id, auth_data, get_key, argument, credential,
                                       expiry);
}

/// Refuses to make a primary token from a client's token below impersonation level, as Windows does. Wine accepts every
/// token.
inline BOOL WINAPI duplicate_token(HANDLE token, DWORD access, LPSECURITY_ATTRIBUTES attributes,
                                   SECURITY_IMPERSONATION_LEVEL level, TOKEN_TYPE type, PHANDLE duplicate) noexcept {
    if (type == TokenPrimary) {
        TOKEN_STATISTICS given{};
        DWORD written = 0;
        if (!::GetTokenInformation(token, TokenStatistics, &given, sizeof given, &written)) {
            return FALSE;
        }
        if (given.TokenType == TokenImpersonation && given.ImpersonationLevel < SecurityImpersonation) {
            ::SetLastError(ERROR_BAD_IMPERSONATION_LEVEL);
            return FALSE;
        }
    }
    return ::DuplicateTokenEx(token, access, attributes, level, type, duplicate);
}

/// Converts the status of a step whose output is too small. Wine never detects incomplete input, so
/// SEC_E_INCOMPLETE_MESSAGE always means this.
[[nodiscard]] inline SECURITY_STATUS with_room(SECURITY_STATUS status) noexcept {
    return status == SEC_E_INCOMPLETE_MESSAGE ? SEC_E_BUFFER_TOO_SMALL : status;
}

inline SECURITY_STATUS SEC_ENTRY initialize(CredHandle* credential, CtxtHandle* context, SEC_WCHAR* target,
                                            ULONG request, ULONG reserved1, ULONG representation, SecBufferDesc* input,
                                            ULONG reserved2, CtxtHandle* new_context, SecBufferDesc* output,
                                            ULONG* attributes, TimeStamp* expiry) noexcept {
    if (has_bindings(input) || (request & unheeded_by_initialize) != 0) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    return with_room(::InitializeSecurityContextW(credential, context, target, request, reserved1, representation,
                                                  input, reserved2, new_context, output, attributes, expiry));
}

inline SECURITY_STATUS SEC_ENTRY accept(CredHandle* credential, CtxtHandle* context, SecBufferDesc* input,
                                        ULONG request, ULONG representation, CtxtHandle* new_context,
                                        SecBufferDesc* output, ULONG* attributes, TimeStamp* expiry) noexcept {
    if (has_bindings(input) || (request & unheeded_by_accept) != 0) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    return with_room(::AcceptSecurityContext(credential, context, input, request, representation, new_context, output,
                                             attributes, expiry));
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::wine

#endif
