// expect: (could not convert|no overloaded function|no match|no matching|cannot convert|no viable|initializ)
// SPDX-License-Identifier: MIT
//
// Token and data in the wrong order. Named members prevent this.
#include <sspan/security_context.hpp>

#include <vector>

auto program(sspan::security_context& context, std::vector<std::byte>& token, std::vector<std::byte>& data) {
#if defined(MUST_FAIL)
    return context.encrypt({data, token});
#else
    return context.encrypt({.token = token, .data = data});
#endif
}
