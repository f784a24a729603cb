// SPDX-License-Identifier: MIT
//
// The two forms of every function that can fail.
#pragma once

#include <sspan/error.hpp>

#include "input.hpp"

#include <system_error>

namespace fuzzing {

/// Calls either, as the input says: `with_code()` sets `ec` itself.
template <class WithCode, class Throwing>
auto on_either(input& in, std::error_code& ec, WithCode with_code, Throwing throwing) {
    if (in.flag()) {
        ec = sspan::errc::no_spm; // a success must clear it
        return with_code();
    }
    ec.clear();
    try {
        return throwing();
    } catch (const sspan::error& failure) {
        ec = failure.code();
        require(static_cast<bool>(ec) && failure.function() != nullptr, "an exception tells what has failed");
        return decltype(throwing()){};
    }
}

} // namespace fuzzing
