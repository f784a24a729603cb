// expect: (nodiscard|ignoring return value)
// SPDX-License-Identifier: MIT
//
// misuse_11: a guard without a name ends at once, and the following code runs as the server.
#include <sspan/impersonation.hpp>

bool program(const sspan::server_context& context) {
#if defined(MUST_FAIL)
    sspan::impersonation_guard{context};
#endif
    const sspan::impersonation_guard as_client{context};
    return as_client.active();
}
