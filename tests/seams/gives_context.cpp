// SPDX-License-Identifier: MIT
//
// Built for the OS or for the loopback package; only with the same choice as takes_context.cpp does the program link.
#include <sspan/security_context.hpp>

bool is_established(const sspan::security_context& context);

int main() {
    return is_established(sspan::security_context{}) ? 1 : 0;
}
