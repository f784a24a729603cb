// SPDX-License-Identifier: MIT
//
// encrypt and decrypt.
#include <sspan/security_context.hpp>

#include "fixture.hpp"
#include "messages.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;
using sspan::quality_of_protection;

/// Expects that `message` is refused, and that nothing of it is left in memory.
void expect_refused(sspan::security_context& receiver, sealed_message& message, const std::string& what) {
    std::error_code ec;
    EXPECT_TRUE(refuses(receiver, message, ec)) << what;
    EXPECT_TRUE(tells_of_tampering(ec)) << what << ": " << ec.message();
    EXPECT_TRUE(all_zero(message.data)) << what;
    EXPECT_TRUE(all_zero(message.token)) << what;
}

class security_context_encrypt : public profile_test {};
INSTANTIATE_TEST_SUITE_P(each, security_context_encrypt, each_profile(), name_of{});

TEST_P(security_context_encrypt, round_trip_of_every_size_both_ways) {
    auto pair = establish(GetParam());
    for (const auto size : message_sizes) {
        const auto data = numbered(size);
        auto message = encrypt(pair.client, data);
        EXPECT_TRUE(size < 8 || copy_of(std::span{message.data}.first(size)) != data) << "encrypted in place";
        const auto* const memory = message.data.data();
        const auto opened = pair.server.decrypt({.token = message.token, .data = message.data});
        EXPECT_EQ(copy_of(opened.data), data) << size;
        EXPECT_EQ(opened.quality, quality_of_protection::encrypted);
        EXPECT_TRUE(size == 0 || opened.data.data() == memory) << "in place";
        EXPECT_EQ(decrypt(pair.client, encrypt(pair.server, data)), data) << size;
    }
}

TEST_P(security_context_encrypt, each_flipped_bit_of_data_padding_and_token_is_refused_and_leaves_zeros) {
    GetParam().settings().pad_to_block = GetParam().settings().block_size != 0;
    std::size_t data_size = 0;
    std::size_t size = 0;
    {
        auto pair = establish(GetParam());
        const auto message = encrypt(pair.client, numbered(9));
        data_size = message.data.size();
        size = data_size + message.token.size();
    }
    for (std::size_t bit = 0; bit != 8 * size; ++bit) {
        auto pair = establish(GetParam());
        auto message = encrypt(pair.client, numbered(9));
        const bool in_data = bit < 8 * data_size;
        flip(in_data ? message.data : message.token, in_data ? bit : bit - 8 * data_size);
        expect_refused(pair.server, message, "bit " + std::to_string(bit));
    }
}

TEST_P(security_context_encrypt, other_lengths_of_data_and_token_are_refused) {
    const auto expect_refused_after = [](auto change) {
        auto pair = establish(GetParam());
        auto message = encrypt(pair.client, numbered(20));
        change(message);
        expect_refused(pair.server, message, "");
    };
    expect_refused_after([](auto& message) { message.data.pop_back(); });
    expect_refused_after([](auto& message) { message.data.push_back(std::byte{0}); });
    expect_refused_after([](auto& message) { message.data.clear(); });
    expect_refused_after([](auto& message) { message.token.pop_back(); });
    expect_refused_after([](auto& message) { message.token.push_back(std::byte{0}); });
    expect_refused_after([](auto& message) { message.token.resize(1); });
    expect_refused_after([](auto& message) { std::fill(message.token.begin(), message.token.end(), std::byte{0}); });
}

TEST_P(security_context_encrypt, empty_token_is_invalid_without_a_call) {
    auto pair = establish(GetParam());
    auto data = numbered(5);
    std::error_code ec;
    EXPECT_TRUE(pair.server.decrypt({.data = data}, {}, ec).data.empty());
    EXPECT_EQ(ec, errc::invalid_token);
    EXPECT_EQ(data, numbered(5));
    EXPECT_EQ(calls(function::decrypt_message), 0U);
}

TEST_P(security_context_encrypt, replayed_reordered_and_dropped_messages_are_refused) {
    {
        auto pair = establish(GetParam());
        auto message = encrypt(pair.client, numbered(20));
        auto again = message;
        static_cast<void>(decrypt(pair.server, message));
        expect_refused(pair.server, again, "replayed");
    }
    {
        auto pair = establish(GetParam());
        static_cast<void>(encrypt(pair.client, numbered(20)));
        auto second = encrypt(pair.client, numbered(20));
        expect_refused(pair.server, second, "reordered");
    }
    {
        auto pair = establish(GetParam());
        static_cast<void>(decrypt(pair.server, encrypt(pair.client, numbered(20))));
        static_cast<void>(encrypt(pair.client, numbered(20)));
        auto third = encrypt(pair.client, numbered(20));
        expect_refused(pair.server, third, "after a dropped one");
    }
}

TEST_P(security_context_encrypt, message_of_another_context_is_refused) {
    auto pair = establish(GetParam());
    auto other = establish(GetParam());
    auto message = encrypt(pair.client, numbered(20));
    expect_refused(other.server, message, "of another context");
}

TEST_P(security_context_encrypt, own_message_sent_back_is_refused) {
    auto pair = establish(GetParam());
    auto message = encrypt(pair.client, numbered(20));
    expect_refused(pair.client, message, "sent back");
}

TEST_P(security_context_encrypt, signature_is_not_a_seal_token_and_the_reverse) {
    {
        auto pair = establish(GetParam());
        auto message = sign(pair.client, numbered(20));
        sealed_message passed_off{message.data, message.signature};
        expect_refused(pair.server, passed_off, "signature as token");
    }
    {
        auto pair = establish(GetParam());
        const auto message = encrypt(pair.client, numbered(20));
        std::error_code ec;
        EXPECT_TRUE(refuses(pair.server, signed_message{message.data, message.token}, ec));
        EXPECT_TRUE(tells_of_tampering(ec));
    }
}

TEST_P(security_context_encrypt, plaintext_of_a_message_that_fails_its_check_is_not_handed_out) {
    const auto secret = to_bytes("nobody shall see this unless it is authentic");
    if (GetParam().package == sspan::package::ntlm) { // NTLM decrypts the message before it checks it
        auto pair = establish(GetParam());
        auto message = encrypt(pair.client, secret);
        message.token.back() ^= std::byte{0x80};
        sspan::detail::buffer_list<2> buffers;
        buffers.add(SECBUFFER_TOKEN, message.token);
        buffers.add(SECBUFFER_DATA, message.data);
        SecBuffer raw[]{buffers[0], buffers[1]};
        SecBufferDesc descriptor{SECBUFFER_VERSION, 2, raw};
        ULONG quality = 0;
        auto handle = pair.server.native_handle();
        ASSERT_LT(sspan::detail::api::decrypt_message(&handle, &descriptor, 0, &quality), 0);
        ASSERT_EQ(message.data, secret);
    }
    auto pair = establish(GetParam());
    auto message = encrypt(pair.client, secret);
    message.token.back() ^= std::byte{0x80};
    expect_refused(pair.server, message, "altered token");
}

TEST_P(security_context_encrypt, misuse_04_token_shorter_than_the_trailer_is_returned_at_its_size) {
    GetParam().settings().security_trailer = 60;
    GetParam().settings().token_shortfall = 16;
    auto pair = establish(GetParam());
    ASSERT_EQ(pair.client.sizes().security_trailer, 60U);
    auto data = numbered(33);
    bytes token(60, std::byte{0xEE});
    bytes padding(pair.client.sizes().block_size);
    auto parts = pair.client.encrypt({.token = token, .data = data, .padding = padding});
    EXPECT_EQ(parts.token.size(), GetParam().package == sspan::package::ntlm ? 16U : 44U);
    EXPECT_EQ(parts.token.data(), token.data());
    EXPECT_EQ(parts.data.data(), data.data());
    EXPECT_EQ(parts.data.size(), data.size());
    EXPECT_EQ(copy_of(pair.server.decrypt({.token = parts.token, .data = parts.data}).data), numbered(33));
    // If the whole token buffer is sent, the message is invalid.
    data = numbered(33);
    parts = pair.client.encrypt({.token = token, .data = data, .padding = padding});
    std::error_code ec;
    EXPECT_TRUE(pair.server.decrypt({.token = token, .data = data}, {}, ec).data.empty());
    EXPECT_TRUE(tells_of_tampering(ec));
}

TEST_P(security_context_encrypt, padding_is_passed_on_only_to_a_package_that_pads) {
    auto pair = establish(GetParam());
    const bool pads = pair.client.sizes().block_size != 0;
    EXPECT_EQ(pads, GetParam().package != sspan::package::ntlm);
    auto data = numbered(33);
    bytes token(pair.client.sizes().security_trailer);
    bytes padding(16, std::byte{0xEE});
    const auto parts =
        pair.client.encrypt({.token = token, .data = data, .padding = padding}); // the loopback package reports padding
    EXPECT_TRUE(parts.padding.empty());
    EXPECT_EQ(padding, bytes(16, std::byte{0xEE}));
    EXPECT_EQ(copy_of(pair.server.decrypt({.token = parts.token, .data = parts.data}).data), numbered(33));
}

class security_context_padding : public loopback_test,
                                 public ::testing::WithParamInterface<std::tuple<profile, ULONG>> {};
INSTANTIATE_TEST_SUITE_P(each, security_context_padding,
                         ::testing::Combine(::testing::Values(kerberos, negotiate),
                                            ::testing::Range(ULONG{0}, ULONG{9})),
                         [](const auto& test) {
                             return std::get<0>(test.param).name + std::string{"_"} +
                                    std::to_string(std::get<1>(test.param));
                         });

TEST_P(security_context_padding, misuse_09_padding_is_part_of_the_message) {
    const auto& [which, count] = GetParam();
    which.settings().padding = count;
    auto pair = establish(which);
    bytes memory(60 + 100 + 8 + 1, std::byte{0xEE}); // one behind the other, as on the wire
    const std::span all{memory};
    const auto token = all.first(60);
    const auto data = all.subspan(60, 100);
    const auto padding = all.subspan(160, 8);
    std::copy_n(numbered(100).begin(), 100, data.begin());
    const auto parts = pair.client.encrypt({.token = token, .data = data, .padding = padding});
    EXPECT_EQ(parts.padding.size(), count);
    EXPECT_TRUE(count == 0 || parts.padding.data() == padding.data());
    EXPECT_EQ(memory.back(), std::byte{0xEE});

    const auto seen = loopback::last_buffers(function::encrypt_message);
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen[0].type, static_cast<ULONG>(SECBUFFER_TOKEN));
    EXPECT_EQ(seen[0].size, 60U);
    EXPECT_EQ(seen[0].memory, token.data());
    EXPECT_EQ(seen[1].type, static_cast<ULONG>(SECBUFFER_DATA));
    EXPECT_EQ(seen[1].size, 100U);
    EXPECT_EQ(seen[1].memory, data.data());
    EXPECT_EQ(seen[2].type, static_cast<ULONG>(SECBUFFER_PADDING));
    EXPECT_EQ(seen[2].size, 8U);
    EXPECT_EQ(seen[2].memory, padding.data());

    const auto received = all.subspan(60, 100U + count);
    const auto opened = pair.server.decrypt({.token = parts.token, .data = received});
    EXPECT_EQ(copy_of(opened.data), numbered(100));
    const auto taken = loopback::last_buffers(function::decrypt_message);
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].type, static_cast<ULONG>(SECBUFFER_TOKEN));
    EXPECT_EQ(taken[0].size, parts.token.size());
    EXPECT_EQ(taken[0].memory, parts.token.data());
    EXPECT_EQ(taken[1].type, static_cast<ULONG>(SECBUFFER_DATA));
    EXPECT_EQ(taken[1].size, received.size());
    EXPECT_EQ(taken[1].memory, received.data());
}

TEST_P(security_context_padding, misuse_09_message_without_its_padding_is_refused) {
    const auto& [which, count] = GetParam();
    which.settings().padding = count;
    auto pair = establish(which);
    auto message = encrypt(pair.client, numbered(100));
    if (count != 0) {
        message.data.resize(100);
        expect_refused(pair.server, message, "without padding");
    } else {
        EXPECT_EQ(decrypt(pair.server, message), numbered(100));
    }
}

TEST_P(security_context_encrypt, data_filled_up_to_the_block_round_trips) {
    GetParam().settings().pad_to_block = GetParam().settings().block_size != 0;
    auto pair = establish(GetParam());
    for (std::size_t size = 0; size != 20; ++size) {
        auto message = encrypt(pair.client, numbered(size));
        if (GetParam().settings().block_size != 0) {
            EXPECT_GT(message.data.size(), size);
            EXPECT_EQ(message.data.size() % GetParam().settings().block_size, 0U);
        }
        EXPECT_EQ(decrypt(pair.server, message), numbered(size));
    }
}

TEST_P(security_context_encrypt, no_padding_buffer_where_there_is_never_any) {
    GetParam().settings().block_size = 0;
    auto pair = establish(GetParam());
    auto data = numbered(10);
    bytes token(pair.client.sizes().security_trailer);
    const auto parts = pair.client.encrypt({.token = token, .data = data});
    EXPECT_TRUE(parts.padding.empty());
    EXPECT_EQ(loopback::last_buffers(function::encrypt_message).size(), 2U);
    EXPECT_EQ(copy_of(pair.server.decrypt({.token = parts.token, .data = data}).data), numbered(10));
}

TEST_P(security_context_encrypt, without_room_for_padding_the_package_gets_no_buffer_for_it) {
    auto pair = establish(GetParam());
    auto data = numbered(10);
    bytes token(pair.client.sizes().security_trailer);
    const auto parts = pair.client.encrypt({.token = token, .data = data});
    EXPECT_TRUE(parts.padding.empty());
    EXPECT_EQ(loopback::last_buffers(function::encrypt_message).size(), 2U);
    EXPECT_EQ(copy_of(pair.server.decrypt({.token = parts.token, .data = parts.data}).data), numbered(10));
}

TEST_P(security_context_encrypt, padding_is_the_end_of_the_data_or_follows_it) {
    GetParam().settings().padding = GetParam().settings().block_size;
    for (const bool apart : {false, true}) {
        auto pair = establish(GetParam());
        auto message = encrypt(pair.client, numbered(10));
        const auto size = message.data.size() - (apart ? GetParam().settings().block_size : 0U);
        const auto opened = pair.server.decrypt({.token = message.token,
                                                 .data = std::span{message.data}.first(size),
                                                 .padding = std::span{message.data}.subspan(size)});
        EXPECT_EQ(copy_of(opened.data), numbered(10));
        EXPECT_EQ(opened.data.data(), message.data.data());
    }
    auto pair = establish(GetParam());
    auto message = encrypt(pair.client, numbered(10));
    const auto received = message.data;
    bytes elsewhere(8);
    for (const auto form : surfaces) {
        sspan::decrypted_message opened;
        const auto result =
            decrypt(form, pair.server, {.token = message.token, .data = message.data, .padding = elsewhere}, opened);
        EXPECT_TRUE(failed_with(result, errc::invalid_parameter, "DecryptMessage"));
    }
    EXPECT_EQ(message.data, received);
    EXPECT_EQ(decrypt(pair.server, message), numbered(10));
}

TEST_P(security_context_encrypt, short_token_or_padding_buffer_is_refused_untouched) {
    auto pair = establish(GetParam());
    const auto trailer = pair.client.sizes().security_trailer;
    const auto block = pair.client.sizes().block_size;
    const auto expect_too_small = [&](std::size_t token_size, std::size_t padding_size) {
        auto data = numbered(10);
        bytes token(token_size, std::byte{0xEE});
        bytes padding(padding_size, std::byte{0xEE});
        for (const auto form : surfaces) {
            sspan::encrypted_message made;
            const auto result = encrypt(form, pair.client, {.token = token, .data = data, .padding = padding}, made);
            EXPECT_TRUE(failed_with(result, errc::buffer_too_small, "EncryptMessage"));
        }
        EXPECT_EQ(data, numbered(10));
        EXPECT_EQ(token, bytes(token_size, std::byte{0xEE}));
        EXPECT_EQ(padding, bytes(padding_size, std::byte{0xEE}));
    };
    expect_too_small(0, block);
    expect_too_small(1, block);
    expect_too_small(trailer - 1, block);
    if (block != 0) {
        expect_too_small(trailer, block - 1);
    }
    EXPECT_EQ(calls(function::encrypt_message), 0U);
    // The refused calls used no sequence numbers.
    EXPECT_EQ(decrypt(pair.server, encrypt(pair.client, numbered(3))), numbered(3));
}

TEST_P(security_context_encrypt, larger_buffers_are_passed_at_their_full_size) {
    auto pair = establish(GetParam());
    auto data = numbered(10);
    bytes token(pair.client.sizes().security_trailer + 300U, std::byte{0xEE});
    bytes padding(pair.client.sizes().block_size + 200U, std::byte{0xEE});
    const auto parts = pair.client.encrypt({.token = token, .data = data, .padding = padding});
    const auto seen = loopback::last_buffers(function::encrypt_message);
    const bool pads = pair.client.sizes().block_size != 0;
    ASSERT_EQ(seen.size(), pads ? 3U : 2U);
    EXPECT_EQ(seen[0].size, token.size());
    if (pads) {
        EXPECT_EQ(seen[2].size, padding.size());
    }
    EXPECT_LE(parts.token.size(), pair.client.sizes().security_trailer);
    EXPECT_LE(parts.padding.size(), pair.client.sizes().block_size);
    EXPECT_EQ(copy_of(pair.server.decrypt({.token = parts.token, .data = data}).data), numbered(10));
}

TEST_P(security_context_encrypt, overlapping_buffers_are_refused_untouched) {
    auto pair = establish(GetParam());
    const std::size_t trailer = pair.client.sizes().security_trailer;
    const std::size_t block = std::max<std::size_t>(pair.client.sizes().block_size, 4);
    auto memory = numbered(1000);
    const std::span all{memory};
    const auto before = memory;
    const auto token = all.first(trailer);
    const auto data = all.subspan(200, 100);
    const auto padding = all.subspan(400, block);
    const struct {
        std::span<std::byte> data;
        std::span<std::byte> token;
        std::span<std::byte> padding;
    } overlapping[]{
        {token, token, padding},                              // data and token: equal
        {all.subspan(trailer - 1, 50), token, padding},       // by one byte
        {all.first(300), all.subspan(100, trailer), padding}, // token inside data
        {all.subspan(3, 1), token, padding},                  // data inside token
        {padding, token, padding},                            // data and padding: equal
        {data, token, all.subspan(299, block)},               // by one byte
        {all.subspan(200, 500), token, padding},              // padding inside data
        {all.subspan(401, 1), token, padding},                // data inside padding
        {data, token, all.subspan(trailer - 1, block)},       // token and padding: by one byte
        {data, token, all.subspan(2, block)},                 // padding inside token
        {data, token, token},                                 // equal
        {token, token, token},                                // all three
    };
    for (const auto& parts : overlapping) {
        for (const auto form : surfaces) {
            sspan::encrypted_message made;
            const auto encrypting =
                encrypt(form, pair.client, {.token = parts.token, .data = parts.data, .padding = parts.padding}, made);
            EXPECT_TRUE(failed_with(encrypting, errc::invalid_parameter, "EncryptMessage"));
        }
    }
    for (std::size_t i = 0; i != 4; ++i) {
        for (const auto form : surfaces) {
            const auto& parts = overlapping[i];
            sspan::decrypted_message opened;
            const auto decrypting = decrypt(form, pair.client, {.token = parts.token, .data = parts.data}, opened);
            EXPECT_TRUE(failed_with(decrypting, errc::invalid_parameter, "DecryptMessage"));
        }
    }
    EXPECT_EQ(memory, before);
    EXPECT_EQ(calls(function::encrypt_message) + calls(function::decrypt_message), 0U);
}

TEST_P(security_context_encrypt, adjacent_buffers_in_either_order_do_not_overlap) {
    auto pair = establish(GetParam());
    const std::size_t trailer = pair.client.sizes().security_trailer;
    const std::size_t block = pair.client.sizes().block_size;
    bytes memory(trailer + 50 + block);
    const std::span all{memory};
    auto parts = pair.client.encrypt(
        {.token = all.first(trailer), .data = all.subspan(trailer, 50), .padding = all.last(block)});
    EXPECT_EQ(copy_of(pair.server.decrypt({.token = parts.token, .data = parts.data}).data), bytes(50));
    std::ranges::fill(memory, std::byte{0});
    parts =
        pair.client.encrypt({.token = all.last(trailer), .data = all.subspan(block, 50), .padding = all.first(block)});
    EXPECT_EQ(copy_of(pair.server.decrypt({.token = parts.token, .data = parts.data}).data), bytes(50));
}

#if SIZE_MAX > 0xFFFFFFFF
TEST_P(security_context_encrypt, more_than_4_GiB_is_refused_before_the_call) {
    auto pair = establish(GetParam());
    bytes room(200, std::byte{0xEE});
    bytes other(200, std::byte{0xEE});
    const auto huge = more_than_4_gib();
    const struct {
        std::span<std::byte> data;
        std::span<std::byte> token;
        std::span<std::byte> padding;
    } too_large[]{{huge, room, other}, {room, huge, other}, {room, other, huge}};
    for (const auto& parts : too_large) {
        for (const auto form : surfaces) {
            sspan::encrypted_message made;
            const auto encrypting =
                encrypt(form, pair.client, {.token = parts.token, .data = parts.data, .padding = parts.padding}, made);
            EXPECT_TRUE(failed_with(encrypting, errc::invalid_parameter, "EncryptMessage"));
            if (parts.padding.size() == huge.size()) {
                continue;
            }
            sspan::decrypted_message opened;
            const auto decrypting = decrypt(form, pair.client, {.token = parts.token, .data = parts.data}, opened);
            EXPECT_TRUE(failed_with(decrypting, errc::invalid_parameter, "DecryptMessage"));
        }
    }
    EXPECT_EQ(calls(function::encrypt_message) + calls(function::decrypt_message), 0U);
    EXPECT_EQ(room, bytes(200, std::byte{0xEE}));
    EXPECT_EQ(other, bytes(200, std::byte{0xEE}));
}
#endif

} // namespace
