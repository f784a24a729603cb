// SPDX-License-Identifier: MIT
#include <sspan/impersonation.hpp>

#include "impersonation.hpp"

#include <sspan/handshake.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::current_thread_client;
using loopback::current_thread_level;
using loopback::function;
using sspan::errc;

static_assert(!std::is_copy_constructible_v<impersonation_guard>);
static_assert(!std::is_move_constructible_v<impersonation_guard>);
static_assert(!std::is_copy_assignable_v<impersonation_guard>);
static_assert(!std::is_move_assignable_v<impersonation_guard>);
static_assert(!std::is_constructible_v<impersonation_guard, const sspan::security_context&>);
static_assert(!std::is_convertible_v<const sspan::server_context&, impersonation_guard>);
static_assert(!std::is_convertible_v<const sspan::access_token&, impersonation_guard>);

class impersonation : public surface_test {};
INSTANTIATE_TEST_SUITE_P(each, impersonation, each_profile_and_surface(), name_of{});

TEST_P(impersonation, lasts_as_long_as_the_guard) {
    const auto pair = establish(which_profile());
    bool ran = false;
    EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, {}, [&](const impersonation_guard& guard) {
        ran = true;
        EXPECT_EQ(current_thread_client(), alice);
        EXPECT_EQ(guard.level(), impersonation_level::impersonation);
    })));
    EXPECT_TRUE(ran);
    EXPECT_EQ(current_thread_client(), nobody);
    EXPECT_EQ(calls(function::impersonate_security_context), 1U);
    EXPECT_EQ(calls(function::revert_security_context), 1U);
}

TEST_P(impersonation, ends_when_an_exception_leaves_the_scope) {
    const auto pair = establish(which_profile());
    EXPECT_THROW(
        {
            const impersonation_guard guard{pair.server};
            throw std::runtime_error{"work failed"};
        },
        std::runtime_error);
    EXPECT_EQ(current_thread_client(), nobody);
}

TEST_P(impersonation, misuse_11_nested_guards_restore_each_other) {
    const auto first = accepted(L"alice");
    const auto second = accepted(L"bob");
    const auto inner = [&](const impersonation_guard&) { EXPECT_EQ(current_thread_client(), bob); };
    EXPECT_TRUE(succeeded(as_client(which_surface(), first.server, {}, [&](const impersonation_guard&) {
        EXPECT_TRUE(succeeded(as_client(which_surface(), second.server, {}, inner)));
        EXPECT_EQ(current_thread_client(), alice);
        EXPECT_TRUE(succeeded(as_client(which_surface(), first.server, {}, [](const impersonation_guard&) {})));
        EXPECT_EQ(current_thread_client(), alice);
    })));
    EXPECT_EQ(current_thread_client(), nobody);
}

TEST_P(impersonation, misuse_11_restores_what_somebody_else_had_put_on_the_thread) {
    const auto pair = establish(which_profile());
    loopback::impersonate_on_thread(L"LOOPBACK\\carol", SecurityIdentification);
    EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, {},
                                    [](const impersonation_guard&) { EXPECT_EQ(current_thread_client(), alice); })));
    EXPECT_EQ(current_thread_client(), L"LOOPBACK\\carol");
    EXPECT_EQ(current_thread_level(), SecurityIdentification);
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, each_failure_of_the_call_means_that_no_work_runs) {
    const auto pair = establish(which_profile());
    loopback::impersonate_on_thread(bob, SecurityImpersonation);
    for (const auto status : all_failures()) {
        loopback::fail_at(function::impersonate_security_context, 1, status);
        EXPECT_TRUE(
            failed_with(as_client(which_surface(), pair.server, {}, must_not_run), sspi_code(status), impersonate));
        EXPECT_EQ(current_thread_client(), bob);
    }
    EXPECT_EQ(calls(function::revert_security_context), 0U);
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, any_other_success_of_the_call_is_a_failure_and_reverted) {
    const auto pair = establish(which_profile());
    loopback::impersonate_on_thread(bob, SecurityImpersonation);
    for (const auto status : all_informational()) {
        loopback::return_after(function::impersonate_security_context, 1, status);
        EXPECT_TRUE(
            failed_with(as_client(which_surface(), pair.server, {}, must_not_run), sspi_code(status), impersonate));
        EXPECT_EQ(current_thread_client(), bob);
    }
    EXPECT_EQ(calls(function::revert_security_context), all_informational().size());
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, trap_level_that_was_lowered_silently_is_noticed_at_once) {
    const auto pair = establish(which_profile());
    for (const auto granted : {SecurityAnonymous, SecurityIdentification}) {
        loopback::configure().impersonation_level = granted;
        const auto result = as_client(which_surface(), pair.server, {}, must_not_run);
        EXPECT_EQ(result.code, errc::bad_impersonation_level);
        EXPECT_EQ(result.what.empty(), which_surface() == surface::error_code);
        EXPECT_EQ(current_thread_client(), nobody);
    }
}

TEST_P(impersonation, required_level_is_compared_with_the_one_reached) {
    const auto pair = establish(which_profile());
    constexpr std::array levels{SecurityIdentification, SecurityImpersonation, SecurityDelegation};
    for (const auto granted : levels) {
        for (const auto required : levels) {
            loopback::configure().impersonation_level = granted;
            impersonation_options options;
            options.require = static_cast<impersonation_level>(required);
            std::optional<impersonation_level> reached;
            const auto result = as_client(which_surface(), pair.server, options,
                                          [&](const impersonation_guard& guard) { reached = guard.level(); });
            if (granted >= required) {
                EXPECT_TRUE(succeeded(result));
                EXPECT_EQ(reached, static_cast<impersonation_level>(granted));
            } else {
                EXPECT_TRUE(failed_with(result, errc::bad_impersonation_level, "GetTokenInformation"));
                EXPECT_FALSE(reached);
            }
            EXPECT_EQ(current_thread_client(), nobody);
        }
    }
}

TEST_P(impersonation, anonymous_client_cannot_be_opened_and_is_taken_by_who_asks_for_it) {
    const auto pair = establish(which_profile());
    impersonation_options options;
    for (const auto required : {impersonation_level::anonymous, impersonation_level::identification}) {
        options.require = required;
        loopback::configure().impersonation_level = SecurityAnonymous;
        const auto result = as_client(which_surface(), pair.server, options, [](const impersonation_guard& guard) {
            EXPECT_EQ(guard.level(), impersonation_level::anonymous);
        });
        EXPECT_TRUE(required == impersonation_level::anonymous
                        ? succeeded(result)
                        : failed_with(result, errc::bad_impersonation_level, "OpenThreadToken"));
        EXPECT_EQ(current_thread_client(), nobody);
    }
}

TEST_P(impersonation, thread_that_is_anonymous_already_is_refused_by_name) { // its token could not be restored
    const auto pair = establish(which_profile());
    loopback::impersonate_on_thread(L"LOOPBACK\\bob", SecurityAnonymous);
    const auto result = as_client(which_surface(), pair.server, {}, must_not_run);
    EXPECT_TRUE(failed_with(result, errc::cannot_open_anonymous, "OpenThreadToken"));
    EXPECT_NE(result.code.message().find("ERROR_CANT_OPEN_ANONYMOUS"), std::string::npos) << result.code.message();
    EXPECT_EQ(calls(function::impersonate_security_context), 0U);
    EXPECT_EQ(loopback::live().impersonating_threads, 1U) << "the thread keeps its token";
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, failure_to_read_the_level_is_reverted) {
    const auto pair = establish(which_profile());
    const std::error_code denied{static_cast<int>(0x80070005U), sspan::category()};
    loopback::fail_from(function::open_thread_token, 2, 5); // ERROR_ACCESS_DENIED
    EXPECT_TRUE(failed_with(as_client(which_surface(), pair.server, {}, must_not_run), denied, "OpenThreadToken"));
    EXPECT_EQ(current_thread_client(), nobody);
    loopback::clear_faults();
    loopback::fail_at(function::query_impersonation_level, 1, 5);
    EXPECT_TRUE(failed_with(as_client(which_surface(), pair.server, {}, must_not_run), denied, "GetTokenInformation"));
    EXPECT_EQ(current_thread_client(), nobody);
    EXPECT_EQ(calls(function::revert_security_context), 2U);
}

TEST_P(impersonation, leaves_the_last_error_of_the_work_to_the_caller) {
    const auto pair = establish(which_profile());
    const auto spoil = [] { sspan::detail::api::set_last_error(0); };
    for (const auto which : {function::impersonate_security_context, function::revert_security_context}) {
        loopback::on_call(which, 1, spoil);
    }
    sspan::detail::api::set_last_error(5);
    EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, {}, [](const impersonation_guard&) {
        EXPECT_EQ(sspan::detail::api::last_error(), 5U);
        sspan::detail::api::set_last_error(3); // as a failed CreateFileW does
    })));
    EXPECT_EQ(sspan::detail::api::last_error(), 3U);
    loopback::on_call(function::impersonate_security_context, 1, spoil);
    impersonation_options options;
    options.require = impersonation_level::delegation;
    EXPECT_FALSE(succeeded(as_client(which_surface(), pair.server, options, must_not_run)));
    EXPECT_EQ(sspan::detail::api::last_error(), 3U);
}

TEST_P(impersonation, level_is_read_as_the_client_where_the_process_may_not) {
    const auto pair = establish(which_profile());
    loopback::fail_at(function::open_thread_token, 2, 5); // ERROR_ACCESS_DENIED
    EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, {}, [](const impersonation_guard& guard) {
        EXPECT_EQ(guard.level(), impersonation_level::impersonation);
        EXPECT_EQ(calls(function::open_thread_token), 3U);
        EXPECT_EQ(loopback::last_flags(function::open_thread_token),
                  static_cast<ULONG>(TOKEN_QUERY)); // only the required access
    })));
}

TEST_P(impersonation, failure_to_read_what_was_before_impersonates_nobody) {
    const auto pair = establish(which_profile());
    const std::error_code denied{static_cast<int>(0x80070005U), sspan::category()};
    loopback::fail_from(function::open_thread_token, 1, 5);
    EXPECT_TRUE(failed_with(as_client(which_surface(), pair.server, {}, must_not_run), denied, "OpenThreadToken"));
    EXPECT_EQ(calls(function::impersonate_security_context), 0U);
    EXPECT_EQ(calls(function::revert_security_context), 0U);
}

TEST_P(impersonation, zero_state_is_refused_before_any_call) {
    const sspan::server_context zero;
    EXPECT_TRUE(failed_with(as_client(which_surface(), zero, {}, must_not_run), errc::invalid_handle, impersonate));
    EXPECT_EQ(calls(function::impersonate_security_context), 0U);
    EXPECT_EQ(calls(function::open_thread_token), 0U);
}

TEST_P(impersonation, client_side_that_was_adopted_as_a_server_has_no_client) {
    auto pair = establish(which_profile());
    const auto granted = pair.client.granted();
    auto wrong = sspan::server_context::adopt(pair.client.release(), granted);
    EXPECT_TRUE(failed_with(as_client(which_surface(), wrong, {}, must_not_run), errc::no_impersonation, impersonate));
}

TEST_P(impersonation, context_may_be_moved_in_the_meantime) {
    auto pair = establish(which_profile());
    sspan::server_context moved;
    {
        const impersonation_guard guard{pair.server};
        moved = std::move(pair.server);
        EXPECT_EQ(current_thread_client(), alice);
    }
    EXPECT_EQ(current_thread_client(), nobody);
    EXPECT_EQ(calls(function::revert_security_context), 1U);
}

TEST_P(impersonation, guard_keeps_the_context_until_the_thread_has_reverted) {
    auto pair = establish(which_profile());
    const auto contexts = loopback::live().contexts;
    loopback::on_call(function::delete_security_context, 1, [] { EXPECT_EQ(current_thread_client(), nobody); });
    EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, {}, [&](const impersonation_guard&) {
        pair.server = {};
        EXPECT_EQ(current_thread_client(), alice);
        EXPECT_EQ(loopback::live().contexts, contexts);
    })));
    EXPECT_EQ(current_thread_client(), nobody);
    EXPECT_EQ(loopback::live().contexts, contexts - 1);
}

TEST_P(impersonation, early_revert_ends_the_guards_share_of_the_context) {
    auto pair = establish(which_profile());
    impersonation_guard guard{std::exchange(pair.server, {})};
    EXPECT_EQ(current_thread_client(), alice);
    guard.revert();
    EXPECT_EQ(loopback::live().contexts, 1U);
}

TEST_P(impersonation, refused_guard_has_no_share_of_the_context) {
    auto pair = establish(which_profile());
    loopback::configure().impersonation_level = SecurityIdentification;
    std::error_code ec;
    const impersonation_guard guard{pair.server, {}, ec};
    EXPECT_EQ(ec, errc::bad_impersonation_level);
    pair.server = {};
    EXPECT_EQ(loopback::live().contexts, 1U);
}

TEST_P(impersonation, context_is_not_given_away_during_a_guard) {
    auto pair = establish(which_profile());
    EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, {}, [&](const impersonation_guard&) {
        CtxtHandle handle{};
        const auto result = outcome_of(which_surface(), [&](auto&... ec) { handle = pair.server.release(ec...); });
        EXPECT_TRUE(failed_with(result, errc::not_owner, "sspan::security_context::release"));
        EXPECT_EQ(handle.dwLower | handle.dwUpper, 0U);
        EXPECT_TRUE(pair.server);
    })));
    auto handle = pair.server.release();
    EXPECT_EQ(sspan::detail::api::delete_security_context(&handle), SEC_E_OK);
}

TEST_P(impersonation, other_threads_stay_as_they_are) {
    const auto pair = establish(which_profile());
    EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, {}, [](const impersonation_guard&) {
        std::thread{[] { EXPECT_EQ(current_thread_client(), nobody); }}.join();
    })));
}

TEST_P(impersonation, early_revert_is_the_only_one) {
    const auto pair = establish(which_profile());
    {
        impersonation_guard guard{pair.server};
        EXPECT_TRUE(guard.active());
        const auto revert = [&] {
            return outcome_of(
                which_surface(), [&](std::error_code& ec) { EXPECT_TRUE(guard.revert(ec)); }, [&] { guard.revert(); });
        };
        EXPECT_TRUE(succeeded(revert()));
        EXPECT_FALSE(guard.active());
        EXPECT_EQ(current_thread_client(), nobody);
        EXPECT_TRUE(succeeded(revert())) << "reverted already";
        loopback::impersonate_on_thread(bob, SecurityImpersonation);
    }
    EXPECT_EQ(current_thread_client(), bob) << "the guard no longer changes the thread's token";
    EXPECT_EQ(calls(function::revert_security_context), 1U);
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, failed_call_that_has_changed_the_thread_is_undone) {
    const auto pair = establish(which_profile());
    for (const auto& before : {nobody, bob}) {
        if (before != nobody) {
            loopback::impersonate_on_thread(before, SecurityImpersonation);
        }
        loopback::return_after(function::impersonate_security_context, 1, SEC_E_NO_IMPERSONATION);
        EXPECT_TRUE(failed_with(as_client(which_surface(), pair.server, {}, must_not_run), errc::no_impersonation,
                                impersonate));
        EXPECT_EQ(current_thread_client(), before);
    }
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, misuse_11_each_failure_of_a_revert_is_made_good) {
    const auto pair = establish(which_profile());
    for (const auto& before : {nobody, bob}) {
        for (const auto* statuses : {&all_failures(), &all_informational()}) {
            for (const auto status : *statuses) {
                if (before != nobody) {
                    loopback::impersonate_on_thread(before, SecurityImpersonation);
                }
                impersonation_guard guard{pair.server};
                loopback::fail_at(function::revert_security_context, 1, status);
                EXPECT_TRUE(succeeded(revert(which_surface(), guard)));
                EXPECT_FALSE(guard.active());
                EXPECT_EQ(current_thread_client(), before);
            }
        }
    }
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, misuse_11_failed_revert_that_cannot_be_made_good_is_told_and_retried) {
    const auto pair = establish(which_profile());
    for (const auto& before : {nobody, bob}) {
        if (before != nobody) {
            loopback::impersonate_on_thread(before, SecurityImpersonation);
        }
        {
            impersonation_guard guard{pair.server};
            loopback::fail_at(function::revert_security_context, 1, SEC_E_INTERNAL_ERROR);
            loopback::fail_at(function::set_thread_token, 1, 5);
            EXPECT_TRUE(failed_with(revert(which_surface(), guard), errc::internal_error, "RevertSecurityContext"));
            EXPECT_TRUE(guard.active());
            EXPECT_EQ(current_thread_client(), alice);
        }
        EXPECT_EQ(current_thread_client(), before) << "the destructor has succeeded";
    }
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, misuse_11_look_at_the_threads_token_decides_about_a_failed_revert) {
    const auto pair = establish(which_profile());
    for (const auto& before : {nobody, bob}) {
        const auto start = [&] {
            if (before != nobody) {
                loopback::impersonate_on_thread(before, SecurityImpersonation);
            }
        };
        start();
        {
            impersonation_guard guard{pair.server};
            loopback::fail_at(function::revert_security_context, 1, SEC_E_INTERNAL_ERROR);
            loopback::fail_at(function::set_thread_token, 1, ERROR_SUCCESS); // returns success without any effect
            EXPECT_TRUE(failed_with(revert(which_surface(), guard), errc::internal_error, "RevertSecurityContext"));
            EXPECT_TRUE(guard.active());
        }
        EXPECT_EQ(current_thread_client(), before);
        start();
        {
            impersonation_guard guard{pair.server};
            loopback::fail_at(function::revert_security_context, 1, SEC_E_INTERNAL_ERROR);
            loopback::return_after(function::set_thread_token, 1, 5); // has an effect, but returns a failure
            EXPECT_TRUE(succeeded(revert(which_surface(), guard)));
        }
        start();
        {
            impersonation_guard guard{pair.server};
            loopback::fail_at(function::revert_security_context, 1, SEC_E_INTERNAL_ERROR);
            // The first call looks for the client.
            loopback::fail_at(function::open_thread_token, 2, ERROR_INVALID_HANDLE);
            EXPECT_TRUE(failed_with(revert(which_surface(), guard), errc::internal_error, "RevertSecurityContext"));
            EXPECT_TRUE(guard.active()) << "the thread's user is not known";
        }
        EXPECT_EQ(current_thread_client(), before);
    }
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, work_that_changes_the_threads_token_is_told_and_the_thread_is_as_before) {
    const auto pair = establish(which_profile());
    const std::wstring carol = L"LOOPBACK\\carol";
    for (const auto& before : {nobody, bob}) {
        for (const auto& changed : {nobody, carol, alice}) { // a different token of the same client is also a change
            if (before != nobody) {
                loopback::impersonate_on_thread(before, SecurityImpersonation);
            }
            impersonation_guard guard{pair.server};
            changed == nobody ? loopback::stop_impersonating_on_thread()
                              : loopback::impersonate_on_thread(changed, SecurityImpersonation);
            EXPECT_TRUE(failed_with(revert(which_surface(), guard), errc::no_impersonation_token, "OpenThreadToken"));
            EXPECT_FALSE(guard.active());
            EXPECT_EQ(current_thread_client(), before);
            EXPECT_TRUE(succeeded(revert(which_surface(), guard))) << "told once";
        }
    }
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, hook_is_told_of_work_that_has_changed_the_threads_token) {
    static std::error_code told;
    const auto pair = establish(which_profile());
    impersonation_options options;
    options.on_client_lost = [](const std::error_code& ec) noexcept { told = ec; };
    for (const bool has_hook : {true, false}) {
        told = {};
        if (!has_hook) {
            options.on_client_lost = nullptr;
        }
        EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, options,
                                        [](const impersonation_guard&) { loopback::stop_impersonating_on_thread(); })));
        EXPECT_EQ(told, has_hook ? make_error_code(errc::no_impersonation_token) : std::error_code{});
        EXPECT_EQ(current_thread_client(), nobody);
    }
    options.on_client_lost = [](const std::error_code& ec) noexcept { told = ec; };
    told = {};
    EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, options, [&](const impersonation_guard&) {
        EXPECT_TRUE(succeeded(as_client(which_surface(), pair.server, options, [](const impersonation_guard&) {})));
    })));
    EXPECT_FALSE(told) << "an inner guard restores the same token";
}

TEST_P(impersonation, guard_that_cannot_look_for_its_client_at_the_end_says_so) {
    const auto pair = establish(which_profile());
    {
        impersonation_guard guard{pair.server};
        loopback::fail_at(function::open_thread_token, 1, ERROR_INVALID_HANDLE);
        EXPECT_TRUE(
            failed_with(revert(which_surface(), guard), sspi_code(sspi_status(0x80070006U)), "OpenThreadToken"));
        EXPECT_FALSE(guard.active());
    }
    {
        impersonation_guard guard{pair.server};
        loopback::fail_at(function::query_token_id, 1, ERROR_INVALID_HANDLE);
        EXPECT_TRUE(
            failed_with(revert(which_surface(), guard), sspi_code(sspi_status(0x80070006U)), "OpenThreadToken"));
    }
    EXPECT_EQ(current_thread_client(), nobody);
}

TEST_P(impersonation, anonymous_client_is_recognised_at_the_end) {
    const auto pair = establish(which_profile());
    const impersonation_options any{.require = impersonation_level::anonymous};
    loopback::fail_at(function::open_thread_token, 2, ERROR_CANT_OPEN_ANONYMOUS);
    impersonation_guard guard{pair.server, any};
    loopback::fail_at(function::open_thread_token, 1, ERROR_CANT_OPEN_ANONYMOUS);
    EXPECT_TRUE(succeeded(revert(which_surface(), guard)));
}

TEST_P(impersonation, misuse_11_failure_to_restore_is_told_and_only_that_is_retried) {
    const auto pair = establish(which_profile());
    loopback::impersonate_on_thread(bob, SecurityImpersonation);
    {
        impersonation_guard guard{pair.server};
        loopback::fail_at(function::set_thread_token, 1, 5);
        const auto result = outcome_of(
            which_surface(), [&](std::error_code& ec) { EXPECT_FALSE(guard.revert(ec)); }, [&] { guard.revert(); });
        EXPECT_TRUE(failed_with(result, sspi_code(sspi_status(0x80070005U)), "SetThreadToken"));
        EXPECT_TRUE(guard.active());
    }
    EXPECT_EQ(current_thread_client(), bob);
    EXPECT_EQ(calls(function::revert_security_context), 1U);
    loopback::stop_impersonating_on_thread();
}

TEST_P(impersonation, misuse_11_other_thread_cannot_revert) {
    const auto pair = establish(which_profile());
    impersonation_guard guard{pair.server};
    std::thread{[&] {
        const auto result = outcome_of(
            which_surface(), [&](std::error_code& ec) { EXPECT_FALSE(guard.revert(ec)); }, [&] { guard.revert(); });
        EXPECT_TRUE(failed_with(result, errc::not_owner, "RevertSecurityContext"));
    }}.join();
    EXPECT_EQ(calls(function::revert_security_context), 0U);
    EXPECT_TRUE(guard.active());
    EXPECT_EQ(current_thread_client(), alice);
}

TEST_P(impersonation, two_threads_act_as_two_clients) {
    const auto first = accepted(L"alice");
    const auto second = accepted(L"bob");
    const auto work = [](const sspan::server_context& context, const std::wstring& expected) {
        for (int i = 0; i != 200; ++i) {
            const impersonation_guard guard{context};
            EXPECT_EQ(current_thread_client(), expected);
        }
        EXPECT_EQ(current_thread_client(), nobody);
    };
    std::thread one{[&] { work(first.server, alice); }};
    std::thread other{[&] { work(second.server, bob); }};
    one.join();
    other.join();
}

// ---- the check of a restored token ----------------------------------------------------------------------------------

TEST_P(impersonation, misuse_11_restore_that_has_lowered_the_outer_client_is_told_and_retried) {
    const auto first = accepted(L"alice");
    const auto second = accepted(L"bob");
    const impersonation_guard outer{first.server};
    {
        impersonation_guard inner{second.server};
        loopback::configure().highest_thread_level = SecurityIdentification;
        EXPECT_TRUE(failed_with(revert(which_surface(), inner), errc::bad_impersonation_level, "OpenThreadToken"));
        EXPECT_TRUE(inner.active());
        loopback::configure().highest_thread_level.reset();
    }
    EXPECT_EQ(current_thread_client(), alice);
    EXPECT_EQ(current_thread_level(), SecurityImpersonation);
}

TEST_P(impersonation, misuse_11_restore_that_has_done_nothing_is_told_and_retried) {
    const auto token = token_of(L"bob");
    const auto first = accepted(L"alice");
    const auto second = accepted(L"bob");
    const impersonation_guard outer{first.server};
    {
        impersonation_guard inner{second.server};
        loopback::fail_at(function::set_thread_token, 1, ERROR_SUCCESS); // returns success without any effect
        EXPECT_TRUE(failed_with(revert(which_surface(), inner), errc::internal_error, "OpenThreadToken"));
        EXPECT_TRUE(inner.active());
    }
    EXPECT_EQ(current_thread_client(), alice);
    impersonation_guard by_token{token};
    loopback::fail_at(function::set_thread_token, 1, ERROR_SUCCESS);
    EXPECT_TRUE(failed_with(revert(which_surface(), by_token), errc::internal_error, "OpenThreadToken"));
    EXPECT_TRUE(by_token.active());
}

TEST_P(impersonation, guard_over_a_token_that_is_not_taken_away_is_told_and_retried) {
    const auto token = token_of(L"alice");
    {
        impersonation_guard guard{token};
        loopback::fail_at(function::set_thread_token, 1, ERROR_SUCCESS); // returns success without any effect
        EXPECT_TRUE(failed_with(revert(which_surface(), guard), errc::internal_error, "OpenThreadToken"));
        EXPECT_TRUE(guard.active());
    }
    EXPECT_EQ(current_thread_client(), nobody);
}

TEST_P(impersonation, restore_that_cannot_be_looked_at_is_told_and_retried) {
    const auto first = accepted(L"alice");
    const auto second = accepted(L"bob");
    const impersonation_guard outer{first.server};
    for (const auto& [which, nth] : {std::pair{function::open_thread_token, 2}, std::pair{function::query_token_id, 2},
                                     std::pair{function::query_token_id, 3}}) { // the first call looks for the client
        impersonation_guard inner{second.server};
        loopback::fail_at(which, static_cast<std::size_t>(nth), ERROR_INVALID_HANDLE);
        EXPECT_TRUE(
            failed_with(revert(which_surface(), inner), sspi_code(sspi_status(0x80070006U)), "OpenThreadToken"));
        EXPECT_TRUE(inner.active());
    }
    EXPECT_EQ(current_thread_client(), alice);
}

TEST_P(impersonation, look_at_a_restore_costs_one_call_where_the_thread_had_no_token) {
    const auto token = token_of(L"alice");
    impersonation_guard guard{token};
    const auto opened = calls(function::open_thread_token);
    const auto asked = calls(function::query_token_id);
    guard.revert();
    EXPECT_EQ(calls(function::open_thread_token), opened + 2); // one of the calls looks for the client
    EXPECT_EQ(calls(function::query_token_id), asked + 1);
}

// The process must end. These tests run it as a child process.

class impersonation_death : public loopback_test {
protected:
    void SetUp() override {
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        loopback_test::SetUp();
    }
};
const auto ended = ::testing::ExitedWithCode(loopback::fail_fast_exit_code);

TEST_F(impersonation_death, misuse_11_failed_revert_ends_the_process) {
    const auto program = [] {
        const auto pair = establish();
        loopback::fail_from(function::revert_security_context, 1, SEC_E_INTERNAL_ERROR);
        loopback::fail_from(function::set_thread_token, 1, 5);
        const impersonation_guard guard{pair.server};
    };
    EXPECT_EXIT(program(), ended, "loopback: fail_fast");
}

TEST_F(impersonation_death, misuse_11_informational_status_of_the_revert_ends_the_process) {
    const auto program = [] {
        const auto pair = establish();
        loopback::fail_from(function::revert_security_context, 1, SEC_I_CONTINUE_NEEDED);
        loopback::fail_from(function::set_thread_token, 1, 5);
        const impersonation_guard guard{pair.server};
    };
    EXPECT_EXIT(program(), ended, "loopback: fail_fast");
}

TEST_F(impersonation_death, misuse_11_failed_restore_ends_the_process) {
    const auto program = [] {
        const auto pair = establish();
        loopback::impersonate_on_thread(bob, SecurityImpersonation);
        loopback::fail_from(function::set_thread_token, 1, 5);
        const impersonation_guard guard{pair.server};
    };
    EXPECT_EXIT(program(), ended, "loopback: fail_fast");
}

TEST_F(impersonation_death, misuse_11_restore_with_a_lower_level_ends_the_process) {
    const auto program = [] {
        const auto first = establish();
        const impersonation_guard outer{first.server};
        const impersonation_guard inner{first.server};
        loopback::configure().highest_thread_level = SecurityIdentification;
    };
    EXPECT_EXIT(program(), ended, "loopback: fail_fast");
}

TEST_F(impersonation_death, failed_restore_of_a_guard_over_a_token_ends_the_process) {
    const auto program = [] {
        const auto token = token_of(L"alice");
        const impersonation_guard guard{token};
        loopback::fail_from(function::set_thread_token, 1, 5);
    };
    EXPECT_EXIT(program(), ended, "loopback: fail_fast");
    const auto refused = [] {
        const auto token = token_of(L"alice", SecurityIdentification);
        loopback::fail_from(function::set_thread_token, 2, 5);
        std::error_code ec;
        const impersonation_guard guard{token, {}, ec};
    };
    EXPECT_EXIT(refused(), ended, "loopback: fail_fast");
}

TEST_F(impersonation_death, failed_revert_of_a_guard_that_is_refused_ends_the_process) {
    const auto program = [] {
        const auto pair = establish();
        loopback::configure().impersonation_level = SecurityIdentification;
        loopback::fail_from(function::revert_security_context, 1, SEC_E_INTERNAL_ERROR);
        loopback::fail_from(function::set_thread_token, 1, 5);
        std::error_code ec;
        const impersonation_guard guard{pair.server, {}, ec};
    };
    EXPECT_EXIT(program(), ended, "loopback: fail_fast");
}

TEST_F(impersonation_death, hook_observes_and_prevents_nothing) {
    const auto program = [] {
        const auto pair = establish();
        loopback::fail_from(function::revert_security_context, 1, SEC_E_NOT_OWNER);
        loopback::fail_from(function::set_thread_token, 1, 5);
        impersonation_options options;
        options.on_revert_failure = [](const std::error_code& ec) noexcept {
            std::fprintf(stderr, "observed %08X, ", static_cast<unsigned>(ec.value()));
        };
        const impersonation_guard guard{pair.server, options};
    };
    EXPECT_EXIT(program(), ended, "observed 80090306, loopback: fail_fast");
}

TEST_F(impersonation_death, misuse_11_guard_that_ends_on_another_thread_ends_the_process) {
    const auto program = [] {
        const auto pair = establish();
        std::optional<impersonation_guard> guard;
        guard.emplace(pair.server);
        std::thread{[&] { guard.reset(); }}.join();
    };
    EXPECT_EXIT(program(), ended, "loopback: fail_fast");
}

/// For an uncaught exception, a filter or a terminate handler runs before the stack is unwound.
TEST_F(impersonation_death, exception_out_of_run_as_client_that_nobody_catches_ends_us_as_ourselves) {
    const auto program = [] {
        const auto pair = establish();
        loopback::on_call(function::revert_security_context, 1, [] { std::fputs("reverted, ", stderr); });
        std::set_terminate([] { // mingw's runtime aborts after a rethrow; its exit code is also 3
            std::fputs(current_thread_client().empty() ? "as ourselves" : "as the client", stderr);
            std::fflush(stderr);
            std::_Exit(3);
        });
        std::thread{[&] { sspan::run_as_client(pair.server, [] { throw std::runtime_error{"work failed"}; }); }}.join();
    };
    EXPECT_EXIT(program(), ::testing::ExitedWithCode(3), "reverted, ");
}

TEST_P(impersonation, run_as_client_returns_what_the_work_returns) {
    const auto pair = establish(which_profile());
    if (which_surface() == surface::exception) {
        EXPECT_EQ(sspan::run_as_client(pair.server, [] { return current_thread_client(); }), alice);
        int target = 0;
        const int& result = sspan::run_as_client(pair.server, [&target]() -> int& { return target; });
        EXPECT_EQ(&result, &target);
    } else {
        std::error_code ec = errc::no_spm;
        std::wstring seen;
        sspan::run_as_client(pair.server, [&](std::error_code&) { seen = current_thread_client(); }, {}, ec);
        EXPECT_FALSE(ec);
        EXPECT_EQ(seen, alice);
        sspan::run_as_client(pair.server, [](std::error_code& failure) { failure = errc::logon_denied; }, {}, ec);
        EXPECT_EQ(ec, errc::logon_denied);
    }
    EXPECT_EQ(current_thread_client(), nobody);
}

TEST_P(impersonation, run_as_client_reports_work_that_did_not_run_as_the_client_to_its_end) {
    const auto pair = establish(which_profile());
    const auto result = outcome_of(
        which_surface(),
        [&](std::error_code& ec) {
            sspan::run_as_client(
                pair.server, [](std::error_code&) { loopback::stop_impersonating_on_thread(); }, {}, ec);
        },
        [&] { sspan::run_as_client(pair.server, [] { loopback::stop_impersonating_on_thread(); }); });
    EXPECT_TRUE(failed_with(result, errc::no_impersonation_token, "OpenThreadToken"));
    EXPECT_EQ(current_thread_client(), nobody);
    const auto first = outcome_of(
        which_surface(),
        [&](std::error_code& ec) {
            sspan::run_as_client(
                pair.server,
                [](std::error_code& failure) {
                    loopback::stop_impersonating_on_thread();
                    failure = errc::logon_denied;
                },
                {}, ec);
        },
        [] { throw sspan::error{errc::logon_denied, "work"}; });
    EXPECT_EQ(first.code, errc::logon_denied) << "the error of the work takes precedence";
}

TEST_P(impersonation, run_as_client_does_not_run_as_anybody_else) {
    const auto pair = establish(which_profile());
    loopback::configure().impersonation_level = SecurityIdentification;
    const auto result = outcome_of(
        which_surface(),
        [&](std::error_code& ec) {
            sspan::run_as_client(pair.server, [](std::error_code&) { ADD_FAILURE() << "ran"; }, {}, ec);
        },
        [&] { sspan::run_as_client(pair.server, [] { ADD_FAILURE() << "ran"; }); });
    EXPECT_TRUE(failed_with(result, errc::bad_impersonation_level, "GetTokenInformation"));
    EXPECT_EQ(current_thread_client(), nobody);
    const sspan::impersonation_options enough{.require = impersonation_level::identification};
    EXPECT_EQ(sspan::run_as_client(pair.server, [] { return current_thread_client(); }, enough), alice);
}

TEST_P(impersonation, exception_out_of_run_as_client_is_seen_by_nobody_who_acts_as_the_client) {
    const auto pair = establish(which_profile());
    const auto before = calls(function::revert_security_context);
    bool caught = false;
    try {
        if (which_surface() == surface::exception) {
            sspan::run_as_client(pair.server, [] { throw std::runtime_error{"work failed"}; });
        } else {
            std::error_code ec;
            sspan::run_as_client(
                pair.server, [](std::error_code&) { throw std::runtime_error{"work failed"}; }, {}, ec);
        }
    } catch (const std::runtime_error& failure) {
        caught = true;
        EXPECT_STREQ(failure.what(), "work failed");
        EXPECT_EQ(current_thread_client(), nobody);
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ(calls(function::revert_security_context), before + 1);
}

} // namespace
