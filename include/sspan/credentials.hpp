// SPDX-License-Identifier: MIT
//
// Credentials of a client or of a server.
#pragma once

#include "error.hpp"
#include "identity.hpp"
#include "os/handle.hpp"
#include "os/text.hpp"
#include "os/time.hpp"
#include "package.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Controls whether Negotiate may use the user's logon or saved credentials on its own.
enum class autologon : std::uint8_t {
    allowed, ///< Negotiate may use them.
    /// Fails with `no_credentials` instead (SECPKG_CRED_AUTOLOGON_RESTRICTED); then ask the user. Only for clients of
    /// Negotiate.
    restricted,
};

/// Options of `credentials::outbound` and `credentials::inbound`. The defaults keep the package's own behavior.
struct credential_options {
    /// The packages that Negotiate may choose, separated by commas. An exclamation mark excludes a package: L"!ntlm"
    /// prevents the fallback to NTLM. An empty list allows all packages. Only for Negotiate. For servers this is not
    /// verified on Windows: set `ntlm_use::refused` in the options, too.
    std::wstring packages{};
    autologon logon = autologon::allowed;
};

namespace detail {

class handshake;

/// The state that all copies of `credentials` share.
struct acquired_credentials {
    credentials_handle handle;
    std::wstring package;
    std::uint32_t max_token = 0;
    optional_time expiry;
};

} // namespace detail

/// A share of a CredHandle. Each copy, each handshake and each context has a share. The handle is freed after the last
/// share has gone.
///
/// Many handshakes, in many threads, may use the same credentials at the same time.
///
/// `outbound` and `inbound` do not check the password; the handshake does. They read `who` and the options only during
/// the call. On failure they return the zero state. Errors:
/// - `secpkg_not_found`, `no_credentials`, `unknown_credentials`, `not_owner`, `insufficient_memory` from the package;
/// - `invalid_parameter`: the package's name or the list contains a zero or has no UTF-16 form;
/// - `invalid_handle`: `who` was moved from;
/// - `unsupported_function`: a list or `autologon::restricted` for a package other than Negotiate; `restricted` for
///   `inbound`; a list with an opaque identity (`identity::adopt`).
///
/// They call QuerySecurityPackageInfo and AcquireCredentialsHandle. With a list, the package gets a
/// SEC_WINNT_AUTH_IDENTITY_EXW; its names are null pointers for the logged-on user.
class credentials {
public:
    /// Makes the zero state, which is also the state of a moved-from object.
    credentials() noexcept = default;

    /// Acquires client credentials for the logged-on user, or for the client that the calling thread impersonates.
    [[nodiscard]] static credentials outbound(std::wstring_view package, const credential_options& options,
                                              std::error_code& ec) noexcept {
        return acquire(package, SECPKG_CRED_OUTBOUND, nullptr, options, ec);
    }
    [[nodiscard]] static credentials outbound(std::wstring_view package, const credential_options& options = {}) {
        return acquire(package, SECPKG_CRED_OUTBOUND, nullptr, options);
    }
    /// Acquires client credentials for `who`.
    [[nodiscard]] static credentials outbound(std::wstring_view package, const identity& who,
                                              const credential_options& options, std::error_code& ec) noexcept {
        return acquire(package, SECPKG_CRED_OUTBOUND, &who, options, ec);
    }
    [[nodiscard]] static credentials outbound(std::wstring_view package, const identity& who,
                                              const credential_options& options = {}) {
        return acquire(package, SECPKG_CRED_OUTBOUND, &who, options);
    }

    /// Acquires server credentials for the account that the calling thread acts as. Inside an `impersonation_guard`,
    /// this is the client's account, and the credentials remain the client's for all later handshakes. A server
    /// acquires its own credentials before it impersonates a client, or calls `revert` first.
    [[nodiscard]] static credentials inbound(std::wstring_view package, const credential_options& options,
                                             std::error_code& ec) noexcept {
        return acquire(package, SECPKG_CRED_INBOUND, nullptr, options, ec);
    }
    [[nodiscard]] static credentials inbound(std::wstring_view package, const credential_options& options = {}) {
        return acquire(package, SECPKG_CRED_INBOUND, nullptr, options);
    }
    /// Acquires server credentials for `who`.
    [[nodiscard]] static credentials inbound(std::wstring_view package, const identity& who,
                                             const credential_options& options, std::error_code& ec) noexcept {
        return acquire(package, SECPKG_CRED_INBOUND, &who, options, ec);
    }
    [[nodiscard]] static credentials inbound(std::wstring_view package, const identity& who,
                                             const credential_options& options = {}) {
        return acquire(package, SECPKG_CRED_INBOUND, &who, options);
    }

    /// Takes ownership of a handle that was acquired elsewhere for `package`. On failure the handle has been freed.
    [[nodiscard]] static credentials adopt(CredHandle handle, std::wstring_view package, std::error_code& ec) noexcept {
        const char* function = nullptr;
        return create(detail::credentials_handle{handle}, package, ec, function);
    }
    [[nodiscard]] static credentials adopt(CredHandle handle, std::wstring_view package) {
        std::error_code ec;
        const char* function = nullptr;
        auto adopted = create(detail::credentials_handle{handle}, package, ec, function);
        detail::throw_if(ec, function);
        return adopted;
    }

    /// Returns the handle, which stays owned by this object; zero in the zero state.
    [[nodiscard]] CredHandle native_handle() const noexcept {
        return state_ ? state_->handle.get() : detail::credentials_kind::zero();
    }
    /// Returns the handle and makes this the zero state. The caller frees the handle with FreeCredentialsHandle.
    /// @return zero in the zero state.
    /// @throws error `not_owner` while a copy, a handshake or a context has a share; nothing changes then.
    [[nodiscard]] CredHandle release(std::error_code& ec) noexcept {
        ec.clear();
        const bool shared = state_.use_count() > 1;
        std::atomic_thread_fence(std::memory_order_acquire); // orders the last use by another share before this
        if (shared) {
            ec = errc::not_owner;
            return detail::credentials_kind::zero();
        }
        const auto last = std::exchange(state_, nullptr);
        return last ? last->handle.release() : detail::credentials_kind::zero();
    }
    [[nodiscard]] CredHandle release() {
        std::error_code ec;
        const auto handle = release(ec);
        detail::throw_if(ec, "sspan::credentials::release");
        return handle;
    }
    /// Returns false in the zero state.
    explicit operator bool() const noexcept { return state_ != nullptr; }

    /// Returns the length of the longest handshake token that the package announces (cbMaxToken), in bytes. Tickets can
    /// be longer; handshakes reserve at least 65,535 bytes.
    [[nodiscard]] std::uint32_t max_token() const noexcept { return state_ ? state_->max_token : 0; }

    /// Returns the expiry, for example of a Kerberos ticket, that the package reported at acquisition. Renewing a
    /// ticket does not change it. It may be `never`. It is empty if the package did not report it.
    [[nodiscard]] std::optional<std::chrono::system_clock::time_point> expiry() const noexcept {
        return state_ ? state_->expiry : std::nullopt;
    }

    /// Returns the name of the package. The text is valid until the last share of these credentials has gone.
    [[nodiscard]] std::wstring_view package() const& noexcept {
        return state_ ? std::wstring_view{state_->package} : std::wstring_view{};
    }
    [[nodiscard]] std::wstring_view package() const&& = delete;

private:
    friend class detail::handshake;
    using state = detail::acquired_credentials;

    explicit credentials(std::shared_ptr<state> acquired) noexcept : state_{std::move(acquired)} {}

    /// Sets the package's name and its longest token. `function` is set to the name of the failed function.
    static void look_up(std::wstring_view package, state& result, detail::os_string& name, std::error_code& ec,
                        const char*& function) {
        function = "QuerySecurityPackageInfo";
        if (!detail::to_os_name(package, name)) {
            ec = errc::invalid_parameter;
            return;
        }
        result.package = package;
        const auto info = detail::query_security_package_info(name, ec);
        result.max_token = info ? info.get()->cbMaxToken : 0;
        if (!ec && result.max_token == 0) {
            ec = errc::internal_error;
        }
    }

    static credentials create(detail::credentials_handle handle, std::wstring_view package, std::error_code& ec,
                              const char*& function) noexcept {
        function = "QuerySecurityPackageInfo"; // also for a lack of memory
        return detail::without_bad_alloc<credentials>(ec, [&]() -> credentials {
            auto result = std::make_shared<state>();
            detail::os_string name;
            look_up(package, *result, name, ec, function);
            result->handle = std::move(handle);
            if (!ec && !result->handle) {
                ec = errc::invalid_handle;
            }
            return ec ? credentials{} : credentials{std::move(result)};
        });
    }

    /// Returns true if the package supports `options`.
    [[nodiscard]] static bool are_supported(const credential_options& options, ULONG use, const identity* who,
                                            const detail::os_string& package) noexcept {
        const bool is_restricted = options.logon == autologon::restricted;
        return (options.packages.empty() && !is_restricted) ||
               (detail::is_name(package.data(), sspan::package::negotiate) &&
                (options.packages.empty() || detail::auth_data::takes_list(who)) &&
                (!is_restricted || use == SECPKG_CRED_OUTBOUND));
    }

    static credentials acquire(std::wstring_view package, ULONG use, const identity* who,
                               const credential_options& options, std::error_code& ec, const char*& function) noexcept {
        return detail::without_bad_alloc<credentials>(ec, [&]() -> credentials {
            function = "AcquireCredentialsHandle";
            if (who != nullptr && !*who) {
                ec = errc::invalid_handle;
                return {};
            }
            auto result = std::make_shared<state>();
            detail::os_string name;
            look_up(package, *result, name, ec, function);
            if (ec) {
                return {};
            }
            function = "AcquireCredentialsHandle";
            if (!are_supported(options, use, who, name)) {
                ec = errc::unsupported_function;
                return {};
            }
            detail::os_string packages;
            if (!options.packages.empty() &&
                (!detail::is_short_enough(options.packages) || !detail::to_os_name(options.packages, packages))) {
                ec = errc::invalid_parameter;
                return {};
            }
            if (options.logon == autologon::restricted) {
                use |= SECPKG_CRED_AUTOLOGON_RESTRICTED;
            }
            CredHandle acquired{};
            TimeStamp expiry{};
            ec = detail::failure(detail::auth_data::with(who, packages, [&](void* auth_data) {
                return detail::api::acquire_credentials_handle(nullptr, name.data(), use, auth_data, &acquired,
                                                               &expiry);
            }));
            if (ec) {
                return {}; // `acquired` is undefined then
            }
            result->handle = detail::credentials_handle{acquired};
            result->expiry = detail::to_time(expiry);
            if (!result->handle) {
                ec = errc::internal_error;
                return {};
            }
            return credentials{std::move(result)};
        });
    }

    static credentials acquire(std::wstring_view package, ULONG use, const identity* who,
                               const credential_options& options, std::error_code& ec) noexcept {
        const char* function = nullptr;
        return acquire(package, use, who, options, ec, function);
    }

    static credentials acquire(std::wstring_view package, ULONG use, const identity* who,
                               const credential_options& options) {
        std::error_code ec;
        const char* function = nullptr;
        auto acquired = acquire(package, use, who, options, ec, function);
        detail::throw_if(ec, function);
        return acquired;
    }

    std::shared_ptr<state> state_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
