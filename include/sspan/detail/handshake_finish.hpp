// SPDX-License-Identifier: MIT
//
// The end of a handshake: compares the granted flags with the required ones.
#pragma once

#include "../error.hpp"
#include "../flags.hpp"
#include "../handshake_base.hpp"
#include "../package.hpp"
#include "../security_context.hpp"
#include "client_target.hpp"
#include "established.hpp"

#include <string>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

inline security_context handshake::finish(bool is_server, std::error_code& ec) noexcept {
    ec.clear();
    culprit_ = function_;
    reason_ = {};
    other_target_.clear();
    if (output_.empty()) {
        ec = errc::invalid_handle;
    } else if (phase_ != phase::complete) {
        ec = errc::no_context;
    }
    phase_ = phase::over;
    auto context = std::move(context_);
    if (ec) {
        return {};
    }
    auto state = std::move(result_);
    establish(*state, std::move(context), granted_, package_of_credentials_, ec);
    if (ec) {
        culprit_ = "QueryContextAttributes";
        return {};
    }
    granted_ = state->granted;
    if (ntlm_ == ntlm_use::refused && (state->package.name == security_package::not_told || state->package.is_ntlm())) {
        refuse_ntlm(state->package.is_ntlm() ? " used NTLM" : " does not tell whether it used NTLM");
        ec = errc::security_qos_failed;
        return {};
    }
    if ((missing() | unwanted()) != context_flags::none) {
        reason_ = missing() != context_flags::none ? refusal_reason{" did not grant", " ", missing()}
                                                   : refusal_reason{" granted", " ", unwanted()};
        ec = errc::security_qos_failed;
        return {};
    }
    if (!service_names_.empty()) {
        const bool is_ours = is_target_among(service_names_, state->handle.get(),
                                             state->package.name == security_package::kerberos, other_target_, ec);
        if (ec) {
            culprit_ = "QueryContextAttributes";
            return {};
        }
        if (!is_ours) {
            reason_.text = other_target_.empty() ? " was not given the client's target, which service_names need"
                                                 : " was given a token for none of service_names, but for ";
            ec = errc::wrong_principal;
            return {};
        }
    }
    state->credentials = credentials_.state_;
    state->required = require_;
    state->expiry = expiry_;
    state->is_server = is_server;
    return security_context{std::move(state)};
}

/// The error if this library itself refuses. `how` follows the function in `what()`.
class refused : public error {
public:
    refused(std::error_code code, const char* function, const std::string& how)
        : error{code, function, std::string{function} + how} {}
};

inline void handshake::throw_unfinished(const std::error_code& ec) const {
    throw refused{ec, culprit_, how(ec)};
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
