// expect: (deleted|use of deleted)
// SPDX-License-Identifier: MIT
//
// A view of a session key that has been wiped.
#include <sspan/attributes.hpp>

std::size_t program(const sspan::security_context& context) {
#if defined(MUST_FAIL)
    const auto key = sspan::query_session_key(context).get();
#else
    const auto secret = sspan::query_session_key(context);
    const auto key = secret.get();
#endif
    return key.size();
}
