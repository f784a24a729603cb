// SPDX-License-Identifier: MIT
#include <sspan/detail/sasl_layers.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace {

using namespace sspan::detail;

bool is_utf8(std::string_view text) {
    return is_utf8_without_zero(std::as_bytes(std::span{text}));
}

TEST(sasl_layers, numbers_are_big_endian) {
    const sasl_number bytes{std::byte{0x12}, std::byte{0x34}, std::byte{0x56}, std::byte{0xF8}};
    EXPECT_EQ(to_sasl_number(0x123456F8), bytes);
    EXPECT_EQ(from_sasl_number(bytes), 0x123456F8U);
}

TEST(sasl_layers, mask_is_in_front_of_the_maximum) {
    // The offer of Cyrus SASL 2.1.28: all layers and 65,536 bytes.
    constexpr sasl_number offer{std::byte{7}, std::byte{1}, std::byte{0}, std::byte{0}};
    EXPECT_EQ(sasl_layers::read(offer).bits, 7);
    EXPECT_EQ(sasl_layers::read(offer).max_buffer, 65536U);
    EXPECT_EQ((sasl_layers{7, 65536}.write()), offer);
    constexpr sasl_number most{std::byte{0xFF}, std::byte{0xFF}, std::byte{0xFF}, std::byte{0xFF}};
    EXPECT_EQ(sasl_layers::read(most).bits, 0xFF);
    EXPECT_EQ(sasl_layers::read(most).max_buffer, 0xFFFFFFU);
    EXPECT_EQ((sasl_layers{0xFF, 0xFFFFFF}.write()), most);
}

TEST(sasl_layers, strength_is_the_order_of_the_bits) {
    constexpr std::array strongest{0, 1, 2, 2, 4, 4, 4, 4};
    constexpr std::array weakest{0, 1, 2, 1, 4, 1, 2, 1};
    for (std::size_t bits = 0; bits != strongest.size(); ++bits) {
        EXPECT_EQ(strongest_layer(static_cast<std::uint8_t>(bits)), strongest[bits]) << bits;
        EXPECT_EQ(strongest_layer(static_cast<std::uint8_t>(bits | 0xF8)), strongest[bits]) << bits;
        EXPECT_EQ(weakest_layer(static_cast<std::uint8_t>(bits)), weakest[bits]) << bits;
        EXPECT_EQ(weakest_layer(static_cast<std::uint8_t>(bits | 0xF8)), weakest[bits]) << bits;
    }
}

// The limits in RFC 3629, section 4.
TEST(sasl_layers, utf8_is_accepted) {
    for (const auto* text : {"", "alice", "\x01", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xEC\xBF\xBF",
                             "\xED\x80\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
                             "\xF3\xBF\xBF\xBF", "\xF4\x8F\xBF\xBF", "u:m\xC3\xBCller"}) {
        EXPECT_TRUE(is_utf8(text)) << text;
    }
}

TEST(sasl_layers, what_follows_the_text_in_memory_does_not_count) {
    for (const std::string_view text : {"\xDF\xBF", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF"}) {
        for (std::size_t size = 1; size != text.size(); ++size) {
            EXPECT_FALSE(is_utf8(text.substr(0, size))) << size;
        }
    }
}

TEST(sasl_layers, other_bytes_are_refused) {
    for (const auto* text : {"\x80",
                             "\xBF",
                             "\xC0\x80",
                             "\xC1\xBF",
                             "\xC2",
                             "\xC2\x7F",
                             "\xC2\xC0",
                             "\xDF",
                             "\xE0\x9F\xBF",
                             "\xE0\xA0",
                             "\xE1\x80\x7F",
                             "\xE1\xC0\x80",
                             "\xED\xA0\x80",
                             "\xED\xBF\xBF",
                             "\xEF\xBF",
                             "\xF0\x8F\xBF\xBF",
                             "\xF0\x90\x80",
                             "\xF1\x80\x80\xC0",
                             "\xF4\x90\x80\x80",
                             "\xF5\x80\x80\x80",
                             "\xF8\x88\x80\x80\x80",
                             "\xFE",
                             "\xFF",
                             "a\xC2"}) {
        EXPECT_FALSE(is_utf8(text)) << text;
    }
    EXPECT_FALSE(is_utf8(std::string_view{"\0", 1}));
    EXPECT_FALSE(is_utf8(std::string_view{"alice\0", 6}));
    EXPECT_FALSE(is_utf8(std::string_view{"al\0ice", 6}));
    EXPECT_FALSE(is_utf8(std::string_view{"\xC2\0", 2}));
}

} // namespace
