// SPDX-License-Identifier: MIT
//
// Acting as a client until the end of a scope.
#pragma once

#include "access_token.hpp"
#include "detail/thread_impersonation.hpp"
#include "detail/thread_token.hpp"
#include "error.hpp"
#include "impersonation_level.hpp"
#include "server_context.hpp"

#include <concepts>
#include <system_error>
#include <type_traits>
#include <utility> // std::forward

namespace sspan::inline SSPAN_API_NAMESPACE {

namespace detail {
struct scope_of_a_guard;
} // namespace detail

/// Options of an `impersonation_guard`.
struct impersonation_options {
    /// The least level that the client must allow; otherwise the guard fails.
    impersonation_level require = impersonation_level::impersonation;
    /// Called if the previous identity of the thread cannot be restored, just before the process ends. It cannot
    /// prevent that.
    void (*on_revert_failure)(const std::error_code&) noexcept = nullptr;
    /// Called by a guard's destructor if the thread did not act as the client to the end. The thread acts as before
    /// again. The work has called RevertToSelf or SetThreadToken, and did the rest under another identity. The error is
    /// `no_impersonation_token`, or the Win32 error of the check. `revert` reports this error itself.
    void (*on_client_lost)(const std::error_code&) noexcept = nullptr;
};

/// Makes the calling thread act as a client until the end of the scope. The client is the client of a context or, on
/// any thread, the user of an access token.
///
/// Afterwards the thread acts as before: as the process or, in nested guards, as the outer guard's client. For a
/// context, RevertSecurityContext ends the impersonation. If it fails, SetThreadToken restores the previous token, and
/// the guard checks the thread's token. For access tokens and in nested guards, SetThreadToken and the check are always
/// used. If the restoration fails, or the guard ends on another thread, the process ends at once. Continuing under the
/// wrong identity would be worse.
///
/// The guard has a share of the context, so the context may be moved or destroyed in the meantime. An access token may
/// be closed, because the thread has its own reference.
///
/// New threads and processes start as the server, not as the client. Do not suspend a coroutine (co_await) or return
/// the thread to a pool in the scope: other work would run as the client. docs/conventions.md lists other actions that
/// ignore an impersonation.
class impersonation_guard {
public:
    /// Acts as the client of a context.
    /// @throws error `invalid_handle`, `no_impersonation`, `unsupported_function`, Win32 errors;
    ///   `bad_impersonation_level` if the client allows less than `options.require`; `cannot_open_anonymous` if the
    ///   thread already acts as the anonymous user. The thread acts as before then.
    /// @note Calls ImpersonateSecurityContext, OpenThreadToken and GetTokenInformation.
    [[nodiscard]] explicit impersonation_guard(const server_context& context, const impersonation_options& options = {})
        : options_{options} {
        std::error_code ec;
        const char* function = start(context, ec);
        detail::throw_if(ec, function);
    }
    /// The thread acts as the client only if `ec` is clear. Check `ec` before any work, or use `run_as_client`.
    [[nodiscard]] impersonation_guard(const server_context& context, const impersonation_options& options,
                                      std::error_code& ec) noexcept
        : options_{options} {
        start(context, ec);
    }

    /// Acts as the user of an impersonation token, for work on threads other than the context's.
    /// @throws error as for a context; `bad_token_type` for a primary token.
    /// @note Calls SetThreadToken, which may lower the level silently, then OpenThreadToken and GetTokenInformation.
    [[nodiscard]] explicit impersonation_guard(const access_token& token, const impersonation_options& options = {})
        : options_{options} {
        std::error_code ec;
        const char* function = start(token, ec);
        detail::throw_if(ec, function);
    }
    [[nodiscard]] impersonation_guard(const access_token& token, const impersonation_options& options,
                                      std::error_code& ec) noexcept
        : options_{options} {
        start(token, ec);
    }

    impersonation_guard(const impersonation_guard&) = delete;
    impersonation_guard& operator=(const impersonation_guard&) = delete;
    impersonation_guard(impersonation_guard&&) = delete;
    impersonation_guard& operator=(impersonation_guard&&) = delete;

    ~impersonation_guard() { [[maybe_unused]] const auto lost = leave(); }

    /// Ends the impersonation early. If it fails and the guard is still `active`, the thread may act as the client. End
    /// the work at once; the destructor tries again.
    /// @throws error `no_impersonation_token` if the thread did not act as the client to the end, or the Win32 error of
    ///   the check. The guard is not active then, and the thread acts as before.
    /// @throws error `not_owner` on another thread than the guard's, `invalid_handle`, Win32 errors;
    ///   `bad_impersonation_level` if the previous token was restored with a lower level. The guard is still active
    ///   then.
    /// @note Calls OpenThreadToken, GetTokenInformation, RevertSecurityContext and SetThreadToken.
    void revert() {
        std::error_code ec;
        const char* function = client_.revert(ec);
        detail::throw_if(ec, function);
    }
    [[nodiscard]] bool revert(std::error_code& ec) noexcept {
        client_.revert(ec);
        return !ec;
    }

    /// Returns true while there is an impersonation to revert.
    [[nodiscard]] bool active() const noexcept { return client_.active(); }
    /// Returns the level that the client allows.
    [[nodiscard]] impersonation_level level() const noexcept { return client_.level(); }

private:
    friend struct detail::scope_of_a_guard;

    /// Ends the impersonation. @return an error if the thread did not act as the client to the end.
    std::error_code leave() noexcept {
        const detail::last_error_kept kept;
        std::error_code ec;
        client_.revert(ec);
        if (active()) {
            end(ec);
        }
        if (ec && options_.on_client_lost != nullptr) {
            options_.on_client_lost(ec);
        }
        return ec;
    }

    /// @return the name of the function that failed.
    const char* start(const server_context& context, std::error_code& ec) noexcept {
        if (!context) {
            ec = errc::invalid_handle;
            return "ImpersonateSecurityContext";
        }
        return keep_or_undo(client_.act_as(context.state_, options_.require, ec), ec);
    }
    const char* start(const access_token& token, std::error_code& ec) noexcept {
        if (!token) { // SetThreadToken would end an impersonation
            ec = errc::invalid_handle;
            return "SetThreadToken";
        }
        const detail::last_error_kept kept;
        const char* function = client_.act_as(token.native_handle(), options_.require, ec);
        std::error_code unknown;
        if (ec && token.is_primary(unknown)) { // SetThreadToken's error depends on the rights of the handle
            ec = errc::bad_token_type;
        }
        return keep_or_undo(function, ec);
    }

    const char* keep_or_undo(const char* function, const std::error_code& ec) noexcept {
        if (ec) {
            std::error_code revert_error;
            client_.revert(revert_error);
            if (active()) {
                end(revert_error);
            }
        }
        return function;
    }

    [[noreturn]] void end(const std::error_code& ec) const noexcept {
        if (options_.on_revert_failure != nullptr) {
            options_.on_revert_failure(ec);
        }
        detail::api::fail_fast();
    }

    impersonation_options options_;
    detail::thread_impersonation client_;
};

namespace detail {

struct scope_of_a_guard {
    [[nodiscard]] static std::error_code leave(impersonation_guard& guard) noexcept { return guard.leave(); }
};

/// The types that an impersonation_guard accepts.
template <class Client>
concept impersonable = std::derived_from<Client, server_context> || std::same_as<Client, access_token>;

} // namespace detail

/// Calls `work()` inside an `impersonation_guard` for `client`, a `server_context` or an `access_token`.
///
/// A C++ exception from `work` is rethrown after the thread acts as before: outer filters do not run as the client.
/// Vectored handlers, and filters of structured exceptions such as access violations, still run as the client. Work
/// that only starts in `work` runs as the server: coroutines, deferred futures, threads.
/// @return the result of `work`.
/// @throws the exceptions of the guard's constructor and of `work`; error `no_impersonation_token` if `work` did not
///   run as the client to its end, because it changed the thread's token.
template <detail::impersonable Client, std::invocable Work>
std::invoke_result_t<Work> run_as_client(const Client& client, Work&& work, const impersonation_options& options = {}) {
    using result = std::invoke_result_t<Work>;
    try {
        impersonation_guard as_client{client, options};
        if constexpr (std::is_void_v<result>) {
            std::forward<Work>(work)();
            detail::throw_if(detail::scope_of_a_guard::leave(as_client), "OpenThreadToken");
        } else {
            result made = std::forward<Work>(work)();
            detail::throw_if(detail::scope_of_a_guard::leave(as_client), "OpenThreadToken");
            return static_cast<result&&>(made);
        }
    } catch (...) { // ends the guard before the search for outer handlers
        throw;
    }
}
/// The form without exceptions of its own: `work(ec)` may set `ec`. It is not called if the thread cannot act as the
/// client.
template <detail::impersonable Client, std::invocable<std::error_code&> Work>
void run_as_client(const Client& client, Work&& work, const impersonation_options& options, std::error_code& ec) {
    try {
        impersonation_guard as_client{client, options, ec};
        if (ec) {
            return;
        }
        std::forward<Work>(work)(ec);
        if (const auto lost = detail::scope_of_a_guard::leave(as_client); !ec) {
            ec = lost;
        }
    } catch (...) {
        throw;
    }
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
