// SPDX-License-Identifier: MIT
//
// A client of OpenLDAP's server, which uses Cyrus SASL. The arguments are the ports of three servers and of a proxy.
// The first server offers all layers, the second at most integrity. The third requires confidentiality and receives
// 2,000 bytes at most. The proxy (sasl_proxy.py) connects to the first server.
#include "interop/ldap_session.hpp"

#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

ldap::server_facts ldap::facts;

namespace {

using ldap::bind_failure;
using ldap::bytes;
using ldap::error_of;
using ldap::gssapi;
using ldap::session;
using sspan::errc;
using sspan::sasl::layer;

constexpr std::string_view alice = "dn:uid=alice,cn=gssapi,cn=auth";
unsigned weak_port = 0;
unsigned strict_port = 0;
unsigned proxy_port = 0;

bytes who_am_i_operation() {
    return element(ldap::extended_request, {ldap::element(ldap::request_name, ldap::who_am_i)});
}
std::string read_name(session& server) {
    const auto message = server.answer();
    auto fields = message.fields();
    EXPECT_EQ(fields.next().content[0], std::byte{ldap::success});
    static_cast<void>(fields.next());
    static_cast<void>(fields.next());
    while (!fields.at_end()) {
        if (const auto field = fields.next(); field.type == ldap::response_value) {
            return ldap::to_text(field.content);
        }
    }
    return {};
}

constexpr auto all_layers = layer::none | layer::integrity | layer::confidentiality;

TEST_F(gssapi, offers_the_strongest_layer) {
    EXPECT_EQ(session{{.layers = all_layers}}.channel().protection(), layer::confidentiality);
    EXPECT_EQ((session{{.layers = all_layers}, weak_port}).channel().protection(), layer::integrity);
    EXPECT_EQ((session{{.layers = all_layers}, strict_port}).channel().protection(), layer::confidentiality);
}

TEST_F(gssapi, never_gets_less_than_asked) {
    EXPECT_EQ(error_of([] { const session server({}, weak_port); }), errc::security_qos_failed);
    EXPECT_EQ(error_of([] { const session server({.layers = layer::none | layer::integrity}, strict_port); }),
              errc::security_qos_failed);
    EXPECT_EQ(error_of([] { const session server({.layers = layer::none}, strict_port); }), errc::security_qos_failed);
}

TEST_F(gssapi, takes_an_identity) {
    EXPECT_EQ(session{{.authorization_identity = "u:alice"}}.who_am_i(), alice);
    EXPECT_EQ(session{{.authorization_identity = "dn:uid=alice,cn=gssapi,cn=auth"}}.who_am_i(), alice);
    try {
        const session server{{.authorization_identity = "u:bob"}};
        ADD_FAILURE() << "alice acted as bob";
    } catch (const bind_failure& refused) {
        EXPECT_TRUE(refused.code == ldap::invalid_credentials || refused.code == 50) << refused.code;
    }
}

TEST_F(gssapi, both_sides_keep_to_a_small_maximum) {
    session strict{{}, strict_port};
    EXPECT_LT(strict.channel().max_payload(), 2000U);
    EXPECT_GT(strict.channel().max_payload(), 1900U);
    EXPECT_EQ(strict.schema(ldap::long_filter(50'000)), 0U);
    EXPECT_EQ(strict.who_am_i(), alice);

    session server{{}, strict_port};
    server.stream().connection().send(std::array{std::byte{0}, std::byte{0}, std::byte{0x10}, std::byte{0}});
    server.stream().connection().send(bytes(4096));
    EXPECT_TRUE(server.stream().ended());
}

/// Talks through the proxy, which changes one bit of one side's second buffer. `plan` names the side and the byte.
template <class Test>
void over_proxy(Test test, std::string_view plan) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        SCOPED_TRACE(std::string{to_string(which)} + ", " + std::string{plan});
        session server{{.layers = which}, proxy_port, ldap::service, plan};
        EXPECT_EQ(server.channel().protection(), which);
        EXPECT_EQ(server.who_am_i(), alice);
        test(server);
    }
}

TEST_F(gssapi, nothing_notices_a_proxy_that_changes_nothing) {
    over_proxy([](session& server) { EXPECT_EQ(server.who_am_i(), alice); }, "nobody 1 -1\n");
}

TEST_F(gssapi, the_server_closes_after_a_buffer_that_was_altered_on_its_way) {
    for (const auto* const plan : {"client 1 -1\n", "client 1 -20\n"}) {
        over_proxy(
            [](session& server) {
                server.stream().send(server.who_am_i_request());
                EXPECT_TRUE(server.stream().ended());
            },
            plan);
    }
}

TEST_F(gssapi, an_answer_that_was_altered_on_its_way_is_message_altered) {
    for (const auto* const plan : {"server 1 -1\n", "server 1 -20\n"}) {
        over_proxy(
            [](session& server) {
                EXPECT_EQ(error_of([&] { static_cast<void>(server.who_am_i()); }), errc::message_altered);
            },
            plan);
    }
}

TEST(slapd, another_services_name_fails) {
    EXPECT_TRUE(error_of([] { const session server{{}, ldap::facts.port, L"ldap/unknown.sspan.test"}; }));
    EXPECT_THROW((session{{}, ldap::facts.port, L"ldap/other.sspan.test"}),
                 bind_failure); // the KDC knows it, the server does not
}

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    const std::span arguments{argv, static_cast<std::size_t>(argc)};
    ldap::facts = {
        .port = ldap::port_argument(arguments, 1),
        .who_am_i_operation = who_am_i_operation,
        .read_name = read_name,
        .alice = std::string{alice},
        .alice_by_spnego = "dn:uid=alice,cn=gss-spnego,cn=auth",
        .layers = all_layers,
        .schema = "cn=Subschema",
        .schema_attributes = {"+"},
        .large_spnego_buffer = 65536, // the longest payload has 64 KiB
    };
    weak_port = ldap::port_argument(arguments, 2);
    strict_port = ldap::port_argument(arguments, 3);
    proxy_port = ldap::port_argument(arguments, 4);
    const net::library sockets;
    return RUN_ALL_TESTS();
}
