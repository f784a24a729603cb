// SPDX-License-Identifier: MIT
//
// How NTLM's messages are recognized.
#pragma once

#include "../os/platform.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// What each of NTLM's messages begins with (MS-NLMP, 2.2.1), also inside SPNEGO.
inline constexpr std::array<std::uint8_t, 8> ntlm_signature{'N', 'T', 'L', 'M', 'S', 'S', 'P', 0};

/// Looks for the signature in a token, which may come in fragments.
class ntlm_search {
public:
    /// Whether the signature ends inside `more`, which follows the bytes of the calls before.
    [[nodiscard]] bool finds(std::span<const std::byte> more) noexcept {
        for (const auto byte : more) {
            const auto value = std::to_integer<std::uint8_t>(byte);
            // Its first byte occurs once in it, so a mismatch can only be the start of another one.
            matched_ = value == ntlm_signature[matched_] ? matched_ + 1 : value == ntlm_signature[0] ? 1U : 0U;
            if (matched_ == ntlm_signature.size()) {
                matched_ = 0;
                return true;
            }
        }
        return false;
    }
    /// The next bytes are those of another token.
    void start_again() noexcept { matched_ = 0; }

private:
    std::size_t matched_ = 0; ///< how many bytes of the signature the last bytes are
};

[[nodiscard]] inline bool contains_ntlm(std::span<const std::byte> token) noexcept {
    return ntlm_search{}.finds(token);
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
