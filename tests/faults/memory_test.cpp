// SPDX-License-Identifier: MIT
//
// Each allocation of each step fails, once or together with all later ones. Both surfaces must report the right error,
// and no object may leak. Repeated with memory, the step must succeed, or fail with `no_context`. Steps that need no
// memory must not allocate.
#include "scenario.hpp"

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
std::size_t silent = 0; ///< steps that allocate nothing

class memory_faults : public scenario_test {
protected:
    static void TearDownTestSuite() { std::printf("%zu allocations failed; %zu steps made none\n", total, silent); }
};

/// Returns the number of allocations of each step, with enough memory.
std::vector<std::size_t> needs_of(const named_scenario& which, surface form) {
    loopback::reset();
    std::vector<std::size_t> needs;
    auto running = which.begin(which.which);
    for (const auto& each : running->steps) {
        const auto result = attempt(each, form);
        EXPECT_TRUE(succeeded(result)) << each.name;
        EXPECT_TRUE(!each.allocates_nothing || result.allocations == 0) << each.name << " allocates";
        needs.push_back(result.allocations);
    }
    return needs;
}

/// Returns true if `result` is right for a step without memory. An exception needs memory, too; without it,
/// std::bad_alloc is thrown instead.
bool is_due(const step& what, surface form, scarcity memory, const attempt_outcome& result) {
    const bool throws = what.constructs || (form == surface::exception && what.throws_bad_alloc) ||
                        (form == surface::exception && memory.every_later_one);
    return throws ? result.no_memory : !result.no_memory && result.code == errc::insufficient_memory;
}

/// Runs the scenario once. Allocations of one step fail.
::testing::AssertionResult run_scenario(const named_scenario& which, surface form, std::size_t step, scarcity memory) {
    loopback::reset();
    {
        auto running = which.begin(which.which);
        for (std::size_t i = 0; i != running->steps.size(); ++i) {
            const auto& now = running->steps[i];
            if (i == step) {
                const auto result = attempt(now, form, memory);
                if (!is_due(now, form, memory, result)) {
                    return ::testing::AssertionFailure()
                           << (result.no_memory ? "std::bad_alloc" : result.code.message()) << " was the result";
                }
                if (now.holds_after_failure && !now.holds_after_failure()) {
                    return ::testing::AssertionFailure() << "the condition after a failure does not hold";
                }
                if (now.after_failure == after::no_context) {
                    if (attempt(now, form).code != errc::no_context) {
                        return ::testing::AssertionFailure() << "the repeated step does not fail with no_context";
                    }
                    break;
                }
                if (now.after_failure == after::stop) {
                    break;
                }
            }
            const auto result = attempt(now, form);
            if (result.code || result.no_memory || (now.holds && !now.holds())) {
                return ::testing::AssertionFailure() << "later, " << now.name << " fails: " << result.code.message();
            }
        }
    }
    if (!loopback::live().none()) {
        return ::testing::AssertionFailure() << "an object was leaked";
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
    for (std::size_t step = 0; step != needs.size(); ++step) {
        for (std::size_t nth = 1; nth <= needs[step]; ++nth) {
            for (const bool every_later_one : {false, true}) {
                ++here;
                EXPECT_TRUE(run_scenario(which, form, step, {nth, every_later_one}))
                    << "allocation " << nth << (every_later_one ? " and later" : "") << " of step " << step;
            }
        }
        silent += static_cast<std::size_t>(needs[step] == 0);
    }
    loopback::reset();
    total += here;
    RecordProperty("faults", std::to_string(here));
}

INSTANTIATE_TEST_SUITE_P(each, memory_faults, each_scenario_and_surface(), name_of_scenario);

} // namespace

} // namespace faults
