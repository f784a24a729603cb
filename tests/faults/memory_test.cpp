// SPDX-License-Identifier: MIT
//
// No memory at each allocation, once or from then on: whatever the library needs it for, the right error comes out on
// both surfaces, nothing stays alive, and with memory the same works. And where memory is not needed, it is not asked
// for.
#include "act.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace faults {

namespace {

using sspan::errc;

std::size_t total = 0;
std::size_t silent = 0; ///< operations that allocate nothing

class memory_faults : public play_test {
protected:
    static void TearDownTestSuite() {
        std::printf("%zu allocations failed; %zu operations made none\n", total, silent);
    }
};

/// How many allocations each operation makes when there is memory.
std::vector<std::size_t> needs_of(const play& which, surface form) {
    loopback::reset();
    std::vector<std::size_t> needs;
    auto performed = which.begin(which.which);
    for (const auto& each : performed->operations) {
        const auto came = attempt(each, form);
        EXPECT_TRUE(succeeded(came)) << each.name;
        EXPECT_TRUE(!each.allocates_nothing || came.allocations == 0) << each.name << " allocates";
        needs.push_back(came.allocations);
    }
    return needs;
}

/// What comes out of an operation. The exception needs memory, too, and is done without where there is none.
bool is_due(const operation& what, surface form, scarcity memory, const attempt_outcome& came) {
    const bool throws = what.constructs || (form == surface::exception && what.throws_bad_alloc) ||
                        (form == surface::exception && memory.every_later_one);
    return throws ? came.no_memory : !came.no_memory && came.code == errc::insufficient_memory;
}

/// One performance, in which an operation finds no memory.
::testing::AssertionResult perform(const play& which, surface form, std::size_t operation, scarcity memory) {
    loopback::reset();
    {
        auto performed = which.begin(which.which);
        for (std::size_t i = 0; i != performed->operations.size(); ++i) {
            const auto& now = performed->operations[i];
            if (i == operation) {
                const auto came = attempt(now, form, memory);
                if (!is_due(now, form, memory, came)) {
                    return ::testing::AssertionFailure()
                           << (came.no_memory ? "std::bad_alloc" : came.code.message()) << " comes out";
                }
                if (now.holds_after_failure && !now.holds_after_failure()) {
                    return ::testing::AssertionFailure() << "what must hold after a failure does not";
                }
                if (now.after_failure == sequel::stop) {
                    break;
                }
            }
            const auto came = attempt(now, form);
            if (came.code || came.no_memory || (now.holds && !now.holds())) {
                return ::testing::AssertionFailure() << "later, " << now.name << " fails: " << came.code.message();
            }
        }
    }
    if (!loopback::live().none()) {
        return ::testing::AssertionFailure() << "something is still alive";
    }
    for (const auto& violation : loopback::violation_list()) {
        return ::testing::AssertionFailure() << violation;
    }
    return ::testing::AssertionSuccess();
}

TEST_P(memory_faults, are_reported_and_leave_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    const auto& [which, form] = GetParam();
    const auto needs = needs_of(which, form);
    std::size_t here = 0;
    for (std::size_t operation = 0; operation != needs.size(); ++operation) {
        for (std::size_t nth = 1; nth <= needs[operation]; ++nth) {
            for (const bool every_later_one : {false, true}) {
                ++here;
                EXPECT_TRUE(perform(which, form, operation, {nth, every_later_one}))
                    << "allocation " << nth << (every_later_one ? " and later" : "") << " of operation " << operation;
            }
        }
        silent += static_cast<std::size_t>(needs[operation] == 0);
    }
    loopback::reset();
    total += here;
    RecordProperty("faults", std::to_string(here));
}

INSTANTIATE_TEST_SUITE_P(each, memory_faults, each_play_and_surface(), name_of_play);

} // namespace

} // namespace faults
