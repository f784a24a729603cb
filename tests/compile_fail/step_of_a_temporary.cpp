// expect: (use of deleted function|deleted)
// SPDX-License-Identifier: MIT
//
// The token of a step belongs to the handshake. With a temporary handshake it would be destroyed.
#include <sspan/handshake.hpp>

auto program(const sspan::credentials& mine) {
#if defined(MUST_FAIL)
    return sspan::client_handshake{mine, L"HTTP/web.corp.example"}.step().token;
#else
    sspan::client_handshake client{mine, L"HTTP/web.corp.example"};
    return client.step().done();
#endif
}
