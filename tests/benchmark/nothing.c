/* SPDX-License-Identifier: MIT */
#include "nothing.h"

#include <string.h>

unsigned long nothing_queries;
_Thread_local const void* nothing_data;

SECURITY_STATUS nothing_query_context_attributes(CtxtHandle* context, ULONG attribute, void* buffer) {
    (void)context;
    if (attribute != SECPKG_ATTR_SIZES) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    ++nothing_queries;
    SecPkgContext_Sizes* sizes = buffer;
    sizes->cbMaxToken = 4096;
    sizes->cbMaxSignature = nothing_token;
    sizes->cbBlockSize = 0;
    sizes->cbSecurityTrailer = nothing_token;
    return SEC_E_OK;
}

SECURITY_STATUS nothing_make_signature(CtxtHandle* context, ULONG quality, SecBufferDesc* message, ULONG number) {
    (void)context, (void)quality, (void)number;
    nothing_data = message->pBuffers[0].pvBuffer;
    message->pBuffers[1].cbBuffer = nothing_token;
    return SEC_E_OK;
}

SECURITY_STATUS nothing_verify_signature(CtxtHandle* context, SecBufferDesc* message, ULONG number, ULONG* quality) {
    (void)context, (void)number;
    nothing_data = message->pBuffers[0].pvBuffer;
    *quality = 0;
    return SEC_E_OK;
}

SECURITY_STATUS nothing_encrypt_message(CtxtHandle* context, ULONG quality, SecBufferDesc* message, ULONG number) {
    (void)context, (void)quality, (void)number;
    nothing_data = message->pBuffers[1].pvBuffer;
    message->pBuffers[0].cbBuffer = nothing_token;
    if (message->cBuffers > 2) {
        message->pBuffers[2].cbBuffer = 0;
    }
    return SEC_E_OK;
}

SECURITY_STATUS nothing_decrypt_message(CtxtHandle* context, SecBufferDesc* message, ULONG number, ULONG* quality) {
    (void)context, (void)number;
    SecBuffer* first = &message->pBuffers[0];
    SecBuffer* data = &message->pBuffers[1];
    if (first->BufferType == SECBUFFER_STREAM) {
        data->pvBuffer = (unsigned char*)first->pvBuffer + nothing_token;
        data->cbBuffer = first->cbBuffer - nothing_token;
    }
    nothing_data = data->pvBuffer;
    *quality = 0;
    return SEC_E_OK;
}

void nothing_secure_zero(void* memory, size_t size) {
    memset(memory, 0, size);
    __asm__ volatile("" : : "r"(memory) : "memory");
}
