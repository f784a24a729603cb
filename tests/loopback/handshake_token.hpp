// SPDX-License-Identifier: MIT
//
// The tokens of a handshake, as bytes. Each contains the check of the previous token, and a keyed check of itself.
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
    package offered = package::kerberos;   ///< the requested package
    package mechanism = package::kerberos; ///< the working package; for Negotiate it differs
    std::uint32_t flags = 0;               ///< ISC_ bits: requested in leg 1, granted in the server's legs
    std::uint32_t status = 0;              ///< the status in an error token
    bool shows_ntlm = false;               ///< contains "NTLMSSP" and a zero, as NTLM's own messages do
    bool has_bindings = false;
    digest bindings{};
    digest nonce{};
    digest previous{}; ///< the check of the previous token
    digest proof{};    ///< proves that the client knows the password
    std::u16string user;
    std::u16string domain;
    std::u16string target;
};

/// Encodes the token with at least `size` bytes. Filler follows the strings.
[[nodiscard]] std::vector<std::byte> encode(const handshake_token& token, const mac_key& key, std::size_t size);

enum class decoded { whole, incomplete, invalid };

/// Reads the token at the front of `bytes`, and sets `used` to its length.
decoded decode(std::span<const std::byte> bytes, const mac_key& key, handshake_token& token, std::size_t& used);

/// The keyed check at the end of an encoded token.
[[nodiscard]] digest check_of(std::span<const std::byte> token);

/// Damages the check at the end, or repairs a damaged one. CompleteAuthToken does the repair.
void toggle_check(std::span<std::byte> token);

} // namespace loopback
