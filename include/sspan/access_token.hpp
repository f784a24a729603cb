// SPDX-License-Identifier: MIT
//
// A client's access token, for work that an impersonation_guard does not reach.
#pragma once

#include "error.hpp"
#include "os/handle.hpp"
#include "server_context.hpp"

#include <system_error>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Owns a HANDLE of an access token, and closes it with CloseHandle. `get()` lends it, `release()` gives it away.
using access_token = detail::token_handle;

/// The access token of the client of `context`, to hand to another thread. It stays good when the context has gone.
///
/// It is an impersonation token: a process needs a primary one, which DuplicateTokenEx makes. Nothing looks at its
/// level, which the system may lower silently; an `impersonation_guard` does.
/// @throws error `invalid_handle`, `no_impersonation`, `unsupported_function` and others of the package.
/// @note Calls QuerySecurityContextToken.
[[nodiscard]] inline access_token query_security_context_token(const server_context& context,
                                                               std::error_code& ec) noexcept {
    if (!context) {
        ec = errc::invalid_handle;
        return {};
    }
    auto raw = context.native_handle();
    HANDLE token = nullptr;
    const auto status = detail::api::query_security_context_token(&raw, &token);
    access_token owned{status < 0 ? nullptr : token}; // another success is an error, and may have made one
    if (!detail::succeeded(status, ec)) {
        return {};
    }
    if (!owned) {
        ec = errc::internal_error;
    }
    return owned;
}
[[nodiscard]] inline access_token query_security_context_token(const server_context& context) {
    std::error_code ec;
    auto token = query_security_context_token(context, ec);
    detail::throw_if(ec, "QuerySecurityContextToken");
    return token;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
