// expect: sspan::establish: receive\(\) must return bytes
// SPDX-License-Identifier: MIT
#include <sspan/establish.hpp>

#include <string>
#include <utility>

#if defined(MUST_FAIL)
using received = std::wstring;
#else
using received = std::string;
#endif

auto program(sspan::client_handshake& client) {
    return sspan::establish(std::move(client), [](std::span<const std::byte>) {}, [] { return received{}; });
}
