// SPDX-License-Identifier: MIT
#include <sspan/flags.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <string>

namespace {

using sspan::context_flags;
using sspan::package_capabilities;
using sspan::detail::flag_row;
using sspan::detail::flag_table;
using sspan::detail::from_bits;
using sspan::detail::known_flags;
using sspan::detail::to_bits;

constexpr sspan::detail::flag_column columns[] = {&flag_row::isc_request, &flag_row::isc_granted,
                                                  &flag_row::asc_request, &flag_row::asc_granted};

/// The values in the header of the OS.
struct in_the_header {
    context_flags flag;
    std::uint32_t isc_request;
    std::uint32_t isc_granted;
    std::uint32_t asc_request;
    std::uint32_t asc_granted;
};

// clang-format off: a table
constexpr in_the_header headers_rows[] = {
#define BOTH(flag, name) {context_flags::flag, ISC_REQ_##name, ISC_RET_##name, ASC_REQ_##name, ASC_RET_##name}
    BOTH(delegate, DELEGATE),
    BOTH(mutual_auth, MUTUAL_AUTH),
    BOTH(replay_detect, REPLAY_DETECT),
    BOTH(sequence_detect, SEQUENCE_DETECT),
    BOTH(confidentiality, CONFIDENTIALITY),
    BOTH(use_session_key, USE_SESSION_KEY),
    BOTH(datagram, DATAGRAM),
    BOTH(connection, CONNECTION),
    BOTH(extended_error, EXTENDED_ERROR),
    BOTH(stream, STREAM),
    BOTH(integrity, INTEGRITY),
    BOTH(identify, IDENTIFY),
#if defined(_WIN32)
    {context_flags::null_session, ISC_REQ_NULL_SESSION, ISC_RET_NULL_SESSION, ASC_REQ_ALLOW_NULL_SESSION,
     ASC_RET_NULL_SESSION},
    {context_flags::dce_style, ISC_REQ_USE_DCE_STYLE, ISC_RET_USED_DCE_STYLE, ASC_REQ_USE_DCE_STYLE,
     ASC_RET_USED_DCE_STYLE},
    {context_flags::no_integrity, ISC_REQ_NO_INTEGRITY, 0, 0, 0},
    {context_flags::http_style, ISC_REQ_USE_HTTP_STYLE, ISC_RET_USED_HTTP_STYLE, 0, 0},
    {context_flags::unverified_target_name, ISC_REQ_UNVERIFIED_TARGET_NAME, 0, 0, 0},
    {context_flags::confidentiality_only, ISC_REQ_CONFIDENTIALITY_ONLY, ISC_RET_CONFIDENTIALITY_ONLY, 0, 0},
    {context_flags::allow_non_user_logons, 0, 0, ASC_REQ_ALLOW_NON_USER_LOGONS, ASC_RET_ALLOW_NON_USER_LOGONS},
    {context_flags::allow_missing_bindings, 0, 0, ASC_REQ_ALLOW_MISSING_BINDINGS, 0},
    {context_flags::proxy_bindings, 0, 0, ASC_REQ_PROXY_BINDINGS, 0},
#endif
};
// clang-format on

TEST(context_flags, have_the_bits_of_the_header) {
    for (const auto& row : headers_rows) {
        const auto name = sspan::to_string(row.flag);
        EXPECT_EQ(to_bits(row.flag, &flag_row::isc_request), row.isc_request) << name;
        EXPECT_EQ(to_bits(row.flag, &flag_row::isc_granted), row.isc_granted) << name;
        EXPECT_EQ(to_bits(row.flag, &flag_row::asc_request), row.asc_request) << name;
        EXPECT_EQ(to_bits(row.flag, &flag_row::asc_granted), row.asc_granted) << name;
    }
#if defined(_WIN32)
    EXPECT_EQ(std::size(headers_rows), flag_table.size()) << "a row has no test";
#endif
}

TEST(context_flags, each_row_is_one_flag_and_no_column_says_a_bit_twice) {
    for (const auto column : columns) {
        std::uint32_t seen = 0;
        for (const auto& row : flag_table) {
            const auto bits = row.*column;
            EXPECT_LE(std::popcount(bits), 1) << row.name;
            EXPECT_EQ(seen & bits, 0U) << row.name;
            seen |= bits;
        }
    }
    auto seen = context_flags::none;
    for (const auto& row : flag_table) {
        EXPECT_EQ(std::popcount(static_cast<std::uint32_t>(row.flag)), 1) << row.name;
        EXPECT_EQ(seen & row.flag, context_flags::none) << row.name;
        seen |= row.flag;
    }
}

TEST(context_flags, every_bit_goes_there_and_back) {
    for (const auto column : columns) {
        for (const auto& row : flag_table) {
            const auto bits = to_bits(row.flag, column);
            EXPECT_EQ(from_bits(bits, column), bits == 0 ? context_flags::none : row.flag) << row.name;
        }
        EXPECT_EQ(from_bits(to_bits(known_flags(column), column), column), known_flags(column));
    }
}

TEST(context_flags, misuse_02_integrity_and_stream_have_other_bits_on_the_other_side) {
    EXPECT_EQ(to_bits(context_flags::integrity, &flag_row::isc_request), 0x10000U);
    EXPECT_EQ(to_bits(context_flags::integrity, &flag_row::asc_request), 0x20000U);
    EXPECT_EQ(from_bits(0x10000U, &flag_row::asc_granted), context_flags::stream);
    EXPECT_EQ(from_bits(0x10000U, &flag_row::isc_granted), context_flags::integrity);
    EXPECT_EQ(from_bits(0x08000U, &flag_row::asc_granted), context_flags::extended_error);
    EXPECT_EQ(from_bits(0x08000U, &flag_row::isc_granted), context_flags::stream);
    EXPECT_EQ(from_bits(0x20000U, &flag_row::isc_granted), context_flags::identify);
}

TEST(context_flags, bits_that_have_no_name_are_left_out) {
    EXPECT_EQ(from_bits(0x80U | 0x00100000U, &flag_row::isc_granted), context_flags::none);
    EXPECT_EQ(from_bits(0, &flag_row::asc_granted), context_flags::none);
    EXPECT_EQ(to_bits(static_cast<context_flags>(0x80000000U), &flag_row::isc_request), 0U);
}

TEST(context_flags, one_side_only) {
    EXPECT_FALSE(sspan::contains(known_flags(&flag_row::isc_request), context_flags::allow_missing_bindings));
    EXPECT_FALSE(sspan::contains(known_flags(&flag_row::asc_request), context_flags::no_integrity));
    EXPECT_FALSE(sspan::contains(known_flags(&flag_row::isc_granted), context_flags::no_integrity));
}

TEST(context_flags, operators) {
    constexpr auto both = context_flags::integrity | context_flags::stream;
    static_assert(sspan::contains(both, context_flags::stream));
    static_assert(sspan::contains(both, both));
    static_assert(!sspan::contains(context_flags::stream, both));
    static_assert(sspan::contains(context_flags::none, context_flags::none));
    static_assert((both & context_flags::stream) == context_flags::stream);
    static_assert((both & ~context_flags::stream) == context_flags::integrity);
    auto flags = context_flags::none;
    flags |= both;
    EXPECT_EQ(flags, both);
    flags &= context_flags::stream;
    EXPECT_EQ(flags, context_flags::stream);
}

TEST(context_flags, granted_bits_are_read_in_either_family) {
    static_assert(sspan::from_isc_ret(0x10000) == context_flags::integrity);
    static_assert(sspan::from_asc_ret(0x10000) == context_flags::stream);
    static_assert(sspan::from_asc_ret(0x20000) == context_flags::integrity);
    EXPECT_EQ(sspan::from_isc_ret(0x1E), context_flags::mutual_auth | context_flags::replay_detect |
                                             context_flags::sequence_detect | context_flags::confidentiality);
    EXPECT_EQ(sspan::from_isc_ret(0x02000000), context_flags::none); // ISC_RET_NO_ADDITIONAL_TOKEN
    EXPECT_EQ(sspan::from_isc_ret(0), context_flags::none);
    EXPECT_EQ(sspan::from_asc_ret(0x00004000), context_flags::none); // ASC_RET_THIRD_LEG_FAILED
}

TEST(package_capabilities, to_string_names_each) {
    using sspan::package_capabilities;
    EXPECT_EQ(sspan::to_string(package_capabilities::none), "none");
    EXPECT_EQ(sspan::to_string(package_capabilities::integrity | package_capabilities::readonly_with_checksum),
              "integrity, readonly_with_checksum");
    EXPECT_EQ(sspan::to_string(static_cast<package_capabilities>(0x80000000U)), "none");
    std::string last = "none";
    for (std::uint32_t bit = 1; bit <= 0x01000000U; bit <<= 1) {
        const auto name = sspan::to_string(static_cast<package_capabilities>(bit));
        EXPECT_NE(name, "none") << bit;
        EXPECT_NE(name, last) << bit;
        last = name;
    }
}

TEST(context_flags, to_string_names_each) {
    EXPECT_EQ(sspan::to_string(context_flags::none), "none");
    EXPECT_EQ(sspan::to_string(context_flags::integrity), "integrity");
    EXPECT_EQ(sspan::to_string(context_flags::integrity | context_flags::delegate), "delegate, integrity");
    for (const auto& row : flag_table) {
        EXPECT_EQ(sspan::to_string(row.flag), row.name);
    }
}

TEST(package_capabilities, are_a_set_of_their_own) {
    const auto kerberos = static_cast<package_capabilities>(0x000F3BBFU);
    EXPECT_TRUE(sspan::contains(kerberos, package_capabilities::integrity | package_capabilities::privacy |
                                              package_capabilities::mutual_auth));
    EXPECT_EQ(static_cast<std::uint32_t>(package_capabilities::delegation), 0x20000U);
    static_assert(!sspan::flags_enum<int>);
}

} // namespace
