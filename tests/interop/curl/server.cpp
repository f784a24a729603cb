// SPDX-License-Identifier: MIT
//
// A web server with sspan, for clients that others wrote. It prints its port, serves one connection after the other,
// and ends after a request for /end. /page is for authenticated clients; its content is the client's name. The argument
// "request" or "connection" says what one handshake authenticates.
#include "http.hpp"
#include "net.hpp"
#include "programs/session.hpp"

#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/sspan.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>

namespace {

using namespace sspan::http_negotiate;

constexpr std::chrono::seconds patience{20};

void answer(http::channel& browser, std::string_view status, std::string_view challenge, const std::string& body) {
    std::string text{"HTTP/1.1 "};
    text.append(status).append("\r\n");
    if (!challenge.empty()) {
        text.append(challenge_field(server_kind::origin)).append(": ").append(challenge).append("\r\n");
    }
    browser.send(text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

/// @return false after a request for /end.
bool serve(http::channel& browser, server& authentication) {
    for (http::message request; browser.receive_or_end(request);) {
        browser.peer().allow(patience);
        if (request.word(1) == "/end") {
            answer(browser, "200 OK", {}, "the end\n");
            return false;
        }
        std::error_code ec;
        const auto step = authentication.take_request(request.values(credentials_field(server_kind::origin)), ec);
        if (step.state == server_state::authenticated) {
            answer(browser, "200 OK", step.challenge, session::client_name(authentication.context()) + '\n');
        } else {
            answer(browser, "401 Unauthorized", step.challenge, ec ? session::symbol(ec) + '\n' : "who are you?\n");
        }
    }
    return true;
}

} // namespace

int main(int argc, char** argv) try {
    server_options options;
    if (argc == 2 && std::string_view{argv[1]} == "connection") {
        options.scope = authentication_scope::connection;
    }
    const net::library sockets;
    const auto credentials = sspan::credentials::inbound(sspan::package::negotiate);
    const net::listener listener{"127.0.0.1", 0};
    std::cout << "listening on port " << listener.port() << '\n' << std::flush;
    for (bool goes_on = true; goes_on;) {
        http::channel browser{listener.accept(patience)};
        server authentication{credentials, options};
        try {
            goes_on = serve(browser, authentication);
        } catch (const std::exception& error) { // ends this connection only
            std::cout << error.what() << '\n' << std::flush;
        }
        browser.peer().finish();
    }
    return 0;
} catch (const std::exception& error) {
    std::cout << error.what() << '\n';
    return 1;
}
