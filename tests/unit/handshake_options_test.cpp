// SPDX-License-Identifier: MIT
#include <sspan/handshake_options.hpp>

#include "conversation.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <utility>

namespace {

using namespace testing_support;
using loopback::function;
using sspan::context_flags;
using sspan::errc;

static_assert(std::is_aggregate_v<sspan::client_options>);
static_assert(std::is_aggregate_v<sspan::server_options>);

/// NTLM does not support the mutual_auth of these options.
sspan::client_options client_of(const profile& which) {
    auto options = sspan::client_options::authentication_only();
    EXPECT_EQ(options.require, context_flags::mutual_auth);
    if (!which.mutual_auth) {
        options.require = context_flags::none;
    }
    return options;
}

class authentication_only : public surface_test {};
INSTANTIATE_TEST_SUITE_P(each, authentication_only, each_profile_and_surface(), name_of{});

TEST_P(authentication_only, asks_for_nothing_about_messages) {
    conversation talk{which_profile().package, client_of(which_profile()), sspan::server_options::authentication_only(),
                      which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_EQ(loopback::last_flags(function::initialize_security_context),
              which_profile().mutual_auth ? 0x4002U : 0x4000U);                  // EXTENDED_ERROR, MUTUAL_AUTH
    EXPECT_EQ(loopback::last_flags(function::accept_security_context), 0x8000U); // EXTENDED_ERROR
    auto server = std::move(talk.server).finish();
    EXPECT_TRUE(server);
    EXPECT_EQ(server.granted() & sspan::message_protection, context_flags::none);
    EXPECT_EQ(talk.client.granted() & sspan::message_protection, context_flags::none);
    EXPECT_TRUE(succeeded(finish_outcome(talk.client, which_surface())));
}

TEST_P(authentication_only, takes_what_else_is_set) {
    auto client = client_of(which_profile());
    client.request |= context_flags::http_style;
    auto server = sspan::server_options::authentication_only();
    server.require = context_flags::integrity;
    conversation talk{which_profile().package, client, server, which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_EQ(loopback::last_flags(function::initialize_security_context),
              which_profile().mutual_auth ? 0x01004002U : 0x01004000U);
    EXPECT_TRUE(
        failed_with(finish_outcome(talk.server, which_surface()), errc::security_qos_failed, "AcceptSecurityContext"));
}

} // namespace
