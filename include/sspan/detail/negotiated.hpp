// SPDX-License-Identifier: MIT
//
// The package at work in a context.
#pragma once

#include "../flags.hpp"
#include "../os/handle.hpp"
#include "../os/text.hpp"
#include "../package.hpp"

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// Flags that NTLM reports on request, but does not support.
inline constexpr auto never_ntlms = context_flags::mutual_auth | context_flags::delegate;

/// Returns the package with this zero-terminated name. The name must not be Negotiate's.
template <class Unit>
[[nodiscard]] security_package package_named(const Unit* name) noexcept {
    return is_name(name, package::kerberos) ? security_package::kerberos
           : is_name(name, package::ntlm)   ? security_package::ntlm
                                            : security_package::other;
}

/// Returns the only package that a context of the package `name` can use. For Negotiate and for unknown packages, it
/// returns `not_told`: they may use NTLM.
template <class Unit>
[[nodiscard]] security_package only_package_of(const Unit* name) noexcept {
    const auto named = package_named(name);
    return named == security_package::other ? security_package::not_told : named;
}

struct chosen_package {
    [[nodiscard]] bool is_ntlm() const noexcept { return name == security_package::ntlm; }

    security_package name = security_package::not_told;
    /// True if the checksum covers a SECBUFFER_READONLY_WITH_CHECKSUM. This follows from SecPkgInfo. NTLM does not
    /// report it there, but MS-NLMP requires it (3.4.9: it also signs data that it does not seal).
    bool covers_headers = false;
};

/// Returns the package in SECPKG_ATTR_NEGOTIATION_INFO. For Negotiate, this is the package that it has chosen.
[[nodiscard]] inline chosen_package query_chosen_package(CtxtHandle context) noexcept {
    SecPkgContext_NegotiationInfoW told{};
    const auto status = api::query_context_attributes(&context, SECPKG_ATTR_NEGOTIATION_INFO, &told);
    const context_buffer<SecPkgInfoW> info{status < 0 ? nullptr : told.PackageInfo};
    if (!info || info.get()->Name == nullptr) {
        return {};
    }
    constexpr ULONG in_progress = 2;   // SECPKG_NEGOTIATION_IN_PROGRESS: the name is a guess
    constexpr ULONG try_multicred = 4; // SECPKG_NEGOTIATION_TRY_MULTICRED: also a guess
    if (told.NegotiationState == in_progress || told.NegotiationState >= try_multicred ||
        is_name(info.get()->Name, package::negotiate)) {
        return {};
    }
    const auto name = package_named(info.get()->Name);
    return {name,
            name == security_package::ntlm || (info.get()->fCapabilities & SECPKG_FLAG_READONLY_WITH_CHECKSUM) != 0};
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
