// expect: (conversion from|cannot convert from|no viable conversion|could not convert)
// SPDX-License-Identifier: MIT
//
// misuse_11: a client's context cannot become a context for impersonation.
#include <sspan/handshake.hpp>

#include <utility>

void program(sspan::client_handshake& client, sspan::server_handshake& server) {
    const sspan::server_context accepted = std::move(server).finish();
#if defined(MUST_FAIL)
    const sspan::server_context connected = std::move(client).finish();
#endif
    static_cast<void>(client);
}
