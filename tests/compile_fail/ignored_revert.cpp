// expect: (nodiscard|ignoring return value)
// SPDX-License-Identifier: MIT
//
// misuse_11: the program ignores a failed revert.
#include <sspan/impersonation.hpp>

#include <system_error>

bool program(sspan::impersonation_guard& guard, std::error_code& ec) {
#if defined(MUST_FAIL)
    guard.revert(ec);
#endif
    return guard.revert(ec);
}
