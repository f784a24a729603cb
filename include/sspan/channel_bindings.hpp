// SPDX-License-Identifier: MIT
//
// What ties a handshake to the secure channel that it runs over.
#pragma once

#include "bytes.hpp"
#include "error.hpp"
#include "message_part.hpp"

#include <algorithm> // std::ranges::all_of
#include <cstddef>
#include <cstring> // std::memcpy
#include <span>
#include <string_view>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Names the channel, usually TLS, inside which a handshake takes place (RFC 5056). Both sides give the same; then
/// nobody in the middle can pass the handshake on from one channel to another.
class channel_bindings {
public:
    /// None: the handshake is not tied to a channel.
    channel_bindings() noexcept = default;

    /// The channel's data as they are, the prefix included that says of what kind they are.
    /// @throws std::bad_alloc; error `invalid_parameter` for no data, and for more than 32 bits can count.
    [[nodiscard]] static channel_bindings application_data(const_bytes data) { return {{}, data}; }
    /// Takes the first Finished message of the latest handshake of TLS up to 1.2 (RFC 5929, section 3). TLS 1.3 has no
    /// such binding: use `tls_exporter`.
    /// @throws as `application_data`.
    [[nodiscard]] static channel_bindings tls_unique(const_bytes finished) { return {"tls-unique:", finished}; }
    /// Takes the keying material that TLS exports for this purpose (RFC 9266): 32 bytes.
    ///
    /// Ask the TLS library for the label "EXPORTER-Channel-Binding" (without a zero), no context, and 32 bytes. This
    /// holds for TLS 1.3, and for TLS 1.2 if the extended master secret (RFC 7627) was negotiated.
    /// @throws as `application_data`; error `invalid_parameter` for another size.
    [[nodiscard]] static channel_bindings tls_exporter(const_bytes exported_keying_material) {
        if (exported_keying_material.size() != 32) {
            refuse();
        }
        return {"tls-exporter:", exported_keying_material};
    }
    /// Takes the hash of the server's certificate in DER (RFC 5929, section 4.1): 32, 48 or 64 bytes of SHA-2.
    ///
    /// The hash function is the one in the certificate's signature algorithm; the kind of its key does not matter.
    /// SHA-256 takes the place of MD5 and SHA-1. RSASSA-PSS names its hash in its parameters. A signature without a hash
    /// function of its own, such as Ed25519, has no binding of this kind.
    /// @throws as `application_data`; error `invalid_parameter` for another size, and for hexadecimal text.
    [[nodiscard]] static channel_bindings tls_server_end_point(const_bytes certificate_hash) {
        const bool is_text = std::ranges::all_of(certificate_hash, [](std::byte byte) {
            const auto digit = std::to_integer<char>(byte);
            return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f') || (digit >= 'A' && digit <= 'F');
        });
        if (is_text ||
            (certificate_hash.size() != 32 && certificate_hash.size() != 48 && certificate_hash.size() != 64)) {
            refuse();
        }
        return {"tls-server-end-point:", certificate_hash};
    }
    /// A SEC_CHANNEL_BINDINGS with all that belongs to it, as Schannel returns one for SECPKG_ATTR_UNIQUE_BINDINGS and
    /// SECPKG_ATTR_ENDPOINT_BINDINGS.
    /// @throws std::bad_alloc; error `invalid_parameter` when one of its parts lies outside or in its header, or it has no
    ///   application data.
    [[nodiscard]] static channel_bindings adopt(const_bytes structure) {
        SEC_CHANNEL_BINDINGS header{};
        if (structure.size() < sizeof header || !detail::fits(structure.size())) {
            refuse();
        }
        std::memcpy(&header, structure.data(), sizeof header);
        const auto lies_inside = [&](std::size_t offset, std::size_t size) {
            return size == 0 ||
                   (offset >= sizeof header && offset <= structure.size() && size <= structure.size() - offset);
        };
        if (header.cbApplicationDataLength == 0 || !lies_inside(header.dwInitiatorOffset, header.cbInitiatorLength) ||
            !lies_inside(header.dwAcceptorOffset, header.cbAcceptorLength) ||
            !lies_inside(header.dwApplicationDataOffset, header.cbApplicationDataLength)) {
            refuse();
        }
        channel_bindings adopted;
        adopted.given_ = true;
        adopted.structure_.assign(structure.begin(), structure.end());
        return adopted;
    }

    /// Returns a view of the SEC_CHANNEL_BINDINGS and what belongs to it. It is empty when there are none, or when moved
    /// from. It is valid as long as this object is neither moved from nor assigned to.
    [[nodiscard]] std::span<const std::byte> native() const& noexcept { return structure_; }
    [[nodiscard]] std::span<const std::byte> native() const&& = delete; // a view of a temporary
    /// False when there are none. True when moved from: a handshake fails with `invalid_handle` then, so that none goes
    /// without by mistake.
    explicit operator bool() const noexcept { return given_; }

private:
    channel_bindings(std::string_view prefix, std::span<const std::byte> data) : given_{true} {
        SEC_CHANNEL_BINDINGS header{};
        if (data.empty() || // every channel would have the same name
            data.size() > 0xFFFFFFFFU - sizeof header - prefix.size()) {
            refuse();
        }
        header.cbApplicationDataLength = gsl::narrow_cast<ULONG>(prefix.size() + data.size());
        header.dwApplicationDataOffset = sizeof header;
        structure_.reserve(sizeof header + header.cbApplicationDataLength);
        const auto append = [this](std::span<const std::byte> more) {
            structure_.insert(structure_.end(), more.begin(), more.end());
        };
        append(std::as_bytes(std::span{&header, 1}));
        append(std::as_bytes(std::span{prefix}));
        append(data);
    }

    [[noreturn]] static void refuse() { throw error{errc::invalid_parameter, "SEC_CHANNEL_BINDINGS"}; }

    bool given_ = false; // stays when moved from
    std::vector<std::byte> structure_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
