// SPDX-License-Identifier: MIT
//
// The only file that includes the operating system's headers: Windows' own, or FreeRDP's WinPR elsewhere.
#pragma once

// All of sspan except `version` lives in an inline namespace named after the implementation of detail/api.hpp, so that
// objects of two different implementations cannot meet in one program: the linker does not find the other's names.
#if !defined(SSPAN_API_NAMESPACE)
#if defined(SSPAN_API_HEADER)
#error "SSPAN_API_HEADER replaces the calls to the OS; name its namespace with SSPAN_API_NAMESPACE"
#endif
#define SSPAN_API_NAMESPACE os
#endif

#if defined(_WIN32)

#if !defined(SECURITY_WIN32) && !defined(SECURITY_KERNEL)
#define SECURITY_WIN32 // security.h demands it
#endif
// Without these two, <windows.h> brings in the first Winsock and macros named min and max.
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

using ::SecPkgContext_NamesW;
using ::SecPkgContext_NegotiationInfoW;
using ::SecPkgCredentials_NamesW;

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail

#else // WinPR, 2.x or 3.x

#include <winpr/error.h>
#include <winpr/handle.h>
#include <winpr/sspi.h>

#include <cstdint>

#if !defined(SECQOP_WRAP_NO_ENCRYPT)
#define SECQOP_WRAP_NO_ENCRYPT 0x80000001
#endif

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

// WinPR declares these with narrow strings; the wide forms below are Windows'.
struct SecPkgContext_NamesW {
    SEC_WCHAR* sUserName;
};
struct SecPkgContext_NegotiationInfoW {
    SecPkgInfoW* PackageInfo;
    ULONG NegotiationState;
};
using ::SecPkgCredentials_NamesW;

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail

#endif
