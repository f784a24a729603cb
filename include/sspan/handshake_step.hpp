// SPDX-License-Identifier: MIT
//
// The result of a handshake step.
#pragma once

#include "error.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// The next action of the caller.
enum class handshake_state {
    continue_needed,        ///< Send our token, receive the peer's next token, step again.
    complete,               ///< Call `finish`, then send our token if there is one.
    incomplete_message,     ///< Receive more of the peer's token, step again with all of it.
    incomplete_credentials, ///< The server requests a client certificate. Step again with the same token to omit it.
    message_fragment,       ///< Send this part of our token, then step again without input for the rest.
};

/// The result of one step.
struct handshake_step {
    /// The token to send to the peer, unless it is empty. A failed step may have one, too: it tells the peer the
    /// reason. It belongs to the handshake and is valid until the next step or until the handshake is destroyed.
    /// `finish` does not change it.
    std::span<const std::byte> token;
    /// The number of consumed input bytes. The rest is the peer's first message (stream packages only).
    std::size_t used = 0;
    handshake_state state = handshake_state::continue_needed;

    /// Returns true if the handshake is complete: call `finish`.
    [[nodiscard]] bool done() const noexcept { return state == handshake_state::complete; }
};

/// The exception of a failed step.
class handshake_error : public error {
public:
    handshake_error(std::error_code code, const char* function, std::span<const std::byte> token)
        : handshake_error{code, function, token, function} {}
    /// `what()` begins with `description`, which begins with `function`.
    handshake_error(std::error_code code, const char* function, std::span<const std::byte> token,
                    const std::string& description)
        : error{code, function, description},
          token_{std::make_shared<std::vector<std::byte>>(token.begin(), token.end())} {}

    /// Returns the token that tells the peer the reason. Send it unless it is empty. Packages make one if
    /// `extended_error` was granted.
    [[nodiscard]] std::span<const std::byte> token() const noexcept { return {token_->data(), token_->size()}; }

private:
    std::shared_ptr<const std::vector<std::byte>> token_; // copying an exception must not throw
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
