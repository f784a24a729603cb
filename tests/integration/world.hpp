// SPDX-License-Identifier: MIT
//
// The world that a test of Kerberos needs: accounts, tickets, keys, a KDC. world_realm.cpp arranges it with the files of a
// throwaway realm, world_loopback.cpp with the settings of the loopback package. A program with a third implementation, on
// a Windows in a domain, proves or refutes what the loopback package claims of Windows.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace world {

/// The name of the service whose keys the server has, and the users' password.
[[nodiscard]] std::wstring service();
[[nodiscard]] std::wstring password();

/// Alice's ticket.
enum class ticket : unsigned char {
    fresh, ///< For the realm only: the KDC is asked for each service.
    gone,
    expired,
    early,              ///< Not valid yet.
    skewed_for_kdc,     ///< Of a client whose clock was an hour slow.
    skewed_for_service, ///< The same, with a ticket for the service.
    for_service,        ///< And with a ticket for the service.
};

/// What the server has.
enum class keys : unsigned char { right, gone, of_another_service, of_another_version, wrong };

/// Puts the world back at the end of the scope.
class arrangement {
public:
    explicit arrangement(std::function<void()> undo) : undo_{std::move(undo)} {}
    arrangement(arrangement&& other) noexcept : undo_{std::exchange(other.undo_, nullptr)} {}
    arrangement& operator=(arrangement&&) = delete;
    ~arrangement() {
        if (undo_) {
            undo_();
        }
    }

private:
    std::function<void()> undo_;
};

[[nodiscard]] arrangement with_ticket(ticket which);
[[nodiscard]] arrangement with_keys(keys which);
[[nodiscard]] arrangement without_kdc();

/// Why it cannot be arranged; empty if it can.
[[nodiscard]] std::string_view missing(ticket which);
[[nodiscard]] std::string_view missing(keys which);

/// Whether Alice has a ticket now.
[[nodiscard]] bool has_ticket();

/// Where the Kerberos library writes what it does. Where there is no such trace, `since` returns nothing.
struct trace {
    [[nodiscard]] static std::size_t end();
    [[nodiscard]] static std::optional<std::string> since(std::size_t begin);
};

} // namespace world
