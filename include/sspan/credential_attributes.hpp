// SPDX-License-Identifier: MIT
//
// Attributes of credentials: query and set.
#pragma once

#include "credentials.hpp"
#include "error.hpp"
#include "os/handle.hpp"
#include "os/text.hpp"
#include "package.hpp"

#include <gsl/narrow>

#include <cstddef>
#include <cstring> // std::memcpy
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Returns the name of the credentials' user.
/// @throws error `unsupported_function` if the package does not report it, `invalid_handle`, `insufficient_memory`.
/// @note Calls QueryCredentialsAttributes for SECPKG_CRED_ATTR_NAMES.
[[nodiscard]] inline std::wstring query_user_name(const credentials& creds, std::error_code& ec) noexcept {
    return detail::without_bad_alloc<std::wstring>(ec, [&]() -> std::wstring {
        detail::SecPkgCredentials_NamesW names{};
        auto raw = creds.native_handle();
        ec = creds ? detail::failure(detail::api::query_credentials_attributes(&raw, SECPKG_CRED_ATTR_NAMES, &names))
                   : errc::invalid_handle;
        if (ec) {
            return {};
        }
        const detail::context_buffer<SEC_WCHAR> name{names.sUserName};
        if (!name) {
            ec = errc::internal_error;
        }
        return detail::from_os(name.get());
    });
}
[[nodiscard]] inline std::wstring query_user_name(const credentials& creds) {
    std::error_code ec;
    auto name = query_user_name(creds, ec);
    detail::throw_if(ec, "QueryCredentialsAttributes");
    return name;
}

/// Makes the package reach the Kerberos key distribution center only through an HTTPS proxy (MS-KKDCP).
///
/// `server` is host[:port[:path]]. Microsoft documents no format; this one is taken from other programs and not
/// verified on Windows. The setting applies to all shares of the credentials. Set it before the first handshake.
/// @throws error `unsupported_function`, `invalid_handle`, `insufficient_memory`; `invalid_parameter` if `server` is
///   empty, contains a zero, has no UTF-16 form or is too long for SSPI's 16-bit sizes.
/// @note Calls SetCredentialsAttributes for SECPKG_CRED_ATTR_KDC_PROXY_SETTINGS, with
///   KDC_PROXY_SETTINGS_FLAGS_FORCEPROXY.
inline void set_kdc_proxy(const credentials& creds, std::wstring_view server, std::error_code& ec) noexcept {
    static_cast<void>(detail::without_bad_alloc<bool>(ec, [&] {
        detail::SecPkgCredentials_KdcProxySettingsW settings{};
        detail::os_string name;
        constexpr std::size_t most = 0xFFFF - sizeof settings;
        if (server.empty() || server.size() > most || !detail::to_os_name(server, name) ||
            name.size() * sizeof(SEC_WCHAR) > most) {
            ec = errc::invalid_parameter;
            return false;
        }
        const auto bytes = (name.size() - 1) * sizeof(SEC_WCHAR); // without the terminating zero
        settings.Version = KDC_PROXY_SETTINGS_V1;
        settings.Flags = KDC_PROXY_SETTINGS_FLAGS_FORCEPROXY;
        settings.ProxyServerOffset = sizeof settings;
        settings.ProxyServerLength = gsl::narrow_cast<USHORT>(bytes);
        std::vector<std::byte> memory(sizeof settings + bytes + sizeof(SEC_WCHAR));
        std::memcpy(memory.data(), &settings, sizeof settings);
        std::memcpy(memory.data() + sizeof settings, name.data(), bytes);
        auto raw = creds.native_handle();
        ec = creds ? detail::failure(detail::api::set_credentials_attributes(&raw, SECPKG_CRED_ATTR_KDC_PROXY_SETTINGS,
                                                                             memory.data(),
                                                                             gsl::narrow_cast<ULONG>(memory.size())))
                   : errc::invalid_handle;
        return true;
    }));
}
inline void set_kdc_proxy(const credentials& creds, std::wstring_view server) {
    std::error_code ec;
    set_kdc_proxy(creds, server, ec);
    detail::throw_if(ec, "SetCredentialsAttributes");
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
