// SPDX-License-Identifier: MIT
//
// Guards over an access token.
#include <sspan/impersonation.hpp>

#include "impersonation.hpp"

#include <gtest/gtest.h>

#include <string>
#include <system_error>
#include <thread>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::current_thread_client;
using loopback::current_thread_level;
using loopback::function;
using sspan::errc;

class token_guard : public surface_test {};
INSTANTIATE_TEST_SUITE_P(each, token_guard, each_profile_and_surface(), name_of{});

TEST_P(token_guard, acts_as_the_client_on_another_thread_and_keeps_nothing_of_the_token) {
    auto token = token_of(L"alice");
    std::thread{[&] {
        bool ran = false;
        EXPECT_TRUE(succeeded(as_client(which_surface(), token, {}, [&](const impersonation_guard& guard) {
            ran = true;
            token = {};
            EXPECT_EQ(current_thread_client(), alice);
            EXPECT_EQ(guard.level(), impersonation_level::impersonation);
        })));
        EXPECT_TRUE(ran);
        EXPECT_EQ(current_thread_client(), nobody);
    }}.join();
    EXPECT_EQ(calls(function::impersonate_security_context) + calls(function::revert_security_context), 0U);
    EXPECT_EQ(calls(function::set_thread_token), 2U);
}

TEST_P(token_guard, puts_back_what_the_thread_had) {
    const auto token = token_of(L"alice");
    for (const auto& before : {nobody, bob}) {
        if (before != nobody) {
            loopback::impersonate_on_thread(before, SecurityImpersonation);
        }
        EXPECT_TRUE(succeeded(as_client(which_surface(), token, {}, [](const impersonation_guard&) {})));
        EXPECT_EQ(current_thread_client(), before);
    }
    EXPECT_EQ(current_thread_level(), SecurityImpersonation);
    loopback::stop_impersonating_on_thread();
}

TEST_P(token_guard, nests_in_a_guard_over_a_context_and_the_other_way_round) {
    const auto token = token_of(L"bob");
    const auto pair = accepted(L"alice");
    const auto inner_token = [&](const impersonation_guard&) {
        EXPECT_TRUE(succeeded(as_client(which_surface(), token, {},
                                        [](const impersonation_guard&) { EXPECT_EQ(current_thread_client(), bob); })));
        EXPECT_EQ(current_thread_client(), alice);
    };
    EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, {}, inner_token)));
    const auto inner_context = [&](const impersonation_guard&) {
        EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, {}, [](const impersonation_guard&) {
            EXPECT_EQ(current_thread_client(), alice);
        })));
        EXPECT_EQ(current_thread_client(), bob);
    };
    EXPECT_TRUE(succeeded(as_client(which_surface(), token, {}, inner_context)));
    EXPECT_EQ(current_thread_client(), nobody);
}

TEST_P(token_guard, trap_level_that_set_thread_token_lowers_silently_is_noticed_at_once) {
    const auto token = token_of(L"alice");
    for (const auto highest : {SecurityAnonymous, SecurityIdentification}) {
        loopback::configure().highest_thread_level = highest;
        EXPECT_EQ(as_client(which_surface(), token, {}, must_not_run).code, errc::bad_impersonation_level);
        EXPECT_EQ(current_thread_client(), nobody);
    }
    EXPECT_EQ(token.level(), impersonation_level::impersonation) << "the token itself does not change";
    const impersonation_options looking{.require = impersonation_level::identification};
    EXPECT_TRUE(succeeded(as_client(which_surface(), token, looking, [](const impersonation_guard& guard) {
        EXPECT_EQ(guard.level(), impersonation_level::identification);
    })));
}

TEST_P(token_guard, level_of_the_token_is_compared_with_the_required_one) {
    const auto looked_at = token_of(L"alice", SecurityIdentification);
    EXPECT_TRUE(failed_with(as_client(which_surface(), looked_at, {}, must_not_run), errc::bad_impersonation_level,
                            "GetTokenInformation"));
    EXPECT_EQ(current_thread_client(), nobody);
    const auto delegated = token_of(L"alice", SecurityDelegation);
    const impersonation_options onward{.require = impersonation_level::delegation};
    EXPECT_TRUE(succeeded(as_client(which_surface(), delegated, onward, [](const impersonation_guard&) {})));
}

TEST_P(token_guard, primary_token_is_refused) {
    const auto primary = token_of(L"alice").to_primary();
    loopback::impersonate_on_thread(bob, SecurityImpersonation);
    EXPECT_TRUE(failed_with(as_client(which_surface(), primary, {}, must_not_run), errc::bad_token_type, put));
    EXPECT_EQ(current_thread_client(), bob);
    loopback::stop_impersonating_on_thread();
}

TEST_P(token_guard, zero_state_is_refused_and_ends_no_other_impersonation) { // SetThreadToken would end it
    loopback::impersonate_on_thread(bob, SecurityImpersonation);
    EXPECT_TRUE(
        failed_with(as_client(which_surface(), sspan::access_token{}, {}, must_not_run), errc::invalid_handle, put));
    EXPECT_EQ(current_thread_client(), bob);
    EXPECT_EQ(calls(function::set_thread_token) + calls(function::open_thread_token), 0U);
    loopback::stop_impersonating_on_thread();
}

TEST_P(token_guard, each_failure_means_that_no_work_runs) {
    const std::error_code denied{static_cast<int>(0x80070005U), sspan::category()};
    const auto token = token_of(L"alice");
    for (const auto& before : {nobody, bob}) {
        if (before != nobody) {
            loopback::impersonate_on_thread(before, SecurityImpersonation);
        }
        loopback::fail_from(function::open_thread_token, 1, 5);
        EXPECT_TRUE(failed_with(as_client(which_surface(), token, {}, must_not_run), denied, "OpenThreadToken"));
        EXPECT_EQ(calls(function::set_thread_token), before == nobody ? 0U : 6U);
        loopback::clear_faults();
        loopback::fail_at(function::set_thread_token, 1, 5);
        EXPECT_TRUE(failed_with(as_client(which_surface(), token, {}, must_not_run), denied, put));
        EXPECT_EQ(current_thread_client(), before);
        loopback::return_after(function::set_thread_token, 1, 5); // has an effect, but returns a failure
        EXPECT_TRUE(failed_with(as_client(which_surface(), token, {}, must_not_run), denied, put));
        EXPECT_EQ(current_thread_client(), before);
        loopback::fail_at(function::query_impersonation_level, 1, 5);
        EXPECT_TRUE(failed_with(as_client(which_surface(), token, {}, must_not_run), denied, "GetTokenInformation"));
        EXPECT_EQ(current_thread_client(), before);
    }
    loopback::stop_impersonating_on_thread();
}

TEST_P(token_guard, failure_to_restore_is_told_and_retried) {
    const auto token = token_of(L"alice");
    for (const auto& before : {nobody, bob}) {
        if (before != nobody) {
            loopback::impersonate_on_thread(before, SecurityImpersonation);
        }
        {
            impersonation_guard guard{token};
            loopback::fail_at(function::set_thread_token, 1, 5);
            EXPECT_TRUE(failed_with(revert(which_surface(), guard), sspi_code(sspi_status(0x80070005U)), put));
            EXPECT_TRUE(guard.active());
            EXPECT_EQ(current_thread_client(), alice);
        }
        EXPECT_EQ(current_thread_client(), before);
    }
    loopback::stop_impersonating_on_thread();
}

TEST_P(token_guard, work_that_changes_the_threads_token_is_told) {
    const auto token = token_of(L"alice");
    impersonation_guard guard{token};
    loopback::stop_impersonating_on_thread();
    EXPECT_TRUE(failed_with(revert(which_surface(), guard), errc::no_impersonation_token, "OpenThreadToken"));
    EXPECT_FALSE(guard.active());
}

TEST_P(token_guard, other_thread_cannot_revert) {
    const auto token = token_of(L"alice");
    impersonation_guard guard{token};
    std::thread{[&] { EXPECT_TRUE(failed_with(revert(which_surface(), guard), errc::not_owner, put)); }}.join();
    EXPECT_TRUE(guard.active());
    EXPECT_EQ(current_thread_client(), alice);
}

TEST_P(token_guard, run_as_client_takes_a_token) {
    const auto token = token_of(L"alice");
    std::wstring seen;
    EXPECT_TRUE(succeeded(outcome_of(
        which_surface(),
        [&](std::error_code& ec) {
            sspan::run_as_client(token, [&](std::error_code&) { seen = current_thread_client(); }, {}, ec);
        },
        [&] { seen = sspan::run_as_client(token, [] { return current_thread_client(); }); })));
    EXPECT_EQ(seen, alice);
    loopback::configure().highest_thread_level = SecurityIdentification;
    const auto refused = outcome_of(
        which_surface(),
        [&](std::error_code& ec) {
            sspan::run_as_client(token, [](std::error_code&) { ADD_FAILURE() << "ran"; }, {}, ec);
        },
        [&] { sspan::run_as_client(token, [] { ADD_FAILURE() << "ran"; }); });
    EXPECT_TRUE(failed_with(refused, errc::bad_impersonation_level, "GetTokenInformation"));
}

} // namespace
