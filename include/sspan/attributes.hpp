// SPDX-License-Identifier: MIT
//
// What a package tells of an established context.
#pragma once

#include "detail/handle.hpp"
#include "detail/text.hpp"
#include "error.hpp"
#include "package.hpp"
#include "security_context.hpp"

#include <cstdint>
#include <string>
#include <system_error>

namespace sspan::inline SSPAN_API_NAMESPACE {

// Every function here calls QueryContextAttributes, may run in any thread, and returns values that own their memory.
// All fail with `unsupported_function` when the package does not offer the attribute (WinPR and Wine offer few), with
// `invalid_handle` in the zero state, and with `insufficient_memory`.

/// How far Negotiate's choice of a package has come (SECPKG_NEGOTIATION_). The values are SSPI's.
enum class negotiation_state : std::uint32_t {
    complete = 0,
    optimistic = 1,
    in_progress = 2,
    direct = 3,
    try_multicred = 4
};

/// The package that Negotiate has chosen, or the package itself (SecPkgContext_NegotiationInfo).
struct negotiation_info {
    package_info package;
    negotiation_state state = negotiation_state::complete;
};

namespace detail {

template <class Attribute>
Attribute query_context_attributes(const security_context& context, ULONG attribute, std::error_code& ec) noexcept {
    Attribute value{};
    auto raw = context.native_handle();
    ec = context ? failure(api::query_context_attributes(&raw, attribute, &value)) : errc::invalid_handle;
    return ec ? Attribute{} : value;
}

} // namespace detail

/// The name of the client (SECPKG_ATTR_NAMES): of whom a server has accepted, or as whom a client has logged on.
[[nodiscard]] inline std::wstring query_user_name(const security_context& context, std::error_code& ec) noexcept {
    return detail::without_bad_alloc<std::wstring>(ec, [&] {
        const auto names =
            detail::query_context_attributes<detail::SecPkgContext_NamesW>(context, SECPKG_ATTR_NAMES, ec);
        const detail::context_buffer<SEC_WCHAR> name{names.sUserName};
        if (!ec && !name) {
            ec = errc::internal_error;
        }
        return detail::from_os(name.get());
    });
}

[[nodiscard]] inline std::wstring query_user_name(const security_context& context) {
    std::error_code ec;
    auto name = query_user_name(context, ec);
    detail::throw_if(ec, "QueryContextAttributes");
    return name;
}

/// The package at work, which for Negotiate is the one it has chosen (SECPKG_ATTR_NEGOTIATION_INFO).
[[nodiscard]] inline negotiation_info query_negotiation_info(const security_context& context,
                                                             std::error_code& ec) noexcept {
    return detail::without_bad_alloc<negotiation_info>(ec, [&]() -> negotiation_info {
        const auto info = detail::query_context_attributes<detail::SecPkgContext_NegotiationInfoW>(
            context, SECPKG_ATTR_NEGOTIATION_INFO, ec);
        const detail::context_buffer<SecPkgInfoW> package{info.PackageInfo};
        if (!ec && !package) {
            ec = errc::internal_error;
        }
        return ec ? negotiation_info{}
                  : negotiation_info{detail::to_package_info(*package.get()),
                                     static_cast<negotiation_state>(info.NegotiationState)};
    });
}

[[nodiscard]] inline negotiation_info query_negotiation_info(const security_context& context) {
    std::error_code ec;
    auto info = query_negotiation_info(context, ec);
    detail::throw_if(ec, "QueryContextAttributes");
    return info;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
