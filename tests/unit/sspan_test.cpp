// SPDX-License-Identifier: MIT
#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

// Names that a program may use, too.
namespace os {
constexpr int answer = 42;
}

namespace {

using namespace sspan;

TEST(names, of_a_program_that_uses_the_whole_namespace_are_its_own) {
    EXPECT_EQ(os::answer, 42);
    EXPECT_FALSE(security_context{});
}

} // namespace
