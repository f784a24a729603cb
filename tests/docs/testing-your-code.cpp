// SPDX-License-Identifier: MIT
//
// What docs/testing-your-code.md shows: two server classes and their tests.
#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/sspan.hpp>
#include <sspan/testing/loopback.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

namespace http = sspan::http_negotiate;

/// Answers the requests of one connection. Only the users of the list may read the page.
class page_server {
public:
    struct answer {
        int status;
        std::string www_authenticate;
        std::string body;
    };

    page_server(sspan::credentials credentials, std::set<std::wstring> readers)
        : negotiate_{std::move(credentials)}, readers_{std::move(readers)} {}

    /// @param authorization the value of the request's field Authorization, if there is one.
    answer take(std::optional<std::string_view> authorization) {
        std::span<const std::string_view> values;
        if (authorization) {
            values = {&*authorization, 1};
        }
        std::error_code ec;
        const auto step = negotiate_.take_request(values, ec);
        const std::string challenge{step.challenge};
        if (step.state != http::server_state::authenticated) {
            return {401, challenge, {}};
        }
        try {
            return {200, challenge, page()};
        } catch (const sspan::error& failure) {
            return {failure.code() == sspan::errc::logon_denied ? 403 : 500, challenge, {}};
        }
    }

private:
    std::string page() {
        if (!readers_.contains(sspan::query_user_name(negotiate_.context()))) {
            throw sspan::error{make_error_code(sspan::errc::logon_denied), "page_server::page"};
        }
        std::string text;
        sspan::run_as_client(negotiate_.context(), [&] { text = read_file(); });
        return text;
    }
    /// Stands for a file that the client must be allowed to read.
    static std::string read_file() { return "the page"; }

    http::server negotiate_;
    std::set<std::wstring> readers_;
};

sspan::testing::loopback_options world() {
    return {.user = L"alice",
            .domain = L"CORP",
            .accounts = {{L"bob", L"battery staple"}},
            .service = L"HTTP/web.test",
            .report = [](std::string_view text) { ADD_FAILURE() << text; }};
}

page_server make_server() {
    return {sspan::credentials::inbound(sspan::package::negotiate), {L"CORP\\alice"}};
}

/// A client's part of the test: asks until the server accepts or refuses it.
page_server::answer get(page_server& server, const sspan::credentials& credentials) {
    http::client client{credentials, L"HTTP/web.test"};
    std::string authorization{client.begin()};
    for (;;) {
        auto answer = server.take(authorization);
        const std::string_view challenge = answer.www_authenticate;
        const std::span<const std::string_view> challenges{&challenge, challenge.empty() ? 0U : 1U};
        std::error_code ec;
        const auto step = client.take_answer(static_cast<unsigned>(answer.status), challenges, ec);
        if (answer.status != 401) {
            EXPECT_FALSE(ec) << client.explain(ec); // the page is the server's
            return answer;
        }
        if (ec) {
            return answer;
        }
        authorization = step.credentials;
    }
}

page_server::answer get(page_server& server) {
    return get(server, sspan::credentials::outbound(sspan::package::negotiate));
}

TEST(page_server, asks_a_stranger_to_log_on) {
    const sspan::testing::loopback fake{world()};
    auto server = make_server();
    const auto answer = server.take(std::nullopt);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.www_authenticate, "Negotiate");
}

TEST(page_server, gives_alice_the_page) {
    const sspan::testing::loopback fake{world()};
    auto server = make_server();
    EXPECT_EQ(get(server).body, "the page");
    EXPECT_EQ(fake.acting_as(), L""); // the server acts as itself again
}

TEST(page_server, does_not_give_it_to_bob) {
    const sspan::testing::loopback fake{world()};
    auto server = make_server();
    const sspan::identity bob{L"bob", L"CORP", L"battery staple"};
    EXPECT_EQ(get(server, sspan::credentials::outbound(sspan::package::negotiate, bob)).status, 403);
}

TEST(page_server, refuses_a_user_who_may_not_log_on) {
    sspan::testing::loopback fake{world()};
    fake.deny_logon(L"alice");
    auto server = make_server();
    EXPECT_EQ(get(server).status, 401);
}

TEST(page_server, shows_nothing_if_it_cannot_act_as_the_client) {
    sspan::testing::loopback fake{world()};
    auto server = make_server();
    fake.fail(sspan::testing::call::impersonate_security_context, 1, sspan::errc::no_impersonation);
    const auto answer = get(server);
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body, "");
}

/// Takes one block from the client, and returns the block to send. If that is empty, the server sends nothing.
class echo_server {
public:
    explicit echo_server(const sspan::credentials& credentials) : handshake_{credentials} {}

    std::vector<std::byte> take(std::span<const std::byte> block) {
        if (!context_) {
            const auto step = handshake_.step(block);
            if (step.done()) {
                context_ = std::move(handshake_).finish(); // the token stays valid
            }
            return {step.token.begin(), step.token.end()};
        }
        return context_.wrap_copy(context_.unwrap_copy(block).data);
    }

private:
    sspan::server_handshake handshake_;
    sspan::server_context context_;
};

/// The client's part of the test: logs on, and returns the client's context.
sspan::client_context log_on(echo_server& server) {
    sspan::client_handshake client{sspan::credentials::outbound(sspan::package::negotiate), L"HTTP/web.test"};
    auto step = client.step();
    while (!step.done()) {
        step = client.step(server.take(step.token));
    }
    auto context = std::move(client).finish();
    if (!step.token.empty()) {
        server.take(step.token);
    }
    return context;
}

TEST(echo_server, sends_back_what_it_gets) {
    const sspan::testing::loopback fake{world()};
    echo_server server{sspan::credentials::inbound(sspan::package::negotiate)};
    auto client = log_on(server);
    const auto answer = client.unwrap_copy(server.take(client.wrap_copy("Hello")));
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(answer.data.data()), answer.data.size()), "Hello");
}

TEST(echo_server, refuses_a_changed_message) {
    const sspan::testing::loopback fake{world()};
    echo_server server{sspan::credentials::inbound(sspan::package::negotiate)};
    auto client = log_on(server);
    auto message = client.wrap_copy("Hello");
    message.back() ^= std::byte{1};
    try {
        server.take(message);
        ADD_FAILURE() << "the server has accepted it";
    } catch (const sspan::error& failure) {
        EXPECT_EQ(failure.code(), sspan::errc::message_altered) << failure.what();
    }
}

} // namespace
