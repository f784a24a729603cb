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

namespace detail {
class handshake;
}

/// The two halves of a context. It is deleted when both have gone.
struct message_halves {
    message_sender sender;
    message_receiver receiver;
};

/// Owns a CtxtHandle. It comes from a handshake's `finish`.
///
/// What it can do with messages is in message_sender.hpp (`sign`, `encrypt`, `wrap`) and message_receiver.hpp
/// (`verify`, `decrypt`, `unwrap`). One thread may send while another receives; `split` makes that hard to get wrong.
class security_context : public message_sending<security_context>, public message_receiving<security_context> {
public:
    /// The zero state, in which a moved-from object is, too.
    security_context() noexcept = default;
    security_context(security_context&& other) noexcept : state_{std::exchange(other.state_, {})} {}
    security_context& operator=(security_context&& other) noexcept {
        state_ = std::exchange(other.state_, {});
        return *this;
    }
    security_context(const security_context&) = delete;
    security_context& operator=(const security_context&) = delete;
    ~security_context() = default;

    /// Takes a client's handle that was established elsewhere with `granted` (`from_isc_ret`), all of which counts as
    /// required. Where the package says that it is NTLM, mutual_auth and delegate are taken away.
    /// @throws error what QueryContextAttributes reports for SECPKG_ATTR_SIZES; then the handle has been deleted.
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
    /// @throws error `invalid_handle`; `insufficient_memory`, with this object unchanged.
    [[nodiscard]] message_halves split(std::error_code& ec) && noexcept {
        return detail::without_bad_alloc<message_halves>(ec, [&]() -> message_halves {
            if (!*this) {
                ec = errc::invalid_handle;
                return {};
            }
            auto shared = std::make_shared<detail::established>();
            *shared = std::exchange(state_, {});
            return {message_sender{shared}, message_receiver{shared}};
        });
    }
    [[nodiscard]] message_halves split() && {
        std::error_code ec;
        auto halves = std::move(*this).split(ec);
        detail::throw_if(ec, "sspan::security_context::split");
        return halves;
    }

    /// What the handshake granted.
    [[nodiscard]] context_flags granted() const noexcept { return state_.granted; }
    [[nodiscard]] const context_sizes& sizes() const noexcept { return state_.sizes; }

    /// Whether AcceptSecurityContext has established it.
    [[nodiscard]] bool is_server() const noexcept { return state_.is_server; }
    /// When it ends; nothing if never, or if the package has not told. From then on message calls may fail with
    /// `context_expired`.
    [[nodiscard]] std::optional<std::chrono::system_clock::time_point> expiry() const noexcept { return state_.expiry; }

    /// Lends the handle; zero when there is none.
    [[nodiscard]] CtxtHandle native_handle() const noexcept { return state_.handle.get(); }
    /// Gives the handle away; the caller deletes it with DeleteSecurityContext. What was granted can be asked still.
    [[nodiscard]] CtxtHandle release() noexcept { return state_.handle.release(); }
    /// False in the zero state.
    explicit operator bool() const noexcept { return static_cast<bool>(state_.handle); }

protected:
    [[nodiscard]] static security_context adopt(CtxtHandle handle, context_flags granted, bool is_server,
                                                std::error_code& ec) noexcept {
        auto state = detail::establish(detail::context_handle{handle}, granted, ec);
        if (!ec) {
            state.required = state.granted;
            state.is_server = is_server;
            SecPkgContext_Lifespan life{};
            auto raw = state.handle.get();
            if (detail::api::query_context_attributes(&raw, SECPKG_ATTR_LIFESPAN, &life) == 0) {
                state.expiry = detail::to_time(life.tsExpiry);
            }
        }
        return security_context{std::move(state)};
    }

private:
    friend class detail::handshake;
    friend class message_sending<security_context>;
    friend class message_receiving<security_context>;
    explicit security_context(detail::established&& state) noexcept : state_{std::move(state)} {}
    [[nodiscard]] detail::established* state() noexcept { return &state_; }

    detail::established state_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
