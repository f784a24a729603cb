// SPDX-License-Identifier: MIT
//
// An established security context.
#pragma once

#include "context_accessors.hpp"
#include "detail/established.hpp"
#include "error.hpp"
#include "flags.hpp"
#include "message.hpp"
#include "message_receiver.hpp"
#include "message_sender.hpp"
#include "os/handle.hpp"
#include "package.hpp" // detail::without_bad_alloc

#include <atomic>
#include <memory>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

class impersonation_guard;

namespace detail {
class handshake;
struct context_transfer;
} // namespace detail

/// The two halves of a context. The context is deleted after both have been destroyed.
struct message_halves {
    message_sender sender;
    message_receiver receiver;
};

/// Owns a CtxtHandle and a share of the credentials that it was established with. A handshake's `finish` returns one of
/// the two kinds, `client_context` or `server_context`.
///
/// message_sender.hpp documents the sending functions (`sign`, `encrypt`, `wrap`), message_receiver.hpp the receiving
/// functions (`verify`, `decrypt`, `unwrap`). One thread may send while another receives; `split` gives each thread its
/// half. A context can be moved into a `security_context`, which cannot be assigned to. Therefore a server's context
/// never becomes a client's.
class security_context : public message_sending<message_receiving<context_accessors>> {
public:
    /// Makes the zero state, which is also the state of a moved-from object.
    security_context() noexcept = default;
    security_context(security_context&&) noexcept = default;
    security_context(const security_context&) = delete;
    security_context& operator=(const security_context&) = delete;
    ~security_context() = default;

    /// Divides the context into a sending and a receiving half for two threads, and makes this the zero state.
    /// Allocates nothing. Halves have no attributes and cannot be impersonated: do both before the split, or let two
    /// threads share the whole context.
    /// @throws error `invalid_handle`.
    [[nodiscard]] message_halves split(std::error_code& ec) && noexcept {
        ec.clear();
        if (!*this) {
            ec = errc::invalid_handle;
            return {};
        }
        message_sender sender{state_};
        return {std::move(sender), message_receiver{std::move(state_)}};
    }
    [[nodiscard]] message_halves split() && {
        std::error_code ec;
        auto halves = std::move(*this).split(ec);
        detail::throw_if(ec, "sspan::security_context::split");
        return halves;
    }

    /// Returns true if AcceptSecurityContext established the context.
    [[nodiscard]] bool is_server() const noexcept { return state_ && state_->is_server; }

    /// Returns the handle, which stays owned by this object; zero in the zero state.
    [[nodiscard]] CtxtHandle native_handle() const noexcept {
        const CtxtHandle none{0, 0};
        const CtxtHandle& handle = state_ ? state_->handle.get() : none; // does not copy the message counters
        return handle;
    }
    /// Returns the handle and makes this the zero state. The caller deletes the handle with DeleteSecurityContext, and
    /// keeps the credentials until then.
    /// @return zero in the zero state.
    /// @throws error `not_owner` while an `impersonation_guard` has a share; nothing changes then.
    [[nodiscard]] CtxtHandle release(std::error_code& ec) noexcept {
        ec.clear();
        if (is_shared()) {
            ec = errc::not_owner;
            return {0, 0};
        }
        const auto last = std::exchange(state_, nullptr);
        return last ? CtxtHandle{last->handle.release()} : CtxtHandle{0, 0};
    }
    [[nodiscard]] CtxtHandle release() {
        std::error_code ec;
        const auto handle = release(ec);
        detail::throw_if(ec, "sspan::security_context::release");
        return handle;
    }

protected:
    security_context& operator=(security_context&&) noexcept = default;

    [[nodiscard]] static security_context adopt(CtxtHandle handle, context_flags granted, bool is_server,
                                                std::error_code& ec) noexcept {
        detail::context_handle owned{handle}; // deleted if there is no memory
        return detail::without_bad_alloc<security_context>(ec, [&]() -> security_context {
            return adopt(std::make_shared<detail::established>(), std::move(owned), granted, is_server,
                         security_package::not_told, ec);
        });
    }

private:
    friend class detail::handshake;
    friend struct detail::context_transfer;
    friend class impersonation_guard;
    explicit security_context(std::shared_ptr<detail::established> state) noexcept
        : message_sending{std::move(state)} {}

    [[nodiscard]] static security_context adopt(std::shared_ptr<detail::established> state,
                                                detail::context_handle handle, context_flags granted, bool is_server,
                                                security_package package, std::error_code& ec) noexcept {
        detail::establish(*state, std::move(handle), granted, package, ec);
        if (ec) {
            return {};
        }
        state->required = state->granted;
        state->is_server = is_server;
        SecPkgContext_Lifespan life{};
        CtxtHandle raw = state->handle.get();
        if (detail::api::query_context_attributes(&raw, SECPKG_ATTR_LIFESPAN, &life) == 0) {
            state->expiry = detail::to_time(life.tsExpiry);
        }
        return security_context{std::move(state)};
    }

    /// Returns true while a guard uses it, too.
    [[nodiscard]] bool is_shared() const noexcept {
        const bool shared = state_.use_count() > 1;
        std::atomic_thread_fence(std::memory_order_acquire); // synchronizes with the last release of another share
        return shared;
    }
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
