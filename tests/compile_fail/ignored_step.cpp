// expect: (nodiscard|ignoring return value)
// SPDX-License-Identifier: MIT
//
// misuse_03: the program ignores the handshake's state.
#include <sspan/handshake.hpp>

auto program(sspan::client_handshake& client) {
#if defined(MUST_FAIL)
    client.step();
#endif
    return client.step();
}
