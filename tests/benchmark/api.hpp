// SPDX-License-Identifier: MIT
//
// A package that does nothing. It replaces the operating system.
#pragma once

#include "nothing.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace sspan::inline SSPAN_API_NAMESPACE::detail::api {

inline SECURITY_STATUS query_context_attributes(CtxtHandle* context, ULONG attribute, void* buffer) noexcept {
    return nothing_query_context_attributes(context, attribute, buffer);
}
inline SECURITY_STATUS make_signature(CtxtHandle* context, ULONG quality, SecBufferDesc* message,
                                      ULONG number) noexcept {
    return nothing_make_signature(context, quality, message, number);
}
inline SECURITY_STATUS verify_signature(CtxtHandle* context, SecBufferDesc* message, ULONG number,
                                        ULONG* quality) noexcept {
    return nothing_verify_signature(context, message, number, quality);
}
inline SECURITY_STATUS encrypt_message(CtxtHandle* context, ULONG quality, SecBufferDesc* message,
                                       ULONG number) noexcept {
    return nothing_encrypt_message(context, quality, message, number);
}
inline SECURITY_STATUS decrypt_message(CtxtHandle* context, SecBufferDesc* message, ULONG number,
                                       ULONG* quality) noexcept {
    return nothing_decrypt_message(context, message, number, quality);
}

// The rest of the seam, which the protection of messages does not use.
inline SECURITY_STATUS enumerate_security_packages(ULONG*, SecPkgInfoW**) noexcept {
    return SEC_E_UNSUPPORTED_FUNCTION;
}
inline SECURITY_STATUS query_security_package_info(const SEC_WCHAR*, SecPkgInfoW**) noexcept {
    return SEC_E_UNSUPPORTED_FUNCTION;
}
inline SECURITY_STATUS free_context_buffer(void*) noexcept {
    return SEC_E_OK;
}
inline SECURITY_STATUS delete_security_context(CtxtHandle*) noexcept {
    return SEC_E_OK;
}
inline SECURITY_STATUS free_credentials_handle(CredHandle*) noexcept {
    return SEC_E_OK;
}
inline DWORD close_handle(HANDLE) noexcept {
    return 0;
}
inline void free_auth_identity(void*) noexcept {}
inline std::int64_t local_to_utc(std::int64_t local) noexcept {
    return local;
}
inline void secure_zero(void* memory, std::size_t size) noexcept {
    nothing_secure_zero(memory, size);
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::api
