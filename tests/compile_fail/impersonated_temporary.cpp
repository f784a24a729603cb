// expect: (deleted|use of deleted)
// SPDX-License-Identifier: MIT
//
// misuse_11: a context that would be deleted before the thread has reverted.
#include <sspan/impersonation.hpp>

void program(const sspan::server_context& server) {
    const sspan::impersonation_guard guard{server};
#if defined(MUST_FAIL)
    const sspan::impersonation_guard other{sspan::server_context{}};
#endif
}
