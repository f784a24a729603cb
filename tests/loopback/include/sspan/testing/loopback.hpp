// SPDX-License-Identifier: MIT
//
// For tests: SSPI inside the program. A test that links sspan::loopback instead of sspan::sspan never calls the
// system's SSPI. docs/testing-your-code.md is the guide.
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

/// The names, the accounts and the seed of a `loopback`.
struct loopback_options {
    std::wstring user = L"alice"; ///< The logged-on user. Credentials without an identity are this user's.
    std::wstring domain = L"LOOPBACK";
    std::vector<account> accounts{};
    std::wstring service = L"HTTP/server.loopback.example"; ///< The name of the servers in the test.
    std::vector<std::wstring> other_services{}; ///< Other services of the KDC. Servers do not have their keys.
    std::uint64_t seed = 1; ///< The same seed and the same calls make the same tokens, keys and messages.
    /// Receives a text for each leak and each misuse when the `loopback` is destroyed. It must not throw. If it is
    /// empty, the texts go to stderr, and std::abort ends the program.
    std::function<void(std::string_view)> report{};
};

/// The SSPI calls, with SSPI's names: MakeSignature is `make_signature`.
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
/// Make it first in each test, so that it is destroyed after all sspan objects. Use its functions only while no other
/// thread uses sspan.
class loopback {
public:
    /// Starts with an empty state and `options`. @throws std::logic_error if another `loopback` exists.
    explicit loopback(loopback_options options = {});
    loopback(const loopback&) = delete;
    loopback& operator=(const loopback&) = delete;
    /// Reports live objects, misuses, and each `fail` that did not happen.
    ~loopback();

    /// Stops the KDC: from now on Kerberos fails with `no_authenticating_authority`, and Negotiate uses NTLM.
    void kerberos_unavailable();

    /// Denies these flags to new contexts, on both sides. Flags that a side can never have are ignored.
    void never_grant(context_flags flags);

    /// Makes servers reject this user with `logon_denied`, whatever the password. The domain does not matter.
    /// @throws std::invalid_argument if there is no such user.
    void deny_logon(const std::wstring& user);

    /// Makes the logged-on user's ticket and all contexts expire: Kerberos handshakes and message calls fail with
    /// `context_expired`. `expiry()` of new objects is in the past.
    void expire_tickets();

    /// Makes the nth call from now return `status` without any other effect; 1 is the next call.
    /// @throws std::invalid_argument if `nth` is 0 or `status` is no error.
    void fail(call which, std::size_t nth, errc status);

    /// Returns the number of calls so far, including failed ones.
    [[nodiscard]] std::size_t calls(call which) const;

    /// Returns the user that the calling thread impersonates, as DOMAIN\user. Empty without impersonation.
    [[nodiscard]] std::wstring acting_as() const;

private:
    std::function<void(std::string_view)> report_;
    std::vector<std::pair<call, std::size_t>> faults_; ///< The calls by their number since the beginning.
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::testing
