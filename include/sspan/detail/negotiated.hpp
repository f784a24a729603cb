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

struct chosen_package {
    bool is_told = false; ///< Otherwise nothing is known of it.
    bool is_ntlm = false;
    /// Whether its checksum covers a SECBUFFER_READONLY_WITH_CHECKSUM: by its SecPkgInfo or, of NTLM, which does not
    /// say so there, by MS-NLMP (3.4.9: it signs what it does not seal, too).
    bool covers_headers = false;
};

/// By SECPKG_ATTR_NEGOTIATION_INFO, which for Negotiate names the package that it has chosen.
inline chosen_package query_chosen_package(CtxtHandle context) noexcept {
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
    const bool is_ntlm = is_name(info.get()->Name, package::ntlm);
    return {true, is_ntlm, is_ntlm || (info.get()->fCapabilities & SECPKG_FLAG_READONLY_WITH_CHECKSUM) != 0};
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
