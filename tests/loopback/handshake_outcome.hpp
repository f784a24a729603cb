// SPDX-License-Identifier: MIT
//
// The interface between the two halves of a handshake step: buffers (handshake.cpp) and meaning (handshake_legs.cpp).
#pragma once

#include "engine.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace loopback {

struct engine::outcome {
    SECURITY_STATUS status = SEC_E_OK; ///< a failure, SEC_I_INCOMPLETE_CREDENTIALS, or SEC_E_OK
    std::vector<std::byte> token;      ///< for the peer; after a failure, the error token
    std::size_t used = 0;              ///< bytes of the input that were read
};

struct engine::step_buffers {
    std::span<const std::byte> input;
    SecBuffer* spare = nullptr;    ///< an EMPTY input buffer
    SecBuffer* bindings = nullptr; ///< the CHANNEL_BINDINGS input buffer
    SecBuffer* output = nullptr;   ///< the TOKEN output buffer
};

} // namespace loopback
