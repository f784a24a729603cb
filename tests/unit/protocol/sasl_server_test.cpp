// SPDX-License-Identifier: MIT
#include <sspan/protocol/sasl_server.hpp>

#include <sspan/attributes.hpp>

#include "unit/protocol/sasl_sides.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using sasl::layer;
using sspan::errc;

constexpr std::string_view own_name = "sspan::sasl::server";

/// A server, and a client made of a plain handshake. The client chooses the test's layer.
class sasl_server : public sasl_test {
protected:
    /// Runs the handshake. Afterwards `offer` has the server's offer.
    void shake_hands(const sasl::server_options& options = {}, const sspan::client_options& flags = asks_for_all()) {
        server = std::make_unique<sasl::server>(inbound, options);
        sspan::client_handshake client{outbound, service(), flags};
        auto taken = client.step();
        sasl_outcome challenge;
        for (;;) {
            challenge = sasl_step(*server, copy_of(taken.token), GetParam());
            ASSERT_TRUE(succeeded(challenge));
            ASSERT_TRUE(challenge.answers);
            ASSERT_FALSE(challenge.done);
            if (taken.done()) {
                break;
            }
            taken = client.step(challenge.answer);
        }
        context = std::move(client).finish();
        offer = context.unwrap_copy(challenge.answer, least);
    }
    sasl_outcome answer_to(const bytes& choice) { return sasl_step(*server, choice, GetParam()); }
    sasl_outcome answer_to_choice(const bytes& plain) { return answer_to(context.wrap_copy(plain, signed_only)); }
    void expect_refused(const bytes& choice, errc code, std::string_view why,
                        const sasl::server_options& options = {}) {
        shake_hands(options);
        const auto challenge = answer_to_choice(choice);
        EXPECT_TRUE(failed_with(challenge, code, own_name));
        EXPECT_FALSE(challenge.answers);
        EXPECT_FALSE(challenge.done);
        if (GetParam() == surface::exception) {
            EXPECT_NE(challenge.what.find(why), std::string::npos) << challenge.what;
        }
        expect_over();
    }
    void expect_over() {
        EXPECT_EQ(loopback::live().contexts, context ? 1U : 0U) << "its context is deleted";
        expect_ended();
    }
    void expect_ended() {
        EXPECT_TRUE(failed_with(answer_to(of({1})), errc::no_context, own_name));
        EXPECT_EQ(server->authorization_identity(), "");
        std::error_code ec;
        EXPECT_FALSE(std::move(*server).finish(ec));
        EXPECT_EQ(ec, errc::no_context);
    }
    void TearDown() override {
        server.reset();
        context = {};
        sasl_test::TearDown();
    }

    std::unique_ptr<sasl::server> server;
    sspan::client_context context;
    sspan::unwrapped_copy offer;
};
INSTANTIATE_TEST_SUITE_P(each, sasl_server, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(sasl_server, offers_its_layers_and_its_maximum_signed) {
    for (unsigned layers = 1; layers != 8; ++layers) {
        shake_hands({.layers = static_cast<layer>(layers), .max_buffer = 0xABCDEF});
        EXPECT_EQ(offer.data, layers == 1 ? of({1, 0, 0, 0}) : of({layers, 0xAB, 0xCD, 0xEF}));
        EXPECT_EQ(offer.quality, sspan::quality_of_protection::integrity_only);
    }
    shake_hands();
    EXPECT_EQ(offer.data, of({4, 1, 0, 0}));
}

TEST_P(sasl_server, offers_only_what_the_context_has) {
    shake_hands({.layers = all_layers},
                {.require = sspan::context_flags::integrity | sspan::context_flags::sequence_detect});
    EXPECT_EQ(offer.data, of({3U, 1, 0, 0}));
    deny(ISC_RET_CONFIDENTIALITY);
    shake_hands({.layers = all_layers}, {.require = sspan::context_flags::integrity});
    EXPECT_EQ(offer.data[0], std::byte{1} | (offer.data[0] & std::byte{2}));
    deny(ISC_RET_SEQUENCE_DETECT);
    shake_hands({.layers = all_layers}, {.require = sspan::context_flags::integrity});
    EXPECT_EQ(offer.data, of({1, 0, 0, 0}));
}

TEST_P(sasl_server, fails_without_the_flags_of_the_layer) {
    const auto run = [&](ULONG denied, const sasl::server_options& options) {
        deny(denied);
        server = std::make_unique<sasl::server>(inbound, options);
        sspan::client_handshake client{outbound, service(), asks_for_all()};
        return sasl_step(*server, copy_of(client.step().token), GetParam());
    };
    for (const auto flag : {ISC_RET_SEQUENCE_DETECT, ISC_RET_INTEGRITY, ISC_RET_CONFIDENTIALITY}) {
        const auto challenge = run(static_cast<ULONG>(flag), {});
        EXPECT_TRUE(failed_with(challenge, errc::security_qos_failed, "AcceptSecurityContext"));
        EXPECT_FALSE(challenge.answers) << "no challenge reports success to the client";
    }
    EXPECT_EQ(run(ISC_RET_INTEGRITY, {.layers = layer::none}).code, errc::security_qos_failed)
        << "the exchange is signed";
    EXPECT_TRUE(succeeded(run(ISC_RET_CONFIDENTIALITY, {.layers = all_layers})));
    EXPECT_TRUE(succeeded(run(ISC_RET_SEQUENCE_DETECT, {.layers = all_layers})));
}

TEST_P(sasl_server, takes_each_layer_that_it_has_offered_and_no_other) {
    for (unsigned offered = 1; offered != 8; ++offered) {
        for (unsigned choice = 0; choice != (offered == 7 ? 256U : 8U); ++choice) {
            shake_hands({.layers = static_cast<layer>(offered)});
            const auto challenge = answer_to_choice(of({choice, 0, choice == 1 ? 0U : 0x10U, 0}));
            const bool is_one = choice == 1 || choice == 2 || choice == 4;
            if (is_one && (choice & offered) != 0) {
                ASSERT_TRUE(succeeded(challenge));
                EXPECT_TRUE(challenge.done);
                EXPECT_FALSE(challenge.answers);
                EXPECT_EQ(std::move(*server).finish().protection(), static_cast<layer>(choice));
            } else {
                EXPECT_TRUE(
                    failed_with(challenge, is_one ? errc::security_qos_failed : errc::illegal_message, own_name))
                    << offered << ' ' << choice;
                EXPECT_FALSE(challenge.done);
            }
        }
    }
}

TEST_P(sasl_server, refuses_a_choice_that_is_too_short) {
    for (std::size_t size = 0; size != 4; ++size) {
        expect_refused(bytes(size, std::byte{4}), errc::illegal_message, "less than 4 bytes");
    }
}

TEST_P(sasl_server, refuses_several_layers) {
    for (const unsigned choice : {0U, 3U, 5U, 6U, 7U, 8U, 12U, 255U}) {
        expect_refused(of({choice, 1, 0, 0}), errc::illegal_message, "exactly one layer", {.layers = all_layers});
    }
}

TEST_P(sasl_server, refuses_a_weaker_layer_than_it_has_offered) {
    expect_refused(of({2, 1, 0, 0}), errc::security_qos_failed, "not offered");
    expect_refused(of({1, 0, 0, 0}), errc::security_qos_failed, "not offered");
}

TEST_P(sasl_server, refuses_a_maximum_without_a_layer) {
    expect_refused(of({1, 0, 0, 1}), errc::illegal_message, "maximum without a layer", {.layers = all_layers});
    expect_refused(of({1, 1, 0, 0}), errc::illegal_message, "maximum without a layer", {.layers = layer::none});
}

TEST_P(sasl_server, refuses_a_maximum_in_which_no_message_fits) {
    const auto& kerberos = loopback::configure().kerberos;
    const auto overhead = kerberos.security_trailer + kerberos.block_size;
    expect_refused(of({4, 0, 0, 0}, "bob"), errc::illegal_message, "no message fits");
    expect_refused(of({4, 0, 0, overhead}, "bob"), errc::illegal_message, "no message fits");
    shake_hands();
    EXPECT_TRUE(succeeded(answer_to_choice(of({4, 0, 0, overhead + 1}))));
    EXPECT_EQ(std::move(*server).finish().max_payload(), 1U);
}

TEST_P(sasl_server, knows_the_client_and_whom_it_wants_to_act_as) {
    shake_hands();
    EXPECT_TRUE(succeeded(answer_to_choice(of({4, 1, 0, 0}, "dn:cn=M\xC3\xBCller"))));
    EXPECT_EQ(server->authorization_identity(), "dn:cn=M\xC3\xBCller");
    const auto channel = std::move(*server).finish();
    EXPECT_EQ(sspan::query_user_name(channel.context()), L"LOOPBACK\\alice");
    EXPECT_TRUE(channel.context().is_server());

    shake_hands();
    EXPECT_TRUE(succeeded(answer_to_choice(of({4, 1, 0, 0}))));
    EXPECT_EQ(server->authorization_identity(), "");
}

TEST_P(sasl_server, refuses_an_identity_that_is_no_text) {
    for (const auto text : {std::string_view{"\0", 1}, std::string_view{"bob\0", 4}, std::string_view{"al\0ice", 6},
                            std::string_view{"\xFF"}, std::string_view{"bob\xC3"}}) {
        expect_refused(of({4, 1, 0, 0}, text), errc::illegal_message, "UTF-8");
    }
}

TEST_P(sasl_server, refuses_a_choice_that_was_changed) {
    shake_hands();
    const auto size = context.wrap_copy(of({4, 1, 0, 0}, "bob"), signed_only).size();
    for (std::size_t place = 0; place != size; ++place) {
        shake_hands();
        auto choice = context.wrap_copy(of({4, 1, 0, 0}, "bob"), signed_only);
        choice[place] ^= std::byte{1};
        const auto challenge = answer_to(choice);
        EXPECT_TRUE(challenge.code == errc::message_altered || challenge.code == errc::invalid_token ||
                    challenge.code == errc::out_of_sequence)
            << place << ' ' << challenge.code.message();
        expect_over();
    }
}

TEST_P(sasl_server, refuses_a_choice_that_was_cut) {
    shake_hands();
    const auto size = context.wrap_copy(of({4, 1, 0, 0}, "bob"), signed_only).size();
    for (std::size_t left = 0; left != size; ++left) {
        shake_hands();
        auto choice = context.wrap_copy(of({4, 1, 0, 0}, "bob"), signed_only);
        choice.resize(left);
        const auto challenge = answer_to(choice);
        EXPECT_TRUE(challenge.code == errc::message_altered || challenge.code == errc::invalid_token)
            << left << ' ' << challenge.code.message();
        expect_over();
    }
}

TEST_P(sasl_server, refuses_a_choice_over_the_limit) {
    shake_hands({.limits = {.max_token = 1000}});
    EXPECT_TRUE(failed_with(answer_to(bytes(1001)), errc::invalid_token, own_name));
    expect_over();
}

TEST_P(sasl_server, waits_for_an_empty_response_to_its_last_token) {
    server = std::make_unique<sasl::server>(inbound);
    sspan::client_handshake client{outbound, service(), asks_for_all()};
    const auto challenge = sasl_step(*server, copy_of(client.step().token), GetParam());
    EXPECT_TRUE(client.step(challenge.answer).done());
    EXPECT_TRUE(failed_with(answer_to(of({0})), errc::illegal_message, own_name));
    expect_ended();
}

TEST_P(sasl_server, asks_for_the_initial_response_that_is_missing) {
    server = std::make_unique<sasl::server>(inbound);
    const auto asked = answer_to({});
    EXPECT_TRUE(succeeded(asked));
    EXPECT_TRUE(asked.answers_nothing());
    EXPECT_FALSE(asked.done);
    sspan::client_handshake client{outbound, service(), asks_for_all()};
    EXPECT_TRUE(succeeded(answer_to(copy_of(client.step().token))));

    server = std::make_unique<sasl::server>(inbound);
    EXPECT_TRUE(succeeded(answer_to({})));
    EXPECT_TRUE(failed_with(answer_to({}), errc::invalid_token, own_name)) << "it asks only once";
    EXPECT_EQ(loopback::calls(loopback::function::accept_security_context), 1U);
}

TEST_P(sasl_server, passes_on_what_the_package_says_of_a_token) {
    server = std::make_unique<sasl::server>(inbound);
    sspan::client_handshake client{outbound, service(), asks_for_all()};
    auto token = copy_of(client.step().token);
    token.back() ^= std::byte{1};
    const auto challenge = answer_to(token);
    EXPECT_TRUE(failed_with(challenge, errc::invalid_token, "AcceptSecurityContext"));
    EXPECT_TRUE(challenge.answers) << "tells the client the reason";
    expect_ended();
    server = std::make_unique<sasl::server>(inbound);
    EXPECT_TRUE(failed_with(answer_to(of({0x60, 1, 2})), errc::invalid_token, "AcceptSecurityContext"));
}

TEST_P(sasl_server, takes_handshakes_of_any_length) {
    for (unsigned legs = 1; legs != 6; ++legs) {
        loopback::configure().kerberos.legs = legs;
        shake_hands();
        EXPECT_TRUE(answer_to_choice(of({4, 1, 0, 0})).done) << legs;
    }
}

TEST_P(sasl_server, gives_no_channel_before_the_choice) {
    shake_hands();
    EXPECT_TRUE(
        failed_with(outcome_of(GetParam(), [&](auto&... ec) { EXPECT_FALSE(std::move(*server).finish(ec...)); }),
                    errc::no_context, own_name));
    EXPECT_TRUE(failed_with(answer_to_choice(of({4, 1, 0, 0})), errc::no_context, own_name));
}

TEST_P(sasl_server, takes_nothing_more_when_it_is_done) {
    shake_hands();
    EXPECT_TRUE(answer_to_choice(of({4, 1, 0, 0})).done);
    EXPECT_TRUE(failed_with(answer_to({}), errc::illegal_message, own_name));
    EXPECT_TRUE(std::move(*server).finish()) << "the refused step has no effect";
    std::error_code ec;
    EXPECT_FALSE(std::move(*server).finish(ec)) << "once";
}

TEST_P(sasl_server, compares_the_names_of_the_service) {
    const auto run = [&](const std::wstring& name) {
        server = std::make_unique<sasl::server>(inbound, sasl::server_options{.service_names = {name}});
        sspan::client_handshake client{outbound, service(), asks_for_all()};
        return sasl_step(*server, copy_of(client.step().token), GetParam()).code;
    };
    EXPECT_FALSE(run(service()));
    EXPECT_EQ(run(L"ldap/other"), errc::wrong_principal);
}

TEST_P(sasl_server, compares_the_channel) {
    const auto run = [&](std::string_view ours, std::string_view theirs) {
        server = std::make_unique<sasl::server>(
            inbound, sasl::server_options{.bindings = sspan::channel_bindings::application_data(ours)});
        sspan::client_handshake client{
            outbound, service(), {.bindings = sspan::channel_bindings::application_data(theirs)}};
        return sasl_step(*server, copy_of(client.step().token), GetParam()).code;
    };
    EXPECT_FALSE(run("channel", "channel"));
    EXPECT_EQ(run("channel", "other"), errc::bad_bindings);
}

TEST_P(sasl_server, refuses_options_that_cannot_be) {
    const auto refused = [&](const sasl::server_options& options) {
        server = std::make_unique<sasl::server>(inbound, options);
        EXPECT_TRUE(failed_with(answer_to(of({1})), errc::invalid_parameter, own_name));
    };
    refused({.mechanism = sasl::mechanism::gss_spnego});
    refused({.layers = layer{0}});
    refused({.layers = layer{15}});
    refused({.max_buffer = 0});
    refused({.max_buffer = 0x1000000});
    refused({.max_send = 0});
    refused({.require = sspan::context_flags::sequence_detect});
    refused({.request = sspan::context_flags::dce_style});
    EXPECT_EQ(loopback::calls(loopback::function::accept_security_context), 0U);
}

TEST_P(sasl_server, refuses_ntlm_in_the_mechanism_of_kerberos) {
    server = std::make_unique<sasl::server>(inbound);
    EXPECT_TRUE(failed_with(answer_to(of({}, "NTLMSSP\x01")), errc::invalid_token, "AcceptSecurityContext"));
}

/// Both sides use SPNEGO.
class sasl_spnego_server : public loopback_test, public ::testing::WithParamInterface<surface> {
protected:
    struct result {
        std::error_code code;
        layer client = layer{0};
        layer server = layer{0};
    };
    static result run(layer client, layer server) {
        sasl_pair both{{.mechanism = sasl::mechanism::gss_spnego, .layers = client},
                       {.mechanism = sasl::mechanism::gss_spnego, .layers = server}};
        bytes message;
        for (;;) {
            const auto response = sasl_step(both.client, message, GetParam());
            if (response.code) {
                return {response.code};
            }
            if (response.done) {
                EXPECT_TRUE(response.answers_nothing());
                break;
            }
            const auto challenge = sasl_step(both.server, response.answer, GetParam());
            if (challenge.code) {
                return {challenge.code};
            }
            message = challenge.answer;
        }
        return {{}, std::move(both.client).finish().protection(), std::move(both.server).finish().protection()};
    }
};
INSTANTIATE_TEST_SUITE_P(each, sasl_spnego_server, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(sasl_spnego_server, sends_its_last_token_with_the_success) {
    sasl_pair both{{.mechanism = sasl::mechanism::gss_spnego}, {.mechanism = sasl::mechanism::gss_spnego}};
    const auto challenge = sasl_step(both.server, sasl_step(both.client, {}).answer, GetParam());
    EXPECT_TRUE(challenge.done);
    EXPECT_TRUE(challenge.answers);
    EXPECT_EQ(both.server.authorization_identity(), "");
    EXPECT_TRUE(sasl_step(both.client, challenge.answer, GetParam()).done);
}

TEST_P(sasl_spnego_server, has_no_challenge_without_a_token) {
    loopback::configure().negotiate.legs = 3;
    sasl_pair both{{.mechanism = sasl::mechanism::gss_spnego}, {.mechanism = sasl::mechanism::gss_spnego}};
    const auto first = sasl_step(both.server, sasl_step(both.client, {}).answer, GetParam());
    const auto last = sasl_step(both.client, first.answer, GetParam());
    EXPECT_TRUE(last.done);
    EXPECT_FALSE(last.answer.empty());
    const auto end = sasl_step(both.server, last.answer, GetParam());
    EXPECT_TRUE(succeeded(end));
    EXPECT_TRUE(end.done);
    EXPECT_FALSE(end.answers);
}

TEST_P(sasl_spnego_server, both_sides_take_the_same_layer) {
    for (unsigned client = 1; client != 8; ++client) {
        for (unsigned server = 1; server != 8; ++server) {
            const auto came_to = run(static_cast<layer>(client), static_cast<layer>(server));
            if (came_to.code) {
                EXPECT_EQ(came_to.code, errc::security_qos_failed);
            } else {
                EXPECT_EQ(came_to.client, came_to.server) << client << ' ' << server;
            }
        }
    }
    EXPECT_EQ(run(all_layers, all_layers).server, layer::confidentiality);
    EXPECT_EQ(run(layer::integrity, layer::confidentiality).code, errc::security_qos_failed);
}

} // namespace
