// SPDX-License-Identifier: MIT
//
// A small play about one part of the library: operations, one after another, each on either error surface. It is
// performed again and again, and each time something else goes wrong.
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
#include <utility>
#include <vector>

namespace faults {

using namespace testing_support;
using loopback::function;

/// One call of the seam, as it happens when nothing goes wrong.
struct call {
    function which{};
    std::size_t nth = 0; ///< of this function, counted from the act's first operation
    ULONG flags = 0;     ///< loopback::last_flags: which attribute, for example
    std::size_t operation =
        0; ///< in which operation; one more than there are: at the end, when everything is destroyed
};

/// What goes wrong with a call.
struct fault {
    enum class kind : unsigned char {
        fails,            ///< it does nothing, and says so
        lies,             ///< it does nothing, and claims some other success
        succeeds_oddly,   ///< it does its work, and says so by some other success
        fails_afterwards, ///< it does its work, and claims a failure; for what frees things
    };
    kind how{};
    SECURITY_STATUS status{};

    /// Whether the package has done nothing.
    [[nodiscard]] bool instead() const noexcept { return how == kind::fails || how == kind::lies; }
};

enum class sequel : unsigned char {
    go_on, ///< the act goes on
    again, ///< the same operation must succeed now
    over,  ///< the same operation must say `no_context` now; the act ends
    stop,  ///< the act ends: what follows depends on the package
};

/// What an operation must come to.
struct verdict {
    std::error_code code;
    sequel next = sequel::go_on;
    std::function<bool()> holds{}; ///< instead of the operation's own `holds`
    bool any_code = false;         ///< `code` does not matter: what comes of it depends on the package
    const char* blamed = nullptr;  ///< instead of the function that was called
};

/// Of a package that has not done what it says.
inline verdict up_to_the_package() {
    return {{}, sequel::stop, [] { return true; }, true};
}

struct operation {
    std::string_view name;
    std::function<void(std::error_code&)> with_code;
    std::function<void()> throwing;

    /// The test's own part, before each attempt. It calls neither the package nor, where that would fail, the library.
    std::function<void()> prepare{};
    /// What is true after a success, and after a failure.
    std::function<bool()> holds{};
    std::function<bool()> holds_after_failure{};
    /// What follows a failure; and one of a call that has done its work all the same.
    sequel after_failure = sequel::again;
    sequel after_odd_success = sequel::again;
    /// Where this operation differs from the rule for the function that was called.
    std::function<std::optional<verdict>(const call&, const fault&)> differs{};

    /// Finds no memory with std::bad_alloc, whatever the surface: a constructor or the like.
    bool constructs = false;
    /// The throwing form finds no memory with std::bad_alloc, the other reports `insufficient_memory`.
    bool throws_bad_alloc = false;
    /// Allocates nothing: neither when it succeeds nor, where nothing is thrown, when it fails.
    bool allocates_nothing = false;
};

/// When it ends, all its objects die.
class act {
public:
    act(const act&) = delete;
    act& operator=(const act&) = delete;
    virtual ~act() = default;

    std::vector<operation> operations;

protected:
    act() = default;

    template <class WithCode, class Throwing>
    operation& add(std::string_view name, WithCode with_code, Throwing throwing) {
        operations.push_back({name, std::move(with_code), std::move(throwing)});
        return operations.back();
    }
    /// Of what has one form only.
    template <class Call>
    operation& add(std::string_view name, Call perform) {
        return add(name, [perform](std::error_code& ec) { perform(), ec.clear(); }, perform);
    }
};

/// An act and the package it is about.
struct play {
    const char* name;
    profile which;
    std::unique_ptr<act> (*begin)(const profile&);
};

const std::vector<play>& all_plays();

// Each sets its stage, without any fault, and lists its operations.
std::unique_ptr<act> packages_act(const profile& which);
std::unique_ptr<act> credentials_act(const profile& which);
std::unique_ptr<act> handshake_act(const profile& which);
std::unique_ptr<act> completed_handshake_act(const profile& which); ///< with CompleteAuthToken in each step
std::unique_ptr<act> establish_act(const profile& which);
std::unique_ptr<act> messages_act(const profile& which);
std::unique_ptr<act> parts_act(const profile& which);
std::unique_ptr<act> halves_act(const profile& which);
std::unique_ptr<act> attributes_act(const profile& which);
std::unique_ptr<act> transfer_act(const profile& which);
std::unique_ptr<act> impersonation_act(const profile& which);

inline void PrintTo(const play& which, std::ostream* out) {
    *out << which.name << " with " << which.which.name;
}

class play_test : public ::testing::TestWithParam<std::tuple<play, surface>> {};

inline auto each_play_and_surface() {
    return ::testing::Combine(::testing::ValuesIn(all_plays()), ::testing::ValuesIn(surfaces));
}
std::string name_of_play(const ::testing::TestParamInfo<std::tuple<play, surface>>& info);

/// What an attempt came to.
struct attempt_outcome : outcome {
    bool no_memory = false; ///< std::bad_alloc came out
    std::size_t allocations = 0;
};

/// When allocations fail during an attempt; see allocation.hpp.
struct scarcity {
    std::size_t nth = 0;
    bool every_later_one = false;
};

/// Prepares and performs. Memory is scarce while the library works, not before or after.
attempt_outcome attempt(const operation& what, surface form, scarcity memory = {});

/// All calls of an act in which nothing goes wrong; its operations must succeed.
std::vector<call> trace_of(const play& which, surface form);

/// SSPI's name of a function of the seam, which is what errors name.
const char* name_of(function which);

} // namespace faults
