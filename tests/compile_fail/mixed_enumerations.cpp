// expect: (no match for|binary '.'|invalid operands)
// SPDX-License-Identifier: MIT
//
// misuse_02: the abilities of a package are not the flags of a context.
#include <sspan/flags.hpp>

auto program() {
#if defined(MUST_FAIL)
    return sspan::context_flags::integrity | sspan::package_capabilities::integrity;
#else
    return sspan::context_flags::integrity | sspan::context_flags::confidentiality;
#endif
}
