// SPDX-License-Identifier: MIT
#include <sspan/protocol/http_negotiate_server.hpp>

#include "unit/conversation.hpp"
#include "unit/fixture.hpp"
#include "unit/profiles.hpp"
#include "unit/protocol/http.hpp"

#include <sspan/attributes.hpp>
#include <sspan/impersonation.hpp>

#include <gtest/gtest.h>

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
using sspan::http_negotiate::authentication_scope;
using sspan::http_negotiate::server;
using sspan::http_negotiate::server_options;
using sspan::http_negotiate::server_state;

constexpr auto layer = "sspan::http_negotiate::server"sv;
constexpr auto package_call = "AcceptSecurityContext"sv;

/// The result of a request, as a copy.
struct step_result : outcome {
    server_state state = server_state::rejected;
    std::string challenge;
};

step_result request(server& side, const fields& values, surface which) {
    step_result result;
    const auto keep = [&](const sspan::http_negotiate::server_step& step) {
        result.state = step.state;
        result.challenge = step.challenge;
        EXPECT_EQ(step.challenge, side.challenge());
    };
    static_cast<outcome&>(result) = outcome_of(
        which, [&](std::error_code& ec) { keep(side.take_request(values, ec)); },
        [&] {
            result.challenge = "?";
            keep(side.take_request(values));
        });
    expect_explained(side, which, result);
    if (result.challenge == "?") {
        result.challenge = side.challenge();
    }
    EXPECT_EQ(static_cast<bool>(result.code), result.state == server_state::rejected);
    EXPECT_EQ(static_cast<bool>(side.context()), result.state == server_state::authenticated);
    return result;
}

::testing::AssertionResult is(const step_result& result, server_state state) {
    if (result.code || result.state != state) {
        return ::testing::AssertionFailure() << result.code.message() << ' ' << result.what;
    }
    return ::testing::AssertionSuccess();
}

class http_server : public loopback_test, public ::testing::WithParamInterface<surface> {
protected:
    struct connection {
        explicit connection(std::wstring_view package = sspan::package::negotiate, const server_options& options = {})
            : outbound{sspan::credentials::outbound(package)}, inbound{sspan::credentials::inbound(package)},
              package_{package}, side{inbound, options} {}

        /// Returns another client of this service.
        [[nodiscard]] sspan::client_handshake client(const sspan::credentials& who) const {
            return sspan::client_handshake{who, service(), client_options()};
        }
        [[nodiscard]] sspan::client_handshake client() const { return client(outbound); }
        [[nodiscard]] sspan::client_options client_options() const {
            auto options = sspan::client_options::authentication_only();
            if (package_ == sspan::package::ntlm) {
                options.require = sspan::context_flags::none;
            }
            return options;
        }

        sspan::credentials outbound;
        sspan::credentials inbound;
        std::wstring_view package_;
        server side;
    };

    static step_result request(server& side, const fields& values) { return ::request(side, values, GetParam()); }

    /// Runs a whole handshake and returns the last result.
    static step_result log_on(connection& with, sspan::client_handshake client) {
        step_result result;
        auto token = step(client, {}).token;
        do {
            result = request(with.side, {field_of(token)});
            if (result.code || result.challenge.empty()) {
                return result;
            }
            token = step(client, token_of(result.challenge)).token;
        } while (result.state == server_state::challenge);
        if (!result.code) {
            EXPECT_TRUE(std::move(client).finish());
        }
        return result;
    }
    static step_result log_on(connection& with) { return log_on(with, with.client()); }

    static void expect_rejected(server& side, const fields& values, errc code, std::string_view function = layer) {
        const auto rejected = request(side, values);
        EXPECT_TRUE(failed_with(rejected, code, function)) << (values.empty() ? "" : values.front().substr(0, 80));
        if (function == layer) {
            EXPECT_EQ(rejected.challenge, "Negotiate");
        }
    }
};
INSTANTIATE_TEST_SUITE_P(each, http_server, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(http_server, demands_authentication) {
    connection with;
    const auto challenge = request(with.side, {});
    EXPECT_TRUE(is(challenge, server_state::challenge));
    EXPECT_EQ(challenge.challenge, "Negotiate");
    EXPECT_EQ(loopback::calls(loopback::function::accept_security_context), 0U);
}

TEST_P(http_server, knows_the_client) {
    for (const auto package : {sspan::package::kerberos, sspan::package::negotiate, sspan::package::ntlm}) {
        connection with{package};
        EXPECT_TRUE(is(request(with.side, {}), server_state::challenge));
        const auto last = log_on(with);
        EXPECT_TRUE(is(last, server_state::authenticated));
        EXPECT_EQ(last.challenge.empty(), package == sspan::package::ntlm);
        EXPECT_EQ(sspan::query_user_name(with.side.context()), L"LOOPBACK\\alice");
        const sspan::impersonation_guard guard{with.side.context()};
        EXPECT_EQ(loopback::current_thread_client(), L"LOOPBACK\\alice");
    }
}

TEST_P(http_server, exchanges_as_many_tokens_as_there_are) {
    for (unsigned legs = 1; legs != 9; ++legs) {
        loopback::configure().negotiate.legs = legs;
        connection with;
        EXPECT_TRUE(is(log_on(with), server_state::authenticated)) << legs;
    }
}

TEST_P(http_server, gives_the_context_away) {
    connection with;
    ASSERT_TRUE(is(log_on(with), server_state::authenticated));
    auto context = std::move(with.side).finish();
    EXPECT_EQ(sspan::query_user_name(context), L"LOOPBACK\\alice");
    for (const auto which : surfaces) {
        EXPECT_TRUE(
            failed_with(outcome_of(which, [&](auto&... ec) { EXPECT_FALSE(std::move(with.side).finish(ec...)); }),
                        errc::no_context, layer));
    }
}

TEST_P(http_server, takes_any_spelling) {
    for (const auto* const scheme : {"negotiate ", "NEGOTIATE\t", "  nEGOTIATE   "}) {
        connection with;
        auto client = with.client();
        auto value = field_of(step(client, {}).token).replace(0, 10, scheme);
        value += " \t";
        EXPECT_TRUE(is(request(with.side, {value}), server_state::authenticated));
    }
}

TEST_P(http_server, hostile_requests_are_rejected_and_survived) {
    connection with;
    for (const auto value : {""sv, " "sv, "Negotiate"sv, "Negotiate "sv, "Negotiate !"sv, "Negotiate Y"sv,
                             "Negotiate YQ="sv, "Negotiate YR=="sv, "Negotiate YQ==,"sv, "Negotiate YQ== YQ=="sv,
                             "Negotiate -_-_"sv, "Negotiate =="sv, "Negotiate YQ==\n"sv, "Negotiate a=b"sv,
                             R"(Negotiate "YQ==")"sv, "Negotiate\0YQ=="sv, "\xFF\xFF YQ=="sv, ", Negotiate YQ=="sv}) {
        expect_rejected(with.side, {value}, errc::invalid_token);
    }
    for (const auto value : {"Basic YWxpY2U6c2VjcmV0"sv, "NTLM TlRMTVNTUAABAAAA"sv, "Negotiate2 YQ=="sv, "Bearer"sv,
                             R"(Digest username="Negotiate YQ==")"sv}) {
        expect_rejected(with.side, {value}, errc::secpkg_not_found);
    }
    EXPECT_EQ(loopback::calls(loopback::function::accept_security_context), 0U);
    for (const auto value : {"Negotiate AAAA"sv, "Negotiate Zm9vYmFy"sv}) {
        expect_rejected(with.side, {value}, errc::invalid_token, package_call);
    }
    EXPECT_TRUE(is(log_on(with), server_state::authenticated));
}

TEST_P(http_server, several_fields_are_rejected) {
    connection with;
    auto client = with.client();
    const auto value = field_of(step(client, {}).token);
    expect_rejected(with.side, {value, value}, errc::illegal_message);
    expect_rejected(with.side, {value, "Basic YQ=="}, errc::illegal_message);
    EXPECT_TRUE(is(request(with.side, {value}), server_state::authenticated));
}

TEST_P(http_server, the_limit_of_the_field) {
    connection any;
    auto client = any.client();
    const auto value = field_of(step(client, {}).token);
    server_options options;
    options.max_header = value.size();
    connection with{sspan::package::negotiate, options};
    expect_rejected(with.side, {value + " "}, errc::invalid_token);
    EXPECT_TRUE(is(request(with.side, {value}), server_state::authenticated));
    expect_rejected(any.side, {"Negotiate " + std::string(std::size_t{128} * 1024, 'A')}, errc::invalid_token);
    EXPECT_EQ(loopback::calls(loopback::function::accept_security_context), 1U);
}

TEST_P(http_server, tokens_of_64_kib_fit) {
    loopback::configure().token_size = 65535;
    connection with;
    EXPECT_TRUE(is(log_on(with), server_state::authenticated));
}

TEST_P(http_server, the_limits_of_the_handshake_hold) {
    server_options options;
    options.handshake.limits.max_token = 100;
    connection with{sspan::package::negotiate, options};
    const bytes token(101);
    expect_rejected(with.side, {field_of(token)}, errc::invalid_token, package_call);
    EXPECT_EQ(loopback::calls(loopback::function::accept_security_context), 0U);
}

TEST_P(http_server, tokens_are_refused_with_any_byte_altered_or_missing) {
    connection with;
    auto first = with.client();
    const auto token = step(first, {}).token;
    for (std::size_t place = 0; place != token.size(); ++place) {
        auto altered = token;
        altered[place] ^= std::byte{1};
        EXPECT_TRUE(request(with.side, {field_of(altered)}).code) << place;
        EXPECT_TRUE(request(with.side, {field_of(std::span{token}.first(place))}).code) << place;
    }
    EXPECT_TRUE(is(request(with.side, {field_of(token)}), server_state::authenticated));
}

TEST_P(http_server, a_failure_makes_an_error_token_and_the_next_request_begins_anew) {
    connection with;
    loopback::configure().server_has_other_key = true;
    auto client = with.client();
    const auto rejected = request(with.side, {field_of(step(client, {}).token)});
    ASSERT_TRUE(rejected.code);
    EXPECT_EQ(step(client, token_of(rejected.challenge)).code, rejected.code);
    loopback::configure().server_has_other_key = false;
    EXPECT_TRUE(is(log_on(with), server_state::authenticated));
}

TEST_P(http_server, another_legs_failure_begins_anew) {
    loopback::configure().negotiate.legs = 4;
    connection with;
    const std::vector<fields> interruptions{{}, {"Negotiate"}, {"Negotiate AAAA"}, {"Basic YQ=="}, {"a", "b"}};
    for (const auto& values : interruptions) {
        auto client = with.client();
        const auto challenge = request(with.side, {field_of(step(client, {}).token)});
        ASSERT_TRUE(is(challenge, server_state::challenge));
        const auto second = step(client, token_of(challenge.challenge)).token;
        static_cast<void>(request(with.side, values));
        EXPECT_TRUE(request(with.side, {field_of(second)}).code); // this token belongs to the old handshake
        EXPECT_TRUE(is(log_on(with), server_state::authenticated));
    }
}

TEST_P(http_server, a_replay_inside_a_handshake_is_rejected) {
    loopback::configure().negotiate.legs = 4;
    connection with;
    auto client = with.client();
    const auto value = field_of(step(client, {}).token);
    ASSERT_TRUE(is(request(with.side, {value}), server_state::challenge));
    EXPECT_TRUE(request(with.side, {value}).code);
    EXPECT_TRUE(is(log_on(with), server_state::authenticated));
}

TEST_P(http_server, each_request_is_authenticated_by_itself) {
    connection with;
    ASSERT_TRUE(is(log_on(with), server_state::authenticated));
    const auto next = request(with.side, {});
    EXPECT_TRUE(is(next, server_state::challenge));
    EXPECT_EQ(next.challenge, "Negotiate");
    EXPECT_TRUE(is(log_on(with), server_state::authenticated));
}

TEST_P(http_server, a_connection_is_authenticated_until_a_request_has_a_token) {
    server_options options;
    options.scope = authentication_scope::connection;
    for (const auto package : {sspan::package::kerberos, sspan::package::ntlm}) {
        connection with{package, options};
        EXPECT_TRUE(is(request(with.side, {}), server_state::challenge));
        ASSERT_TRUE(is(log_on(with), server_state::authenticated));
        for (int i = 0; i != 3; ++i) {
            const auto next = request(with.side, {});
            EXPECT_TRUE(is(next, server_state::authenticated));
            EXPECT_EQ(next.challenge, "");
            EXPECT_EQ(sspan::query_user_name(with.side.context()), L"LOOPBACK\\alice");
        }
        const auto bob = sspan::credentials::outbound(package, sspan::identity{L"bob", L"LOOPBACK", L"battery staple"});
        ASSERT_TRUE(is(log_on(with, with.client(bob)), server_state::authenticated));
        EXPECT_EQ(sspan::query_user_name(with.side.context()), L"LOOPBACK\\bob");
        ASSERT_TRUE(is(request(with.side, {}), server_state::authenticated));
        EXPECT_EQ(sspan::query_user_name(with.side.context()), L"LOOPBACK\\bob");
    }
}

TEST_P(http_server, whatever_fails_leaves_nobody_authenticated) {
    server_options options;
    options.scope = authentication_scope::connection;
    const std::vector<fields> failures{{"Negotiate"}, {"Negotiate AAAA"}, {"Basic YQ=="}, {"a", "b"}, {""}};
    for (const auto& values : failures) {
        connection with{sspan::package::kerberos, options};
        ASSERT_TRUE(is(log_on(with), server_state::authenticated));
        EXPECT_TRUE(request(with.side, values).code);
        EXPECT_TRUE(is(request(with.side, {}), server_state::challenge));
    }
    connection with{sspan::package::ntlm, options};
    ASSERT_TRUE(is(log_on(with), server_state::authenticated));
    auto client = with.client();
    ASSERT_TRUE(is(request(with.side, {field_of(step(client, {}).token)}), server_state::challenge));
    EXPECT_TRUE(is(request(with.side, {}), server_state::challenge)); // the first client must authenticate again
}

TEST_P(http_server, refuses_what_the_options_refuse) {
    server_options options;
    options.handshake.service_names = {L"HTTP/other.loopback.example"};
    connection with{sspan::package::negotiate, options};
    EXPECT_TRUE(failed_with(log_on(with), errc::wrong_principal, package_call));
    EXPECT_EQ(with.side.challenge(), "Negotiate"); // no token that would report success to the client

    options.handshake = sspan::server_options::authentication_only();
    options.handshake.ntlm = sspan::ntlm_use::refused;
    connection never_ntlm{sspan::package::ntlm, options};
    const auto refused = log_on(never_ntlm);
    EXPECT_TRUE(failed_with(refused, errc::security_qos_failed, package_call));
    EXPECT_NE(refused.what.find("NTLM"), std::string::npos) << refused.what;
}

TEST_P(http_server, compares_the_bindings) {
    const bytes hash(32, std::byte{7});
    server_options options;
    options.handshake.bindings = sspan::channel_bindings::tls_server_end_point(hash);
    connection with{sspan::package::negotiate, options};
    EXPECT_TRUE(failed_with(log_on(with), errc::bad_bindings, package_call));
    for (int i = 0; i != 2; ++i) { // the options are used for each handshake
        auto client_options = with.client_options();
        client_options.bindings = sspan::channel_bindings::tls_server_end_point(hash);
        EXPECT_TRUE(is(log_on(with, sspan::client_handshake{with.outbound, service(), client_options}),
                       server_state::authenticated));
    }
}

TEST_P(http_server, fragments_are_not_for_http) {
    loopback::configure().server.fragment_size = 40;
    connection with;
    auto client = with.client();
    expect_rejected(with.side, {field_of(step(client, {}).token)}, errc::unsupported_function);
}

TEST_P(http_server, a_package_of_streams_gets_one_whole_token) {
    loopback::configure().stream_framing = true;
    server_options options;
    options.handshake.request |= sspan::context_flags::stream;
    connection with{sspan::package::negotiate, options};
    auto client = with.client();
    auto token = step(client, {}).token;
    const auto last = token.back();
    token.pop_back();
    expect_rejected(with.side, {field_of(token)}, errc::invalid_token);
    token.push_back(last);
    token.push_back(std::byte{1});
    expect_rejected(with.side, {field_of(token)}, errc::illegal_message);
    token.pop_back();
    EXPECT_TRUE(is(request(with.side, {field_of(token)}), server_state::authenticated));
}

TEST_P(http_server, moves_with_its_state) {
    loopback::configure().negotiate.legs = 4;
    connection with;
    auto client = with.client();
    const auto challenge = request(with.side, {field_of(step(client, {}).token)});
    server moved{std::move(with.side)};
    const auto second = step(client, token_of(challenge.challenge)).token;
    EXPECT_TRUE(is(request(moved, {field_of(second)}), server_state::authenticated));
    EXPECT_EQ(request(with.side, {field_of(second)}).code, errc::invalid_handle);
}

template <class Server>
constexpr bool shows_context = requires(Server&& side) { std::forward<Server>(side).context(); };
// The context is usable, but only `finish` moves it out.
static_assert(std::is_same_v<decltype(std::declval<server&>().context()), const sspan::server_context&>);
static_assert(shows_context<const server&> && !shows_context<server>);
static_assert(!std::is_copy_constructible_v<server>);

} // namespace
