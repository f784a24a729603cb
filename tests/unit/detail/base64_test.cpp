// SPDX-License-Identifier: MIT
#include <sspan/detail/base64.hpp>

#include "unit/fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace std::string_view_literals;
using sspan::detail::append_base64;
using sspan::detail::base64_length;
using sspan::detail::decode_base64;
using testing_support::bytes;
using testing_support::to_bytes;

// RFC 4648, section 10
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> vectors{{{"", ""},
                                                                                {"f", "Zg=="},
                                                                                {"fo", "Zm8="},
                                                                                {"foo", "Zm9v"},
                                                                                {"foob", "Zm9vYg=="},
                                                                                {"fooba", "Zm9vYmE="},
                                                                                {"foobar", "Zm9vYmFy"}}};

TEST(base64, encodes_the_vectors_of_the_rfc) {
    for (const auto& [data, text] : vectors) {
        std::string encoded = "Negotiate ";
        append_base64(to_bytes(data), encoded);
        EXPECT_EQ(encoded, "Negotiate " + std::string{text});
        EXPECT_EQ(base64_length(data.size()), text.size());
    }
}

TEST(base64, decodes_the_vectors_of_the_rfc) {
    for (const auto& [data, text] : vectors) {
        bytes decoded(3);
        EXPECT_TRUE(decode_base64(text, decoded));
        EXPECT_EQ(decoded, to_bytes(data));
    }
}

TEST(base64, has_the_whole_alphabet) {
    bytes data;
    for (unsigned value = 0; value != 256; ++value) {
        data.push_back(static_cast<std::byte>(value));
    }
    std::string text;
    append_base64(data, text);
    EXPECT_EQ(text,
              "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0"
              "xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeY"
              "mZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5O"
              "Xm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w==");
    bytes decoded;
    EXPECT_TRUE(decode_base64(text, decoded));
    EXPECT_EQ(decoded, data);
}

TEST(base64, every_other_character_is_refused_at_every_place) {
    constexpr auto alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"sv;
    for (std::size_t place = 0; place != 8; ++place) {
        for (int value = 0; value != 256; ++value) {
            std::string text = "AAAAAAAA";
            text[place] = static_cast<char>(value);
            bytes decoded;
            const bool is_padding = text[place] == '=' && place == 7;
            EXPECT_EQ(decode_base64(text, decoded), alphabet.find(text[place]) != std::string_view::npos || is_padding)
                << place << ' ' << value;
        }
    }
}

TEST(base64, what_is_not_strict_is_refused) {
    for (const auto text : {
             "Z"sv,        "Zg"sv,       "Zg="sv,          "Zm8"sv,          "Zm9vYg"sv, "Zm9vY"sv, // without padding
             "="sv,        "=="sv,       "==="sv,          "===="sv,         "Z==="sv,   "A==="sv,
             "AAAAA==="sv, "Zm9v===="sv,                                                            // only padding
             "Zg==Zg=="sv, "Zm8=Zm8="sv, "Zg=A"sv,         "Z=g="sv,         "=Zg="sv,   "Zm9v="sv, // padding inside
             "Zh=="sv,     "Zv=="sv,     "Zm9="sv,         "Zm/="sv, // bits after the end
             " Zg=="sv,    "Zg== "sv,    "Zm9v\n"sv,       "Zm9v\r\nYg=="sv, "Z m9"sv,   "Zm9v YmFy"sv, // whitespace
             "-_-_"sv,     "Zm9\0"sv,    "Zm9v\0\0\0\0"sv, "Zm9\xC3"sv,
         }) {
        bytes decoded;
        EXPECT_FALSE(decode_base64(text, decoded)) << text;
    }
}

TEST(base64, each_length_is_itself_again) {
    for (std::size_t size = 0; size != 200; ++size) {
        bytes data(size);
        for (std::size_t i = 0; i != size; ++i) {
            data[i] = static_cast<std::byte>(i * 89 + size);
        }
        std::string text;
        append_base64(data, text);
        ASSERT_EQ(text.size(), base64_length(size));
        bytes decoded;
        ASSERT_TRUE(decode_base64(text, decoded));
        ASSERT_EQ(decoded, data);
        for (std::size_t cut = 1; cut < 4 && cut <= text.size(); ++cut) {
            ASSERT_FALSE(decode_base64(text.substr(0, text.size() - cut), decoded));
        }
    }
}

} // namespace
