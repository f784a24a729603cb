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

/// The two halves of a context. It is deleted when both have gone.
struct message_halves {
    message_sender sender;
    message_receiver receiver;
};

/// Owns a CtxtHandle, and has a share of the credentials that it was established with: either side's context. A
/// handshake's `finish` returns a `client_context` or a `server_context`, which are the two kinds.
///
/// message_sender.hpp has the operations of the sender (`sign`, `encrypt`, `wrap`) and message_receiver.hpp those of the
/// receiver (`verify`, `decrypt`, `unwrap`). One thread may send while another receives; `split` gives each its half.
/// A context can be moved into a `security_context`, which cannot be assigned to: a server's would become a client's.
class security_context : public message_sending<message_receiving<context_accessors>> {
public:
    /// Makes the zero state, which is also the state of a moved-from object.
    security_context() noexcept = default;
    security_context(security_context&&) noexcept = default;
    security_context(const security_context&) = delete;
    security_context& operator=(const security_context&) = delete;
    ~security_context() = default;

    /// Divides the context into one half for a thread that sends and one for a thread that receives. This object is in the
    /// zero state then. The halves cannot be asked for attributes, nor impersonated: do that before, or let two threads use
    /// the whole context. Allocates nothing.
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

    /// Whether AcceptSecurityContext has established it.
    [[nodiscard]] bool is_server() const noexcept { return state_ && state_->is_server; }

    /// Lends the handle; zero when there is none.
    [[nodiscard]] CtxtHandle native_handle() const noexcept {
        const CtxtHandle none{0, 0};
        const CtxtHandle& handle = state_ ? state_->handle.get() : none; // no copy of what messages count in
        return handle;
    }
    /// Gives the handle away. The caller deletes it with DeleteSecurityContext, and keeps the credentials until then.
    /// This object is in the zero state then.
    /// @return zero in the zero state.
    /// @throws error `not_owner` while an `impersonation_guard` keeps the context alive. Nothing changes then.
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
            return adopt(std::make_shared<detail::established>(), std::move(owned), granted, is_server, ec);
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
                                                std::error_code& ec) noexcept {
        detail::establish(*state, std::move(handle), granted, security_package::not_told, ec);
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

    /// Whether a guard uses it as well.
    [[nodiscard]] bool is_shared() const noexcept {
        const bool shared = state_.use_count() > 1;
        std::atomic_thread_fence(std::memory_order_acquire); // after what the last other share has done
        return shared;
    }
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
