/* SPDX-License-Identifier: MIT
 *
 * Message protection by hand in C with the checks that sspan makes: what a careful program costs that has no library. */
#pragma once

#include "hand_written.h"

#ifdef __cplusplus
extern "C" {
#endif

struct checked_context {
    CtxtHandle handle;
    int may_sign;
    int may_encrypt;
    int must_be_encrypted;
    SecPkgContext_Sizes sizes;
    ULONG number; /* of the message, where the program counts */
};

SECURITY_STATUS checked_sign(struct checked_context* context, const void* data, size_t size, void* signature,
                             size_t* signature_size);
SECURITY_STATUS checked_verify(struct checked_context* context, const void* data, size_t size, const void* signature,
                               size_t signature_size);
SECURITY_STATUS checked_encrypt(struct checked_context* context, void* data, size_t size, void* token,
                                size_t* token_size, void* padding, size_t* padding_size);
SECURITY_STATUS checked_decrypt(struct checked_context* context, void** data, size_t* size, void* token,
                                size_t token_size);
SECURITY_STATUS checked_wrap(struct checked_context* context, unsigned char* frame, size_t token_room, size_t capacity,
                             size_t size, size_t padding_room, unsigned char** wire, size_t* wire_size);
SECURITY_STATUS checked_unwrap(struct checked_context* context, void* wire, size_t wire_size, void** data,
                               size_t* size);

#ifdef __cplusplus
}
#endif
