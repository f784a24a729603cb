// SPDX-License-Identifier: MIT
//
// The hostile package's answers about a context.
#include "hostile.hpp"

#include <cstring>

namespace {

using hostile::package;

package& here() {
    return package::instance();
}

/// Writes a structure whose fields `fill` sets. After a failure, writes random bytes.
template <class Structure, class Fill>
SECURITY_STATUS tell(void* buffer, Fill fill) {
    const auto status = here().status();
    if (status < 0) {
        std::memset(buffer, 0xBA, sizeof(Structure));
    } else {
        fill(*static_cast<Structure*>(buffer));
    }
    return status;
}

void set_time(TimeStamp& time) {
    const auto told = here().in().any<std::int64_t>();
    std::memcpy(&time, &told, sizeof time);
}

/// Returns a size that usually fits into memory.
ULONG size() {
    return here().in().rarely() ? here().in().any<ULONG>() : here().in().number<ULONG>(0, 80);
}

} // namespace

namespace sspan::inline SSPAN_API_NAMESPACE::detail::api {

SECURITY_STATUS query_context_attributes(CtxtHandle* context, ULONG attribute, void* buffer) noexcept {
    here().use_context(context);
    auto& in = here().in();
    switch (attribute) {
    case SECPKG_ATTR_SIZES:
        return tell<SecPkgContext_Sizes>(buffer, [](auto& told) { told = {size(), size(), size(), size()}; });
    case SECPKG_ATTR_NEGOTIATION_INFO:
        return tell<SecPkgContext_NegotiationInfoW>(buffer,
                                                    [&](auto& told) { told = {here().infos(1), in.any<ULONG>()}; });
    case SECPKG_ATTR_PACKAGE_INFO:
        return tell<SecPkgContext_PackageInfoW>(buffer, [](auto& told) { told.PackageInfo = here().infos(1); });
    case SECPKG_ATTR_NAMES:
        return tell<SecPkgContext_NamesW>(buffer, [](auto& told) { told.sUserName = here().text(); });
    case SECPKG_ATTR_AUTHORITY:
        return tell<SecPkgContext_AuthorityW>(buffer, [](auto& told) { told.sAuthorityName = here().text(); });
    case SECPKG_ATTR_CLIENT_SPECIFIED_TARGET:
        return tell<SecPkgContext_ClientSpecifiedTarget>(buffer, [](auto& told) { told.sTargetName = here().text(); });
    case SECPKG_ATTR_NATIVE_NAMES:
        return tell<SecPkgContext_NativeNamesW>(buffer, [](auto& told) { told = {here().text(), here().text()}; });
    case SECPKG_ATTR_KEY_INFO:
        return tell<SecPkgContext_KeyInfoW>(buffer, [&](auto& told) {
            told = {here().text(), here().text(), in.any<ULONG>(), in.any<ULONG>(), in.any<ULONG>()};
        });
    case SECPKG_ATTR_SESSION_KEY:
        return tell<SecPkgContext_SessionKey>(
            buffer, [](auto& told) { told.SessionKey = here().secret(told.SessionKeyLength); });
    case SECPKG_ATTR_TARGET_INFORMATION:
        return tell<SecPkgContext_TargetInformation>(buffer, [&](auto& told) {
            told.MarshalledTargetInfoLength = size();
            told.MarshalledTargetInfo = static_cast<unsigned char*>(in.flag() ? here().allocate(8) : nullptr);
        });
    case SECPKG_ATTR_DCE_INFO:
        return tell<SecPkgContext_DceInfo>(
            buffer, [&](auto& told) { told = {in.any<ULONG>(), in.flag() ? here().allocate(8) : nullptr}; });
    case SECPKG_ATTR_LIFESPAN:
        return tell<SecPkgContext_Lifespan>(buffer, [](auto& told) {
            set_time(told.tsStart);
            set_time(told.tsExpiry);
        });
    case SECPKG_ATTR_PASSWORD_EXPIRY:
        return tell<SecPkgContext_PasswordExpiry>(buffer, [](auto& told) { set_time(told.tsPasswordExpires); });
    case SECPKG_ATTR_FLAGS:
        return tell<SecPkgContext_Flags>(buffer, [&](auto& told) { told.Flags = in.any<ULONG>(); });
    case SECPKG_ATTR_ACCESS_TOKEN:
        return tell<SecPkgContext_AccessToken>(
            buffer, [&](auto& told) { told.AccessToken = reinterpret_cast<void*>(in.any<std::uintptr_t>()); });
    case SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS:
        return tell<SecPkgContext_LastClientTokenStatus>(
            buffer, [&](auto& told) { told.LastClientTokenStatus = in.any<ULONG>(); });
    default:
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::api
