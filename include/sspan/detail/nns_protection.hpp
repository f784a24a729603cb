// SPDX-License-Identifier: MIT
//
// The common part of a NegotiateStream channel and its halves.
#pragma once

#include "../flags.hpp"
#include "../package.hpp"
#include "../protocol/negotiate_stream_options.hpp"

#include <cstddef>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

inline constexpr std::size_t nns_prefix_size = 4;
/// .NET refuses larger and smaller messages.
inline constexpr std::size_t nns_longest_message = 0x10000;
inline constexpr std::size_t nns_shortest_message = 5;
/// The most data that .NET sends in one record.
inline constexpr std::size_t nns_most_data = 0xFC00;
inline constexpr std::size_t ntlm_signature_size = 16;

[[nodiscard]] constexpr context_flags flags_of(negotiate_stream::protection_level protection) noexcept {
    return protection == negotiate_stream::protection_level::sign
               ? context_flags::integrity
               : context_flags::integrity | context_flags::confidentiality;
}

/// The flags that change the format of messages, or who numbers them.
inline constexpr context_flags nns_refused_flags = context_flags::use_session_key | context_flags::dce_style |
                                                   context_flags::datagram | context_flags::stream |
                                                   context_flags::no_integrity | context_flags::confidentiality_only;

/// The base of the channel and its halves: a context or a half of one.
template <class Context>
class nns_protection {
public:
    /// Returns the protection of the data: `encrypt_and_sign` if the handshake granted confidentiality, even if only
    /// `sign` was required.
    [[nodiscard]] negotiate_stream::protection_level protection() const noexcept {
        return contains(context_.granted(), context_flags::confidentiality)
                   ? negotiate_stream::protection_level::encrypt_and_sign
                   : negotiate_stream::protection_level::sign;
    }
    /// Returns false in the zero state.
    explicit operator bool() const noexcept { return static_cast<bool>(context_); }

protected:
    nns_protection() noexcept = default;
    explicit nns_protection(Context context) noexcept : context_{std::move(context)} {}

    [[nodiscard]] bool is_encrypted() const noexcept {
        return protection() == negotiate_stream::protection_level::encrypt_and_sign;
    }
    /// Returns true if messages are a signature and the data: NTLM without encryption.
    [[nodiscard]] bool is_signature_and_data() const noexcept {
        return !is_encrypted() && context_.package() == security_package::ntlm;
    }

    Context context_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
