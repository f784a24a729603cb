/* SPDX-License-Identifier: MIT
 *
 * Message protection as one writes it by hand in C: the buffers, the call, its status; nothing else is looked at. Each
 * returns the status, and what it has written. */
#pragma once

#include <stddef.h>

#if defined(_WIN32)
#include <windows.h>

#define SECURITY_WIN32
#include <security.h>
#else
#include <winpr/sspi.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

SECURITY_STATUS hand_sign(CtxtHandle* context, void* data, ULONG size, void* signature, ULONG* signature_size);
SECURITY_STATUS hand_verify(CtxtHandle* context, void* data, ULONG size, void* signature, ULONG signature_size);
SECURITY_STATUS hand_encrypt(CtxtHandle* context, void* data, ULONG size, void* token, ULONG* token_size, void* padding,
                             ULONG* padding_size);
SECURITY_STATUS hand_decrypt(CtxtHandle* context, void* data, ULONG* size, void* token, ULONG token_size);
/* `frame` has room for the token in front of the payload and for padding behind it. */
SECURITY_STATUS hand_wrap(CtxtHandle* context, unsigned char* frame, ULONG token_room, ULONG size, ULONG padding_room,
                          unsigned char** wire, ULONG* wire_size);
SECURITY_STATUS hand_unwrap(CtxtHandle* context, void* wire, ULONG wire_size, unsigned char** data, ULONG* size);

#ifdef __cplusplus
}
#endif
