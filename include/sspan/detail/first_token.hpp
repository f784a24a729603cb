// SPDX-License-Identifier: MIT
//
// The mechanism of a client's first token.
#pragma once

#include "../os/platform.hpp"
#include "ntlm_token.hpp"

#include <algorithm> // std::min
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// Returns true if one of the two is the beginning of the other.
template <std::size_t Size>
[[nodiscard]] bool begin_alike(std::span<const std::byte> token,
                               const std::array<std::uint8_t, Size>& expected) noexcept {
    const auto count = std::min<std::size_t>(token.size(), Size);
    for (std::size_t i = 0; i != count; ++i) {
        if (std::to_integer<std::uint8_t>(token[i]) != expected[i]) {
            return false;
        }
    }
    return true;
}

/// The header of a GSS-API token (RFC 2743, 3.1): 0x60, a DER length, a DER object identifier. It may be cut short.
class gss_frame {
public:
    explicit gss_frame(std::span<const std::byte> token) noexcept {
        if (token.size() < 2) {
            return; // too short to contradict
        }
        const auto first = std::to_integer<std::size_t>(token[1]);
        if (first < 0x80) {
            length_ = first;
            content_ = token.subspan(2);
            return;
        }
        const auto count = first - 0x80;
        if (count == 0 || count > sizeof(std::uint32_t)) { // indefinite, or longer than any token
            is_der_ = false;
            return;
        }
        const auto bytes = token.subspan(2).first(std::min<std::size_t>(count, token.size() - 2));
        length_ = 0;
        for (const auto byte : bytes) {
            length_ = length_ << 8 | std::to_integer<std::uint64_t>(byte);
            is_der_ = is_der_ && length_ != 0; // no leading zero
        }
        if (bytes.size() < count) {
            length_ = unknown;
            return;
        }
        is_der_ = is_der_ && length_ >= 0x80; // smaller lengths must use the short form
        content_ = token.subspan(2 + count);
    }

    /// Returns true if the received bytes may be the beginning of `identifier`.
    template <std::size_t Size>
    [[nodiscard]] bool may_name(const std::array<std::uint8_t, Size>& identifier) const noexcept {
        return is_der_ && identifier.size() <= length_ && begin_alike(content_, identifier);
    }

private:
    static constexpr std::uint64_t unknown = ~std::uint64_t{0};

    bool is_der_ = true;
    std::uint64_t length_ = unknown; ///< The length in the header.
    std::span<const std::byte> content_;
};

/// Returns true if a client's first token may be a Kerberos token. It returns false for these tokens, which some
/// packages would accept:
/// - an empty token, which requests SPNEGO;
/// - a message of NTLM, or its beginning;
/// - a NegTokenInit or NegTokenResp of SPNEGO without a GSS-API header;
/// - a GSS-API token for another mechanism.
[[nodiscard]] inline bool may_be_kerberos(std::span<const std::byte> token) noexcept {
    // The identifiers 1.2.840.113554.1.2.2 and, for user-to-user, 1.2.840.113554.1.2.2.3
    constexpr std::array<std::uint8_t, 11> kerberos{0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02};
    constexpr std::array<std::uint8_t, 12> user_to_user{0x06, 10,   0x2A, 0x86, 0x48, 0x86,
                                                        0xF7, 0x12, 0x01, 0x02, 0x02, 0x03};
    constexpr std::byte neg_token_init{0xA0};
    constexpr std::byte neg_token_resp{0xA1};
    constexpr std::byte gss_header{0x60};
    if (begin_alike(token, ntlm_signature) || // also an empty token
        token[0] == neg_token_init || token[0] == neg_token_resp) {
        return false;
    }
    if (token[0] != gss_header) {
        return true; // a bare AP-REQ of DCE style, for example
    }
    const gss_frame frame{token};
    return frame.may_name(kerberos) || frame.may_name(user_to_user);
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
