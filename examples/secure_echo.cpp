// SPDX-License-Identifier: MIT
//
// A client and a server that authenticate each other over TCP and exchange messages that nobody can change unnoticed.
//
// Wire format; numbers are 32-bit big-endian. A handshake message: length, token. The client begins; a side with
// nothing to send sends nothing. Then messages: 'S' (signed) or 'E' (sealed), length of the token, length of the data,
// token, data; the padding of a sealed message is the end of its data. The server answers each with the same data, of
// the same kind. When a message fails its check it answers '!' and the status, and closes the connection.
#include "command_line.hpp"
#include "net.hpp"
#include "session.hpp"
#include "text.hpp"
#include "wire.hpp"

#include <sspan/sspan.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <list>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

using command_line::message_kind;
using command_line::options;
using session::symbol;

enum exit_status {
    done = 0,
    bad_usage = 1,
    no_handshake = 2,
    message_rejected = 3,
    forgery_accepted = 4,
    connection_lost = 5
};

/// Some packages write a longer token than they announce: Wine's Kerberos says 49 bytes and needs 60.
constexpr std::size_t least_token_room = 128;

void print(std::ostream& stream, const std::string& line) {
    static std::mutex one_line_at_a_time;
    const std::lock_guard lock{one_line_at_a_time};
    stream << line + '\n' << std::flush;
}

// ---- the wire format ------------------------------------------------------------------------------------------------

/// The peer's answer to a message that it did not accept.
struct rejection : std::runtime_error {
    explicit rejection(std::uint32_t status)
        : std::runtime_error{symbol({static_cast<int>(status), sspan::category()})} {}
};

/// A message as it arrived: not to be believed before `check`. Its memory is used again for the next one.
struct received_message {
    message_kind kind{};
    std::vector<std::byte> token;
    std::vector<std::byte> data;
};

/// @return false when the peer has closed the connection after its last message.
bool receive(net::connection& peer, received_message& message) {
    std::array<std::byte, 1> first{};
    if (!peer.receive_or_end(first)) {
        return false;
    }
    message.kind = static_cast<message_kind>(first[0]);
    if (first[0] == std::byte{'!'}) {
        throw rejection{wire::receive_number(peer)};
    }
    if (message.kind != message_kind::sign && message.kind != message_kind::seal) {
        throw std::runtime_error{"the peer sent something that is not a message"};
    }
    const auto token_length = wire::receive_length(peer);
    const auto data_length = wire::receive_length(peer);
    peer.receive(message.token, token_length);
    peer.receive(message.data, data_length);
    return true;
}

// ---- what sspan does for it -----------------------------------------------------------------------------------------

/// Protects messages and puts them into the wire format, in memory that is used again for the next one.
class message_writer {
public:
    explicit message_writer(sspan::security_context& context)
        : context_{&context}, token_(std::ranges::max(std::initializer_list<std::size_t>{
                                  least_token_room, context.sizes().max_signature, context.sizes().security_trailer})),
          padding_(context.sizes().block_size + std::size_t{1}) {}

    /// @return the bytes to be sent, valid until the next call. To seal `data` is to overwrite it.
    std::span<std::byte> write(message_kind kind, std::span<std::byte> data) {
        sspan::encrypted_message parts{{}, data, {}};
        if (kind == message_kind::sign) {
            parts.token = context_->sign(data, token_);
        } else {
            parts = context_->encrypt(data, token_, padding_);
        }
        frame_.assign(1, static_cast<std::byte>(kind));
        wire::append_number(frame_, parts.token.size());
        wire::append_number(frame_, parts.data.size() + parts.padding.size());
        for (const auto part : {parts.token, parts.data, parts.padding}) {
            frame_.insert(frame_.end(), part.begin(), part.end());
        }
        return frame_;
    }

private:
    sspan::security_context* context_;
    std::vector<std::byte> token_;
    std::vector<std::byte> padding_;
    std::vector<std::byte> frame_;
};

/// @return the data of an authentic message, in place. Throws sspan::error for any other.
std::span<std::byte> check(sspan::security_context& context, received_message& message) {
    if (message.kind == message_kind::sign) {
        context.verify(message.data, message.token);
        return message.data;
    }
    return context.decrypt(message.data, message.token).data;
}

// ---- the server -----------------------------------------------------------------------------------------------------

/// Answers one client until it closes the connection.
void answer(const options& chosen, const sspan::credentials& credentials, net::connection& peer,
            const std::string& label) {
    auto context = wire::establish(sspan::server_handshake{credentials, session::wanted_by_server(chosen.dce)}, peer);
    print(std::cout, label + "authenticated " + session::client_name(context) + " with " +
                         session::describe(context, chosen.package));

    message_writer writer{context};
    received_message message;
    std::size_t count = 0;
    for (; receive(peer, message); ++count) {
        std::span<std::byte> data;
        try {
            data = check(context, message);
        } catch (const sspan::error& error) {
            print(std::cout, label + "rejected a message: " + symbol(error.code()));
            std::vector<std::byte> reply{std::byte{'!'}};
            wire::append_number(reply, static_cast<std::uint32_t>(error.code().value()));
            peer.send(reply);
            return;
        }
        peer.send(writer.write(message.kind, data));
    }
    print(std::cout, label + "answered " + std::to_string(count) + " messages");
}

int serve(const options& chosen) {
    const auto credentials = sspan::credentials::inbound(chosen.package);
    const net::listener listener{chosen.bind, chosen.port};
    print(std::cout, "listening on port " + listener.port());

    struct worker {
        std::atomic<bool> finished = false;
        std::jthread thread; // last, so that it is joined first
    };
    std::list<worker> workers;
    for (unsigned number = 1; chosen.connections == 0 || number <= chosen.connections; ++number) {
        const auto label = "connection " + std::to_string(number) + ": ";
        try {
            auto peer = listener.accept(chosen.timeout);
            workers.remove_if([](const worker& other) { return other.finished || !other.thread.joinable(); });
            auto& self = workers.emplace_back();
            self.thread = std::jthread{[&, label, peer = std::move(peer)]() mutable {
                try {
                    answer(chosen, credentials, peer, label);
                } catch (const std::exception& error) {
                    print(std::cout, label + error.what());
                }
                peer.finish();
                self.finished = true;
            }};
        } catch (const std::exception& error) { // of this connection alone; or there are too many at a time
            print(std::cout, label + error.what());
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
        }
    }
    return done;
}

// ---- the client -----------------------------------------------------------------------------------------------------

sspan::credentials log_on(const options& chosen) {
    if (chosen.user.empty()) {
        return sspan::credentials::outbound(chosen.package); // who is logged on already
    }
    try {
        const text::secret_line password;
        return sspan::credentials::outbound(chosen.package,
                                            sspan::identity{chosen.user, chosen.domain, password.view()});
    } catch (const std::invalid_argument& error) {
        throw command_line::error{std::string{"the password on standard input: "} + error.what()};
    }
}

/// What the n-th message says.
void fill(std::span<std::byte> data, std::size_t number) {
    for (auto& byte : data) {
        byte = static_cast<std::byte>(number++ & 0xFF);
    }
}

/// Sends a message that must not be accepted, and reports what the server makes of it.
int send_forgery(net::connection& peer, std::span<const std::byte> frame, const std::string& name) {
    peer.send(frame);
    received_message message;
    try {
        if (!receive(peer, message)) {
            throw std::runtime_error{"the server closed the connection without an answer to the " + name + " message"};
        }
    } catch (const rejection& reason) {
        print(std::cout, name + " message rejected: " + reason.what());
        return message_rejected;
    }
    print(std::cout, "THE SERVER ACCEPTED A " + name + " MESSAGE: do not rely on this server or package");
    return forgery_accepted;
}

int exchange(const options& chosen, net::connection& peer, sspan::security_context& context) {
    message_writer writer{context};
    received_message reply;
    std::vector<std::byte> original(chosen.size);
    std::vector<std::byte> data(chosen.size);
    std::span<std::byte> frame;
    const auto start = std::chrono::steady_clock::now();
    for (unsigned number = 0; number < chosen.count; ++number) {
        fill(original, number);
        data = original;
        frame = writer.write(chosen.kind, data);
        peer.send(frame);
        if (!receive(peer, reply)) {
            throw std::runtime_error{"the server closed the connection"};
        }
        std::span<std::byte> echo;
        try {
            echo = check(context, reply);
        } catch (const sspan::error& error) {
            print(std::cout, "rejected a message: " + symbol(error.code()));
            return message_rejected;
        }
        if (reply.kind != chosen.kind || !std::ranges::equal(echo, original)) {
            throw std::runtime_error{"the server answered something else than it was sent"};
        }
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%.3f", time.count());
    print(std::cout, (chosen.kind == message_kind::sign ? "signed " : "sealed ") + std::to_string(chosen.count) +
                         " messages of " + std::to_string(chosen.size) + " bytes in " + seconds.data() + " s");
    if (chosen.replay) {
        return send_forgery(peer, frame, "replayed");
    }
    if (chosen.tamper) {
        frame = writer.write(chosen.kind, data);
        frame.back() ^= std::byte{1}; // the last bit of the data; of the token, when there is no data
        return send_forgery(peer, frame, "tampered");
    }
    return done;
}

int send_messages(const options& chosen) {
    const auto credentials = log_on(chosen);
    auto status_on_failure = no_handshake;
    try {
        auto peer = net::connect(chosen.host, chosen.port, chosen.timeout);
        sspan::client_handshake handshake{credentials, chosen.target,
                                          session::wanted_by_client(chosen.package, chosen.dce)};
        auto context = wire::establish(std::move(handshake), peer);
        status_on_failure = connection_lost;
        const auto& sizes = context.sizes();
        print(std::cout, "authenticated to " + text::to_utf8(chosen.target) + " with " +
                             session::describe(context, chosen.package));
        print(std::cout, "sizes in bytes: signature " + std::to_string(sizes.max_signature) + ", token " +
                             std::to_string(sizes.security_trailer) + ", block " + std::to_string(sizes.block_size));
        return exchange(chosen, peer, context);
    } catch (const rejection& reason) {
        print(std::cout, std::string{"the server rejected a message: "} + reason.what());
        return message_rejected;
    } catch (const std::exception& error) {
        print(std::cerr, (status_on_failure == no_handshake ? "no handshake: " : "") + std::string{error.what()});
        return status_on_failure;
    }
}

} // namespace

int main(int argc, char** argv) {
#if defined(_WIN32)
    ::SetConsoleOutputCP(CP_UTF8);
#endif
    try {
        const auto chosen = command_line::parse(text::arguments(argc, argv));
        const net::library sockets;
        switch (chosen.what) {
        case command_line::action::serve:
            return serve(chosen);
        case command_line::action::send:
            return send_messages(chosen);
        case command_line::action::help:
            break;
        }
        print(std::cout, std::string{command_line::usage});
        return done;
    } catch (const command_line::error& error) {
        print(std::cerr, error.what() + std::string{"\n\n"} + std::string{command_line::usage});
        return bad_usage;
    } catch (const std::exception& error) {
        print(std::cerr, error.what());
        return no_handshake;
    }
}
