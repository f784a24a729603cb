// SPDX-License-Identifier: MIT
//
// Each call of each scenario returns each status, one at a time. Both surfaces must report the right error. No object
// may leak or be misused, no plaintext may be left, and every object must be in the documented state.
#include "scenario.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <iomanip>
#include <ostream>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace faults {

namespace {

using sspan::errc;

/// How the library uses the status of a function.
enum class meaning : unsigned char {
    none,   ///< The function has no status.
    closes, ///< The library ignores the status: it could do nothing about it.
    asks,   ///< Every success code is a success.
    acts,   ///< SEC_E_OK is the only success.
    win32,  ///< As `acts`, with values of GetLastError.
};

meaning meaning_of(function which) {
    using enum function;
    switch (which) {
    case free_auth_identity:
    case secure_zero:
    case fail_fast:
    case last_error:
    case set_last_error:
    case local_to_utc:
        return meaning::none;
    case free_context_buffer:
    case free_credentials_handle:
    case delete_security_context:
    case close_handle:
        return meaning::closes;
    case open_thread_token:
    case set_thread_token:
    case query_impersonation_level:
    case query_token_type:
    case duplicate_token:
    case query_token_id:
        return meaning::win32;
    case initialize_security_context:
    case accept_security_context:
    case complete_auth_token:
    case make_signature:
    case verify_signature:
    case encrypt_message:
    case decrypt_message:
    case export_security_context:
    case import_security_context:
    case query_security_context_token:
    case impersonate_security_context:
    case revert_security_context:
        return meaning::acts;
    default:
        return meaning::asks;
    }
}

/// Win32 errors: those that the library treats specially, some common ones, and the low half of every status.
const std::vector<SECURITY_STATUS>& all_win32() {
    static const std::vector<SECURITY_STATUS> list = [] {
        std::vector<SECURITY_STATUS> codes{5, 6, 8, 1008, 1312, 1314, 1347, 1450};
        for (const auto status : all_failures()) {
            codes.push_back(status & 0xFFFF);
        }
        return codes;
    }();
    return list;
}

void append(std::vector<fault>& faults, fault::kind how, const std::vector<SECURITY_STATUS>& statuses) {
    for (const auto status : statuses) {
        faults.push_back({how, status});
    }
}

std::vector<fault> faults_of(function which) {
    using kind = fault::kind;
    std::vector<fault> list;
    switch (meaning_of(which)) {
    case meaning::none:
        break;
    case meaning::closes:
        append(list, kind::fails_afterwards, all_failures());
        append(list, kind::fails_afterwards, all_informational());
        break;
    case meaning::asks:
    case meaning::acts:
        append(list, kind::fails, all_failures());
        append(list, kind::lies, all_informational());
        append(list, kind::succeeds_oddly, all_informational());
        break;
    case meaning::win32:
        append(list, kind::fails, all_win32());
        break;
    }
    return list;
}

/// Returns the expectation of the step's own rule, or of the function's rule.
expectation expectation_for(const step& what, const call& where, const fault& wrong) {
    if (what.differs && meaning_of(where.which) != meaning::closes) {
        if (auto own = what.differs(where, wrong)) {
            return *own;
        }
    }
    switch (meaning_of(where.which)) {
    case meaning::asks:
        if (wrong.how == fault::kind::fails) {
            return {sspi_code(wrong.status), what.after_failure};
        }
        return wrong.how == fault::kind::lies ? expectation{errc::internal_error, what.after_failure}
                                              // a success without a result
                                              : expectation{};
    case meaning::acts:
        return {sspi_code(wrong.status), wrong.instead() ? what.after_failure : what.after_odd_success};
    case meaning::win32:
        return {sspi_code(sspi_status(0x80070000U | (static_cast<unsigned>(wrong.status) & 0xFFFF))),
                what.after_failure};
    default:
        return {};
    }
}

void order(const call& where, const fault& wrong) {
    if (wrong.instead()) {
        loopback::fail_at(where.which, where.nth, wrong.status);
    } else {
        loopback::return_after(where.which, where.nth, wrong.status);
    }
}

struct counts {
    std::size_t faults = 0;
    std::size_t places = 0;
    std::set<function> functions;
};
counts total;

class status_faults : public scenario_test {
protected:
    static void TearDownTestSuite() {
        std::printf("%zu faults at %zu calls of %zu functions\n", total.faults, total.places, total.functions.size());
    }
};

/// Runs the scenario once, with a fault in one call. @return true if all expectations hold.
bool run_scenario(const named_scenario& which, surface form, const call& where, const fault& wrong) {
    loopback::reset();
    ::testing::AssertionResult result = ::testing::AssertionSuccess();
    const auto expect = [&result](bool holds, std::string_view what) {
        if (result && !holds) {
            result = ::testing::AssertionFailure() << what;
        }
    };
    {
        auto running = which.begin(which.which);
        order(where, wrong);
        bool goes_on = true;
        for (std::size_t i = 0; goes_on && i != running->steps.size(); ++i) {
            const auto& now = running->steps[i];
            const auto found = attempt(now, form);
            expect(!found.no_memory, "the step reports a lack of memory");
            if (i != where.step) {
                expect(!found.code, std::string{now.name} + " fails, too: " + found.code.message());
                goes_on = !found.code;
                expect(!goes_on || !now.holds || now.holds(), std::string{now.name} + " has not done its work");
                continue;
            }
            const auto expected = expectation_for(now, where, wrong);
            if (!expected.any_code) {
                const auto right = failed_with(found, expected.code,
                                               expected.blamed != nullptr ? expected.blamed : name_of(where.which));
                expect(static_cast<bool>(right), right.message());
            }
            if (expected.holds) {
                expect(expected.holds(), "the expected condition does not hold");
            } else if (found.code) {
                expect(!now.holds_after_failure || now.holds_after_failure(),
                       "the condition after a failure does not hold");
            } else if (expected.next != after::stop) {
                expect(!now.holds || now.holds(), "the step has not done its work");
            }
            expect(!now.allocates_nothing || form == surface::exception || found.allocations == 0 ||
                       allocation::empty_strings_allocate(),
                   "the step allocates");
            switch (expected.next) {
            case after::go_on:
                break;
            case after::retry: {
                const auto second = attempt(now, form);
                expect(!second.code, "the repeated step fails: " + second.code.message());
                expect(second.code || !now.holds || now.holds(), "the repeated step does not do its work");
                break;
            }
            case after::no_context:
                expect(attempt(now, form).code == errc::no_context, "the repeated step does not fail with no_context");
                goes_on = false;
                break;
            case after::stop:
                goes_on = false;
                break;
            }
        }
    }
    expect(loopback::live().none(), "an object was leaked");
    for (const auto& violation : loopback::violation_list()) {
        expect(false, violation);
    }
    EXPECT_TRUE(result) << name_of(where.which) << " (call " << where.nth << ", in step " << where.step
                        << ") returns 0x" << std::hex << static_cast<unsigned>(wrong.status) << ", kind "
                        << static_cast<int>(wrong.how);
    return static_cast<bool>(result);
}

TEST_P(status_faults, are_reported_and_leave_nothing) {
    const auto& [which, form] = GetParam();
    std::size_t here = 0;
    std::size_t failed = 0;
    for (const auto& where : trace_of(which, form)) {
        const auto faults = faults_of(where.which);
        total.places += static_cast<std::size_t>(!faults.empty());
        if (!faults.empty()) {
            total.functions.insert(where.which);
        }
        for (const auto& wrong : faults) {
            ++here;
            failed += static_cast<std::size_t>(!run_scenario(which, form, where, wrong));
            ASSERT_LT(failed, 10U) << "too many failures; the rest is not run";
        }
    }
    loopback::reset();
    total.faults += here;
    RecordProperty("faults", std::to_string(here));
    EXPECT_GT(here, 0U);
}

INSTANTIATE_TEST_SUITE_P(each, status_faults, each_scenario_and_surface(), name_of_scenario);

TEST(fault_coverage, every_function_of_the_seam_is_called) {
    std::set<function> reached;
    for (const auto& which : all_scenarios()) {
        for (const auto& each : trace_of(which, surface::error_code)) {
            reached.insert(each.which);
        }
    }
    loopback::reset();
    for (std::size_t i = 0; i != loopback::function_count; ++i) {
        const auto each = static_cast<function>(i);
        EXPECT_EQ(reached.contains(each), each != function::fail_fast) << name_of(each);
    }
}

} // namespace

} // namespace faults
