// SPDX-License-Identifier: MIT
#include <sspan/os/text.hpp>

#include "unit/fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_view_literals;
using sspan::detail::from_os;
using sspan::detail::is_name;
using sspan::detail::os_string;
using sspan::detail::to_os;
using sspan::detail::to_os_name;

std::u16string units_of(const os_string& text) {
    std::u16string units;
    for (const auto unit : text) {
        units += static_cast<char16_t>(unit);
    }
    return units;
}

constexpr std::wstring_view samples[] = {L""sv, L"a"sv, L"HTTP/web.corp.example"sv, L"\u00FC\u4E16\uFFFD"sv,
                                         L"\U00010000 \U0001F511 \U0010FFFF"sv};

TEST(text, goes_there_and_back) {
    for (const auto sample : samples) {
        os_string os;
        ASSERT_TRUE(to_os(sample, os));
        EXPECT_EQ(os.back(), 0);
        EXPECT_EQ(from_os(os.data()), sample);
    }
}

TEST(text, is_utf_16_with_a_zero) {
    os_string os;
    ASSERT_TRUE(to_os(L"a\U0001F511", os));
    EXPECT_EQ(units_of(os), u"a\U0001F511\0"sv);
}

TEST(text, takes_one_allocation) { // another one would leave a copy of a secret in memory
    for (const auto sample : samples) {
        os_string os;
        os.reserve(0);
        ASSERT_TRUE(to_os(sample, os));
        EXPECT_GE(os.capacity(), os.size());
        EXPECT_LE(os.capacity(), sample.size() * 2 + 1);
    }
}

TEST(text, name_has_no_zero_inside) {
    os_string os;
    EXPECT_TRUE(to_os_name(L"Kerberos"sv, os));
    os_string other;
    EXPECT_FALSE(to_os_name(L"Kerb\0eros"sv, other));
    EXPECT_FALSE(to_os_name(L"Kerberos\0"sv, other));
    EXPECT_TRUE(other.empty());
}

TEST(text, names_compare_without_case_and_as_a_whole) {
    os_string os;
    ASSERT_TRUE(to_os(L"NeGoTiAte", os));
    EXPECT_TRUE(is_name(os.data(), L"Negotiate"));
    EXPECT_FALSE(is_name(os.data(), L"Negotiat"));
    EXPECT_FALSE(is_name(os.data(), L"Negotiated"));
    EXPECT_FALSE(is_name(os.data(), L""));
    EXPECT_FALSE(is_name(L"NTLN", L"NTLM"));
    EXPECT_TRUE(is_name(L"", L""));
    EXPECT_FALSE(is_name(L"[TLM", L"{TLM")) << "only letters have case";
}

TEST(text, from_os_of_nothing_is_empty) {
    EXPECT_EQ(from_os(nullptr), L"");
}

TEST(text, lone_surrogates_are_kept) {
    const os_string lone{0xD800, u'x', 0xDC00, 0xD801, 0};
    const auto text = from_os(lone.data());
    ASSERT_EQ(text.size(), 4U);
    EXPECT_EQ(static_cast<unsigned>(text[0]), 0xD800U);
    EXPECT_EQ(text[1], L'x');
    EXPECT_EQ(static_cast<unsigned>(text[2]), 0xDC00U);
    EXPECT_EQ(static_cast<unsigned>(text[3]), 0xD801U);
}

class secret_text : public testing_support::loopback_test {};

TEST_F(secret_text, is_wiped_when_freed_grown_or_shrunk) {
    std::vector<char, sspan::detail::wiping_allocator<char>> secret(10, 'x');
    secret.reserve(100);
    EXPECT_EQ(loopback::wiped_bytes(), 10U);
    secret.shrink_to_fit();
    EXPECT_EQ(loopback::wiped_bytes(), 110U);
    std::vector<char, sspan::detail::wiping_allocator<char>>{}.swap(secret);
    EXPECT_EQ(loopback::wiped_bytes(), 120U);
}

} // namespace
