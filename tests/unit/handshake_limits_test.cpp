// SPDX-License-Identifier: MIT
//
// Peers that never stop.
#include <sspan/handshake.hpp>

#include "conversation.hpp"
#include "fixture.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;

class handshake_limits : public surface_test {
protected:
    static sspan::client_options client_with(const sspan::handshake_limits& limits) {
        auto options = which_profile().client_options();
        options.limits = limits;
        return options;
    }
};
INSTANTIATE_TEST_SUITE_P(each, handshake_limits, each_profile_and_surface(), name_of{});

TEST_P(handshake_limits, longest_token_allowed_is_taken_and_a_longer_one_ends_the_handshake) {
    loopback::configure().token_size = 1000;
    for (const std::size_t limit : {std::size_t{1000}, std::size_t{999}}) {
        const sspan::handshake_limits limits{.max_token = limit};
        conversation talk{which_profile().package, client_with(limits), {.limits = limits}, which_surface()};
        talk.run_legs(1);
        const auto called = calls(function::accept_security_context);
        const auto second = talk.leg();
        if (limit == 1000) {
            EXPECT_TRUE(succeeded(second));
            EXPECT_TRUE(succeeded(talk.run()));
        } else {
            EXPECT_TRUE(failed_with(second, errc::invalid_token, "AcceptSecurityContext"));
            EXPECT_EQ(calls(function::accept_security_context), called);
            EXPECT_TRUE(failed_with(step(talk.server, {}, which_surface()), errc::no_context, "AcceptSecurityContext"));
        }
    }
}

TEST_P(handshake_limits, client_refuses_a_longer_token_too) {
    loopback::configure().token_size = 1000;
    conversation talk{which_profile().package, client_with({.max_token = 999}), {}, which_surface()};
    talk.run_legs(2);
    EXPECT_TRUE(failed_with(talk.leg(), errc::invalid_token, "InitializeSecurityContext"));
    EXPECT_EQ(loopback::live().contexts, 1U); // the server's
}

TEST_P(handshake_limits, default_takes_large_kerberos_tickets) {
    const sspan::handshake_limits limits;
    EXPECT_GE(limits.max_token, 65535U); // the largest value that Windows accepts
    EXPECT_LE(limits.max_token, 1U << 20);
    EXPECT_GE(limits.max_steps, 8U);
}

TEST_P(handshake_limits, one_step_too_many_ends_the_handshake) {
    which_profile().settings().legs = 8; // four steps on either side, and one more for the client
    for (const auto steps : {5U, 4U}) {
        conversation talk{which_profile().package, client_with({.max_steps = steps}), {}, which_surface()};
        const auto end = talk.run();
        if (steps == 5) {
            EXPECT_TRUE(succeeded(end));
        } else {
            EXPECT_EQ(talk.legs, 9U);
            EXPECT_TRUE(failed_with(end, errc::illegal_message, "InitializeSecurityContext"));
            EXPECT_EQ(calls(function::initialize_security_context), 5U + 4U);
            EXPECT_FALSE(talk.client_done);
        }
    }
}

TEST_P(handshake_limits, server_counts_its_own_steps) {
    which_profile().settings().legs = 8;
    conversation talk{
        which_profile().package, which_profile().client_options(), {.limits{.max_steps = 3}}, which_surface()};
    EXPECT_TRUE(failed_with(talk.run(), errc::illegal_message, "AcceptSecurityContext"));
    EXPECT_EQ(calls(function::accept_security_context), 3U);
}

TEST_P(handshake_limits, waiting_for_the_rest_of_a_token_is_no_step) {
    loopback::configure().stream_framing = true;
    auto options = client_with({});
    options.request |= sspan::context_flags::stream;
    const sspan::server_options server_options{.request = sspan::context_flags::stream, .limits{.max_steps = 2}};
    conversation talk{which_profile().package, options, server_options, which_surface()};
    talk.run_legs(1);
    for (std::size_t size = 1; size != talk.token.size(); ++size) {
        const auto taken = step(talk.server, std::span{talk.token}.first(size), which_surface());
        ASSERT_TRUE(succeeded(taken));
        ASSERT_EQ(taken.state, sspan::handshake_state::incomplete_message);
    }
    EXPECT_TRUE(succeeded(talk.run()));
}

TEST_P(handshake_limits, so_many_steps_may_wait_for_the_rest_of_a_token) {
    loopback::configure().stream_framing = true;
    auto options = client_with({});
    options.request |= sspan::context_flags::stream;
    for (const bool one_too_many : {false, true}) {
        const sspan::server_options server_options{.request = sspan::context_flags::stream,
                                                   .limits{.max_incomplete_steps = 3}};
        conversation talk{which_profile().package, options, server_options, which_surface()};
        talk.run_legs(1);
        for (std::size_t size = 1; size != 4; ++size) {
            const auto taken = step(talk.server, std::span{talk.token}.first(size), which_surface());
            ASSERT_TRUE(succeeded(taken));
            ASSERT_EQ(taken.state, sspan::handshake_state::incomplete_message);
        }
        if (one_too_many) {
            EXPECT_TRUE(failed_with(step(talk.server, std::span{talk.token}.first(4), which_surface()),
                                    errc::incomplete_message, "AcceptSecurityContext"));
            EXPECT_TRUE(failed_with(step(talk.server, {}, which_surface()), errc::no_context, "AcceptSecurityContext"));
        } else {
            EXPECT_TRUE(succeeded(talk.run()));
        }
    }
}

TEST_P(handshake_limits, nothing_has_no_rest_to_wait_for) {
    conversation talk{which_profile().package, client_with({}), {}, which_surface()};
    loopback::fail_at(function::initialize_security_context, 1, SEC_E_INCOMPLETE_MESSAGE);
    EXPECT_TRUE(failed_with(talk.leg(), errc::buffer_too_small, "InitializeSecurityContext"));
    EXPECT_TRUE(failed_with(step(talk.client, {}, which_surface()), errc::no_context, "InitializeSecurityContext"));
}

} // namespace
