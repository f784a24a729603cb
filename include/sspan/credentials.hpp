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
                ///< Negotiate only.
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
/// The acquiring functions prove nothing yet: a wrong password shows in the handshake. They call QuerySecurityPackageInfo and AcquireCredentialsHandle, and fail with `secpkg_not_found`, `no_credentials`,
/// `unknown_credentials`, `not_owner`, `insufficient_memory`, `invalid_parameter` (a zero inside the package's name),
/// `invalid_handle` (`who` was moved from), `unsupported_function` (`autologon::restricted` or a list of packages for
/// another package than Negotiate). `who` is needed during the call only.
class credentials {
public:
    /// Nobody's: the zero state, in which a moved-from object is, too.
    credentials() noexcept = default;

    /// The logged-on user, or the client whom the calling thread impersonates, as the side that connects.
    [[nodiscard]] static credentials outbound(std::wstring_view package, autologon logon,
                                              std::error_code& ec) noexcept {
        return acquire(package, outbound_use(logon), nullptr, ec);
    }
    [[nodiscard]] static credentials outbound(std::wstring_view package, std::error_code& ec) noexcept {
        return outbound(package, autologon::allowed, ec);
    }
    [[nodiscard]] static credentials outbound(std::wstring_view package, autologon logon = autologon::allowed) {
        return acquire(package, outbound_use(logon), nullptr);
    }
    /// `who`, as the side that connects.
    [[nodiscard]] static credentials outbound(std::wstring_view package, const identity& who, autologon logon,
                                              std::error_code& ec) noexcept {
        return acquire(package, outbound_use(logon), &who, ec);
    }
    [[nodiscard]] static credentials outbound(std::wstring_view package, const identity& who,
                                              std::error_code& ec) noexcept {
        return outbound(package, who, autologon::allowed, ec);
    }
    [[nodiscard]] static credentials outbound(std::wstring_view package, const identity& who,
                                              autologon logon = autologon::allowed) {
        return acquire(package, outbound_use(logon), &who);
    }

    /// The account that the calling thread acts as, as the side that accepts: the one that the server runs as or, inside
    /// an `impersonation_guard`, the client. The credentials stay that client's for every later handshake. A server takes
    /// its own before it impersonates anybody, or reverts for this call.
    [[nodiscard]] static credentials inbound(std::wstring_view package, std::error_code& ec) noexcept {
        return acquire(package, SECPKG_CRED_INBOUND, nullptr, ec);
    }
    [[nodiscard]] static credentials inbound(std::wstring_view package) {
        return acquire(package, SECPKG_CRED_INBOUND, nullptr);
    }
    /// `who`, as the side that accepts.
    [[nodiscard]] static credentials inbound(std::wstring_view package, const identity& who,
                                             std::error_code& ec) noexcept {
        return acquire(package, SECPKG_CRED_INBOUND, &who, ec);
    }
    [[nodiscard]] static credentials inbound(std::wstring_view package, const identity& who) {
        return acquire(package, SECPKG_CRED_INBOUND, &who);
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
        if (state_.use_count() > 1) {
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

    /// The package they were acquired for. Valid as long as somebody has a share of these credentials.
    [[nodiscard]] std::wstring_view package() const noexcept {
        return state_ ? std::wstring_view{state_->package} : std::wstring_view{};
    }

private:
    friend class detail::handshake;
    using state = detail::acquired_credentials;

    explicit credentials(std::shared_ptr<state> acquired) noexcept : state_{std::move(acquired)} {}

    static ULONG outbound_use(autologon logon) noexcept {
        return logon == autologon::restricted ? SECPKG_CRED_OUTBOUND | SECPKG_CRED_AUTOLOGON_RESTRICTED
                                              : SECPKG_CRED_OUTBOUND;
    }

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

    static credentials acquire(std::wstring_view package, ULONG use, const identity* who, std::error_code& ec,
                               const char*& function) noexcept {
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
            const bool has_packages = who != nullptr && who->has_packages();
            const bool negotiates = detail::is_name(name.data(), sspan::package::negotiate);
            if ((has_packages || use == outbound_use(autologon::restricted)) && !negotiates) {
                ec = errc::unsupported_function;
                return {};
            }
            CredHandle acquired{};
            TimeStamp expiry{};
            const auto acquire_as = [&](void* auth_data) {
                return detail::api::acquire_credentials_handle(nullptr, name.data(), use, auth_data, &acquired,
                                                               &expiry);
            };
            ec = detail::failure(who != nullptr ? who->with_native(acquire_as) : acquire_as(nullptr));
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
                               std::error_code& ec) noexcept {
        const char* function = nullptr;
        return acquire(package, use, who, ec, function);
    }

    static credentials acquire(std::wstring_view package, ULONG use, const identity* who) {
        std::error_code ec;
        const char* function = nullptr;
        auto acquired = acquire(package, use, who, ec, function);
        detail::throw_if(ec, function);
        return acquired;
    }

    std::shared_ptr<state> state_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
