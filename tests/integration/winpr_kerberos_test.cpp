// SPDX-License-Identifier: MIT
//
// Behaviour that is specific to WinPR's Kerberos, in addition to kerberos_facts.hpp.
#include "winpr_conversation.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <system_error>

namespace {

using namespace conversation;
using sspan::context_flags;
using sspan::errc;

class winpr_kerberos : public ::testing::Test {
protected:
    static sspan::credentials ticket() { return sspan::credentials::outbound(sspan::package::kerberos); }

    static pair_of_contexts establish(const sspan::client_options& client_wants = {},
                                      const sspan::server_options& server_wants = {}) {
        const auto outbound = ticket();
        const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
        sspan::client_handshake client{outbound, service(), client_wants};
        sspan::server_handshake server{inbound, server_wants};
        EXPECT_EQ(exchange_tokens(client, server), 2);
        return finish(client, server);
    }
};

TEST_F(winpr_kerberos, does_not_pad) {
    const auto pair = establish();
    EXPECT_EQ(pair.client.sizes().block_size, 0U);
    EXPECT_EQ(pair.server.sizes().block_size, 0U);
}

TEST_F(winpr_kerberos, replay_detection_takes_sequence_detection) {
    constexpr auto replay_only = context_flags::integrity | context_flags::replay_detect;
    const sspan::client_options client_wants{.require = context_flags::integrity, .request = replay_only};
    const sspan::server_options server_wants{.require = context_flags::integrity, .request = replay_only};
    const auto outbound = ticket();
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    sspan::client_handshake client{outbound, service(), client_wants};
    sspan::server_handshake server{inbound, server_wants};
    EXPECT_EQ(exchange_tokens(client, server), 1); // without mutual authentication
    const auto pair = finish(client, server);
    EXPECT_EQ(pair.client.granted(), context_flags::integrity);
    EXPECT_EQ(pair.server.granted(), context_flags::integrity);
}

TEST_F(winpr_kerberos, server_grants_what_the_client_asked_for) {
    const auto pair = establish(
        {.require = context_flags::integrity | context_flags::mutual_auth, .request = context_flags::delegate},
        {.require = context_flags::integrity, .request = sspan::message_protection});
    EXPECT_EQ(pair.server.granted(), context_flags::integrity | context_flags::mutual_auth);
    EXPECT_EQ(pair.client.granted(), context_flags::integrity | context_flags::mutual_auth);
}

TEST_F(winpr_kerberos, server_grants_nothing_to_a_client_that_asked_for_nothing) {
    const auto outbound = ticket();
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    sspan::client_handshake client{
        outbound, service(), {.require = context_flags::none, .request = context_flags::none}};
    sspan::server_handshake server{inbound, {.require = context_flags::none, .request = sspan::message_protection}};
    EXPECT_EQ(exchange_tokens(client, server), 1);
    EXPECT_EQ(client.granted(), context_flags::none);
    EXPECT_EQ(server.granted(), context_flags::none);
}

TEST_F(winpr_kerberos, says_that_a_message_was_altered) {
    auto pair = establish();
    const auto message = numbered(30);
    std::error_code ec;
    EXPECT_FALSE(pair.server.verify(numbered(31), sign(pair.client, message), {}, ec));
    EXPECT_EQ(ec, errc::message_altered);
    pair = establish();
    auto secret = encrypt(pair.client, message);
    secret.data[7] ^= std::byte{1};
    EXPECT_TRUE(pair.server.decrypt({.token = secret.token, .data = secret.data}, {}, ec).data.empty());
    EXPECT_EQ(ec, errc::message_altered);
}

TEST_F(winpr_kerberos, token_that_points_outside_itself_is_refused) {
    auto pair = establish();
    for (const std::size_t at : {4U, 5U}) { // the "extra count" of RFC 4121, 4.2.3
        auto message = encrypt(pair.client, numbered(40));
        message.token[at] = std::byte{0xFF};
        std::error_code ec;
        EXPECT_TRUE(pair.server.decrypt({.token = message.token, .data = message.data}, {}, ec).data.empty());
        EXPECT_EQ(ec, errc::invalid_token);
        auto wire = pair.client.wrap_copy(numbered(40));
        wire[at] = std::byte{0xFF};
        EXPECT_TRUE(pair.server.unwrap(wire, {}, ec).data.empty());
        EXPECT_EQ(ec, errc::invalid_token);
    }
}

TEST_F(winpr_kerberos, says_so_where_it_does_not_tell_or_use) {
    const auto outbound = ticket();
    std::error_code ec;
    sspan::set_kdc_proxy(outbound, L"proxy.sspan.test:443/KdcProxy", ec);
    EXPECT_EQ(ec, errc::unsupported_function);
    EXPECT_EQ(sspan::query_user_name(outbound, ec), L"");
    EXPECT_EQ(ec, errc::unsupported_function);
    const auto pair = establish();
    EXPECT_TRUE(sspan::query_session_key(pair.client, ec).empty());
    EXPECT_EQ(ec, errc::unsupported_function);
    EXPECT_EQ(sspan::query_flags(pair.client, ec), context_flags::none);
    EXPECT_EQ(ec, errc::unsupported_function);
}

} // namespace
