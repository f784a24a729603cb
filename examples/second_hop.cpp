// SPDX-License-Identifier: MIT
//
// The second hop: a client asks a server, and the server asks a backend as the client. This program can be each of the
// three. The two sides of each connection authenticate each other and encrypt their messages.
// Run: a backend, a server and a client, as the usage shows. On Windows, with Kerberos, the domain must permit
// delegation: docs/packages.md lists the settings for each kind. The client asks for unconstrained delegation, or for
// none with --no-delegation. With the tests' package, which needs no domain, it prints:
//
//   > second_hop client --package Loopback --host 127.0.0.1 --port 4712 --target HTTP/server.loopback.example
//   the backend knows you as LOOPBACK\carol
#include "console.hpp"
#include "net.hpp"

#include <sspan/sspan.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace {

constexpr std::string_view usage = R"(second_hop backend --port N                tells each client its name
second_hop server --port N --backend-host H --backend-port N --backend-target SPN
                                           asks the backend as the client
second_hop client --host H --port N --target SPN [--no-delegation]
                                           asks the server
all: --package NAME (Kerberos); backend and server: --bind ADDRESS (127.0.0.1), --connections N (no limit)
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

template <class Handshake>
auto establish(Handshake handshake, net::connection& peer) {
    return sspan::establish(
        std::move(handshake), [&peer](std::span<const std::byte> token) { peer.send_frame(token); },
        [&peer] { return peer.receive_frame(sspan::handshake_limits{}.max_token); });
}

void send(net::connection& peer, sspan::security_context& context, std::string_view text) {
    peer.send_frame(context.wrap_copy(text));
}

std::string receive(net::connection& peer, sspan::security_context& context) {
    constexpr std::size_t longest_text = 4096;
    auto message = peer.receive_frame(sspan::max_wrapped_size(context.sizes(), longest_text));
    const auto text = context.unwrap(message).data;
    return {reinterpret_cast<const char*>(text.data()), text.size()};
}

/// Asks the server that `chosen` names, as the thread's user. Inside run_as_client this user is the client.
std::string ask(const options& chosen, sspan::context_flags extra, std::string_view question) {
    const auto credentials = sspan::credentials::outbound(chosen.package);
    sspan::client_options wanted;
    wanted.require |= extra;
    auto peer = net::connect(chosen.host, chosen.port, patience);
    auto context = establish(sspan::client_handshake{credentials, chosen.target, wanted}, peer);
    send(peer, context, question);
    return receive(peer, context);
}

/// Answers one client after another with the result of `answer(context, question)`.
template <class Answer>
void serve(const options& chosen, Answer answer) {
    const auto credentials = sspan::credentials::inbound(chosen.package);
    const net::listener listener{chosen.bind, chosen.port};
    console::print("listening on port " + listener.port());
    for (unsigned number = 1; chosen.connections == 0 || number <= chosen.connections; ++number) {
        try {
            auto peer = listener.accept(patience);
            auto context = establish(sspan::server_handshake{credentials}, peer);
            const auto question = receive(peer, context);
            send(peer, context, answer(context, question));
            peer.finish();
        } catch (const std::exception& error) { // ends this connection only
            console::print(error.what());
        }
    }
}

void run_backend(const options& chosen) {
    serve(chosen, [](const sspan::server_context& context, const std::string&) {
        const auto name = console::to_utf8(sspan::query_user_name(context));
        console::print("the backend was asked by " + name);
        return "the backend knows you as " + name;
    });
}

void run_server(const options& chosen, const options& backend) {
    serve(chosen, [&backend](const sspan::server_context& context, const std::string& question) -> std::string {
        console::print("the server was asked by " + console::to_utf8(sspan::query_user_name(context)));
        try {
            // Only the next handshake shows whether delegation works: constrained delegation has no level of its own.
            return sspan::run_as_client(context, [&] { return ask(backend, sspan::context_flags::none, question); });
        } catch (const std::exception& error) {
            console::print(std::string{"the server cannot ask the backend: "} + error.what());
            return std::string{"the server could not ask for you: "} + error.what();
        }
    });
}

int run(console::arguments read) {
    const auto action = read.action();
    options chosen;
    options backend;
    const bool delegates = !read.flag("--no-delegation");
    chosen.package = backend.package = console::to_wide(read.value("--package", "Kerberos"));
    chosen.port = read.number("--port", 65535);
    if (action == "client") {
        chosen.host = read.value("--host");
        chosen.target = console::to_wide(read.value("--target"));
        read.finish();
        const auto extra = delegates ? sspan::context_flags::delegate : sspan::context_flags::none;
        const auto answer = ask(chosen, extra, "who am I?");
        console::print(answer);
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
        backend.target = console::to_wide(read.value("--backend-target"));
        read.finish();
        run_server(chosen, backend);
        return 0;
    }
    throw console::usage_error{"the command is missing: backend, server or client"};
}

} // namespace

int main(int argc, char** argv) try {
    const net::library sockets;
    return run(console::arguments{argc, argv});
} catch (const std::exception& error) {
    return console::report(error, usage);
}
