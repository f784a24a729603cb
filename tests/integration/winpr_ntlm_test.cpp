// SPDX-License-Identifier: MIT
#include "winpr_conversation.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace {

using namespace conversation;
using sspan::context_flags;
using sspan::errc;

class winpr_ntlm : public ::testing::Test {
protected:
    static sspan::credentials log_on(std::wstring_view user, std::wstring_view password) {
        return sspan::credentials::outbound(sspan::package::ntlm, sspan::identity{user, L"SSPAN", password});
    }
    /// The options of a client. NTLM cannot prove the server's identity.
    static sspan::client_options client_options() { return {.require = sspan::message_protection}; }

    static pair_of_contexts establish(const sspan::client_options& client_wants = client_options(),
                                      const sspan::server_options& server_wants = {}) {
        const auto outbound = log_on(L"alice", wide(variable("SSPAN_PASSWORD")));
        const auto inbound = sspan::credentials::inbound(sspan::package::ntlm);
        sspan::client_handshake client{outbound, L"echo/server.sspan.test", client_wants};
        sspan::server_handshake server{inbound, server_wants};
        EXPECT_EQ(exchange_tokens(client, server), 3);
        return finish(client, server);
    }

    /// Returns the server's error for a logon with this name and this password.
    static std::error_code refusal(std::wstring_view user, std::wstring_view password) {
        const auto outbound = log_on(user, password);
        const auto inbound = sspan::credentials::inbound(sspan::package::ntlm);
        sspan::client_handshake client{outbound, L"echo/server.sspan.test", client_options()};
        sspan::server_handshake server{inbound};
        const auto challenge = server.step(client.step().token);
        std::error_code ec;
        EXPECT_TRUE(last_step(server, client.step(challenge.token).token, ec).token.empty());
        std::error_code none;
        EXPECT_FALSE(std::move(server).finish(none));
        EXPECT_EQ(none, errc::no_context);
        return ec;
    }
};

constexpr std::size_t message_sizes[]{0, 1, 15, 16, 17, 255, 4096, 65536, std::size_t{1} << 20};

TEST_F(winpr_ntlm, tells_its_sizes) {
    const auto pair = establish();
    for (const auto& sizes : {pair.client.sizes(), pair.server.sizes()}) {
        EXPECT_EQ(sizes.max_signature, 16U);
        EXPECT_EQ(sizes.security_trailer, 16U);
        EXPECT_EQ(sizes.block_size, 0U);
    }
}

TEST_F(winpr_ntlm, signs_and_verifies_both_ways) {
    auto pair = establish();
    for (const auto size : message_sizes) {
        const auto message = numbered(size);
        EXPECT_NO_THROW(pair.server.verify(message, sign(pair.client, message))) << size;
        EXPECT_NO_THROW(pair.client.verify(message, sign(pair.server, message))) << size;
    }
}

TEST_F(winpr_ntlm, encrypts_and_decrypts_both_ways) {
    auto pair = establish();
    for (const auto size : message_sizes) {
        for (const bool to_server : {true, false}) {
            sspan::security_context& sender =
                to_server ? static_cast<sspan::security_context&>(pair.client) : pair.server;
            sspan::security_context& receiver =
                to_server ? static_cast<sspan::security_context&>(pair.server) : pair.client;
            auto message = encrypt(sender, numbered(size));
            ASSERT_EQ(message.token.size(), 16U);
            ASSERT_EQ(message.data.size(), size);
            if (size >= 15) {
                EXPECT_NE(message.data, numbered(size));
            }
            const auto opened = receiver.decrypt({.token = message.token, .data = message.data});
            EXPECT_EQ(copy_of(opened.data), numbered(size));
            EXPECT_EQ(opened.quality, sspan::quality_of_protection::encrypted);
        }
    }
}

TEST_F(winpr_ntlm, wraps_and_unwraps_among_signed_messages) {
    auto pair = establish();
    for (const auto size : message_sizes) {
        const auto message = numbered(size);
        auto to_server = pair.client.wrap_copy(message);
        EXPECT_EQ(to_server.size(), size + 16);
        const auto signature = sign(pair.client, message);
        EXPECT_EQ(copy_of(pair.server.unwrap(to_server).data), message);
        EXPECT_NO_THROW(pair.server.verify(message, signature)) << size;
        auto to_client = pair.server.wrap_copy(message);
        EXPECT_EQ(copy_of(pair.client.unwrap(to_client).data), message);
    }
}

TEST_F(winpr_ntlm, integrity_only_messages_are_encrypted_all_the_same) {
    auto pair = establish();
    auto message = encrypt(pair.client, numbered(40), {.quality = sspan::quality_of_protection::integrity_only});
    EXPECT_NE(message.data, numbered(40));
    const auto opened = pair.server.decrypt({.token = message.token, .data = message.data});
    EXPECT_EQ(copy_of(opened.data), numbered(40));
    EXPECT_EQ(opened.quality, sspan::quality_of_protection::encrypted);
}

TEST_F(winpr_ntlm, every_changed_byte_is_noticed) {
    const auto message = numbered(20);
    for (std::size_t at = 0; at != message.size() + 16; ++at) {
        auto pair = establish(); // one refused message desynchronizes the key streams
        auto changed = message;
        auto signature = sign(pair.client, message);
        (at < changed.size() ? changed[at] : signature[at - changed.size()]) ^= std::byte{0x10};
        std::error_code ec;
        EXPECT_FALSE(pair.server.verify(changed, signature, {}, ec)) << at;
        EXPECT_EQ(ec, errc::message_altered) << at;

        auto secret = encrypt(pair.server, message);
        (at < message.size() ? secret.data[at] : secret.token[at - message.size()]) ^= std::byte{0x10};
        EXPECT_TRUE(pair.client.decrypt({.token = secret.token, .data = secret.data}, {}, ec).data.empty()) << at;
        EXPECT_EQ(ec, errc::message_altered) << at;
        EXPECT_TRUE(all_zero(secret.data)) << at;
    }
}

TEST_F(winpr_ntlm, replayed_dropped_and_foreign_messages_are_refused) {
    const auto message = numbered(20);
    auto pair = establish();
    const auto first = sign(pair.client, message);
    EXPECT_NO_THROW(pair.server.verify(message, first));
    std::error_code ec;
    EXPECT_FALSE(pair.server.verify(message, first, {}, ec)) << "replayed";
    EXPECT_EQ(ec, errc::message_altered);

    pair = establish();
    static_cast<void>(sign(pair.client, message));
    EXPECT_FALSE(pair.server.verify(message, sign(pair.client, message), {}, ec)) << "the previous message was lost";

    pair = establish();
    auto other = establish();
    EXPECT_FALSE(other.server.verify(message, sign(pair.client, message), {}, ec)) << "from another context";
    EXPECT_FALSE(pair.client.verify(message, sign(pair.client, message), {}, ec)) << "one's own";
}

TEST_F(winpr_ntlm, short_signatures_and_tokens_are_not_read_past_their_end) {
    auto pair = establish();
    const auto message = numbered(20);
    for (std::size_t size = 1; size != 16; ++size) {
        auto token = numbered(size);
        std::error_code ec;
        EXPECT_FALSE(pair.server.verify(message, token, {}, ec)) << size;
        EXPECT_EQ(ec, errc::invalid_token) << size;
        auto data = message;
        EXPECT_TRUE(pair.server.decrypt({.token = token, .data = data}, {}, ec).data.empty()) << size;
        EXPECT_EQ(ec, errc::invalid_token) << size;
    }
    EXPECT_NO_THROW(pair.server.verify(message, sign(pair.client, message)))
        << "the refused tokens did not reach the package";
}

TEST_F(winpr_ntlm, parts_that_are_to_be_left_alone_are_refused_untouched) {
    auto pair = establish();
    auto message = numbered(20);
    bytes token(16);
    const sspan::message_part readonly[]{sspan::message_part::readonly_with_checksum(message)};
    std::error_code ec;
    static_cast<void>(pair.client.encrypt({.token = token, .data = readonly}, {}, ec));
    EXPECT_EQ(ec, errc::unsupported_function);
    EXPECT_EQ(message, numbered(20));
}

TEST_F(winpr_ntlm, mutual_authentication_is_not_believed) {
    auto options = client_options();
    options.request |= context_flags::mutual_auth;
    EXPECT_FALSE(contains(establish(options).client.granted(), context_flags::mutual_auth));

    const auto outbound = log_on(L"alice", wide(variable("SSPAN_PASSWORD")));
    sspan::client_handshake client{outbound, L"echo/server.sspan.test"}; // the default requires mutual_auth
    std::error_code ec;
    EXPECT_TRUE(client.step({}, ec).token.empty());
    EXPECT_EQ(ec, errc::security_qos_failed);
    EXPECT_NE(client.explain(ec).find("would use NTLM, which does not support mutual_auth:"), std::string::npos)
        << client.explain(ec);
}

TEST_F(winpr_ntlm, grants_what_was_asked_for_and_no_more) {
    const auto pair = establish({.require = sspan::message_protection, .request = context_flags::delegate},
                                {.require = sspan::message_protection, .request = context_flags::delegate});
    EXPECT_EQ(pair.client.granted(), sspan::message_protection);
    EXPECT_EQ(pair.server.granted(), sspan::message_protection);
    const auto signing = context_flags::integrity | context_flags::sequence_detect;
    auto lesser = establish({.require = signing, .request = context_flags::none},
                            {.require = signing, .request = context_flags::none});
    EXPECT_EQ(lesser.client.granted(), signing);
    EXPECT_EQ(lesser.server.granted(), signing);
    EXPECT_NO_THROW(lesser.server.verify(numbered(9), sign(lesser.client, numbered(9))));
    EXPECT_THROW(static_cast<void>(encrypt(lesser.client, numbered(9))), sspan::error);
}

TEST_F(winpr_ntlm, refuses_wrong_passwords_and_unknown_users) {
    EXPECT_EQ(refusal(L"alice", L"wrong"), errc::message_altered); // the check of the whole handshake fails
    EXPECT_EQ(refusal(L"alice", L""), errc::message_altered);
    EXPECT_EQ(refusal(L"mallory", wide(variable("SSPAN_PASSWORD"))), errc::no_credentials);
}

TEST_F(winpr_ntlm, refuses_garbage_and_tokens_out_of_turn) {
    const auto inbound = sspan::credentials::inbound(sspan::package::ntlm);
    for (const std::size_t size : {1U, 11U, 12U, 40U, 4096U}) {
        sspan::server_handshake server{inbound};
        std::error_code ec;
        EXPECT_TRUE(server.step(numbered(size), ec).token.empty()) << size;
        EXPECT_EQ(ec, errc::invalid_token) << size; // LeakSanitizer checks that nothing is leaked
    }
    const auto outbound = log_on(L"alice", wide(variable("SSPAN_PASSWORD")));
    sspan::client_handshake client{outbound, L"echo/server.sspan.test", client_options()};
    sspan::server_handshake server{inbound};
    const auto first = copy_of(client.step().token);
    EXPECT_FALSE(server.step(first).token.empty());
    std::error_code ec;
    EXPECT_TRUE(last_step(server, first, ec).token.empty());
    EXPECT_TRUE(ec);
}

TEST_F(winpr_ntlm, every_changed_byte_of_the_last_token_is_refused) {
    const auto outbound = log_on(L"alice", wide(variable("SSPAN_PASSWORD")));
    const auto inbound = sspan::credentials::inbound(sspan::package::ntlm);
    std::size_t size = 1;
    for (std::size_t at = 0; at != size; ++at) {
        sspan::client_handshake client{outbound, L"echo/server.sspan.test", client_options()};
        sspan::server_handshake server{inbound};
        const auto challenge = server.step(client.step().token);
        auto last = copy_of(client.step(challenge.token).token);
        size = last.size();
        last[at] ^= std::byte{0x10};
        std::error_code ec;
        static_cast<void>(last_step(server, last, ec));
        EXPECT_TRUE(ec) << at;
    }
}

TEST_F(winpr_ntlm, pretended_impersonation_is_found_out) {
    const auto pair = establish();
    std::error_code ec;
    const sspan::impersonation_guard guard{pair.server, {}, ec};
    EXPECT_EQ(ec, sspan::detail::win32_failure(ERROR_NO_TOKEN)); // the package returns SEC_E_OK without any effect
    EXPECT_FALSE(guard.active());
}

TEST_F(winpr_ntlm, has_no_access_tokens) {
    int somewhere = 0;
    auto token = sspan::access_token::adopt(&somewhere); // no call reads it
    std::error_code ec;
    static_cast<void>(token.level(ec));
    EXPECT_EQ(ec, errc::unsupported_function);
    EXPECT_FALSE(token.duplicate(sspan::impersonation_level::identification, ec));
    EXPECT_EQ(ec, errc::unsupported_function);
    EXPECT_FALSE(token.to_primary(ec));
    EXPECT_EQ(ec, errc::unsupported_function);
    const sspan::impersonation_guard guard{token, {}, ec};
    EXPECT_EQ(ec, errc::unsupported_function);
    EXPECT_FALSE(guard.active());
    static_cast<void>(token.release());
}

TEST_F(winpr_ntlm, says_so_where_it_does_not_tell) {
    const auto pair = establish();
    std::error_code ec;
    EXPECT_EQ(sspan::query_user_name(pair.server, ec), L"");
    EXPECT_EQ(ec, errc::unsupported_function);
    EXPECT_TRUE(sspan::query_session_key(pair.client, ec).empty());
    EXPECT_EQ(ec, errc::unsupported_function);
    const auto outbound = log_on(L"alice", wide(variable("SSPAN_PASSWORD")));
    EXPECT_EQ(sspan::query_user_name(outbound, ec), L"");
    EXPECT_EQ(ec, errc::unsupported_function);
    EXPECT_EQ(pair.client.expiry(), std::nullopt);
    EXPECT_EQ(outbound.expiry(), std::nullopt);
}

} // namespace
