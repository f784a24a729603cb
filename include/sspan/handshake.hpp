// SPDX-License-Identifier: MIT
//
// Establishing a security context: the two sides exchange tokens until both are satisfied.
#pragma once

#include "bytes.hpp"
#include "client_context.hpp"
#include "credentials.hpp"
#include "detail/handshake_finish.hpp"
#include "detail/handshake_steps.hpp"
#include "error.hpp"
#include "handshake_base.hpp"
#include "handshake_options.hpp"
#include "handshake_step.hpp"
#include "os/text.hpp"
#include "server_context.hpp"

#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// The client's side of a handshake. It has a share of the credentials and passes one to its context.
///
/// A failed step ends the handshake and deletes its context, unless its arguments were refused.
class client_handshake : public detail::handshake {
public:
    /// `target` is the service's principal name, such as L"HTTP/web.corp.example". With `mutual_auth`, the server
    /// proves that it has this name. Without `mutual_auth` the name may be empty.
    client_handshake(const credentials& creds, std::wstring_view target, const client_options& options = {})
        : handshake{"InitializeSecurityContext", creds, options} {
        const bool names_nobody = target.empty() && contains(options.require, context_flags::mutual_auth);
        if (names_nobody || !detail::to_os_name(target, target_)) {
            refuse_arguments();
        }
    }

    /// Takes the peer's token and makes the next token for the peer. In the first step, `input` is empty.
    ///
    /// @throws handshake_error, with a token for the peer if the package made one:
    ///   - `logon_denied`, `target_unknown`, `wrong_principal`, `no_credentials`, `no_authenticating_authority`,
    ///     `invalid_token` and others from the package;
    ///   - `unsupported_function` for a flag that a client cannot request;
    ///   - `no_context` after a failure;
    ///   - `illegal_message` after completion, or if `options.limits` allow no further step;
    ///   - `invalid_token` for input that is longer than `options.limits` allow;
    ///   - `buffer_too_small` if our token exceeds both 65,535 bytes and `max_token()` of the credentials;
    ///   - `bad_bindings`;
    ///   - `invalid_parameter` for input that exceeds 32 bits or overlaps our own token; for a target that contains a
    ///     zero or has no UTF-16 form, or is empty although `mutual_auth` is required;
    ///     for `no_integrity` with a required flag of `message_protection`, and for `confidentiality_only` with a required
    ///     `integrity`;
    ///   - `invalid_handle` if the handshake or the credentials are in the zero state, or the bindings were moved from;
    ///   - `security_qos_failed` for NTLM if the options refuse it, or require what it does not support (`ntlm_use`).
    ///     `what()` tells where NTLM was found.
    /// @note Calls InitializeSecurityContext, and CompleteAuthToken if the package requests it.
    [[nodiscard]] handshake_step step(const_bytes input, std::error_code& ec) & noexcept {
        return handshake::step(
            input, &detail::flag_row::isc_request, &detail::flag_row::isc_granted,
            [&](CredHandle* credential, CtxtHandle* context, SecBufferDesc* in, ULONG request, CtxtHandle* new_context,
                SecBufferDesc* out, ULONG* attributes, TimeStamp* expiry) {
                return detail::api::initialize_security_context(credential, context, target_.data(), request,
                                                                SECURITY_NATIVE_DREP, in, new_context, out, attributes,
                                                                expiry);
            },
            ec);
    }
    [[nodiscard]] handshake_step step(const_bytes input = {}) & {
        std::error_code ec;
        const auto result = step(input, ec);
        if (ec) {
            throw_failed(ec, result.token);
        }
        return result;
    }
    [[nodiscard]] handshake_step step(const_bytes input, std::error_code& ec) && = delete; // the token would dangle
    [[nodiscard]] handshake_step step(const_bytes input = {}) && = delete;

    /// Returns the established context. A failure deletes the context and ends the handshake. `missing()` and `explain`
    /// may be called after it.
    ///
    /// @throws error:
    ///   - `no_context` before completion;
    ///   - `security_qos_failed` if a flag of `require` was not granted (see `missing()`);
    ///   - `security_qos_failed` if `null_session` or `dce_style` was granted and this side did not request it;
    ///   - `security_qos_failed` if the options refuse NTLM, unless the package reports that it is another one, or the
    ///     credentials are for `package::kerberos` (`ntlm_use`).
    /// `what()` names the flags or the reason.
    /// @note Calls QueryContextAttributes for the sizes and for the package that Negotiate has chosen. `mutual_auth`
    ///   and `delegate` from NTLM are ignored.
    client_context finish(std::error_code& ec) & = delete; // use std::move: the handshake is used up
    client_context finish() & = delete;
    [[nodiscard]] client_context finish(std::error_code& ec) && noexcept {
        return client_context{handshake::finish(false, ec)};
    }
    [[nodiscard]] client_context finish() && {
        std::error_code ec;
        client_context context{handshake::finish(false, ec)};
        if (ec) {
            throw_unfinished(ec);
        }
        return context;
    }

private:
    detail::os_string target_;
};

/// The server's side of a handshake. It has a share of the credentials and passes one to its context.
///
/// A failed step ends the handshake and deletes its context, unless its arguments were refused.
class server_handshake : public detail::handshake {
public:
    explicit server_handshake(const credentials& creds, const server_options& options = {})
        : handshake{"AcceptSecurityContext", creds, options} {
        std::vector<detail::os_string> names(options.service_names.size());
        for (std::size_t i = 0; i != names.size(); ++i) {
            if (options.service_names[i].empty() || !detail::to_os_name(options.service_names[i], names[i])) {
                refuse_arguments();
            }
        }
        expect_targets(std::move(names));
    }

    /// Takes the peer's token and makes the next token for the peer.
    ///
    /// With `package::kerberos`, the first token must be a Kerberos token. An NTLM token, or a GSS-API token of another
    /// mechanism such as SPNEGO, fails with `invalid_token`. The package does not see it.
    /// @throws handshake_error as the client's `step`; `invalid_parameter` also for a name in `options.service_names`
    ///   that is empty, contains a zero or has no UTF-16 form.
    /// @note Calls AcceptSecurityContext, and CompleteAuthToken if the package requests it.
    [[nodiscard]] handshake_step step(const_bytes input, std::error_code& ec) & noexcept {
        return handshake::step(
            input, &detail::flag_row::asc_request, &detail::flag_row::asc_granted,
            [](CredHandle* credential, CtxtHandle* context, SecBufferDesc* in, ULONG request, CtxtHandle* new_context,
               SecBufferDesc* out, ULONG* attributes, TimeStamp* expiry) {
                return detail::api::accept_security_context(credential, context, in, request, SECURITY_NATIVE_DREP,
                                                            new_context, out, attributes, expiry);
            },
            ec);
    }
    [[nodiscard]] handshake_step step(const_bytes input) & {
        std::error_code ec;
        const auto result = step(input, ec);
        if (ec) {
            throw_failed(ec, result.token);
        }
        return result;
    }
    [[nodiscard]] handshake_step step(const_bytes input, std::error_code& ec) && = delete; // the token would dangle
    [[nodiscard]] handshake_step step(const_bytes input) && = delete;

    /// Returns the established context. On failure the handshake is over and its context deleted.
    ///
    /// @throws error as the client's `finish`. If `options.service_names` is not empty: `wrong_principal` if the client's
    ///   target is not one of them, is empty or is missing; the package's error if it does not report the target.
    /// @note Makes the calls of the client's `finish`. With `options.service_names`, it also calls QueryContextAttributes for
    ///   SECPKG_ATTR_CLIENT_SPECIFIED_TARGET.
    server_context finish(std::error_code& ec) & = delete;
    server_context finish() & = delete;
    [[nodiscard]] server_context finish(std::error_code& ec) && noexcept {
        return server_context{handshake::finish(true, ec)};
    }
    [[nodiscard]] server_context finish() && {
        std::error_code ec;
        server_context context{handshake::finish(true, ec)};
        if (ec) {
            throw_unfinished(ec);
        }
        return context;
    }
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
