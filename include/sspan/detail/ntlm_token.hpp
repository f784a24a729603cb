// SPDX-License-Identifier: MIT
//
// Recognition of NTLM's messages.
#pragma once

#include "../os/platform.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// The first bytes of each NTLM message (MS-NLMP, 2.2.1), also inside SPNEGO.
inline constexpr std::array<std::uint8_t, 8> ntlm_signature{'N', 'T', 'L', 'M', 'S', 'S', 'P', 0};

/// Searches a token for the signature. The token may come in fragments.
class ntlm_search {
public:
    /// Returns true if the signature ends inside `more`, which continues the bytes of earlier calls.
    [[nodiscard]] bool finds(std::span<const std::byte> more) noexcept {
        for (const auto byte : more) {
            const auto value = std::to_integer<std::uint8_t>(byte);
            // The first byte occurs only once in the signature, so a mismatch can only be the start of another one.
            matched_ = value == ntlm_signature[matched_] ? matched_ + 1 : value == ntlm_signature[0] ? 1U : 0U;
            if (matched_ == ntlm_signature.size()) {
                matched_ = 0;
                return true;
            }
        }
        return false;
    }
    /// Starts another token.
    void start_again() noexcept { matched_ = 0; }

private:
    std::size_t matched_ = 0; ///< The number of signature bytes that have matched so far.
};

[[nodiscard]] inline bool contains_ntlm(std::span<const std::byte> token) noexcept {
    return ntlm_search{}.finds(token);
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
