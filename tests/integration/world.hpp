// SPDX-License-Identifier: MIT
//
// The environment of a Kerberos test: accounts, tickets, keys, a KDC. world_realm.cpp sets it up with the files of a
// throwaway realm, world_loopback.cpp with the settings of the loopback package. A third implementation, for Windows in
// a domain, could confirm or refute the loopback package's claims about Windows.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace world {

/// The name of the service, whose keys the server has; and the users' password.
[[nodiscard]] std::wstring service();
[[nodiscard]] std::wstring password();

/// The state of Alice's ticket.
enum class ticket : unsigned char {
    fresh, ///< A ticket for the realm only: the KDC is asked for each service.
    gone,
    expired,
    early,              ///< Not valid yet.
    skewed_for_kdc,     ///< The client's clock was an hour slow.
    skewed_for_service, ///< The client's clock was an hour slow. There is also a ticket for the service.
    for_service,        ///< There is also a ticket for the service.
};

/// The state of the server's keys.
enum class keys : unsigned char { right, gone, of_another_service, of_another_version, wrong };

/// Restores the environment at the end of the scope.
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

/// Returns the reason why it cannot be set up; empty if it can.
[[nodiscard]] std::string_view missing(ticket which);
[[nodiscard]] std::string_view missing(keys which);

/// Returns true if Alice has a ticket now.
[[nodiscard]] bool has_ticket();

/// The trace of the Kerberos library. `since` returns nothing if there is no trace.
struct trace {
    [[nodiscard]] static std::size_t end();
    [[nodiscard]] static std::optional<std::string> since(std::size_t begin);
};

} // namespace world
