// SPDX-License-Identifier: MIT
//
// An established security context.
#pragma once

#include "detail/established.hpp"
#include "error.hpp"
#include "flags.hpp"
#include "message.hpp"
#include "message_receiver.hpp"
#include "message_sender.hpp"
#include "os/handle.hpp"
#include "package.hpp" // detail::without_bad_alloc

#include <chrono>
#include <memory>
#include <optional>
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

/// Owns a CtxtHandle, and has a share of the credentials that it was established with. It comes from a handshake's
/// `finish`.
///
/// What it can do with messages is in message_sender.hpp (`sign`, `encrypt`, `wrap`) and message_receiver.hpp
/// (`verify`, `decrypt`, `unwrap`). One thread may send while another receives; `split` makes that hard to get wrong.
class SSPAN_EMPTY_BASES security_context : public message_sending<security_context>,
                                           public message_receiving<security_context> {
public:
    /// The zero state, in which a moved-from object is, too.
    security_context() noexcept = default;
    security_context(security_context&&) noexcept = default;
    security_context& operator=(security_context&&) noexcept = default;
    security_context(const security_context&) = delete;
    security_context& operator=(const security_context&) = delete;
    ~security_context() = default;

    /// Takes a client's handle that was established elsewhere with `granted` (`from_isc_ret`), all of which counts as
    /// required. Where the package says that it is NTLM, mutual_auth and delegate are taken away.
    /// The caller keeps the credentials until the context has gone.
    /// @throws error what QueryContextAttributes reports for SECPKG_ATTR_SIZES, `insufficient_memory`; then the handle
    ///   has been deleted.
    [[nodiscard]] static security_context adopt(CtxtHandle handle, context_flags granted,
                                                std::error_code& ec) noexcept {
        return adopt(handle, granted, false, ec);
    }
    [[nodiscard]] static security_context adopt(CtxtHandle handle, context_flags granted) {
        std::error_code ec;
        auto adopted = adopt(handle, granted, ec);
        detail::throw_if(ec, "QueryContextAttributes");
        return adopted;
    }

    /// Gives one thread the right to send and another the right to receive; this object is in the zero state then. The
    /// halves cannot be asked for attributes, nor impersonated: do that before, or let two threads use the whole context.
    /// Allocates nothing.
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

    /// What the handshake granted.
    [[nodiscard]] context_flags granted() const noexcept { return state_ ? state_->granted : context_flags::none; }
    [[nodiscard]] context_sizes sizes() const noexcept { return state_ ? state_->sizes : context_sizes{}; }

    /// Whether AcceptSecurityContext has established it.
    [[nodiscard]] bool is_server() const noexcept { return state_ && state_->is_server; }
    /// When it ends; nothing if never, or if the package has not told. From then on message calls may fail with
    /// `context_expired`.
    [[nodiscard]] std::optional<std::chrono::system_clock::time_point> expiry() const noexcept {
        return state_ ? state_->expiry : std::nullopt;
    }

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
        if (state_.use_count() > 1) {
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
    /// False in the zero state.
    explicit operator bool() const noexcept { return state_ != nullptr; }

protected:
    [[nodiscard]] static security_context adopt(CtxtHandle handle, context_flags granted, bool is_server,
                                                std::error_code& ec) noexcept {
        detail::context_handle owned{handle}; // deleted if there is no memory
        return detail::without_bad_alloc<security_context>(ec, [&]() -> security_context {
            auto state = std::make_shared<detail::established>();
            detail::establish(*state, std::move(owned), granted, ec);
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
        });
    }

private:
    friend class detail::handshake;
    friend struct detail::context_transfer;
    friend class impersonation_guard;
    friend class message_sending<security_context>;
    friend class message_receiving<security_context>;
    explicit security_context(std::shared_ptr<detail::established> state) noexcept : state_{std::move(state)} {}
    [[nodiscard]] detail::established* state() noexcept { return state_.get(); }

    std::shared_ptr<detail::established> state_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
