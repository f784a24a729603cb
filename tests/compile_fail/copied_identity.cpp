// expect: (deleted|use of deleted)
// SPDX-License-Identifier: MIT
//
// A password has only one copy.
#include <sspan/identity.hpp>

#include <utility>

void program(sspan::identity& who) {
    const sspan::identity moved{std::move(who)};
#if defined(MUST_FAIL)
    const sspan::identity copied{moved};
#endif
}
