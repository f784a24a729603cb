// expect: pack
// SPDX-License-Identifier: MIT
//
// Identity structures with another layout than the package's.
#if defined(MUST_FAIL)
#pragma pack(push, 1)
#endif
#include <sspan/identity.hpp>

void program() {
    const sspan::identity somebody{L"user", L"domain", L"password"};
}
