// SPDX-License-Identifier: MIT
//
// The common part of the tests of WinPR's own packages. winpr3.sh sets up the users and the realm.
#pragma once

#include "kerberos.hpp"

#include <sspan/sspan.hpp>

#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

namespace conversation {

using namespace integration;

/// Takes the server's last step. WinPR's NTLM leaks memory when it reads the client's last token; winpr3.supp names
/// this function.
inline sspan::handshake_step last_step(sspan::server_handshake& server, std::span<const std::byte> token,
                                       std::error_code& ec) {
    return server.step(token, ec);
}

/// Exchanges tokens until both sides are complete. @return the number of tokens.
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
