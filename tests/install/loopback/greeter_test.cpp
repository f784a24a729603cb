// SPDX-License-Identifier: MIT
//
// Tests of the greeter, without a test framework.
#include "greeter.hpp"

#include <sspan/testing/loopback.hpp>

#include <iostream>
#include <string>
#include <string_view>
#include <utility>

namespace {

int failures = 0;

void check(bool holds, std::string_view what) {
    if (!holds) {
        std::cerr << "FAILED: " << what << '\n';
        ++failures;
    }
}

sspan::testing::loopback_options world() {
    return {.user = L"carol", .domain = L"TEST", .service = L"greet/server.test", .report = [](std::string_view text) {
                check(false, text);
            }};
}

/// Establishes a context with the server, and returns the greeting.
std::string greeted_by(greeter& server) {
    sspan::client_handshake handshake{sspan::credentials::outbound(sspan::package::kerberos), L"greet/server.test"};
    for (auto token = handshake.step().token; !token.empty();) {
        const auto answer = server.take(token);
        token = answer.empty() ? token.first(0) : handshake.step(answer).token;
    }
    auto context = std::move(handshake).finish();
    auto message = server.greeting();
    const auto data = context.unwrap(message).data;
    std::string text;
    for (const auto byte : data) {
        text += static_cast<char>(byte);
    }
    return text;
}

greeter make_server() {
    return greeter{sspan::credentials::inbound(sspan::package::kerberos)};
}

sspan::errc failure_of(greeter& server) {
    try {
        static_cast<void>(greeted_by(server));
    } catch (const sspan::error& error) {
        return static_cast<sspan::errc>(error.code().value());
    }
    return {};
}

} // namespace

int main() {
    {
        const sspan::testing::loopback fake{world()};
        auto server = make_server();
        check(greeted_by(server) == "Hello TEST\\carol", "the server greets carol by name");
    }
    {
        sspan::testing::loopback fake{world()};
        auto server = make_server();
        fake.deny_logon(L"carol");
        check(failure_of(server) == sspan::errc::logon_denied, "carol is refused");
        check(!server.has_client(), "a client that was refused is none");
    }
    {
        sspan::testing::loopback fake{world()};
        auto server = make_server();
        fake.fail(sspan::testing::call::encrypt_message, 1, sspan::errc::encrypt_failure);
        check(failure_of(server) == sspan::errc::encrypt_failure, "the greeting cannot be sealed");
    }
    {
        std::string reported;
        auto options = world();
        options.report = [&reported](std::string_view text) { reported = text; };
        {
            const sspan::testing::loopback fake{std::move(options)};
            static_cast<void>(sspan::credentials::inbound(sspan::package::kerberos).release());
        }
        check(reported == "leak: 1 credentials handles were not freed", "a leak is reported");
    }
    std::cout << (failures == 0 ? "all tests passed" : "tests failed") << '\n';
    return failures == 0 ? 0 : 1;
}
