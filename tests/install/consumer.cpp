// SPDX-License-Identifier: MIT
//
// Asks the OS for its packages, so it must link the libraries of sspan::sspan.
#include <sspan/sspan.hpp>

#include <iostream>

int main() {
    const auto packages = sspan::enumerate_packages();
    std::cout << "sspan " << sspan::version << " found " << packages.size() << " security packages\n";
    return packages.empty() ? 1 : 0;
}
