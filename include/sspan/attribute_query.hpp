// SPDX-License-Identifier: MIT
//
// QueryContextAttributes, and the memory that its structures point to.
#pragma once

#include "error.hpp"
#include "os/handle.hpp"
#include "os/secret.hpp"
#include "os/text.hpp"
#include "package.hpp"
#include "secret_bytes.hpp"
#include "security_context.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Owns memory that a package has returned, and frees it with FreeContextBuffer.
template <class T>
using context_memory = detail::context_buffer<T>;

/// The number of structures that belong to no attribute.
inline constexpr std::uint32_t no_attribute = 0xFFFFFFFF;

/// SSPI's number of the attribute that a structure belongs to. Programs can add other structures by specializing it:
/// `template <> inline constexpr std::uint32_t sspan::attribute_number<SecPkgContext_StreamSizes> = 4;`
template <class Attribute>
inline constexpr std::uint32_t attribute_number = no_attribute;
template <>
inline constexpr std::uint32_t attribute_number<SecPkgContext_Sizes> = SECPKG_ATTR_SIZES;
template <>
inline constexpr std::uint32_t attribute_number<detail::SecPkgContext_NamesW> = SECPKG_ATTR_NAMES;
template <>
inline constexpr std::uint32_t attribute_number<SecPkgContext_Lifespan> = SECPKG_ATTR_LIFESPAN;
template <>
inline constexpr std::uint32_t attribute_number<detail::SecPkgContext_DceInfo> = SECPKG_ATTR_DCE_INFO;
template <>
inline constexpr std::uint32_t attribute_number<detail::SecPkgContext_KeyInfoW> = SECPKG_ATTR_KEY_INFO;
template <>
inline constexpr std::uint32_t attribute_number<detail::SecPkgContext_AuthorityW> = SECPKG_ATTR_AUTHORITY;
template <>
inline constexpr std::uint32_t attribute_number<SecPkgContext_SessionKey> = SECPKG_ATTR_SESSION_KEY;
template <>
inline constexpr std::uint32_t attribute_number<detail::SecPkgContext_PackageInfoW> = SECPKG_ATTR_PACKAGE_INFO;
template <>
inline constexpr std::uint32_t attribute_number<detail::SecPkgContext_NegotiationInfoW> = SECPKG_ATTR_NEGOTIATION_INFO;
template <>
inline constexpr std::uint32_t attribute_number<detail::SecPkgContext_NativeNamesW> = SECPKG_ATTR_NATIVE_NAMES;
template <>
inline constexpr std::uint32_t attribute_number<SecPkgContext_Flags> = SECPKG_ATTR_FLAGS;
template <>
inline constexpr std::uint32_t attribute_number<SecPkgContext_PasswordExpiry> = SECPKG_ATTR_PASSWORD_EXPIRY;
template <>
inline constexpr std::uint32_t attribute_number<SecPkgContext_TargetInformation> = SECPKG_ATTR_TARGET_INFORMATION;
template <>
inline constexpr std::uint32_t attribute_number<SecPkgContext_AccessToken> = SECPKG_ATTR_ACCESS_TOKEN;
template <>
inline constexpr std::uint32_t attribute_number<detail::SecPkgContext_ClientSpecifiedTarget> =
    SECPKG_ATTR_CLIENT_SPECIFIED_TARGET;
template <>
inline constexpr std::uint32_t attribute_number<detail::SecPkgContext_LastClientTokenStatus> =
    SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS;

namespace detail {

template <class Attribute>
concept attribute_structure = std::is_trivially_copyable_v<Attribute> && std::is_default_constructible_v<Attribute>;
template <class Attribute>
concept numbered_attribute = attribute_structure<Attribute> && attribute_number<Attribute> != no_attribute;

/// Returns the result of `make` for the queried structure. `make` takes ownership of the memory that the structure
/// points to, and may set `ec`.
template <attribute_structure Attribute, class Make>
[[nodiscard]] auto query(const security_context& context, std::uint32_t attribute, std::error_code& ec,
                         Make make) noexcept {
    using result = decltype(make(std::declval<Attribute&>()));
    return without_bad_alloc<result>(ec, [&]() -> result {
        Attribute value{};
        auto raw = context.native_handle();
        ec = context ? failure(api::query_context_attributes(&raw, attribute, &value)) : errc::invalid_handle;
        if (ec) {
            return {};
        }
        auto made = make(value);
        return ec ? result{} : std::move(made);
    });
}

template <class Query>
[[nodiscard]] auto or_throw(Query query) {
    std::error_code ec;
    auto value = query(ec);
    throw_if(ec, "QueryContextAttributes");
    return value;
}

/// Returns a copy. A missing text sets `ec` to `internal_error`.
[[nodiscard]] inline std::wstring to_string(const context_buffer<SEC_WCHAR>& text, std::error_code& ec) {
    if (!text) {
        ec = errc::internal_error;
    }
    return from_os(text.get());
}
[[nodiscard]] inline std::wstring take_string(SEC_WCHAR* given, std::error_code& ec) {
    const context_buffer<SEC_WCHAR> text{given};
    return to_string(text, ec);
}

[[nodiscard]] inline package_info take_package(SecPkgInfoW* given, std::error_code& ec) {
    const context_buffer<SecPkgInfoW> package{given};
    if (!package) {
        ec = errc::internal_error;
        return {};
    }
    return to_package_info(*package.get());
}

/// Returns a copy of the bytes, and wipes the package's copy.
[[nodiscard]] inline secret_bytes take_secret(unsigned char* given, std::size_t size, std::error_code& ec) {
    const context_buffer<unsigned char> owner{given};
    if (!owner) {
        ec = errc::internal_error;
        return {};
    }
    const wiped_span memory{{reinterpret_cast<std::byte*>(given), size}};
    return secret_bytes{memory.get()};
}

} // namespace detail

} // namespace sspan::inline SSPAN_API_NAMESPACE
