// SPDX-License-Identifier: MIT
//
// The loopback package as a DLL, a security package of the system. After its registration, secur32 loads it. Its one
// package, "Loopback", behaves as Kerberos does. All processes that load it share its secret.
#include "engine.hpp"

#include "text.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

namespace {

using loopback::engine;
using loopback::role;

// Both names have the same length, so one can replace the other in place.
constexpr std::u16string_view inner_name = u"Kerberos";
constexpr std::u16string_view outer_name = u"Loopback";

template <class Call>
SECURITY_STATUS guarded(Call call) noexcept {
    try {
        return call();
    } catch (const std::bad_alloc&) {
        return SEC_E_INSUFFICIENT_MEMORY;
    } catch (...) { // an exception must not reach secur32
        return SEC_E_INTERNAL_ERROR;
    }
}

/// Reads the settings from the environment: a program has no call to set them.
void configure() {
    engine::instance().settings.upper_half_is_the_systems = true;
    if (const char* user = std::getenv("LOOPBACK_USER"); user != nullptr) { // the logged-on user
        engine::instance().settings.user.assign(user, user + std::strlen(user));
    }
    if (const char* service = std::getenv("LOOPBACK_SERVICE"); service != nullptr) { // the server's name
        engine::instance().settings.service_name.assign(service, service + std::strlen(service));
    }
}

void rename(SEC_WCHAR* name, std::u16string_view from, std::u16string_view to) {
    if (name != nullptr && loopback::same_name(loopback::from_sspi(name), from)) {
        std::ranges::transform(to, name, [](char16_t unit) { return static_cast<SEC_WCHAR>(unit); });
    }
}

/// The engine's name for a requested package.
class inner {
public:
    explicit inner(const SEC_WCHAR* outer) {
        const auto name = loopback::from_sspi(outer);
        const auto& meant = loopback::same_name(name, outer_name) ? inner_name : std::u16string_view{};
        std::ranges::transform(meant, units_, [](char16_t unit) { return static_cast<SEC_WCHAR>(unit); });
    }
    [[nodiscard]] const SEC_WCHAR* name() const noexcept { return units_; }

private:
    SEC_WCHAR units_[inner_name.size() + 1]{};
};

SECURITY_STATUS SEC_ENTRY query_package(SEC_WCHAR* name, SecPkgInfoW** info) {
    return guarded([&] {
        const auto status = engine::instance().query_package(inner{name}.name(), info);
        if (status == SEC_E_OK) {
            rename((*info)->Name, inner_name, outer_name);
        }
        return status;
    });
}

SECURITY_STATUS SEC_ENTRY enumerate(ULONG* count, SecPkgInfoW** packages) {
    SEC_WCHAR name[outer_name.size() + 1]{};
    std::ranges::transform(outer_name, name, [](char16_t unit) { return static_cast<SEC_WCHAR>(unit); });
    *count = 1;
    return query_package(name, packages);
}

SECURITY_STATUS SEC_ENTRY acquire(SEC_WCHAR* principal, SEC_WCHAR* package, ULONG use, void*, void* auth_data,
                                  SEC_GET_KEY_FN, void*, CredHandle* credential, TimeStamp* expiry) {
    return guarded([&] {
        return engine::instance().acquire(principal, inner{package}.name(), use, auth_data, credential, expiry);
    });
}

SECURITY_STATUS SEC_ENTRY free_credentials(CredHandle* credential) {
    return guarded([&] { return engine::instance().free_credentials(credential); });
}

SECURITY_STATUS SEC_ENTRY query_credentials(CredHandle* credential, ULONG attribute, void* buffer) {
    return guarded([&] { return engine::instance().query_credentials(credential, attribute, buffer); });
}

SECURITY_STATUS SEC_ENTRY set_credentials(CredHandle* credential, ULONG attribute, void* buffer, ULONG size) {
    return guarded([&] { return engine::instance().set_credentials(credential, attribute, buffer, size); });
}

SECURITY_STATUS SEC_ENTRY initialize(CredHandle* credential, CtxtHandle* context, SEC_WCHAR* target, ULONG request,
                                     ULONG, ULONG data_representation, SecBufferDesc* input, ULONG,
                                     CtxtHandle* new_context, SecBufferDesc* output, ULONG* attributes,
                                     TimeStamp* expiry) {
    return guarded([&] {
        return engine::instance().step(role::client, {credential, context, target, request, data_representation, input,
                                                      new_context, output, attributes, expiry});
    });
}

SECURITY_STATUS SEC_ENTRY accept(CredHandle* credential, CtxtHandle* context, SecBufferDesc* input, ULONG request,
                                 ULONG data_representation, CtxtHandle* new_context, SecBufferDesc* output,
                                 ULONG* attributes, TimeStamp* expiry) {
    return guarded([&] {
        return engine::instance().step(role::server, {credential, context, nullptr, request, data_representation, input,
                                                      new_context, output, attributes, expiry});
    });
}

SECURITY_STATUS SEC_ENTRY complete(CtxtHandle* context, SecBufferDesc* token) {
    return guarded([&] { return engine::instance().complete(context, token); });
}

SECURITY_STATUS SEC_ENTRY delete_context(CtxtHandle* context) {
    return guarded([&] { return engine::instance().delete_context(context); });
}

SECURITY_STATUS SEC_ENTRY query_context(CtxtHandle* context, ULONG attribute, void* buffer) {
    return guarded([&] {
        const auto status = engine::instance().query_context(context, attribute, buffer);
        if (status == SEC_E_OK &&
            (attribute == SECPKG_ATTR_PACKAGE_INFO || attribute == SECPKG_ATTR_NEGOTIATION_INFO)) {
            rename(static_cast<SecPkgContext_PackageInfoW*>(buffer)->PackageInfo->Name, inner_name, outer_name);
        }
        return status;
    });
}

SECURITY_STATUS SEC_ENTRY impersonate(CtxtHandle* context) {
    return guarded([&] { return engine::instance().impersonate(context); });
}

SECURITY_STATUS SEC_ENTRY revert(CtxtHandle* context) {
    return std::getenv("LOOPBACK_CANNOT_REVERT") != nullptr
               ? SEC_E_INTERNAL_ERROR
               : guarded([&] { return engine::instance().revert(context); });
}

SECURITY_STATUS SEC_ENTRY query_token(CtxtHandle* context, void** token) {
    return guarded([&] { return engine::instance().query_token(context, token); });
}

SECURITY_STATUS SEC_ENTRY sign(CtxtHandle* context, ULONG quality, SecBufferDesc* message, ULONG number) {
    return guarded([&] { return engine::instance().sign(context, quality, message, number); });
}

SECURITY_STATUS SEC_ENTRY verify(CtxtHandle* context, SecBufferDesc* message, ULONG number, ULONG* quality) {
    return guarded([&] { return engine::instance().verify(context, message, quality, number); });
}

SECURITY_STATUS SEC_ENTRY encrypt(CtxtHandle* context, ULONG quality, SecBufferDesc* message, ULONG number) {
    return guarded([&] { return engine::instance().encrypt(context, quality, message, number); });
}

SECURITY_STATUS SEC_ENTRY decrypt(CtxtHandle* context, SecBufferDesc* message, ULONG number, ULONG* quality) {
    return guarded([&] { return engine::instance().decrypt(context, message, quality, number); });
}

SECURITY_STATUS SEC_ENTRY free_buffer(void* memory) {
    return guarded([&] { return engine::instance().free_buffer(memory); });
}

SECURITY_STATUS SEC_ENTRY export_context(CtxtHandle* context, ULONG flags, SecBuffer* packed, void** token) {
    return guarded([&] { return engine::instance().export_context(context, flags, packed, token); });
}

SECURITY_STATUS SEC_ENTRY import_context(SEC_WCHAR* package, SecBuffer* packed, void* token, CtxtHandle* context) {
    return guarded([&] { return engine::instance().import_context(inner{package}.name(), packed, token, context); });
}

} // namespace

/// The entry point of a security package; exported as InitSecurityInterfaceW.
extern "C" SecurityFunctionTableW* SEC_ENTRY loopback_functions() {
    static SecurityFunctionTableW table = [] {
        configure();
        SecurityFunctionTableW made{};
        made.dwVersion = SECURITY_SUPPORT_PROVIDER_INTERFACE_VERSION_3; // up to SetCredentialsAttributes
        made.EnumerateSecurityPackagesW = enumerate;
        made.QueryCredentialsAttributesW = query_credentials;
        made.AcquireCredentialsHandleW = acquire;
        made.FreeCredentialsHandle = free_credentials;
        made.InitializeSecurityContextW = initialize;
        made.AcceptSecurityContext = accept;
        made.CompleteAuthToken = complete;
        made.DeleteSecurityContext = delete_context;
        made.QueryContextAttributesW = query_context;
        made.ImpersonateSecurityContext = impersonate;
        made.RevertSecurityContext = revert;
        made.MakeSignature = sign;
        made.VerifySignature = verify;
        made.FreeContextBuffer = free_buffer;
        made.QuerySecurityPackageInfoW = query_package;
        made.ExportSecurityContext = export_context;
        made.ImportSecurityContextW = import_context;
        made.QuerySecurityContextToken = query_token;
        made.EncryptMessage = encrypt;
        made.DecryptMessage = decrypt;
        made.SetCredentialsAttributesW = set_credentials;
        return made;
    }();
    return &table;
}
