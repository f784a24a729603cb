// SPDX-License-Identifier: MIT
//
// The functions of the seam: each calls the engine, with counts and faults.
#include <sspan/os/api.hpp>

#include "engine.hpp"
#include "faults.hpp"
#include "thread_tokens.hpp"

#include <cstdio>
#include <cstdlib>

namespace sspan::inline SSPAN_API_NAMESPACE::detail::api {

namespace {

using ::loopback::as_primary_flag;
using ::loopback::as_self_flag;
using ::loopback::engine;
using ::loopback::falsifier;
using ::loopback::faults;
using ::loopback::function;
using ::loopback::role;

thread_local unsigned depth = 0;
thread_local DWORD error_of_thread = 0;

/// The scope of one call.
class visit {
public:
    visit() noexcept { ++depth; }
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit() { --depth; }
};

/// A call without buffers.
template <class Call>
SECURITY_STATUS counted(function which, ULONG flags, Call call) noexcept {
    const visit here;
    const auto fate = faults::instance().begin(which, flags);
    if (fate.instead) {
        return *fate.instead;
    }
    const SECURITY_STATUS status = call();
    return status >= 0 && fate.afterwards ? *fate.afterwards : status;
}

/// A call that fills buffers.
template <class Call, class Instead>
SECURITY_STATUS counted(function which, ULONG flags, SecBufferDesc* buffers, Call call, Instead instead) noexcept {
    const visit here;
    const auto fate = faults::instance().begin(which, flags, buffers);
    if (fate.instead) {
        if (*fate.instead < 0) {
            instead();
        }
        return *fate.instead;
    }
    const falsifier before{buffers};
    const SECURITY_STATUS status = call();
    if (status >= 0 && fate.hostile) {
        before.apply(*fate.hostile, buffers);
    }
    return status >= 0 && fate.afterwards ? *fate.afterwards : status;
}

template <class Call>
SECURITY_STATUS message(function which, ULONG flags, SecBufferDesc* buffers, Call call) noexcept {
    return counted(which, flags, buffers, call, [] {});
}

/// A call that returns a Win32 error code.
template <class Call>
DWORD win32(function which, ULONG flags, Call call) noexcept {
    const visit here;
    const auto fate = faults::instance().begin(which, flags);
    if (fate.instead) {
        return static_cast<DWORD>(*fate.instead);
    }
    const DWORD error = call();
    return error == 0 && fate.afterwards ? static_cast<DWORD>(*fate.afterwards) : error;
}

/// Overwrites the handle of a failed first step, which has no meaning.
void spoil(const CtxtHandle* context, CtxtHandle* new_context) noexcept {
    if (context == nullptr && new_context != nullptr) {
        new_context->dwLower = 0xBAD2BAD2;
        new_context->dwUpper = 0xBAD3BAD3;
    }
}

} // namespace

SECURITY_STATUS enumerate_security_packages(ULONG* count, SecPkgInfoW** packages) noexcept {
    return counted(function::enumerate_security_packages, 0,
                   [&] { return engine::instance().enumerate(count, packages); });
}

SECURITY_STATUS query_security_package_info(const SEC_WCHAR* package, SecPkgInfoW** info) noexcept {
    return counted(function::query_security_package_info, 0,
                   [&] { return engine::instance().query_package(package, info); });
}

SECURITY_STATUS free_context_buffer(void* buffer) noexcept {
    return counted(function::free_context_buffer, 0, [&] { return engine::instance().free_buffer(buffer); });
}

SECURITY_STATUS acquire_credentials_handle(const SEC_WCHAR* principal, const SEC_WCHAR* package, ULONG use,
                                           void* auth_data, CredHandle* credential, TimeStamp* expiry) noexcept {
    const SECURITY_STATUS status = counted(function::acquire_credentials_handle, use, [&] {
        return engine::instance().acquire(principal, package, use, auth_data, credential, expiry);
    });
    if (status < 0 && credential != nullptr) { // the handle has no meaning then
        credential->dwLower = 0xBAD4BAD4;
        credential->dwUpper = 0xBAD5BAD5;
    }
    return status;
}

SECURITY_STATUS free_credentials_handle(CredHandle* credential) noexcept {
    return counted(function::free_credentials_handle, 0,
                   [&] { return engine::instance().free_credentials(credential); });
}

SECURITY_STATUS query_credentials_attributes(CredHandle* credential, ULONG attribute, void* buffer) noexcept {
    return counted(function::query_credentials_attributes, attribute,
                   [&] { return engine::instance().query_credentials(credential, attribute, buffer); });
}

SECURITY_STATUS set_credentials_attributes(CredHandle* credential, ULONG attribute, void* buffer, ULONG size) noexcept {
    return counted(function::set_credentials_attributes, attribute,
                   [&] { return engine::instance().set_credentials(credential, attribute, buffer, size); });
}

void free_auth_identity(void* identity) noexcept {
    const visit here;
    static_cast<void>(faults::instance().begin(function::free_auth_identity, 0));
    engine::instance().free_identity(identity);
}

SECURITY_STATUS initialize_security_context(CredHandle* credential, CtxtHandle* context, const SEC_WCHAR* target,
                                            ULONG request, ULONG data_representation, SecBufferDesc* input,
                                            CtxtHandle* new_context, SecBufferDesc* output, ULONG* attributes,
                                            TimeStamp* expiry) noexcept {
    return counted(
        function::initialize_security_context, request, output,
        [&] {
            return engine::instance().step(role::client, {credential, context, target, request, data_representation,
                                                          input, new_context, output, attributes, expiry});
        },
        [&] { spoil(context, new_context); });
}

SECURITY_STATUS accept_security_context(CredHandle* credential, CtxtHandle* context, SecBufferDesc* input,
                                        ULONG request, ULONG data_representation, CtxtHandle* new_context,
                                        SecBufferDesc* output, ULONG* attributes, TimeStamp* expiry) noexcept {
    return counted(
        function::accept_security_context, request, output,
        [&] {
            return engine::instance().step(role::server, {credential, context, nullptr, request, data_representation,
                                                          input, new_context, output, attributes, expiry});
        },
        [&] { spoil(context, new_context); });
}

SECURITY_STATUS complete_auth_token(CtxtHandle* context, SecBufferDesc* token) noexcept {
    return message(function::complete_auth_token, 0, token,
                   [&] { return engine::instance().complete(context, token); });
}

SECURITY_STATUS delete_security_context(CtxtHandle* context) noexcept {
    return counted(function::delete_security_context, 0, [&] { return engine::instance().delete_context(context); });
}

SECURITY_STATUS query_context_attributes(CtxtHandle* context, ULONG attribute, void* buffer) noexcept {
    return counted(function::query_context_attributes, attribute,
                   [&] { return engine::instance().query_context(context, attribute, buffer); });
}

SECURITY_STATUS make_signature(CtxtHandle* context, ULONG quality, SecBufferDesc* buffers,
                               ULONG sequence_number) noexcept {
    return message(function::make_signature, quality, buffers,
                   [&] { return engine::instance().sign(context, quality, buffers, sequence_number); });
}

SECURITY_STATUS verify_signature(CtxtHandle* context, SecBufferDesc* buffers, ULONG sequence_number,
                                 ULONG* quality) noexcept {
    return message(function::verify_signature, 0, buffers,
                   [&] { return engine::instance().verify(context, buffers, quality, sequence_number); });
}

SECURITY_STATUS encrypt_message(CtxtHandle* context, ULONG quality, SecBufferDesc* buffers,
                                ULONG sequence_number) noexcept {
    return message(function::encrypt_message, quality, buffers,
                   [&] { return engine::instance().encrypt(context, quality, buffers, sequence_number); });
}

SECURITY_STATUS decrypt_message(CtxtHandle* context, SecBufferDesc* buffers, ULONG sequence_number,
                                ULONG* quality) noexcept {
    return message(function::decrypt_message, 0, buffers,
                   [&] { return engine::instance().decrypt(context, buffers, quality, sequence_number); });
}

SECURITY_STATUS export_security_context(CtxtHandle* context, ULONG flags, SecBuffer* packed, HANDLE* token) noexcept {
    return counted(function::export_security_context, flags,
                   [&] { return engine::instance().export_context(context, flags, packed, token); });
}

SECURITY_STATUS import_security_context(const SEC_WCHAR* package, SecBuffer* packed, HANDLE token,
                                        CtxtHandle* context) noexcept {
    const SECURITY_STATUS status = counted(function::import_security_context, 0, [&] {
        return engine::instance().import_context(package, packed, token, context);
    });
    if (status < 0) {
        spoil(nullptr, context);
    }
    return status;
}

SECURITY_STATUS query_security_context_token(CtxtHandle* context, HANDLE* token) noexcept {
    return counted(function::query_security_context_token, 0,
                   [&] { return engine::instance().query_token(context, token); });
}

SECURITY_STATUS impersonate_security_context(CtxtHandle* context) noexcept {
    return counted(function::impersonate_security_context, 0, [&] { return engine::instance().impersonate(context); });
}

SECURITY_STATUS revert_security_context(CtxtHandle* context) noexcept {
    return counted(function::revert_security_context, 0, [&] { return engine::instance().revert(context); });
}

DWORD open_thread_token(DWORD access, bool as_self, HANDLE* token) noexcept {
    return win32(function::open_thread_token, as_self ? access | as_self_flag : access,
                 [&] { return ::loopback::thread_tokens::open(token); });
}

DWORD set_thread_token(HANDLE token) noexcept {
    return win32(function::set_thread_token, 0, [&] { return ::loopback::thread_tokens::set(token); });
}

DWORD query_impersonation_level(HANDLE token, SECURITY_IMPERSONATION_LEVEL* level) noexcept {
    return win32(function::query_impersonation_level, 0,
                 [&] { return ::loopback::thread_tokens::level_of(token, level); });
}

DWORD query_token_type(HANDLE token, bool* is_primary) noexcept {
    return win32(function::query_token_type, 0, [&] { return ::loopback::thread_tokens::type_of(token, is_primary); });
}

DWORD duplicate_token(HANDLE token, DWORD access, SECURITY_IMPERSONATION_LEVEL level, bool as_primary,
                      HANDLE* duplicate) noexcept {
    return win32(function::duplicate_token, as_primary ? access | as_primary_flag : access,
                 [&] { return ::loopback::thread_tokens::duplicate(token, access, level, as_primary, duplicate); });
}

DWORD query_token_id(HANDLE token, std::uint64_t* id) noexcept {
    return win32(function::query_token_id, 0, [&] { return ::loopback::thread_tokens::id_of(token, id); });
}

DWORD close_handle(HANDLE handle) noexcept {
    return win32(function::close_handle, 0, [&] { return ::loopback::thread_tokens::close(handle); });
}

DWORD last_error() noexcept {
    static_cast<void>(faults::instance().begin(function::last_error, 0));
    return error_of_thread;
}

void set_last_error(DWORD error) noexcept {
    static_cast<void>(faults::instance().begin(function::set_last_error, 0));
    error_of_thread = error;
}

std::int64_t local_to_utc(std::int64_t local) noexcept {
    static_cast<void>(faults::instance().begin(function::local_to_utc, 0));
    return local - engine::instance().settings.utc_offset;
}

void secure_zero(void* memory, std::size_t size) noexcept {
    const visit here;
    static_cast<void>(faults::instance().begin(function::secure_zero, 0));
    faults::instance().wiped += size;
    for (auto* byte = static_cast<volatile unsigned char*>(memory); size != 0; --size, ++byte) {
        *byte = 0;
    }
}

void fail_fast() noexcept {
    static_cast<void>(faults::instance().begin(function::fail_fast, 0));
    std::fputs("loopback: fail_fast\n", stderr);
    std::fflush(stderr);
    std::_Exit(::loopback::fail_fast_exit_code);
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::api

bool loopback::inside() noexcept {
    return sspan::detail::api::depth != 0;
}
