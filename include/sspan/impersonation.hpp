// SPDX-License-Identifier: MIT
//
// Acting as the client for the length of a scope.
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

/// What an `impersonation_guard` demands, and whom it tells.
struct impersonation_options {
    /// The guard fails unless the client allows this much.
    impersonation_level require = impersonation_level::impersonation;
    /// Called when the thread could not be brought back, just before the process ends; it cannot prevent that.
    void (*on_revert_failure)(const std::error_code&) noexcept = nullptr;
    /// Called by a guard's destructor when the thread had not acted as the client to the end: the work has called
    /// RevertToSelf or SetThreadToken, and did the rest as somebody else. The thread acts as before again. The error is
    /// `no_impersonation_token`, or the Win32 error that kept the guard from looking. `revert` reports it by itself.
    void (*on_client_lost)(const std::error_code&) noexcept = nullptr;
};

/// Makes the calling thread act as a client until the end of the scope: as the client of a context or, on whatever
/// thread, as the user of an access token.
///
/// The thread then acts again as it did before: as the process or, where guards are nested, as the outer guard's
/// client. For a context, if RevertSecurityContext fails, SetThreadToken puts back what was there, and a look at the
/// thread's token decides. For an access token, and for a nested guard, SetThreadToken puts back what was there, and
/// the guard looks at the thread's token, too. If that fails, or if the guard ends on another thread, the process ends
/// at once: to go on as the wrong user is worse.
///
/// The guard has a share of the context, which may be moved or destroyed in the meantime. An access token may be closed:
/// the thread refers to the token by itself.
///
/// New threads and processes start as the server, not as the client. What suspends a coroutine (co_await) or gives the
/// thread back to a pool has no place in the scope: other work would run as the client. docs/conventions.md lists what
/// else does not follow an impersonation.
class impersonation_guard {
public:
    /// @throws error `invalid_handle`, `no_impersonation`, `unsupported_function`, Win32 errors, and
    ///   `bad_impersonation_level` when the client allows less than `options.require`; the thread then acts as before.
    /// @throws error `cannot_open_anonymous` when the thread acts as the anonymous user already.
    /// @note Calls ImpersonateSecurityContext, OpenThreadToken and GetTokenInformation.
    [[nodiscard]] explicit impersonation_guard(const server_context& context, const impersonation_options& options = {})
        : options_{options} {
        std::error_code ec;
        const char* function = start(context, ec);
        detail::throw_if(ec, function);
    }
    /// Unless `ec` is set, the thread acts as the client; look at it before doing any work, or let `run_as_client` do so.
    [[nodiscard]] impersonation_guard(const server_context& context, const impersonation_options& options,
                                      std::error_code& ec) noexcept
        : options_{options} {
        start(context, ec);
    }

    /// Acts as the user of an impersonation token, for work on another thread than the context's.
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

    ~impersonation_guard() { static_cast<void>(leave()); }

    /// Ends the impersonation early. If it fails and the guard is still `active`, the thread may act as the client: do
    /// nothing but end; the destructor tries once more.
    /// @throws error `no_impersonation_token` when the thread had not acted as the client to the end, or the Win32 error
    ///   that kept the guard from looking; then the guard is not active, and the thread acts as before.
    /// @throws error `not_owner` on another thread than the guard's, `invalid_handle`, Win32 errors, and
    ///   `bad_impersonation_level` when the token from before came back with a lower level; then the guard is still
    ///   active.
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

    /// Whether there is something to revert.
    [[nodiscard]] bool active() const noexcept { return client_.active(); }
    /// How far the client lets the server go.
    [[nodiscard]] impersonation_level level() const noexcept { return client_.level(); }

private:
    friend struct detail::scope_of_a_guard;

    /// The end of the scope. @return why the thread had not acted as the client to the end, if it had not.
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

    /// @return the function that is to blame for `ec`.
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
        if (ec && token.is_primary(unknown)) { // what SetThreadToken says of it depends on the rights of the handle
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

/// What an impersonation_guard can be made of.
template <class Client>
concept impersonable = std::derived_from<Client, server_context> || std::same_as<Client, access_token>;

} // namespace detail

/// Calls `work()` as `client`, a `server_context` or an `access_token`, as inside an `impersonation_guard`.
///
/// A C++ exception that leaves `work` is thrown on when the thread acts as before: no outer filter runs as the client.
/// Vectored handlers, and the filters of a structured exception such as an access violation, still do. What `work` only
/// starts, a coroutine, a deferred future or a thread, runs as the server.
/// @return what `work` returns.
/// @throws what the guard's constructor and `work` throw, and `no_impersonation_token` if `work` did not run as
///   the client to its end.
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
    } catch (...) { // caught once, so that the guard has ended before anybody else looks for a handler
        throw;
    }
}
/// As above; `work(ec)` may set `ec`, and is not called if the thread could not act as the client.
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
