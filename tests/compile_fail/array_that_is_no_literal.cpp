// expect: (constant expression|immediate function|consteval)
// SPDX-License-Identifier: MIT
//
// A length in an array of char. Its last byte may be zero without being the end of a text.
#include <sspan/bytes.hpp>

struct header {
    char length[4];
};

std::size_t size_of(sspan::const_bytes bytes) {
    return bytes.size();
}

std::size_t program(header& received) {
#if defined(MUST_FAIL)
    const header& constant = received;
    return size_of(constant.length);
#else
    return size_of(received.length) + size_of("text");
#endif
}
