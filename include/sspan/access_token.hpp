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

/// Owns a HANDLE of an access token, and closes it with CloseHandle. It is moved, never copied.
///
/// An impersonation token has a level and can be put on a thread: pass it to an `impersonation_guard`. A primary token
/// is what a process has. The handle needs TOKEN_QUERY for `is_primary` and `level`, and TOKEN_DUPLICATE for
/// `duplicate` and `to_primary`. Several threads may use one token at a time, as long as none of them moves it.
class access_token {
public:
    /// The zero state, in which a moved-from object is, too.
    access_token() noexcept = default;

    /// Takes a handle that came from elsewhere, such as OpenProcessToken. Null makes the zero state.
    [[nodiscard]] static access_token adopt(HANDLE token) noexcept { return access_token{detail::token_handle{token}}; }

    /// Lends the handle; null when there is none.
    [[nodiscard]] HANDLE native_handle() const noexcept { return token_.get(); }
    /// Gives the handle away. The caller closes it with CloseHandle. This object is in the zero state then.
    [[nodiscard]] HANDLE release() noexcept { return token_.release(); }
    /// False in the zero state.
    explicit operator bool() const noexcept { return static_cast<bool>(token_); }

    /// Returns whether this is a primary token. A client's token is an impersonation token.
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

    /// Returns how far an impersonation token allows to act as the client.
    ///
    /// This is the token's own level. The system may lower it when the token is put on a thread, so an
    /// `impersonation_guard` looks again.
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

    /// Makes an impersonation token of `level` from this token, for the same user.
    ///
    /// A primary token can be duplicated at every level, an impersonation token up to its own. No process inherits the
    /// new handle. It has TOKEN_QUERY, TOKEN_IMPERSONATE and TOKEN_DUPLICATE.
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

    /// Makes a primary token from this token, for CreateProcessAsUser and CreateProcessWithTokenW.
    ///
    /// No process inherits the new handle. It has TOKEN_QUERY, TOKEN_DUPLICATE, TOKEN_ASSIGN_PRIMARY,
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

/// Returns the access token of the client of `context`, which outlives the context.
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
        access_token::adopt(status < 0 ? nullptr : token); // another success is an error, and may have made one
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
