// SPDX-License-Identifier: MIT
//
// Messages in parts: sign, verify, encrypt and decrypt over lists of buffers.
#include <sspan/message_sender.hpp>

#include "allocation.hpp"
#include "conversation.hpp"
#include "messages.hpp"

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
using sspan::message_part;

/// A readable header, a message in two parts, a trailer, and a part that the package may protect or not.
struct parts {
    bytes header = numbered(24);
    bytes first = numbered(40);
    bytes second = numbered(17);
    bytes trailer = numbered(8);
    bytes readonly = numbered(5);

    [[nodiscard]] std::array<message_part, 5> to_sign() const {
        return {message_part::readonly_with_checksum(header), message_part::data(first), message_part::data(second),
                message_part::readonly_with_checksum(trailer), message_part::readonly(readonly)};
    }
    [[nodiscard]] std::array<message_part, 5> to_encrypt() {
        return {message_part::readonly_with_checksum(header), message_part::data(first), message_part::data(second),
                message_part::readonly_with_checksum(trailer), message_part::readonly(readonly)};
    }
    /// Returns the parts that every package's checksum covers.
    [[nodiscard]] std::array<bytes*, 4> protected_ones() { return {&header, &first, &second, &trailer}; }
    friend bool operator==(const parts&, const parts&) = default;
};

class message_parts : public surface_test {
protected:
    static outcome sign(sspan::security_context& sender, std::span<const message_part> message,
                        std::span<std::byte>& signature) {
        const auto room = signature;
        return outcome_of(which_surface(), [&](auto&... ec) { signature = sender.sign(message, room, {}, ec...); });
    }
    static outcome verify(sspan::security_context& receiver, std::span<const message_part> message,
                          std::span<const std::byte> signature) {
        return outcome_of(
            which_surface(),
            [&](std::error_code& ec) {
                const bool verified = receiver.verify(message, signature, {}, ec);
                EXPECT_EQ(verified, !ec);
            },
            [&] { receiver.verify(message, signature); });
    }
    static outcome encrypt(sspan::security_context& sender, std::span<const message_part> message,
                           std::span<std::byte> token, std::span<std::byte> padding, sspan::encrypted_message& made) {
        return testing_support::encrypt(which_surface(), sender, {.token = token, .data = message, .padding = padding},
                                        made);
    }
    static outcome decrypt(sspan::security_context& receiver, std::span<const message_part> message,
                           std::span<std::byte> token, sspan::decrypted_message& opened) {
        return testing_support::decrypt(which_surface(), receiver, {.token = token, .data = message}, opened);
    }
    static bytes sealed(sspan::security_context& sender, parts& message) {
        bytes token(sender.sizes().security_trailer);
        bytes padding(sender.sizes().block_size);
        const auto made = sender.encrypt({.token = token, .data = message.to_encrypt(), .padding = padding});
        message.second.insert(message.second.end(), made.padding.begin(), made.padding.end());
        return copy_of(made.token);
    }
    static bytes signature_of(sspan::security_context& sender, const parts& message) {
        bytes room(sender.sizes().max_signature);
        return copy_of(sender.sign(message.to_sign(), room));
    }
};
INSTANTIATE_TEST_SUITE_P(each, message_parts, each_profile_and_surface(), name_of{});

TEST_P(message_parts, signature_is_one_of_all_parts) {
    auto pair = establish(which_profile());
    const parts message;
    bytes room(pair.client.sizes().max_signature);
    std::span<std::byte> signature{room};
    ASSERT_TRUE(succeeded(sign(pair.client, message.to_sign(), signature)));
    EXPECT_EQ(message, parts{}) << "only read";
    EXPECT_TRUE(succeeded(verify(pair.server, message.to_sign(), signature)));
    EXPECT_EQ(loopback::last_buffers(function::verify_signature).size(), 6U);
}

TEST_P(message_parts, each_changed_bit_of_a_signed_part_is_refused) {
    parts message;
    for (auto* part : message.protected_ones()) {
        for (std::size_t bit = 0; bit < part->size() * 8; bit += 3) {
            auto pair = establish(which_profile());
            const auto signature = signature_of(pair.client, message);
            flip(*part, bit);
            EXPECT_TRUE(tells_of_tampering(verify(pair.server, message.to_sign(), signature).code));
            flip(*part, bit);
        }
    }
}

TEST_P(message_parts, whole_message_is_the_special_case) {
    auto pair = establish(which_profile());
    const auto message = numbered(10);
    const message_part whole[]{message_part::data(message)};
    const auto flat = testing_support::sign(pair.client, message);
    EXPECT_TRUE(succeeded(verify(pair.server, whole, flat.signature)));
    bytes room(pair.client.sizes().max_signature);
    std::span<std::byte> signature{room};
    ASSERT_TRUE(succeeded(sign(pair.client, whole, signature)));
    EXPECT_NO_THROW(pair.server.verify(message, signature));
}

TEST_P(message_parts, only_data_is_encrypted) {
    which_profile().settings().padding = which_profile().settings().block_size / 2;
    auto pair = establish(which_profile());
    parts message;
    bytes token(pair.client.sizes().security_trailer);
    bytes padding(pair.client.sizes().block_size);
    sspan::encrypted_message made;
    ASSERT_TRUE(succeeded(encrypt(pair.client, message.to_encrypt(), token, padding, made)));
    EXPECT_EQ(message.header, parts{}.header);
    EXPECT_EQ(message.trailer, parts{}.trailer);
    EXPECT_EQ(message.readonly, parts{}.readonly);
    EXPECT_NE(message.first, parts{}.first);
    EXPECT_NE(message.second, parts{}.second);
    EXPECT_EQ(made.padding.size(), which_profile().settings().padding);

    message.second.insert(message.second.end(), made.padding.begin(), made.padding.end());
    auto received = copy_of(made.token);
    sspan::decrypted_message opened;
    ASSERT_TRUE(succeeded(decrypt(pair.server, message.to_encrypt(), received, opened)));
    EXPECT_EQ(message.first, parts{}.first);
    EXPECT_EQ(copy_of(opened.data), parts{}.second) << "the padding is removed";
    EXPECT_EQ(opened.data.data(), message.second.data());
    EXPECT_EQ(opened.quality, sspan::quality_of_protection::encrypted);
}

TEST_P(message_parts, each_changed_bit_of_an_encrypted_part_is_refused_and_leaves_zeros) {
    for (std::size_t which = 0; which != 4; ++which) {
        const auto bits = parts{}.protected_ones()[which]->size() * 8;
        for (std::size_t bit = 0; bit < bits; bit += 5) {
            auto pair = establish(which_profile());
            parts message;
            auto token = sealed(pair.client, message);
            flip(*message.protected_ones()[which], bit);
            const auto header = message.header;
            sspan::decrypted_message opened;
            EXPECT_TRUE(tells_of_tampering(decrypt(pair.server, message.to_encrypt(), token, opened).code));
            EXPECT_TRUE(all_zero(message.first));
            EXPECT_TRUE(all_zero(message.second));
            EXPECT_TRUE(all_zero(token));
            EXPECT_EQ(message.header, header) << "read-only parts do not change";
            EXPECT_EQ(opened.data.data(), nullptr);
        }
    }
}

TEST_P(message_parts, toggle_readonly_part_is_covered_or_not_as_the_package_has_it) {
    for (const bool covered : {true, false}) {
        which_profile().settings().covers_readonly = covered;
        const auto is_right = [&](const outcome& result) {
            return covered ? tells_of_tampering(result.code) : !result.code;
        };
        parts message;
        auto pair = establish(which_profile());
        const auto signature = signature_of(pair.client, message);
        message.readonly[0] ^= std::byte{1};
        EXPECT_TRUE(is_right(verify(pair.server, message.to_sign(), signature)));
        pair = establish(which_profile());
        message = {};
        auto token = sealed(pair.client, message);
        EXPECT_EQ(message.readonly, parts{}.readonly) << "not encrypted";
        message.readonly[0] ^= std::byte{1};
        sspan::decrypted_message opened;
        EXPECT_TRUE(is_right(decrypt(pair.server, message.to_encrypt(), token, opened)));
        EXPECT_EQ(message.first, covered ? bytes(message.first.size()) : parts{}.first);
    }
}

TEST_P(message_parts, parts_in_another_order_are_refused) {
    auto pair = establish(which_profile());
    const auto one = numbered(10), two = numbered(11);
    const message_part order[]{message_part::data(one), message_part::data(two)};
    const message_part other[]{message_part::data(two), message_part::data(one)};
    bytes room(pair.client.sizes().max_signature);
    std::span<std::byte> signature{room};
    ASSERT_TRUE(succeeded(sign(pair.client, order, signature)));
    EXPECT_TRUE(tells_of_tampering(verify(pair.server, other, signature).code));
}

TEST_P(message_parts, sixteen_are_taken_and_seventeen_refused_untouched) {
    auto pair = establish(which_profile());
    std::vector<bytes> memory(17, numbered(3));
    std::vector<message_part> readable;
    std::vector<message_part> writable;
    for (auto& part : memory) {
        readable.push_back(message_part::data(part));
        writable.push_back(message_part::data(part));
    }
    const auto first = [](const auto& list, std::size_t count) { return std::span{list}.first(count); };
    bytes token(100), padding(100);
    std::span<std::byte> signature{token};
    sspan::encrypted_message made;
    sspan::decrypted_message opened;
    EXPECT_TRUE(failed_with(sign(pair.client, readable, signature), errc::invalid_parameter, "MakeSignature"));
    EXPECT_TRUE(failed_with(verify(pair.server, readable, token), errc::invalid_parameter, "VerifySignature"));
    EXPECT_TRUE(
        failed_with(encrypt(pair.client, writable, token, padding, made), errc::invalid_parameter, "EncryptMessage"));
    EXPECT_TRUE(failed_with(decrypt(pair.server, writable, token, opened), errc::invalid_parameter, "DecryptMessage"));
    EXPECT_EQ(memory[0], numbered(3));
    EXPECT_EQ(calls(function::make_signature) + calls(function::encrypt_message), 0U);

    signature = token;
    ASSERT_TRUE(succeeded(sign(pair.client, first(readable, 16), signature)));
    EXPECT_TRUE(succeeded(verify(pair.server, first(readable, 16), signature)));
    ASSERT_TRUE(succeeded(encrypt(pair.client, first(writable, 16), token, padding, made)));
    EXPECT_NE(memory[15], numbered(3));
    ASSERT_TRUE(succeeded(decrypt(pair.server, first(writable, 16), made.token, opened)));
    EXPECT_EQ(memory, std::vector<bytes>(17, numbered(3)));
}

TEST_P(message_parts, overlapping_parts_may_be_signed_and_not_encrypted) {
    auto pair = establish(which_profile());
    auto memory = numbered(20);
    const std::span<std::byte> all{memory};
    bytes token(100), padding(100);
    const message_part twice[]{message_part::readonly(all), message_part::data(all)};
    std::span<std::byte> signature{token};
    ASSERT_TRUE(succeeded(sign(pair.client, twice, signature)));
    EXPECT_TRUE(succeeded(verify(pair.server, twice, signature)));
    signature = token;
    sspan::encrypted_message made;
    sspan::decrypted_message opened;
    const auto refused_everywhere = [&](const message_part& one, const message_part& other,
                                        std::span<std::byte> token_room) {
        const message_part both[]{one, other};
        EXPECT_TRUE(failed_with(encrypt(pair.client, both, token_room, padding, made), errc::invalid_parameter,
                                "EncryptMessage"));
        EXPECT_TRUE(
            failed_with(decrypt(pair.server, both, token_room, opened), errc::invalid_parameter, "DecryptMessage"));
    };
    refused_everywhere(message_part::data(all), message_part::data(all.subspan(19)), token);
    refused_everywhere(message_part::readonly(all.first(10)), message_part::data(all.subspan(9)), token);
    refused_everywhere(message_part::readonly(all), message_part::readonly_with_checksum(all), token);
    refused_everywhere(message_part::data(std::span{token}.subspan(99)), message_part::data(all), token);
    EXPECT_EQ(memory, numbered(20));
    const message_part in_the_signature[]{message_part::data(all), message_part::data(std::span{token}.first(1))};
    EXPECT_TRUE(failed_with(sign(pair.client, in_the_signature, signature), errc::invalid_parameter, "MakeSignature"));
    EXPECT_EQ(loopback::violations(), 0U);
}

#if SIZE_MAX > 0xFFFFFFFF
TEST_P(message_parts, parts_that_make_more_than_4_GiB_are_refused_before_the_call) { // each part alone fits
    auto pair = establish(which_profile());
    const auto part = message_part::data(more_than_4_gib().first(0x80000000U));
    const message_part to_sign[]{part, part};
    bytes token(100);
    std::span<std::byte> signature{token};
    EXPECT_TRUE(failed_with(sign(pair.client, to_sign, signature), errc::invalid_parameter, "MakeSignature"));
    EXPECT_TRUE(failed_with(verify(pair.server, to_sign, token), errc::invalid_parameter, "VerifySignature"));
    EXPECT_EQ(calls(function::make_signature) + calls(function::verify_signature), 0U);
}

TEST_P(message_parts, part_of_more_than_4_GiB_is_refused_before_the_call) {
    auto pair = establish(which_profile());
    auto small = numbered(3);
    const message_part to_sign[]{message_part::data(small), message_part::data(more_than_4_gib())};
    const message_part to_encrypt[]{message_part::data(small), message_part::data(more_than_4_gib())};
    bytes token(100), padding(100);
    std::span<std::byte> signature{token};
    sspan::encrypted_message made;
    sspan::decrypted_message opened;
    EXPECT_TRUE(failed_with(sign(pair.client, to_sign, signature), errc::invalid_parameter, "MakeSignature"));
    EXPECT_TRUE(failed_with(verify(pair.server, to_sign, token), errc::invalid_parameter, "VerifySignature"));
    EXPECT_TRUE(
        failed_with(encrypt(pair.client, to_encrypt, token, padding, made), errc::invalid_parameter, "EncryptMessage"));
    EXPECT_TRUE(
        failed_with(decrypt(pair.server, to_encrypt, token, opened), errc::invalid_parameter, "DecryptMessage"));
    EXPECT_EQ(small, numbered(3));
}
#endif

TEST_P(message_parts, no_parts_at_all_are_refused_before_any_call) {
    auto pair = establish(which_profile());
    bytes token(100), padding(100);
    std::span<std::byte> signature{token};
    sspan::encrypted_message made;
    sspan::decrypted_message opened;
    EXPECT_TRUE(failed_with(sign(pair.client, {}, signature), errc::invalid_parameter, "MakeSignature"));
    EXPECT_TRUE(failed_with(verify(pair.server, {}, token), errc::invalid_parameter, "VerifySignature"));
    EXPECT_TRUE(failed_with(encrypt(pair.client, {}, token, padding, made), errc::invalid_parameter, "EncryptMessage"));
    EXPECT_TRUE(failed_with(decrypt(pair.server, {}, token, opened), errc::invalid_parameter, "DecryptMessage"));
    EXPECT_EQ(calls(function::make_signature) + calls(function::encrypt_message), 0U);
}

TEST_P(message_parts, signature_that_would_cover_nothing_is_refused) {
    auto pair = establish(which_profile());
    const message_part uncovered[]{message_part::readonly("text"), message_part::readonly("more")};
    bytes token(100);
    std::span<std::byte> signature{token};
    EXPECT_TRUE(failed_with(sign(pair.client, uncovered, signature), errc::invalid_parameter, "MakeSignature"));
    EXPECT_TRUE(failed_with(verify(pair.server, uncovered, token), errc::invalid_parameter, "VerifySignature"));
    signature = token;
    const message_part covered[]{message_part::readonly("text"), message_part::readonly_with_checksum("more")};
    EXPECT_TRUE(succeeded(sign(pair.client, covered, signature)));
}

TEST_P(message_parts, message_without_data_is_a_token_that_protects_the_header) {
    auto pair = establish(which_profile());
    auto header = numbered(24);
    const message_part only[]{message_part::readonly_with_checksum(header)};
    bytes token(pair.client.sizes().security_trailer), padding(pair.client.sizes().block_size);
    sspan::encrypted_message made;
    sspan::decrypted_message opened{.data = header};
    ASSERT_TRUE(succeeded(encrypt(pair.client, only, token, padding, made)));
    auto received = copy_of(made.token);
    ASSERT_TRUE(succeeded(decrypt(pair.server, only, received, opened)));
    EXPECT_TRUE(opened.data.empty()) << "no part was decrypted";
    EXPECT_EQ(opened.quality, sspan::quality_of_protection::encrypted);
    EXPECT_EQ(header, numbered(24));

    ASSERT_TRUE(succeeded(encrypt(pair.client, only, token, padding, made)));
    received = copy_of(made.token);
    flip(header, 3);
    EXPECT_TRUE(tells_of_tampering(decrypt(pair.server, only, received, opened).code));
    EXPECT_TRUE(all_zero(received));
}

TEST_P(message_parts, constant_data_can_be_signed_and_not_encrypted) {
    auto pair = establish(which_profile());
    auto text = numbered(10);
    bytes token(100), padding(100);
    const message_part both[]{message_part::data("constant"), message_part::data(text)};
    std::span<std::byte> signature{token};
    ASSERT_TRUE(succeeded(sign(pair.client, both, signature)));
    EXPECT_TRUE(succeeded(verify(pair.server, both, signature)));
    sspan::encrypted_message made;
    sspan::decrypted_message opened;
    EXPECT_TRUE(
        failed_with(encrypt(pair.client, both, token, padding, made), errc::invalid_parameter, "EncryptMessage"));
    EXPECT_TRUE(failed_with(decrypt(pair.server, both, token, opened), errc::invalid_parameter, "DecryptMessage"));
    EXPECT_EQ(text, numbered(10));
    EXPECT_EQ(calls(function::encrypt_message) + calls(function::decrypt_message), 0U);
}

TEST_P(message_parts, trap_header_that_the_package_would_not_check_is_refused) {
    constexpr ULONG negotiation_info = 12;
    // The package then cannot report that it checks the header.
    loopback::configure().unsupported_attributes.push_back(negotiation_info);
    auto pair = establish(which_profile().package, without_mutual_auth());
    const parts original;
    parts message;
    bytes token(100), padding(100);
    sspan::encrypted_message made;
    sspan::decrypted_message opened;
    if (which_profile().package == sspan::package::ntlm) { // NTLM credentials are used for NTLM only
        EXPECT_TRUE(succeeded(encrypt(pair.client, message.to_encrypt(), token, padding, made)));
        return;
    }
    EXPECT_TRUE(failed_with(encrypt(pair.client, message.to_encrypt(), token, padding, made),
                            errc::unsupported_function, "EncryptMessage"));
    EXPECT_TRUE(failed_with(decrypt(pair.server, message.to_encrypt(), token, opened), errc::unsupported_function,
                            "DecryptMessage"));
    EXPECT_EQ(message, original);
    EXPECT_EQ(calls(function::encrypt_message) + calls(function::decrypt_message), 0U);
    const message_part without_header[]{message_part::data(message.first), message_part::data(message.second)};
    EXPECT_TRUE(succeeded(encrypt(pair.client, without_header, token, padding, made)));
    std::span<std::byte> signature{token};
    EXPECT_TRUE(succeeded(sign(pair.client, message.to_sign(), signature))); // a signature covers data parts
}

TEST_P(message_parts, hostile_outputs_are_an_internal_error) {
    using enum loopback::hostile_output;
    for (const auto how : {token_size, token_pointer, data_size, data_pointer}) {
        auto pair = establish(which_profile());
        parts message;
        bytes token(100), padding(100);
        sspan::encrypted_message made;
        loopback::hostile_at(function::encrypt_message, 1, how);
        EXPECT_TRUE(failed_with(encrypt(pair.client, message.to_encrypt(), token, padding, made), errc::internal_error,
                                "EncryptMessage"));
    }
    for (const auto how : {data_size, data_pointer}) { // the first part, which must not change
        auto pair = establish(which_profile());
        parts message;
        auto token = sealed(pair.client, message);
        sspan::decrypted_message opened;
        loopback::hostile_at(function::decrypt_message, 1, how);
        EXPECT_TRUE(failed_with(decrypt(pair.server, message.to_encrypt(), token, opened), errc::internal_error,
                                "DecryptMessage"));
        EXPECT_TRUE(all_zero(message.first));
    }
}

TEST_P(message_parts, allocate_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    auto pair = establish(which_profile());
    parts message;
    bytes token(100), padding(100);
    const auto before = allocation::count();
    for (int i = 0; i != 10; ++i) {
        std::error_code ec;
        const auto signature = pair.client.sign(message.to_sign(), token, {}, ec);
        ASSERT_TRUE(pair.server.verify(message.to_sign(), signature, {}, ec));
        const auto made =
            pair.client.encrypt({.token = token, .data = message.to_encrypt(), .padding = padding}, {}, ec);
        static_cast<void>(pair.server.decrypt({.token = made.token, .data = message.to_encrypt()}, {}, ec));
        ASSERT_FALSE(ec) << ec.message();
    }
    EXPECT_EQ(allocation::count(), before);
}

} // namespace
