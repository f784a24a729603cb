// SPDX-License-Identifier: MIT
#include <sspan/sspan.hpp>
#include <sspan/testing/loopback.hpp>

int main() {
    const sspan::testing::loopback fake;
    return sspan::enumerate_packages().size() == 3 ? 0 : 1;
}
