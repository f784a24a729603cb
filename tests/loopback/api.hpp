// SPDX-License-Identifier: MIT
//
// The loopback package in the place of the operating system: the functions of sspan/detail/api.hpp, which includes this
// file when SSPAN_API_HEADER names it.
#pragma once

#include <sspan/detail/platform.hpp>

#include <cstddef>
#include <cstdint>

namespace sspan::inline SSPAN_API_NAMESPACE::detail::api {

SECURITY_STATUS enumerate_security_packages(ULONG* count, SecPkgInfoW** packages) noexcept;
SECURITY_STATUS query_security_package_info(const SEC_WCHAR* package, SecPkgInfoW** info) noexcept;
SECURITY_STATUS free_context_buffer(void* buffer) noexcept;

SECURITY_STATUS acquire_credentials_handle(const SEC_WCHAR* principal, const SEC_WCHAR* package, ULONG use,
                                           void* auth_data, CredHandle* credential, TimeStamp* expiry) noexcept;
SECURITY_STATUS free_credentials_handle(CredHandle* credential) noexcept;
SECURITY_STATUS query_credentials_attributes(CredHandle* credential, ULONG attribute, void* buffer) noexcept;
SECURITY_STATUS set_credentials_attributes(CredHandle* credential, ULONG attribute, void* buffer, ULONG size) noexcept;
void free_auth_identity(void* identity) noexcept;

SECURITY_STATUS initialize_security_context(CredHandle* credential, CtxtHandle* context, const SEC_WCHAR* target,
                                            ULONG request, ULONG data_representation, SecBufferDesc* input,
                                            CtxtHandle* new_context, SecBufferDesc* output, ULONG* attributes,
                                            TimeStamp* expiry) noexcept;
SECURITY_STATUS accept_security_context(CredHandle* credential, CtxtHandle* context, SecBufferDesc* input,
                                        ULONG request, ULONG data_representation, CtxtHandle* new_context,
                                        SecBufferDesc* output, ULONG* attributes, TimeStamp* expiry) noexcept;
SECURITY_STATUS complete_auth_token(CtxtHandle* context, SecBufferDesc* token) noexcept;
SECURITY_STATUS delete_security_context(CtxtHandle* context) noexcept;
SECURITY_STATUS query_context_attributes(CtxtHandle* context, ULONG attribute, void* buffer) noexcept;

SECURITY_STATUS make_signature(CtxtHandle* context, ULONG quality, SecBufferDesc* message,
                               ULONG sequence_number) noexcept;
SECURITY_STATUS verify_signature(CtxtHandle* context, SecBufferDesc* message, ULONG sequence_number,
                                 ULONG* quality) noexcept;
SECURITY_STATUS encrypt_message(CtxtHandle* context, ULONG quality, SecBufferDesc* message,
                                ULONG sequence_number) noexcept;
SECURITY_STATUS decrypt_message(CtxtHandle* context, SecBufferDesc* message, ULONG sequence_number,
                                ULONG* quality) noexcept;

SECURITY_STATUS export_security_context(CtxtHandle* context, ULONG flags, SecBuffer* packed, HANDLE* token) noexcept;
SECURITY_STATUS import_security_context(const SEC_WCHAR* package, SecBuffer* packed, HANDLE token,
                                        CtxtHandle* context) noexcept;

SECURITY_STATUS query_security_context_token(CtxtHandle* context, HANDLE* token) noexcept;
SECURITY_STATUS impersonate_security_context(CtxtHandle* context) noexcept;
SECURITY_STATUS revert_security_context(CtxtHandle* context) noexcept;
DWORD open_thread_token(HANDLE* token) noexcept;
DWORD set_thread_token(HANDLE token) noexcept;
DWORD query_impersonation_level(HANDLE token, SECURITY_IMPERSONATION_LEVEL* level) noexcept;
DWORD close_handle(HANDLE handle) noexcept;

bool takes_package_lists() noexcept;
bool sends_bindings() noexcept;
bool compares_bindings() noexcept;
bool takes_parts() noexcept;
bool counts_messages() noexcept;
bool kerberos_finds_tokens() noexcept;
std::uint32_t token_excess() noexcept;
std::int64_t local_to_utc(std::int64_t local) noexcept;
void secure_zero(void* memory, std::size_t size) noexcept;
[[noreturn]] void fail_fast() noexcept;

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::api
