// SPDX-License-Identifier: MIT
//
// Fetches a page as the logged-on user, from a web server that asks for Negotiate (RFC 4559). It prints the page only
// if the server has proved its name. The page itself is not protected. Use TLS for that, with
// `client_options::handshake.bindings` of its certificate.
// Run: http_get --host H. With http_hello under Wine it prints:
//
//   > http_get --host server.sspan.test --port 8080 --path /page
//   authenticated HTTP/server.sspan.test with 2 requests: 200
//   hello a client (the package does not report its name)
#include "console.hpp"
#include "http.hpp"
#include "net.hpp"

#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/sspan.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view usage = R"(http_get --host H [--port N] [--path P] [options]
    --port N        80
    --path P        /
    --address A     connect to this address instead of the host's
    --preemptive    send a token with the first request
Exit status: 0 done, 1 usage, 2 refused or failed.)";

constexpr std::chrono::seconds patience{30};

int run(console::arguments read) {
    using namespace sspan::http_negotiate;
    const auto host = read.value("--host");
    const auto port = read.number("--port", 65535, "80");
    const auto path = read.value("--path", "/");
    const auto address = read.value("--address", host);
    const bool preemptive = read.flag("--preemptive");
    read.finish();

    http::channel connection{net::connect(address, port, patience)}; // one connection for the whole exchange
    const auto target = "HTTP/" + host;
    client exchange{sspan::credentials::outbound(sspan::package::negotiate), console::to_wide(target)};
    std::string credentials;
    if (preemptive) {
        credentials = exchange.begin();
    }
    for (unsigned requests = 1;; ++requests) {
        connection.peer().allow(patience);
        std::string request{"GET "};
        request.append(path).append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
        if (!credentials.empty()) {
            request.append(credentials_field(server_kind::origin)).append(": ").append(credentials).append("\r\n");
        }
        connection.send(request + "\r\n");
        const auto answer = connection.receive();
        const auto step = exchange.take_answer(answer.status(), answer.values(challenge_field(server_kind::origin)));
        if (step.state == client_state::authenticated) {
            std::cout << "authenticated " << target << " with " << requests << " requests: " << answer.status() << '\n'
                      << answer.body;
            return 0;
        }
        credentials = step.credentials;
    }
}

} // namespace

int main(int argc, char** argv) try {
    const net::library sockets;
    return run(console::arguments{argc, argv});
} catch (const std::exception& error) {
    return console::report(error, usage);
}
