// expect: (nodiscard|ignoring return value)
// SPDX-License-Identifier: MIT
//
// The program ignores the result of verify.
#include <sspan/security_context.hpp>

#include <span>
#include <system_error>

bool program(sspan::security_context& context, std::span<const std::byte> message, std::error_code& ec) {
#if defined(MUST_FAIL)
    context.verify(message, message, {}, ec);
#endif
    return context.verify(message, message, {}, ec);
}
