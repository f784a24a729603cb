// SPDX-License-Identifier: MIT
#include <sspan/version.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

TEST(version, text_and_number_agree) {
    EXPECT_EQ(std::to_string(SSPAN_VERSION / 10000) + "." + std::to_string(SSPAN_VERSION / 100 % 100) + "." +
                  std::to_string(SSPAN_VERSION % 100),
              sspan::version);
}

} // namespace
