// SPDX-License-Identifier: MIT
//
// What Wine's packages do otherwise than Windows', measured in Wine 8 and 10: corrected here, in front of them, or refused
// with SEC_E_UNSUPPORTED_FUNCTION. On Windows nothing of it runs.
#pragma once

#include "platform.hpp"

#if defined(_WIN32)

#include "substitute.hpp"

#include <atomic>

namespace sspan::inline SSPAN_API_NAMESPACE::detail::wine {

[[nodiscard]] inline bool is_running() noexcept {
    static constinit std::atomic<signed char> answer{0}; // 0 until somebody has asked
    auto known = answer.load(std::memory_order_relaxed);
    if (known == 0) [[unlikely]] {
        const auto ntdll = ::GetModuleHandleW(L"ntdll.dll");
        known = ntdll != nullptr && ::GetProcAddress(ntdll, "wine_get_version") != nullptr ? 1 : -1;
        answer.store(known, std::memory_order_relaxed);
    }
    return known > 0;
}

/// Wine's own packages, by the constants that they announce for every key. Others pass as they are.
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

/// Kerberos announces constants. These hold the signature and the token of every key type, in front of which nobody pads.
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

/// Refuses two requests that Wine does not know. It takes an identity with a list of packages for the older structure and
/// follows a pointer that is none. It answers SECPKG_CRED_AUTOLOGON_RESTRICTED with SEC_E_UNKNOWN_CREDENTIALS.
inline SECURITY_STATUS SEC_ENTRY acquire(SEC_WCHAR* principal, SEC_WCHAR* name, ULONG use, void* logon_id,
                                         void* auth_data, SEC_GET_KEY_FN get_key, void* argument,
                                         CredHandle* credential, TimeStamp* expiry) noexcept {
    if ((use & SECPKG_CRED_AUTOLOGON_RESTRICTED) != 0 || has_package_list(auth_data)) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    return ::AcquireCredentialsHandleW(principal, name, use, logon_id, auth_data, get_key, argument, credential,
                                       expiry);
}

/// Refuses a primary token made of a client's that may only be looked at, as Windows does. Wine makes one of every token.
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

/// What a step says for an output that has too little room. Wine takes no part of a peer's token for less than all of it.
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
