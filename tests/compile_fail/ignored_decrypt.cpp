// expect: (nodiscard|ignoring return value)
// SPDX-License-Identifier: MIT
//
// The program ignores the result of decrypt, which has the message's protection.
#include <sspan/security_context.hpp>

#include <span>

auto program(sspan::security_context& context, std::span<std::byte> data, std::span<std::byte> token) {
#if defined(MUST_FAIL)
    context.decrypt({.token = token, .data = data});
#endif
    return context.decrypt({.token = token, .data = data});
}
