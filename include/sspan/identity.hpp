// SPDX-License-Identifier: MIT
//
// The user to log on as, if it is not the logged-on user.
#pragma once

#include "error.hpp"
#include "os/handle.hpp"
#include "os/text.hpp"

#include <gsl/narrow>

#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility> // std::forward

namespace sspan::inline SSPAN_API_NAMESPACE {

/// The content of the ticket for an identity.
enum class identity_content : std::uint8_t {
    full,          ///< The client's identity and authorization data.
    identity_only, ///< Only the identity: no privilege attribute certificate (SEC_WINNT_AUTH_IDENTITY_ONLY).
};

/// Options of an `identity`.
struct identity_options {
    identity_content content = identity_content::full;
};

namespace detail {

struct auth_data;

/// Converts text to the type of the structures, which is unsigned short* for WCHAR and not const. Packages only read
/// it. An empty string becomes a pointer to a zero, because packages follow the pointer regardless of the length.
template <class String, class Unit>
Unit* identity_text(const String& text, Unit* /*type*/) noexcept {
    static_assert(sizeof(Unit) == sizeof(SEC_WCHAR));
    return reinterpret_cast<Unit*>(const_cast<SEC_WCHAR*>(text.data()));
}

/// Returns the length in UTF-16 units, without the terminating zero.
template <class String>
ULONG identity_length(const String& text) noexcept {
    return text.empty() ? 0 : gsl::narrow_cast<ULONG>(text.size() - 1);
}

/// Returns true if the text and its zero fit into 32 bits in every encoding.
[[nodiscard]] constexpr bool is_short_enough(std::wstring_view text) noexcept {
    return text.size() < 0x7FFFFFFFU;
}

} // namespace detail

/// A user name, a domain and a password, in memory that is wiped when it is freed.
///
/// The caller wipes its own copy of the password. `credentials` rejects a moved-from identity with `invalid_handle`.
class identity {
public:
    /// Splits `user` if `domain` is empty. DOMAIN\user is split at the first backslash, as Windows does; in .\user the
    /// domain is "." (this machine). name@domain is not split; the package does this. If `domain` is not empty, `user`
    /// is not split.
    /// @throws error `invalid_parameter` for text that has no UTF-16 form or, with its zero, exceeds 32 bits.
    /// @note The package gets a SEC_WINNT_AUTH_IDENTITY_W, or a SEC_WINNT_AUTH_IDENTITY_EXW if `credential_options` has
    ///   a list of packages.
    identity(std::wstring_view user, std::wstring_view domain, std::wstring_view password,
             const identity_options& options = {})
        : content_{options.content} {
        const auto backslash = domain.empty() ? user.find(L'\\') : std::wstring_view::npos;
        const bool has_both = backslash != std::wstring_view::npos;
        set(user_, has_both ? user.substr(backslash + 1) : user);
        set(domain_, has_both ? user.substr(0, backslash) : domain);
        set(password_, password);
    }
    /// Takes ownership of a PSEC_WINNT_AUTH_IDENTITY_OPAQUE from SspiPromptForCredentials or
    /// SspiEncodeStringsAsAuthIdentity. It is wiped and freed with SspiFreeAuthIdentity. It cannot be combined with
    /// `credential_options::packages`. A list of packages inside it reaches the package unchecked.
    ///
    /// The buffer of CredUIPromptForWindowsCredentials is not such a structure. Unpack it with
    /// CredUnPackAuthenticationBuffer, and pass the strings to the constructor.
    [[nodiscard]] static identity adopt(void* opaque) noexcept { return identity{detail::opaque_identity{opaque}}; }

    identity(identity&&) noexcept = default;
    identity& operator=(identity&&) noexcept = default;
    identity(const identity&) = delete;
    identity& operator=(const identity&) = delete;
    ~identity() = default;

    /// Returns false for a moved-from identity.
    explicit operator bool() const noexcept { return !password_.empty() || opaque_; }

    /// Calls `use` with the pAuthData argument of AcquireCredentialsHandle: a void* to the secrets, valid during the
    /// call.
    /// @return the status from `use`.
    template <class Use>
    [[nodiscard]] SECURITY_STATUS with_native(Use&& use) const {
        if (opaque_) {
            return std::forward<Use>(use)(opaque_.get());
        }
        SEC_WINNT_AUTH_IDENTITY_W os{};
        fill(os);
        return std::forward<Use>(use)(static_cast<void*>(&os));
    }

private:
    friend struct detail::auth_data;
    explicit identity(detail::opaque_identity opaque) noexcept : opaque_{std::move(opaque)} {}

    template <class String>
    static void set(String& member, std::wstring_view text) {
        if (!detail::is_short_enough(text) || !detail::to_os(text, member)) {
            throw error{errc::invalid_parameter, "AcquireCredentialsHandle"};
        }
    }

    /// Sets the members that both structures have.
    template <class Structure>
    void fill(Structure& os) const noexcept {
        os.User = detail::identity_text(user_, os.User);
        os.UserLength = detail::identity_length(user_);
        os.Domain = detail::identity_text(domain_, os.Domain);
        os.DomainLength = detail::identity_length(domain_);
        os.Password = detail::identity_text(password_, os.Password);
        os.PasswordLength = detail::identity_length(password_);
        os.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
        if (content_ == identity_content::identity_only) {
            os.Flags |= SEC_WINNT_AUTH_IDENTITY_ONLY;
        }
    }

    detail::secret_os_string user_;
    detail::secret_os_string domain_;
    detail::secret_os_string password_;
    identity_content content_ = identity_content::full;
    detail::opaque_identity opaque_;
};

namespace detail {

/// The pAuthData argument of AcquireCredentialsHandle.
struct auth_data {
    /// Calls `use` with it. Without a list, it is a null pointer for the logged-on user (`who` is null).
    /// @return the status from `use`.
    template <class Use>
    [[nodiscard]] static SECURITY_STATUS with(const identity* who, const os_string& packages, Use use) {
        if (packages.empty()) {
            return who != nullptr ? who->with_native(use) : use(nullptr);
        }
        // Null pointers select the logged-on user. Empty names would select an anonymous user.
        SEC_WINNT_AUTH_IDENTITY_EXW os{};
        os.Version = SEC_WINNT_AUTH_IDENTITY_VERSION;
        os.Length = sizeof os;
        os.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
        if (who != nullptr) {
            who->fill(os);
        }
        os.PackageList = identity_text(packages, os.PackageList);
        os.PackageListLength = identity_length(packages);
        return use(static_cast<void*>(&os));
    }

    /// Returns true if a list of packages can be added.
    [[nodiscard]] static bool takes_list(const identity* who) noexcept { return who == nullptr || !who->opaque_; }
};

} // namespace detail

} // namespace sspan::inline SSPAN_API_NAMESPACE
