// expect: pass std::move
// SPDX-License-Identifier: MIT
#include <sspan/establish.hpp>

#include <string>
#include <utility>

auto program(sspan::client_handshake& client) {
    const auto send = [](std::span<const std::byte>) {};
    const auto receive = [] { return std::string{}; };
#if defined(MUST_FAIL)
    return sspan::establish(client, send, receive);
#else
    return sspan::establish(std::move(client), send, receive);
#endif
}
