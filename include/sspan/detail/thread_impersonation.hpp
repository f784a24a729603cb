// SPDX-License-Identifier: MIT
//
// The body of impersonation_guard: makes a thread act as a client, then as before.
#pragma once

#include "../error.hpp"
#include "../impersonation_level.hpp"
#include "../os/handle.hpp"
#include "established.hpp"
#include "thread_token.hpp"

#include <memory>
#include <system_error>
#include <thread>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// One impersonation of the calling thread. The functions return the name of the function that caused `ec`.
///
/// After a failed `act_as`, the identity of the thread is undefined until `revert` succeeds.
class thread_impersonation {
public:
    /// Acts as the client of `context`, and keeps the context until `revert` succeeds.
    const char* act_as(std::shared_ptr<established> context, impersonation_level required,
                       std::error_code& ec) noexcept {
        const last_error_kept kept;
        if (!remember_before(ec)) {
            return "OpenThreadToken";
        }
        context_ = std::move(context);
        CtxtHandle handle = context_->handle.get();
        const auto status = api::impersonate_security_context(&handle);
        state_ = status < 0 ? state::to_restore : state::impersonating; // a failure may have changed the token
        return succeeded(status, ec) ? look_at_client(required, ec)     // other success codes prove no identity
                                     : "ImpersonateSecurityContext";
    }

    /// Acts as the user of `token`. The thread has its own reference, so the handle may be closed.
    const char* act_as(HANDLE token, impersonation_level required, std::error_code& ec) noexcept {
        const last_error_kept kept;
        if (!remember_before(ec)) {
            return "OpenThreadToken";
        }
        state_ = state::to_restore; // a failure may have changed the token
        ec = win32_failure(api::set_thread_token(token));
        return ec ? "SetThreadToken" : look_at_client(required, ec);
    }

    /// Makes the thread act as before. If this fails and it is still `active`, it can be called again.
    const char* revert(std::error_code& ec) noexcept {
        const last_error_kept kept;
        ec.clear();
        if (active() && std::this_thread::get_id() != thread_) {
            ec = errc::not_owner;
            return context_ ? "RevertSecurityContext" : "SetThreadToken";
        }
        if (std::exchange(watches_, false)) {
            lost_ = look_for_client();
        }
        if (state_ == state::impersonating) {
            CtxtHandle handle = context_->handle.get();
            if (succeeded(api::revert_security_context(&handle), ec)) {
                state_ = before_ ? state::to_restore : state::idle;
            } else {
                static_cast<void>(api::set_thread_token(before_.get()));
                if (look_at_restored()) {
                    return "RevertSecurityContext";
                }
                state_ = state::idle;
            }
        }
        if (state_ == state::to_restore) {
            ec = win32_failure(api::set_thread_token(before_.get()));
            if (ec) {
                return "SetThreadToken";
            }
            ec = look_at_restored(); // SetThreadToken may lower the level silently
            if (ec) {
                return "OpenThreadToken";
            }
            state_ = state::idle;
        }
        before_.reset();
        context_.reset();
        ec = std::exchange(lost_, {});
        return "OpenThreadToken";
    }

    /// Returns true while there is an impersonation to revert.
    [[nodiscard]] bool active() const noexcept { return state_ != state::idle; }
    [[nodiscard]] impersonation_level level() const noexcept { return level_; }

private:
    enum class state {
        idle,
        impersonating,
        to_restore, ///< The thread's token is to be set to `before_`, or to none.
    };

    [[nodiscard]] bool remember_before(std::error_code& ec) noexcept {
        ec.clear();
        HANDLE token = nullptr;
        const auto opened = open_thread_token(TOKEN_QUERY | TOKEN_IMPERSONATE, &token);
        if (opened != 0 && opened != ERROR_NO_TOKEN) {
            ec = win32_failure(opened);
            return false;
        }
        before_ = token_handle{opened == 0 ? token : nullptr};
        return true;
    }

    /// Sets the client's token and level, and compares the level with the required one.
    const char* look_at_client(impersonation_level required, std::error_code& ec) noexcept {
        const char* function = "OpenThreadToken";
        HANDLE raw = nullptr;
        const auto opened = open_thread_token(TOKEN_QUERY, &raw);
        if (opened == ERROR_CANT_OPEN_ANONYMOUS) {
            client_ = {opened, 0};
            level_ = impersonation_level::anonymous;
        } else if (opened != 0) {
            ec = win32_failure(opened);
        } else {
            function = "GetTokenInformation";
            const token_handle token{raw};
            client_ = identity_of(token);
            ec = win32_failure(client_.error);
            if (!ec) {
                auto level = SecurityAnonymous;
                ec = win32_failure(api::query_impersonation_level(token.get(), &level));
                level_ = static_cast<impersonation_level>(level);
            }
        }
        if (!ec && level_ < required) {
            ec = errc::bad_impersonation_level;
        }
        watches_ = !ec;
        return function;
    }

    /// Returns an error unless the thread is known to act as the client.
    [[nodiscard]] std::error_code look_for_client() const noexcept {
        const auto now = current_identity();
        if (now == client_) {
            return {};
        }
        return now.error == 0 || now.error == ERROR_NO_TOKEN || now.error == ERROR_CANT_OPEN_ANONYMOUS
                   ? errc::no_impersonation_token
                   : win32_failure(now.error);
    }

    /// Returns an error unless the thread is known to act as before. Makes one call if the thread had no token.
    [[nodiscard]] std::error_code look_at_restored() const noexcept {
        const auto now = current_identity();
        if (now.error != 0 && now.error != ERROR_NO_TOKEN) {
            return win32_failure(now.error);
        }
        const auto before = identity_of(before_);
        if (before_ && before.error != 0) {
            return win32_failure(before.error);
        }
        if (now == before) {
            return {};
        }
        // The token is neither the previous one nor the client's: it is a copy with a lower level.
        return before_ && now.error == 0 && now != client_ ? errc::bad_impersonation_level : errc::internal_error;
    }

    std::shared_ptr<established> context_; // until the thread acts as before
    std::thread::id thread_ = std::this_thread::get_id();
    token_handle before_; // the previous token of the thread, if it had one
    token_identity client_;
    std::error_code lost_; // reported once the thread acts as before
    state state_ = state::idle;
    bool watches_ = false; // `client_` must be checked at the end
    impersonation_level level_ = impersonation_level::anonymous;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
