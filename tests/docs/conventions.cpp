// SPDX-License-Identifier: MIT
//
// What docs/conventions.md shows.
#include <sspan/sspan.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace excerpts {

/// Stands for the program's own socket.
class connection {
public:
    void write_number(std::size_t number);
    void write(std::span<const std::byte> bytes);
    std::size_t read_number();
    void read(std::span<std::byte> bytes);
};

sspan::client_context connect(connection& peer, const sspan::credentials& credentials) {
    const auto send = [&](std::span<const std::byte> token) {
        peer.write_number(token.size());
        peer.write(token);
    };
    const auto receive = [&] {
        const auto size = peer.read_number();
        if (size > sspan::handshake_limits{}.max_token) {
            throw std::length_error{"the peer's token is too long"};
        }
        std::vector<std::byte> token(size);
        peer.read(token); // throws if the connection ends
        return token;
    };
    sspan::client_handshake handshake{credentials, L"echo/server.example.com"};
    return sspan::establish(std::move(handshake), send, receive);
}

void send_line(connection& peer, sspan::security_context& context, sspan::message_frame& frame, std::string_view line) {
    const auto message = context.wrap(frame, frame.assign(line));
    peer.write_number(message.size());
    peer.write(message);
}

std::string receive_line(connection& peer, sspan::security_context& context, std::size_t longest_line) {
    const auto size = peer.read_number();
    if (size > sspan::max_wrapped_size(context.sizes(), longest_line)) {
        throw std::length_error{"the peer's message is too long"};
    }
    std::vector<std::byte> wire(size);
    peer.read(wire);
    const auto line = context.unwrap(wire).data;
    return {reinterpret_cast<const char*>(line.data()), line.size()};
}

void talk(connection& peer, sspan::security_context& context) {
    sspan::message_frame frame{context.sizes(), 4096}; // serves every message
    send_line(peer, context, frame, "Hello");
    const auto answer = receive_line(peer, context, 4096);
    static_cast<void>(answer.size());
}

std::wstring to_wide(const std::u8string& name) {
    const std::wstring wide = std::filesystem::path{name}.wstring();
    return wide;
}

} // namespace excerpts
