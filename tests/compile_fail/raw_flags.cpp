// expect: (cannot convert|no viable conversion|cannot initialize|assigning to|invalid conversion)
// SPDX-License-Identifier: MIT
//
// misuse_02: ISC_ and ASC_ bits are not sspan's flags.
#include <sspan/handshake.hpp>

sspan::server_options program() {
    sspan::server_options options;
    options.require = sspan::context_flags::integrity;
#if defined(MUST_FAIL)
    options.require = ISC_REQ_INTEGRITY;
#endif
    return options;
}
