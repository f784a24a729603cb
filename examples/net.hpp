// SPDX-License-Identifier: MIT
//
// TCP with timeouts: Winsock on Windows, POSIX sockets elsewhere.
#pragma once

#if defined(_WIN32)
#if !defined(NOMINMAX)
#define NOMINMAX // or <windows.h>, which it includes, brings in macros named min and max
#endif
#include <winsock2.h>

#include <ws2tcpip.h>
#else
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#endif

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace net {

#if defined(_WIN32)
using native_socket = SOCKET;
using io_size = int;
inline constexpr auto no_socket = static_cast<native_socket>(-1);
inline constexpr int error_timeout = WSAETIMEDOUT;
inline constexpr int error_interrupted = WSAEINTR;
inline constexpr int stop_sending = SD_SEND;
inline constexpr int exclusive_address = SO_EXCLUSIVEADDRUSE; // SO_REUSEADDR would share it, with anybody
inline int last_error() noexcept {
    return ::WSAGetLastError();
}
inline void close_socket(native_socket socket) noexcept {
    ::closesocket(socket);
}
inline bool has_input(native_socket socket) noexcept {
    u_long size = 0;
    return ::ioctlsocket(socket, static_cast<long>(FIONREAD), &size) == 0 && size != 0;
}
inline DWORD native_timeout(std::chrono::seconds patience) noexcept {
    return static_cast<DWORD>(std::chrono::milliseconds{patience}.count());
}
#else
using native_socket = int;
using io_size = std::size_t;
inline constexpr native_socket no_socket = -1;
inline constexpr int error_timeout = EAGAIN;
inline constexpr int error_interrupted = EINTR;
inline constexpr int stop_sending = SHUT_WR;
inline constexpr int exclusive_address = SO_REUSEADDR; // exclusive, but for connections that are over
inline int last_error() noexcept {
    return errno;
}
inline void close_socket(native_socket socket) noexcept {
    ::close(socket);
}
inline bool has_input(native_socket socket) noexcept {
    int size = 0;
    return ::ioctl(socket, FIONREAD, &size) == 0 && size != 0;
}
inline timeval native_timeout(std::chrono::seconds patience) noexcept {
    return {static_cast<time_t>(patience.count()), 0};
}
#endif

[[noreturn]] inline void fail(const std::string& what) {
    if (const int code = last_error(); code != error_timeout) {
        throw std::system_error{code, std::system_category(), what};
    }
    throw std::runtime_error{what + ": the peer is silent"};
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

/// One TCP connection. A peer that is silent for longer than `patience` is an error, like all else that goes wrong
/// here: std::runtime_error or its std::system_error.
class connection {
public:
    connection(socket_owner socket, std::chrono::seconds patience) : socket_{std::move(socket)} {
        socket_.set(SOL_SOCKET, SO_RCVTIMEO, native_timeout(patience));
        socket_.set(SOL_SOCKET, SO_SNDTIMEO, native_timeout(patience));
        socket_.set(IPPROTO_TCP, TCP_NODELAY, int{1});
    }

    void send(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const auto* data = reinterpret_cast<const char*>(bytes.data());
            const auto sent = ::send(socket_.get(), data, static_cast<io_size>(bytes.size()), 0);
            if (sent >= 0) {
                bytes = bytes.subspan(static_cast<std::size_t>(sent));
            } else if (last_error() != error_interrupted) {
                fail("sending");
            }
        }
    }

    /// Whether there is something to receive already.
    [[nodiscard]] bool has_input() const noexcept { return net::has_input(socket_.get()); }

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
    /// connection. Waits a few seconds at most.
    void finish() noexcept {
        ::shutdown(socket_.get(), stop_sending);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{3};
        try {
            socket_.set(SOL_SOCKET, SO_RCVTIMEO, native_timeout(std::chrono::seconds{1}));
            std::array<std::byte, 4096> discarded{};
            while (receive_some(discarded) != 0 && std::chrono::steady_clock::now() < deadline) {
            }
        } catch (const std::exception&) { // it is over either way
        }
    }

private:
    /// @return how many bytes; 0 when the peer has closed the connection.
    std::size_t receive_some(std::span<std::byte> bytes) {
        for (;;) {
            auto* data = reinterpret_cast<char*>(bytes.data());
            const auto got = ::recv(socket_.get(), data, static_cast<io_size>(bytes.size()), 0);
            if (got >= 0) {
                return static_cast<std::size_t>(got);
            }
            if (last_error() != error_interrupted) {
                fail("receiving");
            }
        }
    }

    socket_owner socket_;
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

inline connection connect(const std::string& host, unsigned port, std::chrono::seconds patience) {
    return {open_socket(host, port, "connecting to",
                        [](const socket_owner& socket, const sockaddr* address, socklen_t size) {
                            return ::connect(socket.get(), address, size);
                        }),
            patience};
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

    [[nodiscard]] connection accept(std::chrono::seconds patience) const {
        socket_owner socket{::accept(socket_.get(), nullptr, nullptr)};
        if (!socket) {
            fail("accepting");
        }
        return {std::move(socket), patience};
    }

private:
    socket_owner socket_;
};

} // namespace net
