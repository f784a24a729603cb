// SPDX-License-Identifier: MIT
//
// The security packages: names and capabilities.
#pragma once

#include "error.hpp"
#include "flags.hpp"
#include "os/handle.hpp"
#include "os/text.hpp"

#include <cstdint>
#include <new> // std::bad_alloc
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// The names of the packages that protect messages.
namespace package {
inline constexpr std::wstring_view kerberos = L"Kerberos";   ///< Proves both sides' identities with tickets.
inline constexpr std::wstring_view negotiate = L"Negotiate"; ///< Kerberos if possible, otherwise another.
inline constexpr std::wstring_view ntlm = L"NTLM";           ///< Does not prove the server's identity.
} // namespace package

/// The package at work in a context. Negotiate is never at work itself: it chooses one of the others.
enum class security_package : std::uint8_t {
    not_told, ///< The platform does not report the package. It may be any of them.
    kerberos, ///< Kerberos, alone or chosen by Negotiate.
    ntlm,     ///< NTLM, alone or chosen by Negotiate.
    other,    ///< The package is neither Kerberos nor NTLM.
};

/// Returns the enumerator's name. Allocates nothing.
[[nodiscard]] constexpr std::string_view to_string(security_package package) noexcept {
    switch (package) {
    case security_package::kerberos:
        return "kerberos";
    case security_package::ntlm:
        return "ntlm";
    case security_package::other:
        return "other";
    case security_package::not_told:
        break;
    }
    return "not_told";
}
/// Compare with an enumerator, not with a package's name.
bool operator==(security_package, std::wstring_view) = delete;

/// The description of a package (SecPkgInfo).
struct package_info {
    std::wstring name;    ///< For example L"Kerberos".
    std::wstring comment; ///< One line for people.
    package_capabilities capabilities = package_capabilities::none;
    std::uint16_t version = 0;   ///< The version of the package's protocol.
    std::uint16_t rpc_id = 0;    ///< The package's number in DCE RPC; 0xFFFF for none.
    std::uint32_t max_token = 0; ///< The longest token of a handshake, in bytes.
};

namespace detail {

inline package_info to_package_info(const SecPkgInfoW& info) {
    return {from_os(info.Name),
            from_os(info.Comment),
            static_cast<package_capabilities>(info.fCapabilities),
            static_cast<std::uint16_t>(info.wVersion),
            static_cast<std::uint16_t>(info.wRPCID),
            static_cast<std::uint32_t>(info.cbMaxToken)};
}

/// Calls `body` and reports std::bad_alloc as `insufficient_memory`.
template <class Result, class Body>
[[nodiscard]] Result without_bad_alloc(std::error_code& ec, Body body) noexcept {
    try {
        ec.clear();
        return body();
    } catch (const std::bad_alloc&) {
        ec = errc::insufficient_memory;
        return Result{};
    }
}

inline context_buffer<SecPkgInfoW> query_security_package_info(const os_string& name, std::error_code& ec) noexcept {
    SecPkgInfoW* info = nullptr;
    ec = failure(api::query_security_package_info(name.data(), &info));
    if (!ec && info == nullptr) {
        ec = errc::internal_error;
    }
    return context_buffer<SecPkgInfoW>{ec ? nullptr : info};
}

} // namespace detail

/// Returns the description of the package of this name. Case is ignored.
/// @throws error `secpkg_not_found`, `invalid_parameter` (a zero inside the name), `insufficient_memory`.
/// @note Calls QuerySecurityPackageInfo.
[[nodiscard]] inline package_info query_package(std::wstring_view name, std::error_code& ec) noexcept {
    return detail::without_bad_alloc<package_info>(ec, [&]() -> package_info {
        detail::os_string os_name;
        if (!detail::to_os_name(name, os_name)) {
            ec = errc::invalid_parameter;
            return {};
        }
        const auto info = detail::query_security_package_info(os_name, ec);
        return info ? detail::to_package_info(*info.get()) : package_info{};
    });
}

[[nodiscard]] inline package_info query_package(std::wstring_view name) {
    std::error_code ec;
    auto info = query_package(name, ec);
    detail::throw_if(ec, "QuerySecurityPackageInfo");
    return info;
}

/// Returns the packages of this machine.
/// @throws error `insufficient_memory`.
/// @note Calls EnumerateSecurityPackages.
[[nodiscard]] inline std::vector<package_info> enumerate_packages(std::error_code& ec) noexcept {
    return detail::without_bad_alloc<std::vector<package_info>>(ec, [&]() -> std::vector<package_info> {
        ULONG count = 0;
        SecPkgInfoW* first = nullptr;
        ec = detail::failure(detail::api::enumerate_security_packages(&count, &first));
        if (ec) {
            return {};
        }
        const detail::context_buffer<SecPkgInfoW> owner{first};
        std::vector<package_info> packages;
        for (ULONG index = 0; owner && index < count; ++index) {
            packages.push_back(detail::to_package_info(owner.get()[index]));
        }
        return packages;
    });
}

[[nodiscard]] inline std::vector<package_info> enumerate_packages() {
    std::error_code ec;
    auto packages = enumerate_packages(ec);
    detail::throw_if(ec, "EnumerateSecurityPackages");
    return packages;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
