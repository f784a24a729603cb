// SPDX-License-Identifier: MIT
//
// The server's side of an established security context.
#pragma once

#include "security_context.hpp"

#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// What a server handshake established: the only kind of context that can be impersonated.
class server_context : public security_context {
public:
    server_context() noexcept = default;

    /// As `security_context::adopt`, of a handle that AcceptSecurityContext established with `granted`
    /// (`from_asc_ret`).
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
