// SPDX-License-Identifier: MIT
//
// Fetches a page as the logged-on user, from a web server that asks for Negotiate (RFC 4559). It prints the page only if
// the server has proved its name.
//
//   > http_get --host web.corp.example --port 80 --path /page
//   authenticated HTTP/web.corp.example with 2 requests: 200
//   hello alice@CORP.EXAMPLE
//
// The page itself is not protected. Use TLS for that, with `client_options::handshake.bindings` of its certificate.
#include "arguments.hpp"
#include "http.hpp"
#include "net.hpp"
#include "text.hpp"

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

int run(arguments::reader read) {
    using namespace sspan::http_negotiate;
    const auto host = read.value("--host");
    const auto port = read.number("--port", 65535, "80");
    const auto path = read.value("--path", "/");
    const auto address = read.value("--address", host);
    const bool preemptive = read.flag("--preemptive");
    read.finish();

    http::channel connection{net::connect(address, port, patience)}; // one connection for the whole exchange
    const auto target = "HTTP/" + host;
    client exchange{sspan::credentials::outbound(sspan::package::negotiate), text::to_wide(target)};
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

int main(int argc, char** argv) {
    try {
        const net::library sockets;
        return run(arguments::reader{text::arguments(argc, argv)});
    } catch (const arguments::error& error) {
        std::cerr << error.what() << "\n\n" << usage << '\n';
        return 1;
    } catch (const std::exception& error) { // nothing of the page has been printed
        std::cerr << error.what() << '\n';
        return 2;
    }
}
