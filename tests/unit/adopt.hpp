// SPDX-License-Identifier: MIT
//
// Adoption of a handle, for the tests of both sides' contexts.
#pragma once

#include "profiles.hpp"

#include <sspan/flags.hpp>

#include <system_error>

namespace testing_support {

/// Adopts the handle on this surface. After a failure, `adopted` is in the zero state.
template <class Context>
outcome adopt(surface form, const CtxtHandle& handle, sspan::context_flags granted, Context& adopted) {
    adopted = {};
    return outcome_of(form, [&](auto&... ec) { adopted = Context::adopt(handle, granted, ec...); });
}

} // namespace testing_support
