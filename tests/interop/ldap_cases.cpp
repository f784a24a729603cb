// SPDX-License-Identifier: MIT
//
// The cases for every LDAP server with SASL: GSSAPI with each layer that the server accepts, and GSS-SPNEGO.
#include "interop/ldap_session.hpp"

#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using ldap::bytes;
using ldap::error_of;
using ldap::facts;
using ldap::gssapi;
using ldap::long_filter;
using ldap::session;
using ldap::spnego;
using sspan::sasl::layer;

TEST_F(gssapi, takes_each_layer) {
    for (const auto which : {layer::none, layer::integrity, layer::confidentiality}) {
        if ((facts.layers & which) != which) {
            continue;
        }
        session server{{.layers = which}};
        EXPECT_EQ(server.channel().protection(), which);
        EXPECT_EQ(server.who_am_i(), facts.alice) << to_string(which);
        EXPECT_EQ(server.who_am_i(), facts.alice);
        server.unbind();
    }
}

TEST_F(gssapi, answers_many_requests) {
    session server;
    for (int n = 0; n != 100; ++n) {
        ASSERT_EQ(server.who_am_i(), facts.alice);
    }
    for (int n = 0; n != 100; ++n) {
        server.stream().send(server.who_am_i_request());
        ASSERT_EQ(server.name_in_answer(), facts.alice);
    }
}

TEST_F(gssapi, sends_buffers_up_to_our_maximum) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        for (const std::uint32_t most : {2000U, 16384U, 65536U, 0xFFFFFFU}) {
            session server{{.layers = which, .max_buffer = most}};
            EXPECT_GT(server.schema(), 40'000U);
            EXPECT_LE(server.stream().largest(), most);
            EXPECT_GT(server.stream().largest(), 1'000U);
            EXPECT_EQ(server.who_am_i(), facts.alice);
        }
    }
}

TEST_F(gssapi, takes_buffers_up_to_its_maximum) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        session server{{.layers = which}};
        EXPECT_EQ(server.schema(long_filter(200'000)), 0U);
        EXPECT_EQ(server.who_am_i(), facts.alice);
    }
}

TEST_F(gssapi, takes_requests_in_pieces) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        session server{{.layers = which}};
        const auto request = server.who_am_i_request();
        for (std::size_t i = 0; i != request.size(); ++i) {
            server.stream().send(std::span{request}.subspan(i, 1));
        }
        EXPECT_EQ(server.name_in_answer(), facts.alice);
    }
}

TEST_F(gssapi, refuses_altered_buffers) {
    // The last byte of the number: it follows 4 bytes of length and 15 of the message's header.
    constexpr std::size_t last_of_number = 19;
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        session probe{{.layers = which}};
        const auto size = probe.channel().wrap(probe.channel().assign(probe.who_am_i_request())).size();
        for (const auto place :
             {std::size_t{4}, std::size_t{6}, std::size_t{11}, last_of_number, std::size_t{20}, size / 2, size - 1}) {
            session server{{.layers = which}};
            const auto wire = server.channel().wrap(server.channel().assign(server.who_am_i_request()));
            bytes altered{wire.begin(), wire.end()};
            altered[place] ^= std::byte{4};
            server.stream().connection().send(altered);
            EXPECT_TRUE(place == last_of_number && !facts.closes_for_wrong_number ? server.is_silent()
                                                                                  : server.stream().ended())
                << to_string(which) << ", byte " << place;
        }
    }
}

TEST_F(gssapi, altered_answers_are_refused) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        for (const std::size_t from_end : {0U, 1U, 12U, 20U, 40U}) {
            session server{{.layers = which}};
            server.stream().send(server.who_am_i_request());
            auto buffer = server.stream().receive_buffer();
            buffer[from_end == 0 ? 5 : buffer.size() - from_end] ^= std::byte{4};
            EXPECT_TRUE(error_of([&] { static_cast<void>(server.channel().unwrap(buffer)); })) << from_end;
        }
    }
}

TEST_F(gssapi, replayed_answers_are_refused) {
    session server;
    server.stream().send(server.who_am_i_request());
    const auto buffer = server.stream().receive_buffer();
    auto first = buffer;
    EXPECT_FALSE(server.channel().unwrap(first).empty());
    auto second = buffer;
    EXPECT_TRUE(error_of([&] { static_cast<void>(server.channel().unwrap(second)); }));
}

TEST_F(gssapi, two_threads_can_share_the_channel) {
    session server;
    const auto request = server.who_am_i_request();
    auto halves = std::move(server.channel()).split();
    server.stream().connection().send(halves.sender.wrap(halves.sender.assign(request)));
    std::array<std::byte, sspan::sasl::prefix_size> prefix{};
    server.stream().connection().receive(prefix);
    bytes wire;
    server.stream().connection().receive(wire, halves.receiver.length(prefix));
    EXPECT_NE(ldap::to_text(halves.receiver.unwrap(wire)).find(facts.alice), std::string::npos);
}

TEST(spnego, knows_the_client_and_encrypts) {
    session server{spnego()};
    EXPECT_EQ(server.channel().protection(), layer::confidentiality);
    for (int n = 0; n != 50; ++n) {
        ASSERT_EQ(server.who_am_i(), facts.alice_by_spnego);
    }
    EXPECT_GT(server.schema(), 40'000U);
    EXPECT_GT(server.stream().largest(), facts.large_spnego_buffer);
    EXPECT_EQ(server.schema(long_filter(200'000)), 0U);
    server.unbind();
}

TEST(spnego, refuses_altered_buffers) {
    session server{spnego()};
    const auto wire = server.channel().wrap(server.channel().assign(server.who_am_i_request()));
    bytes altered{wire.begin(), wire.end()};
    altered.back() ^= std::byte{4};
    server.stream().connection().send(altered);
    EXPECT_TRUE(server.stream().ended());
}

TEST(spnego, altered_answers_are_refused) {
    session server{spnego()};
    server.stream().send(server.who_am_i_request());
    auto buffer = server.stream().receive_buffer();
    buffer.back() ^= std::byte{4};
    EXPECT_TRUE(error_of([&] { static_cast<void>(server.channel().unwrap(buffer)); }));
}

} // namespace
