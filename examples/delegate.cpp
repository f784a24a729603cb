// SPDX-License-Identifier: MIT
//
// The second hop: a client asks a server, which asks a backend in the client's name. Three programs in one source; each
// pair of them authenticates each other, and what they say is encrypted.
//
// On Windows, with Kerberos, the domain must allow it: docs/packages.md says what the administrator sets for each kind of
// delegation. The client asks for the unconstrained kind, unless it is given --no-delegation.
#include "arguments.hpp"
#include "net.hpp"
#include "text.hpp"
#include "wire.hpp"

#include <sspan/sspan.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr std::string_view usage = R"(delegate backend --port N                says who its client is
delegate server --port N --backend-host H --backend-port N --backend-target SPN
                                         passes questions on to the backend, as the client who asks
delegate client --host H --port N --target SPN [--no-delegation]
                                         asks the server
all: --package NAME (Kerberos); backend and server: --bind ADDRESS (127.0.0.1), --connections N (no end)
Port 0 stands for a free one. Exit status: 0 done, 1 usage, 2 refused or failed.)";

constexpr std::chrono::seconds patience{30};

struct options {
    std::wstring package;
    std::string bind;
    unsigned connections = 0; // 0: no limit
    std::string host;
    unsigned port = 0;
    std::wstring target;
};

void print(const std::string& line) {
    std::cout << line + '\n' << std::flush;
}

void send(net::connection& peer, sspan::security_context& context, std::string_view text) {
    wire::send_token(peer, context.wrap_copy(std::as_bytes(std::span{text})));
}

std::string receive(net::connection& peer, sspan::security_context& context) {
    const auto message = context.unwrap_copy(wire::receive_token(peer));
    std::string text;
    for (const auto byte : message.data) {
        text += static_cast<char>(byte);
    }
    return text;
}

/// Asks whoever listens there; as the user whom the thread acts as.
std::string ask(const options& chosen, sspan::context_flags extra, std::string_view question) {
    const auto credentials = sspan::credentials::outbound(chosen.package);
    sspan::client_options wanted;
    wanted.require |= extra;
    auto peer = net::connect(chosen.host, chosen.port, patience);
    auto context = wire::establish(sspan::client_handshake{credentials, chosen.target, wanted}, peer);
    send(peer, context, question);
    return receive(peer, context);
}

/// Accepts one client after another; `answer(context, question)` returns what to tell it.
template <class Answer>
void serve(const options& chosen, Answer answer) {
    const auto credentials = sspan::credentials::inbound(chosen.package);
    const net::listener listener{chosen.bind, chosen.port};
    print("listening on port " + listener.port());
    for (unsigned number = 1; chosen.connections == 0 || number <= chosen.connections; ++number) {
        try {
            auto peer = listener.accept(patience);
            auto context = wire::establish(sspan::server_handshake{credentials}, peer);
            const auto question = receive(peer, context);
            send(peer, context, answer(context, question));
            peer.finish();
        } catch (const std::exception& error) { // of this client alone
            print(error.what());
        }
    }
}

void run_backend(const options& chosen) {
    serve(chosen, [](const sspan::server_context& context, const std::string&) {
        const auto name = text::to_utf8(sspan::query_user_name(context));
        print("the backend was asked by " + name);
        return "the backend knows you as " + name;
    });
}

void run_server(const options& chosen, const options& backend) {
    serve(chosen, [&backend](const sspan::server_context& context, const std::string& question) -> std::string {
        print("the server was asked by " + text::to_utf8(sspan::query_user_name(context)));
        try {
            // Whether the client can be passed on shows in the next handshake only: with constrained delegation the level
            // does not tell.
            return sspan::run_as_client(context, [&] { return ask(backend, sspan::context_flags::none, question); });
        } catch (const std::exception& error) {
            print(std::string{"the server cannot ask the backend: "} + error.what());
            return std::string{"the server could not ask for you: "} + error.what();
        }
    });
}

int run(const std::vector<std::string>& words) {
    arguments::reader read{words};
    const auto action = read.action();
    if (action == "--help") {
        print(std::string{usage});
        return 0;
    }
    options chosen;
    options backend;
    const bool delegates = !read.flag("--no-delegation");
    chosen.package = backend.package = text::to_wide(read.value("--package", "Kerberos"));
    chosen.port = read.number("--port", 65535);
    if (action == "client") {
        chosen.host = read.value("--host");
        chosen.target = text::to_wide(read.value("--target"));
        read.finish();
        const auto extra = delegates ? sspan::context_flags::delegate : sspan::context_flags::none;
        const auto answer = ask(chosen, extra, "who am I?");
        print(answer);
        return answer.starts_with("the backend knows you as ") ? 0 : 2;
    }
    chosen.bind = read.value("--bind", "127.0.0.1");
    chosen.connections = read.number("--connections", 1'000'000, "0");
    if (action == "backend") {
        read.finish();
        run_backend(chosen);
        return 0;
    }
    if (action == "server") {
        backend.host = read.value("--backend-host");
        backend.port = read.number("--backend-port", 65535);
        backend.target = text::to_wide(read.value("--backend-target"));
        read.finish();
        run_server(chosen, backend);
        return 0;
    }
    throw arguments::error{"what to do: backend, server or client?"};
}

} // namespace

int main(int argc, char** argv) {
#if defined(_WIN32)
    ::SetConsoleOutputCP(CP_UTF8);
#endif
    try {
        const net::library sockets;
        return run(text::arguments(argc, argv));
    } catch (const arguments::error& error) {
        std::cerr << error.what() << "\n\n" << usage << '\n';
        return 1;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 2;
    }
}
