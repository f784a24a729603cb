// expect: (deleted|use of deleted|implicitly-deleted)
// SPDX-License-Identifier: MIT
//
// misuse_07: two owners of one handle.
#include <sspan/credentials.hpp>

#include <utility>

void program(sspan::credentials& creds) {
    const sspan::credentials moved{std::move(creds)};
#if defined(MUST_FAIL)
    const auto copied = moved;
#endif
}
