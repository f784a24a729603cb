// SPDX-License-Identifier: MIT
//
// A client of OpenLDAP's server, which has Cyrus SASL. The arguments are the ports of three servers: one that offers all
// layers, one that offers no more than integrity, and one that insists on confidentiality and receives 2,000 bytes at most.
#include "interop/ldap_session.hpp"

#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <cstddef>
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
        ADD_FAILURE() << "alice may not act as bob";
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

TEST(slapd, another_services_name_fails) {
    EXPECT_TRUE(error_of([] { const session server{{}, ldap::facts.port, L"ldap/unknown.sspan.test"}; }));
    EXPECT_THROW((session{{}, ldap::facts.port, L"ldap/other.sspan.test"}),
                 bind_failure); // the KDC knows it, the server does not
}

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    ldap::facts = {
        .who_am_i_operation = who_am_i_operation,
        .read_name = read_name,
        .alice = std::string{alice},
        .alice_by_spnego = "dn:uid=alice,cn=gss-spnego,cn=auth",
        .layers = all_layers,
        .schema = "cn=Subschema",
        .schema_attributes = {"+"},
        .large_spnego_buffer = 65536, // the longest payload has 64 KiB
    };
    unsigned index = 0;
    for (auto* const port : {&ldap::facts.port, &weak_port, &strict_port}) {
        const std::string_view argument{static_cast<int>(++index) < argc ? argv[index] : ""};
        std::from_chars(argument.data(), argument.data() + argument.size(), *port);
    }
    const net::library sockets;
    return RUN_ALL_TESTS();
}
