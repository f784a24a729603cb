// SPDX-License-Identifier: MIT
//
// One half of a program. The other half calls this function with its own definition of security_context.
#include <sspan/security_context.hpp>

bool is_established(const sspan::security_context& context) {
    return static_cast<bool>(context);
}
