// SPDX-License-Identifier: MIT
//
// A client of Apache with mod_auth_gssapi, and of servers that impersonate it. The argument is Apache's port.
#include "http.hpp"
#include "integration/kerberos_facts.hpp"
#include "net.hpp"

#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <charconv>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace sspan::http_negotiate;
using sspan::errc;

constexpr std::wstring_view service = L"HTTP/server.sspan.test";
constexpr std::wstring_view service_without_key = L"HTTP/other.sspan.test"; // the KDC knows it, Apache does not
constexpr std::wstring_view unknown_service = L"HTTP/unknown.sspan.test";
const std::wstring_view usual_package = // facts are not a constant expression for every package
    integration::facts.negotiate_proves_server ? sspan::package::negotiate : sspan::package::kerberos;
constexpr std::chrono::seconds patience{20};
unsigned port = 0;

class browser {
public:
    explicit browser(unsigned to = port) : server_{net::connect("127.0.0.1", to, patience)} {}

    http::message request(std::string_view path, std::string_view credentials = {}) {
        send(path, credentials);
        return server_.receive();
    }
    void send(std::string_view path, std::string_view credentials = {}) {
        server_.peer().allow(patience);
        std::string text{"GET "};
        text.append(path).append(" HTTP/1.1\r\nHost: server.sspan.test\r\n");
        if (!credentials.empty()) {
            text.append(credentials_field(server_kind::origin)).append(": ").append(credentials).append("\r\n");
        }
        server_.send(text + "\r\n");
        ++requests_;
    }
    http::channel& server() { return server_; }
    [[nodiscard]] unsigned requests() const { return requests_; }

    /// Repeats the request until the server has been authenticated. @return the final answer.
    http::message get(std::string_view path, client& exchange, std::string_view credentials = {}) {
        std::string value{credentials};
        for (;;) {
            auto answer = request(path, value);
            const auto step =
                exchange.take_answer(answer.status(), answer.values(challenge_field(server_kind::origin)));
            if (step.state == client_state::authenticated) {
                return answer;
            }
            value = step.credentials;
        }
    }

private:
    http::channel server_;
    unsigned requests_ = 0;
};

client make_client(std::wstring_view target = service, std::wstring_view package = usual_package) {
    return client{sspan::credentials::outbound(package), target};
}

TEST(apache, knows_the_client) {
    for (const auto package : {sspan::package::kerberos, usual_package}) {
        browser tab;
        auto exchange = make_client(service, package);
        const auto page = tab.get("/page", exchange);
        EXPECT_EQ(page.status(), 200U);
        EXPECT_EQ(page.body, "the page\n");
        EXPECT_EQ(page.values("X-User"), std::vector<std::string_view>{"alice@SSPAN.TEST"});
        EXPECT_EQ(tab.requests(), 2U);
        const auto context = std::move(exchange).finish();
        EXPECT_TRUE(contains(context.granted(), sspan::context_flags::mutual_auth));
    }
}

/// On a bound connection, Apache remembers an exchange of several requests.
TEST(apache, negotiate_on_a_bound_connection_proves_the_server_or_fails) {
    browser tab;
    auto exchange = make_client(service, sspan::package::negotiate);
    if (integration::facts.negotiate_proves_server) {
        EXPECT_EQ(tab.get("/bound", exchange).body, "the page\n");
        return;
    }
    try {
        tab.get("/bound", exchange);
        ADD_FAILURE() << "the page was accepted";
    } catch (const sspan::error& refused) {
        EXPECT_EQ(refused.code(), errc::security_qos_failed) << refused.what();
    }
}

TEST(apache, needs_one_request_if_the_client_begins) {
    browser tab;
    auto exchange = make_client();
    const std::string first{exchange.begin()};
    const auto page = tab.get("/page", exchange, first);
    EXPECT_EQ(page.values("X-User"), std::vector<std::string_view>{"alice@SSPAN.TEST"});
    EXPECT_EQ(tab.requests(), 1U);
}

TEST(apache, several_requests_on_one_connection) {
    browser tab;
    for (unsigned count = 1; count != 4; ++count) {
        auto exchange = make_client();
        EXPECT_EQ(tab.get("/page", exchange).body, "the page\n");
        EXPECT_EQ(tab.requests(), 2 * count);
    }
}

TEST(apache, is_authenticated_with_any_status) {
    browser tab;
    auto missing = make_client();
    EXPECT_EQ(tab.get("/missing", missing).status(), 404U);
}

TEST(apache, denies_a_page_that_is_for_others) {
    browser tab;
    auto exchange = make_client();
    try {
        tab.get("/bobs", exchange);
        ADD_FAILURE() << "the page was served";
    } catch (const sspan::error& denied) {
        EXPECT_EQ(denied.code(), errc::logon_denied) << denied.what();
    }
}

TEST(apache, does_not_take_a_token_for_another_service) {
    browser tab;
    auto exchange = make_client(service_without_key);
    EXPECT_THROW(tab.get("/page", exchange), sspan::error);
    EXPECT_EQ(tab.requests(), 2U);
    auto next = make_client(); // the connection still works
    EXPECT_EQ(tab.get("/page", next).body, "the page\n");
}

TEST(apache, an_unknown_services_name_fails) {
    browser tab;
    auto exchange = make_client(unknown_service);
    try {
        tab.get("/page", exchange);
        ADD_FAILURE() << "the page was served";
    } catch (const sspan::error& refused) {
        EXPECT_EQ(refused.function(), std::string_view{"InitializeSecurityContext"});
        EXPECT_EQ(tab.requests(), 1U);
    }
}

/// Returns the challenge field that Apache sends for these credentials.
std::string genuine_challenge(std::string_view credentials) {
    browser tab;
    const auto answer = tab.request("/page", credentials);
    const auto values = answer.values(challenge_field(server_kind::origin));
    EXPECT_EQ(answer.status(), 200U);
    return values.size() == 1 ? std::string{values.front()} : "";
}

/// Asks a false server for a page. The server answers the client's token with this status and the result of `fields`.
std::error_code deceived(std::string_view status, const std::function<std::string(std::string_view)>& fields,
                         client exchange = make_client()) {
    const net::listener pretender{"127.0.0.1", 0};
    browser tab{static_cast<unsigned>(http::message::number(pretender.port()))};
    tab.send("/page", exchange.begin());
    http::channel side{pretender.accept(patience)};
    const auto request = side.receive();
    const auto credentials = request.values(credentials_field(server_kind::origin));
    EXPECT_EQ(credentials.size(), 1U);
    side.send("HTTP/1.1 " + std::string{status} + " x\r\n" + fields(credentials.at(0)) +
              "Content-Length: 4\r\n\r\nfake");
    const auto answer = tab.server().receive();
    EXPECT_EQ(answer.body, "fake");
    std::error_code ec;
    static_cast<void>(exchange.take_answer(answer.status(), answer.values("www-authenticate"), ec));
    std::error_code unfinished;
    EXPECT_EQ(static_cast<bool>(std::move(exchange).finish(unfinished)), !ec);
    return ec;
}

std::string challenge(std::string_view value) {
    return std::string{challenge_field(server_kind::origin)}.append(": ").append(value).append("\r\n");
}

// Proves that the refusals below have the intended reason.
TEST(spoofed, the_genuine_answer_is_believed_through_a_relay) {
    EXPECT_FALSE(
        deceived("200", [](std::string_view credentials) { return challenge(genuine_challenge(credentials)); }));
}

TEST(spoofed, no_token) {
    for (const auto* const status : {"200", "302", "404", "500"}) {
        EXPECT_EQ(deceived(status, [](std::string_view) { return std::string{}; }), errc::mutual_auth_failed);
    }
}

TEST(spoofed, an_empty_token) {
    for (const auto* const value :
         {"Negotiate", "Negotiate ", "Negotiate ,", "", "Negotiate \r\nWWW-Authenticate: Negotiate"}) {
        EXPECT_EQ(deceived("200", [&](std::string_view) { return challenge(value); }), errc::mutual_auth_failed);
    }
}

TEST(spoofed, a_garbage_token) {
    for (const auto* const value :
         {"Negotiate AAAA", "Negotiate R2FyYmFnZQ==", "Negotiate oRQwEqADCgEAoQsGCSqGSIb3EgECAg=="}) {
        EXPECT_TRUE(deceived("200", [&](std::string_view) { return challenge(value); })) << value;
    }
}

TEST(spoofed, a_token_that_is_not_base64) {
    for (const auto* const value :
         {"Negotiate !", "Negotiate YQ", "Negotiate YR==", "Negotiate \"YQ==\"", "Negotiate YQ== YQ=="}) {
        EXPECT_EQ(deceived("200", [&](std::string_view) { return challenge(value); }), errc::invalid_token) << value;
    }
}

TEST(spoofed, a_replayed_token) {
    auto exchange = make_client();
    const auto earlier = genuine_challenge(exchange.begin());
    ASSERT_FALSE(earlier.empty());
    EXPECT_TRUE(deceived("200", [&](std::string_view) { return challenge(earlier); }));
}

TEST(spoofed, the_clients_own_token) {
    EXPECT_TRUE(deceived("200", [](std::string_view credentials) { return challenge(credentials); }));
}

TEST(spoofed, an_altered_token) {
    EXPECT_TRUE(deceived("200", [](std::string_view credentials) {
        auto value = genuine_challenge(credentials);
        auto& place = value.at(value.size() - 9);
        place = place == 'A' ? 'B' : 'A';
        return challenge(value);
    }));
}

TEST(spoofed, half_a_token) {
    EXPECT_TRUE(deceived("200", [](std::string_view credentials) {
        auto value = genuine_challenge(credentials);
        value.resize(10 + (value.size() - 10) / 8 * 4);
        return challenge(value);
    }));
}

TEST(spoofed, a_denial_with_anything) {
    EXPECT_EQ(deceived("401", [](std::string_view) { return challenge("Negotiate"); }), errc::logon_denied);
    EXPECT_EQ(deceived("401", [](std::string_view credentials) { return challenge(genuine_challenge(credentials)); }),
              errc::logon_denied);
    EXPECT_TRUE(deceived("401", [](std::string_view) { return challenge("Negotiate AAAA"); }));
}

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    const std::string_view argument{argc == 2 ? argv[1] : ""};
    std::from_chars(argument.data(), argument.data() + argument.size(), port);
    const net::library sockets;
    return RUN_ALL_TESTS();
}
