// SPDX-License-Identifier: MIT
//
// The handshake records of NegotiateStream.
#pragma once

#include "../detail/nns_records.hpp"
#include "../error.hpp"

#include <cstddef>
#include <span>
#include <system_error>

namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream {

/// The size of the header of a handshake record.
inline constexpr std::size_t handshake_header_size = detail::nns_header_size;

/// Returns the size of the payload that follows a header. Receive so many bytes, and pass header and payload to `step`
/// in one piece.
/// @throws error `illegal_message` if this is not a header of MS-NNS.
[[nodiscard]] inline std::size_t handshake_payload_size(std::span<const std::byte, handshake_header_size> header,
                                                        std::error_code& ec) noexcept {
    detail::nns_header read;
    return detail::succeeded(detail::read_nns_header(header, read) ? errc{} : errc::illegal_message, ec) ? read.size
                                                                                                         : 0;
}
[[nodiscard]] inline std::size_t handshake_payload_size(std::span<const std::byte, handshake_header_size> header) {
    std::error_code ec;
    const auto size = handshake_payload_size(header, ec);
    detail::throw_if(ec, "sspan::negotiate_stream::handshake_payload_size");
    return size;
}

/// The result of a step.
struct record_step {
    /// The record to send to the peer, unless it is empty. It is valid until the next step.
    std::span<const std::byte> record;
    /// True if the handshake is over: send the record, then call `finish`. Otherwise receive the peer's next record.
    bool done = false;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream
