// SPDX-License-Identifier: MIT
//
// A client of Samba's domain controller, which uses Heimdal. The arguments are the server's port and alice's SID as
// hexadecimal digits.
#include "interop/ldap_session.hpp"

#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <charconv>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

ldap::server_facts ldap::facts;

namespace {

using ldap::bind_failure;
using ldap::bytes;
using ldap::gssapi;
using ldap::session;
using sspan::sasl::layer;

/// Reads the root entry. It lists the client's own SID first, and then its groups. Samba 4.17 does not support "Who am
/// I?".
bytes who_am_i_operation() {
    return ldap::search_operation("", ldap::any_object(), {"tokenGroups"});
}
std::string read_name(session& server) {
    const auto entry = server.answer();
    EXPECT_EQ(entry.operation.type, ldap::search_entry);
    auto fields = entry.fields();
    static_cast<void>(fields.next()); // its name
    ldap::reader attributes{fields.next().content};
    ldap::reader attribute{attributes.next().content};
    EXPECT_EQ(ldap::to_text(attribute.next().content), "tokenGroups");
    ldap::reader values{attribute.next().content};
    const auto sid = ldap::to_text(values.next().content);

    const auto done = server.answer();
    EXPECT_EQ(done.operation.type, ldap::search_done);
    EXPECT_EQ(done.fields().next().content[0], std::byte{ldap::success});
    return sid;
}

std::string from_hex(std::string_view digits) {
    std::string made;
    for (; digits.size() >= 2; digits.remove_prefix(2)) {
        const auto pair = digits.substr(0, 2);
        unsigned char byte = 0;
        std::from_chars(pair.data(), pair.data() + pair.size(), byte, 16);
        made += static_cast<char>(byte);
    }
    return made;
}

TEST_F(gssapi, is_refused_without_a_layer) {
    constexpr int stronger_authentication_required = 8;
    try {
        const session server{{.layers = layer::none}};
        ADD_FAILURE() << "the server accepts unprotected messages";
    } catch (const bind_failure& refused) {
        EXPECT_EQ(refused.code, stronger_authentication_required);
        EXPECT_NE(std::string_view{refused.what()}.find("Sign or Seal are required"), std::string_view::npos)
            << refused.what();
    }
}

TEST_F(gssapi, chooses_the_strongest_layer) {
    EXPECT_EQ((session{{.layers = layer::none | layer::integrity | layer::confidentiality}}.channel().protection()),
              layer::confidentiality);
    EXPECT_EQ((session{{.layers = layer::none | layer::integrity}}.channel().protection()), layer::integrity);
}

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    const std::span arguments{argv, static_cast<std::size_t>(argc)};
    const auto alice = from_hex(ldap::argument(arguments, 2));
    ldap::facts = {
        .port = ldap::port_argument(arguments, 1),
        .who_am_i_operation = who_am_i_operation,
        .read_name = read_name,
        .alice = alice,
        .alice_by_spnego = alice,
        .layers = layer::integrity | layer::confidentiality,
        .schema = "CN=Aggregate,CN=Schema,CN=Configuration,DC=ad,DC=sspan,DC=test",
        .schema_attributes = {"attributeTypes", "objectClasses"},
        .large_spnego_buffer = 60000,
        .closes_for_wrong_number = false,
    };
    const net::library sockets;
    return RUN_ALL_TESTS();
}
