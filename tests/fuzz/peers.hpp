// SPDX-License-Identifier: MIT
//
// Two sides of a context, over the loopback package.
#pragma once

#include <sspan/credentials.hpp>
#include <sspan/handshake.hpp>

#include "input.hpp"
#include "loopback/control.hpp"

#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace fuzzing {

struct peers {
    sspan::credentials outbound;
    sspan::credentials inbound;
    sspan::client_context client;
    sspan::server_context server;
};

/// Returns nothing if the package does not grant the required flags.
inline std::optional<peers> establish(std::wstring_view package, sspan::context_flags require_flags,
                                      sspan::context_flags request_flags) {
    std::error_code ec;
    peers both;
    both.outbound = sspan::credentials::outbound(package, {}, ec);
    both.inbound = sspan::credentials::inbound(package, {}, ec);
    sspan::client_handshake client{
        both.outbound, loopback::configure().service_name, {.require = require_flags, .request = request_flags}};
    sspan::server_handshake server{both.inbound, {.require = require_flags, .request = request_flags}};
    auto from_client = client.step({}, ec);
    sspan::handshake_step from_server;
    while (!ec && !(from_client.done() && from_server.done())) {
        from_server = server.step(from_client.token, ec);
        if (!ec && !from_client.done()) {
            from_client = client.step(from_server.token, ec);
        }
    }
    if (!ec) {
        both.client = std::move(client).finish(ec);
    }
    if (!ec) {
        both.server = std::move(server).finish(ec);
    }
    return ec ? std::nullopt : std::optional{std::move(both)};
}

} // namespace fuzzing
