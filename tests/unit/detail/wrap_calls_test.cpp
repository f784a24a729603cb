// SPDX-License-Identifier: MIT
//
// The end of a wrapped message's token, found by its header (RFC 4121). DCE style needs the token in its own buffer, so
// sspan must find its end.
#include <sspan/detail/wrap_calls.hpp>

#include "unit/conversation.hpp"
#include "unit/messages.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>
#include <system_error>
#include <vector>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;
using sspan::quality_of_protection;

constexpr sspan::protect_options merely_signed{quality_of_protection::integrity_only, 0};
constexpr sspan::accept_options any_quality{sspan::minimum_protection::integrity_only, 0};

std::size_t number_at(std::span<const std::byte> bytes, std::size_t index) {
    return std::to_integer<std::size_t>(bytes[index]) << 8 | std::to_integer<std::size_t>(bytes[index + 1]);
}

void put_number(std::span<std::byte> bytes, std::size_t index, std::size_t number) {
    bytes[index] = static_cast<std::byte>(number >> 8);
    bytes[index + 1] = static_cast<std::byte>(number & 0xFF);
}

class wrapped_in_dce_style : public loopback_test, public ::testing::WithParamInterface<surface> {
protected:
    static established dce_style() {
        sspan::client_options client;
        client.require |= sspan::context_flags::dce_style;
        sspan::server_options server;
        server.require |= sspan::context_flags::dce_style;
        return establish(sspan::package::kerberos, client, server);
    }
    static outcome unwrap(sspan::security_context& receiver, bytes& wire, sspan::decrypted_message& opened) {
        return outcome_of(GetParam(), [&](auto&... ec) { opened = receiver.unwrap(wire, any_quality, ec...); });
    }
};
INSTANTIATE_TEST_SUITE_P(each, wrapped_in_dce_style, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(wrapped_in_dce_style, sealed_message_has_the_header_of_rfc_4121_and_opens) {
    auto pair = dce_style();
    for (const std::size_t number : {std::size_t{0}, std::size_t{1}}) {
        auto wire = pair.client.wrap_copy(numbered(5));
        EXPECT_EQ(number_at(wire, 0), 0x0504U);
        EXPECT_EQ(number_at(wire, 2), 0x06FFU) << "sealed, with the acceptor's subkey";
        EXPECT_EQ(number_at(wire, 4), 16U) << "EC";
        EXPECT_EQ(number_at(wire, 6), 16U + 12U) << "RRC";
        EXPECT_EQ(bytes(wire.begin() + 8, wire.begin() + 15), bytes(7)) << "big-endian";
        EXPECT_EQ(std::to_integer<std::size_t>(wire[15]), number);
        EXPECT_EQ(wire.size(), 32U + 16U + 28U + 5U);
        sspan::decrypted_message opened;
        ASSERT_TRUE(succeeded(unwrap(pair.server, wire, opened)));
        EXPECT_EQ(copy_of(opened.data), numbered(5));
        EXPECT_EQ(opened.quality, quality_of_protection::encrypted);
        EXPECT_EQ(loopback::last_buffers(function::decrypt_message).at(0).size, 76U);
    }
}

TEST_P(wrapped_in_dce_style, message_that_is_only_signed_has_a_shorter_token_and_opens) {
    auto pair = dce_style();
    ASSERT_EQ(pair.client.sizes().security_trailer, 76U);
    for (const std::size_t size : message_sizes) {
        auto wire = pair.client.wrap_copy(numbered(size), merely_signed);
        EXPECT_EQ(number_at(wire, 2), 0x04FFU);
        EXPECT_EQ(number_at(wire, 4), 12U) << "EC is the checksum's size";
        EXPECT_EQ(wire.size(), 16U + 12U + size);
        sspan::decrypted_message opened;
        ASSERT_TRUE(succeeded(unwrap(pair.server, wire, opened)));
        EXPECT_EQ(copy_of(opened.data), numbered(size));
        EXPECT_EQ(opened.quality, quality_of_protection::integrity_only);
        EXPECT_EQ(loopback::last_buffers(function::decrypt_message).at(0).size, 28U);
    }
}

TEST_P(wrapped_in_dce_style, checksums_of_other_sizes_change_the_token) { // RFC 8009 has 16 and 24 bytes
    for (const ULONG checksum : {12U, 16U, 24U}) {
        loopback::configure().dce_security_trailer = 64 + checksum;
        auto pair = dce_style();
        for (const auto& options : {sspan::protect_options{}, merely_signed}) {
            auto wire = pair.client.wrap_copy(numbered(9), options);
            const bool sealed = options.quality == quality_of_protection::encrypted;
            EXPECT_EQ(wire.size(), (sealed ? 64U : 16U) + checksum + 9U);
            sspan::decrypted_message opened;
            ASSERT_TRUE(succeeded(unwrap(pair.server, wire, opened)));
            EXPECT_EQ(copy_of(opened.data), numbered(9));
        }
    }
}

TEST_P(wrapped_in_dce_style, hostile_ec_and_rrc_are_the_peers_fault) {
    constexpr std::array<std::size_t, 9> hostile{0, 1, 11, 13, 15, 17, 0x7FFF, 0xFFEF, 0xFFFF};
    for (const auto& options : {sspan::protect_options{}, merely_signed}) {
        for (const std::size_t field : {std::size_t{4}, std::size_t{6}}) {
            for (const auto value : hostile) {
                // 0: the other field does not change.
                for (const std::size_t other : {std::size_t{0}, std::size_t{0xFFFF}}) {
                    auto pair = dce_style();
                    auto wire = pair.client.wrap_copy(numbered(40), options);
                    put_number(wire, field, value);
                    if (other != 0) {
                        put_number(wire, 10 - field, other);
                    }
                    sspan::decrypted_message opened;
                    const auto before = calls(function::decrypt_message);
                    const auto result = unwrap(pair.server, wire, opened);
                    EXPECT_TRUE(result.code == errc::invalid_token || result.code == errc::message_altered)
                        << field << ": " << value << ": " << result.code.message();
                    EXPECT_EQ(opened.data.data(), nullptr);
                    EXPECT_TRUE(calls(function::decrypt_message) == before || all_zero(wire));
                }
            }
        }
    }
}

TEST_P(wrapped_in_dce_style, message_of_a_few_bytes_is_no_token) {
    auto pair = dce_style();
    for (const auto& options : {sspan::protect_options{}, merely_signed}) {
        const auto whole = pair.client.wrap_copy({}, options);
        for (std::size_t size = 0; size != whole.size(); ++size) {
            bytes wire(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            sspan::decrypted_message opened;
            EXPECT_TRUE(failed_with(unwrap(pair.server, wire, opened), errc::invalid_token, "DecryptMessage")) << size;
        }
    }
    EXPECT_EQ(calls(function::decrypt_message), 0U);
}

TEST_P(wrapped_in_dce_style, each_flipped_bit_is_refused) {
    for (const auto& options : {sspan::protect_options{}, merely_signed}) {
        auto pair = dce_style();
        const auto whole = pair.client.wrap_copy(numbered(5), options);
        for (std::size_t bit = 0; bit != whole.size() * 8; ++bit) {
            auto wire = whole;
            flip(wire, bit);
            sspan::decrypted_message opened;
            EXPECT_TRUE(tells_of_tampering(unwrap(pair.server, wire, opened).code)) << bit;
        }
        auto wire = whole;
        sspan::decrypted_message opened;
        EXPECT_TRUE(succeeded(unwrap(pair.server, wire, opened)));
    }
}

} // namespace
