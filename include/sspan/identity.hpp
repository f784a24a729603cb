// SPDX-License-Identifier: MIT
//
// Who to log on as, when it is not the user who is logged on already.
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

/// What a ticket of an identity is to say.
enum class identity_content : std::uint8_t {
    full,          ///< Who the client is, and what it may do.
    identity_only, ///< Who the client is (SEC_WINNT_AUTH_IDENTITY_ONLY: no privilege attribute certificate).
};

struct identity_options {
    /// Negotiate's choice of packages, with commas between; a name after ! is excluded. L"!ntlm" keeps it from falling
    /// back to NTLM. Empty: all. For Negotiate only, and refused where it would not be heeded.
    std::wstring_view packages{};
    identity_content content = identity_content::full;
};

/// A user name, a domain and a password, in memory that is wiped when it is freed.
///
/// The caller wipes his own copy of the password. Moved from, it names nobody, and `credentials` refuses it with
/// `invalid_handle`.
class identity {
public:
    /// An empty `domain` leaves the choice to the package; then `user` may be of the form name@domain.
    /// @throws error `invalid_parameter` for text that has no UTF-16 form or, with its zero, exceeds 32 bits.
    /// @note SEC_WINNT_AUTH_IDENTITY_W, or SEC_WINNT_AUTH_IDENTITY_EXW if there is a list of packages.
    identity(std::wstring_view user, std::wstring_view domain, std::wstring_view password,
             const identity_options& options = {})
        : content_{options.content} {
        set(user_, user);
        set(domain_, domain);
        set(password_, password);
        if (!options.packages.empty()) {
            set(packages_, options.packages);
        }
    }
    /// Takes a PSEC_WINNT_AUTH_IDENTITY_OPAQUE, as SspiPromptForCredentials and SspiEncodeStringsAsAuthIdentity make
    /// it. It is wiped and freed with SspiFreeAuthIdentity. Nobody looks inside: a list of packages that it may have is
    /// none for `has_packages`, and not refused where it would not be heeded.
    [[nodiscard]] static identity adopt(void* opaque) noexcept { return identity{detail::opaque_identity{opaque}}; }

    identity(identity&&) noexcept = default;
    identity& operator=(identity&&) noexcept = default;
    identity(const identity&) = delete;
    identity& operator=(const identity&) = delete;
    ~identity() = default;

    /// False when moved from.
    explicit operator bool() const noexcept { return !password_.empty() || opaque_; }

    /// Whether packages are listed.
    [[nodiscard]] bool has_packages() const noexcept { return !packages_.empty(); }

    /// Calls `use` with what AcquireCredentialsHandle takes as pAuthData: a void* to the secrets, good during the call.
    /// @return the status that `use` returns.
    template <class Use>
    [[nodiscard]] SECURITY_STATUS with_native(Use&& use) const {
        if (opaque_) {
            return std::forward<Use>(use)(opaque_.get());
        }
        if (has_packages()) {
            detail::SEC_WINNT_AUTH_IDENTITY_EXW os{};
            os.Version = SEC_WINNT_AUTH_IDENTITY_VERSION;
            os.Length = sizeof os;
            os.PackageList = pointer(packages_, os.PackageList);
            os.PackageListLength = length(packages_);
            fill(os);
            return std::forward<Use>(use)(static_cast<void*>(&os));
        }
        SEC_WINNT_AUTH_IDENTITY_W os{};
        fill(os);
        return std::forward<Use>(use)(static_cast<void*>(&os));
    }

private:
    explicit identity(detail::opaque_identity opaque) noexcept : opaque_{std::move(opaque)} {}

    template <class String>
    static void set(String& member, std::wstring_view text) {
        if (text.size() >= 0x7FFFFFFFU || !detail::to_os(text, member)) {
            throw error{errc::invalid_parameter, "AcquireCredentialsHandle"};
        }
    }

    /// What both structures have.
    template <class Structure>
    void fill(Structure& os) const noexcept {
        os.User = pointer(user_, os.User);
        os.UserLength = length(user_);
        os.Domain = pointer(domain_, os.Domain);
        os.DomainLength = length(domain_);
        os.Password = pointer(password_, os.Password);
        os.PasswordLength = length(password_);
        os.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
        if (content_ == identity_content::identity_only) {
            os.Flags |= SEC_WINNT_AUTH_IDENTITY_ONLY;
        }
    }

    /// The structures have unsigned short* for what is WCHAR elsewhere, and no const; the packages only read it.
    /// An empty string is a pointer to a zero, because packages follow the pointer whatever the length.
    template <class String, class Unit>
    static Unit* pointer(const String& member, Unit* /*type*/) noexcept {
        static_assert(sizeof(Unit) == sizeof(SEC_WCHAR));
        return reinterpret_cast<Unit*>(const_cast<SEC_WCHAR*>(member.data()));
    }

    /// In UTF-16 units, without the terminating zero.
    template <class String>
    static ULONG length(const String& member) noexcept {
        return member.empty() ? 0 : gsl::narrow_cast<ULONG>(member.size() - 1);
    }

    detail::secret_os_string user_;
    detail::secret_os_string domain_;
    detail::secret_os_string password_;
    detail::os_string packages_;
    identity_content content_ = identity_content::full;
    detail::opaque_identity opaque_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
