// SPDX-License-Identifier: MIT
#include <sspan/handshake.hpp>

#include "allocation.hpp"
#include "conversation.hpp"
#include "fixture.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;

static_assert(!std::is_copy_constructible_v<sspan::client_handshake>);
static_assert(!std::is_copy_constructible_v<sspan::server_handshake>);
static_assert(std::is_nothrow_move_constructible_v<sspan::client_handshake>);
static_assert(std::is_nothrow_move_assignable_v<sspan::server_handshake>);

class handshake_legs : public loopback_test, public ::testing::WithParamInterface<std::tuple<profile, unsigned>> {};

TEST_P(handshake_legs, establish_a_context) {
    const auto& [which, tokens] = GetParam();
    which.settings().legs = tokens;
    auto options = which.client_options();
    if (tokens == 1) {
        options.require &= ~sspan::context_flags::mutual_auth; // the server sends no token
    }
    conversation talk{which.package, options};
    for (unsigned leg = 1; leg <= tokens; ++leg) {
        const auto taken = talk.leg();
        ASSERT_TRUE(succeeded(taken)) << "leg " << leg;
        EXPECT_FALSE(taken.token.empty()) << "leg " << leg;
        EXPECT_EQ(taken.done(), leg == tokens) << "leg " << leg;
    }
    const auto last = talk.leg(); // takes the last token and returns none
    EXPECT_TRUE(last.done());
    EXPECT_TRUE(last.token.empty());
    EXPECT_EQ(calls(function::initialize_security_context) + calls(function::accept_security_context), tokens + 1);
    EXPECT_EQ(calls(function::complete_auth_token), 0U);
    expect_established(talk);
}

INSTANTIATE_TEST_SUITE_P(each, handshake_legs, ::testing::Combine(each_profile(), ::testing::Range(1U, 9U)),
                         [](const auto& test) {
                             return std::get<0>(test.param).name + std::string{"_"} +
                                    std::to_string(std::get<1>(test.param));
                         });

class handshake_test : public profile_test {};
INSTANTIATE_TEST_SUITE_P(each, handshake_test, each_profile(), name_of{});

TEST_P(handshake_test, every_input_is_used_up) {
    conversation talk{GetParam()};
    while (!(talk.client_done && talk.server_done)) {
        const auto given = talk.token.size();
        const auto taken = talk.leg();
        ASSERT_TRUE(succeeded(taken));
        EXPECT_EQ(taken.used, given);
    }
}

TEST_P(handshake_test, token_is_part_of_the_handshake_and_valid_until_its_next_call) {
    conversation talk{GetParam()};
    const auto first = talk.client.step();
    EXPECT_EQ(loopback::last_buffers(function::initialize_security_context).at(0).memory, first.token.data());
    EXPECT_EQ(copy_of(first.token), copy_of(first.token));
}

TEST_P(handshake_test, misuse_12_output_buffer_is_as_large_as_the_package_says) {
    GetParam().settings().max_token = 70'001; // an unusual value, unlike any constant in the code
    loopback::configure().token_size = 70'001;
    conversation talk{GetParam()};
    talk.run_legs(2);
    EXPECT_EQ(talk.token.size(), 70'001U);
    for (const auto called : {function::initialize_security_context, function::accept_security_context}) {
        const auto outputs = loopback::last_buffers(called);
        ASSERT_EQ(outputs.size(), 1U);
        EXPECT_EQ(outputs[0].type, static_cast<ULONG>(SECBUFFER_TOKEN));
        EXPECT_EQ(outputs[0].size, 70'001U);
    }
    EXPECT_TRUE(succeeded(talk.run()));
    expect_established(talk);
}

TEST_P(handshake_test, tokens_of_16_and_of_57_KiB_establish_whatever_the_package_says) {
    for (const std::size_t size : {16'384U, 58'368U, 65'535U}) {
        GetParam().settings().max_token = 12'000;
        loopback::configure().token_size = size;
        conversation talk{GetParam()};
        talk.run_legs(1);
        EXPECT_EQ(talk.token.size(), size);
        ASSERT_TRUE(succeeded(talk.run()));
        expect_established(talk);
    }
}

TEST_P(handshake_test, longer_token_does_not_fit_and_that_is_said) {
    for (const auto form : surfaces) {
        GetParam().settings().max_token = 12'000;
        loopback::configure().token_size = 65'536;
        conversation talk{GetParam().package, GetParam().client_options(), {}, form};
        const auto result = talk.leg();
        EXPECT_TRUE(failed_with(result, errc::buffer_too_small, "InitializeSecurityContext"));
        EXPECT_NE(result.what.find("a token of more than 65535 bytes"), std::string::npos) << result.what;
        EXPECT_TRUE(failed_with(step(talk.client, {}, form), errc::no_context, "InitializeSecurityContext"));
    }
}

TEST_P(handshake_test, package_that_wants_more_of_nothing_has_too_little_room) {
    for (const auto form : surfaces) {
        conversation talk{GetParam().package, GetParam().client_options(), {}, form};
        loopback::fail_at(function::initialize_security_context, 1, SEC_E_INCOMPLETE_MESSAGE);
        EXPECT_TRUE(failed_with(talk.leg(), errc::buffer_too_small, "InitializeSecurityContext"));
    }
}

TEST_P(handshake_test, output_buffer_has_its_full_size_again_in_every_step) {
    GetParam().settings().legs = 8;
    conversation talk{GetParam()};
    while (!(talk.client_done && talk.server_done)) {
        const auto called =
            talk.client_is_next() ? function::initialize_security_context : function::accept_security_context;
        ASSERT_TRUE(succeeded(talk.leg()));
        EXPECT_EQ(loopback::last_buffers(called).at(0).size, 65'535U);
    }
}

class handshake_without_output : public profile_test {
protected:
    void expect_nothing_to_send(loopback::no_output left) {
        loopback::configure().when_done = left;
        conversation talk{GetParam()};
        talk.run_legs(GetParam().settings().legs);
        const auto last = talk.leg();
        EXPECT_TRUE(last.done());
        EXPECT_TRUE(last.token.empty());
        expect_established(talk);
    }
};
INSTANTIATE_TEST_SUITE_P(each, handshake_without_output, each_profile(), name_of{});

TEST_P(handshake_without_output, misuse_08_empty_token_means_send_nothing) {
    expect_nothing_to_send(loopback::no_output::empty);
}

TEST_P(handshake_without_output, misuse_08_null_token_means_send_nothing) {
    expect_nothing_to_send(loopback::no_output::null_pointer);
}

TEST_P(handshake_test, misuse_05_tokens_are_never_the_packages_memory) {
    conversation talk{GetParam()};
    talk.run_legs(2);
    EXPECT_EQ(loopback::live().token_blocks, 0U);
    EXPECT_EQ(loopback::last_flags(function::initialize_security_context) & 0x100U, 0U); // ISC_REQ_ALLOCATE_MEMORY
    EXPECT_EQ(loopback::last_flags(function::accept_security_context) & 0x100U, 0U);     // ASC_REQ_ALLOCATE_MEMORY
}

TEST_P(handshake_test, dropped_at_any_leg_deletes_its_context) {
    const auto legs = GetParam().settings().legs;
    for (unsigned count = 0; count <= legs + 1; ++count) {
        {
            conversation talk{GetParam()};
            talk.run_legs(count);
            EXPECT_EQ(loopback::live().contexts, std::min(count, 2U));
        }
        EXPECT_TRUE(loopback::live().none()) << "after leg " << count;
    }
}

TEST_P(handshake_test, moves_with_all_that_it_has) {
    conversation talk{GetParam()};
    talk.run_legs(2);
    auto client = std::move(talk.client);
    talk.client = std::move(client);
    sspan::server_handshake server = std::move(talk.server);
    talk.server = std::move(server);
    EXPECT_TRUE(succeeded(talk.run()));
    expect_established(talk);
}

TEST_P(handshake_test, moved_from_is_an_invalid_handle) {
    conversation talk{GetParam()};
    talk.run_legs(2);
    const auto client = std::move(talk.client);
    const auto server = std::move(talk.server);
    const auto before = calls(function::initialize_security_context) + calls(function::accept_security_context);
    for (const auto form : surfaces) {
        EXPECT_TRUE(
            failed_with(step(talk.client, talk.token, form), errc::invalid_handle, "InitializeSecurityContext"));
        EXPECT_TRUE(failed_with(step(talk.server, talk.token, form), errc::invalid_handle, "AcceptSecurityContext"));
        EXPECT_TRUE(failed_with(finish_outcome(talk.client, form), errc::invalid_handle, "InitializeSecurityContext"));
        EXPECT_TRUE(failed_with(finish_outcome(talk.server, form), errc::invalid_handle, "AcceptSecurityContext"));
    }
    EXPECT_EQ(calls(function::initialize_security_context) + calls(function::accept_security_context), before);
    EXPECT_EQ(loopback::live().contexts, 2U);
}

TEST_P(handshake_test, move_assignment_deletes_the_context_that_was_there) {
    conversation talk{GetParam()};
    talk.run_legs(1);
    EXPECT_EQ(loopback::live().contexts, 1U);
    talk.client = sspan::client_handshake{talk.outbound, service()};
    EXPECT_EQ(loopback::live().contexts, 0U);
}

TEST_P(handshake_test, finish_before_completion_is_no_context_and_the_end) {
    const auto legs = GetParam().settings().legs;
    for (const auto form : surfaces) {
        for (unsigned count = 0; count != legs; ++count) {
            conversation talk{GetParam()};
            talk.run_legs(count);
            EXPECT_TRUE(failed_with(finish_outcome(talk.client, form), errc::no_context, "InitializeSecurityContext"));
            EXPECT_TRUE(failed_with(finish_outcome(talk.server, form), errc::no_context, "AcceptSecurityContext"));
            EXPECT_EQ(loopback::live().contexts, 0U);
            EXPECT_TRUE(
                failed_with(step(talk.client, talk.token, form), errc::no_context, "InitializeSecurityContext"));
            EXPECT_TRUE(failed_with(step(talk.server, talk.token, form), errc::no_context, "AcceptSecurityContext"));
        }
    }
}

TEST_P(handshake_test, finish_twice_is_no_context) {
    for (const auto form : surfaces) {
        conversation talk{GetParam()};
        ASSERT_TRUE(succeeded(talk.run()));
        const auto client = std::move(talk.client).finish();
        const auto server = std::move(talk.server).finish();
        EXPECT_TRUE(failed_with(finish_outcome(talk.client, form), errc::no_context, "InitializeSecurityContext"));
        EXPECT_TRUE(failed_with(finish_outcome(talk.server, form), errc::no_context, "AcceptSecurityContext"));
        EXPECT_TRUE(failed_with(step(talk.client, {}, form), errc::no_context, "InitializeSecurityContext"));
        EXPECT_TRUE(client);
        EXPECT_TRUE(server);
        EXPECT_EQ(loopback::live().contexts, 2U);
    }
}

TEST_P(handshake_test, step_after_completion_is_refused_and_harmless) {
    for (const auto form : surfaces) {
        conversation talk{GetParam()};
        ASSERT_TRUE(succeeded(talk.run()));
        const auto before = calls(function::initialize_security_context) + calls(function::accept_security_context);
        EXPECT_TRUE(
            failed_with(step(talk.client, talk.token, form), errc::illegal_message, "InitializeSecurityContext"));
        EXPECT_TRUE(failed_with(step(talk.server, talk.token, form), errc::illegal_message, "AcceptSecurityContext"));
        EXPECT_EQ(calls(function::initialize_security_context) + calls(function::accept_security_context), before);
        expect_established(talk);
    }
}

TEST_P(handshake_test, credentials_in_the_zero_state_are_refused) {
    const sspan::credentials nobody;
    for (const auto form : surfaces) {
        sspan::client_handshake client{nobody, service(), GetParam().client_options()};
        sspan::server_handshake server{nobody};
        EXPECT_TRUE(failed_with(step(client, {}, form), errc::invalid_handle, "InitializeSecurityContext"));
        EXPECT_TRUE(failed_with(step(server, {}, form), errc::invalid_handle, "AcceptSecurityContext"));
    }
    EXPECT_EQ(calls(function::initialize_security_context), 0U);
    EXPECT_EQ(calls(function::accept_security_context), 0U);
}

TEST_P(handshake_test, misuse_07_credentials_gone_before_the_next_leg_do_not_matter) {
    for (const auto form : surfaces) {
        conversation talk{GetParam().package, GetParam().client_options(), {}, form};
        talk.run_legs(2);
        talk.outbound = {};
        talk.inbound = {};
        ASSERT_TRUE(succeeded(talk.run()));
        expect_established(talk);
    }
}

TEST_P(handshake_test, target_with_a_zero_inside_is_refused) {
    const auto outbound = sspan::credentials::outbound(GetParam().package);
    const auto cut_short = service() + std::wstring(1, L'\0') + L".attacker.example";
    for (const auto form : surfaces) {
        sspan::client_handshake client{outbound, cut_short, GetParam().client_options()};
        EXPECT_TRUE(failed_with(step(client, {}, form), errc::invalid_parameter, "InitializeSecurityContext"));
        EXPECT_TRUE(failed_with(finish_outcome(client, form), errc::no_context, "InitializeSecurityContext"));
    }
    EXPECT_EQ(calls(function::initialize_security_context), 0U);
}

TEST_P(handshake_test, empty_target_is_refused_where_the_server_has_to_prove_its_name) {
    const auto outbound = sspan::credentials::outbound(GetParam().package);
    auto options = GetParam().client_options();
    options.require |= sspan::context_flags::mutual_auth;
    for (const auto form : surfaces) {
        sspan::client_handshake client{outbound, {}, options};
        EXPECT_TRUE(failed_with(step(client, {}, form), errc::invalid_parameter, "InitializeSecurityContext"));
    }
    EXPECT_EQ(calls(function::initialize_security_context), 0U);
    options.require = sspan::context_flags::none;
    for (const auto form : surfaces) {
        sspan::client_handshake client{outbound, {}, options};
        EXPECT_NE(step(client, {}, form).code, errc::invalid_parameter) << "the package decides";
    }
    EXPECT_EQ(calls(function::initialize_security_context), 2U);
}

TEST_P(handshake_test, input_in_our_own_token_is_refused) {
    for (const auto form : surfaces) {
        conversation talk{GetParam()};
        const auto ours = talk.client.step().token;
        const auto before = calls(function::initialize_security_context);
        EXPECT_TRUE(failed_with(step(talk.client, ours, form), errc::invalid_parameter, "InitializeSecurityContext"));
        EXPECT_TRUE(
            failed_with(step(talk.client, ours.last(1), form), errc::invalid_parameter, "InitializeSecurityContext"));
        EXPECT_EQ(calls(function::initialize_security_context), before);
        // The failed step has no effect: the handshake can continue.
        talk.token = copy_of(ours);
        talk.legs = 1;
        EXPECT_TRUE(succeeded(talk.run()));
        expect_established(talk);
    }
}

#if SIZE_MAX > 0xFFFFFFFF
TEST_P(handshake_test, input_of_more_than_4_GiB_is_refused) {
    const auto huge = more_than_4_gib();
    for (const auto form : surfaces) {
        conversation talk{GetParam()};
        talk.run_legs(1);
        const auto before = calls(function::accept_security_context);
        EXPECT_TRUE(failed_with(step(talk.server, huge, form), errc::invalid_parameter, "AcceptSecurityContext"));
        EXPECT_TRUE(failed_with(step(talk.client, huge, form), errc::invalid_parameter, "InitializeSecurityContext"));
        EXPECT_EQ(calls(function::accept_security_context), before);
        EXPECT_TRUE(succeeded(talk.run()));
        expect_established(talk);
    }
}
#endif

TEST_P(handshake_test, lack_of_memory_leaves_constructors_as_bad_alloc) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    const auto outbound = sspan::credentials::outbound(GetParam().package);
    const auto inbound = sspan::credentials::inbound(GetParam().package);
    const auto& target = service();
    for (std::size_t nth = 1; nth <= 3; ++nth) { // the output buffer, the context's state, the target's name
        EXPECT_THROW(
            {
                allocation::fail_at(nth);
                const sspan::client_handshake client(outbound, target);
            },
            std::bad_alloc);
    }
    for (std::size_t nth = 1; nth <= 2; ++nth) {
        EXPECT_THROW(
            {
                allocation::fail_at(nth);
                const sspan::server_handshake server(inbound);
            },
            std::bad_alloc);
    }
}

TEST_P(handshake_test, steps_allocate_nothing_of_their_own) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    GetParam().settings().legs = 2;
    conversation talk{GetParam()};
    loopback::fail_from(function::initialize_security_context, 1, SEC_E_INTERNAL_ERROR);
    std::error_code ec;
    const auto before = allocation::count();
    static_cast<void>(talk.client.step({}, ec));
    const auto after = allocation::count();
    EXPECT_EQ(ec, errc::internal_error);
    EXPECT_EQ(after, before);
}

TEST_P(handshake_test, one_pair_of_credentials_serves_many_handshakes_at_once) {
    const auto outbound = sspan::credentials::outbound(GetParam().package);
    const auto inbound = sspan::credentials::inbound(GetParam().package);
    std::vector<sspan::client_handshake> clients;
    std::vector<sspan::server_handshake> servers;
    for (int i = 0; i != 5; ++i) {
        clients.emplace_back(outbound, service(), GetParam().client_options());
        servers.emplace_back(inbound);
    }
    std::vector<bytes> tokens(5);
    for (unsigned leg = 0; leg <= GetParam().settings().legs; ++leg) {
        for (std::size_t i = 0; i != 5; ++i) {
            tokens[i] =
                leg % 2 == 0 ? copy_of(clients[i].step(tokens[i]).token) : copy_of(servers[i].step(tokens[i]).token);
        }
    }
    for (std::size_t i = 0; i != 5; ++i) {
        auto client = std::move(clients[i]).finish();
        auto server = std::move(servers[i]).finish();
        expect_working(client, server);
        expect_working(server, client);
    }
}

using handshake_with_dce_style = loopback_test;

TEST_F(handshake_with_dce_style, takes_three_legs_and_other_sizes) {
    auto options = sspan::client_options{};
    options.require |= sspan::context_flags::dce_style;
    auto server_options = sspan::server_options{};
    server_options.require |= sspan::context_flags::dce_style;
    conversation talk{sspan::package::kerberos, options, server_options};
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_EQ(talk.legs, loopback::configure().dce_legs + 1);
    auto client = std::move(talk.client).finish();
    auto server = std::move(talk.server).finish();
    EXPECT_TRUE(contains(client.granted(), sspan::context_flags::dce_style));
    EXPECT_TRUE(contains(server.granted(), sspan::context_flags::dce_style));
    EXPECT_EQ(client.sizes().security_trailer, loopback::configure().dce_security_trailer);
    expect_working(client, server);
    expect_working(server, client);
}

using handshake_identity = loopback_test;

TEST_F(handshake_identity, explicit_credentials_work) {
    const auto outbound =
        sspan::credentials::outbound(sspan::package::kerberos, {L"bob", L"LOOPBACK", L"battery staple"});
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    sspan::client_handshake client{outbound, service()};
    sspan::server_handshake server{inbound};
    run(client, server);
    EXPECT_TRUE(std::move(client).finish());
    EXPECT_TRUE(std::move(server).finish());
}

} // namespace
