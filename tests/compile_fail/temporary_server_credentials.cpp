// expect: (deleted|use of deleted)
// SPDX-License-Identifier: MIT
//
// misuse_07: credentials that would be gone before the second leg.
#include <sspan/handshake.hpp>

void program(const sspan::credentials& kept) {
    const sspan::server_handshake server{kept};
#if defined(MUST_FAIL)
    const sspan::server_handshake fleeting{sspan::credentials::inbound(L"Kerberos")};
#endif
}
