// SPDX-License-Identifier: MIT
//
// Built for the OS or for the loopback package. The program links only if takes_context.cpp was built with the same
// choice.
#include <sspan/security_context.hpp>

bool is_established(const sspan::security_context& context);

int main() {
    return is_established(sspan::security_context{}) ? 1 : 0;
}
