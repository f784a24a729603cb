// expect: (use of deleted function|deleted)
// SPDX-License-Identifier: MIT
//
// The name belongs to the credentials. With temporary credentials it would be destroyed.
#include <sspan/credentials.hpp>

auto program(const sspan::credentials& mine) {
#if defined(MUST_FAIL)
    return sspan::credentials{mine}.package();
#else
    return mine.package();
#endif
}
