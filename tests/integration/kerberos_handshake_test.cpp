// SPDX-License-Identifier: MIT
//
// Kerberos handshakes, and their possible failures.
#include "kerberos.hpp"
#include "kerberos_facts.hpp"
#include "world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace integration;

struct account {
    std::wstring user = L"alice";
    std::wstring realm = L"SSPAN.TEST";
    std::wstring password = world::password();

    [[nodiscard]] sspan::credentials outbound() const {
        return sspan::credentials::outbound(sspan::package::kerberos, sspan::identity{user, realm, password});
    }
};

/// The conditions of a handshake. The defaults are correct.
struct situation {
    world::ticket ticket = world::ticket::fresh;
    world::keys keys = world::keys::right;
    std::optional<account> logon{};
    std::wstring target = service();
};

void expect_messages_pass(pair_of_contexts& pair) {
    EXPECT_NO_THROW(pair.server.verify(numbered(20), sign(pair.client, numbered(20))));
    auto answer = encrypt(pair.server, numbered(20));
    EXPECT_EQ(copy_of(pair.client.decrypt({.token = answer.token, .data = answer.data}).data), numbered(20));
}

void shake_hands(const situation& with, style which) {
    const auto ticket = world::with_ticket(with.ticket);
    const auto keys = world::with_keys(with.keys);
    const auto outbound = with.logon ? with.logon->outbound() : sspan::credentials::outbound(sspan::package::kerberos);
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    auto pair = establish(outbound, inbound, with.target, wishes{which});
    expect_messages_pass(pair);
}

/// A wrong condition, and the expected result.
struct wrong {
    const char* name;
    situation with;
    refusal expected;
    std::string_view because; ///< The reason in the trace of MIT's library. Its numbers are the protocol's.

    friend void PrintTo(const wrong& what, std::ostream* out) { *out << what.name; } // GoogleTest's name for it
};

class kerberos_refusals : public ::testing::TestWithParam<std::tuple<style, wrong>> {};

// Packages report the reasons in this table with only three statuses, see kerberos_facts.hpp. The trace shows that each
// refusal has its own reason. Another proof is that the handshake succeeds when this one condition is corrected.
const std::vector<wrong> everything_wrong{
    {"wrong_password",
     {.logon = account{.user = L"careful", .password = L"wrong"}},
     facts.wrong_password,
     "-1765328360/Preauthentication failed"},
    {"unknown_user", {.logon = account{.user = L"mallory"}}, facts.unknown_user, "-1765328378/Client not found"},
    {"unknown_realm", {.logon = account{.realm = L"NOWHERE.TEST"}}, facts.unknown_realm, "Sending request"},
    {"no_ticket", {.ticket = world::ticket::gone}, facts.no_ticket, ""},
    {"expired_ticket", {.ticket = world::ticket::expired}, facts.expired_ticket, ""},
    {"early_ticket", {.ticket = world::ticket::early}, facts.early_ticket, "-1765328351/Ticket not yet valid"},
    {"unknown_target",
     {.target = L"echo/nowhere.sspan.test"},
     facts.unknown_target,
     "-1765328377/Server echo/nowhere.sspan.test"},
    {"empty_target", {.target = L""}, {"InitializeSecurityContext", sspan::errc::invalid_parameter}, ""},
    {"skew_seen_by_kdc",
     {.ticket = world::ticket::skewed_for_kdc},
     facts.skew_seen_by_kdc,
     "-1765328347/Clock skew too great"},
    {"skew_seen_by_server",
     {.ticket = world::ticket::skewed_for_service},
     facts.skew_seen_by_server,
     "Decrypted AP-REQ with server principal"},
    {"no_keytab", {.keys = world::keys::gone}, facts.no_keytab, ""},
    {"key_of_another_service",
     {.keys = world::keys::of_another_service},
     facts.key_of_another_service,
     "-1765328349/Request ticket server"},
    {"key_of_another_version",
     {.keys = world::keys::of_another_version},
     facts.key_of_another_version,
     "-1765328340/Request ticket server"},
    {"wrong_key", {.keys = world::keys::wrong}, facts.wrong_key, "-1765328353/Request ticket server"},
};
INSTANTIATE_TEST_SUITE_P(each, kerberos_refusals,
                         ::testing::Combine(::testing::ValuesIn(every_style()), ::testing::ValuesIn(everything_wrong)),
                         [](const auto& test) {
                             return std::string{std::get<wrong>(test.param).name} + "_" +
                                    name_of(std::get<style>(test.param));
                         });

TEST_P(kerberos_refusals, name_the_call_and_do_no_harm_to_the_next) {
    const auto& [which, what] = GetParam();
    for (const auto reason : {world::missing(what.with.ticket), world::missing(what.with.keys)}) {
        if (!reason.empty()) {
            GTEST_SKIP() << reason;
        }
    }
    const auto begin = world::trace::end();
    expect_refusal(what.expected, [&, way = which, &with = what.with] { shake_hands(with, way); });
    if (const auto lines = world::trace::since(begin)) {
        EXPECT_NE(lines->find(what.because), std::string::npos) << *lines;
    }
    EXPECT_NO_THROW(shake_hands({}, which));
}

class kerberos_handshakes : public ::testing::TestWithParam<style> {};
INSTANTIATE_TEST_SUITE_P(each, kerberos_handshakes, ::testing::ValuesIn(every_style()),
                         [](const auto& test) { return name_of(test.param); });

TEST_P(kerberos_handshakes, work_with_explicit_credentials_and_no_ticket) {
    for (const auto* user : {L"alice", L"careful"}) {
        const auto ticket = world::with_ticket(world::ticket::gone);
        const auto outbound = account{.user = user}.outbound();
        EXPECT_EQ(world::has_ticket(), facts.explicit_logon_is_saved);
        const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
        auto pair = establish(outbound, inbound, service(), wishes{GetParam()});
        expect_messages_pass(pair);
    }
}

TEST(kerberos_logon, with_the_realm_in_the_name_is_a_matter_of_the_package) {
    const auto ticket = world::with_ticket(world::ticket::gone);
    std::error_code ec;
    const sspan::identity alice{L"alice@SSPAN.TEST", L"", account{}.password};
    static_cast<void>(sspan::credentials::outbound(sspan::package::kerberos, alice, {}, ec));
    EXPECT_EQ(!ec, facts.takes_user_at_realm) << ec.message();
}

TEST(kerberos_logon, with_a_wrong_password_is_a_matter_of_the_package_where_there_is_a_ticket) {
    const auto ticket = world::with_ticket(world::ticket::fresh);
    const auto attempt = [] { static_cast<void>(account{.password = L"wrong"}.outbound()); };
    if (facts.checks_password_before_ticket) {
        expect_refusal(facts.wrong_password, attempt);
    } else {
        EXPECT_NO_THROW(attempt());
    }
}

TEST(kerberos_flags, are_granted_or_the_handshake_fails) {
    using sspan::context_flags;
    const auto outbound = sspan::credentials::outbound(sspan::package::kerberos);
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    struct {
        context_flags flag;
        const char* name;
        bool offered;
    } const rows[]{{context_flags::dce_style, "dce_style", facts.offers_dce_style},
                   {context_flags::delegate, "delegate", facts.delegates}};
    for (const auto& row : rows) {
        wishes wanted{style::plain};
        wanted.client.require |= row.flag;
        wanted.server.request |= row.flag & context_flags::dce_style; // a server accepts it only if it has requested it
        const auto attempt = [&] {
            const auto pair = establish(outbound, inbound, service(), wanted);
            EXPECT_TRUE(contains(pair.client.granted(), row.flag)) << row.name;
        };
        if (row.offered) {
            EXPECT_NO_THROW(attempt()) << row.name;
        } else {
            expect_not_granted(row.name, attempt);
        }
    }
}

TEST_P(kerberos_handshakes, with_a_flipped_bit_fail_or_come_to_the_same) {
    // Some parts of a ticket and its envelope are neither encrypted nor signed: they are hints, such as a key's version
    // and names.
    const auto outbound = sspan::credentials::outbound(sspan::package::kerberos);
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    const wishes wanted{GetParam()};
    const auto granted = establish(outbound, inbound, service(), wanted).server.granted();
    const std::size_t tokens = GetParam() == style::dce ? 3 : 2;
    std::size_t refused = 0;
    std::size_t taken = 0;
    for (std::size_t flipped = 0; flipped != tokens; ++flipped) {
        std::size_t bits = 1;
        for (std::size_t bit = 0; bit < bits; ++bit) {
            std::size_t number = 0;
            const auto flip = [&](bytes& token) {
                if (number++ == flipped) {
                    bits = token.size() * 8; // the size varies
                    token[std::min(bit, bits - 1) / 8] ^= std::byte{1} << (bit % 8);
                }
            };
            try {
                auto pair = establish(outbound, inbound, service(), wanted, flip);
                ++taken;
                EXPECT_EQ(pair.server.granted(), granted);
                expect_messages_pass(pair);
            } catch (const sspan::error& refusal) {
                ++refused;
                EXPECT_TRUE(std::string_view{refusal.function()}.ends_with("SecurityContext")) << refusal.what();
            }
        }
    }
    EXPECT_GT(refused, 9 * taken);
}

TEST_P(kerberos_handshakes, are_not_begun_twice_with_the_same_token) {
    if (!facts.replayed_handshake) {
        GTEST_SKIP() << "no evidence for Windows' status for a token that arrives twice";
    }
    const auto outbound = sspan::credentials::outbound(sspan::package::kerberos);
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    const wishes wanted{GetParam()};
    sspan::client_handshake client{outbound, service(), wanted.client};
    const auto token = copy_of(client.step().token);
    sspan::server_handshake server{inbound, wanted.server};
    EXPECT_NO_THROW(static_cast<void>(server.step(token)));
    sspan::server_handshake another{inbound, wanted.server};
    expect_refusal(*facts.replayed_handshake, [&] { static_cast<void>(another.step(token)); });
    std::error_code ec;
    static_cast<void>(another.step(token, ec));
    EXPECT_EQ(ec, sspan::errc::no_context);
}

TEST_P(kerberos_handshakes, share_credentials_in_many_threads) {
    const auto outbound = sspan::credentials::outbound(sspan::package::kerberos);
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i) {
        threads.emplace_back([&] {
            for (int j = 0; j != 40; ++j) {
                EXPECT_NO_THROW({
                    auto pair = establish(outbound, inbound, service(), wishes{GetParam()});
                    expect_messages_pass(pair);
                });
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
}

TEST(kerberos_expiry, ends_credentials_and_leaves_contexts_alone) { // `expiry` lets a program enforce the end
    const auto ticket = world::with_ticket(world::ticket::gone);
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    const auto outbound = account{.user = L"brief"}.outbound();
    auto pair = establish(outbound, inbound, service(), wishes{style::plain});
    const auto now = std::chrono::system_clock::now();
    ASSERT_EQ(outbound.expiry().has_value(), facts.tells_expiry);
    const auto end = outbound.expiry().value_or(now + std::chrono::seconds{5}); // as the environment sets it up
    ASSERT_GT(end, now);
    ASSERT_LT(end, now + std::chrono::seconds{10});
    std::this_thread::sleep_until(end + std::chrono::seconds{1});
    expect_refusal(facts.expired_credentials, [&] {
        sspan::client_handshake late{outbound, service()};
        static_cast<void>(late.step());
    });
    EXPECT_LT(pair.client.expiry(), std::chrono::system_clock::now()); // also true if it is not reported
    expect_messages_pass(pair);
}

/// A realm whose KDC does not answer.
class kerberos_without_kdc : public ::testing::TestWithParam<style> {};
INSTANTIATE_TEST_SUITE_P(each, kerberos_without_kdc, ::testing::ValuesIn(every_style()),
                         [](const auto& test) { return name_of(test.param); });

TEST_P(kerberos_without_kdc, nobody_logs_on) {
    const auto no_kdc = world::without_kdc();
    expect_refusal(facts.logon_without_kdc,
                   [] { shake_hands({.ticket = world::ticket::gone, .logon = account{}}, GetParam()); });
}

TEST_P(kerberos_without_kdc, ticket_for_the_service_is_all_that_is_needed) {
    const auto no_kdc = world::without_kdc();
    const auto begin = world::trace::end();
    expect_refusal(facts.ticket_without_kdc, [] { shake_hands({}, GetParam()); });
    if (const auto lines = world::trace::since(begin)) {
        EXPECT_NE(lines->find("127.0.0.1:1"), std::string::npos) << *lines;
    }
    EXPECT_NO_THROW(shake_hands({.ticket = world::ticket::for_service}, GetParam()));
}

} // namespace
