// SPDX-License-Identifier: MIT
//
// The program of docs/first-client-and-server.md. It runs over the loopback package in the tests.
#include <sspan/sspan.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <iostream>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

/// One direction of a connection between two threads. What one `write` sends, one `read` receives.
class one_way {
public:
    void write(std::span<const std::byte> bytes) {
        const std::lock_guard lock{mutex_};
        sent_.emplace_back(bytes.begin(), bytes.end());
        changed_.notify_one();
    }
    std::vector<std::byte> read() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return closed_ || !sent_.empty(); });
        if (sent_.empty()) {
            throw std::runtime_error{"the peer has closed the connection"};
        }
        auto bytes = std::move(sent_.front());
        sent_.pop_front();
        return bytes;
    }
    void close() {
        const std::lock_guard lock{mutex_};
        closed_ = true;
        changed_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::vector<std::byte>> sent_;
    bool closed_ = false;
};

/// One end of a connection.
struct connection {
    one_way& in;
    one_way& out;
};

void be_client(connection server, std::wstring_view target) {
    const auto credentials = sspan::credentials::outbound(sspan::package::negotiate);
    const auto send = [&](std::span<const std::byte> token) { server.out.write(token); };
    const auto receive = [&] { return server.in.read(); };
    auto context = sspan::establish(sspan::client_handshake{credentials, target}, send, receive);

    sspan::message_frame frame{context.sizes(), 1000};
    server.out.write(context.wrap(frame, frame.assign("Pay 100 to Carol.")));

    auto answer = server.in.read();
    const auto text = context.unwrap(answer).data;
    std::cout << "client: the server says: " << std::string(reinterpret_cast<const char*>(text.data()), text.size())
              << '\n';
}

void be_server(connection client) {
    const auto credentials = sspan::credentials::inbound(sspan::package::negotiate);
    const auto send = [&](std::span<const std::byte> token) { client.out.write(token); };
    const auto receive = [&] { return client.in.read(); };
    auto context = sspan::establish(sspan::server_handshake{credentials}, send, receive);
    std::cout << "server: a client has logged on with " << to_string(context.package()) << '\n';

    auto request = client.in.read();
    const auto text = context.unwrap(request).data; // throws if anybody has changed it
    std::cout << "server: the client says: " << std::string(reinterpret_cast<const char*>(text.data()), text.size())
              << '\n';

    sspan::message_frame frame{context.sizes(), 1000};
    client.out.write(context.wrap(frame, frame.assign("Done.")));
}

int main(int argc, char** argv) {
    const std::string target = argc > 1 ? argv[1] : "host/server.example.com";
    one_way to_server;
    one_way to_client;
    std::atomic<int> failures = 0;
    std::thread server{[&] {
        try {
            be_server({.in = to_server, .out = to_client});
        } catch (const std::exception& error) {
            std::cerr << "server: " << error.what() << '\n';
            ++failures;
        }
        to_client.close();
    }};
    try {
        be_client({.in = to_client, .out = to_server}, std::wstring(target.begin(), target.end()));
    } catch (const std::exception& error) {
        std::cerr << "client: " << error.what() << '\n';
        ++failures;
    }
    to_server.close();
    server.join();
    return failures == 0 ? 0 : 1;
}
