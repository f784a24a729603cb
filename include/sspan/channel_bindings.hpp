// SPDX-License-Identifier: MIT
//
// Channel bindings, which tie a handshake to the secure channel around it.
#pragma once

#include "bytes.hpp"
#include "error.hpp"
#include "message_part.hpp"

#include <algorithm> // std::all_of
#include <cstddef>
#include <cstring> // std::memcpy
#include <span>
#include <string_view>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Identifies the channel, usually TLS, in which a handshake takes place (RFC 5056). Both sides pass the same bindings.
/// This prevents relaying the handshake from one channel to another.
class channel_bindings {
public:
    /// Makes empty bindings: the handshake is not tied to a channel.
    channel_bindings() noexcept = default;

    /// Returns bindings of these data. They include the prefix that identifies their type.
    /// @throws std::bad_alloc; error `invalid_parameter` if `data` is empty or exceeds 32 bits.
    [[nodiscard]] static channel_bindings application_data(const_bytes data) { return {{}, data}; }
    /// Returns bindings of the first Finished message of the latest handshake of TLS up to 1.2 (RFC 5929, section 3).
    /// TLS 1.3 has no such bindings: use `tls_exporter`.
    /// @throws as `application_data`.
    [[nodiscard]] static channel_bindings tls_unique(const_bytes finished) { return {"tls-unique:", finished}; }
    /// Returns bindings of the keying material that TLS exports for this purpose (RFC 9266): 32 bytes.
    ///
    /// Request the label "EXPORTER-Channel-Binding" (without a zero), no context, and 32 bytes from the TLS library.
    /// This is valid for TLS 1.3, and for TLS 1.2 if the extended master secret (RFC 7627) was negotiated.
    /// @throws as `application_data`; error `invalid_parameter` for another size.
    [[nodiscard]] static channel_bindings tls_exporter(const_bytes exported_keying_material) {
        if (exported_keying_material.size() != 32) {
            refuse();
        }
        return {"tls-exporter:", exported_keying_material};
    }
    /// Returns bindings of the hash of the server's certificate in DER (RFC 5929, section 4.1): 32, 48 or 64 bytes of
    /// SHA-2.
    ///
    /// The hash function is the one in the certificate's signature algorithm; the kind of its key does not matter.
    /// SHA-256 takes the place of MD5 and SHA-1. RSASSA-PSS names its hash in its parameters. A signature without a hash
    /// function of its own, such as Ed25519, has no binding of this kind.
    /// @throws as `application_data`; error `invalid_parameter` for another size, and for hexadecimal text.
    [[nodiscard]] static channel_bindings tls_server_end_point(const_bytes certificate_hash) {
        const bool is_text = std::all_of(certificate_hash.begin(), certificate_hash.end(), [](std::byte byte) {
            const auto digit = std::to_integer<char>(byte);
            return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f') || (digit >= 'A' && digit <= 'F');
        });
        if (is_text ||
            (certificate_hash.size() != 32 && certificate_hash.size() != 48 && certificate_hash.size() != 64)) {
            refuse();
        }
        return {"tls-server-end-point:", certificate_hash};
    }
    /// Returns bindings of a SEC_CHANNEL_BINDINGS and its data. Schannel returns this for SECPKG_ATTR_UNIQUE_BINDINGS
    /// and SECPKG_ATTR_ENDPOINT_BINDINGS.
    /// @throws std::bad_alloc; error `invalid_parameter` if a part lies in the header or outside of the structure, or
    ///   without application data.
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
        adopted.append(structure.data(), structure.size());
        return adopted;
    }

    /// Returns a view of the SEC_CHANNEL_BINDINGS and its data. It is empty for empty or moved-from bindings. It is
    /// valid until this object is moved from or assigned to.
    [[nodiscard]] std::span<const std::byte> native() const& noexcept { return {structure_.data(), structure_.size()}; }
    [[nodiscard]] std::span<const std::byte> native() const&& = delete; // a view of a temporary
    /// Returns false for empty bindings. Returns true for moved-from bindings, with which a handshake fails with
    /// `invalid_handle`. This prevents handshakes without the intended bindings.
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
        append(&header, sizeof header);
        append(prefix.data(), prefix.size());
        append(data.data(), data.size());
    }

    void append(const void* bytes, std::size_t size) {
        const auto* const first = static_cast<const std::byte*>(bytes);
        structure_.insert(structure_.end(), first, first + size);
    }

    [[noreturn]] static void refuse() { throw error{errc::invalid_parameter, "SEC_CHANNEL_BINDINGS"}; }

    bool given_ = false; // stays when moved from
    std::vector<std::byte> structure_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
