// SPDX-License-Identifier: MIT
#include <sspan/sspan.hpp>

#include <iostream>

int main() {
    const auto packages = sspan::enumerate_packages();
    std::cout << "sspan " << sspan::version << " found " << packages.size() << " security packages\n";
    return packages.empty() ? 1 : 0;
}
