/* SPDX-License-Identifier: MIT
 *
 * A package that does nothing, for C and C++: what is left of a call is what surrounds it. */
#pragma once

#include <winpr/error.h>
#include <winpr/sspi.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { nothing_token = 16 }; /* bytes of a signature, and of an encrypted message's token */

SECURITY_STATUS nothing_query_context_attributes(CtxtHandle* context, ULONG attribute, void* buffer);
SECURITY_STATUS nothing_make_signature(CtxtHandle* context, ULONG quality, SecBufferDesc* message, ULONG number);
SECURITY_STATUS nothing_verify_signature(CtxtHandle* context, SecBufferDesc* message, ULONG number, ULONG* quality);
SECURITY_STATUS nothing_encrypt_message(CtxtHandle* context, ULONG quality, SecBufferDesc* message, ULONG number);
SECURITY_STATUS nothing_decrypt_message(CtxtHandle* context, SecBufferDesc* message, ULONG number, ULONG* quality);

void nothing_secure_zero(void* memory, size_t size);

#ifdef __cplusplus
#define NOTHING_OF_THREAD thread_local
#else
#define NOTHING_OF_THREAD _Thread_local
#endif
extern unsigned long nothing_queries;              /* how often sizes were asked for */
extern NOTHING_OF_THREAD const void* nothing_data; /* where the data of the thread's last message were */

#ifdef __cplusplus
}
#endif
