// SPDX-License-Identifier: MIT
//
// The loopback package with small tokens, so that thousands of handshakes run in a second.
#pragma once

#include "loopback/control.hpp"

namespace fuzzing {

inline void keep_small() {
    auto& options = loopback::configure();
    for (auto* const profile : {&options.kerberos, &options.ntlm, &options.negotiate}) {
        profile->max_token = 2000;
    }
}

} // namespace fuzzing
