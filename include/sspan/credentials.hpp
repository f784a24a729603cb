// SPDX-License-Identifier: MIT
//
// The right to act as somebody: towards a server, or as the server.
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

/// Whether Negotiate may use what the user has logged on with, or saved, without being told to.
enum class autologon : std::uint8_t {
    allowed,
    restricted, ///< It fails with `no_credentials` instead (SECPKG_CRED_AUTOLOGON_RESTRICTED); then ask the user.
                ///< Clients of Negotiate only.
};

/// Options of `credentials::outbound` and `credentials::inbound`. The default is the package's own behavior.
struct credential_options {
    /// The packages that Negotiate may choose, separated by commas. A name after ! is excluded: L"!ntlm" prevents the
    /// fallback to NTLM. Empty means all packages. For Negotiate only.
    std::wstring packages{};
    autologon logon = autologon::allowed;
};

namespace detail {

class handshake;

/// The content of credentials.
struct acquired_credentials {
    credentials_handle handle;
    std::wstring package;
    std::uint32_t max_token = 0;
    optional_time expiry;
};

} // namespace detail

/// A share of a CredHandle. Copies share one handle. Each handshake and each context has a share, too. The handle is
/// freed after the last of them has gone.
///
/// Many handshakes, in many threads, may use the same credentials at the same time.
///
/// `outbound` and `inbound` prove nothing yet: a wrong password shows in the handshake. They read `who` and the options
/// only during the call. Errors:
/// - `secpkg_not_found`, `no_credentials`, `unknown_credentials`, `not_owner`, `insufficient_memory` from the package;
/// - `invalid_parameter`: the package's name or the list contains a zero or has no UTF-16 form;
/// - `invalid_handle`: `who` was moved from;
/// - `unsupported_function`: a list or `autologon::restricted` for another package than Negotiate; `restricted` for
///   `inbound`; a list together with an opaque identity (`identity::adopt`).
///
/// They call QuerySecurityPackageInfo and AcquireCredentialsHandle. With a list, the package gets a
/// SEC_WINNT_AUTH_IDENTITY_EXW; for the logged-on user, its names are null pointers.
class credentials {
public:
    /// Nobody's: the zero state, in which a moved-from object is, too.
    credentials() noexcept = default;

    /// The logged-on user, or the client whom the calling thread impersonates, as the side that connects.
    [[nodiscard]] static credentials outbound(std::wstring_view package, const credential_options& options,
                                              std::error_code& ec) noexcept {
        return acquire(package, SECPKG_CRED_OUTBOUND, nullptr, options, ec);
    }
    [[nodiscard]] static credentials outbound(std::wstring_view package, const credential_options& options = {}) {
        return acquire(package, SECPKG_CRED_OUTBOUND, nullptr, options);
    }
    /// `who`, as the side that connects.
    [[nodiscard]] static credentials outbound(std::wstring_view package, const identity& who,
                                              const credential_options& options, std::error_code& ec) noexcept {
        return acquire(package, SECPKG_CRED_OUTBOUND, &who, options, ec);
    }
    [[nodiscard]] static credentials outbound(std::wstring_view package, const identity& who,
                                              const credential_options& options = {}) {
        return acquire(package, SECPKG_CRED_OUTBOUND, &who, options);
    }

    /// The account that the calling thread acts as, as the side that accepts: the one that the server runs as or, inside
    /// an `impersonation_guard`, the client. The credentials stay that client's for every later handshake. A server takes
    /// its own before it impersonates anybody, or reverts for this call.
    [[nodiscard]] static credentials inbound(std::wstring_view package, const credential_options& options,
                                             std::error_code& ec) noexcept {
        return acquire(package, SECPKG_CRED_INBOUND, nullptr, options, ec);
    }
    [[nodiscard]] static credentials inbound(std::wstring_view package, const credential_options& options = {}) {
        return acquire(package, SECPKG_CRED_INBOUND, nullptr, options);
    }
    /// `who`, as the side that accepts.
    [[nodiscard]] static credentials inbound(std::wstring_view package, const identity& who,
                                             const credential_options& options, std::error_code& ec) noexcept {
        return acquire(package, SECPKG_CRED_INBOUND, &who, options, ec);
    }
    [[nodiscard]] static credentials inbound(std::wstring_view package, const identity& who,
                                             const credential_options& options = {}) {
        return acquire(package, SECPKG_CRED_INBOUND, &who, options);
    }

    /// Takes a handle that was acquired elsewhere for `package`. On failure it has been freed.
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

    /// Lends the handle; zero when there is none.
    [[nodiscard]] CredHandle native_handle() const noexcept {
        return state_ ? state_->handle.get() : detail::credentials_kind::zero();
    }
    /// Gives the handle away. The caller frees it with FreeCredentialsHandle. This object is in the zero state then.
    /// @return zero in the zero state.
    /// @throws error `not_owner` while a copy, a handshake or a context has a share. Nothing changes then.
    [[nodiscard]] CredHandle release(std::error_code& ec) noexcept {
        ec.clear();
        const bool shared = state_.use_count() > 1;
        std::atomic_thread_fence(std::memory_order_acquire); // after what the last other share has done
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
    /// False in the zero state.
    explicit operator bool() const noexcept { return state_ != nullptr; }

    /// The longest token of a handshake by the package's own word (cbMaxToken), in bytes. Tickets can be longer. A
    /// handshake takes room for 65,535 bytes if this is less.
    [[nodiscard]] std::uint32_t max_token() const noexcept { return state_ ? state_->max_token : 0; }

    /// When they end, as of a Kerberos ticket, by what the package said when they were acquired: a ticket that is renewed
    /// later does not move it. It may be `never`. Nothing: the package did not tell.
    [[nodiscard]] std::optional<std::chrono::system_clock::time_point> expiry() const noexcept {
        return state_ ? state_->expiry : std::nullopt;
    }

    /// The package they were acquired for. The text is valid until the last share of these credentials has gone.
    [[nodiscard]] std::wstring_view package() const& noexcept {
        return state_ ? std::wstring_view{state_->package} : std::wstring_view{};
    }
    [[nodiscard]] std::wstring_view package() const&& = delete;

private:
    friend class detail::handshake;
    using state = detail::acquired_credentials;

    explicit credentials(std::shared_ptr<state> acquired) noexcept : state_{std::move(acquired)} {}

    /// Sets the package's name and its longest token; `function` is to blame for `ec`.
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

    /// Whether the package would heed `options`.
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
                return {}; // `acquired` means nothing then
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
