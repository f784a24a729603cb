// SPDX-License-Identifier: MIT
//
// Ways to call the library: the two forms of every function that can fail, and arguments made from any data.
#pragma once

#include <sspan/channel_bindings.hpp>
#include <sspan/error.hpp>

#include "input.hpp"

#include <cstddef>
#include <span>
#include <system_error>

namespace fuzzing {

/// Calls one of the two forms, as the input decides. `with_code()` sets `ec` itself.
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
        require(static_cast<bool>(ec) && failure.function() != nullptr, "an exception names the failed function");
        return decltype(throwing()){};
    }
}

/// Returns no bindings for no data.
inline sspan::channel_bindings bindings_of(std::span<const std::byte> data) {
    return data.empty() ? sspan::channel_bindings{} : sspan::channel_bindings::application_data(data);
}

} // namespace fuzzing
