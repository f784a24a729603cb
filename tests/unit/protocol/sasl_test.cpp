// SPDX-License-Identifier: MIT
#include <sspan/protocol/sasl.hpp>

#include "unit/protocol/sasl_sides.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace {

using namespace testing_support;
using sasl::layer;
using sspan::errc;

// An incomplete exchange has no channel. Views of temporaries do not compile.
template <class Side>
concept finishes_as_lvalue = requires(Side& side, std::error_code& ec) { side.finish(); } ||
                             requires(Side& side, std::error_code& ec) { side.finish(ec); };
template <class Side>
concept steps_as_temporary = requires(Side side) { std::move(side).step({}); } ||
                             requires(Side side, std::error_code& ec) { std::move(side).step({}, ec); };
template <class Channel>
concept wraps_as_temporary = requires(Channel channel) { std::move(channel).wrap(0); };
template <class Side>
concept can_send = requires(Side& side) { side.wrap(0); };
static_assert(!finishes_as_lvalue<sasl::client> && !finishes_as_lvalue<sasl::server>);
static_assert(!steps_as_temporary<sasl::client> && !steps_as_temporary<sasl::server>);
static_assert(!wraps_as_temporary<sasl::client_channel> && !wraps_as_temporary<sasl::sender>);
static_assert(can_send<sasl::client_channel> && can_send<sasl::sender>);
static_assert(!can_send<sasl::client> && !can_send<sasl::server> && !can_send<sasl::receiver>);

class sasl_both_sides : public sasl_test {};
INSTANTIATE_TEST_SUITE_P(each, sasl_both_sides, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(sasl_both_sides, agree_on_the_strongest_layer) {
    for (unsigned ours = 1; ours != 8; ++ours) {
        for (unsigned theirs = 1; theirs != 8; ++theirs) {
            sasl_pair both{{.layers = static_cast<layer>(ours)}, {.layers = static_cast<layer>(theirs)}};
            const auto last = both.run(GetParam());
            const auto common = ours & theirs;
            if (last.code) {
                EXPECT_EQ(last.code, errc::security_qos_failed);
                EXPECT_TRUE(common == 0 || !loopback::configure().client_decides) << ours << ' ' << theirs;
                continue;
            }
            const auto strongest = (common & 4) != 0 ? 4U : (common & 2) != 0 ? 2U : 1U;
            auto client = std::move(both.client).finish();
            auto server = std::move(both.server).finish();
            EXPECT_EQ(client.protection(), static_cast<layer>(strongest)) << ours << ' ' << theirs;
            EXPECT_EQ(server.protection(), static_cast<layer>(strongest)) << ours << ' ' << theirs;
            if (strongest != 1) {
                EXPECT_EQ(send_over(client, server, "there"), to_bytes("there"));
                EXPECT_EQ(send_over(server, client, "back"), to_bytes("back"));
            }
        }
    }
}

TEST_P(sasl_both_sides, take_handshakes_of_any_length) {
    for (unsigned legs = 2; legs != 7; ++legs) {
        loopback::configure().kerberos.legs = legs;
        sasl_pair both{{.authorization_identity = "bob"}};
        EXPECT_TRUE(succeeded(both.run(GetParam()))) << legs;
        EXPECT_EQ(both.server.authorization_identity(), "bob");
        auto client = std::move(both.client).finish();
        auto server = std::move(both.server).finish();
        EXPECT_EQ(send_over(client, server, "there"), to_bytes("there"));
    }
}

TEST_P(sasl_both_sides, limit_what_the_peer_sends) {
    loopback::configure().kerberos.legs = 6;
    sasl_pair patient{{.limits = {.max_steps = 2}}};
    EXPECT_TRUE(failed_with(patient.run(GetParam()), errc::illegal_message, "InitializeSecurityContext"));
    sasl_pair other{{}, {.limits = {.max_steps = 2}}};
    EXPECT_TRUE(failed_with(other.run(GetParam()), errc::illegal_message, "AcceptSecurityContext"));
    sasl_pair small{{.limits = {.max_token = 10}}};
    EXPECT_TRUE(failed_with(small.run(GetParam()), errc::invalid_token, "InitializeSecurityContext"));
    sasl_pair other_small{{}, {.limits = {.max_token = 10}}};
    EXPECT_TRUE(failed_with(other_small.run(GetParam()), errc::invalid_token, "AcceptSecurityContext"));
}

TEST_P(sasl_both_sides, work_with_spnego_of_any_length) {
    for (unsigned legs = 2; legs != 7; ++legs) {
        loopback::configure().negotiate.legs = legs;
        sasl_pair both{{.mechanism = sasl::mechanism::gss_spnego}, {.mechanism = sasl::mechanism::gss_spnego}};
        bytes message;
        bool done = false;
        while (!done) {
            const auto response = sasl_step(both.client, message, GetParam());
            ASSERT_TRUE(succeeded(response));
            ASSERT_TRUE(response.answers);
            if (response.done && response.answer.empty()) {
                break; // the success message contained the challenge
            }
            const auto challenge = sasl_step(both.server, response.answer, GetParam());
            ASSERT_TRUE(succeeded(challenge));
            message = challenge.answer;
            done = challenge.done && response.done;
        }
        auto client = std::move(both.client).finish();
        auto server = std::move(both.server).finish();
        EXPECT_EQ(send_over(client, server, "there"), to_bytes("there")) << legs;
        EXPECT_EQ(send_over(server, client, "back"), to_bytes("back")) << legs;
    }
}

// Cyrus SASL 2.1.28 sends up to 65,536 bytes of payload: 65,596 on the wire with AES and SHA-1.
TEST_P(sasl_both_sides, take_a_payload_of_the_maximum_with_spnego) {
    sasl_pair both{{.mechanism = sasl::mechanism::gss_spnego}, {.mechanism = sasl::mechanism::gss_spnego}};
    EXPECT_TRUE(sasl_step(both.client, sasl_step(both.server, sasl_step(both.client, {}).answer).answer).done);
    const auto client = std::move(both.client).finish();
    const auto server = std::move(both.server).finish();
    const auto overhead = client.context().sizes().security_trailer + client.context().sizes().block_size;
    EXPECT_EQ(client.max_buffer(), 65536U + overhead);
    EXPECT_EQ(server.max_buffer(), 65536U + overhead);
    EXPECT_EQ(client.max_payload(), 65536U - overhead) << "some peers count the whole buffer";
}

TEST_P(sasl_both_sides, do_not_mistake_one_message_for_the_other) {
    sasl_pair both;
    const auto first = sasl_step(both.client, {}).answer;
    const auto token = sasl_step(both.server, first).answer;
    EXPECT_TRUE(sasl_step(both.client, token).answers_nothing());
    const auto offer = sasl_step(both.server, {}).answer;
    const auto returned = sasl_step(both.server, offer, GetParam());
    EXPECT_TRUE(returned.code == errc::message_altered || returned.code == errc::invalid_token ||
                returned.code == errc::out_of_sequence)
        << returned.code.message();
    static_cast<void>(sasl_step(both.client, offer));
    EXPECT_EQ(sasl_step(both.client, offer).code, errc::illegal_message);
}

} // namespace
