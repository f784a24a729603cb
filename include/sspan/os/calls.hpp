// SPDX-License-Identifier: MIT
//
// The list of all OS calls of sspan. Each row has the result, the name here, the name in the OS, the parameters.
// Parameters that SSPI documents as reserved or unused are omitted. All code that implements, wraps or counts the calls
// is generated from this list.
#pragma once

#include "platform.hpp"

#include <cstddef> // std::size_t
#include <cstdint>

// clang-format off: one call, one row
#define SSPAN_OS_CALLS(X) \
    X(SECURITY_STATUS, enumerate_security_packages, "EnumerateSecurityPackages", (ULONG* count, SecPkgInfoW** packages)) \
    X(SECURITY_STATUS, query_security_package_info, "QuerySecurityPackageInfo", (const SEC_WCHAR* package, SecPkgInfoW** info)) \
    X(SECURITY_STATUS, free_context_buffer, "FreeContextBuffer", (void* buffer)) \
    X(SECURITY_STATUS, acquire_credentials_handle, "AcquireCredentialsHandle", (const SEC_WCHAR* principal, const SEC_WCHAR* package, ULONG use, void* auth_data, CredHandle* credential, TimeStamp* expiry)) \
    X(SECURITY_STATUS, free_credentials_handle, "FreeCredentialsHandle", (CredHandle* credential)) \
    X(SECURITY_STATUS, query_credentials_attributes, "QueryCredentialsAttributes", (CredHandle* credential, ULONG attribute, void* buffer)) \
    X(SECURITY_STATUS, set_credentials_attributes, "SetCredentialsAttributes", (CredHandle* credential, ULONG attribute, void* buffer, ULONG size)) \
    X(SECURITY_STATUS, initialize_security_context, "InitializeSecurityContext", (CredHandle* credential, CtxtHandle* context, const SEC_WCHAR* target, ULONG request, ULONG data_representation, SecBufferDesc* input, CtxtHandle* new_context, SecBufferDesc* output, ULONG* attributes, TimeStamp* expiry)) \
    X(SECURITY_STATUS, accept_security_context, "AcceptSecurityContext", (CredHandle* credential, CtxtHandle* context, SecBufferDesc* input, ULONG request, ULONG data_representation, CtxtHandle* new_context, SecBufferDesc* output, ULONG* attributes, TimeStamp* expiry)) \
    X(SECURITY_STATUS, complete_auth_token, "CompleteAuthToken", (CtxtHandle* context, SecBufferDesc* token)) \
    X(SECURITY_STATUS, delete_security_context, "DeleteSecurityContext", (CtxtHandle* context)) \
    X(SECURITY_STATUS, query_context_attributes, "QueryContextAttributes", (CtxtHandle* context, ULONG attribute, void* buffer)) \
    X(SECURITY_STATUS, make_signature, "MakeSignature", (message_context* context, ULONG quality, SecBufferDesc* message, ULONG sequence_number)) \
    X(SECURITY_STATUS, verify_signature, "VerifySignature", (message_context* context, SecBufferDesc* message, ULONG sequence_number, ULONG* quality)) \
    X(SECURITY_STATUS, encrypt_message, "EncryptMessage", (message_context* context, ULONG quality, SecBufferDesc* message, ULONG sequence_number)) \
    X(SECURITY_STATUS, decrypt_message, "DecryptMessage", (message_context* context, SecBufferDesc* message, ULONG sequence_number, ULONG* quality)) \
    X(SECURITY_STATUS, export_security_context, "ExportSecurityContext", (CtxtHandle* context, ULONG flags, SecBuffer* packed, HANDLE* token)) \
    X(SECURITY_STATUS, import_security_context, "ImportSecurityContext", (const SEC_WCHAR* package, SecBuffer* packed, HANDLE token, CtxtHandle* context)) \
    X(SECURITY_STATUS, query_security_context_token, "QuerySecurityContextToken", (CtxtHandle* context, HANDLE* token)) \
    X(SECURITY_STATUS, impersonate_security_context, "ImpersonateSecurityContext", (CtxtHandle* context)) \
    X(SECURITY_STATUS, revert_security_context, "RevertSecurityContext", (CtxtHandle* context)) \
    /* The next seven return a Win32 error code, 0 for success. */ \
    X(DWORD, open_thread_token, "OpenThreadToken", (DWORD access, bool as_self, HANDLE* token)) \
    X(DWORD, set_thread_token, "SetThreadToken", (HANDLE token)) \
    X(DWORD, query_impersonation_level, "GetTokenInformation", (HANDLE token, SECURITY_IMPERSONATION_LEVEL* level)) \
    X(DWORD, query_token_type, "GetTokenInformation", (HANDLE token, bool* is_primary)) \
    /* The new handle is not inherited. The level is the new token's; a primary token has none. */ \
    X(DWORD, duplicate_token, "DuplicateTokenEx", (HANDLE token, DWORD access, SECURITY_IMPERSONATION_LEVEL level, bool as_primary, HANDLE* duplicate)) \
    /* The token's own number, which is unique on this machine. */ \
    X(DWORD, query_token_id, "GetTokenInformation", (HANDLE token, std::uint64_t* id)) \
    X(DWORD, close_handle, "CloseHandle", (HANDLE handle)) \
    X(DWORD, last_error, "GetLastError", ()) \
    X(void, set_last_error, "SetLastError", (DWORD error)) \
    /* Converts 100 ns since 1601 with the current offset of the time zone. Returns 0 if it is not known. */ \
    X(std::int64_t, local_to_utc, "LocalFileTimeToFileTime", (std::int64_t local)) \
    /* Wipes and frees a PSEC_WINNT_AUTH_IDENTITY_OPAQUE. */ \
    X(void, free_auth_identity, "SspiFreeAuthIdentity", (void* identity)) \
    X(void, secure_zero, "SecureZeroMemory", (void* memory, std::size_t size)) \
    /* Ends the process at once: no unwinding, no exit handlers. */ \
    X([[noreturn]] void, fail_fast, "RaiseFailFastException", ())
// clang-format on
