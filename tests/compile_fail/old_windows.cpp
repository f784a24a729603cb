// expect: Windows 7
// SPDX-License-Identifier: MIT
//
// A program for an old Windows that lacks SSPI functions that sspan calls.
#if defined(MUST_FAIL)
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0600
#endif
#include <sspan/version.hpp>

#include <sspan/error.hpp>

bool program() {
    return sspan::category() == sspan::category();
}
