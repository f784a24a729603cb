// expect: (nodiscard|ignoring return value)
// SPDX-License-Identifier: MIT
//
// The protection of a message that nobody looked at.
#include <sspan/security_context.hpp>

#include <span>

auto program(sspan::security_context& context, std::span<std::byte> data, std::span<std::byte> token) {
#if defined(MUST_FAIL)
    context.decrypt({.token = token, .data = data});
#endif
    return context.decrypt({.token = token, .data = data});
}
