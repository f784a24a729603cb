// expect: (use of deleted|deleted function|call to deleted)
// SPDX-License-Identifier: MIT
//
// A part is a view: its bytes must outlive it.
#include <sspan/message_part.hpp>

#include <string>

std::string make_header();

std::size_t program() {
#if defined(MUST_FAIL)
    const auto part = sspan::message_part::readonly_with_checksum(make_header());
#else
    const std::string header = make_header();
    const auto part = sspan::message_part::readonly_with_checksum(header);
#endif
    return part.bytes().size();
}
