// SPDX-License-Identifier: MIT
//
// For tests: SSPI inside the program. A test that links sspan::loopback in the place of sspan::sspan calls it, and never
// the system's. docs/testing-your-code.md is the guide.
#pragma once

#include <sspan/error.hpp>
#include <sspan/flags.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility> // std::pair
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::testing {

/// A user who can log on with a `sspan::identity`, in any domain.
struct account {
    std::wstring user;
    std::wstring password;
};

/// Who is who.
struct loopback_options {
    std::wstring user = L"alice"; ///< The logged-on user. Credentials without an identity are this user's.
    std::wstring domain = L"LOOPBACK";
    std::vector<account> accounts{};
    std::wstring service = L"HTTP/server.loopback.example"; ///< The name of the servers that the test runs.
    std::vector<std::wstring> other_services{}; ///< The KDC knows them, too. Servers do not have their keys.
    std::uint64_t seed = 1; ///< The same seed and the same calls make the same tokens, keys and messages.
    /// Gets each leak and each misuse, when the `loopback` dies. It must not throw. Without it the text goes to stderr,
    /// and std::abort ends the program.
    std::function<void(std::string_view)> report{};
};

/// SSPI's calls, by SSPI's names: MakeSignature is `make_signature`.
enum class call : std::uint8_t {
    enumerate_security_packages,
    query_security_package_info,
    acquire_credentials_handle,
    query_credentials_attributes,
    set_credentials_attributes,
    initialize_security_context,
    accept_security_context,
    query_context_attributes,
    make_signature,
    verify_signature,
    encrypt_message,
    decrypt_message,
    export_security_context,
    import_security_context,
    query_security_context_token,
    impersonate_security_context,
    revert_security_context,
};

/// The security packages of one test: Kerberos, NTLM and Negotiate, with their KDC and their users.
///
/// Make it first in each test, so that it dies after all objects of sspan. Use its functions while no other thread uses
/// sspan.
class loopback {
public:
    /// Begins with nothing but `options`. @throws std::logic_error if another one is alive.
    explicit loopback(loopback_options options = {});
    loopback(const loopback&) = delete;
    loopback& operator=(const loopback&) = delete;
    /// Reports what is still alive, what was misused, and each `fail` that did not happen.
    ~loopback();

    /// From now on no KDC answers: Kerberos fails with `no_authenticating_authority`, Negotiate takes NTLM.
    void kerberos_unavailable();

    /// New contexts do not get these flags, on either side. Flags that a side cannot be granted have no effect.
    void never_grant(context_flags flags);

    /// Servers refuse this user with `logon_denied`, whatever the password. The domain does not matter.
    /// @throws std::invalid_argument if there is no such user.
    void deny_logon(const std::wstring& user);

    /// The logged-on user's ticket has expired, and so have all contexts: Kerberos' handshakes and the message calls
    /// fail with `context_expired`. `expiry()` of new objects is in the past.
    void expire_tickets();

    /// The nth of the calls from now on does nothing and returns `status`; 1 is the next.
    /// @throws std::invalid_argument if `nth` is 0 or `status` is no error.
    void fail(call which, std::size_t nth, errc status);

    /// Returns the number of calls so far, the failed ones included.
    [[nodiscard]] std::size_t calls(call which) const;

    /// Returns the user that the calling thread impersonates, as DOMAIN\user. Empty if it impersonates nobody.
    [[nodiscard]] std::wstring acting_as() const;

private:
    std::function<void(std::string_view)> report_;
    std::vector<std::pair<call, std::size_t>> faults_; ///< By the number of the call since the beginning.
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::testing
