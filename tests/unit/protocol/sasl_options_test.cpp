// SPDX-License-Identifier: MIT
#include <sspan/protocol/sasl_options.hpp>

#include <gtest/gtest.h>

namespace {

namespace sasl = sspan::sasl;
using sasl::layer;

TEST(sasl_options, mechanisms_have_the_names_of_the_registry) {
    EXPECT_EQ(to_string(sasl::mechanism::gssapi), "GSSAPI");
    EXPECT_EQ(to_string(sasl::mechanism::gss_spnego), "GSS-SPNEGO");
    EXPECT_EQ(sasl::package_of(sasl::mechanism::gssapi), sspan::package::kerberos);
    EXPECT_EQ(sasl::package_of(sasl::mechanism::gss_spnego), sspan::package::negotiate);
}

TEST(sasl_options, layers_are_a_set_with_the_bits_of_the_protocol) { // RFC 4752, 3.3
    EXPECT_EQ(static_cast<int>(layer::none), 1);
    EXPECT_EQ(static_cast<int>(layer::integrity), 2);
    EXPECT_EQ(static_cast<int>(layer::confidentiality), 4);
    auto set = layer::none | layer::confidentiality;
    EXPECT_EQ(static_cast<int>(set), 5);
    set |= layer::integrity;
    set &= ~layer::none;
    EXPECT_EQ(set & layer::integrity, layer::integrity);
    EXPECT_TRUE(sspan::contains(set, layer::confidentiality));
    EXPECT_FALSE(sspan::contains(set, layer::none));
}

TEST(sasl_options, layers_have_names) {
    EXPECT_EQ(to_string(layer::none), "none");
    EXPECT_EQ(to_string(layer::integrity), "integrity");
    EXPECT_EQ(to_string(layer::confidentiality), "confidentiality");
    EXPECT_EQ(to_string(layer::none | layer::integrity), "several");
}

TEST(sasl_options, defaults_are_safe) {
    EXPECT_EQ(sasl::client_options{}.layers, layer::confidentiality);
    EXPECT_EQ(sasl::server_options{}.layers, layer::confidentiality);
    EXPECT_EQ(sasl::client_options{}.require, sspan::context_flags::mutual_auth);
    EXPECT_EQ(sasl::client_options{}.max_buffer, 65536U);
    EXPECT_EQ(sasl::server_options{}.max_buffer, 65536U);
}

} // namespace
