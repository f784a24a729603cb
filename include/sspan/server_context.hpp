// SPDX-License-Identifier: MIT
//
// The server's side of an established security context.
#pragma once

#include "security_context.hpp"

#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// A server's context, as `server_handshake::finish` returns it. Only this kind can be impersonated.
class server_context : public security_context {
public:
    /// Makes the zero state, which is also the state of a moved-from object.
    server_context() noexcept = default;
    server_context(server_context&&) noexcept = default;
    server_context& operator=(server_context&&) noexcept = default;
    server_context(const server_context&) = delete;
    server_context& operator=(const server_context&) = delete;
    ~server_context() = default;

    /// Takes ownership of a handle that AcceptSecurityContext established elsewhere. All flags of `granted`
    /// (`from_asc_ret`) count as required. Unless the package reports that it is not NTLM, `mutual_auth` and `delegate` are
    /// removed. The caller keeps the credentials until the context has been destroyed.
    /// @throws error from QueryContextAttributes for SECPKG_ATTR_SIZES, `insufficient_memory`; the handle has been
    ///   deleted then.
    [[nodiscard]] static server_context adopt(CtxtHandle handle, context_flags granted, std::error_code& ec) noexcept {
        return server_context{security_context::adopt(handle, granted, true, ec)};
    }
    [[nodiscard]] static server_context adopt(CtxtHandle handle, context_flags granted) {
        std::error_code ec;
        auto adopted = adopt(handle, granted, ec);
        detail::throw_if(ec, "QueryContextAttributes");
        return adopted;
    }

private:
    friend class server_handshake;
    friend struct detail::context_transfer;
    explicit server_context(security_context&& context) noexcept : security_context{std::move(context)} {}
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
