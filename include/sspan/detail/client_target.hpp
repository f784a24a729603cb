// SPDX-License-Identifier: MIT
//
// The service that a client intended to reach.
#pragma once

#include "../error.hpp"
#include "../os/handle.hpp"
#include "../os/text.hpp"

#include <new> // std::bad_alloc
#include <string>
#include <system_error>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// Returns true if `target` is the service `name`. Only the case of ASCII letters is ignored. A target of Kerberos may
/// go on with "@" and a realm (MS-KILE, 3.2.5.8). Both are zero-terminated.
[[nodiscard]] inline bool is_service(const SEC_WCHAR* target, const SEC_WCHAR* name, bool may_have_realm) noexcept {
    constexpr auto lower = [](SEC_WCHAR unit) {
        return unit >= 'A' && unit <= 'Z' ? static_cast<SEC_WCHAR>(unit + ('a' - 'A')) : unit;
    };
    for (; *name != 0 && lower(*name) == lower(*target); ++name) {
        ++target;
    }
    if (*name != 0 || *target == 0) {
        return *name == *target;
    }
    if (!may_have_realm || *target != '@' || target[1] == 0) {
        return false;
    }
    do {
        ++target;
    } while (*target != 0 && *target != '@' && *target != '/');
    return *target == 0;
}

/// Returns the first 255 characters of a name from a peer. Only printable ASCII is kept, so that a log stays readable.
/// Without memory it returns an empty string.
[[nodiscard]] inline std::string printable(const SEC_WCHAR* name) noexcept {
    try {
        std::string text;
        for (; *name != 0 && text.size() != 255; ++name) {
            text += *name >= ' ' && *name <= '~' ? static_cast<char>(*name) : '?';
        }
        return text;
    } catch (const std::bad_alloc&) {
        return {};
    }
}

/// Returns true if SECPKG_ATTR_CLIENT_SPECIFIED_TARGET of a server's context is one of `names`. An empty or missing
/// target is not. Otherwise sets `other` to the target, for a message. Sets `ec` to the package's error if it does not
/// report the target.
[[nodiscard]] inline bool is_target_among(const std::vector<os_string>& names, CtxtHandle context, bool is_kerberos,
                                          std::string& other, std::error_code& ec) noexcept {
    SecPkgContext_ClientSpecifiedTarget told{};
    ec = failure(api::query_context_attributes(&context, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, &told));
    const context_buffer<SEC_WCHAR> target{ec ? nullptr : told.sTargetName};
    if (!target || *target.get() == 0) {
        return false;
    }
    for (const auto& name : names) {
        if (is_service(target.get(), name.data(), is_kerberos)) {
            return true;
        }
    }
    other = printable(target.get());
    return false;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
