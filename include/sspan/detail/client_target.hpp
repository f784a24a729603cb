// SPDX-License-Identifier: MIT
//
// The service that a client intended to reach.
#pragma once

#include "../error.hpp"
#include "../os/handle.hpp"
#include "../os/text.hpp"

#include <system_error>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// Returns true if two zero-terminated names are equal. Only the case of ASCII letters is ignored.
[[nodiscard]] inline bool is_same_service(const SEC_WCHAR* left, const SEC_WCHAR* right) noexcept {
    constexpr auto lower = [](SEC_WCHAR unit) {
        return unit >= 'A' && unit <= 'Z' ? static_cast<SEC_WCHAR>(unit + ('a' - 'A')) : unit;
    };
    for (; *left != 0 && lower(*left) == lower(*right); ++left) {
        ++right;
    }
    return *left == *right; // both have ended
}

/// Returns true if SECPKG_ATTR_CLIENT_SPECIFIED_TARGET of a server's context is one of `names`. An empty or missing
/// target is not. Sets `ec` to the package's error if it does not report the target.
[[nodiscard]] inline bool is_target_among(const std::vector<os_string>& names, CtxtHandle context,
                                          std::error_code& ec) noexcept {
    SecPkgContext_ClientSpecifiedTarget told{};
    ec = failure(api::query_context_attributes(&context, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, &told));
    const context_buffer<SEC_WCHAR> target{ec ? nullptr : told.sTargetName};
    if (!target || *target.get() == 0) {
        return false;
    }
    for (const auto& name : names) {
        if (is_same_service(name.data(), target.get())) {
            return true;
        }
    }
    return false;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
