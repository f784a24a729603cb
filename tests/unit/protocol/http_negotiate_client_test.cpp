// SPDX-License-Identifier: MIT
#include <sspan/protocol/http_negotiate_client.hpp>

#include "unit/conversation.hpp"
#include "unit/fixture.hpp"
#include "unit/profiles.hpp"
#include "unit/protocol/http.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace std::string_view_literals;
using namespace testing_support;
using sspan::errc;
using sspan::http_negotiate::client;
using sspan::http_negotiate::client_options;
using sspan::http_negotiate::client_state;
using sspan::http_negotiate::server_kind;

constexpr auto layer = "sspan::http_negotiate::client"sv;
constexpr auto package_call = "InitializeSecurityContext"sv;

/// The result of a call, as a copy.
struct step_result : outcome {
    client_state state = client_state::send_again;
    std::string credentials;
};

step_result begin(client& side, surface which) {
    step_result result;
    static_cast<outcome&>(result) = outcome_of(which, [&](auto&... ec) { result.credentials = side.begin(ec...); });
    expect_explained(side, which, result);
    return result;
}
step_result answer(client& side, unsigned status, const fields& values, surface which) {
    step_result result;
    const auto keep = [&](const sspan::http_negotiate::client_step& step) {
        result.state = step.state;
        result.credentials = step.credentials;
    };
    static_cast<outcome&>(result) =
        outcome_of(which, [&](auto&... ec) { keep(side.take_answer(status, values, ec...)); });
    expect_explained(side, which, result);
    return result;
}
outcome finish(client& side, surface which) {
    return outcome_of(
        which,
        [&](std::error_code& ec) {
            const auto context = std::move(side).finish(ec);
            EXPECT_NE(static_cast<bool>(context), static_cast<bool>(ec));
        },
        [&] { EXPECT_TRUE(std::move(side).finish()); });
}

::testing::AssertionResult authenticated(const step_result& result) {
    if (result.code) {
        return ::testing::AssertionFailure() << result.code.message() << ' ' << result.what;
    }
    return result.state == client_state::authenticated && result.credentials.empty()
               ? ::testing::AssertionSuccess()
               : ::testing::AssertionFailure() << "not authenticated yet";
}
::testing::AssertionResult to_send(const step_result& result) {
    if (result.code) {
        return ::testing::AssertionFailure() << result.code.message() << ' ' << result.what;
    }
    return result.state == client_state::send_again && result.credentials.starts_with("Negotiate ")
               ? ::testing::AssertionSuccess()
               : ::testing::AssertionFailure() << "nothing to send";
}
/// Checks that the call failed, and that every later call fails.
::testing::AssertionResult over(const step_result& result, client& side, errc code, std::string_view function) {
    if (!result.credentials.empty()) {
        return ::testing::AssertionFailure() << "it returned a token";
    }
    for (const auto which : surfaces) {
        const std::array later{begin(side, which), answer(side, 200, {"Negotiate"}, which),
                               answer(side, 401, {"Negotiate"}, which)};
        for (const auto& next : later) {
            if (next.code != errc::no_context || !next.credentials.empty()) {
                return ::testing::AssertionFailure() << "a later call succeeded";
            }
        }
        if (finish(side, which).code != errc::no_context) {
            return ::testing::AssertionFailure() << "it returned a context";
        }
    }
    return failed_with(result, code, function);
}

client_options without_mutual_auth_over_http() {
    client_options options;
    options.handshake.require = sspan::context_flags::none;
    return options;
}

class http_client : public loopback_test, public ::testing::WithParamInterface<surface> {
protected:
    /// A client of the package, and its server.
    struct exchange {
        explicit exchange(std::wstring_view package = sspan::package::negotiate, const client_options& options = {})
            : outbound{sspan::credentials::outbound(package)}, inbound{sspan::credentials::inbound(package)},
              side{outbound, service(), options}, peer{inbound, sspan::server_options::authentication_only()} {}

        /// Returns the server's answer to the client's token, as a field.
        std::string give(std::string_view credentials) {
            const auto taken = step(peer, token_of(credentials));
            error = taken.code;
            done = taken.done();
            return field_of(taken.token);
        }

        sspan::credentials outbound;
        sspan::credentials inbound;
        client side;
        sspan::server_handshake peer;
        std::error_code error;
        bool done = false;
    };

    /// An exchange after the first token, with the server's answer to it.
    struct begun : exchange {
        explicit begun(std::wstring_view package = sspan::package::negotiate, const client_options& options = {})
            : exchange{package, options}, reply{give(side.begin())} {
            EXPECT_FALSE(error);
        }
        std::string reply;
    };

    static step_result begin(client& side) { return ::begin(side, GetParam()); }
    static step_result answer(client& side, unsigned status, const fields& values) {
        return ::answer(side, status, values, GetParam());
    }
    static outcome finish(client& side) { return ::finish(side, GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(each, http_client, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(http_client, answers_a_challenge) {
    for (const auto package : {sspan::package::kerberos, sspan::package::negotiate}) {
        exchange with{package};
        const auto first = answer(with.side, 401, {"Basic realm=\"x\"", "NTLM, Negotiate"});
        ASSERT_TRUE(to_send(first));
        const auto reply = with.give(first.credentials);
        EXPECT_TRUE(with.done);
        EXPECT_TRUE(authenticated(answer(with.side, 200, {reply})));
        EXPECT_TRUE(succeeded(finish(with.side)));
    }
}

TEST_P(http_client, begins_without_a_challenge) {
    exchange with;
    const auto first = begin(with.side);
    ASSERT_TRUE(to_send(first));
    EXPECT_TRUE(authenticated(answer(with.side, 200, {"Basic realm=\"x\"", with.give(first.credentials)})));
    EXPECT_TRUE(succeeded(finish(with.side)));
}

TEST_P(http_client, exchanges_as_many_tokens_as_there_are) {
    for (unsigned legs = 2; legs != 9; ++legs) {
        loopback::configure().negotiate.legs = legs;
        exchange with;
        auto last = begin(with.side);
        std::string reply;
        for (unsigned leg = 1; leg < legs; leg += 2) {
            ASSERT_TRUE(to_send(last)) << legs;
            reply = with.give(last.credentials);
            ASSERT_FALSE(with.error);
            last = answer(with.side, leg + 1 == legs ? 200 : 401, {reply});
        }
        if (legs % 2 == 1) {
            ASSERT_TRUE(to_send(last)) << legs;
            EXPECT_EQ(with.give(last.credentials), "Negotiate");
            last = answer(with.side, 200, {});
        }
        EXPECT_TRUE(with.done);
        EXPECT_TRUE(authenticated(last)) << legs;
        EXPECT_TRUE(succeeded(finish(with.side)));
    }
}

TEST_P(http_client, every_final_status_can_have_the_last_token) {
    for (const unsigned status : {200U, 204U, 302U, 304U, 400U, 403U, 404U, 500U, 599U}) {
        begun with;
        EXPECT_TRUE(authenticated(answer(with.side, status, {with.reply}))) << status;
    }
}

TEST_P(http_client, an_origins_client_takes_no_answer_of_a_proxy) {
    for (const auto& values : std::vector<fields>{{}, {"Negotiate"}, {"Negotiate YQ=="}}) {
        begun with;
        const auto refused = answer(with.side, 407, values);
        EXPECT_TRUE(over(refused, with.side, errc::illegal_message, layer));
    }
    begun with;
    const auto refused = answer(with.side, 407, {with.reply});
    EXPECT_TRUE(over(refused, with.side, errc::illegal_message, layer));
}

TEST_P(http_client, a_proxys_client) {
    client_options options;
    options.server = server_kind::proxy;
    exchange with{sspan::package::negotiate, options};
    const auto first = answer(with.side, 407, {"Negotiate"});
    ASSERT_TRUE(to_send(first));
    EXPECT_TRUE(authenticated(answer(with.side, 401, {with.give(first.credentials)}))); // the origin server's status

    exchange other{sspan::package::negotiate, options};
    const auto refused = answer(other.side, 401, {"Negotiate"});
    EXPECT_TRUE(over(refused, other.side, errc::mutual_auth_failed, layer));
}

TEST_P(http_client, the_names_of_fields) {
    using namespace sspan::http_negotiate;
    EXPECT_EQ(challenge_status(server_kind::origin), 401U);
    EXPECT_EQ(challenge_field(server_kind::origin), "WWW-Authenticate");
    EXPECT_EQ(credentials_field(server_kind::origin), "Authorization");
    EXPECT_EQ(challenge_status(server_kind::proxy), 407U);
    EXPECT_EQ(challenge_field(server_kind::proxy), "Proxy-Authenticate");
    EXPECT_EQ(credentials_field(server_kind::proxy), "Proxy-Authorization");
}

TEST_P(http_client, a_final_answer_without_a_token_is_refused) {
    for (const unsigned status : {200U, 302U, 403U, 500U}) {
        for (const auto& values : std::vector<fields>{{},
                                                      {""},
                                                      {"Negotiate"},
                                                      {"Negotiate "},
                                                      {"Negotiate", "Basic realm=\"x\""},
                                                      {"NTLM YQ=="},
                                                      {"Nego2 YQ=="},
                                                      {"Basic realm=\"Negotiate YQ==\""}}) {
            begun with;
            const auto refused = answer(with.side, status, values);
            EXPECT_TRUE(over(refused, with.side, errc::mutual_auth_failed, layer));
        }
    }
}

TEST_P(http_client, a_final_answer_before_the_first_token_is_refused) {
    for (const auto& values : std::vector<fields>{{}, {"Negotiate"}, {"Negotiate YQ=="}}) {
        exchange with;
        const auto refused = answer(with.side, 200, values);
        EXPECT_TRUE(over(refused, with.side, errc::mutual_auth_failed, layer));
    }
}

TEST_P(http_client, a_token_that_is_not_base64_is_refused) {
    for (const unsigned status : {200U, 401U}) {
        for (const auto value : {"Negotiate !"sv, "Negotiate Y"sv, "Negotiate YQ="sv, "Negotiate YR=="sv,
                                 "Negotiate YQ==YQ=="sv, "Negotiate YQ== YQ=="sv, "Negotiate -_-_"sv,
                                 "Negotiate YQ==\n"sv, R"(Negotiate "YQ==")"sv, "Negotiate = "sv}) {
            begun with;
            const auto refused = answer(with.side, status, {value});
            EXPECT_TRUE(over(refused, with.side, errc::invalid_token, layer)) << value;
        }
    }
}

TEST_P(http_client, several_tokens_are_refused) {
    begun with;
    const auto refused = answer(with.side, 200, {with.reply, with.reply});
    EXPECT_TRUE(over(refused, with.side, errc::invalid_token, layer));
}

TEST_P(http_client, garbage_is_refused) {
    for (const unsigned status : {200U, 401U}) {
        for (const auto value :
             {"Negotiate AAAA"sv, "Negotiate Zm9vYmFy"sv, "Negotiate YIGjBgYrBgEFBQKggZgwgZWgAwoBAA=="sv}) {
            begun with;
            const auto refused = answer(with.side, status, {value});
            EXPECT_TRUE(over(refused, with.side, errc::invalid_token, package_call));
        }
    }
}

TEST_P(http_client, a_replayed_token_is_refused) {
    const auto reply = begun{}.reply;
    for (const unsigned status : {200U, 401U}) {
        begun with;
        const auto refused = answer(with.side, status, {reply});
        EXPECT_TRUE(refused.code);
        EXPECT_TRUE(over(refused, with.side, static_cast<errc>(refused.code.value()), package_call));
    }
}

TEST_P(http_client, our_own_token_is_refused) {
    exchange with;
    const auto first = begin(with.side);
    const auto refused = answer(with.side, 200, {first.credentials});
    EXPECT_TRUE(refused.code);
    EXPECT_TRUE(over(refused, with.side, static_cast<errc>(refused.code.value()), package_call));
}

TEST_P(http_client, a_token_is_refused_with_any_byte_altered_or_missing) {
    const auto size = token_of(begun{}.reply).size();
    for (std::size_t place = 0; place != size; ++place) {
        begun altered;
        auto token = token_of(altered.reply);
        token[place] ^= std::byte{1};
        EXPECT_TRUE(answer(altered.side, 200, {field_of(token)}).code) << place;

        begun cut;
        token = token_of(cut.reply);
        token.resize(place);
        EXPECT_TRUE(answer(cut.side, 200, {field_of(token)}).code) << place;
    }
}

TEST_P(http_client, each_character_of_the_field_counts) {
    const auto size = begun{}.reply.size();
    for (std::size_t cut = 0; cut != size; ++cut) {
        begun with;
        EXPECT_TRUE(answer(with.side, 200, {std::string_view{with.reply}.substr(0, cut)}).code) << cut;
    }
}

TEST_P(http_client, a_package_of_streams_gets_one_whole_token) {
    loopback::configure().stream_framing = true;
    client_options options;
    options.handshake.request |= sspan::context_flags::stream;
    begun whole{sspan::package::negotiate, options};
    EXPECT_TRUE(authenticated(answer(whole.side, 200, {whole.reply})));

    begun with{sspan::package::negotiate, options};
    auto token = token_of(with.reply);
    token.pop_back();
    const auto refused = answer(with.side, 200, {field_of(token)});
    EXPECT_TRUE(over(refused, with.side, errc::invalid_token, layer));

    begun more{sspan::package::negotiate, options};
    token = token_of(more.reply);
    token.push_back(std::byte{1});
    const auto left = answer(more.side, 200, {field_of(token)});
    EXPECT_TRUE(over(left, more.side, errc::illegal_message, layer));
}

TEST_P(http_client, a_server_that_ends_early_is_refused) {
    for (const unsigned legs : {3U, 4U, 5U}) { // the client's next token would not be sent
        loopback::configure().negotiate.legs = legs;
        begun with;
        const auto refused = answer(with.side, 200, {with.reply});
        EXPECT_TRUE(over(refused, with.side, errc::mutual_auth_failed, layer)) << legs;
    }
}

TEST_P(http_client, a_denial) {
    for (const auto& values : std::vector<fields>{{}, {"Negotiate"}, {"Basic realm=\"x\""}}) {
        begun with;
        const auto denied = answer(with.side, 401, values);
        EXPECT_TRUE(over(denied, with.side, errc::logon_denied, layer));
    }
    begun with; // the server authenticates this client, but does not serve it
    const auto denied = answer(with.side, 401, {with.reply});
    EXPECT_TRUE(over(denied, with.side, errc::logon_denied, layer));
}

TEST_P(http_client, the_package_learns_why_it_was_denied) {
    loopback::configure().server_has_other_key = true;
    exchange with;
    const auto first = begin(with.side);
    const auto reply = with.give(first.credentials);
    ASSERT_TRUE(with.error);
    ASSERT_NE(reply, "Negotiate");
    const auto denied = answer(with.side, 401, {reply});
    EXPECT_TRUE(over(denied, with.side, static_cast<errc>(with.error.value()), package_call));
}

TEST_P(http_client, a_denial_after_the_last_token) {
    loopback::configure().negotiate.legs = 3;
    for (const auto& values : std::vector<fields>{{}, {"Negotiate"}, {"Negotiate YQ=="}}) {
        begun with;
        ASSERT_TRUE(to_send(answer(with.side, 401, {with.reply})));
        const auto denied = answer(with.side, 401, values);
        EXPECT_TRUE(over(denied, with.side, errc::logon_denied, layer));
    }
}

TEST_P(http_client, a_token_after_the_last_one_is_refused) {
    loopback::configure().negotiate.legs = 3;
    begun with;
    ASSERT_TRUE(to_send(answer(with.side, 401, {with.reply})));
    const auto refused = answer(with.side, 200, {"Negotiate YQ=="});
    EXPECT_TRUE(over(refused, with.side, errc::illegal_message, layer));
}

TEST_P(http_client, without_an_offer_nothing_is_sent) {
    for (const auto& values : std::vector<fields>{{}, {"NTLM"}, {"Basic realm=\"Negotiate\"", "Negotiate2"}}) {
        exchange with;
        const auto refused = answer(with.side, 401, values);
        EXPECT_TRUE(over(refused, with.side, errc::secpkg_not_found, layer));
    }
    exchange malformed;
    const auto refused = answer(malformed.side, 401, {"Basic realm=\"x, Negotiate"});
    EXPECT_TRUE(over(refused, malformed.side, errc::invalid_token, layer));
    exchange with; // many servers send this invalid field
    EXPECT_TRUE(to_send(answer(with.side, 401, {"Basic realm=My Site", "Negotiate"})));
    EXPECT_EQ(loopback::calls(loopback::function::initialize_security_context), 1U);
}

TEST_P(http_client, a_token_in_the_first_challenge_is_refused) {
    exchange with;
    const auto refused = answer(with.side, 401, {"Negotiate YQ=="});
    EXPECT_TRUE(over(refused, with.side, errc::illegal_message, layer));
}

TEST_P(http_client, answers_that_are_not_final_are_refused) {
    for (const unsigned status : {0U, 100U, 101U, 199U}) {
        begun with;
        const auto refused = answer(with.side, status, {with.reply});
        EXPECT_TRUE(over(refused, with.side, errc::illegal_message, layer)) << status;
    }
}

TEST_P(http_client, begins_once) {
    exchange with;
    ASSERT_TRUE(to_send(begin(with.side)));
    const auto refused = begin(with.side);
    EXPECT_TRUE(over(refused, with.side, errc::illegal_message, layer));
}

TEST_P(http_client, has_one_final_answer) {
    for (const unsigned status : {200U, 401U}) {
        for (const bool has_token : {false, true}) {
            begun with;
            ASSERT_TRUE(authenticated(answer(with.side, 200, {with.reply})));
            const auto refused = answer(with.side, status, has_token ? fields{with.reply} : fields{});
            EXPECT_TRUE(over(refused, with.side, errc::illegal_message, layer));
        }
    }
}

TEST_P(http_client, has_no_context_before_the_end) {
    exchange idle;
    EXPECT_TRUE(failed_with(finish(idle.side), errc::no_context, layer));
    begun with;
    EXPECT_TRUE(failed_with(finish(with.side), errc::no_context, layer));
    const auto refused = answer(with.side, 200, {with.reply});
    EXPECT_TRUE(over(refused, with.side, errc::no_context, layer));
    loopback::configure().negotiate.legs = 3;
    begun last;
    ASSERT_TRUE(to_send(answer(last.side, 401, {last.reply})));
    EXPECT_TRUE(failed_with(finish(last.side), errc::no_context, layer));
}

TEST_P(http_client, the_limit_is_for_all_challenges) {
    client_options options;
    const auto size = begun{}.reply.size();
    options.max_header = size + 4;
    begun fits{sspan::package::negotiate, options};
    EXPECT_TRUE(authenticated(answer(fits.side, 200, {"NTLM", fits.reply})));
    begun with{sspan::package::negotiate, options};
    const auto refused = answer(with.side, 200, {"NTLM,", with.reply});
    EXPECT_TRUE(over(refused, with.side, errc::invalid_token, layer));
    begun at_the_end{sspan::package::negotiate, options};
    const auto last = answer(at_the_end.side, 200, {at_the_end.reply, "NTLM", " "});
    EXPECT_TRUE(over(last, at_the_end.side, errc::invalid_token, layer));
}

TEST_P(http_client, tokens_of_64_kib_fit) {
    loopback::configure().token_size = 65535;
    begun with;
    EXPECT_TRUE(authenticated(answer(with.side, 200, {with.reply})));
}

TEST_P(http_client, the_limits_of_the_handshake_hold) {
    client_options options;
    options.handshake.limits.max_token = token_of(begun{}.reply).size() - 1;
    begun with{sspan::package::negotiate, options};
    const auto refused = answer(with.side, 200, {with.reply});
    EXPECT_TRUE(over(refused, with.side, errc::invalid_token, package_call));
}

TEST_P(http_client, mutual_authentication_is_required_by_default) {
    loopback::configure().server.deny_flags = loopback::configure().client.deny_flags = ISC_RET_MUTUAL_AUTH;
    begun with;
    const auto refused = answer(with.side, 200, {with.reply});
    EXPECT_TRUE(over(refused, with.side, errc::security_qos_failed, package_call));
    EXPECT_NE(refused.what.find("did not grant mutual_auth"), std::string::npos) << refused.what;
}

TEST_P(http_client, ntlm_is_an_explicit_choice) {
    exchange with{sspan::package::ntlm};
    EXPECT_TRUE(over(begin(with.side), with.side, errc::security_qos_failed, package_call));

    for (const auto& values : std::vector<fields>{{}, {"Negotiate"}, {"Negotiate oQcwBaADCgEA"}}) {
        begun chosen{sspan::package::ntlm, without_mutual_auth_over_http()};
        const auto last = answer(chosen.side, 401, {chosen.reply});
        ASSERT_TRUE(to_send(last));
        EXPECT_EQ(chosen.give(last.credentials), "Negotiate");
        EXPECT_TRUE(chosen.done);
        EXPECT_TRUE(authenticated(answer(chosen.side, 200, values)));
        auto context = std::move(chosen.side).finish();
        EXPECT_EQ(context.package(), sspan::security_package::ntlm);
    }
}

TEST_P(http_client, ntlms_challenge_is_not_answered_if_the_server_must_be_known) {
    begun refused;
    loopback::configure().negotiate_winner = loopback::package::ntlm;
    begun allowed{sspan::package::negotiate, without_mutual_auth_over_http()};
    EXPECT_TRUE(
        over(answer(refused.side, 401, {allowed.reply}), refused.side, errc::security_qos_failed, package_call));

    const auto second = answer(allowed.side, 401, {allowed.reply});
    ASSERT_TRUE(to_send(second));
    EXPECT_TRUE(authenticated(answer(allowed.side, 200, {allowed.give(second.credentials)})));
    EXPECT_TRUE(allowed.done);
}

TEST_P(http_client, never_ntlm) {
    auto options = without_mutual_auth_over_http();
    options.handshake.ntlm = sspan::ntlm_use::refused;
    exchange with{sspan::package::ntlm, options};
    const auto refused = begin(with.side);
    EXPECT_TRUE(over(refused, with.side, errc::security_qos_failed, package_call));
    EXPECT_EQ(loopback::calls(loopback::function::initialize_security_context), 0U);
}

TEST_P(http_client, bindings_go_with_every_token) {
    loopback::configure().negotiate.legs = 4;
    const bytes hash(32, std::byte{7});
    client_options options;
    options.handshake.bindings = sspan::channel_bindings::tls_server_end_point(hash);
    for (const bool same : {true, false}) {
        exchange with{sspan::package::negotiate, options};
        auto server_options = sspan::server_options::authentication_only();
        server_options.bindings = sspan::channel_bindings::tls_server_end_point(same ? hash : bytes(32, std::byte{8}));
        with.peer = sspan::server_handshake{with.inbound, server_options};
        const auto reply = with.give(begin(with.side).credentials);
        EXPECT_EQ(with.error, same ? std::error_code{} : make_error_code(errc::bad_bindings));
        if (same) {
            const auto next = answer(with.side, 401, {reply});
            ASSERT_TRUE(to_send(next));
            EXPECT_TRUE(authenticated(answer(with.side, 200, {with.give(next.credentials)})));
        }
    }
}

TEST_P(http_client, a_package_that_fails_at_once) {
    loopback::configure().ticket = loopback::ticket_state::none;
    exchange with{sspan::package::kerberos};
    const auto refused = answer(with.side, 401, {"Negotiate"});
    EXPECT_TRUE(refused.code);
    EXPECT_TRUE(over(refused, with.side, static_cast<errc>(refused.code.value()), package_call));
}

TEST_P(http_client, fragments_are_not_for_http) {
    loopback::configure().client.fragment_size = 40;
    exchange with;
    const auto refused = begin(with.side);
    EXPECT_TRUE(over(refused, with.side, errc::unsupported_function, layer));
}

TEST_P(http_client, moves_with_its_state) {
    begun with;
    client moved{std::move(with.side)};
    EXPECT_TRUE(authenticated(answer(moved, 200, {with.reply})));
    client again{std::move(moved)};
    EXPECT_TRUE(succeeded(finish(again)));
    exchange gone;
    const client taken{std::move(gone.side)};
    EXPECT_EQ(begin(gone.side).code, errc::invalid_handle);
}

static_assert(!std::is_copy_constructible_v<client>);

} // namespace
