// SPDX-License-Identifier: MIT
//
// The limit for acting as a client.
#pragma once

#include "os/platform.hpp"

namespace sspan::inline SSPAN_API_NAMESPACE {

/// The limit to which a server may act as its client. The client sets it, and the system may lower it silently.
///
/// `errc::bad_impersonation_level` (ERROR_BAD_IMPERSONATION_LEVEL, 1346) means that a token allows less than an
/// operation needs. The usual causes:
/// - The client requested `identify`. It must request more.
/// - The server's account lacks SeImpersonatePrivilege ("Impersonate a client after authentication"). The system then
///   lowers every client to `identification`. Grant the privilege, or run as a service account.
/// - `delegation` was required, and the client or the domain does not delegate.
/// - `access_token::duplicate` requested a higher level than the token has. No call raises a level.
enum class impersonation_level {
    anonymous = SecurityAnonymous,           ///< The client is anonymous.
    identification = SecurityIdentification, ///< The server can query its name and groups, but not act as the client.
    impersonation = SecurityImpersonation,   ///< The server can act as the client on this machine.
    delegation = SecurityDelegation,         ///< The server can act as the client on other machines, too.
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
