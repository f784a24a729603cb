// SPDX-License-Identifier: MIT
#include <sspan/protocol/sasl_client.hpp>

#include "unit/protocol/sasl_sides.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using sasl::layer;
using sspan::errc;

constexpr std::string_view own_name = "sspan::sasl::client";

/// A client, and a server made of a plain handshake. The server offers the test's layers.
class sasl_client : public sasl_test {
protected:
    /// Runs the handshake. Afterwards the client waits for the offer.
    void shake_hands(const sasl::client_options& options = {}) {
        client = std::make_unique<sasl::client>(outbound, service(), options);
        sspan::server_handshake server{inbound, takes_all()};
        auto response = sasl_step(*client, {}, GetParam());
        for (;;) {
            ASSERT_TRUE(succeeded(response));
            ASSERT_TRUE(response.answers);
            ASSERT_FALSE(response.done);
            const auto taken = server.step(response.answer);
            if (taken.token.empty()) {
                context = std::move(server).finish();
                return;
            }
            response = sasl_step(*client, copy_of(taken.token), GetParam());
            if (taken.done()) {
                EXPECT_TRUE(response.answers_nothing()) << "the response is empty, but not missing";
                context = std::move(server).finish();
                return;
            }
        }
    }
    sasl_outcome answer_to(const bytes& offer) { return sasl_step(*client, offer, GetParam()); }
    sasl_outcome answer_to_offer(const bytes& plain) { return answer_to(context.wrap_copy(plain, signed_only)); }
    bytes opened(const sasl_outcome& response) { return context.unwrap_copy(response.answer, least).data; }
    void expect_refused(const bytes& offer, errc code, std::string_view why, const sasl::client_options& options = {}) {
        shake_hands(options);
        const auto response = answer_to_offer(offer);
        EXPECT_TRUE(failed_with(response, code, own_name));
        EXPECT_FALSE(response.answers);
        EXPECT_FALSE(response.done);
        if (GetParam() == surface::exception) {
            EXPECT_NE(response.what.find(why), std::string::npos) << response.what;
        }
        expect_over();
    }
    void expect_over() {
        EXPECT_EQ(loopback::live().contexts, context ? 1U : 0U) << "its context is deleted";
        expect_ended();
    }
    void expect_ended() {
        EXPECT_TRUE(failed_with(answer_to({}), errc::no_context, own_name));
        std::error_code ec;
        EXPECT_FALSE(std::move(*client).finish(ec));
        EXPECT_EQ(ec, errc::no_context);
    }

    std::unique_ptr<sasl::client> client;
    sspan::server_context context;
    void TearDown() override {
        client.reset();
        context = {};
        sasl_test::TearDown();
    }
};
INSTANTIATE_TEST_SUITE_P(each, sasl_client, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(sasl_client, chooses_the_strongest_layer_that_both_sides_have) {
    for (unsigned offered = 1; offered != 8; ++offered) {
        for (unsigned accepted = 1; accepted != 8; ++accepted) {
            shake_hands({.layers = static_cast<layer>(accepted)});
            const auto common = offered & accepted;
            const auto max = offered == 1 ? 0U : 0x12U;
            const auto response = answer_to_offer(of({offered, max, 0x34, 0x56}));
            if (offered == 1) { // without a layer, the size must be 0, not 0x3456
                EXPECT_EQ(response.code, errc::illegal_message);
            } else if (common == 0) {
                EXPECT_TRUE(failed_with(response, errc::security_qos_failed, own_name));
            } else {
                ASSERT_TRUE(succeeded(response)) << offered << ' ' << accepted;
                EXPECT_TRUE(response.done);
                const unsigned chosen = (common & 4) != 0 ? 4 : (common & 2) != 0 ? 2 : 1;
                EXPECT_EQ(opened(response), chosen == 1 ? of({1, 0, 0, 0}) : of({chosen, 1, 0, 0}));
                const auto channel = std::move(*client).finish();
                EXPECT_EQ(channel.protection(), static_cast<layer>(chosen));
            }
        }
    }
}

TEST_P(sasl_client, asks_for_the_flags_of_the_protocol) {
    const auto requested = [&](const sasl::client_options& options) {
        shake_hands(options);
        return loopback::last_flags(loopback::function::initialize_security_context);
    };
    constexpr ULONG always = ISC_REQ_MUTUAL_AUTH | ISC_REQ_SEQUENCE_DETECT | ISC_REQ_INTEGRITY | ISC_REQ_EXTENDED_ERROR;
    EXPECT_EQ(requested({}), always | ISC_REQ_CONFIDENTIALITY);
    EXPECT_EQ(requested({.layers = all_layers}), always | ISC_REQ_CONFIDENTIALITY);
    EXPECT_EQ(requested({.layers = layer::none | layer::integrity}), always);
    EXPECT_EQ(requested({.layers = layer::none}), always);
    EXPECT_EQ(requested({.require = sspan::context_flags::none}), always | ISC_REQ_CONFIDENTIALITY);
    EXPECT_EQ(requested({.request = sspan::context_flags::delegate | sspan::context_flags::extended_error}),
              always | ISC_REQ_CONFIDENTIALITY | ISC_REQ_DELEGATE);
}

TEST_P(sasl_client, fails_without_the_flags_of_the_layer) {
    const auto run = [&](ULONG denied, const sasl::client_options& options) {
        deny(denied);
        client = std::make_unique<sasl::client>(outbound, service(), options);
        sspan::server_handshake server{inbound, takes_all()};
        const auto first = sasl_step(*client, {}, GetParam());
        const auto taken = server.step(first.answer);
        return sasl_step(*client, copy_of(taken.token), GetParam());
    };
    for (const auto flag : {ISC_RET_MUTUAL_AUTH, ISC_RET_SEQUENCE_DETECT, ISC_RET_INTEGRITY, ISC_RET_CONFIDENTIALITY}) {
        const auto response = run(static_cast<ULONG>(flag), {});
        EXPECT_TRUE(failed_with(response, errc::security_qos_failed, "InitializeSecurityContext"));
        EXPECT_FALSE(response.answers);
    }
    EXPECT_EQ(run(ISC_RET_INTEGRITY, {.layers = layer::none}).code, errc::security_qos_failed)
        << "the exchange is signed";
    EXPECT_EQ(run(ISC_RET_MUTUAL_AUTH, {.layers = layer::none}).code, errc::security_qos_failed);
    EXPECT_TRUE(succeeded(run(ISC_RET_CONFIDENTIALITY, {.layers = all_layers})));
}

TEST_P(sasl_client, does_not_choose_a_layer_that_the_context_does_not_have) {
    deny(ISC_RET_CONFIDENTIALITY);
    shake_hands({.layers = all_layers});
    EXPECT_EQ(opened(answer_to_offer(of({7, 1, 0, 0}))), of({2, 1, 0, 0}));
    deny(ISC_RET_SEQUENCE_DETECT);
    shake_hands({.layers = all_layers});
    EXPECT_EQ(opened(answer_to_offer(of({7, 1, 0, 0}))), of({1, 0, 0, 0}));
    deny(ISC_RET_CONFIDENTIALITY);
    shake_hands({.layers = layer::confidentiality | layer::none});
    EXPECT_EQ(opened(answer_to_offer(of({7, 1, 0, 0}))), of({1, 0, 0, 0}));
}

TEST_P(sasl_client, tells_its_maximum_and_its_identity) {
    shake_hands({.max_buffer = 0xABCDEF, .authorization_identity = "u:m\xC3\xBCller"});
    EXPECT_EQ(opened(answer_to_offer(of({4, 0, 0x10, 0}))), of({4, 0xAB, 0xCD, 0xEF}, "u:m\xC3\xBCller"));
    shake_hands({.layers = layer::none, .max_buffer = 0xABCDEF, .authorization_identity = "x"});
    EXPECT_EQ(opened(answer_to_offer(of({1, 0, 0, 0}))), of({1, 0, 0, 0}, "x"));
}

TEST_P(sasl_client, signs_its_choice_and_does_not_encrypt_it) {
    shake_hands();
    const auto response = answer_to_offer(of({4, 1, 0, 0}));
    EXPECT_EQ(context.unwrap_copy(response.answer, least).quality, sspan::quality_of_protection::integrity_only);
}

TEST_P(sasl_client, takes_an_offer_that_is_encrypted) {
    shake_hands();
    EXPECT_TRUE(succeeded(answer_to(context.wrap_copy(of({4, 1, 0, 0})))));
}

TEST_P(sasl_client, refuses_an_offer_of_another_length) {
    for (const std::size_t size : {0U, 1U, 3U, 5U, 8U, 1000U}) {
        const bytes offer(size, std::byte{4});
        expect_refused(offer, errc::illegal_message, "does not have 4 bytes");
    }
}

TEST_P(sasl_client, refuses_an_offer_of_no_layer) {
    expect_refused(of({0, 0, 0, 0}), errc::security_qos_failed, "offered no layer");
    expect_refused(of({0xF8, 0, 0, 0}), errc::security_qos_failed, "offered no layer");
}

TEST_P(sasl_client, never_falls_back_to_a_weaker_layer) {
    expect_refused(of({3, 1, 0, 0}), errc::security_qos_failed, "offered no layer");
    expect_refused(of({2, 1, 0, 0}), errc::security_qos_failed, "offered no layer");
    expect_refused(of({1, 0, 0, 0}), errc::security_qos_failed, "offered no layer");
    expect_refused(of({1, 0, 0, 0}), errc::security_qos_failed, "offered no layer",
                   {.layers = layer::integrity | layer::confidentiality});
}

TEST_P(sasl_client, refuses_a_maximum_without_a_layer) {
    expect_refused(of({1, 0, 0, 1}), errc::illegal_message, "maximum without a layer", {.layers = all_layers});
    expect_refused(of({1, 1, 0, 0}), errc::illegal_message, "maximum without a layer", {.layers = layer::none});
}

TEST_P(sasl_client, refuses_a_maximum_in_which_no_message_fits) {
    const auto& kerberos = loopback::configure().kerberos;
    const auto overhead = kerberos.security_trailer + kerberos.block_size;
    expect_refused(of({4, 0, 0, 0}), errc::illegal_message, "no message fits");
    expect_refused(of({4, 0, 0, overhead}), errc::illegal_message, "no message fits");
    shake_hands();
    EXPECT_TRUE(succeeded(answer_to_offer(of({4, 0, 0, overhead + 1}))));
    EXPECT_EQ(std::move(*client).finish().max_payload(), 1U);
    shake_hands({.layers = layer::none}); // no message has to fit
    EXPECT_TRUE(succeeded(answer_to_offer(of({7, 0, 0, 0}))));
}

TEST_P(sasl_client, own_maximum_in_which_no_message_fits_is_the_callers_mistake) {
    expect_refused(of({4, 1, 0, 0}), errc::invalid_parameter, "max_send", {.max_send = 10});
}

TEST_P(sasl_client, refuses_an_offer_that_was_changed) {
    shake_hands();
    const auto size = context.wrap_copy(of({4, 1, 0, 0}), signed_only).size();
    for (std::size_t place = 0; place != size; ++place) {
        shake_hands();
        auto offer = context.wrap_copy(of({4, 1, 0, 0}), signed_only);
        offer[place] ^= std::byte{1};
        const auto response = answer_to(offer);
        EXPECT_TRUE(response.code == errc::message_altered || response.code == errc::invalid_token ||
                    response.code == errc::out_of_sequence)
            << place << ' ' << response.code.message();
        EXPECT_FALSE(response.answers);
        expect_over();
    }
}

TEST_P(sasl_client, refuses_an_offer_that_was_cut) {
    shake_hands();
    const auto size = context.wrap_copy(of({4, 1, 0, 0}), signed_only).size();
    for (std::size_t left = 0; left != size; ++left) {
        shake_hands();
        auto offer = context.wrap_copy(of({4, 1, 0, 0}), signed_only);
        offer.resize(left);
        const auto response = answer_to(offer);
        EXPECT_TRUE(response.code == errc::message_altered || response.code == errc::invalid_token)
            << left << ' ' << response.code.message();
        expect_over();
    }
}

TEST_P(sasl_client, refuses_an_offer_over_the_limit) {
    shake_hands({.limits = {.max_token = 1000}});
    EXPECT_TRUE(failed_with(answer_to(bytes(1001)), errc::invalid_token, own_name));
    expect_over();
}

TEST_P(sasl_client, refuses_to_start_with_a_challenge) {
    client = std::make_unique<sasl::client>(outbound, service());
    EXPECT_TRUE(failed_with(answer_to(of({1})), errc::illegal_message, own_name));
    expect_over();
}

TEST_P(sasl_client, refuses_an_empty_token) {
    client = std::make_unique<sasl::client>(outbound, service());
    EXPECT_TRUE(succeeded(answer_to({})));
    EXPECT_TRUE(failed_with(answer_to({}), errc::invalid_token, own_name));
    expect_ended();
}

TEST_P(sasl_client, passes_on_what_the_package_says_of_a_token) {
    client = std::make_unique<sasl::client>(outbound, service());
    EXPECT_TRUE(succeeded(answer_to({})));
    const auto response = answer_to(of({1, 2, 3}));
    EXPECT_TRUE(failed_with(response, errc::invalid_token, "InitializeSecurityContext"));
    EXPECT_TRUE(response.answers) << "tells the server the reason";
    expect_over();
}

TEST_P(sasl_client, is_not_done_before_the_offer) {
    for (unsigned legs = 2; legs != 6; ++legs) { // mutual authentication needs more than one
        loopback::configure().kerberos.legs = legs;
        shake_hands();
        EXPECT_TRUE(succeeded(answer_to_offer(of({4, 1, 0, 0})))) << legs;
    }
    shake_hands();
    EXPECT_TRUE(
        failed_with(outcome_of(GetParam(), [&](auto&... ec) { EXPECT_FALSE(std::move(*client).finish(ec...)); }),
                    errc::no_context, own_name));
    EXPECT_TRUE(failed_with(answer_to({}), errc::no_context, own_name));
}

TEST_P(sasl_client, takes_nothing_more_when_it_is_done) {
    shake_hands();
    EXPECT_TRUE(answer_to_offer(of({4, 1, 0, 0})).done);
    EXPECT_TRUE(failed_with(answer_to_offer(of({4, 1, 0, 0})), errc::illegal_message, own_name));
    EXPECT_TRUE(std::move(*client).finish()) << "the refused step has no effect";
}

TEST_P(sasl_client, gives_its_channel_once) {
    shake_hands();
    EXPECT_TRUE(answer_to_offer(of({4, 1, 0, 0})).done);
    EXPECT_TRUE(std::move(*client).finish());
    std::error_code ec;
    EXPECT_FALSE(std::move(*client).finish(ec));
    EXPECT_EQ(ec, errc::no_context);
}

TEST_P(sasl_client, can_be_moved_at_any_time) {
    shake_hands();
    sasl::client moved{std::move(*client)};
    const auto offer = context.wrap_copy(of({4, 1, 0, 0}), signed_only);
    EXPECT_TRUE(failed_with(answer_to(offer), errc::invalid_handle, "DecryptMessage"));
    EXPECT_TRUE(sasl_step(moved, offer, GetParam()).done);
    auto again = std::move(moved);
    EXPECT_TRUE(std::move(again).finish());
    std::error_code ec;
    EXPECT_FALSE(std::move(moved).finish(ec)); // NOLINT(bugprone-use-after-move): the moved-from state is under test
    EXPECT_EQ(ec, errc::invalid_handle);
}

TEST_P(sasl_client, refuses_options_that_cannot_be) {
    const auto other = sspan::credentials::outbound(sspan::package::negotiate);
    const auto refused = [&](const sspan::credentials& creds, const sasl::client_options& options) {
        client = std::make_unique<sasl::client>(creds, service(), options);
        EXPECT_TRUE(failed_with(answer_to({}), errc::invalid_parameter, own_name));
        EXPECT_TRUE(failed_with(answer_to({}), errc::invalid_parameter, own_name)) << "still";
    };
    refused(other, {});
    refused(outbound, {.mechanism = sasl::mechanism::gss_spnego});
    refused(outbound, {.layers = layer{0}});
    refused(outbound, {.layers = layer{8}});
    refused(outbound, {.max_buffer = 0});
    refused(outbound, {.max_buffer = 0x1000000});
    refused(outbound, {.max_send = 0});
    refused(outbound, {.authorization_identity = std::string("a\0b", 3)});
    refused(outbound, {.authorization_identity = "\xFF"});
    refused(other, {.mechanism = sasl::mechanism::gss_spnego, .authorization_identity = "bob"});
    refused(outbound, {.require = sspan::context_flags::replay_detect});
    for (const auto flag :
         {sspan::context_flags::dce_style, sspan::context_flags::datagram, sspan::context_flags::stream,
          sspan::context_flags::replay_detect, sspan::context_flags::null_session}) {
        refused(outbound, {.request = flag});
    }
    EXPECT_EQ(loopback::calls(loopback::function::initialize_security_context), 0U);
}

TEST_P(sasl_client, needs_credentials) {
    client = std::make_unique<sasl::client>(sspan::credentials{}, service());
    EXPECT_TRUE(failed_with(answer_to({}), errc::invalid_handle, "InitializeSecurityContext"));
}

TEST_P(sasl_client, proves_the_channel) {
    const std::array<std::byte, 32> hash{std::byte{1}};
    client = std::make_unique<sasl::client>(
        outbound, service(), sasl::client_options{.bindings = sspan::channel_bindings::tls_server_end_point(hash)});
    const auto first = answer_to({});
    sspan::server_handshake wrong{inbound, {.bindings = sspan::channel_bindings::application_data("other")}};
    std::error_code ec;
    static_cast<void>(wrong.step(first.answer, ec));
    EXPECT_EQ(ec, errc::bad_bindings);
    sspan::server_handshake right{inbound, {.bindings = sspan::channel_bindings::tls_server_end_point(hash)}};
    static_cast<void>(right.step(first.answer, ec));
    EXPECT_FALSE(ec);
}

/// The server is a plain SPNEGO handshake.
class sasl_spnego_client : public sasl_test {
protected:
    /// @return the client's last step.
    sasl_outcome run(sasl::client_options options) {
        options.mechanism = sasl::mechanism::gss_spnego;
        negotiate_out = sspan::credentials::outbound(sspan::package::negotiate);
        negotiate_in = sspan::credentials::inbound(sspan::package::negotiate);
        client = std::make_unique<sasl::client>(negotiate_out, service(), options);
        sspan::server_handshake server{negotiate_in, takes_all()};
        auto response = sasl_step(*client, {}, GetParam());
        while (!response.code && !response.done) {
            response = sasl_step(*client, copy_of(server.step(response.answer).token), GetParam());
        }
        return response;
    }
    layer layer_of(const sasl::client_options& options) {
        const auto last = run(options);
        EXPECT_TRUE(succeeded(last));
        EXPECT_TRUE(last.answers_nothing()) << "the package has no token for the server";
        return last.code ? layer{0} : std::move(*client).finish().protection();
    }
    void TearDown() override {
        client.reset();
        negotiate_out = {};
        negotiate_in = {};
        sasl_test::TearDown();
    }

    sspan::credentials negotiate_out;
    sspan::credentials negotiate_in;
    std::unique_ptr<sasl::client> client;
};
INSTANTIATE_TEST_SUITE_P(each, sasl_spnego_client, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(sasl_spnego_client, takes_the_flags_of_the_context_for_the_layer) {
    EXPECT_EQ(layer_of({}), layer::confidentiality);
    EXPECT_EQ(layer_of({.layers = all_layers}), layer::confidentiality);
    EXPECT_EQ(layer_of({.layers = layer::integrity | layer::none}), layer::integrity);
    EXPECT_EQ(layer_of({.layers = layer::none}), layer::none);
    deny(ISC_RET_CONFIDENTIALITY);
    EXPECT_EQ(layer_of({.layers = all_layers}), layer::integrity);
    deny(ISC_RET_CONFIDENTIALITY | ISC_RET_SEQUENCE_DETECT);
    EXPECT_EQ(layer_of({.layers = all_layers}), layer::none);
}

TEST_P(sasl_spnego_client, refuses_a_weaker_layer) {
    deny(ISC_RET_CONFIDENTIALITY);
    EXPECT_TRUE(failed_with(run({}), errc::security_qos_failed, "InitializeSecurityContext"));
    deny(ISC_RET_INTEGRITY);
    EXPECT_TRUE(failed_with(run({.layers = layer::confidentiality | layer::integrity}), errc::security_qos_failed,
                            "InitializeSecurityContext"));
}

TEST_P(sasl_spnego_client, uses_a_stronger_layer_that_the_context_has) {
    loopback::configure().client.add_flags = ISC_RET_CONFIDENTIALITY;
    EXPECT_EQ(layer_of({.layers = layer::integrity}), layer::confidentiality);
}

TEST_P(sasl_spnego_client, asks_for_no_more_than_its_layers) {
    const auto requested = [&](const sasl::client_options& options) {
        static_cast<void>(run(options));
        return loopback::last_flags(loopback::function::initialize_security_context);
    };
    constexpr ULONG always = ISC_REQ_MUTUAL_AUTH | ISC_REQ_EXTENDED_ERROR;
    constexpr ULONG signs = ISC_REQ_SEQUENCE_DETECT | ISC_REQ_INTEGRITY;
    EXPECT_EQ(requested({}), always | signs | ISC_REQ_CONFIDENTIALITY);
    EXPECT_EQ(requested({.layers = layer::integrity}), always | signs);
    EXPECT_EQ(requested({.layers = layer::none}), always | ISC_REQ_NO_INTEGRITY);
    EXPECT_EQ(
        requested(
            {.layers = layer::none, .require = sspan::context_flags::none, .request = sspan::context_flags::none}),
        ULONG{ISC_REQ_NO_INTEGRITY});
}

TEST_P(sasl_spnego_client, takes_ntlm_only_without_mutual_authentication) {
    loopback::configure().negotiate_winner = loopback::package::ntlm;
    EXPECT_EQ(run({}).code, errc::security_qos_failed);
    EXPECT_TRUE(run({.require = sspan::context_flags::none}).done);
    const auto refused = run({.ntlm = sspan::ntlm_use::refused, .require = sspan::context_flags::none});
    EXPECT_TRUE(failed_with(refused, errc::security_qos_failed, "InitializeSecurityContext"));
    EXPECT_NE(refused.what.find("NTLM"), std::string::npos) << refused.what;
    const auto integrity = run({.layers = layer::integrity, .require = sspan::context_flags::none});
    EXPECT_TRUE(failed_with(integrity, errc::unsupported_function, own_name));
    EXPECT_FALSE(integrity.answers);
}

} // namespace
