// expect: (deleted|use of deleted)
// SPDX-License-Identifier: MIT
//
// misuse_07: credentials that would be gone before the second leg.
#include <sspan/handshake.hpp>

void program(const sspan::credentials& kept) {
    const sspan::client_handshake client{kept, L"HTTP/server"};
    const sspan::server_handshake server{kept};
#if defined(MUST_FAIL)
    const sspan::client_handshake fleeting{sspan::credentials::outbound(L"Kerberos"), L"HTTP/server"};
#endif
}
