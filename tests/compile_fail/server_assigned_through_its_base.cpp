// expect: (protected|no viable|no match|use of deleted|is protected)
// SPDX-License-Identifier: MIT
//
// A server's context must never become a client's: a guard would then impersonate it.
#include <sspan/client_context.hpp>
#include <sspan/server_context.hpp>

#include <utility>

void program(sspan::server_context& server, sspan::client_context& client) {
    sspan::security_context& base = server;
#if defined(MUST_FAIL)
    base = std::move(client);
#else
    static_cast<void>(base);
    static_cast<void>(client);
#endif
}
