// SPDX-License-Identifier: MIT
#include "sealed_copy/progress.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace {

constexpr std::uint64_t gib = 1ULL << 30;

TEST(progress, amounts) {
    EXPECT_EQ(progress::amount(0), "0 bytes");
    EXPECT_EQ(progress::amount(1023), "1023 bytes");
    EXPECT_EQ(progress::amount(1536), "1.5 KiB");
    EXPECT_EQ(progress::amount(5.0 * gib), "5.0 GiB");
    EXPECT_EQ(progress::amount(16.0 * gib * gib), "16.0 EiB");
}

TEST(progress, line_of_a_copy_that_is_half_done) {
    EXPECT_EQ(progress::line(4 * gib, 8 * gib, 2),
              "[##########          ]  50% 4.0 GiB of 8.0 GiB, 2.0 GiB/s, 2 s left");
}

TEST(progress, line_before_there_is_a_rate) {
    EXPECT_EQ(progress::line(0, 10, 0), "[                    ]   0% 0 bytes of 10 bytes, 0 bytes/s");
}

TEST(progress, line_of_nothing) {
    EXPECT_EQ(progress::line(0, 0, 0), "[####################] 100% 0 bytes of 0 bytes, 0 bytes/s");
}

} // namespace
