// SPDX-License-Identifier: MIT
//
// The tokens of a handshake, as bytes. Each carries the check of the one before it, and a keyed check over all of
// itself.
#pragma once

#include "control.hpp"
#include "crypto.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace loopback {

enum class token_kind : unsigned char { step = 1, error = 2 };

struct handshake_token {
    token_kind kind = token_kind::step;
    unsigned leg = 1;
    unsigned legs = 1;
    package offered = package::kerberos;   ///< the package both sides named
    package mechanism = package::kerberos; ///< who does the work: differs for Negotiate
    std::uint32_t flags = 0;               ///< ISC_ bits: asked for in leg 1, granted in the server's
    std::uint32_t status = 0;              ///< of an error token
    bool shows_ntlm = false;               ///< "NTLMSSP" and a zero are inside, as in NTLM's own messages
    bool has_bindings = false;
    digest bindings{};
    digest nonce{};
    digest previous{}; ///< the check of the token that this one answers
    digest proof{};    ///< that the client knows the password
    std::u16string user;
    std::u16string domain;
    std::u16string target;
};

/// At least `size` bytes long, filled up behind the strings.
[[nodiscard]] std::vector<std::byte> encode(const handshake_token& token, const mac_key& key, std::size_t size);

enum class decoded { whole, incomplete, invalid };

/// Reads the token at the front of `bytes`; `used` says how long it is.
decoded decode(std::span<const std::byte> bytes, const mac_key& key, handshake_token& token, std::size_t& used);

/// The keyed check at the end of an encoded token.
[[nodiscard]] digest check_of(std::span<const std::byte> token);

/// Spoils the check at the end, or mends a spoilt one: what CompleteAuthToken is for.
void toggle_check(std::span<std::byte> token);

} // namespace loopback
