// expect: (no matching|no overloaded function|cannot convert|could not convert)
// SPDX-License-Identifier: MIT
//
// misuse_11: only the context of a server handshake has a client.
#include <sspan/impersonation.hpp>

void program(const sspan::server_context& server, const sspan::security_context& client) {
    const sspan::impersonation_guard guard{server};
#if defined(MUST_FAIL)
    const sspan::impersonation_guard other{client};
#endif
    static_cast<void>(client);
}
