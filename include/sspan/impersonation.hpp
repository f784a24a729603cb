// SPDX-License-Identifier: MIT
//
// Acting as the client for the length of a scope.
#pragma once

#include "detail/established.hpp"
#include "detail/thread_token.hpp"
#include "error.hpp"
#include "os/handle.hpp"
#include "server_context.hpp"

#include <concepts>
#include <memory>
#include <system_error>
#include <thread>
#include <utility> // std::forward

namespace sspan::inline SSPAN_API_NAMESPACE {

/// How far a server may act as its client. The client sets the limit, and the system may lower it silently.
enum class impersonation_level {
    anonymous = SecurityAnonymous,           ///< The client is nobody.
    identification = SecurityIdentification, ///< Its name and groups can be looked at; opening anything as it fails.
    impersonation = SecurityImpersonation,   ///< It can be acted for on this machine.
    delegation = SecurityDelegation,         ///< It can be acted for on other machines, too.
};

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

/// Makes the calling thread act as the client of a context, until the end of the scope.
///
/// The thread then acts again as it did before: as the process or, where guards are nested, as the outer guard's
/// client. If RevertSecurityContext fails, SetThreadToken puts back what was there, and a look at the thread's token
/// decides. If that fails too, or if the guard ends on another thread, the process ends at once: to go on as the wrong
/// user is worse. The guard has a share of the context, which may be moved or destroyed in the meantime.
///
/// New threads and processes start as the server, not as the client. What suspends a coroutine (co_await) or gives the
/// thread back to a pool has no place in the scope: other work would run as the client.
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
    [[nodiscard]] impersonation_guard(const server_context& context, std::error_code& ec) noexcept
        : impersonation_guard{context, {}, ec} {}

    impersonation_guard(const impersonation_guard&) = delete;
    impersonation_guard& operator=(const impersonation_guard&) = delete;
    impersonation_guard(impersonation_guard&&) = delete;
    impersonation_guard& operator=(impersonation_guard&&) = delete;

    ~impersonation_guard() {
        const detail::last_error_kept kept;
        std::error_code ec;
        try_revert(ec);
        if (active()) {
            end(ec);
        }
        if (ec && options_.on_client_lost != nullptr) {
            options_.on_client_lost(ec);
        }
    }

    /// Ends the impersonation early. If it fails and the guard is still `active`, the thread may act as the client: do
    /// nothing but end; the destructor tries once more.
    /// @throws error `no_impersonation_token` when the thread had not acted as the client to the end, or the Win32 error
    ///   that kept the guard from looking; then the guard is not active, and the thread acts as before. `not_owner` on
    ///   another thread than the guard's, `invalid_handle`, Win32 errors; then the guard is still active.
    /// @note Calls OpenThreadToken, GetTokenInformation, RevertSecurityContext and SetThreadToken.
    void revert() {
        std::error_code ec;
        const char* function = try_revert(ec);
        detail::throw_if(ec, function);
    }
    [[nodiscard]] bool revert(std::error_code& ec) noexcept {
        try_revert(ec);
        return !ec;
    }

    /// Whether there is something to revert.
    [[nodiscard]] bool active() const noexcept { return state_ != state::idle; }
    /// How far the client lets the server go.
    [[nodiscard]] impersonation_level level() const noexcept { return level_; }

private:
    enum class state {
        idle,
        impersonating,
        to_restore, ///< `before_`, or none, is to become the thread's token again.
    };

    /// @return the function that is to blame for `ec`.
    const char* start(const server_context& context, std::error_code& ec) noexcept {
        const detail::last_error_kept kept;
        ec.clear();
        if (!context) {
            ec = errc::invalid_handle;
            return "ImpersonateSecurityContext";
        }
        HANDLE token = nullptr;
        const auto opened = detail::open_thread_token(TOKEN_QUERY | TOKEN_IMPERSONATE, &token);
        if (opened != 0 && opened != ERROR_NO_TOKEN) {
            ec = detail::win32_failure(opened);
            return "OpenThreadToken";
        }
        before_ = detail::token_handle{opened == 0 ? token : nullptr};
        context_ = context.state_;
        CtxtHandle handle = context_->handle.get();
        const auto status = detail::api::impersonate_security_context(&handle);
        state_ = status < 0 ? state::to_restore : state::impersonating; // a failure may have changed the token
        const char* function = "ImpersonateSecurityContext";
        if (detail::succeeded(status, ec)) { // any other success leaves open who the thread acts as
            function = look_at_client(ec);
        }
        if (!ec && level_ < options_.require) {
            ec = errc::bad_impersonation_level;
        }
        watches_ = !ec;
        if (ec) {
            std::error_code revert_error;
            try_revert(revert_error);
            if (active()) {
                end(revert_error);
            }
        }
        return function;
    }

    /// Sets the client's token and level. @return the function that is to blame for `ec`.
    const char* look_at_client(std::error_code& ec) noexcept {
        HANDLE raw = nullptr;
        const auto opened = detail::open_thread_token(TOKEN_QUERY, &raw);
        if (opened == ERROR_CANT_OPEN_ANONYMOUS) {
            client_ = {opened, 0};
            level_ = impersonation_level::anonymous;
            return "OpenThreadToken";
        }
        ec = detail::win32_failure(opened);
        if (ec) {
            return "OpenThreadToken";
        }
        const detail::token_handle token{raw};
        client_ = detail::identity_of(token);
        ec = detail::win32_failure(client_.error);
        if (!ec) {
            auto level = SecurityAnonymous;
            ec = detail::win32_failure(detail::api::query_impersonation_level(token.get(), &level));
            level_ = static_cast<impersonation_level>(level);
        }
        return "GetTokenInformation";
    }

    /// Why the thread is not known to act as the client.
    [[nodiscard]] std::error_code look_for_client() const noexcept {
        const auto now = detail::current_identity();
        if (now == client_) {
            return {};
        }
        return now.error == 0 || now.error == ERROR_NO_TOKEN || now.error == ERROR_CANT_OPEN_ANONYMOUS
                   ? errc::no_impersonation_token
                   : detail::win32_failure(now.error);
    }

    [[nodiscard]] bool acts_as_before() const noexcept {
        const auto now = detail::current_identity();
        return before_ ? now.error == 0 && now == detail::identity_of(before_) : now.error == ERROR_NO_TOKEN;
    }

    /// @return the function that is to blame for `ec`.
    const char* try_revert(std::error_code& ec) noexcept {
        const detail::last_error_kept kept;
        ec.clear();
        if (active() && std::this_thread::get_id() != thread_) {
            ec = errc::not_owner;
            return "RevertSecurityContext";
        }
        if (std::exchange(watches_, false)) {
            lost_ = look_for_client();
        }
        if (state_ == state::impersonating) {
            CtxtHandle handle = context_->handle.get();
            if (detail::succeeded(detail::api::revert_security_context(&handle), ec)) {
                state_ = before_ ? state::to_restore : state::idle;
            } else {
                static_cast<void>(detail::api::set_thread_token(before_.get()));
                if (!acts_as_before()) {
                    return "RevertSecurityContext";
                }
                state_ = state::idle;
            }
        }
        if (state_ == state::to_restore) {
            ec = detail::win32_failure(detail::api::set_thread_token(before_.get()));
            if (ec) {
                return "SetThreadToken";
            }
            state_ = state::idle;
        }
        before_.reset();
        context_.reset();
        ec = std::exchange(lost_, {});
        return "OpenThreadToken";
    }

    [[noreturn]] void end(const std::error_code& ec) const noexcept {
        if (options_.on_revert_failure != nullptr) {
            options_.on_revert_failure(ec);
        }
        detail::api::fail_fast();
    }

    impersonation_options options_;
    std::shared_ptr<detail::established> context_; // until the guard has ended
    std::thread::id thread_ = std::this_thread::get_id();
    detail::token_handle before_; // the thread's token from before, if it had one
    detail::token_identity client_;
    std::error_code lost_; // reported once the thread acts as before
    state state_ = state::idle;
    bool watches_ = false; // `client_` has not been looked for yet
    impersonation_level level_ = impersonation_level::anonymous;
};

/// Calls `work()` as the client of `context`, as inside an `impersonation_guard`.
///
/// A C++ exception that leaves `work` is thrown on when the thread acts as before: no outer filter runs as the client.
/// Vectored handlers, and the filters of a structured exception such as an access violation, still do. What `work` only
/// starts, a coroutine, a deferred future or a thread, runs as the server.
/// @return what `work` returns.
/// @throws what the guard's constructor and `work` throw.
template <std::invocable Work>
decltype(auto) run_as_client(const server_context& context, Work&& work, const impersonation_options& options = {}) {
    try {
        const impersonation_guard as_client{context, options};
        return std::forward<Work>(work)();
    } catch (...) { // caught once, so that the guard has ended before anybody else looks for a handler
        throw;
    }
}
/// As above; `work(ec)` may set `ec`, and is not called if the thread could not act as the client.
template <std::invocable<std::error_code&> Work>
void run_as_client(const server_context& context, Work&& work, const impersonation_options& options,
                   std::error_code& ec) {
    try {
        const impersonation_guard as_client{context, options, ec};
        if (!ec) {
            std::forward<Work>(work)(ec);
        }
    } catch (...) {
        throw;
    }
}
template <std::invocable<std::error_code&> Work>
void run_as_client(const server_context& context, Work&& work, std::error_code& ec) {
    run_as_client(context, std::forward<Work>(work), {}, ec);
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
