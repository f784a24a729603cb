// SPDX-License-Identifier: MIT
//
// The meaning of handshake statuses that are not failures.
#pragma once

#include "scenario.hpp"

#include <sspan/handshake_step.hpp>

#include <optional>

namespace faults {

inline bool is_step(function which) {
    return which == function::initialize_security_context || which == function::accept_security_context;
}

/// Returns the state that a handshake status means. Empty for "done", and for all other statuses.
inline std::optional<sspan::handshake_state> state_of(SECURITY_STATUS status) {
    using sspan::handshake_state;
    constexpr auto message_fragment = static_cast<SECURITY_STATUS>(0x00090364);
    constexpr auto continue_needed_message_ok = static_cast<SECURITY_STATUS>(0x00090366);
    switch (status) {
    case SEC_E_INCOMPLETE_MESSAGE:
        return handshake_state::incomplete_message;
    case SEC_I_COMPLETE_NEEDED:
        return handshake_state::complete;
    case SEC_I_CONTINUE_NEEDED:
    case SEC_I_COMPLETE_AND_CONTINUE:
    case continue_needed_message_ok:
        return handshake_state::continue_needed;
    case SEC_I_INCOMPLETE_CREDENTIALS:
        return handshake_state::incomplete_credentials;
    case message_fragment:
        return handshake_state::message_fragment;
    default:
        return std::nullopt;
    }
}

/// Returns true if the step needs more of the token. A client's first step has no token, so it never needs more.
inline bool waits_for_more(const call& which, const fault& wrong) {
    return wrong.status == SEC_E_INCOMPLETE_MESSAGE &&
           (which.which != function::initialize_security_context || which.nth != 1);
}

/// Returns true for SEC_E_INVALID_HANDLE from a server's step. In the first step this status means an unreadable token.
inline bool says_invalid_handle(const call& which, const fault& wrong) {
    return wrong.status == SEC_E_INVALID_HANDLE && which.which == function::accept_security_context;
}

/// Returns true if the package asks for CompleteAuthToken.
inline bool asks_to_complete(const fault& wrong) {
    return wrong.status == SEC_I_COMPLETE_NEEDED || wrong.status == SEC_I_COMPLETE_AND_CONTINUE;
}

} // namespace faults
