// SPDX-License-Identifier: MIT
//
// One half of a program; the other half calls this with its own idea of a security_context.
#include <sspan/security_context.hpp>

bool is_established(const sspan::security_context& context) {
    return static_cast<bool>(context);
}
