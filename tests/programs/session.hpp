// SPDX-License-Identifier: MIT
//
// The options of a handshake, and descriptions of a context.
#pragma once

#include "console.hpp"

#include <sspan/sspan.hpp>

#include <string>
#include <string_view>
#include <system_error>

namespace session {

/// Returns the name and the value of an error, such as "SEC_E_MESSAGE_ALTERED (0x8009030F)", without the explanation.
inline std::string symbol(const std::error_code& code) {
    const auto text = code.message();
    return text.substr(0, text.find(':'));
}

/// NTLM does not prove the server's identity. A user who chooses NTLM by name accepts that.
inline sspan::client_options wanted_by_client(std::wstring_view package, bool dce, bool accept_ntlm = false) {
    sspan::client_options wanted;
    if (accept_ntlm || package == sspan::package::ntlm) {
        wanted.require &= ~sspan::context_flags::mutual_auth;
    }
    if (dce) {
        wanted.require |= sspan::context_flags::dce_style;
    }
    return wanted;
}

/// A server accepts DCE style only if it asks for it. With `dce` every client must use it, otherwise each client
/// chooses.
inline sspan::server_options wanted_by_server(bool dce) {
    sspan::server_options wanted;
    (dce ? wanted.require : wanted.request) |= sspan::context_flags::dce_style;
    return wanted;
}

/// The package at work and the flags that it granted.
inline std::string describe(const sspan::security_context& context, std::wstring_view asked_for) {
    std::error_code ec;
    const auto info = sspan::query_negotiation_info(context, ec);
    return console::to_utf8(ec ? asked_for : info.package.name) + "; granted: " + sspan::to_string(context.granted());
}

inline std::string client_name(const sspan::security_context& context) {
    std::error_code ec;
    const auto name = sspan::query_user_name(context, ec);
    if (ec == sspan::errc::unsupported_function) {
        return "a client (the package does not report its name)";
    }
    return ec ? "a client (its name is unknown: " + symbol(ec) + ")" : console::to_utf8(name);
}

} // namespace session
