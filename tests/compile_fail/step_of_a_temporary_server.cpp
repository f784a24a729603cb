// expect: (use of deleted function|deleted)
// SPDX-License-Identifier: MIT
//
// The same as step_of_a_temporary, for a server and the form with an error code.
#include <sspan/handshake.hpp>

auto program(const sspan::credentials& mine, std::span<const std::byte> input, std::error_code& ec) {
#if defined(MUST_FAIL)
    return sspan::server_handshake{mine}.step(input, ec).token;
#else
    sspan::server_handshake server{mine};
    return server.step(input, ec).done();
#endif
}
