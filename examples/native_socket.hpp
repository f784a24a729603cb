// SPDX-License-Identifier: MIT
//
// Where Winsock and POSIX sockets differ.
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
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#endif

#include <cstddef>

namespace net {

#if defined(_WIN32)
using native_socket = SOCKET;
using io_size = int;
inline constexpr auto no_socket = static_cast<native_socket>(-1);
inline constexpr int error_would_block = WSAEWOULDBLOCK;
inline constexpr int error_interrupted = WSAEINTR;
inline constexpr int error_gone = WSAECONNRESET; // a connection that ended before it was accepted
inline constexpr int stop_sending = SD_SEND;
inline constexpr int exclusive_address = SO_EXCLUSIVEADDRUSE; // SO_REUSEADDR would share it, with anybody
inline int last_error() noexcept {
    return ::WSAGetLastError();
}
inline void close_socket(native_socket socket) noexcept {
    ::closesocket(socket);
}
inline int make_non_blocking(native_socket socket) noexcept {
    u_long yes = 1;
    return ::ioctlsocket(socket, static_cast<long>(FIONBIO), &yes);
}
inline int poll_one(pollfd& socket, int milliseconds) noexcept {
    return ::WSAPoll(&socket, 1, milliseconds);
}
#else
using native_socket = int;
using io_size = std::size_t;
inline constexpr native_socket no_socket = -1;
inline constexpr int error_would_block = EWOULDBLOCK;
inline constexpr int error_interrupted = EINTR;
inline constexpr int error_gone = ECONNABORTED; // a connection that ended before it was accepted
inline constexpr int stop_sending = SHUT_WR;
inline constexpr int exclusive_address = SO_REUSEADDR; // exclusive, but for connections that are over
inline int last_error() noexcept {
    return errno;
}
inline void close_socket(native_socket socket) noexcept {
    ::close(socket);
}
inline int make_non_blocking(native_socket socket) noexcept {
    int yes = 1;
    return ::ioctl(socket, FIONBIO, &yes);
}
inline int poll_one(pollfd& socket, int milliseconds) noexcept {
    return ::poll(&socket, 1, milliseconds);
}
#endif

} // namespace net
