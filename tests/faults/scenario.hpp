// SPDX-License-Identifier: MIT
//
// A scenario: a sequence of steps that use one part of the library, each on either error surface. The tests run it once
// per injected fault, and compare the result of the step with an expectation.
#pragma once

#include "loopback/control.hpp"
#include "unit/allocation.hpp"
#include "unit/fixture.hpp"
#include "unit/profiles.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace faults {

using namespace testing_support;
using loopback::function;

/// One call of the seam in a run without faults.
struct call {
    function which{};
    std::size_t nth = 0;  ///< of this function, counted from the scenario's first step
    ULONG flags = 0;      ///< loopback::last_flags: the attribute, for example
    std::size_t step = 0; ///< the index of the step; the number of steps for calls of the destructors at the end
};

/// A fault of one call.
struct fault {
    enum class kind : unsigned char {
        fails,            ///< does nothing and returns a failure code
        lies,             ///< does nothing and returns another success code
        succeeds_oddly,   ///< does its work and returns another success code
        fails_afterwards, ///< does its work and returns a failure; for functions that free something
    };
    kind how{};
    SECURITY_STATUS status{};

    /// Returns true if the package does nothing.
    [[nodiscard]] bool instead() const noexcept { return how == kind::fails || how == kind::lies; }
};

/// How a run continues after the step with the fault.
enum class after : unsigned char {
    go_on,      ///< with the next step
    retry,      ///< repeats the step, which must succeed now
    no_context, ///< repeats the step, which must fail with `no_context` now, and ends
    stop,       ///< ends, because the rest depends on the package
};

/// The expected result of the step with the fault.
struct expectation {
    std::error_code code;
    after next = after::go_on;
    std::function<bool()> holds{}; ///< replaces the step's own `holds`
    bool any_code = false;         ///< `code` is ignored: the result depends on the package
    const char* blamed = nullptr;  ///< the function that the error names, if it is not the one with the fault
};

/// Returns the expectation for a package that reports work which it has not done.
inline expectation up_to_the_package() {
    return {{}, after::stop, [] { return true; }, true};
}

struct step {
    std::string_view name;
    std::function<void(std::error_code&)> with_code;
    std::function<void()> throwing;

    /// Prepares each attempt. Must not call the package or any library function that can fail.
    std::function<void()> prepare{};
    /// Must return true after a success, and after a failure.
    std::function<bool()> holds{};
    std::function<bool()> holds_after_failure{};
    /// How the run continues after a failure, and after a failure of a call that has done its work.
    after after_failure = after::retry;
    after after_odd_success = after::retry;
    /// Returns an expectation where this step differs from the rule for the function with the fault.
    std::function<std::optional<expectation>(const call&, const fault&)> differs{};

    /// Without memory, it throws std::bad_alloc in both forms, as a constructor does.
    bool constructs = false;
    /// Without memory, the throwing form throws std::bad_alloc; the other reports `insufficient_memory`.
    bool throws_bad_alloc = false;
    /// It allocates nothing, except for the exception of a failure.
    bool allocates_nothing = false;
};

/// The steps and the objects that they use. The destructor destroys these objects.
class scenario {
public:
    scenario(const scenario&) = delete;
    scenario& operator=(const scenario&) = delete;
    virtual ~scenario() = default;

    std::vector<step> steps;

protected:
    scenario() = default;

    template <class WithCode, class Throwing>
    step& add(std::string_view name, WithCode with_code, Throwing throwing) {
        steps.push_back({name, std::move(with_code), std::move(throwing)});
        return steps.back();
    }
    /// Adds a step for a function with one form only, or where both are written alike, as in outcome_of (profiles.hpp).
    template <class Call>
    step& add(std::string_view name, const Call& callable) {
        if constexpr (std::is_invocable_v<const Call&, std::error_code&>) {
            return add(name, callable, callable);
        } else {
            return add(name, [callable](std::error_code& ec) { callable(), ec.clear(); }, callable);
        }
    }
};

/// Makes a scenario for one package.
struct named_scenario {
    const char* name;
    profile which;
    std::unique_ptr<scenario> (*begin)(const profile&);
};

const std::vector<named_scenario>& all_scenarios();

// Each function makes the objects of its scenario, without faults, and lists the steps.
std::unique_ptr<scenario> packages_scenario(const profile& which);
std::unique_ptr<scenario> credentials_scenario(const profile& which);
std::unique_ptr<scenario> handshake_scenario(const profile& which);
std::unique_ptr<scenario> completed_handshake_scenario(const profile& which); ///< with CompleteAuthToken in each step
std::unique_ptr<scenario> establish_scenario(const profile& which);
std::unique_ptr<scenario> messages_scenario(const profile& which);
std::unique_ptr<scenario> parts_scenario(const profile& which);
std::unique_ptr<scenario> halves_scenario(const profile& which);
std::unique_ptr<scenario> attributes_scenario(const profile& which);
std::unique_ptr<scenario> transfer_scenario(const profile& which);
std::unique_ptr<scenario> impersonation_scenario(const profile& which);
std::unique_ptr<scenario> http_negotiate_scenario(const profile& which);
std::unique_ptr<scenario> sasl_scenario(const profile& which);
std::unique_ptr<scenario> negotiate_stream_scenario(const profile& which);
std::unique_ptr<scenario> signed_negotiate_stream_scenario(const profile& which); ///< without encryption

inline void PrintTo(const named_scenario& which, std::ostream* out) {
    *out << which.name << " with " << which.which.name;
}

class scenario_test : public ::testing::TestWithParam<std::tuple<named_scenario, surface>> {};

inline auto each_scenario_and_surface() {
    return ::testing::Combine(::testing::ValuesIn(all_scenarios()), ::testing::ValuesIn(surfaces));
}
std::string name_of_scenario(const ::testing::TestParamInfo<std::tuple<named_scenario, surface>>& info);

/// The result of one attempt of a step.
struct attempt_outcome : outcome {
    bool no_memory = false; ///< it threw std::bad_alloc
    std::size_t allocations = 0;
};

/// The allocations of an attempt that fail; see allocation.hpp.
struct scarcity {
    std::size_t nth = 0;
    bool every_later_one = false;
};

/// Prepares the step and runs it. Allocations fail only while the library works.
attempt_outcome attempt(const step& what, surface form, scarcity memory = {});

/// Runs the scenario without faults and returns its calls. All steps must succeed.
std::vector<call> trace_of(const named_scenario& which, surface form);

/// Returns SSPI's name of a function of the seam, as in errors.
const char* name_of(function which);

} // namespace faults
