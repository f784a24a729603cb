/* SPDX-License-Identifier: MIT */
#include "hand_written.h"

#include <string.h>

#if defined(SSPAN_NOTHING)
#include "nothing.h"
#define MakeSignature nothing_make_signature
#define VerifySignature nothing_verify_signature
#define EncryptMessage nothing_encrypt_message
#define DecryptMessage nothing_decrypt_message
#elif !defined(_WIN32) /* WinPR has them in a table only */
#define MakeSignature InitSecurityInterfaceExW(0)->MakeSignature
#define VerifySignature InitSecurityInterfaceExW(0)->VerifySignature
#define EncryptMessage InitSecurityInterfaceExW(0)->EncryptMessage
#define DecryptMessage InitSecurityInterfaceExW(0)->DecryptMessage
#endif

SECURITY_STATUS hand_sign(CtxtHandle* context, void* data, ULONG size, void* signature, ULONG* signature_size) {
    SecBuffer buffers[2] = {{size, SECBUFFER_DATA, data}, {*signature_size, SECBUFFER_TOKEN, signature}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = MakeSignature(context, 0, &message, 0);
    *signature_size = buffers[1].cbBuffer;
    return status;
}

SECURITY_STATUS hand_verify(CtxtHandle* context, void* data, ULONG size, void* signature, ULONG signature_size) {
    SecBuffer buffers[2] = {{size, SECBUFFER_DATA, data}, {signature_size, SECBUFFER_TOKEN, signature}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
    ULONG quality = 0;
    return VerifySignature(context, &message, 0, &quality);
}

SECURITY_STATUS hand_encrypt(CtxtHandle* context, void* data, ULONG size, void* token, ULONG* token_size, void* padding,
                             ULONG* padding_size) {
    SecBuffer buffers[3] = {{*token_size, SECBUFFER_TOKEN, token},
                            {size, SECBUFFER_DATA, data},
                            {*padding_size, SECBUFFER_PADDING, padding}};
    SecBufferDesc message = {SECBUFFER_VERSION, padding != NULL ? 3 : 2, buffers};
    SECURITY_STATUS status = EncryptMessage(context, 0, &message, 0);
    *token_size = buffers[0].cbBuffer;
    *padding_size = buffers[2].cbBuffer;
    return status;
}

SECURITY_STATUS hand_decrypt(CtxtHandle* context, void* data, ULONG* size, void* token, ULONG token_size) {
    SecBuffer buffers[2] = {{token_size, SECBUFFER_TOKEN, token}, {*size, SECBUFFER_DATA, data}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
    ULONG quality = 0;
    SECURITY_STATUS status = DecryptMessage(context, &message, 0, &quality);
    *size = buffers[1].cbBuffer;
    return status;
}

SECURITY_STATUS hand_wrap(CtxtHandle* context, unsigned char* frame, ULONG token_room, ULONG size, ULONG padding_room,
                          unsigned char** wire, ULONG* wire_size) {
    ULONG token_size = token_room;
    SECURITY_STATUS status =
        hand_encrypt(context, frame + token_room, size, frame, &token_size, frame + token_room + size, &padding_room);
    *wire = frame + token_room - token_size;
    memmove(*wire, frame, token_size);
    *wire_size = token_size + size + padding_room;
    return status;
}

SECURITY_STATUS hand_unwrap(CtxtHandle* context, void* wire, ULONG wire_size, unsigned char** data, ULONG* size) {
    SecBuffer buffers[2] = {{wire_size, SECBUFFER_STREAM, wire}, {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
    ULONG quality = 0;
    SECURITY_STATUS status = DecryptMessage(context, &message, 0, &quality);
    *data = buffers[1].pvBuffer;
    *size = buffers[1].cbBuffer;
    return status;
}
