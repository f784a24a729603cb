// SPDX-License-Identifier: MIT
//
// The handshake of a protocol that delivers whole tokens: HTTP, SASL and NegotiateStream.
#pragma once

#include "../error.hpp"
#include "../handshake.hpp"
#include "../handshake_step.hpp"
#include "handshake_finish.hpp" // refused

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// A handshake, and where and why the last call of its protocol failed. `Handshake` is `client_handshake` or
/// `server_handshake`.
template <class Handshake>
class token_exchange {
public:
    using context = decltype(std::declval<Handshake&&>().finish());

    /// `own_name`, a string literal, names the protocol's class.
    explicit token_exchange(const char* own_name) noexcept : own_name_{own_name}, culprit_{own_name} {}
    token_exchange(const char* own_name, Handshake handshake) noexcept
        : own_name_{own_name}, culprit_{own_name}, handshake_{std::move(handshake)} {}

    /// Forgets the failure of the call before. Each call of the protocol begins with it.
    void begin_call() noexcept {
        culprit_ = own_name_;
        reason_ = "";
        in_handshake_ = false;
    }
    /// Sets `ec`: the protocol itself refuses. `reason`, a string literal, follows the class in what().
    void refuse(std::error_code code, const char* reason, std::error_code& ec) noexcept {
        begin_call();
        reason_ = reason;
        ec = code;
    }
    /// Makes `function`, a string literal, the cause of the next failure.
    void blame(const char* function) noexcept { culprit_ = function; }

    [[nodiscard]] bool has_handshake() const noexcept { return handshake_.has_value(); }
    void start(Handshake handshake) noexcept { handshake_.emplace(std::move(handshake)); }
    void drop_handshake() noexcept { handshake_.reset(); }

    /// Takes one token of the peer and nothing else. There is a handshake. A failed step may have a token for the peer.
    handshake_step step(std::span<const std::byte> token, std::error_code& ec) noexcept {
        const auto taken = handshake().step(token, ec);
        in_handshake_ = static_cast<bool>(ec);
        if (ec) {
            return taken;
        }
        if (taken.state == handshake_state::incomplete_message) {
            refuse(errc::invalid_token, " was given a part of a token", ec);
        } else if (taken.state != handshake_state::complete && taken.state != handshake_state::continue_needed) {
            refuse(errc::unsupported_function, " does not support this package", ec);
        } else if (taken.used != token.size()) {
            refuse(errc::illegal_message, " was given more than a token", ec);
        }
        return ec ? handshake_step{} : taken;
    }
    [[nodiscard]] context finish(std::error_code& ec) noexcept {
        auto made = std::move(handshake()).finish(ec);
        in_handshake_ = static_cast<bool>(ec);
        return made;
    }

    /// Returns what `what()` of the throwing form says.
    [[nodiscard]] std::string explain(const std::error_code& ec) const {
        return ec ? culprit() + how(ec) + ": " + ec.message() : std::string{};
    }
    void throw_if(const std::error_code& ec) const {
        if (ec) {
            throw refused{ec, culprit(), how(ec)};
        }
    }
    [[noreturn]] void throw_failed(const std::error_code& ec, std::span<const std::byte> token) const {
        throw handshake_error{ec, culprit(), token, culprit() + how(ec)};
    }

private:
    // NOLINTBEGIN(bugprone-unchecked-optional-access): only called while there is one
    [[nodiscard]] Handshake& handshake() noexcept { return *handshake_; }
    [[nodiscard]] const Handshake& handshake() const noexcept { return *handshake_; }
    // NOLINTEND(bugprone-unchecked-optional-access)

    [[nodiscard]] const char* culprit() const noexcept { return in_handshake_ ? handshake().culprit_ : culprit_; }
    [[nodiscard]] std::string how(const std::error_code& ec) const {
        return in_handshake_ ? handshake().how(ec) : std::string{reason_};
    }

    const char* own_name_;
    const char* culprit_;
    const char* reason_ = "";
    bool in_handshake_ = false;
    std::optional<Handshake> handshake_; // its last token stays readable
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
