// SPDX-License-Identifier: MIT
#include <sspan/sspan.hpp>

int main() {
    return sspan::enumerate_packages().empty() ? 1 : 0;
}
