// expect: (deleted|explicitly deleted)
// SPDX-License-Identifier: MIT
//
// A view of memory that is freed before its first use.
#include <sspan/message_frame.hpp>

auto program(const sspan::context_sizes& sizes) {
#if defined(MUST_FAIL)
    return sspan::message_frame{sizes, 10}.payload().size();
#else
    sspan::message_frame frame{sizes, 10};
    return frame.payload().size();
#endif
}
