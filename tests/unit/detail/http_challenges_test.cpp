// SPDX-License-Identifier: MIT
#include <sspan/detail/http_challenges.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace std::string_view_literals;
using sspan::detail::find_negotiate;
using sspan::detail::http_challenge;
using sspan::detail::http_challenge_reader;
using sspan::detail::read_credentials;

using challenges = std::vector<std::pair<std::string, std::string>>; // scheme and token68

challenges read(std::string_view value, bool malformed = false) {
    http_challenge_reader reader{value};
    challenges all;
    for (http_challenge next; reader.next(next);) {
        all.emplace_back(next.scheme, next.token68);
    }
    EXPECT_EQ(reader.malformed(), malformed) << value;
    return all;
}

auto find(std::string_view value) {
    return find_negotiate(std::array{value});
}

// RFC 9110, section 11.6.1
TEST(http_challenges, the_example_of_rfc_9110) {
    EXPECT_EQ(read(R"(Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"")"),
              (challenges{{"Basic", ""}, {"Newauth", ""}}));
}

// RFC 4559, section 5
TEST(http_challenges, the_examples_of_rfc_4559) {
    EXPECT_EQ(read("Negotiate"), (challenges{{"Negotiate", ""}}));
    EXPECT_EQ(read("Negotiate a87421000492aa874209af8bc028"),
              (challenges{{"Negotiate", "a87421000492aa874209af8bc028"}}));
    EXPECT_EQ(read("Negotiate ade0234568a4209af8bc0280289eca"),
              (challenges{{"Negotiate", "ade0234568a4209af8bc0280289eca"}}));
}

TEST(http_challenges, several_in_one_field) {
    EXPECT_EQ(read("Negotiate, NTLM, Basic realm=\"a, b\""),
              (challenges{{"Negotiate", ""}, {"NTLM", ""}, {"Basic", ""}}));
    EXPECT_EQ(read("Basic realm=\"x\",Negotiate YWJj,Digest a=b, c=\"d\" ,NTLM"),
              (challenges{{"Basic", ""}, {"Negotiate", "YWJj"}, {"Digest", ""}, {"NTLM", ""}}));
    EXPECT_EQ(read("Bearer a=b , Negotiate YQ== , Bearer YQ="),
              (challenges{{"Bearer", ""}, {"Negotiate", "YQ=="}, {"Bearer", "YQ="}}));
}

TEST(http_challenges, any_spacing_and_empty_elements) {
    for (const auto value : {"  Negotiate   YWJj  "sv, "\tNegotiate\tYWJj\t"sv, ",Negotiate YWJj"sv,
                             ", ,\t, Negotiate YWJj , ,"sv, "Negotiate YWJj,"sv, " \t Negotiate \t YWJj \t ,"sv}) {
        EXPECT_EQ(read(value), (challenges{{"Negotiate", "YWJj"}})) << value;
    }
    for (const auto value : {"Negotiate "sv, "Negotiate\t"sv, " ,Negotiate,"sv, "Negotiate ,"sv, "Negotiate , ,"sv}) {
        EXPECT_EQ(read(value), (challenges{{"Negotiate", ""}})) << value;
    }
    EXPECT_EQ(read("Digest ,, a=b ,, c = \"d\" ,,Negotiate"), (challenges{{"Digest", ""}, {"Negotiate", ""}}));
    EXPECT_EQ(read("Digest a\t=\tb,Negotiate YQ=="), (challenges{{"Digest", ""}, {"Negotiate", "YQ=="}}));
    EXPECT_TRUE(read("").empty());
    EXPECT_TRUE(read(" ,\t,").empty());
}

TEST(http_challenges, token68_and_parameters_are_kept_apart) {
    EXPECT_EQ(read("A a="), (challenges{{"A", "a="}}));
    EXPECT_EQ(read("A a==="), (challenges{{"A", "a==="}}));
    EXPECT_EQ(read("A a=b"), (challenges{{"A", ""}}));
    EXPECT_EQ(read("A a=, B"), (challenges{{"A", "a="}, {"B", ""}}));
    EXPECT_EQ(read("A -._~+/09azAZ"), (challenges{{"A", "-._~+/09azAZ"}}));
    EXPECT_EQ(read("!#$%&'*+-.^_`|~ a"), (challenges{{"!#$%&'*+-.^_`|~", "a"}}));
}

TEST(http_challenges, quoted_strings_hide_what_is_inside) {
    EXPECT_EQ(read(R"(Basic realm="x, Negotiate YWJj")"), (challenges{{"Basic", ""}}));
    EXPECT_EQ(read(R"(Basic realm="\", Negotiate YWJj, \\")"), (challenges{{"Basic", ""}}));
    EXPECT_EQ(read(R"(Basic realm="", Negotiate YWJj)"), (challenges{{"Basic", ""}, {"Negotiate", "YWJj"}}));
    EXPECT_EQ(read("Basic realm=\"\xC3\xA4\t\", Negotiate"), (challenges{{"Basic", ""}, {"Negotiate", ""}}));
}

TEST(http_challenges, what_is_malformed) {
    for (const auto value : {
             "="sv,
             R"("Negotiate")"sv,
             "Negotiate="sv,
             "Negotiate:"sv,
             "Negotiate/YQ=="sv,
             "Negotiate=YQ=="sv,
             "(Negotiate) a"sv,
             "Negotiate !!!"sv,
             "Negotiate YQ==YQ=="sv,
             "Negotiate YQ== YQ=="sv,
             "Negotiate a b"sv,
             R"(Negotiate "YQ==")"sv,
             "Negotiate YQ==;"sv,
             "Negotiate a=b c=d"sv,
             R"(Negotiate a="b"c)"sv,
             R"(Negotiate a="b" c)"sv,
             "Negotiate =a"sv,
             R"(Negotiate a="b)"sv,
             R"(Negotiate a="b\)"sv,
             R"(Negotiate a="b\")"sv,
             R"(Negotiate a=")"sv,
             "Negotiate a=\"\n\""sv,
             "Negotiate a=\"\\\n\""sv,
             "Negotiate a=\"\x7F\""sv,
             "Negotiate a=;"sv,
             "Negotiate a=\"\0\""sv,
             "Negotiate YQ==\r\n"sv,
             "Negotiate\nYQ=="sv,
             "Negotiate\r\n YQ=="sv,
             "Negotiate\0"sv,
             "\xC3\xA4 a"sv,
             "Negotiate \xC3\xA4"sv,
         }) {
        EXPECT_TRUE(read(value, true).empty()) << value;
        EXPECT_FALSE(find(value).offered) << value;
        EXPECT_TRUE(find(value).malformed) << value;
    }
    EXPECT_EQ(read("Negotiate YQ==, Basic realm=\"x", true), (challenges{{"Negotiate", "YQ=="}}));
    EXPECT_EQ(read("Negotiate YQ==, a=b", true), (challenges{{"Negotiate", "YQ=="}})); // a token68 excludes parameters
}

TEST(http_challenges, negotiate_is_found_in_any_case) {
    for (const auto value : {"Negotiate YWJj"sv, "negotiate YWJj"sv, "NEGOTIATE YWJj"sv, "nEgOtIaTe YWJj"sv}) {
        EXPECT_TRUE(find(value).offered);
        EXPECT_EQ(find(value).token, "YWJj");
    }
    for (const auto value : {"Negotiat YWJj"sv, "Negotiates YWJj"sv, "Nego2 YWJj"sv, "Basic Negotiate"sv,
                             "NegotiatE1"sv, "Kerberos"sv, ""sv}) {
        EXPECT_FALSE(find(value).offered) << value;
        EXPECT_EQ(find(value).token, "");
    }
}

TEST(http_challenges, several_fields) {
    const auto found =
        find_negotiate(std::array{"Basic realm=My Site"sv, ""sv, "NTLM, negotiate YWJj"sv, "Negotiate"sv});
    EXPECT_TRUE(found.offered && found.malformed && !found.ambiguous);
    EXPECT_EQ(found.token, "YWJj");
    EXPECT_FALSE(find_negotiate({}).offered);
}

TEST(http_challenges, two_tokens_are_ambiguous) {
    EXPECT_TRUE(find_negotiate(std::array{"Negotiate YWJj"sv, "Negotiate YWJj"sv}).ambiguous);
    EXPECT_TRUE(find("Negotiate YWJj, Negotiate YWJk").ambiguous);
    EXPECT_FALSE(find("Negotiate YWJj, NTLM YWJk").ambiguous);
    EXPECT_FALSE(find("Negotiate, Negotiate").ambiguous);
}

TEST(http_challenges, each_truncation_ends) {
    constexpr auto value = R"( Basic realm = "a\"b, Negotiate c" , Negotiate YQ== , Digest a=b, c="d" )"sv;
    for (std::size_t size = 0; size <= value.size(); ++size) {
        const std::string part{value.substr(0, size)}; // the memory ends there
        http_challenge_reader reader{part};
        std::size_t count = 0;
        for (http_challenge next; reader.next(next); ++count) {
            EXPECT_FALSE(next.scheme.empty());
        }
        EXPECT_LE(count, 4U);                                               // "c" without a value is a scheme
        EXPECT_FALSE(reader.next(*std::array<http_challenge, 1>{}.data())); // still at the end
    }
}

TEST(http_challenges, credentials) {
    http_challenge given;
    for (const auto value : {"Negotiate YWJj"sv, " negotiate  YWJj "sv, "NEGOTIATE\tYWJj\t"sv}) {
        EXPECT_TRUE(read_credentials(value, given)) << value;
        EXPECT_EQ(given.token68, "YWJj");
    }
    for (const auto value : {"Negotiate"sv, "Negotiate "sv}) {
        EXPECT_TRUE(read_credentials(value, given)) << value;
        EXPECT_EQ(given.token68, "");
    }
    for (const auto value : {"Basic YWxpY2U6c2VjcmV0"sv, R"(Digest username="x", realm="y)"sv, "Bearer"sv}) {
        EXPECT_TRUE(read_credentials(value, given)) << value;
        EXPECT_EQ(given.scheme, value.substr(0, value.find(' ')));
    }
    for (const auto value :
         {""sv, " "sv, ","sv, ",Negotiate YWJj"sv, "Negotiate,"sv, "Negotiate YWJj,"sv,
          "Negotiate YWJj, Negotiate YWJj"sv, "Negotiate YWJj, Basic YWJj"sv, "Negotiate a=b"sv, "Negotiate YWJj a"sv,
          "Negotiate=YWJj"sv, "Negotiate !"sv, "Negotiate \xC3"sv, R"("Negotiate" YWJj)"sv, "Negotiate YWJj, !"sv,
          "Negotiate YWJj, ("sv, "Negotiate YWJj\r\n"sv, "Negotiate \0"sv}) {
        EXPECT_FALSE(read_credentials(value, given)) << value;
    }
}

} // namespace
