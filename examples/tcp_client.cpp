// SPDX-License-Identifier: MIT
//
// A client over TCP. It and tcp_server authenticate each other. Then it signs its messages: anyone can read them, but
// nobody can change, repeat or reorder them unnoticed. If an attacker cuts off the last messages, their answers do not
// arrive. The server encrypts its answers.
// Run: tcp_client HOST PORT TARGET MESSAGE... (tcp_server shows the server). The server must prove its name, so a
// domain or a Kerberos realm is needed. It prints:
//
//   > tcp_client 127.0.0.1 4711 echo/server.sspan.test "Pay 100 to Carol."
//   authenticated to echo/server.sspan.test with kerberos; granted: mutual_auth, replay_detect, ...
//   signed: Pay 100 to Carol.
//   decrypted: accepted: Pay 100 to Carol.
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
#include <vector>

namespace {

constexpr std::string_view usage = R"(tcp_client HOST PORT TARGET MESSAGE...
TARGET is the server's principal name, such as echo/server.example.com.
Exit status: 0 done, 1 usage, 2 refused or failed.)";

constexpr std::chrono::seconds patience{30};
constexpr std::size_t longest_token = sspan::handshake_limits{}.max_token;
constexpr std::size_t longest_answer = 4096;

/// Authenticates both sides, as the logged-on user. Each token is sent as a frame.
sspan::client_context log_on(net::connection& server, std::wstring_view target) {
    const auto credentials = sspan::credentials::outbound(sspan::package::negotiate);
    sspan::client_options options;
    options.ntlm = sspan::ntlm_use::refused; // never sends an NTLM message: it would help an impostor
    sspan::client_handshake handshake{credentials, target, options};
    const auto send = [&server](std::span<const std::byte> token) { server.send_frame(token); };
    const auto receive = [&server] { return server.receive_frame(longest_token); };
    return sspan::establish(std::move(handshake), send, receive);
}

/// Sends the text in clear, and behind it its signature.
void send_signed(net::connection& server, sspan::client_context& context, std::string_view text) {
    std::vector<std::byte> buffer(context.sizes().max_signature);
    const auto signature = context.sign(text, buffer);
    server.send_frame(std::as_bytes(std::span{text}));
    server.send_frame(signature);
}

/// Receives a message. Throws unless it is the server's next one, unchanged and encrypted.
std::string receive_sealed(net::connection& server, sspan::client_context& context) {
    auto message = server.receive_frame(sspan::max_wrapped_size(context.sizes(), longest_answer));
    const auto text = context.unwrap(message).data; // decrypts in place
    return {reinterpret_cast<const char*>(text.data()), text.size()};
}

/// Makes the text safe for a console: ASCII without control characters.
std::string printable(std::string text) {
    for (auto& unit : text) {
        unit = unit >= ' ' && unit <= '~' ? unit : '?';
    }
    return text;
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() < 4) {
        std::cerr << usage << '\n';
        return 1;
    }
    const std::wstring target{words[2].begin(), words[2].end()}; // ASCII
    const net::library sockets;
    auto server = net::connect(words[0], static_cast<unsigned>(std::stoul(words[1])), patience);
    auto context = log_on(server, target);
    std::cout << "authenticated to " << words[2] << " with " << to_string(context.package())
              << "; granted: " << to_string(context.granted()) << '\n';

    for (const auto& text : std::span{words}.subspan(3)) {
        server.allow(patience);
        send_signed(server, context, text);
        std::cout << "signed: " << text << '\n';
        const auto answer = receive_sealed(server, context);
        std::cout << "decrypted: " << printable(answer) << '\n';
    }
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
}
