// SPDX-License-Identifier: MIT
//
// The server of tcp_client. It answers several clients at a time, each in a thread. Only the connection ends if a
// client fails to authenticate, if a message was changed or repeated, or if the peer is too slow.
// Run: tcp_server PORT, with the account or the key of the service. Under Wine it prints this for one message of
// tcp_client and a second one that was changed on its way:
//
//   > tcp_server 4711
//   listening on port 4711
//   authenticated a client (the package does not report its name); granted: mutual_auth, ...
//   a client (the package does not report its name) signed: Pay 100 to Carol.
//   VerifySignature: SEC_E_MESSAGE_ALTERED (0x8009030F): the message or its signature was changed after it was protected
#include "net.hpp"

#include <sspan/sspan.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::string_view usage = R"(tcp_server PORT [ADDRESS]
PORT 0 stands for a free one. ADDRESS is where the server listens (127.0.0.1).
Exit status: 1 usage, 2 the server cannot start.)";

constexpr std::chrono::seconds patience{10};
constexpr std::size_t longest_token = sspan::handshake_limits{}.max_token;
constexpr std::size_t longest_text = 4000;
constexpr std::size_t longest_answer = 4096;
constexpr unsigned clients_at_once = 16;

void print(std::string line) {
    std::cout << line.append("\n") << std::flush; // in one piece: other threads print, too
}

/// Authenticates both sides. Each token is sent as a frame.
sspan::server_context authenticate(net::connection& client, const sspan::credentials& credentials) {
    sspan::server_handshake handshake{credentials};
    const auto send = [&client](std::span<const std::byte> token) { client.send_frame(token); };
    const auto receive = [&client] { return client.receive_frame(longest_token); };
    return sspan::establish(std::move(handshake), send, receive);
}

/// Makes the text safe for a console: ASCII without control characters.
template <class Text>
std::string printable(const Text& text) {
    std::string shown;
    for (const auto unit : text) {
        shown += unit >= ' ' && unit <= '~' ? static_cast<char>(unit) : '?';
    }
    return shown;
}

std::string name_of(const sspan::server_context& client) {
    std::error_code ec;
    const auto name = sspan::query_user_name(client, ec);
    return ec ? "a client (the package does not report its name)" : printable(name);
}

/// Answers one client until it closes the connection.
void serve(net::connection client, const sspan::credentials& credentials) {
    auto context = authenticate(client, credentials);
    const auto name = name_of(context);
    print("authenticated " + name + "; granted: " + to_string(context.granted()));

    std::vector<std::byte> message;
    sspan::message_frame answer{context.sizes(), longest_answer}; // serves every answer
    for (client.allow(patience); client.receive_frame_or_end(message, longest_text); client.allow(patience)) {
        const auto signature = client.receive_frame(context.sizes().max_signature);
        context.verify(message, signature); // throws unless this is the client's next message, unchanged
        const std::string text{reinterpret_cast<const char*>(message.data()), message.size()};
        print(name + " signed: " + printable(text));
        client.send_frame(context.wrap(answer, answer.assign("accepted: " + text))); // encrypted
    }
    client.finish();
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.empty() || words.size() > 2) {
        std::cerr << usage << '\n';
        return 1;
    }
    const net::library sockets;
    const auto credentials = sspan::credentials::inbound(sspan::package::negotiate);
    const net::listener listener{words.size() == 2 ? words[1] : "127.0.0.1",
                                 static_cast<unsigned>(std::stoul(words[0]))};
    print("listening on port " + listener.port());

    std::vector<std::jthread> workers;
    for (unsigned count = 0; count != clients_at_once; ++count) {
        workers.emplace_back([&] {
            for (;;) {
                try {
                    serve(listener.accept(patience), credentials);
                } catch (const std::exception& error) { // ends this connection only
                    print(error.what());
                }
            }
        });
    }
    workers.clear(); // waits without end
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
}
