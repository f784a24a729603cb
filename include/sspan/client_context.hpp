// SPDX-License-Identifier: MIT
//
// The client's side of an established security context.
#pragma once

#include "security_context.hpp"

#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// A client's context, as `client_handshake::finish` returns it.
class client_context : public security_context {
public:
    /// Makes the zero state, which is also the state of a moved-from object.
    client_context() noexcept = default;
    client_context(client_context&&) noexcept = default;
    client_context& operator=(client_context&&) noexcept = default;
    client_context(const client_context&) = delete;
    client_context& operator=(const client_context&) = delete;
    ~client_context() = default;

    /// Takes ownership of a handle that InitializeSecurityContext established elsewhere. All flags of `granted`
    /// (`from_isc_ret`) count as required. Unless the package reports that it is not NTLM, `mutual_auth` and `delegate` are
    /// removed. The caller keeps the credentials until the context has been destroyed.
    /// @throws error from QueryContextAttributes for SECPKG_ATTR_SIZES, `insufficient_memory`; the handle has been
    ///   deleted then.
    [[nodiscard]] static client_context adopt(CtxtHandle handle, context_flags granted, std::error_code& ec) noexcept {
        return client_context{security_context::adopt(handle, granted, false, ec)};
    }
    [[nodiscard]] static client_context adopt(CtxtHandle handle, context_flags granted) {
        std::error_code ec;
        auto adopted = adopt(handle, granted, ec);
        detail::throw_if(ec, "QueryContextAttributes");
        return adopted;
    }

private:
    friend class client_handshake;
    friend struct detail::context_transfer;
    explicit client_context(security_context&& context) noexcept : security_context{std::move(context)} {}
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
