// SPDX-License-Identifier: MIT
//
// A web server that greets each authenticated client by name. It serves one connection at a time, and closes a connection
// on which no request comes for 30 seconds.
// Run: http_hello --port N, and as its client curl --negotiate --user : http://HOST:N/ or http_get. Under Wine, which
// does not report the name, it prints:
//
//   > http_hello --port 8080
//   listening on port 8080
//   GET /page: 401, a token is needed
//   GET /page: 200, a client (the package does not report its name)
#include "console.hpp"
#include "http.hpp"
#include "net.hpp"

#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/sspan.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>

namespace {

constexpr std::string_view usage = R"(http_hello --port N [options]   port 0 stands for a free one
    --bind ADDRESS     listen there (127.0.0.1)
    --connections N    end after N connections (no end)
    --name SPN         refuse tokens for other services than this, such as HTTP/web.corp.example
Exit status: 0 done, 1 usage, 2 failed.)";

constexpr std::chrono::seconds patience{30};

std::string name_of(const sspan::server_context& client) {
    std::error_code ec;
    const auto name = sspan::query_user_name(client, ec);
    return ec ? "a client (the package does not report its name)" : console::to_utf8(name);
}

/// Answers the requests of a connection.
void serve(http::channel& browser, sspan::http_negotiate::server authentication) {
    using namespace sspan::http_negotiate;
    for (http::message request; browser.receive_or_end(request);) {
        browser.peer().allow(patience);
        std::error_code ec;
        const auto step = authentication.take_request(request.values(credentials_field(server_kind::origin)), ec);
        const bool known = step.state == server_state::authenticated;
        const auto who = known ? name_of(authentication.context()) : ec ? ec.message() : "a token is needed";
        const auto body = known ? "hello " + who + '\n' : std::string{};
        std::string answer = known ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 401 Unauthorized\r\n";
        if (!step.challenge.empty()) {
            answer.append(challenge_field(server_kind::origin)).append(": ").append(step.challenge).append("\r\n");
        }
        answer.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
        browser.send(answer);
        console::print(std::string{request.word(0)}.append(" ").append(request.word(1)) +
                       (known ? ": 200, " : ": 401, ") + who);
    }
}

int run(console::arguments read) {
    const auto port = read.number("--port", 65535);
    const auto address = read.value("--bind", "127.0.0.1");
    const auto connections = read.number("--connections", 1'000'000, "0");
    const auto name = read.value("--name", {});
    read.finish();

    sspan::http_negotiate::server_options options;
    if (!name.empty()) {
        options.handshake.service_names = {console::to_wide(name)};
    }
    const auto credentials = sspan::credentials::inbound(sspan::package::negotiate);
    const net::listener listener{address, port};
    console::print("listening on port " + listener.port());
    for (unsigned count = 0; connections == 0 || count != connections; ++count) {
        http::channel browser{listener.accept(patience)};
        try {
            serve(browser, sspan::http_negotiate::server{credentials, options});
        } catch (const std::exception& error) { // ends this connection only
            console::print(error.what());
        }
        browser.peer().finish();
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) try {
    const net::library sockets;
    return run(console::arguments{argc, argv});
} catch (const std::exception& error) {
    return console::report(error, usage);
}
