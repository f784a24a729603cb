// SPDX-License-Identifier: MIT
//
// A NegotiateStream server with sspan, for .NET's client.
//
//   server LEVEL [demanding]   LEVEL is encrypt or sign. It prints its port and serves one connection after the
//                              other, until its input ends. With "demanding" it also requires delegation.
#include "stream.hpp"

#include <sspan/credentials.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace {

using interop::bytes;

void answer(net::connection client, const sspan::credentials& credentials,
            const sspan::negotiate_stream::server_options& options) {
    sspan::negotiate_stream::server server{credentials, options};
    auto channel = interop::authenticate(server, client, false);
    interop::stream stream{std::move(client), std::move(channel)};
    std::uint32_t size = 0;
    while (stream.receive_number(size)) {
        if (size == interop::close_connection) {
            return;
        }
        bytes data(size);
        if (!stream.receive(data)) {
            return;
        }
        stream.send(data);
    }
}

} // namespace

int main(int argc, char** argv) {
    using sspan::negotiate_stream::protection_level;
    try {
        const net::library sockets;
        sspan::negotiate_stream::server_options options;
        options.protection = argc > 1 && argv[1] == std::string_view{"sign"} ? protection_level::sign
                                                                             : protection_level::encrypt_and_sign;
        if (argc > 2) {
            options.handshake.require |= sspan::context_flags::delegate;
        }
        const auto credentials = sspan::credentials::inbound(sspan::package::negotiate);
        const net::listener listener{"127.0.0.1", 0};
        std::cout << listener.port() << '\n' << std::flush;
        std::thread{[] { // the parent process has ended
            while (std::getchar() != EOF) {
            }
            std::_Exit(0);
        }}
            .detach();
        for (;;) {
            try {
                answer(listener.accept(interop::patience), credentials, options);
            } catch (const std::exception& failure) {
                std::cerr << failure.what() << '\n';
            }
        }
    } catch (const std::exception& failure) {
        std::cerr << failure.what() << '\n';
        return 1;
    }
}
