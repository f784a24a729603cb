// SPDX-License-Identifier: MIT
//
// The functions of the seam. Each reads its inputs, as a real package may, and answers as the fuzzer's input decides.
#include "hostile.hpp"

#include <cstring>

using fuzzing::require;
using hostile::package;

namespace {

package& here() {
    return package::instance();
}

bool is_ended(const SEC_WCHAR* text) {
    while (*text != 0) {
        ++text;
    }
    return true;
}

/// Reads the bytes of an input buffer.
void read(const SecBufferDesc* buffers) {
    for (const auto& buffer : std::span{buffers->pBuffers, buffers->cBuffers}) {
        fuzzing::touch({static_cast<const std::byte*>(buffer.pvBuffer), buffer.cbBuffer});
    }
}

TimeStamp some_time() {
    const auto told = here().in().flag() ? here().in().any<std::int64_t>() : 0x01DD000000000000;
    TimeStamp time{};
    std::memcpy(&time, &told, sizeof time);
    return time;
}

SECURITY_STATUS message(CtxtHandle* context, SecBufferDesc* buffers, bool writes_data) {
    here().use_context(context);
    ++here().message_calls;
    read(buffers);
    here().message_status = here().status();
    here().answer(buffers, writes_data);
    return here().message_status;
}

SECURITY_STATUS step(CredHandle* credential, CtxtHandle* context, SecBufferDesc* input, CtxtHandle* new_context,
                     SecBufferDesc* output, ULONG* attributes, TimeStamp* expiry) {
    here().use_credentials(credential);
    ++here().steps;
    if (input != nullptr) {
        read(input);
    }
    const auto& first = output->pBuffers[0];
    here().step_output = {static_cast<std::byte*>(first.pvBuffer), first.cbBuffer};
    const auto status = here().status_of_step();
    here().update_context(context, new_context, status >= 0);
    here().answer(output, false);
    if (input != nullptr) {
        for (auto& buffer : std::span{input->pBuffers, input->cBuffers}) {
            here().falsify(buffer);
        }
    }
    *attributes = here().in().flag() ? here().in().any<ULONG>() : ~ULONG{0};
    *expiry = some_time();
    return status;
}

} // namespace

namespace sspan::inline SSPAN_API_NAMESPACE::detail::api {

SECURITY_STATUS enumerate_security_packages(ULONG* count, SecPkgInfoW** packages) noexcept {
    const auto status = here().status();
    *count = here().in().number<ULONG>(0, 3);
    *packages = status < 0 ? reinterpret_cast<SecPkgInfoW*>(std::uintptr_t{0xBAD}) : here().infos(*count);
    if (*packages == nullptr) {
        *count = here().in().any<ULONG>();
    }
    return status;
}

SECURITY_STATUS query_security_package_info(const SEC_WCHAR* name, SecPkgInfoW** info) noexcept {
    require(is_ended(name), "a name ends in a zero");
    const auto status = here().status();
    *info = status < 0 ? reinterpret_cast<SecPkgInfoW*>(std::uintptr_t{0xBAD}) : here().infos(1);
    return status;
}

SECURITY_STATUS free_context_buffer(void* buffer) noexcept {
    here().free(buffer);
    return here().status();
}

SECURITY_STATUS acquire_credentials_handle(const SEC_WCHAR* /*principal*/, const SEC_WCHAR* name, ULONG /*use*/,
                                           void* /*auth_data*/, CredHandle* credential, TimeStamp* expiry) noexcept {
    require(is_ended(name), "a name ends in a zero");
    const auto status = here().status();
    *credential = status < 0 ? CredHandle{0xBAD2, 0xBAD3} : here().make_credentials();
    *expiry = some_time();
    return status;
}

SECURITY_STATUS free_credentials_handle(CredHandle* credential) noexcept {
    here().end_credentials(credential);
    return here().status();
}

SECURITY_STATUS query_credentials_attributes(CredHandle* credential, ULONG attribute, void* buffer) noexcept {
    here().use_credentials(credential);
    require(attribute == SECPKG_CRED_ATTR_NAMES, "the attribute is known");
    const auto status = here().status();
    auto& names = *static_cast<SecPkgCredentials_NamesW*>(buffer);
    names.sUserName = status < 0 ? reinterpret_cast<SEC_WCHAR*>(std::uintptr_t{0xBAD}) : here().text();
    return status;
}

SECURITY_STATUS set_credentials_attributes(CredHandle* credential, ULONG attribute, void* buffer, ULONG size) noexcept {
    here().use_credentials(credential);
    require(attribute == SECPKG_CRED_ATTR_KDC_PROXY_SETTINGS, "the attribute is known");
    SecPkgCredentials_KdcProxySettingsW settings{};
    require(size >= sizeof settings, "the settings are complete");
    std::memcpy(&settings, buffer, sizeof settings);
    require(std::size_t{settings.ProxyServerOffset} + settings.ProxyServerLength <= size,
            "the proxy's name lies in the settings");
    fuzzing::touch({static_cast<const std::byte*>(buffer), size});
    return here().status();
}

void free_auth_identity(void* identity) noexcept {
    here().free_identity(identity);
}

SECURITY_STATUS initialize_security_context(CredHandle* credential, CtxtHandle* context, const SEC_WCHAR* target,
                                            ULONG /*request*/, ULONG /*data_representation*/, SecBufferDesc* input,
                                            CtxtHandle* new_context, SecBufferDesc* output, ULONG* attributes,
                                            TimeStamp* expiry) noexcept {
    require(is_ended(target), "the target ends in a zero");
    return step(credential, context, input, new_context, output, attributes, expiry);
}

SECURITY_STATUS accept_security_context(CredHandle* credential, CtxtHandle* context, SecBufferDesc* input,
                                        ULONG /*request*/, ULONG /*data_representation*/, CtxtHandle* new_context,
                                        SecBufferDesc* output, ULONG* attributes, TimeStamp* expiry) noexcept {
    return step(credential, context, input, new_context, output, attributes, expiry);
}

SECURITY_STATUS complete_auth_token(CtxtHandle* context, SecBufferDesc* token) noexcept {
    here().use_context(context);
    const auto status = here().status();
    if (token->pBuffers != nullptr) {
        here().falsify(token->pBuffers[0]);
    }
    return status;
}

SECURITY_STATUS delete_security_context(CtxtHandle* context) noexcept {
    here().end_context(context);
    return here().status();
}

SECURITY_STATUS make_signature(CtxtHandle* context, ULONG /*quality*/, SecBufferDesc* buffers,
                               ULONG /*sequence_number*/) noexcept {
    return message(context, buffers, false);
}

SECURITY_STATUS verify_signature(CtxtHandle* context, SecBufferDesc* buffers, ULONG /*sequence_number*/,
                                 ULONG* quality) noexcept {
    here().use_context(context);
    ++here().message_calls;
    read(buffers);
    *quality = here().in().any<ULONG>();
    here().message_status = here().status();
    for (auto& buffer : std::span{buffers->pBuffers, buffers->cBuffers}) {
        here().falsify(buffer);
    }
    return here().message_status;
}

SECURITY_STATUS encrypt_message(CtxtHandle* context, ULONG /*quality*/, SecBufferDesc* buffers,
                                ULONG /*sequence_number*/) noexcept {
    return message(context, buffers, true);
}

SECURITY_STATUS decrypt_message(CtxtHandle* context, SecBufferDesc* buffers, ULONG /*sequence_number*/,
                                ULONG* quality) noexcept {
    *quality = here().in().rarely() ? here().in().any<ULONG>() : 0;
    return message(context, buffers, true);
}

SECURITY_STATUS export_security_context(CtxtHandle* context, ULONG /*flags*/, SecBuffer* packed,
                                        HANDLE* token) noexcept {
    here().use_context(context);
    const auto status = here().status();
    if (status >= 0) {
        packed->pvBuffer = here().secret(packed->cbBuffer);
        packed->BufferType = here().in().any<ULONG>();
        if (token != nullptr) {
            *token = here().make_token(9);
        }
    } else {
        *packed = {here().in().any<ULONG>(), 0, reinterpret_cast<void*>(std::uintptr_t{0xBAD})};
        if (token != nullptr) {
            *token = reinterpret_cast<HANDLE>(std::uintptr_t{0xBAD});
        }
    }
    return status;
}

SECURITY_STATUS import_security_context(const SEC_WCHAR* name, SecBuffer* packed, HANDLE /*token*/,
                                        CtxtHandle* context) noexcept {
    require(is_ended(name), "a name ends in a zero");
    fuzzing::touch({static_cast<const std::byte*>(packed->pvBuffer), packed->cbBuffer});
    const auto status = here().status();
    *context = status >= 0 ? here().make_context() : CtxtHandle{0xBAD0, 0xBAD1};
    return status;
}

SECURITY_STATUS query_security_context_token(CtxtHandle* context, HANDLE* token) noexcept {
    here().use_context(context);
    const auto status = here().status();
    *token = status >= 0 ? here().make_token(9) : reinterpret_cast<HANDLE>(std::uintptr_t{0xBAD});
    return status;
}

SECURITY_STATUS impersonate_security_context(CtxtHandle* context) noexcept {
    here().use_context(context);
    const auto status = here().status();
    if (status == SEC_E_OK || (status > 0 && here().in().flag())) {
        here().act_as(9);
    } else if (here().in().rarely()) {
        here().act_as(0); // a failed call may have removed the thread's token
    }
    return status;
}

SECURITY_STATUS revert_security_context(CtxtHandle* context) noexcept {
    here().use_context(context);
    const auto status = here().status();
    here().revert_has_failed = status != SEC_E_OK;
    if (status == SEC_E_OK || (status > 0 && here().in().flag())) {
        here().act_as(0);
    }
    return status;
}

// The system's answers about threads are correct, but calls may fail.

DWORD open_thread_token(DWORD /*access*/, bool /*as_self*/, HANDLE* token) noexcept {
    *token = reinterpret_cast<HANDLE>(std::uintptr_t{0xBAD});
    const auto error = here().win32_error();
    if (error != ERROR_SUCCESS && error != ERROR_NO_TOKEN) {
        here().revert_has_failed = true; // the caller cannot check that it has reverted
        return error;
    }
    if (here().acts_as() == 0) {
        return ERROR_NO_TOKEN;
    }
    *token = here().make_token(here().acts_as());
    // The anonymous user's tokens cannot be compared.
    here().revert_has_failed = here().revert_has_failed || *token == nullptr;
    return *token == nullptr ? ERROR_CANT_OPEN_ANONYMOUS : ERROR_SUCCESS;
}

DWORD set_thread_token(HANDLE token) noexcept {
    const auto client = token == nullptr ? 0U : here().client_of(token);
    const auto error = here().win32_error();
    here().revert_has_failed = error != ERROR_SUCCESS;
    if (error == ERROR_SUCCESS) {
        const bool lowers = client != 0 && here().in().rarely(); // the thread gets a token of a lower level
        here().act_as(lowers ? client + 100 : client);
        here().revert_has_failed = lowers;
    }
    return error;
}

DWORD query_impersonation_level(HANDLE token, SECURITY_IMPERSONATION_LEVEL* level) noexcept {
    static_cast<void>(here().client_of(token));
    const int told = here().in().flag() ? SecurityImpersonation : here().in().number(0, 3);
    *level = static_cast<SECURITY_IMPERSONATION_LEVEL>(told);
    return here().win32_error();
}

DWORD query_token_type(HANDLE token, bool* is_primary) noexcept {
    static_cast<void>(here().client_of(token));
    *is_primary = here().in().flag();
    return here().win32_error();
}

DWORD duplicate_token(HANDLE token, DWORD /*access*/, SECURITY_IMPERSONATION_LEVEL /*level*/, bool /*as_primary*/,
                      HANDLE* duplicate) noexcept {
    const auto client = here().client_of(token);
    const auto error = here().win32_error();
    *duplicate = error == ERROR_SUCCESS ? here().make_token(client) : reinterpret_cast<HANDLE>(std::uintptr_t{0xBAD});
    return error;
}

DWORD query_token_id(HANDLE token, std::uint64_t* id) noexcept {
    *id = here().client_of(token);
    const auto error = here().win32_error();
    here().revert_has_failed = here().revert_has_failed || error != ERROR_SUCCESS;
    return error;
}

DWORD close_handle(HANDLE handle) noexcept {
    here().close(handle);
    return here().win32_error();
}

DWORD last_error() noexcept {
    return 0;
}

void set_last_error(DWORD /*error*/) noexcept {}

std::int64_t local_to_utc(std::int64_t local) noexcept {
    return here().in().rarely() ? 0 : local;
}

void secure_zero(void* memory, std::size_t size) noexcept {
    for (auto* byte = static_cast<volatile unsigned char*>(memory); size != 0; --size, ++byte) {
        *byte = 0;
    }
}

void fail_fast() noexcept {
    require(here().revert_has_failed && here().process_end != nullptr, "the process ends only after a failed revert");
    std::longjmp(*here().process_end, 1);
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::api
