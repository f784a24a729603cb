// SPDX-License-Identifier: MIT
//
// A client's access token, for work on other threads and in other processes.
#pragma once

#include "error.hpp"
#include "impersonation_level.hpp"
#include "os/handle.hpp"
#include "server_context.hpp"

#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Owns a HANDLE of an access token, and closes it with CloseHandle. It can be moved, but not copied.
///
/// An impersonation token has a level and can be set on a thread with an `impersonation_guard`. Processes have primary
/// tokens. The handle needs TOKEN_QUERY for `is_primary` and `level`, and TOKEN_DUPLICATE for `duplicate` and
/// `to_primary`. Several threads may use one token at a time if none of them moves it.
class access_token {
public:
    /// Makes the zero state, which is also the state of a moved-from object.
    access_token() noexcept = default;

    /// Takes ownership of a handle from elsewhere, such as OpenProcessToken. Null makes the zero state.
    [[nodiscard]] static access_token adopt(HANDLE token) noexcept { return access_token{detail::token_handle{token}}; }

    /// Returns the handle, which stays owned by this object; null in the zero state.
    [[nodiscard]] HANDLE native_handle() const noexcept { return token_.get(); }
    /// Returns the handle and makes this the zero state. The caller closes the handle with CloseHandle.
    [[nodiscard]] HANDLE release() noexcept { return token_.release(); }
    /// Returns false in the zero state.
    explicit operator bool() const noexcept { return static_cast<bool>(token_); }

    /// Returns true if this is a primary token. A client's token is an impersonation token.
    /// @return false on failure.
    /// @throws error `invalid_handle` in the zero state, Win32 errors, `unsupported_function` without access tokens.
    /// @note Calls GetTokenInformation for TokenType.
    [[nodiscard]] bool is_primary(std::error_code& ec) const noexcept {
        bool primary = false;
        ec = token_ ? detail::win32_failure(detail::api::query_token_type(token_.get(), &primary))
                    : errc::invalid_handle;
        return !ec && primary;
    }
    [[nodiscard]] bool is_primary() const {
        std::error_code ec;
        const bool primary = is_primary(ec);
        detail::throw_if(ec, "GetTokenInformation");
        return primary;
    }

    /// Returns the level of an impersonation token.
    ///
    /// The system may lower the level when the token is set on a thread, so an `impersonation_guard` checks it again.
    /// @return `anonymous` on failure.
    /// @throws error as `is_primary`; `bad_token_type` for a primary token, which has no level.
    /// @note Calls GetTokenInformation for TokenType and TokenImpersonationLevel.
    [[nodiscard]] impersonation_level level(std::error_code& ec) const noexcept {
        auto found = SecurityAnonymous;
        if (is_primary(ec)) {
            ec = errc::bad_token_type;
        }
        if (!ec) {
            ec = detail::win32_failure(detail::api::query_impersonation_level(token_.get(), &found));
        }
        return ec ? impersonation_level::anonymous : static_cast<impersonation_level>(found);
    }
    [[nodiscard]] impersonation_level level() const {
        std::error_code ec;
        const auto found = level(ec);
        detail::throw_if(ec, "GetTokenInformation");
        return found;
    }

    /// Returns a new impersonation token of `level` for the same user.
    ///
    /// A primary token can be duplicated at every level, an impersonation token up to its own level. Processes do not
    /// inherit the new handle. It has TOKEN_QUERY, TOKEN_IMPERSONATE and TOKEN_DUPLICATE.
    /// @return the zero state on failure.
    /// @throws error `bad_impersonation_level` if this token has a lower level (see `impersonation_level`),
    ///   `invalid_handle` in the zero state, Win32 errors, `unsupported_function` without access tokens.
    /// @note Calls DuplicateTokenEx for TokenImpersonation.
    [[nodiscard]] access_token duplicate(impersonation_level level, std::error_code& ec) const noexcept {
        return make(TOKEN_QUERY | TOKEN_IMPERSONATE | TOKEN_DUPLICATE, static_cast<SECURITY_IMPERSONATION_LEVEL>(level),
                    false, ec);
    }
    [[nodiscard]] access_token duplicate(impersonation_level level) const {
        std::error_code ec;
        auto made = duplicate(level, ec);
        detail::throw_if(ec, "DuplicateTokenEx");
        return made;
    }

    /// Returns a new primary token for the same user, for CreateProcessAsUser and CreateProcessWithTokenW.
    ///
    /// Processes do not inherit the new handle. It has TOKEN_QUERY, TOKEN_DUPLICATE, TOKEN_ASSIGN_PRIMARY,
    /// TOKEN_ADJUST_DEFAULT and TOKEN_ADJUST_SESSIONID. CreateProcessAsUser needs privileges of the server's account:
    /// SeIncreaseQuotaPrivilege, and for most tokens SeAssignPrimaryTokenPrivilege.
    /// @return the zero state on failure.
    /// @throws error as `duplicate`; `bad_impersonation_level` if this token's level is lower than `impersonation`.
    /// @note Calls DuplicateTokenEx for TokenPrimary.
    [[nodiscard]] access_token to_primary(std::error_code& ec) const noexcept {
        return make(TOKEN_QUERY | TOKEN_DUPLICATE | TOKEN_ASSIGN_PRIMARY | TOKEN_ADJUST_DEFAULT |
                        TOKEN_ADJUST_SESSIONID,
                    SecurityImpersonation, true, ec);
    }
    [[nodiscard]] access_token to_primary() const {
        std::error_code ec;
        auto made = to_primary(ec);
        detail::throw_if(ec, "DuplicateTokenEx");
        return made;
    }

private:
    explicit access_token(detail::token_handle token) noexcept : token_{std::move(token)} {}

    [[nodiscard]] access_token make(DWORD access, SECURITY_IMPERSONATION_LEVEL level, bool primary,
                                    std::error_code& ec) const noexcept {
        HANDLE raw = nullptr;
        ec = token_ ? detail::win32_failure(detail::api::duplicate_token(token_.get(), access, level, primary, &raw))
                    : errc::invalid_handle;
        if (!ec && raw == nullptr) {
            ec = errc::internal_error;
        }
        return ec ? access_token{} : adopt(raw);
    }

    detail::token_handle token_;
};

/// Returns the access token of the client of `context`. It outlives the context.
///
/// It is an impersonation token. The system may have lowered its level silently: see `access_token::level`.
/// @return the zero state on failure.
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
    auto owned =
        access_token::adopt(status < 0 ? nullptr : token); // other success codes are errors, but may return a token
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
