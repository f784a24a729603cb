// SPDX-License-Identifier: MIT
//
// Which package is at work in a context.
#pragma once

#include "../flags.hpp"
#include "../os/handle.hpp"
#include "../os/text.hpp"
#include "../package.hpp"

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// What NTLM does not have and reports all the same, because it was asked for.
inline constexpr auto never_ntlms = context_flags::mutual_auth | context_flags::delegate;

/// Which package a zero-terminated name is of, unless it is Negotiate's.
template <class Unit>
[[nodiscard]] security_package package_named(const Unit* name) noexcept {
    return is_name(name, package::kerberos) ? security_package::kerberos
           : is_name(name, package::ntlm)   ? security_package::ntlm
                                            : security_package::other;
}

struct chosen_package {
    [[nodiscard]] bool is_ntlm() const noexcept { return name == security_package::ntlm; }

    security_package name = security_package::not_told;
    /// Whether its checksum covers a SECBUFFER_READONLY_WITH_CHECKSUM: by its SecPkgInfo or, of NTLM, which does not
    /// say so there, by MS-NLMP (3.4.9: it signs what it does not seal, too).
    bool covers_headers = false;
};

/// By SECPKG_ATTR_NEGOTIATION_INFO, which for Negotiate names the package that it has chosen.
[[nodiscard]] inline chosen_package query_chosen_package(CtxtHandle context) noexcept {
    SecPkgContext_NegotiationInfoW told{};
    const auto status = api::query_context_attributes(&context, SECPKG_ATTR_NEGOTIATION_INFO, &told);
    const context_buffer<SecPkgInfoW> info{status < 0 ? nullptr : told.PackageInfo};
    if (!info || info.get()->Name == nullptr) {
        return {};
    }
    constexpr ULONG in_progress = 2;   // SECPKG_NEGOTIATION_IN_PROGRESS: the name is a guess
    constexpr ULONG try_multicred = 4; // SECPKG_NEGOTIATION_TRY_MULTICRED: so it is
    if (told.NegotiationState == in_progress || told.NegotiationState >= try_multicred ||
        is_name(info.get()->Name, package::negotiate)) {
        return {};
    }
    const auto name = package_named(info.get()->Name);
    return {name,
            name == security_package::ntlm || (info.get()->fCapabilities & SECPKG_FLAG_READONLY_WITH_CHECKSUM) != 0};
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
