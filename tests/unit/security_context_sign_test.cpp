// SPDX-License-Identifier: MIT
//
// sign and verify.
#include <sspan/security_context.hpp>

#include "fixture.hpp"
#include "messages.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::context_flags;
using sspan::errc;
using sspan::message_part;

class security_context_sign : public profile_test {};
INSTANTIATE_TEST_SUITE_P(each, security_context_sign, each_profile(), name_of{});

TEST_P(security_context_sign, round_trip_of_every_size_both_ways) {
    auto pair = establish(GetParam());
    for (const auto size : message_sizes) {
        const auto data = numbered(size);
        const auto message = sign(pair.client, data);
        EXPECT_EQ(message.data, data) << "sign only reads its message";
        EXPECT_NO_THROW(verify(pair.server, message)) << size;
        EXPECT_NO_THROW(verify(pair.client, sign(pair.server, data))) << size;
    }
}

TEST_P(security_context_sign, verify_only_reads) {
    auto pair = establish(GetParam());
    const auto message = sign(pair.client, numbered(100));
    auto data = message.data;
    auto signature = message.signature;
    pair.server.verify(data, signature);
    EXPECT_EQ(data, message.data);
    EXPECT_EQ(signature, message.signature);
    const auto altered = sign(pair.client, numbered(100));
    data = altered.data;
    signature = altered.signature;
    signature.front() ^= std::byte{1};
    const auto sent = signature;
    std::error_code ec;
    EXPECT_FALSE(pair.server.verify(data, signature, {}, ec));
    EXPECT_EQ(data, altered.data);
    EXPECT_EQ(signature, sent);
}

TEST_P(security_context_sign, each_flipped_bit_of_message_and_signature_is_refused) {
    const auto size = numbered(9).size() + GetParam().settings().max_signature;
    for (std::size_t bit = 0; bit != 8 * size; ++bit) {
        auto pair = establish(GetParam());
        auto message = sign(pair.client, numbered(9));
        const bool in_data = bit < 72;
        flip(in_data ? message.data : message.signature, in_data ? bit : bit - 72);
        std::error_code ec;
        EXPECT_TRUE(refuses(pair.server, message, ec)) << "bit " << bit;
        EXPECT_TRUE(in_data ? ec == errc::message_altered : tells_of_tampering(ec)) << "bit " << bit << ec.message();
    }
}

TEST_P(security_context_sign, other_lengths_of_message_and_signature_are_refused) {
    const auto refused_after = [](auto change) {
        auto pair = establish(GetParam());
        auto message = sign(pair.client, numbered(20));
        change(message);
        std::error_code ec;
        return refuses(pair.server, message, ec) && tells_of_tampering(ec);
    };
    EXPECT_TRUE(refused_after([](auto& message) { message.data.pop_back(); }));
    EXPECT_TRUE(refused_after([](auto& message) { message.data.push_back(std::byte{0}); }));
    EXPECT_TRUE(refused_after([](auto& message) { message.data.clear(); }));
    for (std::size_t size = 1; size != GetParam().settings().max_signature; ++size) {
        EXPECT_TRUE(refused_after([size](auto& message) { message.signature.resize(size); })) << size;
    }
    EXPECT_TRUE(refused_after([](auto& message) { message.signature.resize(message.signature.size() + 8); }));
    EXPECT_TRUE(refused_after(
        [](auto& message) { std::fill(message.signature.begin(), message.signature.end(), std::byte{0}); }));
}

TEST_P(security_context_sign, empty_signature_is_invalid_without_a_call) {
    auto pair = establish(GetParam());
    std::error_code ec;
    EXPECT_FALSE(pair.server.verify(numbered(5), {}, {}, ec));
    EXPECT_EQ(ec, errc::invalid_token);
    EXPECT_EQ(calls(function::verify_signature), 0U);
}

TEST_P(security_context_sign, replayed_message_is_refused) {
    auto pair = establish(GetParam());
    const auto message = sign(pair.client, numbered(20));
    verify(pair.server, message);
    std::error_code ec;
    EXPECT_TRUE(refuses(pair.server, message, ec));
    EXPECT_TRUE(tells_of_tampering(ec)) << ec.message();
}

TEST_P(security_context_sign, reordered_message_is_refused) {
    auto pair = establish(GetParam());
    const auto first = sign(pair.client, numbered(20));
    const auto second = sign(pair.client, numbered(20));
    std::error_code ec;
    EXPECT_TRUE(refuses(pair.server, second, ec));
    EXPECT_TRUE(tells_of_tampering(ec)) << ec.message();
}

TEST_P(security_context_sign, message_after_a_dropped_one_is_refused) {
    auto pair = establish(GetParam());
    verify(pair.server, sign(pair.client, numbered(20)));
    static_cast<void>(sign(pair.client, numbered(20)));
    std::error_code ec;
    EXPECT_TRUE(refuses(pair.server, sign(pair.client, numbered(20)), ec));
    EXPECT_TRUE(tells_of_tampering(ec)) << ec.message();
}

TEST_P(security_context_sign, repetition_and_gap_are_out_of_sequence) {
    auto pair = establish(sspan::package::kerberos);
    const auto message = sign(pair.client, numbered(20));
    verify(pair.server, message);
    std::error_code ec;
    EXPECT_TRUE(refuses(pair.server, message, ec));
    EXPECT_EQ(ec, errc::out_of_sequence);
}

TEST_P(security_context_sign, message_of_another_context_is_refused) {
    auto pair = establish(GetParam());
    auto other = establish(GetParam());
    std::error_code ec;
    EXPECT_TRUE(refuses(other.server, sign(pair.client, numbered(20)), ec));
    EXPECT_EQ(ec, errc::message_altered);
}

TEST_P(security_context_sign, own_message_sent_back_is_refused) {
    auto pair = establish(GetParam());
    std::error_code ec;
    EXPECT_TRUE(refuses(pair.client, sign(pair.client, numbered(20)), ec));
    EXPECT_TRUE(tells_of_tampering(ec));
}

TEST_P(security_context_sign, both_directions_and_kinds_mix) {
    auto pair = establish(GetParam());
    for (std::size_t i = 0; i != 20; ++i) {
        verify(pair.server, sign(pair.client, numbered(i)));
        EXPECT_EQ(decrypt(pair.server, encrypt(pair.client, numbered(i))), numbered(i));
        EXPECT_EQ(decrypt(pair.client, encrypt(pair.server, numbered(i))), numbered(i));
        if (i % 3 == 0) {
            verify(pair.client, sign(pair.server, numbered(i)));
        }
    }
}

TEST_P(security_context_sign, after_a_failed_check_ntlm_is_out_of_step_and_the_others_are_not) {
    auto pair = establish(GetParam());
    auto altered = sign(pair.client, numbered(20));
    const auto genuine = altered;
    flip(altered.data, 0);
    std::error_code ec;
    EXPECT_TRUE(refuses(pair.server, altered, ec));
    const bool refused = refuses(pair.server, genuine, ec);
    EXPECT_EQ(refused, !GetParam().mutual_auth);
}

TEST_P(security_context_sign, misuse_04_signature_shorter_than_the_maximum_is_returned_at_its_size) {
    GetParam().settings().max_signature = 40;
    GetParam().settings().signature_shortfall = 11;
    const std::size_t actual = GetParam().package == sspan::package::ntlm ? 16 : 29;
    auto pair = establish(GetParam());
    bytes room(40, std::byte{0xEE});
    const auto data = numbered(33);
    const auto signature = pair.client.sign(data, room);
    EXPECT_EQ(signature.size(), actual);
    EXPECT_EQ(signature.data(), room.data());
    EXPECT_EQ(copy_of(std::span{room}.subspan(actual)), bytes(40 - actual, std::byte{0xEE}));
    pair.server.verify(data, signature);
    // If the whole buffer is sent, the signature is invalid.
    static_cast<void>(pair.client.sign(data, room));
    std::error_code ec;
    EXPECT_FALSE(pair.server.verify(data, room, {}, ec));
    EXPECT_TRUE(tells_of_tampering(ec));
}

TEST_P(security_context_sign, short_signature_buffer_is_refused_untouched) {
    auto pair = establish(GetParam());
    const auto data = numbered(10);
    const auto maximum = pair.client.sizes().max_signature;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{maximum - 1}}) {
        bytes room(size, std::byte{0xEE});
        for (const auto form : surfaces) {
            const auto result =
                outcome_of(form, [&](auto&... ec) { EXPECT_TRUE(pair.client.sign(data, room, {}, ec...).empty()); });
            EXPECT_TRUE(failed_with(result, errc::buffer_too_small, "MakeSignature"));
        }
        EXPECT_EQ(room, bytes(size, std::byte{0xEE}));
    }
    EXPECT_EQ(calls(function::make_signature), 0U);
    verify(pair.server, sign(pair.client, data)); // the refused calls used no sequence numbers
}

TEST_P(security_context_sign, larger_signature_buffer_is_passed_at_its_full_size) {
    auto pair = establish(GetParam());
    const auto data = numbered(10);
    bytes room(pair.client.sizes().max_signature + 500U, std::byte{0xEE});
    const auto signature = pair.client.sign(data, room);
    const auto seen = loopback::last_buffers(function::make_signature);
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0].type, static_cast<ULONG>(SECBUFFER_DATA));
    EXPECT_EQ(seen[0].size, data.size());
    EXPECT_EQ(seen[0].memory, data.data());
    EXPECT_EQ(seen[1].type, static_cast<ULONG>(SECBUFFER_TOKEN));
    EXPECT_EQ(seen[1].size, room.size());
    EXPECT_EQ(seen[1].memory, room.data());
    EXPECT_EQ(signature.data(), room.data());
    EXPECT_LE(signature.size(), pair.client.sizes().max_signature);
    pair.server.verify(data, signature);
}

TEST_P(security_context_sign, verify_passes_exactly_what_was_received) {
    auto pair = establish(GetParam());
    const auto message = sign(pair.client, numbered(10));
    verify(pair.server, message);
    const auto seen = loopback::last_buffers(function::verify_signature);
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0].type, static_cast<ULONG>(SECBUFFER_DATA));
    EXPECT_EQ(seen[0].memory, message.data.data());
    EXPECT_EQ(seen[0].size, message.data.size());
    EXPECT_EQ(seen[1].type, static_cast<ULONG>(SECBUFFER_TOKEN));
    EXPECT_EQ(seen[1].memory, message.signature.data());
    EXPECT_EQ(seen[1].size, message.signature.size());
}

TEST_P(security_context_sign, overlapping_buffers_are_refused_untouched) {
    auto pair = establish(GetParam());
    const std::size_t maximum = pair.client.sizes().max_signature;
    auto memory = numbered(4 * maximum);
    const std::span all{memory};
    const auto before = memory;
    const struct {
        std::span<std::byte> message;
        std::span<std::byte> signature;
    } overlapping[]{
        {all.first(maximum), all.first(maximum)},                // equal
        {all.first(maximum), all.subspan(maximum - 1, maximum)}, // by the last byte
        {all.subspan(maximum - 1, maximum), all.first(maximum)}, // by the first
        {all, all.subspan(maximum, maximum)},                    // inside
        {all.subspan(maximum, 1), all},                          // around
    };
    for (const auto& [message, signature] : overlapping) {
        for (const auto form : surfaces) {
            const auto signing = outcome_of(
                form, [&](auto&... ec) { EXPECT_TRUE(pair.client.sign(message, signature, {}, ec...).empty()); });
            EXPECT_TRUE(failed_with(signing, errc::invalid_parameter, "MakeSignature"));
            const auto verifying = outcome_of(
                form, [&](std::error_code& ec) { EXPECT_FALSE(pair.client.verify(message, signature, {}, ec)); },
                [&] { pair.client.verify(message, signature); });
            EXPECT_TRUE(failed_with(verifying, errc::invalid_parameter, "VerifySignature"));
        }
    }
    EXPECT_EQ(memory, before);
    EXPECT_EQ(calls(function::make_signature) + calls(function::verify_signature), 0U);
}

TEST_P(security_context_sign, adjacent_buffers_do_not_overlap) {
    auto pair = establish(GetParam());
    bytes memory = numbered(10 + pair.client.sizes().max_signature);
    const std::span all{memory};
    auto signature = pair.client.sign(all.first(10), all.subspan(10));
    pair.server.verify(all.first(10), signature);
    signature = pair.client.sign(all.last(10), all.first(memory.size() - 10));
    pair.server.verify(all.last(10), signature);
    // An empty message overlaps nothing, at any address.
    signature = pair.client.sign(all.subspan(5, 0), all);
    pair.server.verify(all.subspan(5, 0), signature);
    signature = pair.client.sign(bytes{}, all);
    pair.server.verify(bytes{}, signature);
}

#if SIZE_MAX > 0xFFFFFFFF
TEST_P(security_context_sign, more_than_4_GiB_is_refused_before_the_call) {
    auto pair = establish(GetParam());
    bytes room(pair.client.sizes().max_signature, std::byte{0xEE});
    const auto huge = more_than_4_gib();
    for (const auto form : surfaces) {
        EXPECT_TRUE(failed_with(
            outcome_of(form, [&](auto&... ec) { EXPECT_TRUE(pair.client.sign(huge, room, {}, ec...).empty()); }),
            errc::invalid_parameter, "MakeSignature"));
        EXPECT_TRUE(failed_with(
            outcome_of(form, [&](auto&... ec) { EXPECT_TRUE(pair.client.sign(room, huge, {}, ec...).empty()); }),
            errc::invalid_parameter, "MakeSignature"));
        EXPECT_TRUE(
            failed_with(outcome_of(
                            form, [&](std::error_code& ec) { EXPECT_FALSE(pair.client.verify(huge, room, {}, ec)); },
                            [&] { pair.client.verify(huge, room); }),
                        errc::invalid_parameter, "VerifySignature"));
        EXPECT_TRUE(
            failed_with(outcome_of(
                            form, [&](std::error_code& ec) { EXPECT_FALSE(pair.client.verify(room, huge, {}, ec)); },
                            [&] { pair.client.verify(room, huge); }),
                        errc::invalid_parameter, "VerifySignature"));
    }
    EXPECT_EQ(calls(function::make_signature) + calls(function::verify_signature), 0U);
    EXPECT_EQ(room, bytes(room.size(), std::byte{0xEE}));
}
#endif

// Without integrity there is no signature, whatever the package says.

established without_integrity(const profile& which) {
    loopback::deny_flags(0x1001C); // integrity, and the flags that imply it
    sspan::client_options client;
    client.require = context_flags::none;
    client.request = sspan::message_protection;
    sspan::server_options server;
    server.require = context_flags::none;
    server.request = sspan::message_protection;
    return establish(which.package, client, server);
}

void expect_unsigned(established& pair) {
    const auto data = numbered(10);
    bytes room(64, std::byte{0xEE});
    const auto made = calls(function::make_signature);
    const auto checked = calls(function::verify_signature);
    for (const auto form : surfaces) {
        EXPECT_TRUE(failed_with(
            outcome_of(form, [&](auto&... ec) { EXPECT_TRUE(pair.client.sign(data, room, {}, ec...).empty()); }),
            errc::qop_not_supported, "MakeSignature"));
        EXPECT_TRUE(
            failed_with(outcome_of(
                            form, [&](std::error_code& ec) { EXPECT_FALSE(pair.server.verify(data, room, {}, ec)); },
                            [&] { pair.server.verify(data, room); }),
                        errc::qop_not_supported, "VerifySignature"));
    }
    EXPECT_EQ(calls(function::make_signature), made);
    EXPECT_EQ(calls(function::verify_signature), checked);
    EXPECT_EQ(room, bytes(64, std::byte{0xEE}));
}

TEST_P(security_context_sign, without_integrity_nothing_is_signed_or_verified) {
    auto pair = without_integrity(GetParam());
    ASSERT_FALSE(contains(pair.client.granted(), context_flags::integrity));
    expect_unsigned(pair);
}

TEST_P(security_context_sign, with_a_maximum_of_zero_nothing_is_signed_or_verified) {
    GetParam().settings().max_signature = 0;
    auto pair = establish(GetParam());
    ASSERT_TRUE(contains(pair.client.granted(), context_flags::integrity));
    expect_unsigned(pair);
}

using ntlm_signature = loopback_test;

TEST_F(ntlm_signature, trap_dummy_signature_is_neither_made_nor_believed) {
    auto pair = without_integrity(ntlm);
    // The package signs with 01 00 00 ..., and accepts this signature for any message.
    const auto data = numbered(10);
    bytes dummy(16, std::byte{0xEE});
    sspan::detail::buffer_list<2> out;
    out.add(SECBUFFER_DATA, data);
    out.add(SECBUFFER_TOKEN, dummy);
    auto handle = pair.client.native_handle();
    ASSERT_EQ(sspan::detail::api::make_signature(&handle, 0, out.native(), 0), SEC_E_OK);
    bytes expected(16);
    expected[0] = std::byte{1};
    ASSERT_EQ(dummy, expected);
    const auto other = numbered(11);
    sspan::detail::buffer_list<2> in;
    in.add(SECBUFFER_DATA, other);
    in.add(SECBUFFER_TOKEN, dummy);
    handle = pair.server.native_handle();
    ULONG quality = 0;
    ASSERT_EQ(sspan::detail::api::verify_signature(&handle, in.native(), 0, &quality), SEC_E_OK);
    // sspan refuses both.
    expect_unsigned(pair);
    std::error_code ec;
    EXPECT_FALSE(pair.server.verify(other, dummy, {}, ec));
    EXPECT_EQ(ec, errc::qop_not_supported);
}

TEST_P(security_context_sign, takes_bytes_of_any_kind) {
    auto pair = establish(GetParam());
    std::vector<unsigned char> signature(pair.client.sizes().max_signature);
    const std::string text = "text";
    const auto signed_as = [&](const sspan::const_message_data& message) {
        return pair.client.sign(message, signature);
    };
    pair.server.verify(text, signed_as("text"));
    pair.server.verify("text", signed_as(std::string_view{text}));
    pair.server.verify(to_bytes(text), signed_as(text));
    pair.server.verify(std::array{message_part::data("te"), message_part::data("xt")},
                       signed_as(std::array{message_part::data("te"), message_part::data("xt")}));
    pair.server.verify({}, pair.client.sign({}, signature));
}

} // namespace
