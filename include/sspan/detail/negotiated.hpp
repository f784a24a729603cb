// SPDX-License-Identifier: MIT
//
// Which package is at work in a context.
#pragma once

#include "../package.hpp"
#include "handle.hpp"
#include "text.hpp"

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

enum class is_ntlm { no, yes, not_told };

/// By SECPKG_ATTR_NEGOTIATION_INFO, which for Negotiate names the package that it has chosen.
inline is_ntlm query_is_ntlm(CtxtHandle context) noexcept {
    SecPkgContext_NegotiationInfoW info{};
    const auto status = api::query_context_attributes(&context, SECPKG_ATTR_NEGOTIATION_INFO, &info);
    const context_buffer<SecPkgInfoW> chosen{status < 0 ? nullptr : info.PackageInfo};
    if (!chosen || chosen.get()->Name == nullptr) {
        return is_ntlm::not_told;
    }
    return is_name(chosen.get()->Name, package::ntlm) ? is_ntlm::yes : is_ntlm::no;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
