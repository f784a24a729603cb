// SPDX-License-Identifier: MIT
//
// What the tests of guards share.
#pragma once

#include "fixture.hpp"
#include "profiles.hpp"

#include <sspan/impersonation.hpp>

#include <gtest/gtest.h>

#include <string>
#include <system_error>

namespace testing_support {

using sspan::impersonation_guard;
using sspan::impersonation_level;
using sspan::impersonation_options;

inline constexpr const char* impersonate = "ImpersonateSecurityContext";
inline constexpr const char* put = "SetThreadToken";

inline const std::wstring nobody;
inline const std::wstring alice = L"LOOPBACK\\alice";
inline const std::wstring bob = L"LOOPBACK\\bob";

/// A guard that lives as long as `work` runs, on either surface. `context` may be an access token as well.
template <class Client, class Work>
outcome as_client(surface form, const Client& context, const impersonation_options& options, Work work) {
    return outcome_of(
        form,
        [&](std::error_code& ec) {
            const impersonation_guard guard{context, options, ec};
            EXPECT_EQ(guard.active(), !ec);
            if (!ec) {
                work(guard);
            }
        },
        [&] {
            const impersonation_guard guard{context, options};
            work(guard);
        });
}

inline constexpr auto must_not_run = [](const impersonation_guard&) { ADD_FAILURE() << "ran as somebody else"; };

/// A server's context of somebody.
inline established accepted(const std::wstring& user) {
    loopback::configure().user = user;
    return establish();
}

/// revert(), on either surface.
inline outcome revert(surface form, impersonation_guard& guard) {
    return outcome_of(
        form,
        [&](std::error_code& ec) {
            const bool reverted = guard.revert(ec);
            EXPECT_EQ(reverted, !ec);
        },
        [&] { guard.revert(); });
}

/// The token of a client of `level`, whose context has gone.
inline sspan::access_token token_of(const std::wstring& user,
                                    SECURITY_IMPERSONATION_LEVEL level = SecurityImpersonation) {
    loopback::configure().impersonation_level = level;
    return sspan::query_security_context_token(accepted(user).server);
}

} // namespace testing_support
