// expect: ('this' pointer|discards qualifiers|no matching|rvalue|passing|deleted)
// SPDX-License-Identifier: MIT
//
// finish ends the handshake, so the call must show std::move.
#include <sspan/handshake.hpp>

#include <utility>

auto program(sspan::client_handshake& client) {
#if defined(MUST_FAIL)
    static_cast<void>(client.finish());
#endif
    return std::move(client).finish();
}
