// SPDX-License-Identifier: MIT
//
// A client and a server over TCP with limits on time, memory and threads. The client can also forge messages. The tests
// attack both programs, and examples/run.sh shows the result of forgeries. To learn how to use sspan, begin with
// examples/.
#include "command_line.hpp"
#include "console.hpp"
#include "messages.hpp"
#include "net.hpp"
#include "session.hpp"
#include "threads.hpp"
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

using command_line::options;
using session::symbol;

enum exit_status { done = 0, no_handshake = 2, message_rejected = 3, forgery_accepted = 4, connection_lost = 5 };

void print(std::ostream& stream, const std::string& line) {
    static std::mutex one_line_at_a_time;
    const std::lock_guard lock{one_line_at_a_time};
    stream << line + '\n' << std::flush;
}

// ---- the server -----------------------------------------------------------------------------------------------------

/// Answers one client until it closes the connection.
void answer(const options& chosen, const sspan::credentials& credentials, net::connection& peer,
            const std::string& label) {
    peer.allow(chosen.handshake_timeout);
    auto context = wire::establish(sspan::server_handshake{credentials, session::wanted_by_server(chosen.dce)}, peer);
    print(std::cout, label + "authenticated " + session::client_name(context) + " with " +
                         session::describe(context, chosen.package));

    messages::writer writer{context};
    messages::received message;
    const auto most = chosen.max_size + context.sizes().block_size; // size of the data and its padding
    std::size_t count = 0;
    for (; messages::receive(peer, message, most, chosen.timeout); ++count) {
        std::span<std::byte> data;
        try {
            data = messages::check(context, message);
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

    threads::crew crew{chosen.max_connections};
    for (unsigned number = 1; chosen.connections == 0 || number <= chosen.connections; ++number) {
        const auto label = "connection " + std::to_string(number) + ": ";
        try {
            crew.run([&, label, peer = listener.accept(chosen.handshake_timeout)]() mutable {
                try {
                    answer(chosen, credentials, peer, label);
                } catch (const std::exception& error) {
                    print(std::cout, label + error.what());
                }
                peer.finish();
            });
        } catch (const std::exception& error) { // ends this connection only; one reason is a lack of threads
            print(std::cout, label + error.what());
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
        }
    }
    return done;
}

// ---- the client -----------------------------------------------------------------------------------------------------

sspan::credentials log_on(const options& chosen) {
    if (chosen.user.empty()) {
        return sspan::credentials::outbound(chosen.package); // credentials of the logged-on user
    }
    try {
        const console::secret_line password;
        return sspan::credentials::outbound(chosen.package,
                                            sspan::identity{chosen.user, chosen.domain, password.view()});
    } catch (const std::invalid_argument& error) {
        throw command_line::error{std::string{"the password on standard input: "} + error.what()};
    }
}

/// Fills the data of a message with its number.
void fill(std::span<std::byte> data, std::size_t number) {
    for (auto& byte : data) {
        byte = static_cast<std::byte>(number++ & 0xFF);
    }
}

/// Sends a forged message, and reports the server's answer.
int send_forgery(const options& chosen, net::connection& peer, std::span<const std::byte> frame,
                 const std::string& name) {
    peer.allow(chosen.timeout);
    peer.send(frame);
    messages::received message;
    try {
        if (!messages::receive(peer, message, frame.size(), chosen.timeout)) {
            throw std::runtime_error{"the server closed the connection without an answer to the " + name + " message"};
        }
    } catch (const messages::rejection& reason) {
        print(std::cout, name + " message rejected: " + reason.what());
        return message_rejected;
    }
    print(std::cout, "THE SERVER ACCEPTED A " + name + " MESSAGE: do not rely on this server or package");
    return forgery_accepted;
}

int exchange(const options& chosen, net::connection& peer, sspan::security_context& context) {
    messages::writer writer{context};
    messages::received reply;
    std::vector<std::byte> original(chosen.size);
    std::vector<std::byte> data(chosen.size);
    std::span<std::byte> frame;
    const auto start = std::chrono::steady_clock::now();
    for (unsigned number = 0; number < chosen.count; ++number) {
        fill(original, number);
        data = original;
        frame = writer.write(chosen.kind, data);
        peer.allow(chosen.timeout);
        peer.send(frame);
        if (!messages::receive(peer, reply, frame.size(), chosen.timeout)) { // the answer has the same length
            throw std::runtime_error{"the server closed the connection"};
        }
        std::span<std::byte> echo;
        try {
            echo = messages::check(context, reply);
        } catch (const sspan::error& error) {
            print(std::cout, "rejected a message: " + symbol(error.code()));
            return message_rejected;
        }
        if (reply.kind != chosen.kind || !std::ranges::equal(echo, original)) {
            throw std::runtime_error{"the answer differs from the message"};
        }
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%.3f", time.count());
    print(std::cout, (chosen.kind == messages::kind::sign ? "signed " : "sealed ") + std::to_string(chosen.count) +
                         " messages of " + std::to_string(chosen.size) + " bytes in " + seconds.data() + " s");
    if (chosen.replay) {
        return send_forgery(chosen, peer, frame, "replayed");
    }
    if (chosen.tamper) {
        frame = writer.write(chosen.kind, data);
        frame.back() ^= std::byte{1}; // a bit of the data, or of the token if there is no data
        return send_forgery(chosen, peer, frame, "tampered");
    }
    return done;
}

int send_messages(const options& chosen, const sspan::credentials& credentials) {
    auto status_on_failure = no_handshake;
    try {
        auto peer = net::connect(chosen.host, chosen.port, chosen.timeout);
        sspan::client_handshake handshake{credentials, chosen.target,
                                          session::wanted_by_client(chosen.package, chosen.dce, chosen.accept_ntlm)};
        auto context = wire::establish(std::move(handshake), peer);
        status_on_failure = connection_lost;
        const auto& sizes = context.sizes();
        print(std::cout, "authenticated to " + console::to_utf8(chosen.target) + " with " +
                             session::describe(context, chosen.package));
        print(std::cout, "sizes in bytes: signature " + std::to_string(sizes.max_signature) + ", token " +
                             std::to_string(sizes.security_trailer) + ", block " + std::to_string(sizes.block_size));
        return exchange(chosen, peer, context);
    } catch (const messages::rejection& reason) {
        print(std::cout, std::string{"the server rejected a message: "} + reason.what());
        return message_rejected;
    } catch (const std::exception& error) {
        print(std::cerr, (status_on_failure == no_handshake ? "no handshake: " : "") + std::string{error.what()});
        return status_on_failure;
    }
}

/// @return the status of a failed connection, or 0.
int send_at_once(const options& chosen) {
    const auto credentials = log_on(chosen);
    std::atomic<int> status = done;
    {
        threads::crew crew{chosen.at_once};
        for (unsigned number = 0; number < chosen.at_once; ++number) {
            crew.run([&] {
                if (const int its_status = send_messages(chosen, credentials); its_status != done) {
                    status = its_status;
                }
            });
        }
    }
    return status;
}

} // namespace

int main(int argc, char** argv) try {
    const auto chosen = command_line::parse(console::words(argc, argv));
    const net::library sockets;
    switch (chosen.what) {
    case command_line::action::serve:
        return serve(chosen);
    case command_line::action::send:
        return send_at_once(chosen);
    case command_line::action::help:
        break;
    }
    print(std::cout, std::string{command_line::usage});
    return done;
} catch (const std::exception& error) {
    return console::report(error, command_line::usage, no_handshake);
}
