// SPDX-License-Identifier: MIT
//
// Faults at the end of an impersonation. The library then ends the process by design, so each test runs in a child
// process. Each call gets only a few statuses, because a process takes time. statuses_test.cpp tests the other statuses
// with `revert`, which can be repeated.
#include "scenario.hpp"

#include <sspan/impersonation.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <ostream>
#include <string>
#include <system_error>
#include <tuple>

namespace faults {

namespace {

/// Faults of one call, and the code that the hook then gets.
struct end {
    const char* name;
    function which;
    SECURITY_STATUS status;
    const char* told;
};

void PrintTo(const end& which, std::ostream* out) {
    *out << which.name;
}

const std::array ends{
    end{"revert_fails", function::revert_security_context, SEC_E_INTERNAL_ERROR, "the hook is told of 80090304"},
    end{"revert_is_informational", function::revert_security_context, SEC_I_CONTEXT_EXPIRED,
        "the hook is told of 90317"},
    end{"revert_is_an_ntstatus", function::revert_security_context, sspi_status(0xC0000022U),
        "the hook is told of c0000022"},
    end{"restore_is_denied", function::set_thread_token, 5, "the hook is told of 80070005"},
    end{"restore_finds_no_handle", function::set_thread_token, 6, "the hook is told of 80070006"},
};

void tell(const std::error_code& ec) noexcept {
    std::fprintf(stderr, "the hook is told of %x\n", static_cast<unsigned>(ec.value()));
}

class revert_death : public ::testing::TestWithParam<std::tuple<end, surface>> {
protected:
    void SetUp() override {
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        loopback::reset();
    }
    void TearDown() override { loopback::reset(); }

    static constexpr sspan::impersonation_options options{sspan::impersonation_level::impersonation, &tell};
};
std::string name_of_end(const ::testing::TestParamInfo<std::tuple<end, surface>>& info) {
    const auto& [which, form] = info.param;
    return std::string{which.name} + (form == surface::error_code ? "_error_code" : "_exception");
}
INSTANTIATE_TEST_SUITE_P(each, revert_death,
                         ::testing::Combine(::testing::ValuesIn(ends), ::testing::ValuesIn(surfaces)), name_of_end);
const auto ended = ::testing::ExitedWithCode(loopback::fail_fast_exit_code);

TEST_P(revert_death, after_the_work_of_a_client) {
    const auto& [wrong, form] = GetParam();
    const auto program = [&] {
        const auto pair = establish();
        loopback::impersonate_on_thread(L"somebody", SecurityImpersonation); // a token that SetThreadToken must restore
        loopback::fail_at(function::set_thread_token, 1, 5); // otherwise this call repairs the failed revert
        loopback::fail_at(wrong.which, 1, wrong.status);
        if (form == surface::exception) {
            sspan::run_as_client(pair.server, [] {}, options);
        } else {
            std::error_code ec;
            sspan::run_as_client(pair.server, [](std::error_code&) {}, options, ec);
        }
    };
    EXPECT_EXIT(program(), ended, wrong.told);
}

TEST_P(revert_death, after_an_impersonation_that_cannot_be_kept) {
    const auto& [wrong, form] = GetParam();
    const auto program = [&] {
        const auto pair = establish();
        loopback::impersonate_on_thread(L"somebody", SecurityImpersonation);
        loopback::fail_at(function::query_impersonation_level, 1, 5);
        loopback::fail_at(function::set_thread_token, 1, 5);
        loopback::fail_at(wrong.which, 1, wrong.status);
        if (form == surface::exception) {
            const sspan::impersonation_guard guard{pair.server, options};
        } else {
            std::error_code ec;
            const sspan::impersonation_guard guard{pair.server, options, ec};
        }
    };
    EXPECT_EXIT(program(), ended, wrong.told);
}

TEST_P(revert_death, after_a_revert_that_failed_twice) {
    const auto& [wrong, form] = GetParam();
    const auto program = [&] {
        const auto pair = establish();
        loopback::impersonate_on_thread(L"somebody", SecurityImpersonation);
        loopback::fail_from(function::set_thread_token, 1, 5);
        loopback::fail_from(wrong.which, 1, wrong.status);
        sspan::impersonation_guard guard{pair.server, options};
        std::error_code ec;
        if (form == surface::error_code) {
            static_cast<void>(guard.revert(ec));
        } else {
            try {
                guard.revert();
            } catch (const sspan::error& failure) {
                ec = failure.code();
            }
        }
        std::fputs(ec ? "the first is an error\n" : "the first is none\n", stderr);
    };
    EXPECT_EXIT(program(), ended, std::string{"the first is an error\n"} + wrong.told);
}

} // namespace

} // namespace faults
