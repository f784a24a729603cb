// SPDX-License-Identifier: MIT
#include "sealed_copy/file_name.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using namespace std::string_view_literals;
using file_name::is_plain;

TEST(file_names, plain_ones) {
    for (const auto name : {"a"sv, "report.pdf"sv, ".profile"sv, "a b"sv, " a"sv, "a..b"sv,
                            "gr\xC3\xBC\xC3\x9F"
                            "e.txt"sv,
                            "\xF0\x9F\x8E\xB5.mp3"sv, "console"sv, "con1"sv, "com"sv, "com10"sv, "lpt1x.txt"sv,
                            "nul-.txt"sv, "txt.nul"sv}) {
        EXPECT_TRUE(is_plain(name)) << name;
    }
}

TEST(file_names, ways_out_of_the_folder) {
    for (const auto name : {"/etc/passwd"sv, "a/b"sv,    R"(a\b)"sv,      R"(\\host\share)"sv,
                            "C:"sv,          "C:a"sv,    "a:stream"sv,    "a::$DATA"sv,
                            ".."sv,          "."sv,      "..."sv,         "../a"sv,
                            R"(..\a)"sv,     "a/../b"sv, R"(\\?\C:\a)"sv, "*"sv,
                            "a?"sv,          "<a"sv,     "a>"sv,          "a|b"sv,
                            R"("a)"sv}) {
        EXPECT_FALSE(is_plain(name)) << name;
    }
}

TEST(file_names, ones_that_windows_cuts_to_another) {
    for (const auto name : {"a."sv, "a "sv, "a. ."sv, " "sv, ". "sv, "a.txt. "sv}) {
        EXPECT_FALSE(is_plain(name)) << name;
    }
}

TEST(file_names, devices) {
    for (const auto name : {"con"sv, "CON"sv, "Prn"sv, "aux.txt"sv, "nul.tar.gz"sv, "NUL .txt"sv, "com0"sv,
                            "COM9.log"sv, "lpt1"sv, "com\xC2\xB9"sv, "LPT\xC2\xB3.x"sv, "conin$"sv, "CONOUT$.a"sv}) {
        EXPECT_FALSE(is_plain(name)) << name;
    }
}

TEST(file_names, what_is_not_text) {
    for (const auto name : {"a\0b"sv, "a\nb"sv, "\x1B[2J"sv, "a\x7F"sv, "a\xC2\x9B"sv, "\xFF"sv, "\xC0\xAF"sv,
                            "\xED\xA0\x80"sv, "\xC3"sv}) {
        EXPECT_FALSE(is_plain(name)) << name;
    }
}

TEST(file_names, lengths) {
    EXPECT_FALSE(is_plain(""));
    EXPECT_TRUE(is_plain(std::string(255, 'a')));
    EXPECT_FALSE(is_plain(std::string(256, 'a')));
}

} // namespace
