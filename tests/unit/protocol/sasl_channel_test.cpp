// SPDX-License-Identifier: MIT
#include <sspan/protocol/sasl_channel.hpp>

#include "unit/allocation.hpp"
#include "unit/protocol/sasl_sides.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using namespace testing_support;
using sasl::layer;
using sspan::errc;

static_assert(!std::is_copy_constructible_v<sasl::client_channel>);
static_assert(std::is_nothrow_move_constructible_v<sasl::client_channel>);
static_assert(std::is_nothrow_move_assignable_v<sasl::server_channel>);
static_assert(std::is_nothrow_move_constructible_v<sasl::sender>);
static_assert(std::is_nothrow_move_constructible_v<sasl::receiver>);

class sasl_channel : public sasl_test {
protected:
    void connect(layer which = layer::confidentiality, sasl::client_options ours = {},
                 sasl::server_options theirs = {}) {
        ours.layers = which;
        theirs.layers = which;
        sasl_pair both{ours, theirs};
        ASSERT_TRUE(succeeded(both.run()));
        client = std::move(both.client).finish();
        server = std::move(both.server).finish();
    }
    template <class Channel>
    static outcome wrap(Channel& side, std::size_t size) {
        return outcome_of(
            GetParam(), [&](std::error_code& ec) { EXPECT_EQ(side.wrap(size, ec).empty(), static_cast<bool>(ec)); },
            [&] { EXPECT_FALSE(side.wrap(size).empty()); });
    }
    template <class Channel>
    static outcome unwrap(Channel& side, bytes& wire) {
        return outcome_of(GetParam(), [&](auto&... ec) { opened() = copy_of(side.unwrap(wire, ec...)); });
    }
    template <class Channel>
    static outcome length(const Channel& side, std::array<unsigned char, 4> prefix, std::size_t expected) {
        const auto bytes = std::as_bytes(std::span{prefix});
        return outcome_of(GetParam(), [&](auto&... ec) { EXPECT_EQ(side.length(bytes, ec...), expected); });
    }
    static bytes& opened() {
        static bytes last;
        return last;
    }
    void TearDown() override {
        client = {};
        server = {};
        sasl_test::TearDown();
    }

    sasl::client_channel client;
    sasl::server_channel server;
};
INSTANTIATE_TEST_SUITE_P(each, sasl_channel, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(sasl_channel, carries_bytes_both_ways) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        connect(which);
        EXPECT_EQ(client.protection(), which);
        EXPECT_EQ(server.protection(), which);
        for (const auto* text : {"", "a", "some text"}) {
            EXPECT_EQ(send_over(client, server, text), to_bytes(text));
            EXPECT_EQ(send_over(server, client, text), to_bytes(text));
        }
        const std::string most(client.max_payload(), 'x');
        EXPECT_EQ(send_over(client, server, most), to_bytes(most));
    }
}

TEST_P(sasl_channel, buffer_is_a_length_and_a_message) {
    connect();
    auto context_of_server = std::move(server);
    const auto wire = copy_of(client.wrap(client.assign("some text")));
    const auto size = wire.size() - 4;
    EXPECT_EQ(bytes(wire.begin(), wire.begin() + 4), of({0, 0, 0, static_cast<unsigned>(size)}));
    EXPECT_EQ(size, loopback::configure().kerberos.security_trailer + std::string_view{"some text"}.size() +
                        loopback::configure().kerberos.padding);
    EXPECT_EQ(loopback::last_flags(loopback::function::encrypt_message), 0U);
    connect(layer::integrity);
    static_cast<void>(client.wrap(client.assign("some text")));
    EXPECT_EQ(loopback::last_flags(loopback::function::encrypt_message), ULONG{SECQOP_WRAP_NO_ENCRYPT});
}

TEST_P(sasl_channel, payload_can_be_written_in_place) {
    connect();
    ASSERT_EQ(client.payload().size(), client.max_payload());
    std::ranges::copy(to_bytes("in place"), client.payload().begin());
    auto wire = copy_of(client.wrap(8));
    EXPECT_EQ(copy_of(server.unwrap(std::span{wire}.subspan(4))), to_bytes("in place"));
}

TEST_P(sasl_channel, largest_payload_fits_into_the_peers_maximum) {
    for (const std::uint32_t most : {100U, 2000U, 65535U, 65536U}) {
        connect(layer::confidentiality, {}, {.max_buffer = most});
        EXPECT_EQ(client.max_payload(), sspan::max_payload(client.context().sizes(), most));
        EXPECT_EQ(server.max_buffer(), most);
        EXPECT_EQ(send_over(client, server, std::string(client.max_payload(), 'x')).size(), client.max_payload());
        EXPECT_TRUE(failed_with(wrap(client, client.max_payload() + 1), errc::buffer_too_small, "EncryptMessage"));
        EXPECT_EQ(server.max_payload(), sspan::max_payload(server.context().sizes(), 65536))
            << "the other direction has its own limit";
    }
}

TEST_P(sasl_channel, peer_that_takes_much_does_not_take_our_memory) {
    connect(layer::confidentiality, {}, {.max_buffer = 0xFFFFFF});
    EXPECT_EQ(client.max_payload(), sspan::max_payload(client.context().sizes(), 65536));
    connect(layer::confidentiality, {.max_send = 0xFFFFFF}, {.max_buffer = 0xFFFFFF});
    EXPECT_EQ(client.max_payload(), sspan::max_payload(client.context().sizes(), 0xFFFFFF));
    connect(layer::confidentiality, {.max_send = 1000}, {});
    EXPECT_EQ(client.max_payload(), sspan::max_payload(client.context().sizes(), 1000));
}

TEST_P(sasl_channel, payload_that_is_too_long_is_refused) {
    connect();
    const bytes text(client.max_payload() + 1);
    EXPECT_TRUE(failed_with(outcome_of(GetParam(), [&](auto&... ec) { EXPECT_EQ(client.assign(text, ec...), 0U); }),
                            errc::buffer_too_small, "sspan::message_frame::assign"));
    EXPECT_EQ(send_over(client, server, "fits"), to_bytes("fits")) << "the refused message used no sequence number";
}

TEST_P(sasl_channel, length_is_checked) {
    connect(layer::confidentiality, {}, {.max_buffer = 2000});
    const auto name = "sspan::sasl::channel::length";
    EXPECT_TRUE(succeeded(length(server, {0, 0, 0, 1}, 1)));
    EXPECT_TRUE(succeeded(length(server, {0, 0, 0x07, 0xD0}, 2000)));
    EXPECT_TRUE(failed_with(length(server, {0, 0, 0x07, 0xD1}, 0), errc::illegal_message, name));
    EXPECT_TRUE(failed_with(length(server, {0, 0, 0, 0}, 0), errc::illegal_message, name));
    EXPECT_TRUE(failed_with(length(server, {0, 1, 0, 0}, 0), errc::illegal_message, name));
    EXPECT_TRUE(failed_with(length(server, {1, 0, 0, 1}, 0), errc::illegal_message, name));
    EXPECT_TRUE(failed_with(length(server, {0x80, 0, 0, 1}, 0), errc::illegal_message, name));
    EXPECT_TRUE(failed_with(length(server, {0xFF, 0xFF, 0xFF, 0xFF}, 0), errc::illegal_message, name));
}

TEST_P(sasl_channel, message_over_the_maximum_is_refused_as_it_is) {
    connect(layer::confidentiality, {}, {.max_buffer = 2000});
    bytes wire(2001, std::byte{5});
    const auto calls = loopback::calls(loopback::function::decrypt_message);
    EXPECT_TRUE(failed_with(unwrap(server, wire), errc::illegal_message, "DecryptMessage"));
    EXPECT_EQ(loopback::calls(loopback::function::decrypt_message), calls);
    EXPECT_EQ(wire, bytes(2001, std::byte{5}));
}

TEST_P(sasl_channel, message_that_was_changed_is_refused) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        connect(which);
        const auto size = client.wrap(client.assign("text")).size();
        for (std::size_t place = 4; place != size; ++place) {
            connect(which);
            auto wire = copy_of(client.wrap(client.assign("text")).subspan(4));
            wire[place - 4] ^= std::byte{1};
            const auto result = unwrap(server, wire);
            EXPECT_TRUE(result.code == errc::message_altered || result.code == errc::invalid_token ||
                        result.code == errc::out_of_sequence)
                << place << ' ' << result.code.message();
            EXPECT_EQ(wire, bytes(wire.size()));
        }
    }
}

TEST_P(sasl_channel, message_that_was_cut_is_refused) {
    connect();
    const auto size = client.wrap(client.assign("text")).size() - 4;
    for (std::size_t left = 0; left != size; ++left) {
        connect();
        auto wire = copy_of(client.wrap(client.assign("text")).subspan(4, left));
        const auto result = unwrap(server, wire);
        EXPECT_TRUE(result.code == errc::message_altered || result.code == errc::invalid_token)
            << left << ' ' << result.code.message();
    }
}

TEST_P(sasl_channel, messages_have_an_order) {
    connect();
    auto first = copy_of(client.wrap(client.assign("first")).subspan(4));
    auto again = first;
    static_cast<void>(client.wrap(client.assign("lost")));
    auto third = copy_of(client.wrap(client.assign("third")).subspan(4));
    EXPECT_TRUE(succeeded(unwrap(server, first)));
    EXPECT_TRUE(failed_with(unwrap(server, again), errc::out_of_sequence, "DecryptMessage"));
    EXPECT_TRUE(failed_with(unwrap(server, third), errc::out_of_sequence, "DecryptMessage"));
}

/// The peer only signs, although both sides agreed on confidentiality.
TEST_P(sasl_channel, message_that_is_only_signed_is_refused_where_confidentiality_was_agreed) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        const sasl::client_options options{.layers = which};
        sasl::client side{outbound, service(), options};
        sspan::server_handshake peer{inbound, takes_all()};
        const auto token = peer.step(sasl_step(side, {}).answer).token;
        static_cast<void>(side.step(copy_of(token)));
        auto context = std::move(peer).finish();
        const auto offer = context.wrap_copy(of({static_cast<unsigned>(which), 1, 0, 0}), signed_only);
        static_cast<void>(context.unwrap_copy(sasl_step(side, offer).answer, least));
        client = std::move(side).finish();
        auto wire = context.wrap_copy("text", signed_only);
        const auto result = unwrap(client, wire);
        if (which == layer::integrity) {
            EXPECT_TRUE(succeeded(result));
            EXPECT_EQ(opened(), to_bytes("text"));
        } else {
            EXPECT_TRUE(failed_with(result, errc::qop_not_supported, "DecryptMessage"));
            EXPECT_TRUE(opened().empty() || GetParam() == surface::exception);
        }
    }
}

TEST_P(sasl_channel, layer_none_protects_nothing_and_says_so) {
    connect(layer::none);
    EXPECT_TRUE(client);
    EXPECT_EQ(client.protection(), layer::none);
    EXPECT_EQ(client.max_payload(), 0U);
    EXPECT_TRUE(client.payload().empty());
    const auto calls = loopback::calls(loopback::function::encrypt_message);
    EXPECT_TRUE(failed_with(wrap(client, 0), errc::qop_not_supported, "EncryptMessage"));
    EXPECT_EQ(loopback::calls(loopback::function::encrypt_message), calls);
    std::error_code ec;
    EXPECT_EQ(client.assign("text", ec), 0U);
    EXPECT_EQ(ec, errc::qop_not_supported);
    EXPECT_TRUE(failed_with(length(client, {0, 0, 0, 1}, 0), errc::qop_not_supported, "sspan::sasl::channel::length"));
    bytes wire(100);
    EXPECT_TRUE(failed_with(unwrap(client, wire), errc::qop_not_supported, "DecryptMessage"));
    auto halves = std::move(client).split();
    EXPECT_TRUE(failed_with(wrap(halves.sender, 0), errc::qop_not_supported, "EncryptMessage"));
    EXPECT_TRUE(failed_with(unwrap(halves.receiver, wire), errc::qop_not_supported, "DecryptMessage"));
}

TEST_P(sasl_channel, halves_go_on_where_the_channel_was) {
    connect();
    EXPECT_EQ(send_over(client, server, "before"), to_bytes("before"));
    const auto most = client.max_payload();
    auto halves = std::move(client).split();
    EXPECT_FALSE(client); // NOLINT(bugprone-use-after-move): the moved-from state is under test
    EXPECT_EQ(halves.sender.max_payload(), most);
    EXPECT_EQ(halves.receiver.max_buffer(), 65536U);
    EXPECT_EQ(halves.sender.protection(), layer::confidentiality);
    EXPECT_EQ(halves.receiver.protection(), layer::confidentiality);
    EXPECT_EQ(send_over(halves.sender, server, "after"), to_bytes("after"));
    halves.sender = {};
    EXPECT_EQ(send_over(server, halves.receiver, "back"), to_bytes("back"));
}

TEST_P(sasl_channel, zero_state_does_nothing) {
    const auto expect_zero = [](auto& side) {
        EXPECT_FALSE(side);
        EXPECT_EQ(side.protection(), layer::none);
        bytes wire(10);
        EXPECT_TRUE(side.payload().empty());
        EXPECT_EQ(side.max_payload(), 0U);
        EXPECT_EQ(side.max_buffer(), 0U);
        EXPECT_TRUE(failed_with(wrap(side, 0), errc::invalid_handle, "EncryptMessage"));
        EXPECT_TRUE(failed_with(unwrap(side, wire), errc::invalid_handle, "DecryptMessage"));
        EXPECT_TRUE(failed_with(length(side, {0, 0, 0, 1}, 0), errc::invalid_handle, "sspan::sasl::channel::length"));
        EXPECT_TRUE(
            failed_with(outcome_of(GetParam(), [&](auto&... ec) { EXPECT_FALSE(std::move(side).split(ec...).sender); }),
                        errc::invalid_handle, "sspan::sasl::channel::split"));
    };
    sasl::client_channel none;
    expect_zero(none);
    connect();
    auto moved = std::move(client);
    expect_zero(client);
    EXPECT_EQ(send_over(moved, server, "moved"), to_bytes("moved"));
    moved = {};
    expect_zero(moved);
}

TEST_P(sasl_channel, failure_of_the_package_is_passed_on) {
    connect();
    std::ranges::copy(to_bytes("secret"), client.payload().begin());
    loopback::fail_at(loopback::function::encrypt_message, 1, SEC_E_CONTEXT_EXPIRED);
    EXPECT_TRUE(failed_with(wrap(client, 6), errc::context_expired, "EncryptMessage"));
    EXPECT_EQ(copy_of(client.payload().first(6)), bytes(6));
}

TEST_P(sasl_channel, messages_allocate_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    connect();
    auto wire = copy_of(client.wrap(client.assign("warm")));
    static_cast<void>(server.unwrap(std::span{wire}.subspan(4)));
    bytes room(wire.size());
    const auto before = allocation::count();
    const auto sent = client.wrap(client.assign("text"));
    std::ranges::copy(sent, room.begin());
    EXPECT_EQ(server.length(std::span{room}.first<4>()), room.size() - 4);
    EXPECT_EQ(server.unwrap(std::span{room}.subspan(4)).size(), 4U);
    EXPECT_EQ(allocation::count(), before);
}

} // namespace
