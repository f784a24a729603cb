// SPDX-License-Identifier: MIT
//
// Talks to programs that use .NET's NegotiateStream, as a client or as a server. The server sends what it receives
// back in upper case. Each record is sent and received by one call, which waits for at most 20 seconds.
// Run: a server and a client, as the usage shows. They print:
//
//   > negotiate_stream server 4711
//   listening on port 4711
//
//   > negotiate_stream client 127.0.0.1 4711 echo/server.sspan.test "pay 100 to carol"
//   encrypted and signed: PAY 100 TO CAROL
#include "net.hpp"

#include <sspan/credentials.hpp>
#include <sspan/protocol/negotiate_stream.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace nns = sspan::negotiate_stream;

constexpr std::string_view usage =
    R"(negotiate_stream server PORT    as the account that it runs under; port 0: a free one
negotiate_stream client HOST PORT TARGET TEXT
TARGET is the server's principal name, such as HOST/files.corp.example.
Exit status: 0 done, 1 usage, 2 refused or failed.)";

constexpr std::chrono::seconds patience{20};

/// Receives one record of the handshake. Checks the size before it allocates memory.
std::vector<std::byte> receive_record(net::connection& peer) {
    std::vector<std::byte> record(nns::handshake_header_size);
    peer.receive(record);
    const auto header = std::span<const std::byte>{record}.first<nns::handshake_header_size>();
    record.resize(record.size() + nns::handshake_payload_size(header));
    peer.receive(std::span{record}.subspan(nns::handshake_header_size));
    return record;
}

/// Performs the handshake. A server passes the peer's first record, a client an empty one. After a failure the peer
/// gets the reason.
template <class Side>
auto authenticate(Side side, net::connection& peer, std::vector<std::byte> record) {
    for (;;) {
        try {
            const auto step = side.step(record);
            if (!step.record.empty()) {
                peer.send(step.record);
            }
            if (step.done) {
                return std::move(side).finish();
            }
        } catch (const sspan::handshake_error& failure) {
            if (!failure.token().empty()) {
                peer.send(failure.token());
            }
            throw;
        }
        record = receive_record(peer);
    }
}

/// Receives one message. @return its data, a part of `message`, or nothing if the peer has closed the connection.
template <class Channel>
std::span<std::byte> receive(Channel& channel, net::connection& peer, std::vector<std::byte>& message) {
    std::array<std::byte, nns::prefix_size> size{};
    for (;;) {
        peer.allow(patience);
        if (!peer.receive_or_end(size)) {
            return {};
        }
        message.resize(channel.length(size)); // at most 64 KiB
        peer.receive(message);
        if (const auto data = channel.unwrap(message); !data.empty()) { // an empty message is not the end
            return data;
        }
    }
}

void serve_one(const sspan::credentials& credentials, net::connection client) {
    auto record = receive_record(client);
    auto channel = authenticate(nns::server{credentials}, client, std::move(record));
    std::vector<std::byte> message;
    for (auto data = receive(channel, client, message); !data.empty(); data = receive(channel, client, message)) {
        std::ranges::transform(data, data.begin(), [](std::byte letter) {
            return letter >= std::byte{'a'} && letter <= std::byte{'z'} ? letter ^ std::byte{' '} : letter;
        });
        for (std::span<const std::byte> rest{data}; !rest.empty();) { // a peer's record may hold more than ours
            const auto part = rest.first(std::min(rest.size(), channel.max_payload()));
            client.send(channel.wrap(channel.assign(part)));
            rest = rest.subspan(part.size());
        }
    }
}

int serve(unsigned port) {
    const auto credentials = sspan::credentials::inbound(sspan::package::negotiate);
    const net::listener listener{"127.0.0.1", port};
    std::cout << "listening on port " << listener.port() << '\n' << std::flush;
    for (;;) {
        try {
            serve_one(credentials, listener.accept(patience));
        } catch (const std::exception& failure) { // ends this connection only
            std::cerr << failure.what() << '\n';
        }
    }
}

int ask(const std::string& host, unsigned port, std::wstring_view target, std::string_view text) {
    const auto credentials = sspan::credentials::outbound(sspan::package::kerberos); // never NTLM
    auto server = net::connect(host, port, patience);
    auto channel = authenticate(nns::client{credentials, target}, server, {});
    server.send(channel.wrap(channel.assign(text)));
    std::vector<std::byte> message;
    const auto answer = receive(channel, server, message);
    std::cout << (channel.protection() == nns::protection_level::sign ? "signed: " : "encrypted and signed: ");
    for (const auto letter : answer) {
        std::cout << std::to_integer<char>(letter);
    }
    std::cout << '\n';
    return answer.size() == text.size() ? 0 : 2;
}

unsigned port_of(std::string_view text) {
    unsigned port = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), port).ec != std::errc{} || port > 65535) {
        throw std::runtime_error{"a port is a number up to 65535"};
    }
    return port;
}

} // namespace

int main(int argc, char** argv) try {
    const net::library sockets;
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() == 2 && words[0] == "server") {
        return serve(port_of(words[1]));
    }
    if (words.size() == 5 && words[0] == "client") {
        return ask(words[1], port_of(words[2]), std::wstring{words[3].begin(), words[3].end()}, words[4]); // ASCII
    }
    std::cerr << usage << '\n';
    return 1;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
}
