// SPDX-License-Identifier: MIT
//
// The program of docs/asio.md. It runs over the loopback package in the tests.
#include <asio.hpp>
#include <sspan/sspan.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using asio::ip::tcp;

/// Sends a block of bytes behind its length, which takes four bytes.
asio::awaitable<void> send_frame(tcp::socket& peer, std::span<const std::byte> bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    const std::array<std::uint8_t, 4> length{static_cast<std::uint8_t>(size >> 24),
                                             static_cast<std::uint8_t>(size >> 16),
                                             static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
    const std::array<asio::const_buffer, 2> both{asio::buffer(length), asio::buffer(bytes.data(), bytes.size())};
    co_await asio::async_write(peer, both, asio::use_awaitable);
}

/// Receives such a block. The limit is checked before memory is taken: the peer is not known yet.
asio::awaitable<std::vector<std::byte>> receive_frame(tcp::socket& peer, std::size_t limit) {
    std::array<std::uint8_t, 4> length{};
    co_await asio::async_read(peer, asio::buffer(length), asio::use_awaitable);
    const auto size = static_cast<std::size_t>(length[0]) << 24 | static_cast<std::size_t>(length[1]) << 16 |
                      static_cast<std::size_t>(length[2]) << 8 | static_cast<std::size_t>(length[3]);
    if (size > limit) {
        throw std::length_error{"the peer sends a block that is too long"};
    }
    std::vector<std::byte> bytes(size);
    co_await asio::async_read(peer, asio::buffer(bytes), asio::use_awaitable);
    co_return bytes;
}

/// Exchanges tokens until both sides have a context. A client sends first, a server receives first.
template <class Handshake>
auto authenticate(tcp::socket& peer, Handshake handshake, bool receive_first)
    -> asio::awaitable<decltype(std::move(handshake).finish())> {
    std::vector<std::byte> received;
    for (bool receive = receive_first;; receive = true) {
        if (receive) {
            received = co_await receive_frame(peer, sspan::handshake_limits{}.max_token);
        }
        std::error_code ec;
        const auto step = handshake.step(received, ec);
        if (ec) {
            if (!step.token.empty()) {
                co_await send_frame(peer, step.token); // it tells the peer the reason
            }
            throw std::runtime_error{handshake.explain(ec)};
        }
        if (step.done()) {
            auto context = std::move(handshake).finish(); // throws unless all that was required was granted
            if (!step.token.empty()) {
                co_await send_frame(peer, step.token);
            }
            co_return context;
        }
        co_await send_frame(peer, step.token);
    }
}

constexpr std::size_t longest_text = 4096;

asio::awaitable<void> serve(tcp::socket client, sspan::credentials credentials) {
    sspan::server_handshake handshake{credentials};
    auto context = co_await authenticate(client, std::move(handshake), true);
    sspan::message_frame frame{context.sizes(), longest_text};
    for (;;) {
        auto wire = co_await receive_frame(client, sspan::max_wrapped_size(context.sizes(), longest_text));
        const auto request = context.unwrap(wire); // throws if it was changed or repeated
        if (request.data.empty()) {
            co_return;
        }
        const std::string text{reinterpret_cast<const char*>(request.data.data()), request.data.size()};
        co_await send_frame(client, context.wrap(frame, frame.assign("you said: " + text)));
    }
}

asio::awaitable<void> ask(tcp::endpoint address, sspan::credentials credentials, std::wstring target) {
    tcp::socket server{co_await asio::this_coro::executor};
    co_await server.async_connect(address, asio::use_awaitable);
    sspan::client_handshake handshake{credentials, target};
    auto context = co_await authenticate(server, std::move(handshake), false);
    sspan::message_frame frame{context.sizes(), longest_text};
    const std::array<std::string_view, 2> texts{"Hello.", "Goodbye."};
    for (const auto text : texts) {
        co_await send_frame(server, context.wrap(frame, frame.assign(text)));
        auto wire = co_await receive_frame(server, sspan::max_wrapped_size(context.sizes(), longest_text));
        const auto answer = context.unwrap(wire);
        std::cout << std::string{reinterpret_cast<const char*>(answer.data.data()), answer.data.size()} << '\n';
    }
    co_await send_frame(server, context.wrap(frame, 0)); // an empty message is the end, and is protected, too
}

int main(int argc, char** argv) {
    const std::string target = argc > 1 ? argv[1] : "host/server.example.com";
    int failures = 0;
    const auto report = [&failures](const std::exception_ptr& failure) {
        try {
            if (failure) {
                std::rethrow_exception(failure);
            }
        } catch (const std::exception& error) {
            std::cerr << error.what() << '\n';
            ++failures;
        }
    };
    asio::io_context loop{1};
    tcp::acceptor acceptor{loop, {asio::ip::address_v4::loopback(), 0}};
    asio::co_spawn(
        loop,
        [&acceptor]() -> asio::awaitable<void> {
            auto credentials = sspan::credentials::inbound(sspan::package::negotiate);
            auto client = co_await acceptor.async_accept(asio::use_awaitable);
            co_await serve(std::move(client), std::move(credentials));
        },
        report);
    asio::co_spawn(loop,
                   ask(acceptor.local_endpoint(), sspan::credentials::outbound(sspan::package::negotiate),
                       std::wstring(target.begin(), target.end())),
                   report);
    loop.run();
    return failures == 0 ? 0 : 1;
}
