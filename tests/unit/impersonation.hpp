// SPDX-License-Identifier: MIT
//
// The common part of the tests of guards.
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

/// Holds a guard while `work` runs, on this surface. `context` may also be an access token.
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

inline constexpr auto must_not_run = [](const impersonation_guard&) { ADD_FAILURE() << "ran as the client"; };

/// Establishes contexts, the server's for this user.
inline established accepted(const std::wstring& user) {
    loopback::configure().user = user;
    return establish();
}

/// Calls revert() on this surface.
inline outcome revert(surface form, impersonation_guard& guard) {
    return outcome_of(
        form,
        [&](std::error_code& ec) {
            const bool reverted = guard.revert(ec);
            EXPECT_EQ(reverted, !ec);
        },
        [&] { guard.revert(); });
}

/// Returns the access token of a client with this level. Its context no longer exists.
inline sspan::access_token token_of(const std::wstring& user,
                                    SECURITY_IMPERSONATION_LEVEL level = SecurityImpersonation) {
    loopback::configure().impersonation_level = level;
    return sspan::query_security_context_token(accepted(user).server);
}

} // namespace testing_support
