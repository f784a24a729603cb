// SPDX-License-Identifier: MIT
//
// WinPR's Kerberos, which differs from other packages' in much.
#include "winpr_conversation.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <thread>

namespace {

using namespace conversation;
using sspan::context_flags;
using sspan::errc;

class winpr_kerberos : public ::testing::Test {
protected:
    static sspan::credentials log_on(std::wstring_view user, std::wstring_view password, std::error_code& ec) {
        return sspan::credentials::outbound(sspan::package::kerberos, sspan::identity{user, L"SSPAN.TEST", password},
                                            ec);
    }
    static sspan::credentials ticket() { return sspan::credentials::outbound(sspan::package::kerberos); }

    static pair_of_contexts establish(const sspan::client_options& client_wants = {},
                                      const sspan::server_options& server_wants = {}) {
        return establish(ticket(), client_wants, server_wants);
    }
    static pair_of_contexts establish(const sspan::credentials& outbound, const sspan::client_options& client_wants,
                                      const sspan::server_options& server_wants) {
        const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
        sspan::client_handshake client{outbound, setting("SSPAN_SERVICE"), client_wants};
        sspan::server_handshake server{inbound, server_wants};
        EXPECT_EQ(exchange_tokens(client, server), 2);
        return finish(client, server);
    }

    static void expect_working(pair_of_contexts pair) {
        const auto message = numbered(30);
        EXPECT_NO_THROW(pair.server.verify(message, sign(pair.client, message)));
        auto wire = pair.server.wrap_copy(message);
        EXPECT_EQ(copy_of(pair.client.unwrap(wire).data), message);
    }
};

TEST_F(winpr_kerberos, tells_its_sizes) {
    auto pair = establish();
    for (sspan::security_context* context : {&pair.client, static_cast<sspan::security_context*>(&pair.server)}) {
        const auto sizes = context->sizes();
        EXPECT_EQ(sizes.max_signature, 28U);
        EXPECT_EQ(sizes.security_trailer, 60U);
        EXPECT_EQ(sizes.block_size, 1U);
        EXPECT_EQ(sign(*context, numbered(5)).size(), 28U);
        const auto message = encrypt(*context, numbered(5));
        EXPECT_EQ(message.token.size(), 60U);
        EXPECT_EQ(message.data.size(), 5U);
    }
}

constexpr std::size_t message_sizes[]{0, 1, 15, 16, 17, 255, 4096, 65536, std::size_t{1} << 20};

TEST_F(winpr_kerberos, messages_of_every_size_arrive_both_ways) {
    auto pair = establish();
    for (const auto size : message_sizes) {
        const auto message = numbered(size);
        for (const bool client_sends : {true, false}) {
            sspan::security_context& sender = client_sends ? pair.client : pair.server;
            sspan::security_context& receiver = client_sends ? pair.server : pair.client;
            EXPECT_NO_THROW(receiver.verify(message, sign(sender, message))) << size;
            auto secret = encrypt(sender, message);
            if (size >= 15) {
                EXPECT_NE(secret.data, message);
            }
            const auto opened = receiver.decrypt(secret.data, secret.token);
            EXPECT_EQ(copy_of(opened.data), message);
            EXPECT_EQ(opened.quality, sspan::quality_of_protection::encrypted);
            auto wire = sender.wrap_copy(message);
            EXPECT_EQ(wire.size(), size + 60);
            EXPECT_EQ(copy_of(receiver.unwrap(wire).data), message);
        }
    }
}

TEST_F(winpr_kerberos, every_flipped_bit_is_noticed) {
    auto pair = establish();
    auto message = numbered(32);
    auto signature = sign(pair.client, message);
    const auto original = encrypt(pair.client, message);
    std::error_code ec;
    for (bytes* changed : {&message, &signature}) {
        for (std::size_t bit = 0; bit != changed->size() * 8; ++bit) {
            (*changed)[bit / 8] ^= std::byte{1} << (bit % 8);
            EXPECT_FALSE(pair.server.verify(message, signature, ec)) << bit;
            (*changed)[bit / 8] ^= std::byte{1} << (bit % 8);
        }
    }
    EXPECT_NO_THROW(pair.server.verify(message, signature));
    for (bytes sealed::* const part : {&sealed::token, &sealed::data}) {
        for (std::size_t bit = 0; bit != (original.*part).size() * 8; ++bit) {
            auto changed = original;
            (changed.*part)[bit / 8] ^= std::byte{1} << (bit % 8);
            EXPECT_TRUE(pair.server.decrypt(changed.data, changed.token, ec).data.empty()) << bit;
            EXPECT_TRUE(ec) << bit;
            EXPECT_TRUE(all_zero(changed.data)) << bit;
        }
    }
    auto intact = original;
    EXPECT_EQ(copy_of(pair.server.decrypt(intact.data, intact.token).data), message);
}

TEST_F(winpr_kerberos, tokens_of_other_lengths_are_refused) {
    auto pair = establish();
    const auto message = numbered(32);
    const auto signature = sign(pair.client, message);
    const auto original = encrypt(pair.client, message);
    std::error_code ec;
    for (std::size_t size = 0; size != 62; ++size) {
        auto changed = signature;
        changed.resize(size);
        EXPECT_EQ(pair.server.verify(message, changed, ec), size == signature.size()) << size;
        if (size != original.token.size()) {
            auto secret = original;
            secret.token.resize(size);
            EXPECT_TRUE(pair.server.decrypt(secret.data, secret.token, ec).data.empty()) << size;
            EXPECT_TRUE(ec) << size;
        }
    }
}

TEST_F(winpr_kerberos, messages_of_another_context_or_of_ones_own_are_refused) {
    auto pair = establish();
    auto other = establish();
    const auto message = numbered(20);
    std::error_code ec;
    EXPECT_FALSE(other.server.verify(message, sign(pair.client, message), ec));
    EXPECT_FALSE(pair.client.verify(message, sign(pair.client, message), ec));
    auto secret = encrypt(pair.client, message);
    EXPECT_TRUE(other.server.decrypt(secret.data, secret.token, ec).data.empty());
    EXPECT_TRUE(all_zero(secret.data));
    secret = encrypt(pair.client, message);
    EXPECT_TRUE(pair.client.decrypt(secret.data, secret.token, ec).data.empty());
    EXPECT_TRUE(ec);
}

TEST_F(winpr_kerberos, halves_work_in_two_threads) {
    auto pair = establish();
    auto client = std::move(pair.client).split();
    auto server = std::move(pair.server).split();
    constexpr std::size_t count = 2000;
    const auto message = numbered(100);
    std::vector<bytes> to_server(count, bytes(client.sender.sizes().max_signature));
    auto to_client = to_server;
    for (auto& signature : to_client) {
        signature.resize(server.sender.sign(message, signature).size());
    }
    std::thread receiving{[&] {
        for (const auto& signature : to_client) {
            EXPECT_NO_THROW(client.receiver.verify(message, signature));
        }
    }};
    for (auto& signature : to_server) { // the same context sends meanwhile
        signature.resize(client.sender.sign(message, signature).size());
    }
    receiving.join();
    for (const auto& signature : to_server) {
        ASSERT_NO_THROW(server.receiver.verify(message, signature));
    }
}

TEST_F(winpr_kerberos, refuses_what_it_does_not_offer) {
    auto pair = establish();
    auto first = numbered(20);
    auto second = numbered(30);
    bytes token(60);
    bytes padding(1);
    std::error_code ec;
    const sspan::const_buffer parts[]{sspan::const_buffer::data(first), sspan::const_buffer::data(second)};
    EXPECT_TRUE(pair.client.sign(parts, token, {}, ec).empty());
    EXPECT_EQ(ec, errc::unsupported_function);
    EXPECT_TRUE(
        pair.client.encrypt(first, token, padding, {.quality = sspan::quality_of_protection::integrity_only}, ec)
            .token.empty());
    EXPECT_EQ(ec, errc::qop_not_supported);
    const sspan::impersonation_guard guard{pair.server, ec};
    EXPECT_EQ(ec, errc::unsupported_function);
    EXPECT_FALSE(guard.active());
    EXPECT_EQ(pair.client.expiry(), std::nullopt);
    EXPECT_EQ(ticket().expiry(), std::nullopt);
}

TEST_F(winpr_kerberos, takes_explicit_credentials) {
    std::error_code ec;
    const auto bob = log_on(L"bob", setting("SSPAN_PASSWORD"), ec);
    ASSERT_FALSE(ec) << ec.message();
    expect_working(establish(bob, {}, {}));
}

TEST_F(winpr_kerberos, refuses_wrong_passwords_unknown_users_and_unknown_targets) {
    std::error_code ec;
    EXPECT_FALSE(log_on(L"bob", L"wrong", ec));
    EXPECT_EQ(ec, errc::no_credentials);
    EXPECT_FALSE(log_on(L"mallory", setting("SSPAN_PASSWORD"), ec));
    EXPECT_EQ(ec, errc::no_credentials);
    const auto outbound = ticket();
    sspan::client_handshake client{outbound, L"echo/nowhere.sspan.test"};
    EXPECT_TRUE(client.step({}, ec).token.empty());
    EXPECT_EQ(ec, errc::no_credentials);
}

TEST_F(winpr_kerberos, ticket_for_another_service_is_refused) {
    const auto outbound = ticket();
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    sspan::client_handshake client{outbound, setting("SSPAN_OTHER_SERVICE")};
    sspan::server_handshake server{inbound};
    const auto token = client.step().token;
    ASSERT_FALSE(token.empty());
    std::error_code ec;
    EXPECT_TRUE(server.step(token, ec).token.empty());
    EXPECT_EQ(ec, errc::internal_error);
}

TEST_F(winpr_kerberos, every_changed_byte_of_the_servers_token_is_refused_or_makes_no_difference) {
    const auto outbound = ticket();
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    std::size_t size = 1;
    std::size_t refused = 0;
    for (std::size_t at = 0; at != size; ++at) {
        sspan::client_handshake client{outbound, setting("SSPAN_SERVICE")};
        sspan::server_handshake server{inbound};
        auto answer = copy_of(server.step(client.step().token).token);
        size = answer.size();
        answer[at] ^= std::byte{0x10};
        std::error_code ec;
        static_cast<void>(client.step(answer, ec));
        if (ec) {
            EXPECT_EQ(client.granted(), context_flags::none) << at;
            ++refused;
        } else { // the number of the cipher is not protected, and nobody heeds it
            expect_working(finish(client, server));
        }
    }
    EXPECT_GE(refused, size - 1);
}

TEST_F(winpr_kerberos, dce_style_and_delegation_are_not_granted) {
    for (const auto& [flag, name] :
         {std::pair{context_flags::dce_style, "dce_style"}, std::pair{context_flags::delegate, "delegate"}}) {
        sspan::client_options wants;
        wants.require |= flag;
        try {
            const auto pair = establish(wants);
            FAIL() << name;
        } catch (const sspan::error& failure) {
            EXPECT_EQ(failure.code(), errc::security_qos_failed);
            EXPECT_NE(std::string_view{failure.what()}.find(std::string{"did not grant "} + name + ":"),
                      std::string_view::npos)
                << failure.what();
        }
    }
}

TEST_F(winpr_kerberos, replay_detection_takes_sequence_detection) {
    constexpr auto replay_only = context_flags::integrity | context_flags::replay_detect;
    const sspan::client_options client_wants{.require = context_flags::integrity, .request = replay_only};
    const sspan::server_options server_wants{.require = context_flags::integrity, .request = replay_only};
    const auto outbound = ticket();
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    sspan::client_handshake client{outbound, setting("SSPAN_SERVICE"), client_wants};
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
        outbound, setting("SSPAN_SERVICE"), {.require = context_flags::none, .request = context_flags::none}};
    sspan::server_handshake server{inbound, {.require = context_flags::none, .request = sspan::message_protection}};
    EXPECT_EQ(exchange_tokens(client, server), 1);
    EXPECT_EQ(client.granted(), context_flags::none);
    EXPECT_EQ(server.granted(), context_flags::none);
}

TEST_F(winpr_kerberos, says_what_is_wrong_with_a_message) {
    auto pair = establish();
    const auto message = numbered(30);
    const auto first = sign(pair.client, message);
    const auto second = sign(pair.client, message);
    std::error_code ec;
    EXPECT_FALSE(pair.server.verify(numbered(31), first, ec));
    EXPECT_EQ(ec, errc::message_altered);
    EXPECT_FALSE(pair.server.verify(message, second, ec)) << "one was dropped";
    EXPECT_EQ(ec, errc::out_of_sequence);
    EXPECT_TRUE(pair.server.verify(message, first, ec));
    EXPECT_FALSE(pair.server.verify(message, first, ec)) << "replayed";
    EXPECT_EQ(ec, errc::out_of_sequence);
    EXPECT_TRUE(pair.server.verify(message, second, ec));
    auto secret = encrypt(pair.client, message);
    secret.data[7] ^= std::byte{1};
    EXPECT_TRUE(pair.server.decrypt(secret.data, secret.token, ec).data.empty());
    EXPECT_EQ(ec, errc::internal_error);
    EXPECT_TRUE(all_zero(secret.data));
}

TEST_F(winpr_kerberos, token_that_points_outside_itself_is_refused) {
    auto pair = establish();
    for (const std::size_t at : {4U, 5U}) { // the "extra count" of RFC 4121, 4.2.3
        auto message = encrypt(pair.client, numbered(40));
        message.token[at] = std::byte{0xFF};
        std::error_code ec;
        EXPECT_TRUE(pair.server.decrypt(message.data, message.token, ec).data.empty());
        EXPECT_EQ(ec, errc::invalid_token);
        auto wire = pair.client.wrap_copy(numbered(40));
        wire[at] = std::byte{0xFF};
        EXPECT_TRUE(pair.server.unwrap(wire, ec).data.empty());
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
