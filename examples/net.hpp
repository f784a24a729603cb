// SPDX-License-Identifier: MIT
//
// TCP with deadlines: Winsock on Windows, POSIX sockets elsewhere. This header does not use sspan.
#pragma once

#if defined(_WIN32)
#if !defined(NOMINMAX)
#define NOMINMAX // <windows.h>, which winsock2.h includes, defines macros named min and max otherwise
#endif
#include <winsock2.h>

#include <ws2tcpip.h>
#else
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#endif

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace net {

/// The differences between Winsock and POSIX sockets.
struct os {
#if defined(_WIN32)
    using socket = SOCKET;
    using io_size = int;
    static constexpr int would_block = WSAEWOULDBLOCK;
    static constexpr int interrupted = WSAEINTR;
    static constexpr int aborted = WSAECONNRESET;
    static constexpr int stop_sending = SD_SEND;
    static constexpr int exclusive_address = SO_EXCLUSIVEADDRUSE; // SO_REUSEADDR lets other programs use the port, too
    static int last_error() noexcept { return ::WSAGetLastError(); }
    static void close(socket of) noexcept { ::closesocket(of); }
    static int poll(pollfd& of, int milliseconds) noexcept { return ::WSAPoll(&of, 1, milliseconds); }
    static int make_non_blocking(socket of) noexcept {
        u_long yes = 1;
        return ::ioctlsocket(of, static_cast<long>(FIONBIO), &yes);
    }
#else
    using socket = int;
    using io_size = std::size_t;
    static constexpr int would_block = EWOULDBLOCK;
    static constexpr int interrupted = EINTR;
    static constexpr int aborted = ECONNABORTED;
    static constexpr int stop_sending = SHUT_WR;
    static constexpr int exclusive_address = SO_REUSEADDR; // permits a port only after its connections have ended
    static int last_error() noexcept { return errno; }
    static void close(socket of) noexcept { ::close(of); }
    static int poll(pollfd& of, int milliseconds) noexcept { return ::poll(&of, 1, milliseconds); }
    static int make_non_blocking(socket of) noexcept {
        int yes = 1;
        return ::ioctl(of, FIONBIO, &yes);
    }
#endif
    static constexpr auto no_socket = static_cast<socket>(-1);
};

[[noreturn]] inline void fail(const std::string& what) {
    throw std::system_error{os::last_error(), std::system_category(), what};
}

/// Prepares the program for sockets. Make one in `main`, before the first socket.
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
    library() { std::signal(SIGPIPE, SIG_IGN); } // otherwise sending to a closed connection ends the program
    ~library() = default;
#endif
    library(const library&) = delete;
    library& operator=(const library&) = delete;
};

/// Owns a socket.
class socket_owner {
public:
    explicit socket_owner(os::socket socket) noexcept : socket_{socket} {}
    socket_owner(socket_owner&& other) noexcept : socket_{std::exchange(other.socket_, os::no_socket)} {}
    socket_owner& operator=(socket_owner&& other) noexcept {
        std::swap(socket_, other.socket_);
        return *this;
    }
    ~socket_owner() {
        if (*this) {
            os::close(socket_);
        }
    }

    explicit operator bool() const noexcept { return socket_ != os::no_socket; }
    [[nodiscard]] os::socket get() const noexcept { return socket_; }
    void set(int level, int option, int value) const {
        const auto* bytes = reinterpret_cast<const char*>(&value); // as Winsock declares it
        if (::setsockopt(socket_, level, option, bytes, static_cast<socklen_t>(sizeof value)) != 0) {
            fail("setsockopt");
        }
    }

private:
    os::socket socket_;
};

/// The length in front of a frame: a 32-bit number, big-endian. A frame is this length and then that many bytes.
inline std::array<std::byte, 4> frame_prefix(std::size_t length) {
    const auto byte = [length](unsigned shift) { return static_cast<std::byte>((length >> shift) & 0xFF); };
    return {byte(24), byte(16), byte(8), byte(0)};
}

/// One TCP connection. `allow` sets a deadline for everything that is sent and received until the next `allow`. A peer
/// that sends or takes one byte now and then therefore cannot hold the program. All errors, a missed deadline too,
/// throw std::runtime_error or its std::system_error.
class connection {
public:
    /// Begins with `allow(time)`.
    connection(socket_owner socket, std::chrono::seconds time) : socket_{std::move(socket)} {
        if (os::make_non_blocking(socket_.get()) != 0) {
            fail("making a socket non-blocking");
        }
        socket_.set(IPPROTO_TCP, TCP_NODELAY, 1);
        allow(time);
    }

    void allow(std::chrono::seconds time) noexcept { deadline_ = std::chrono::steady_clock::now() + time; }

    /// Gives the system one piece at a time. Windows buffers a piece of any length. A long one would take memory and
    /// hide that the peer does not read.
    void send(std::span<const std::byte> bytes) {
        constexpr std::size_t longest_piece = 65536;
        while (!bytes.empty()) {
            const auto piece = bytes.first(std::min(bytes.size(), longest_piece));
            const auto* data = reinterpret_cast<const char*>(piece.data());
            bytes = bytes.subspan(when_ready("sending", POLLOUT, [&] {
                return ::send(socket_.get(), data, static_cast<os::io_size>(piece.size()), 0);
            }));
        }
    }

    /// Sends the length of the bytes and a copy of them in one call, so usually in one packet.
    void send_frame(std::span<const std::byte> bytes) {
        const auto prefix = frame_prefix(bytes.size());
        std::vector<std::byte> frame{prefix.begin(), prefix.end()};
        frame.insert(frame.end(), bytes.begin(), bytes.end());
        send(frame);
    }

    /// Receives a frame into `bytes`. A length over `most` is an error: the peer may be hostile.
    /// @return false if the peer closed the connection before the frame.
    [[nodiscard]] bool receive_frame_or_end(std::vector<std::byte>& bytes, std::size_t most) {
        std::array<std::byte, 4> prefix{};
        if (!receive_or_end(prefix)) {
            return false;
        }
        std::size_t length = 0;
        for (const auto byte : prefix) {
            length = (length << 8) | std::to_integer<std::size_t>(byte);
        }
        if (length > most) {
            throw std::runtime_error{"the peer claims a length of " + std::to_string(length) + " bytes; the limit is " +
                                     std::to_string(most)};
        }
        receive(bytes, length);
        return true;
    }
    [[nodiscard]] std::vector<std::byte> receive_frame(std::size_t most) {
        std::vector<std::byte> bytes;
        if (!receive_frame_or_end(bytes, most)) {
            throw std::runtime_error{"the peer closed the connection"};
        }
        return bytes;
    }

    /// @return false if the peer closed the connection before the first byte.
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

    /// @return the number of bytes; 0 if the peer closed the connection.
    [[nodiscard]] std::size_t receive_some(std::span<std::byte> bytes) {
        auto* data = reinterpret_cast<char*>(bytes.data());
        return when_ready("receiving", POLLIN,
                          [&] { return ::recv(socket_.get(), data, static_cast<os::io_size>(bytes.size()), 0); });
    }

    /// Returns true if data, or the end of the connection, is waiting.
    [[nodiscard]] bool has_input() const noexcept {
        pollfd waiting{socket_.get(), POLLIN, 0};
        return os::poll(waiting, 0) > 0;
    }

    /// Ends the connection so that the peer gets the last data. Closing with unread data would reset the connection.
    /// Waits for the peer, a second at most.
    void finish() noexcept {
        ::shutdown(socket_.get(), os::stop_sending);
        allow(std::chrono::seconds{1});
        try {
            std::array<std::byte, 4096> discarded{};
            while (receive_some(discarded) != 0) {
            }
        } catch (const std::exception&) { // the connection ends in any case
        }
    }

private:
    /// Repeats `transfer` until it succeeds or the deadline has passed.
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
            if (os::last_error() == os::would_block && os::poll(waiting, static_cast<int>(left)) >= 0) {
                continue;
            }
            if (os::last_error() != os::interrupted) {
                fail(what);
            }
        }
    }

    socket_owner socket_;
    std::chrono::steady_clock::time_point deadline_;
};

/// A new socket on which `use` (bind or connect) succeeds with one of the host's addresses.
template <class Use>
socket_owner open_socket(const std::string& host, unsigned port, const std::string& purpose, Use use) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0 || list == nullptr) {
        throw std::runtime_error{"no address for the host " + host};
    }
    struct free_list {
        void operator()(addrinfo* addresses) const noexcept { ::freeaddrinfo(addresses); }
    };
    const std::unique_ptr<addrinfo, free_list> owner{list};
    for (const auto* address = list;; address = address->ai_next) {
        socket_owner socket{::socket(address->ai_family, address->ai_socktype, address->ai_protocol)};
        if (socket && use(socket, address->ai_addr, static_cast<socklen_t>(address->ai_addrlen)) == 0) {
            return socket;
        }
        if (address->ai_next == nullptr) {
            fail(purpose + " " + host + " port " + std::to_string(port));
        }
    }
}

/// `time` begins once TCP is connected. Until then the system's own limits hold, which may be minutes.
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
    /// With port 0 the system chooses a free one.
    listener(const std::string& host, unsigned port)
        : socket_{open_socket(host, port, "listening on",
                              [](const socket_owner& socket, const sockaddr* address, socklen_t size) {
                                  socket.set(SOL_SOCKET, os::exclusive_address, 1);
                                  const int bound = ::bind(socket.get(), address, size);
                                  return bound == 0 ? ::listen(socket.get(), SOMAXCONN) : bound;
                              })} {}

    [[nodiscard]] std::string port() const {
        sockaddr_storage address{};
        auto* generic = reinterpret_cast<sockaddr*>(&address); // sockaddr_storage exists for this cast
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
            if (os::last_error() != os::aborted && os::last_error() != os::interrupted) {
                fail("accepting");
            }
        }
    }

private:
    socket_owner socket_;
};

} // namespace net
