// expect: (deleted|use of deleted)
// SPDX-License-Identifier: MIT
//
// misuse_11: a guard stays in its scope, and therefore on its thread.
#include <sspan/impersonation.hpp>

#include <utility>

void program(const sspan::server_context& server) {
    sspan::impersonation_guard guard{server};
#if defined(MUST_FAIL)
    const sspan::impersonation_guard elsewhere{std::move(guard)};
#else
    guard.revert();
#endif
}
