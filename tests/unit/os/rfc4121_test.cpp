// SPDX-License-Identifier: MIT
#include <sspan/os/rfc4121.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <initializer_list>
#include <vector>

namespace {

namespace rfc4121 = sspan::detail::rfc4121;
using bytes = std::vector<std::byte>;

constexpr unsigned sealed = 2;

/// Makes a message with these flags, extra count and rotation, and with a body of `size` bytes that count from 0.
bytes message(unsigned flags, unsigned extra, unsigned rotation, std::size_t size) {
    bytes made(rfc4121::header_size + size);
    const unsigned header[]{5, 4, flags, 0xFF, extra >> 8, extra & 0xFF, rotation >> 8, rotation & 0xFF};
    for (std::size_t i = 0; i != 8; ++i) {
        made[i] = static_cast<std::byte>(header[i]);
    }
    for (std::size_t i = 0; i != size; ++i) {
        made[rfc4121::header_size + i] = static_cast<std::byte>(i);
    }
    return made;
}

TEST(rfc4121, header_is_known_by_its_identifier_and_filler) {
    EXPECT_TRUE(rfc4121::is_wrapped(message(0, 12, 0, 0)));
    EXPECT_FALSE(rfc4121::is_wrapped(bytes(15)));
    for (const std::size_t at : {0U, 1U, 3U}) {
        auto other = message(sealed, 0, 0, 0);
        other[at] ^= std::byte{1};
        EXPECT_FALSE(rfc4121::is_wrapped(other)) << at;
    }
    EXPECT_TRUE(rfc4121::is_sealed(message(sealed | 4, 0, 0, 0)));
    EXPECT_FALSE(rfc4121::is_sealed(message(4 | 1, 0, 0, 0)));
    EXPECT_EQ(rfc4121::extra_count(message(0, 0x1234, 0x5678, 0)), 0x1234U);
    EXPECT_EQ(rfc4121::rotation(message(0, 0x1234, 0x5678, 0)), 0x5678U);
}

TEST(rfc4121, body_is_rotated_to_the_right) {
    auto rotated = message(sealed, 0, 0, 5);
    rfc4121::rotate(rotated, 2);
    EXPECT_EQ(rfc4121::rotation(rotated), 2U);
    EXPECT_EQ(rotated[rfc4121::header_size], std::byte{3});
    EXPECT_EQ(rotated[rfc4121::header_size + 2], std::byte{0});
}

TEST(rfc4121, every_rotation_can_be_undone) {
    for (const std::size_t size : {0U, 1U, 7U, 60U}) {
        const auto original = message(sealed, 0, 0, size);
        for (const std::size_t first : {0U, 1U, 12U, 28U, 59U, 60U, 61U, 65535U}) {
            for (const std::size_t second : {0U, 28U, 40U, 65534U}) {
                auto rotated = original;
                rfc4121::rotate(rotated, first);
                rfc4121::rotate(rotated, second);
                rfc4121::rotate(rotated, 0);
                EXPECT_EQ(rotated, original) << size << ", " << first << ", " << second;
            }
        }
    }
}

TEST(rfc4121, token_is_all_but_the_data) {
    EXPECT_EQ(rfc4121::token_size(message(sealed, 0, 28, 0)), 60U);  // AES with SHA-1
    EXPECT_EQ(rfc4121::token_size(message(sealed, 0, 40, 0)), 72U);  // AES256 with SHA-384
    EXPECT_EQ(rfc4121::token_size(message(sealed, 16, 28, 0)), 76U); // DCE style
    EXPECT_EQ(rfc4121::token_size(message(0, 24, 24, 0)), 40U);
}

TEST(rfc4121, token_has_the_length_of_some_keys) {
    for (const std::size_t size : {59U, 60U, 61U, 63U, 64U, 72U, 76U}) {
        const auto token = message(sealed, 0, 28, size - rfc4121::header_size);
        EXPECT_EQ(rfc4121::can_be_token(token), size == 60 || size == 64 || size == 72) << size;
    }
    EXPECT_TRUE(rfc4121::can_be_token(message(0, 12, 0, 12)));
    EXPECT_FALSE(rfc4121::can_be_token(message(0, 12, 0, 13)));
}

} // namespace
