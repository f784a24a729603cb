// SPDX-License-Identifier: MIT
//
// Failed handshakes: each call, each status, each reason, and hostile peers.
#include <sspan/handshake.hpp>

#include "conversation.hpp"
#include "fixture.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::context_flags;
using sspan::errc;

constexpr std::array step_calls{function::initialize_security_context, function::accept_security_context};

const char* name_of_call(function which) {
    switch (which) {
    case function::initialize_security_context:
        return "InitializeSecurityContext";
    case function::accept_security_context:
        return "AcceptSecurityContext";
    case function::complete_auth_token:
        return "CompleteAuthToken";
    default:
        return "QueryContextAttributes";
    }
}

/// Expects that the side with the last leg has failed and holds no context.
void expect_over(conversation& talk, bool client, surface form) {
    const auto before = calls(function::initialize_security_context) + calls(function::accept_security_context);
    if (client) {
        EXPECT_TRUE(failed_with(step(talk.client, talk.token, form), errc::no_context, "InitializeSecurityContext"));
        EXPECT_TRUE(failed_with(finish_outcome(talk.client, form), errc::no_context, "InitializeSecurityContext"));
    } else {
        EXPECT_TRUE(failed_with(step(talk.server, talk.token, form), errc::no_context, "AcceptSecurityContext"));
        EXPECT_TRUE(failed_with(finish_outcome(talk.server, form), errc::no_context, "AcceptSecurityContext"));
    }
    EXPECT_EQ(calls(function::initialize_security_context) + calls(function::accept_security_context), before);
}

class handshake_failure : public surface_test {
protected:
    [[nodiscard]] static conversation talk() { return conversation{which_profile(), which_surface()}; }
};
INSTANTIATE_TEST_SUITE_P(each, handshake_failure, each_profile_and_surface(), name_of{});

TEST_P(handshake_failure, misuse_06_each_failure_at_each_step_leaves_nothing_alive) {
    which_profile().settings().legs = 5;
    for (const auto status : all_failures()) {
        if (status == SEC_E_INCOMPLETE_MESSAGE) {
            continue; // not a failure: a state
        }
        for (const auto which : step_calls) {
            for (std::size_t nth = 1; nth <= 3; ++nth) {
                conversation talk{which_profile(), which_surface()};
                loopback::fail_at(which, nth, status);
                const auto result = talk.run();
                const bool unreadable =
                    status == SEC_E_INVALID_HANDLE && which == function::accept_security_context && nth == 1;
                const auto expected = unreadable ? make_error_code(errc::invalid_token) : sspi_code(status);
                EXPECT_TRUE(failed_with(result, expected, name_of_call(which))) << nth;
                EXPECT_FALSE(result.done());
                const bool client = which == function::initialize_security_context;
                expect_over(talk, client, which_surface());
                // The other side's context still exists, if it has had its first leg.
                EXPECT_EQ(loopback::live().contexts, client && nth == 1 ? 0U : 1U);
            }
        }
    }
}

TEST_P(handshake_failure, misuse_07_failed_first_leg_deletes_nothing) {
    // After a failure the package leaves an invalid new handle.
    for (const auto which : step_calls) {
        {
            conversation talk{which_profile(), which_surface()};
            loopback::fail_at(which, 1, SEC_E_NO_CREDENTIALS);
            const auto before = calls(function::delete_security_context);
            EXPECT_TRUE(failed_with(talk.run(), errc::no_credentials, name_of_call(which)));
            EXPECT_EQ(calls(function::delete_security_context), before);
        }
        EXPECT_TRUE(loopback::live().none());
    }
    EXPECT_EQ(calls(function::delete_security_context), 1U); // the client's, after the server had failed
}

TEST_P(handshake_failure, misuse_07_failed_later_leg_deletes_exactly_once) {
    which_profile().settings().legs = 5;
    for (const auto which : step_calls) {
        for (std::size_t nth = 2; nth <= 3; ++nth) {
            const auto before = calls(function::delete_security_context);
            {
                conversation talk{which_profile(), which_surface()};
                loopback::fail_at(which, nth, SEC_E_LOGON_DENIED);
                EXPECT_TRUE(failed_with(talk.run(), errc::logon_denied, name_of_call(which)));
                EXPECT_EQ(calls(function::delete_security_context) - before, 1U);
            }
            EXPECT_EQ(calls(function::delete_security_context) - before, 2U);
        }
    }
}

TEST_P(handshake_failure, success_statuses_that_make_no_sense_in_a_handshake_end_it) {
    which_profile().settings().legs = 5;
    for (const auto status : all_informational()) {
        if (status == SEC_I_CONTINUE_NEEDED || status == SEC_I_COMPLETE_NEEDED ||
            status == SEC_I_COMPLETE_AND_CONTINUE || status == SEC_I_INCOMPLETE_CREDENTIALS ||
            status == sspi_status(0x00090364) || status == sspi_status(0x00090366)) {
            continue; // these statuses have a meaning
        }
        for (const auto which : step_calls) {
            for (std::size_t nth = 1; nth <= 3; ++nth) {
                conversation talk{which_profile(), which_surface()};
                loopback::return_after(which, nth, status);
                EXPECT_TRUE(failed_with(talk.run(), sspi_code(status), name_of_call(which)));
                expect_over(talk, which == function::initialize_security_context, which_surface());
                EXPECT_LE(loopback::live().contexts, 1U);
            }
        }
    }
}

TEST_P(handshake_failure, misuse_06_each_failure_of_complete_auth_token_ends_the_handshake) {
    which_profile().settings().legs = 5;
    loopback::configure().client.final_status = SEC_I_COMPLETE_NEEDED;
    loopback::configure().client.continue_status = SEC_I_COMPLETE_AND_CONTINUE;
    loopback::configure().server.continue_status = SEC_I_COMPLETE_AND_CONTINUE;
    for (const auto status : all_failures()) {
        for (std::size_t nth = 1; nth <= 5; ++nth) {
            conversation talk{which_profile(), which_surface()};
            loopback::fail_at(function::complete_auth_token, nth, status);
            const auto result = talk.run();
            EXPECT_TRUE(failed_with(result, sspi_code(status), "CompleteAuthToken"));
            EXPECT_TRUE(result.token.empty());
            EXPECT_EQ(talk.legs, nth);
            expect_over(talk, nth % 2 == 1, which_surface());
            EXPECT_EQ(loopback::live().contexts, nth == 1 ? 0U : 1U);
        }
    }
}

TEST_P(handshake_failure, misuse_06_each_success_of_complete_auth_token_but_the_one_ends_the_handshake) {
    loopback::configure().client.final_status = SEC_I_COMPLETE_NEEDED;
    loopback::configure().client.continue_status = SEC_I_COMPLETE_AND_CONTINUE;
    for (const auto status : all_informational()) {
        conversation talk{which_profile(), which_surface()};
        loopback::return_after(function::complete_auth_token, 1, status);
        const auto result = talk.run();
        EXPECT_TRUE(failed_with(result, sspi_code(status), "CompleteAuthToken"));
        EXPECT_TRUE(result.token.empty());
        expect_over(talk, true, which_surface());
        EXPECT_EQ(loopback::live().contexts, 0U);
    }
}

TEST_P(handshake_failure, misuse_06_each_failure_of_the_size_query_deletes_the_context) {
    for (const auto status : all_failures()) {
        conversation talk{which_profile(), which_surface()};
        ASSERT_TRUE(succeeded(talk.run()));
        loopback::fail_at(function::query_context_attributes, 1, status);
        EXPECT_TRUE(
            failed_with(finish_outcome(talk.client, which_surface()), sspi_code(status), "QueryContextAttributes"));
        EXPECT_EQ(loopback::live().contexts, 1U);
        loopback::fail_at(function::query_context_attributes, 1, status);
        EXPECT_TRUE(
            failed_with(finish_outcome(talk.server, which_surface()), sspi_code(status), "QueryContextAttributes"));
        EXPECT_EQ(loopback::live().contexts, 0U);
        // From now on the handshake itself reports that there is no context.
        EXPECT_TRUE(
            failed_with(finish_outcome(talk.client, which_surface()), errc::no_context, "InitializeSecurityContext"));
    }
}

TEST_P(handshake_failure, security_qos_failed_of_the_size_query_is_not_taken_for_missing_flags) {
    conversation talk{which_profile(), which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    loopback::fail_at(function::query_context_attributes, 1, sspi_status(0x80090332));
    const auto result = finish_outcome(talk.client, which_surface());
    EXPECT_TRUE(failed_with(result, errc::security_qos_failed, "QueryContextAttributes"));
    EXPECT_EQ(result.what.find("did not grant"), std::string::npos);
}

// Packages that return forbidden results.

TEST_P(handshake_failure, misuse_05_output_that_is_not_ours_is_refused_and_never_freed) {
    which_profile().settings().legs = 5;
    const auto freed = calls(function::free_context_buffer);
    for (const auto how : {loopback::hostile_output::token_size, loopback::hostile_output::token_pointer}) {
        for (const auto which : step_calls) {
            for (std::size_t nth = 1; nth <= (which == function::initialize_security_context ? 3U : 2U); ++nth) {
                const auto queries = calls(function::query_security_package_info);
                conversation talk{which_profile(), which_surface()};
                const auto own = calls(function::query_security_package_info) - queries; // these are freed again
                loopback::hostile_at(which, nth, how);
                const auto result = talk.run();
                EXPECT_TRUE(failed_with(result, errc::internal_error, name_of_call(which))) << nth;
                EXPECT_TRUE(result.token.empty());
                expect_over(talk, which == function::initialize_security_context, which_surface());
                EXPECT_LE(loopback::live().contexts, 1U);
                EXPECT_EQ(own, 2U);
            }
        }
    }
    EXPECT_EQ(calls(function::free_context_buffer) - freed, calls(function::query_security_package_info));
}

TEST_P(handshake_failure, output_of_complete_auth_token_that_is_not_ours_is_refused) {
    loopback::configure().client.continue_status = SEC_I_COMPLETE_AND_CONTINUE;
    loopback::configure().token_size = 65'535; // no room is left, not even one byte
    for (const auto how : {loopback::hostile_output::token_size, loopback::hostile_output::token_pointer}) {
        conversation talk{which_profile(), which_surface()};
        loopback::hostile_at(function::complete_auth_token, 1, how);
        const auto result = talk.leg();
        EXPECT_EQ(result.code, errc::internal_error);
        EXPECT_TRUE(result.token.empty());
        EXPECT_EQ(loopback::live().contexts, 0U);
    }
}

TEST_P(handshake_failure, first_token_that_the_package_cannot_read_is_not_the_servers_mistake) {
    const auto inbound = sspan::credentials::inbound(which_profile().package);
    for (const std::size_t size : {std::size_t{1}, std::size_t{9}, std::size_t{2000}}) {
        sspan::server_handshake server{inbound};
        const bytes garbage(size, std::byte{0x47});
        EXPECT_TRUE(failed_with(step(server, garbage, which_surface()), errc::invalid_token, "AcceptSecurityContext"));
        EXPECT_TRUE(failed_with(step(server, garbage, which_surface()), errc::no_context, "AcceptSecurityContext"));
    }
    EXPECT_EQ(calls(function::accept_security_context), 3U) << "the package was asked";
}

TEST_P(handshake_failure, handle_that_is_invalid_for_another_reason_stays_so) {
    loopback::fail_at(function::initialize_security_context, 1, SEC_E_INVALID_HANDLE);
    conversation first{which_profile(), which_surface()};
    EXPECT_TRUE(failed_with(first.leg(), errc::invalid_handle, "InitializeSecurityContext"));
    which_profile().settings().legs = 3;
    conversation later{which_profile(), which_surface()};
    later.run_legs(3);
    loopback::fail_at(function::accept_security_context, 1, SEC_E_INVALID_HANDLE);
    EXPECT_TRUE(failed_with(later.leg(), errc::invalid_handle, "AcceptSecurityContext"));
}

// Error tokens.

TEST_P(handshake_failure, error_token_of_the_server_tells_the_client_why) {
    which_profile().settings().extended_error = true;
    const bool knows_names = which_profile().mutual_auth; // NTLM checks the password, but no name
    if (!knows_names) {
        which_profile().settings().legs = 4; // the client still waits when the server checks the password
    }
    const auto outbound = knows_names ? sspan::credentials::outbound(which_profile().package)
                                      : sspan::credentials::outbound(which_profile().package, {L"bob", L"", L"wrong"});
    const auto inbound = sspan::credentials::inbound(which_profile().package);
    sspan::client_handshake client{outbound, knows_names ? loopback::configure().other_services.at(0) : service(),
                                   which_profile().client_options()};
    sspan::server_handshake server{inbound};
    const auto why = errc::logon_denied;
    step_outcome result;
    while (!result.code) {
        result = step(client, result.token, which_surface());
        ASSERT_TRUE(succeeded(result));
        result = step(server, result.token, which_surface());
    }
    EXPECT_TRUE(failed_with(result, why, "AcceptSecurityContext"));
    ASSERT_FALSE(result.token.empty());
    const auto told = step(client, result.token, which_surface());
    EXPECT_TRUE(failed_with(told, why, "InitializeSecurityContext"));
    EXPECT_TRUE(told.token.empty()); // an error has no answer
    EXPECT_EQ(loopback::live().contexts, 0U);
}

TEST_P(handshake_failure, error_token_of_the_client_tells_the_server) {
    which_profile().settings().extended_error = true;
    which_profile().settings().legs = 3;
    conversation talk{which_profile(), which_surface()};
    talk.run_legs(2);
    talk.token.front() ^= std::byte{1};
    const auto result = talk.leg();
    EXPECT_TRUE(failed_with(result, errc::invalid_token, "InitializeSecurityContext"));
    ASSERT_FALSE(result.token.empty());
    EXPECT_TRUE(failed_with(talk.leg(), errc::invalid_token, "AcceptSecurityContext"));
    EXPECT_EQ(loopback::live().contexts, 0U);
}

TEST_P(handshake_failure, no_error_token_unless_it_was_granted) {
    which_profile().settings().extended_error = true;
    which_profile().settings().legs = 4;
    for (const auto which : step_calls) {
        for (const bool granted : {true, false}) {
            loopback::configure().client.deny_flags = granted ? 0 : 0x4000; // ISC_RET_EXTENDED_ERROR
            loopback::configure().server.deny_flags = granted ? 0 : 0x8000; // ASC_RET_EXTENDED_ERROR
            conversation talk{which_profile(), which_surface()};
            // The failed call leaves a token in the buffer. It is a later leg, so it leaks no context.
            loopback::return_after(which, 2, SEC_E_LOGON_DENIED);
            const auto result = talk.run();
            EXPECT_TRUE(failed_with(result, errc::logon_denied, name_of_call(which)));
            EXPECT_EQ(result.token.empty(), !granted);
        }
    }
}

TEST_P(handshake_failure, no_error_token_unless_it_was_asked_for) {
    which_profile().settings().extended_error = true;
    conversation talk{which_profile().package,
                      which_profile().client_options(),
                      {sspan::message_protection, context_flags::none},
                      which_surface()};
    talk.run_legs(1);
    talk.token.back() ^= std::byte{1};
    const auto result = talk.leg();
    EXPECT_TRUE(failed_with(result, errc::invalid_token, "AcceptSecurityContext"));
    EXPECT_TRUE(result.token.empty());
}

TEST_P(handshake_failure, no_error_token_where_the_package_left_the_buffer_as_it_was) {
    which_profile().settings().extended_error = true;
    which_profile().settings().legs = 2;
    for (const auto left :
         {loopback::no_output::untouched, loopback::no_output::empty, loopback::no_output::null_pointer}) {
        loopback::configure().when_done = left; // the last step has no token
        conversation talk{which_profile(), which_surface()};
        talk.run_legs(2);
        loopback::return_after(function::initialize_security_context, 1, SEC_E_LOGON_DENIED);
        const auto result = talk.leg();
        EXPECT_TRUE(failed_with(result, errc::logon_denied, "InitializeSecurityContext"));
        EXPECT_TRUE(result.token.empty());
    }
}

TEST_P(handshake_failure, no_error_token_from_a_package_that_makes_none) {
    which_profile().settings().extended_error = false;
    for (const auto left :
         {loopback::no_output::untouched, loopback::no_output::empty, loopback::no_output::null_pointer}) {
        loopback::configure().when_failed = left;
        conversation talk{which_profile(), which_surface()};
        talk.run_legs(1);
        talk.token.back() ^= std::byte{1};
        const auto result = talk.leg();
        EXPECT_TRUE(failed_with(result, errc::invalid_token, "AcceptSecurityContext"));
        EXPECT_TRUE(result.token.empty());
    }
}

} // namespace
