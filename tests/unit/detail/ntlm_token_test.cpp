// SPDX-License-Identifier: MIT
#include <sspan/detail/ntlm_token.hpp>

#include "unit/fixture.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace {

using namespace std::string_view_literals;
using namespace testing_support;
using sspan::detail::contains_ntlm;
using sspan::detail::ntlm_search;

TEST(ntlm_token, is_found_anywhere) {
    for (const auto text : {"NTLMSSP\0"sv, "NTLMSSP\0\1\0\0\0"sv, "\x60\x40 spnego NTLMSSP\0\3"sv, "NTLMSNTLMSSP\0"sv,
                            "NNTLMSSP\0"sv, "NTLMSSPNTLMSSP\0"sv, "NTNTNTLMSSP\0 "sv}) {
        EXPECT_TRUE(contains_ntlm(to_bytes(text))) << text;
    }
    for (const auto text :
         {""sv, "NTLMSSP"sv, "NTLMSSP1"sv, "ntlmssp\0"sv, "NTLMSS\0P\0"sv, "TLMSSP\0"sv, "\0NTLMSSP"sv}) {
        EXPECT_FALSE(contains_ntlm(to_bytes(text))) << text;
    }
}

TEST(ntlm_token, is_found_at_each_place_and_across_each_border) {
    for (std::size_t at = 0; at != 40; ++at) {
        auto token = bytes(at, std::byte{'N'});
        for (const auto byte : to_bytes("NTLMSSP\0"sv)) {
            token.push_back(byte);
        }
        EXPECT_TRUE(contains_ntlm(token)) << at;
        for (std::size_t first = 0; first <= token.size(); ++first) {
            ntlm_search search;
            const bool in_first = search.finds(std::span{token}.first(first));
            EXPECT_EQ(in_first, first == token.size());
            EXPECT_NE(search.finds(std::span{token}.subspan(first)), in_first) << first;
            EXPECT_FALSE(search.finds(to_bytes("P\0"sv))) << "the search has ended";
        }
    }
}

TEST(ntlm_token, of_two_tokens_makes_none) {
    ntlm_search search;
    EXPECT_FALSE(search.finds(to_bytes("NTLM")));
    search.start_again();
    EXPECT_FALSE(search.finds(to_bytes("SSP\0"sv)));
}

} // namespace
