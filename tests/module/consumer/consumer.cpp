// SPDX-License-Identifier: MIT
//
// Uses sspan without its headers.
#include <iostream>
#include <string_view>
#include <system_error>
#include <type_traits>

import sspan;

static_assert(std::is_error_code_enum_v<sspan::errc>);
static_assert(contains(sspan::message_protection | sspan::context_flags::delegate, sspan::context_flags::integrity));
static_assert(sspan::client_options{}.ntlm == sspan::ntlm_use::allowed);
static_assert(!std::is_copy_constructible_v<sspan::http_negotiate::client>);

int main() {
    std::error_code ec;
    const auto credentials = sspan::credentials::outbound(L"no such package", {}, ec);
    std::cout << "sspan " << sspan::version << ": " << ec.message() << '\n';
    return !credentials && ec == sspan::errc::secpkg_not_found ? 0 : 1;
}
