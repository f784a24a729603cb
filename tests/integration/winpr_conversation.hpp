// SPDX-License-Identifier: MIT
//
// What the tests of WinPR's own packages have in common. winpr3.sh sets up the users and the realm.
#pragma once

#include "kerberos.hpp"

#include <sspan/sspan.hpp>

#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

namespace conversation {

using namespace integration;

/// The server's last step. WinPR's NTLM leaks what it reads of the client's last token; winpr3.supp has this name.
inline sspan::handshake_step last_step(sspan::server_handshake& server, std::span<const std::byte> token,
                                       std::error_code& ec) {
    return server.step(token, ec);
}

/// Lets the two hand each other tokens until both are complete; returns how many there were.
inline int exchange_tokens(sspan::client_handshake& client, sspan::server_handshake& server) {
    int count = 0;
    for (auto token = client.step().token; !token.empty();) {
        std::error_code ec;
        token = ++count == 1 ? server.step(token).token : last_step(server, token, ec).token;
        if (ec) {
            throw sspan::error{ec, "AcceptSecurityContext"};
        }
        if (!token.empty()) {
            ++count;
            token = client.step(token).token;
        }
    }
    return count;
}

inline pair_of_contexts finish(sspan::client_handshake& client, sspan::server_handshake& server) {
    auto context = std::move(client).finish();
    return {std::move(context), std::move(server).finish()};
}

} // namespace conversation
