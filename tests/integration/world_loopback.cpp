// SPDX-License-Identifier: MIT
//
// The test environment on the loopback package, by its settings.
#include "world.hpp"

#include "loopback/control.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace world {

namespace {

/// Returns a time in SSPI's units. The loopback package's local time is UTC here.
std::int64_t in(std::chrono::seconds from_now) {
    constexpr std::int64_t unix_epoch = 116444736000000000;
    using ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
    const auto then = std::chrono::system_clock::now().time_since_epoch() + from_now;
    return unix_epoch + std::chrono::duration_cast<ticks>(then).count();
}

/// Changes settings until the end of the scope.
template <class Change>
arrangement changed(Change change) {
    auto& settings = loopback::configure();
    arrangement result{[&settings, ticket = settings.ticket, cached = settings.has_service_ticket,
                        other_key = settings.server_has_other_key, answers = settings.kdc_answers] {
        settings.ticket = ticket;
        settings.has_service_ticket = cached;
        settings.server_has_other_key = other_key;
        settings.kdc_answers = answers;
    }};
    change(settings);
    return result;
}

class set_up : public ::testing::EmptyTestEventListener {
    void OnTestProgramStart(const ::testing::UnitTest& /*tests*/) override {
        auto& settings = loopback::configure();
        settings.domain = L"SSPAN.TEST";
        settings.accounts = {{L"alice", password()}, {L"careful", password()}, {L"brief", password()}};
        settings.unknown_domains = {L"NOWHERE.TEST"};
        settings.expiry = in(std::chrono::hours{24});
    }
    void OnTestStart(const ::testing::TestInfo& /*test*/) override {
        loopback::configure().accounts.back().ticket_end = in(std::chrono::seconds{2}); // the account "brief"
    }
    void OnTestEnd(const ::testing::TestInfo& /*test*/) override {
        for (; seen_ != loopback::violations(); ++seen_) {
            ADD_FAILURE() << loopback::violation_list()[seen_];
        }
    }
    std::size_t seen_ = 0;
};

[[maybe_unused]] const bool listens = [] {
    ::testing::UnitTest::GetInstance()->listeners().Append(new set_up); // takes ownership
    return true;
}();

} // namespace

std::wstring service() {
    return loopback::configure().service_name;
}

std::wstring password() {
    return L"correct horse";
}

arrangement with_ticket(ticket which) {
    return changed([which](loopback::options& settings) {
        using loopback::ticket_state;
        settings.has_service_ticket = which == ticket::for_service || which == ticket::skewed_for_service;
        settings.ticket = which == ticket::gone                 ? ticket_state::none
                          : which == ticket::expired            ? ticket_state::expired
                          : which == ticket::skewed_for_kdc     ? ticket_state::skewed_for_kdc
                          : which == ticket::skewed_for_service ? ticket_state::skewed_for_server
                                                                : ticket_state::good;
    });
}

arrangement with_keys(keys which) {
    return changed([which](loopback::options& settings) { settings.server_has_other_key = which != keys::right; });
}

arrangement without_kdc() {
    return changed([](loopback::options& settings) { settings.kdc_answers = false; });
}

std::string_view missing(ticket which) {
    return which == ticket::early ? "nothing is known of what Windows says of a ticket that is not valid yet" : "";
}

std::string_view missing(keys which) {
    return which == keys::gone ? "a Windows server always has the key of its account" : "";
}

bool has_ticket() {
    return loopback::configure().ticket != loopback::ticket_state::none;
}

std::size_t trace::end() {
    return 0;
}

std::optional<std::string> trace::since(std::size_t /*begin*/) {
    return std::nullopt;
}

} // namespace world
