// SPDX-License-Identifier: MIT
//
// The package's public face, sspan::testing::loopback. It uses control.hpp.
#include <sspan/testing/loopback.hpp>

#include "control.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::testing {

namespace {

std::atomic<bool> one_is_alive{false};

/// Prevents a second `loopback` at the same time.
struct only_one {
    only_one() {
        if (one_is_alive.exchange(true)) {
            throw std::logic_error{"loopback: another object exists"};
        }
    }
    only_one(const only_one&) = delete;
    only_one& operator=(const only_one&) = delete;
    ~only_one() {
        if (!is_made) {
            one_is_alive = false;
        }
    }
    bool is_made = false;
};

::loopback::function function_of(call which) {
    using ::loopback::function;
#define LOOPBACK_SAME(name)                                                                                            \
    case call::name:                                                                                                   \
        return function::name;
    switch (which) {
        LOOPBACK_SAME(enumerate_security_packages)
        LOOPBACK_SAME(query_security_package_info)
        LOOPBACK_SAME(acquire_credentials_handle)
        LOOPBACK_SAME(query_credentials_attributes)
        LOOPBACK_SAME(set_credentials_attributes)
        LOOPBACK_SAME(initialize_security_context)
        LOOPBACK_SAME(accept_security_context)
        LOOPBACK_SAME(query_context_attributes)
        LOOPBACK_SAME(make_signature)
        LOOPBACK_SAME(verify_signature)
        LOOPBACK_SAME(encrypt_message)
        LOOPBACK_SAME(decrypt_message)
        LOOPBACK_SAME(export_security_context)
        LOOPBACK_SAME(import_security_context)
        LOOPBACK_SAME(query_security_context_token)
        LOOPBACK_SAME(impersonate_security_context)
        LOOPBACK_SAME(revert_security_context)
    }
#undef LOOPBACK_SAME
    throw std::invalid_argument{"loopback: no such call"};
}

std::string name_of(call which) {
    static constexpr auto names = std::to_array<const char*>({
#define LOOPBACK_NAME(result, name, os_name, parameters) os_name,
        SSPAN_OS_CALLS(LOOPBACK_NAME)
#undef LOOPBACK_NAME
    });
    return names[static_cast<std::size_t>(function_of(which))];
}

/// Returns this time in SSPI's units, as if the local time were UTC. This fits the package's `utc_offset` of 0.
std::int64_t in_hours(int hours) {
    constexpr std::int64_t unix_epoch = 116444736000000000;
    using ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
    const auto then = std::chrono::system_clock::now() + std::chrono::hours{hours};
    return unix_epoch + std::chrono::duration_cast<ticks>(then.time_since_epoch()).count();
}

std::vector<std::string> leaks() {
    const auto live = ::loopback::live();
    const std::array<std::pair<std::size_t, const char*>, 6> kinds{{
        {live.contexts, "security contexts were not deleted"},
        {live.credentials, "credentials handles were not freed"},
        {live.package_blocks + live.string_blocks + live.key_blocks + live.token_blocks,
         "buffers of the package were not freed"},
        {live.identities, "identities were not freed"},
        {live.thread_tokens, "access tokens were not closed"},
        {live.impersonating_threads, "threads still act as a client"},
    }};
    std::vector<std::string> found;
    for (const auto& [count, what] : kinds) {
        if (count != 0) {
            found.push_back("leak: " + std::to_string(count) + " " + what);
        }
    }
    return found;
}

void report_to_stderr(const std::vector<std::string>& findings) {
    for (const auto& finding : findings) {
        std::fprintf(stderr, "sspan::testing::loopback: %s\n", finding.c_str());
    }
    if (!findings.empty()) {
        std::abort();
    }
}

} // namespace

loopback::loopback(loopback_options options) : report_{std::move(options.report)} {
    only_one guard;
    ::loopback::reset();
    auto& settings = ::loopback::configure();
    settings.user = std::move(options.user);
    settings.domain = std::move(options.domain);
    settings.accounts.clear();
    for (auto& each : options.accounts) {
        settings.accounts.push_back({std::move(each.user), std::move(each.password), in_hours(10)});
    }
    settings.service_name = std::move(options.service);
    settings.other_services = std::move(options.other_services);
    settings.shared_secret = options.seed;
    settings.expiry = in_hours(10);
    settings.fall_back_to_ntlm = true;
    guard.is_made = true;
}

loopback::~loopback() {
    auto findings = leaks();
    for (auto& violation : ::loopback::violation_list()) {
        findings.push_back("misuse: " + std::move(violation));
    }
    for (const auto& [which, number] : faults_) {
        if (const auto made = calls(which); made < number) {
            findings.push_back("fail: call " + std::to_string(number) + " of " + name_of(which) +
                               " was to fail; there were " + std::to_string(made));
        }
    }
    ::loopback::reset();
    one_is_alive = false;
    if (!report_) {
        report_to_stderr(findings);
        return;
    }
    for (const auto& finding : findings) {
        report_(finding);
    }
}

void loopback::kerberos_unavailable() {
    auto& settings = ::loopback::configure();
    settings.kdc_answers = false;
    settings.negotiate_winner = ::loopback::package::ntlm;
}

void loopback::never_grant(context_flags flags) {
    auto& settings = ::loopback::configure();
    settings.client.deny_flags |= detail::to_bits(flags, &detail::flag_row::isc_granted);
    settings.server.deny_flags |= detail::to_bits(flags, &detail::flag_row::asc_granted);
}

void loopback::deny_logon(const std::wstring& user) {
    auto& settings = ::loopback::configure();
    const auto name = ::loopback::to_utf16(user);
    const auto is_user = [&name](const std::wstring& other) {
        return ::loopback::same_name(::loopback::to_utf16(other), name);
    };
    if (!is_user(settings.user) && std::ranges::none_of(settings.accounts, is_user, &::loopback::account::user)) {
        throw std::invalid_argument{"loopback: deny_logon of an unknown user"};
    }
    settings.denied_users.push_back(user);
}

void loopback::expire_tickets() {
    auto& settings = ::loopback::configure();
    settings.ticket = ::loopback::ticket_state::expired;
    settings.expiry = in_hours(-1);
    settings.expired = true;
}

void loopback::fail(call which, std::size_t nth, errc status) {
    if (nth == 0 || static_cast<int>(status) >= 0) {
        throw std::invalid_argument{"loopback: fail takes 1 for the next call, and an error"};
    }
    faults_.emplace_back(which, calls(which) + nth);
    ::loopback::fail_at(function_of(which), nth, static_cast<SECURITY_STATUS>(status));
}

std::size_t loopback::calls(call which) const {
    return ::loopback::calls(function_of(which));
}

std::wstring loopback::acting_as() const {
    return ::loopback::current_thread_client();
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::testing
