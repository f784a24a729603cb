// expect: (deleted|use of deleted|implicitly-deleted)
// SPDX-License-Identifier: MIT
//
// misuse_07: two owners of one handle.
#include <sspan/security_context.hpp>

#include <utility>

void program(sspan::security_context& context) {
    const sspan::security_context moved{std::move(context)};
#if defined(MUST_FAIL)
    const sspan::security_context copied{moved};
#endif
}
