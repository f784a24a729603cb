// SPDX-License-Identifier: MIT
//
// TCP with deadlines: Winsock on Windows, POSIX sockets elsewhere.
#pragma once

#include "native_socket.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace net {

[[noreturn]] inline void fail(const std::string& what) {
    throw std::system_error{last_error(), std::system_category(), what};
}

/// Exists while the program uses sockets.
class library {
public:
#if defined(_WIN32)
    library() {
        WSADATA data{};
        if (const int code = ::WSAStartup(MAKEWORD(2, 2), &data); code != 0) {
            throw std::system_error{code, std::system_category(), "WSAStartup"};
        }
    }
    ~library() { ::WSACleanup(); }
#else
    library() { std::signal(SIGPIPE, SIG_IGN); } // sending to a peer that has gone is an error, not the end
    ~library() = default;
#endif
    library(const library&) = delete;
    library& operator=(const library&) = delete;
};

/// Owns a socket.
class socket_owner {
public:
    explicit socket_owner(native_socket socket) noexcept : socket_{socket} {}
    socket_owner(socket_owner&& other) noexcept : socket_{std::exchange(other.socket_, no_socket)} {}
    socket_owner& operator=(socket_owner&& other) noexcept {
        std::swap(socket_, other.socket_);
        return *this;
    }
    ~socket_owner() {
        if (*this) {
            close_socket(socket_);
        }
    }

    explicit operator bool() const noexcept { return socket_ != no_socket; }
    [[nodiscard]] native_socket get() const noexcept { return socket_; }

    template <class Value>
    void set(int level, int option, const Value& value) const {
        const auto* bytes = reinterpret_cast<const char*>(&value); // as Winsock declares it
        if (::setsockopt(socket_, level, option, bytes, static_cast<socklen_t>(sizeof value)) != 0) {
            fail("setsockopt");
        }
    }

private:
    native_socket socket_;
};

/// One TCP connection. What is sent and received between one call of `allow` and the next must be done in the time
/// that it gives, however little the peer sends or takes at a time. A peer that needs longer is an error, like all else
/// that goes wrong here: std::runtime_error or its std::system_error.
class connection {
public:
    /// Begins with `allow(time)`.
    connection(socket_owner socket, std::chrono::seconds time) : socket_{std::move(socket)} {
        if (make_non_blocking(socket_.get()) != 0) {
            fail("making a socket non-blocking");
        }
        socket_.set(IPPROTO_TCP, TCP_NODELAY, int{1});
        allow(time);
    }

    void allow(std::chrono::seconds time) noexcept { deadline_ = std::chrono::steady_clock::now() + time; }

    /// Gives the system one piece at a time. Windows takes all of a piece, however long it is, and keeps what the peer has
    /// not read yet: a long one would cost memory, and would hide that the peer does not read.
    void send(std::span<const std::byte> bytes) {
        constexpr std::size_t longest_piece = 65536;
        while (!bytes.empty()) {
            const auto piece = bytes.first(std::min(bytes.size(), longest_piece));
            const auto* data = reinterpret_cast<const char*>(piece.data());
            bytes = bytes.subspan(when_ready("sending", POLLOUT, [&] {
                return ::send(socket_.get(), data, static_cast<io_size>(piece.size()), 0);
            }));
        }
    }

    /// Whether there is something to receive already: data, or the end.
    [[nodiscard]] bool has_input() const noexcept {
        pollfd waiting{socket_.get(), POLLIN, 0};
        return poll_one(waiting, 0) > 0;
    }

    /// Fills `bytes`. @return false when the peer has closed the connection instead of sending the first of them.
    [[nodiscard]] bool receive_or_end(std::span<std::byte> bytes) {
        std::size_t filled = 0;
        while (filled < bytes.size()) {
            const auto got = receive_some(bytes.subspan(filled));
            if (got == 0 && filled == 0) {
                return false;
            }
            if (got == 0) {
                throw std::runtime_error{"the peer closed the connection in the middle of a message"};
            }
            filled += got;
        }
        return true;
    }

    /// Fills `bytes`.
    void receive(std::span<std::byte> bytes) {
        if (!receive_or_end(bytes)) {
            throw std::runtime_error{"the peer closed the connection"};
        }
    }

    /// Replaces the content of `bytes`. The memory grows with what arrives, not with what the peer claims.
    void receive(std::vector<std::byte>& bytes, std::size_t size) {
        constexpr std::size_t chunk = 65536;
        bytes.clear();
        while (bytes.size() < size) {
            const auto begin = bytes.size();
            bytes.resize(std::min(size, begin + chunk));
            receive(std::span{bytes}.subspan(begin));
        }
    }

    /// Ends the connection so that the peer gets what was sent last: closing while its data is unread would reset the
    /// connection. Waits for the peer, a second at most.
    void finish() noexcept {
        ::shutdown(socket_.get(), stop_sending);
        allow(std::chrono::seconds{1});
        try {
            std::array<std::byte, 4096> discarded{};
            while (receive_some(discarded) != 0) {
            }
        } catch (const std::exception&) { // it is over either way
        }
    }

    /// @return how many bytes; 0 when the peer has closed the connection.
    [[nodiscard]] std::size_t receive_some(std::span<std::byte> bytes) {
        auto* data = reinterpret_cast<char*>(bytes.data());
        return when_ready("receiving", POLLIN,
                          [&] { return ::recv(socket_.get(), data, static_cast<io_size>(bytes.size()), 0); });
    }

private:
    /// Repeats `transfer` until it is done, or it is too late.
    template <class Transfer>
    std::size_t when_ready(const std::string& what, short event, Transfer transfer) {
        for (;;) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now()).count();
            if (left <= 0) {
                throw std::runtime_error{what + ": the peer is silent or too slow"};
            }
            if (const auto bytes = transfer(); bytes >= 0) {
                return static_cast<std::size_t>(bytes);
            }
            pollfd waiting{socket_.get(), event, 0};
            if (last_error() == error_would_block && poll_one(waiting, static_cast<int>(left)) >= 0) {
                continue;
            }
            if (last_error() != error_interrupted) {
                fail(what);
            }
        }
    }

    socket_owner socket_;
    std::chrono::steady_clock::time_point deadline_;
};

struct free_addresses {
    void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

inline std::unique_ptr<addrinfo, free_addresses> resolve(const std::string& host, unsigned port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) {
        throw std::runtime_error{"no address for the host " + host};
    }
    return std::unique_ptr<addrinfo, free_addresses>{list};
}

/// A new socket on which `use` (bind or connect) succeeds with one of the host's addresses.
template <class Use>
socket_owner open_socket(const std::string& host, unsigned port, const std::string& purpose, Use use) {
    const auto addresses = resolve(host, port);
    for (const auto* address = addresses.get(); address != nullptr; address = address->ai_next) {
        socket_owner socket{::socket(address->ai_family, address->ai_socktype, address->ai_protocol)};
        if (socket && use(socket, address->ai_addr, static_cast<socklen_t>(address->ai_addrlen)) == 0) {
            return socket;
        }
        if (address->ai_next == nullptr) {
            fail(purpose + " " + host + " port " + std::to_string(port));
        }
    }
    throw std::runtime_error{"no address for the host " + host};
}

inline connection connect(const std::string& host, unsigned port, std::chrono::seconds time) {
    return {open_socket(host, port, "connecting to",
                        [](const socket_owner& socket, const sockaddr* address, socklen_t size) {
                            return ::connect(socket.get(), address, size);
                        }),
            time};
}

/// A socket that accepts connections.
class listener {
public:
    /// Port 0 stands for a free one.
    listener(const std::string& host, unsigned port)
        : socket_{open_socket(host, port, "listening on",
                              [](const socket_owner& socket, const sockaddr* address, socklen_t size) {
                                  socket.set(SOL_SOCKET, exclusive_address, int{1});
                                  const int bound = ::bind(socket.get(), address, size);
                                  return bound == 0 ? ::listen(socket.get(), SOMAXCONN) : bound;
                              })} {}

    [[nodiscard]] std::string port() const {
        sockaddr_storage address{};
        auto* generic = reinterpret_cast<sockaddr*>(&address); // what sockaddr_storage is for
        auto size = static_cast<socklen_t>(sizeof address);
        constexpr unsigned room = 16;
        std::array<char, room> digits{};
        if (::getsockname(socket_.get(), generic, &size) != 0 ||
            ::getnameinfo(generic, size, nullptr, 0, digits.data(), room, NI_NUMERICSERV) != 0) {
            fail("getsockname");
        }
        return digits.data();
    }

    [[nodiscard]] connection accept(std::chrono::seconds time) const {
        for (;;) {
            socket_owner socket{::accept(socket_.get(), nullptr, nullptr)};
            if (socket) {
                return {std::move(socket), time};
            }
            if (last_error() != error_gone && last_error() != error_interrupted) {
                fail("accepting");
            }
        }
    }

private:
    socket_owner socket_;
};

} // namespace net
