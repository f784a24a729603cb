// SPDX-License-Identifier: MIT
//
// The handshake records of NegotiateStream (MS-NNS 2.2.1).
#pragma once

#include "../error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

enum class nns_id : std::uint8_t { done = 0x14, error = 0x15, in_progress = 0x16 };

inline constexpr std::size_t nns_header_size = 5;
inline constexpr std::size_t nns_longest_payload = 0xFFFF;
inline constexpr std::byte nns_major_version{1};
inline constexpr std::byte nns_minor_version{0};
/// ERROR_TRUST_FAILURE: the context is weaker than required, or the client's target is another one.
inline constexpr std::uint32_t nns_trust_failure = 1790;

struct nns_header {
    nns_id id = nns_id::error;
    std::size_t size = 0; ///< Of the payload.
};

/// Reads the header. Receivers ignore the version. @return false if it is not a header.
[[nodiscard]] inline bool read_nns_header(std::span<const std::byte, nns_header_size> bytes,
                                          nns_header& header) noexcept {
    header.id = static_cast<nns_id>(bytes[0]);
    header.size = (std::to_integer<std::size_t>(bytes[3]) << 8) | std::to_integer<std::size_t>(bytes[4]);
    return header.id == nns_id::done || header.id == nns_id::error || header.id == nns_id::in_progress;
}

[[nodiscard]] inline std::array<std::byte, nns_header_size> make_nns_header(const nns_header& header) noexcept {
    return {static_cast<std::byte>(header.id), nns_major_version, nns_minor_version,
            static_cast<std::byte>(header.size >> 8), static_cast<std::byte>(header.size)};
}

/// Returns the payload of the record that tells the peer of `reason`.
///
/// .NET Framework, and .NET up to version 6, use a big-endian number of 8 bytes. .NET since version 7 uses a little-endian
/// one. A reader uses only the low 32 bits. The payload contains the code in both orders of bytes.
[[nodiscard]] inline std::array<std::byte, 8> make_nns_error(const std::error_code& reason) noexcept {
    const bool is_trust_failure = reason == errc::security_qos_failed || reason == errc::wrong_principal;
    const auto code = is_trust_failure ? nns_trust_failure : static_cast<std::uint32_t>(to_hresult(reason));
    std::array<std::byte, 8> payload{};
    for (std::size_t i = 0; i != 4; ++i) {
        payload[i] = payload[7 - i] = static_cast<std::byte>(code >> (8 * i));
    }
    return payload;
}

/// Returns the error in the payload of the peer's record, in either order of bytes. It is never a success.
[[nodiscard]] inline std::error_code read_nns_error(std::span<const std::byte> payload) noexcept {
    if (payload.size() < 8) {
        return errc::illegal_message;
    }
    std::uint32_t little = 0;
    std::uint32_t big = 0;
    for (std::size_t i = 0; i != 4; ++i) {
        little = (little << 8) | std::to_integer<std::uint32_t>(payload[3 - i]);
        big = (big << 8) | std::to_integer<std::uint32_t>(payload[4 + i]);
    }
    const auto code = big != 0 && big != 0xFFFFFFFFU ? big : little; // not the upper half of a little-endian number
    if (code == nns_trust_failure) {
        return errc::security_qos_failed;
    }
    if ((code & 0x80000000U) != 0) {
        return {static_cast<int>(code), category()};
    }
    return code != 0 && code <= 0xFFFF ? win32_failure(code) : make_error_code(errc::illegal_message);
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
