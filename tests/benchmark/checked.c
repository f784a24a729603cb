/* SPDX-License-Identifier: MIT */
#include "checked.h"

#include "nothing.h"

#include <stdint.h>
#include <string.h>

enum { bad_handle, bad_qop, bad_parameter, bad_room, bad_package, bad_token };
static const SECURITY_STATUS failures[] = {SEC_E_INVALID_HANDLE,   SEC_E_QOP_NOT_SUPPORTED, (SECURITY_STATUS)0x8009035D,
                                           SEC_E_BUFFER_TOO_SMALL, SEC_E_INTERNAL_ERROR,    SEC_E_INVALID_TOKEN};

static int has_handle(const struct checked_context* context) {
    return (context->handle.dwLower | context->handle.dwUpper) != 0;
}

static int fits(size_t size) {
    return size <= 0xFFFFFFFFU;
}

static int overlap(const void* left, size_t left_size, const void* right, size_t right_size) {
    const uintptr_t a = (uintptr_t)left;
    const uintptr_t b = (uintptr_t)right;
    return left_size != 0 && right_size != 0 && a < b + right_size && b < a + left_size;
}

/* Whether the package has left a part of what it was given; where it may have moved, any part. */
static int is_front(const SecBuffer* buffer, const void* given, size_t size) {
    return buffer->cbBuffer == 0 || (buffer->pvBuffer == given && buffer->cbBuffer <= size);
}
static int is_part(const SecBuffer* buffer, const void* given, size_t size) {
    const uintptr_t offset = (uintptr_t)buffer->pvBuffer - (uintptr_t)given;
    return buffer->cbBuffer == 0 || (offset <= size && buffer->cbBuffer <= size - offset);
}

SECURITY_STATUS checked_sign(struct checked_context* context, const void* data, size_t size, void* signature,
                             size_t* signature_size) {
    if (!has_handle(context)) {
        return failures[bad_handle];
    }
    if (!context->may_sign || context->sizes.cbMaxSignature == 0) {
        return failures[bad_qop];
    }
    if (!fits(size) || !fits(*signature_size) || overlap(data, size, signature, *signature_size)) {
        return failures[bad_parameter];
    }
    if (*signature_size < context->sizes.cbMaxSignature) {
        return failures[bad_room];
    }
    SecBuffer buffers[2] = {{(ULONG)size, SECBUFFER_DATA, (void*)data},
                            {(ULONG)*signature_size, SECBUFFER_TOKEN, signature}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
    const SECURITY_STATUS status = nothing_make_signature(&context->handle, 0, &message, context->number);
    if (status != SEC_E_OK) {
        return status;
    }
    if (!is_front(&buffers[1], signature, *signature_size) || buffers[1].cbBuffer == 0) {
        return failures[bad_package];
    }
    *signature_size = buffers[1].cbBuffer;
    return SEC_E_OK;
}

SECURITY_STATUS checked_verify(struct checked_context* context, const void* data, size_t size, const void* signature,
                               size_t signature_size) {
    if (!has_handle(context)) {
        return failures[bad_handle];
    }
    if (!context->may_sign || context->sizes.cbMaxSignature == 0) {
        return failures[bad_qop];
    }
    if (!fits(size) || !fits(signature_size) || overlap(data, size, signature, signature_size)) {
        return failures[bad_parameter];
    }
    if (signature_size == 0) {
        return failures[bad_token];
    }
    SecBuffer buffers[2] = {{(ULONG)size, SECBUFFER_DATA, (void*)data},
                            {(ULONG)signature_size, SECBUFFER_TOKEN, (void*)signature}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
    ULONG quality = 0;
    return nothing_verify_signature(&context->handle, &message, context->number, &quality);
}

SECURITY_STATUS checked_encrypt(struct checked_context* context, void* data, size_t size, void* token,
                                size_t* token_size, void* padding, size_t* padding_size) {
    if (!has_handle(context)) {
        return failures[bad_handle];
    }
    if (!context->may_encrypt || context->sizes.cbSecurityTrailer == 0) {
        return failures[bad_qop];
    }
    if (!fits(size) || !fits(*token_size) || !fits(*padding_size) || overlap(data, size, token, *token_size) ||
        overlap(data, size, padding, *padding_size) || overlap(token, *token_size, padding, *padding_size)) {
        return failures[bad_parameter];
    }
    if (*token_size < context->sizes.cbSecurityTrailer ||
        (*padding_size != 0 && *padding_size < context->sizes.cbBlockSize)) {
        return failures[bad_room];
    }
    SecBuffer buffers[3] = {{(ULONG)*token_size, SECBUFFER_TOKEN, token}, {(ULONG)size, SECBUFFER_DATA, data}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
    const int pads = context->sizes.cbBlockSize != 0 && *padding_size != 0;
    if (pads) {
        buffers[message.cBuffers++] = (SecBuffer){(ULONG)*padding_size, SECBUFFER_PADDING, padding};
    }
    const SECURITY_STATUS status = nothing_encrypt_message(&context->handle, 0, &message, context->number);
    if (status != SEC_E_OK) {
        return status;
    }
    const SecBuffer none = {0, 0, NULL};
    const SecBuffer* padded = pads ? &buffers[2] : &none;
    if (!is_front(&buffers[0], token, *token_size) || buffers[0].cbBuffer == 0 ||
        padded->cbBuffer > context->sizes.cbBlockSize || !is_front(padded, padding, *padding_size) ||
        buffers[1].cbBuffer != size || (size != 0 && buffers[1].pvBuffer != data)) {
        return failures[bad_package];
    }
    *token_size = buffers[0].cbBuffer;
    *padding_size = padded->cbBuffer;
    return SEC_E_OK;
}

SECURITY_STATUS checked_decrypt(struct checked_context* context, void** data, size_t* size, void* token,
                                size_t token_size) {
    if (!has_handle(context)) {
        return failures[bad_handle];
    }
    if (!context->may_sign && !context->may_encrypt) {
        return failures[bad_qop];
    }
    if (!fits(*size) || !fits(token_size) || overlap(*data, *size, token, token_size)) {
        return failures[bad_parameter];
    }
    if (token_size == 0) {
        return failures[bad_token];
    }
    SecBuffer buffers[2] = {{(ULONG)token_size, SECBUFFER_TOKEN, token}, {(ULONG)*size, SECBUFFER_DATA, *data}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
    ULONG quality = 0;
    SECURITY_STATUS status = nothing_decrypt_message(&context->handle, &message, context->number, &quality);
    if (status == SEC_E_OK && !is_part(&buffers[1], *data, *size)) {
        status = failures[bad_package];
    }
    if (status == SEC_E_OK && (quality != 0 || !context->may_encrypt) && context->must_be_encrypted) {
        status = failures[bad_qop];
    }
    if (status != SEC_E_OK) {
        memset(*data, 0, *size);
        memset(token, 0, token_size);
        return status;
    }
    *data = buffers[1].pvBuffer;
    *size = buffers[1].cbBuffer;
    return SEC_E_OK;
}

SECURITY_STATUS checked_wrap(struct checked_context* context, unsigned char* frame, size_t token_room, size_t capacity,
                             size_t size, size_t padding_room, unsigned char** wire, size_t* wire_size) {
    if (size > capacity) {
        return failures[bad_room];
    }
    size_t token_size = token_room;
    unsigned char* const data = frame + token_room;
    const SECURITY_STATUS status = checked_encrypt(context, data, size, frame, &token_size, data + size, &padding_room);
    if (status != SEC_E_OK) {
        memset(data, 0, size);
        return status;
    }
    *wire = data - token_size;
    memmove(*wire, frame, token_size);
    *wire_size = token_size + size + padding_room;
    return SEC_E_OK;
}

SECURITY_STATUS checked_unwrap(struct checked_context* context, void* wire, size_t wire_size, void** data,
                               size_t* size) {
    if (!has_handle(context)) {
        return failures[bad_handle];
    }
    if (!context->may_sign && !context->may_encrypt) {
        return failures[bad_qop];
    }
    if (!fits(wire_size)) {
        return failures[bad_parameter];
    }
    if (wire_size == 0) {
        return failures[bad_token];
    }
    SecBuffer buffers[2] = {{(ULONG)wire_size, SECBUFFER_STREAM, wire}, {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
    ULONG quality = 0;
    SECURITY_STATUS status = nothing_decrypt_message(&context->handle, &message, context->number, &quality);
    if (status == SEC_E_OK && !is_part(&buffers[1], wire, wire_size)) {
        status = failures[bad_package];
    }
    if (status == SEC_E_OK && (quality != 0 || !context->may_encrypt) && context->must_be_encrypted) {
        status = failures[bad_qop];
    }
    if (status != SEC_E_OK) {
        memset(wire, 0, wire_size);
        return status;
    }
    *data = buffers[1].pvBuffer;
    *size = buffers[1].cbBuffer;
    return SEC_E_OK;
}
