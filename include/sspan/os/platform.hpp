// SPDX-License-Identifier: MIT
//
// The only file that includes the headers of the operating system: those of Windows, or FreeRDP's WinPR elsewhere.
#pragma once

#if (defined(_MSVC_LANG) && _MSVC_LANG < 202002L) || (!defined(_MSVC_LANG) && __cplusplus < 202002L)
#error "sspan needs C++20"
#endif

#if defined(_WIN32_WINNT) && _WIN32_WINNT < 0x0601
#error "sspan needs Windows 7 or later: define _WIN32_WINNT as 0x0601 or more"
#endif

// All of sspan except `version` is in an inline namespace named after the implementation of os/api.hpp. If one program
// mixes objects of two implementations, it does not link: their names differ.
#if !defined(SSPAN_API_NAMESPACE)
#if defined(SSPAN_API_HEADER)
#error "SSPAN_API_HEADER replaces the calls to the OS; name its namespace with SSPAN_API_NAMESPACE"
#endif
#define SSPAN_API_NAMESPACE sspan_os
#endif

#if defined(_WIN32)

#if !defined(SECURITY_WIN32) && !defined(SECURITY_KERNEL)
#define SECURITY_WIN32 // required by security.h
#endif
// Without these two macros, <windows.h> includes the first Winsock and defines macros named min and max.
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#define SSPAN_UNDEF_LEAN
#endif
#if !defined(NOMINMAX)
#define NOMINMAX
#define SSPAN_UNDEF_NOMINMAX
#endif
#include <windows.h>

#include <security.h>
#if defined(SSPAN_UNDEF_LEAN)
#undef WIN32_LEAN_AND_MEAN
#undef SSPAN_UNDEF_LEAN
#endif
#if defined(SSPAN_UNDEF_NOMINMAX)
#undef NOMINMAX
#undef SSPAN_UNDEF_NOMINMAX
#endif

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

using ::SEC_WINNT_AUTH_IDENTITY_EXW;
using ::SecPkgContext_AuthorityW;
using ::SecPkgContext_ClientSpecifiedTarget;
using ::SecPkgContext_DceInfo;
using ::SecPkgContext_KeyInfoW;
using ::SecPkgContext_LastClientTokenStatus;
using ::SecPkgContext_NamesW;
using ::SecPkgContext_NativeNamesW;
using ::SecPkgContext_NegotiationInfoW;
using ::SecPkgContext_PackageInfoW;
using ::SecPkgCredentials_KdcProxySettingsW;
using ::SecPkgCredentials_NamesW;

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail

#else // WinPR, 2.x or 3.x

#include <winpr/error.h>
#include <winpr/handle.h>
#include <winpr/sspi.h>
#include <winpr/version.h>

#include <cstdint>

#if !defined(TOKEN_QUERY)
#define TOKEN_QUERY 0x0008
#define TOKEN_IMPERSONATE 0x0004
#define TOKEN_DUPLICATE 0x0002
#define TOKEN_ASSIGN_PRIMARY 0x0001
#define TOKEN_ADJUST_DEFAULT 0x0080
#define TOKEN_ADJUST_SESSIONID 0x0100
#endif
#if !defined(SECQOP_WRAP_NO_ENCRYPT)
#define SECQOP_WRAP_NO_ENCRYPT 0x80000001
#endif
#if !defined(SEC_WINNT_AUTH_IDENTITY_VERSION)
#define SEC_WINNT_AUTH_IDENTITY_VERSION 0x200
#endif
#if !defined(SEC_WINNT_AUTH_IDENTITY_ONLY)
#define SEC_WINNT_AUTH_IDENTITY_ONLY 0x8
#endif
#if !defined(SECPKG_CRED_ATTR_KDC_PROXY_SETTINGS)
#define SECPKG_CRED_ATTR_KDC_PROXY_SETTINGS 3
#endif
#if !defined(KDC_PROXY_SETTINGS_V1)
#define KDC_PROXY_SETTINGS_V1 1
#define KDC_PROXY_SETTINGS_FLAGS_FORCEPROXY 0x1
#endif

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

// WinPR declares these with narrow strings, or not at all. These are the forms of Windows.
struct SecPkgContext_AuthorityW {
    SEC_WCHAR* sAuthorityName;
};
struct SecPkgContext_ClientSpecifiedTarget {
    SEC_WCHAR* sTargetName;
};
struct SecPkgContext_DceInfo {
    ULONG AuthzSvc;
    void* pPac;
};
struct SecPkgContext_KeyInfoW {
    SEC_WCHAR* sSignatureAlgorithmName;
    SEC_WCHAR* sEncryptAlgorithmName;
    ULONG KeySize;
    ULONG SignatureAlgorithm;
    ULONG EncryptAlgorithm;
};
struct SecPkgContext_LastClientTokenStatus {
    ULONG LastClientTokenStatus;
};
struct SecPkgContext_NativeNamesW {
    SEC_WCHAR* sClientName;
    SEC_WCHAR* sServerName;
};
struct SecPkgContext_PackageInfoW {
    SecPkgInfoW* PackageInfo;
};
struct SecPkgContext_NamesW {
    SEC_WCHAR* sUserName;
};
struct SecPkgContext_NegotiationInfoW {
    SecPkgInfoW* PackageInfo;
    ULONG NegotiationState;
};
struct SecPkgCredentials_KdcProxySettingsW {
    ULONG Version;
    ULONG Flags;
    USHORT ProxyServerOffset;
    USHORT ProxyServerLength;
    USHORT ClientTlsCredOffset;
    USHORT ClientTlsCredLength;
};
struct SEC_WINNT_AUTH_IDENTITY_EXW {
    UINT32 Version;
    UINT32 Length;
    UINT16* User;
    UINT32 UserLength;
    UINT16* Domain;
    UINT32 DomainLength;
    UINT16* Password;
    UINT32 PasswordLength;
    UINT32 Flags;
    UINT16* PackageList;
    UINT32 PackageListLength;
};
using ::SecPkgCredentials_NamesW;

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail

#endif

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

template <class... Structures>
inline constexpr bool has_native_layout = ((alignof(Structures) == alignof(void*)) && ...);
static_assert(
    has_native_layout<SecHandle, SecBuffer, SecBufferDesc, SecPkgInfoW, SEC_WINNT_AUTH_IDENTITY_W,
                      SEC_WINNT_AUTH_IDENTITY_EXW>,
    "the packing (#pragma pack, /Zp) where the headers of the OS were included changes structures that it reads");

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
