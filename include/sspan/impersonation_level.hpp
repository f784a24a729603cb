// SPDX-License-Identifier: MIT
//
// How far a server may act as its client.
#pragma once

#include "os/platform.hpp"

namespace sspan::inline SSPAN_API_NAMESPACE {

/// How far a server may act as its client. The client sets the limit, and the system may lower it silently.
///
/// `errc::bad_impersonation_level` (ERROR_BAD_IMPERSONATION_LEVEL, 1346) means that a token allows less than an
/// operation needs. The usual causes:
/// - The client asked for `identify`. It must ask for more.
/// - The server's account lacks SeImpersonatePrivilege ("Impersonate a client after authentication"). The system then
///   lowers every client to `identification`. Grant the privilege, or run as a service account.
/// - `delegation` was required, and the client or the domain does not delegate.
/// - `access_token::duplicate` asked for a higher level than the token has. No call raises a level.
enum class impersonation_level {
    anonymous = SecurityAnonymous,           ///< The client is nobody.
    identification = SecurityIdentification, ///< Its name and groups can be looked at; opening anything as it fails.
    impersonation = SecurityImpersonation,   ///< It can be acted for on this machine.
    delegation = SecurityDelegation,         ///< It can be acted for on other machines, too.
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
