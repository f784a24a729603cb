// SPDX-License-Identifier: MIT
//
// The available packages, and their credentials.
#include "engine.hpp"

#include "text.hpp"
#include "thread_tokens.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace loopback {

namespace {

struct description {
    package pkg;
    std::u16string_view name;
    std::u16string_view comment;
    ULONG capabilities;
    unsigned short rpc_id;
};

constexpr std::array<description, 3> offered{{
    {package::negotiate, u"Negotiate", u"Loopback: chooses between Kerberos and NTLM", 0x00083BB3, 9},
    {package::kerberos, u"Kerberos", u"Loopback: behaves as Kerberos", 0x000F3BBF, 16},
    {package::ntlm, u"NTLM", u"Loopback: behaves as NTLM", 0x00082B37, 10},
}};

const description& describe(package pkg) {
    return *std::ranges::find_if(offered, [pkg](const auto& row) { return row.pkg == pkg; });
}

// SEC_WINNT_AUTH_IDENTITY_EXW, which WinPR 2 lacks.
struct identity_ex {
    ULONG version;
    ULONG length;
    const unsigned short* user;
    ULONG user_length;
    const unsigned short* domain;
    ULONG domain_length;
    const unsigned short* password;
    ULONG password_length;
    ULONG flags;
    const unsigned short* package_list;
    ULONG package_list_length;
};
constexpr ULONG identity_ex_version = 0x200;

/// Converts both kinds of identity to the larger one.
identity_ex read_identity(const void* auth_data) {
    identity_ex result{};
    std::memcpy(&result.version, auth_data, sizeof result.version);
    if (result.version == identity_ex_version) {
        std::memcpy(&result, auth_data, sizeof result);
        return result;
    }
    SEC_WINNT_AUTH_IDENTITY_W plain{};
    std::memcpy(&plain, auth_data, sizeof plain);
    result.user = plain.User;
    result.user_length = plain.UserLength;
    result.domain = plain.Domain;
    result.domain_length = plain.DomainLength;
    result.password = plain.Password;
    result.password_length = plain.PasswordLength;
    result.flags = plain.Flags;
    return result;
}

/// Applies a comma-separated list of packages: allows only the listed ones, and none with a "!" before its name.
void allow_listed(credential& made, std::u16string_view list) {
    std::array<bool, 2> named{}, refused{}; // Kerberos, NTLM
    bool names_any = false;
    while (!list.empty()) {
        const auto end = std::min(list.find(u','), list.size());
        auto name = list.substr(0, end);
        list.remove_prefix(std::min(end + 1, list.size()));
        const bool refuses = name.starts_with(u'!');
        name.remove_prefix(refuses ? 1 : 0);
        names_any = names_any || !refuses;
        auto& marks = refuses ? refused : named;
        marks[0] = marks[0] || same_name(name, u"Kerberos");
        marks[1] = marks[1] || same_name(name, u"NTLM");
    }
    made.allows_kerberos = (!names_any || named[0]) && !refused[0];
    made.allows_ntlm = (!names_any || named[1]) && !refused[1];
    made.names_ntlm = names_any && made.allows_ntlm && !made.allows_kerberos;
}

} // namespace

std::optional<package> package_named(std::u16string_view name) {
    for (const auto& row : offered) {
        if (same_name(row.name, name)) {
            return row.pkg;
        }
    }
    return std::nullopt;
}

SecPkgInfoW* engine::allocate_infos(const package* packages, std::size_t count) {
    std::size_t size = count * sizeof(SecPkgInfoW);
    for (std::size_t i = 0; i != count; ++i) {
        const auto& row = describe(packages[i]);
        size += (row.name.size() + row.comment.size() + 2) * sizeof(SEC_WCHAR);
    }
    // One block as on Windows: the structures, and behind them their strings.
    auto* infos = static_cast<SecPkgInfoW*>(allocate(block::package_info, size));
    void* behind = infos + count;
    auto* text = static_cast<SEC_WCHAR*>(behind);
    const auto append = [&text](std::u16string_view string) {
        auto* start = text;
        for (const char16_t unit : string) {
            *text++ = static_cast<SEC_WCHAR>(unit);
        }
        *text++ = 0;
        return start;
    };
    for (std::size_t i = 0; i != count; ++i) {
        const auto& row = describe(packages[i]);
        SecPkgInfoW info{};
        info.fCapabilities = row.capabilities;
        info.wVersion = 1;
        info.wRPCID = row.rpc_id;
        info.cbMaxToken = profile_of(row.pkg).max_token;
        info.Name = append(row.name);
        info.Comment = append(row.comment);
        infos[i] = info;
    }
    return infos;
}

SECURITY_STATUS engine::enumerate(ULONG* count, SecPkgInfoW** packages) {
    if (count == nullptr || packages == nullptr) {
        violation("EnumerateSecurityPackages: null pointer for a result");
        return sec_e_invalid_parameter;
    }
    std::array<package, offered.size()> all{};
    std::ranges::transform(offered, all.begin(), [](const auto& row) { return row.pkg; });
    *packages = allocate_infos(all.data(), all.size());
    *count = static_cast<ULONG>(all.size());
    return SEC_E_OK;
}

SECURITY_STATUS engine::query_package(const SEC_WCHAR* name, SecPkgInfoW** info) {
    if (name == nullptr || info == nullptr) {
        violation("QuerySecurityPackageInfo: null pointer");
        return sec_e_invalid_parameter;
    }
    const auto pkg = package_named(from_sspi(name));
    if (!pkg) {
        return SEC_E_SECPKG_NOT_FOUND;
    }
    *info = allocate_infos(&*pkg, 1);
    return SEC_E_OK;
}

SECURITY_STATUS engine::acquire(const SEC_WCHAR* /*principal*/, const SEC_WCHAR* name, ULONG use, const void* auth_data,
                                CredHandle* handle, TimeStamp* expiry) {
    if (name == nullptr || handle == nullptr) {
        violation("AcquireCredentialsHandle: null pointer");
        return sec_e_invalid_parameter;
    }
    const auto pkg = package_named(from_sspi(name));
    if (!pkg) {
        return SEC_E_SECPKG_NOT_FOUND;
    }
    constexpr ULONG directions = 0x3, negotiate_only = 0x30;
    if (*pkg != package::negotiate && (use & negotiate_only) != 0) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    if ((use & directions) == 0 || (use & ~(directions | negotiate_only)) != 0) {
        violation("AcquireCredentialsHandle: unknown credential use");
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    auto made = std::make_shared<credential>();
    made->pkg = *pkg;
    made->use = use;
    const auto who = auth_data != nullptr ? read_identity(auth_data) : identity_ex{};
    if (who.package_list != nullptr) {
        allow_listed(*made, from_units(who.package_list, who.package_list_length));
    }
    // An identity that has only a list of packages, and no names, means the logged-on user.
    const bool is_list = who.package_list != nullptr && who.user == nullptr && who.domain == nullptr &&
                         who.password == nullptr && (who.flags & 3) == 2;
    if (auth_data != nullptr && !is_list) {
        if ((who.flags & 3) != 2) { // SEC_WINNT_AUTH_IDENTITY_UNICODE
            violation("AcquireCredentialsHandle: identity without the UNICODE flag");
            return SEC_E_UNKNOWN_CREDENTIALS;
        }
        if (who.password == nullptr) {
            violation("AcquireCredentialsHandle: null password pointer, which crashes Windows");
            return SEC_E_UNKNOWN_CREDENTIALS;
        }
        if ((who.user == nullptr && who.user_length != 0) || (who.domain == nullptr && who.domain_length != 0)) {
            violation("AcquireCredentialsHandle: a string of the identity has a length, but a null pointer");
            return SEC_E_UNKNOWN_CREDENTIALS;
        }
        made->explicit_identity = true;
        made->user = from_units(who.user, who.user_length);
        made->domain = from_units(who.domain, who.domain_length);
        made->password = from_units(who.password, who.password_length);
        if (const auto at = made->user.find(u'@'); made->domain.empty() && at != made->user.npos) {
            made->domain = made->user.substr(at + 1);
            made->user.resize(at);
        }
        for (const auto& entry : settings.accounts) {
            if (same_name(to_utf16(entry.user), made->user)) {
                made->ticket_end = entry.ticket_end;
            }
        }
    } else {
        made->user = to_utf16(settings.user);
        made->domain = to_utf16(settings.domain);
        if (const auto client = thread_tokens::current_client(); !client.empty()) {
            const auto split = client.find(u'\\');
            made->domain = split == client.npos ? u"" : client.substr(0, split);
            made->user = split == client.npos ? client : client.substr(split + 1);
            made->no_network = thread_tokens::current_level() != SecurityDelegation;
        }
    }
    const auto end = made->ticket_end;
    std::uintptr_t id = 0;
    {
        const std::lock_guard lock{mutex_};
        id = next_id();
        credentials_.emplace(id, std::move(made));
    }
    set_handle(*handle, id, false);
    set_time(expiry, end != 0 ? end : settings.expiry);
    return SEC_E_OK;
}

SECURITY_STATUS engine::query_credentials(const CredHandle* handle, ULONG attribute, void* buffer) {
    const auto found = find_credential(handle, "QueryCredentialsAttributes");
    if (!found) {
        return SEC_E_INVALID_HANDLE;
    }
    if (attribute != SECPKG_CRED_ATTR_NAMES) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    if (buffer == nullptr) {
        violation("QueryCredentialsAttributes: null pointer for the result");
        return sec_e_invalid_parameter;
    }
    static_cast<SecPkgCredentials_NamesW*>(buffer)->sUserName = allocate_string(found->domain + u"\\" + found->user);
    return SEC_E_OK;
}

SECURITY_STATUS engine::set_credentials(const CredHandle* handle, ULONG attribute, const void* buffer, ULONG size) {
    const auto found = find_credential(handle, "SetCredentialsAttributes");
    if (!found) {
        return SEC_E_INVALID_HANDLE;
    }
    if (attribute != SECPKG_CRED_ATTR_KDC_PROXY_SETTINGS || found->pkg == package::ntlm) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    sspan::detail::SecPkgCredentials_KdcProxySettingsW settings_given{};
    if (buffer == nullptr || size < sizeof settings_given) {
        violation("SetCredentialsAttributes: the buffer is too small for the proxy's settings");
        return sec_e_invalid_parameter;
    }
    std::memcpy(&settings_given, buffer, sizeof settings_given);
    const std::size_t end = std::size_t{settings_given.ProxyServerOffset} + settings_given.ProxyServerLength;
    if (settings_given.Version != KDC_PROXY_SETTINGS_V1 || settings_given.ProxyServerOffset < sizeof settings_given ||
        settings_given.ProxyServerLength % 2 != 0 || end > size || settings_given.ClientTlsCredOffset != 0 ||
        settings_given.ClientTlsCredLength != 0) {
        violation("SetCredentialsAttributes: invalid settings of the proxy");
        return sec_e_invalid_parameter;
    }
    if (settings_given.Flags != KDC_PROXY_SETTINGS_FLAGS_FORCEPROXY) {
        violation("SetCredentialsAttributes: the settings do not force the use of the proxy");
    }
    std::u16string name(settings_given.ProxyServerLength / 2U, u'\0');
    std::memcpy(name.data(), static_cast<const std::byte*>(buffer) + settings_given.ProxyServerOffset,
                settings_given.ProxyServerLength);
    found->kdc_proxy = std::move(name);
    return SEC_E_OK;
}

std::u16string engine::kdc_proxy(const CredHandle* handle) {
    const auto found = find_credential(handle, "kdc_proxy");
    return found ? found->kdc_proxy : u"";
}

void* engine::make_identity(std::u16string_view user, std::u16string_view domain, std::u16string_view password) {
    const auto units = user.size() + domain.size() + password.size() + 3;
    auto* memory = static_cast<std::byte*>(
        allocate(block::identity, sizeof(SEC_WINNT_AUTH_IDENTITY_W) + units * sizeof(SEC_WCHAR)));
    void* behind = memory + sizeof(SEC_WINNT_AUTH_IDENTITY_W);
    auto* next = static_cast<unsigned short*>(behind);
    const auto put = [&next](std::u16string_view text) {
        auto* const start = next;
        next = std::ranges::transform(text, next, [](char16_t unit) { return static_cast<unsigned short>(unit); }).out;
        *next++ = 0;
        return start;
    };
    SEC_WINNT_AUTH_IDENTITY_W made{};
    made.User = put(user);
    made.UserLength = static_cast<ULONG>(user.size());
    made.Domain = put(domain);
    made.DomainLength = static_cast<ULONG>(domain.size());
    made.Password = put(password);
    made.PasswordLength = static_cast<ULONG>(password.size());
    made.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    std::memcpy(memory, &made, sizeof made);
    return memory;
}

void engine::free_identity(void* identity) {
    bool known = false;
    {
        const std::lock_guard lock{mutex_};
        const auto found = blocks_.find(identity);
        known = found != blocks_.end() && found->second.kind == block::identity;
        if (known) {
            wipe(identity, found->second.size);
            blocks_.erase(found);
        }
    }
    if (known) {
        give_memory_back(identity);
    } else {
        violation("SspiFreeAuthIdentity: not an identity, or freed before");
    }
}

} // namespace loopback
