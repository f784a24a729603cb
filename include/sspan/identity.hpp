// SPDX-License-Identifier: MIT
//
// Who to log on as, when it is not the user who is logged on already.
#pragma once

#include "detail/text.hpp"
#include "error.hpp"

#include <gsl/narrow>

#include <string_view>
#include <system_error>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// A user name, a domain and a password (SEC_WINNT_AUTH_IDENTITY_W), in memory that is wiped when it is freed.
///
/// The caller wipes his own copy of the password. Moved from, it names nobody, and `credentials` refuses it with
/// `invalid_handle`.
class identity {
public:
    /// An empty `domain` leaves the choice to the package; then `user` may be of the form name@domain.
    /// @throws error `invalid_parameter` for text that has no UTF-16 form or, with its zero, exceeds 32 bits.
    identity(std::wstring_view user, std::wstring_view domain, std::wstring_view password) {
        set(user_, user);
        set(domain_, domain);
        set(password_, password);
    }
    identity(identity&&) noexcept = default;
    identity& operator=(identity&&) noexcept = default;
    identity(const identity&) = delete;
    identity& operator=(const identity&) = delete;
    ~identity() = default;

    /// False when moved from.
    explicit operator bool() const noexcept { return !password_.empty(); }

    /// What AcquireCredentialsHandle takes as pAuthData; valid as long as this object. It points into the secrets.
    [[nodiscard]] SEC_WINNT_AUTH_IDENTITY_W native() const noexcept {
        SEC_WINNT_AUTH_IDENTITY_W os{};
        os.User = pointer(user_, os.User);
        os.UserLength = length(user_);
        os.Domain = pointer(domain_, os.Domain);
        os.DomainLength = length(domain_);
        os.Password = pointer(password_, os.Password);
        os.PasswordLength = length(password_);
        os.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
        return os;
    }

private:
    static void set(detail::secret_os_string& member, std::wstring_view text) {
        if (text.size() >= 0x7FFFFFFFU || !detail::to_os(text, member)) {
            throw error{errc::invalid_parameter, "AcquireCredentialsHandle"};
        }
    }

    /// The structure has unsigned short* for what is WCHAR elsewhere, and no const; the packages only read it.
    /// An empty string is a pointer to a zero, because packages follow the pointer whatever the length.
    template <class Unit>
    static Unit* pointer(const detail::secret_os_string& member, Unit* /*type*/) noexcept {
        static_assert(sizeof(Unit) == sizeof(SEC_WCHAR));
        return reinterpret_cast<Unit*>(const_cast<SEC_WCHAR*>(member.data()));
    }

    /// In UTF-16 units, without the terminating zero.
    static ULONG length(const detail::secret_os_string& member) noexcept {
        return member.empty() ? 0 : gsl::narrow_cast<ULONG>(member.size() - 1);
    }

    detail::secret_os_string user_;
    detail::secret_os_string domain_;
    detail::secret_os_string password_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
