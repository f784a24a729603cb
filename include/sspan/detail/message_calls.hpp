// SPDX-License-Identifier: MIT
//
// The body of every message call: look at the arguments, call the package, look at what it did.
#pragma once

#include "../buffer.hpp"
#include "../error.hpp"
#include "../flags.hpp"
#include "../message.hpp"
#include "handle.hpp"
#include "secret.hpp"
#include "time.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// How DecryptMessage takes a message in one piece. Packages differ.
enum class unwrap_form : std::uint8_t { unknown, stream, token_and_data };

/// What makes a security context. The public classes say what its functions do. The number of a message's parts is known
/// beforehand (one) or std::dynamic_extent.
struct established {
    template <std::size_t Count>
    [[nodiscard]] std::span<std::byte> sign(std::span<const const_buffer, Count> message,
                                            std::span<std::byte> signature, const protect_options& options,
                                            std::error_code& ec) noexcept;
    template <std::size_t Count>
    [[nodiscard]] bool verify(std::span<const const_buffer, Count> message, std::span<const std::byte> signature,
                              const accept_options& options, std::error_code& ec) noexcept;
    template <std::size_t Count>
    [[nodiscard]] encrypted_parts encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                                          std::span<std::byte> padding, const protect_options& options,
                                          std::error_code& ec) noexcept;
    template <std::size_t Count>
    [[nodiscard]] decrypted_parts decrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                                          const accept_options& options, std::error_code& ec) noexcept;

    /// Why a message call cannot be made with these buffers; SEC_E_OK if it can.
    template <class Part, std::size_t Count, class... Spans>
    [[nodiscard]] errc refusal(bool protection_granted, std::span<Part, Count> message,
                               const Spans&... spans) const noexcept {
        if (!handle) {
            return errc::invalid_handle;
        }
        if (!protection_granted) {
            return errc::qop_not_supported;
        }
        if (message.empty() || message.size() > max_message_parts || !(fits(spans.size()) && ...) ||
            any_overlap(spans...)) {
            return errc::invalid_parameter;
        }
        if (message.size() > 1 && !api::takes_parts()) { // all but one would go unprotected
            return errc::unsupported_function;
        }
        for (std::size_t i = 0; i != message.size(); ++i) {
            const auto bytes = message[i].bytes();
            if (!fits(bytes.size()) || (overlap(bytes, spans) || ...) || overlaps_later(message, i)) {
                return errc::invalid_parameter;
            }
        }
        return errc{};
    }

    /// What is only read may overlap.
    [[nodiscard]] static bool overlaps_later(std::span<const const_buffer>, std::size_t) noexcept { return false; }
    [[nodiscard]] static bool overlaps_later(std::span<const buffer> message, std::size_t index) noexcept {
        for (std::size_t later = index + 1; later != message.size(); ++later) {
            if (overlap(message[index].bytes(), message[later].bytes())) {
                return true;
            }
        }
        return false;
    }

    [[nodiscard]] bool can_sign() const noexcept {
        return contains(granted, context_flags::integrity) && sizes.max_signature != 0;
    }
    [[nodiscard]] bool can_decrypt() const noexcept {
        return (granted & (context_flags::integrity | context_flags::confidentiality)) != context_flags::none;
    }

    /// What DecryptMessage's `quality` means; whether `options` and the context allow it.
    [[nodiscard]] bool accept(ULONG quality, const accept_options& options,
                              quality_of_protection& result) const noexcept {
        result = quality == 0 && contains(granted, context_flags::confidentiality)
                     ? quality_of_protection::encrypted
                     : quality_of_protection::integrity_only;
        const bool must_be_encrypted =
            options.at_least == least_protection::encrypted ||
            (options.at_least == least_protection::as_required && contains(required, context_flags::confidentiality));
        return result == quality_of_protection::encrypted || !must_be_encrypted;
    }

    context_handle handle;
    context_sizes sizes;
    context_flags granted = context_flags::none;
    context_flags required = context_flags::none;
    optional_time expiry;
    bool is_server = false;
    unwrap_form form = unwrap_form::unknown; // the receiver's
    std::uint32_t wrapped_token = 0;         // the sender's last; the receiver may look at it meanwhile
};

/// A message and two buffers of the package's.
template <std::size_t Count>
using message_buffers = buffer_list<(Count == std::dynamic_extent ? max_message_parts : Count) + 2>;

/// Asks for the sizes of a context that a handshake, or somebody else, has established. On failure it has been deleted.
[[nodiscard]] inline established establish(context_handle handle, context_flags granted, context_flags required,
                                           std::error_code& ec, optional_time expiry, bool is_server) noexcept {
    SecPkgContext_Sizes sizes{};
    auto raw = handle.get();
    ec = handle ? failure(api::query_context_attributes(&raw, SECPKG_ATTR_SIZES, &sizes)) : errc::invalid_handle;
    if (ec) {
        return {};
    }
    return {std::move(handle),
            {sizes.cbMaxToken, sizes.cbMaxSignature, sizes.cbBlockSize, sizes.cbSecurityTrailer},
            granted,
            required,
            expiry,
            is_server};
}

template <std::size_t Count>
std::span<std::byte> established::sign(std::span<const const_buffer, Count> message, std::span<std::byte> signature,
                                       const protect_options& options, std::error_code& ec) noexcept {
    auto refused = refusal(can_sign(), message, signature);
    if (refused == errc{} && signature.size() < sizes.max_signature) {
        refused = errc::buffer_too_small;
    }
    if (!succeeded(refused, ec)) {
        return {};
    }
    message_buffers<Count> buffers;
    for (const auto& part : message) {
        buffers.add(part.type(), part.bytes());
    }
    const auto last = buffers.add(SECBUFFER_TOKEN, signature);
    auto raw = handle.get();
    if (!succeeded(api::make_signature(&raw, 0, buffers.native(), options.sequence_number), ec)) {
        return {};
    }
    std::span<std::byte> written;
    if (!filled(buffers[last], signature, written) || written.empty()) {
        ec = errc::internal_error;
        return {};
    }
    return written;
}

template <std::size_t Count>
bool established::verify(std::span<const const_buffer, Count> message, std::span<const std::byte> signature,
                         const accept_options& options, std::error_code& ec) noexcept {
    auto refused = refusal(can_sign(), message, signature);
    if (refused == errc{} && signature.empty()) {
        refused = errc::invalid_token;
    }
    if (!succeeded(refused, ec)) {
        return false;
    }
    message_buffers<Count> buffers;
    for (const auto& part : message) {
        buffers.add(part.type(), part.bytes());
    }
    buffers.add(SECBUFFER_TOKEN, signature);
    ULONG quality = 0;
    auto raw = handle.get();
    return succeeded(api::verify_signature(&raw, buffers.native(), options.sequence_number, &quality), ec);
}

template <std::size_t Count>
encrypted_parts established::encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                                     std::span<std::byte> padding, const protect_options& options,
                                     std::error_code& ec) noexcept {
    const auto protection =
        options.quality == quality_of_protection::encrypted ? context_flags::confidentiality : context_flags::integrity;
    auto refused = refusal(contains(granted, protection) && sizes.security_trailer != 0, message, token, padding);
    if (refused == errc{} && (token.size() < sizes.security_trailer || padding.size() < sizes.block_size)) {
        refused = errc::buffer_too_small;
    }
    if (!succeeded(refused, ec)) {
        return {};
    }
    message_buffers<Count> buffers;
    buffers.add(SECBUFFER_TOKEN, token);
    for (const auto& part : message) {
        buffers.add(part.type(), part.bytes());
    }
    SecBuffer pad{};
    std::size_t last = 0;
    if (!padding.empty()) {
        last = buffers.add(SECBUFFER_PADDING, padding);
    }
    auto raw = handle.get();
    if (!succeeded(
            api::encrypt_message(&raw, static_cast<ULONG>(options.quality), buffers.native(), options.sequence_number),
            ec)) {
        return {};
    }
    if (last != 0) {
        pad = buffers[last];
    }
    encrypted_parts parts;
    bool sound = filled(buffers[0], token, parts.token) && !parts.token.empty() && filled(pad, padding, parts.padding);
    for (std::size_t i = 0; i != message.size(); ++i) {
        const auto bytes = message[i].bytes();
        const auto& left = buffers[i + 1];
        sound = sound && left.cbBuffer == bytes.size() && (bytes.empty() || left.pvBuffer == bytes.data());
    }
    if (!sound) {
        ec = errc::internal_error;
        return {};
    }
    if (parts.padding.size() > sizes.block_size) { // left as it was by a package that never pads
        parts.padding = {};
    }
    return parts;
}

template <std::size_t Count>
decrypted_parts established::decrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                                     const accept_options& options, std::error_code& ec) noexcept {
    auto refused = refusal(can_decrypt(), message, token);
    if (refused == errc{} && token.empty()) {
        refused = errc::invalid_token;
    }
    if (!succeeded(refused, ec)) {
        return {};
    }
    message_buffers<Count> buffers;
    buffers.add(SECBUFFER_TOKEN, token);
    std::size_t last = 0;
    std::span<std::byte> data; // of the last part to decrypt
    for (const auto& part : message) {
        const auto index = buffers.add(part.type(), part.bytes());
        if (part.writable()) {
            last = index;
            data = part.writable_bytes();
        }
    }
    ULONG quality = 0; // NTLM leaves it alone
    auto raw = handle.get();
    const auto status = api::decrypt_message(&raw, buffers.native(), options.sequence_number, &quality);

    decrypted_parts parts;
    if (succeeded(status, ec)) {
        bool sound = last == 0 || filled_part(buffers[last], data, parts.last);
        for (std::size_t i = 0; i != message.size(); ++i) {
            const auto bytes = message[i].bytes();
            const auto& left = buffers[i + 1];
            sound = sound && (i + 1 == last ||
                              (left.cbBuffer == bytes.size() && (bytes.empty() || left.pvBuffer == bytes.data())));
        }
        if (!sound) {
            ec = errc::internal_error;
        } else if (!accept(quality, options, parts.quality)) {
            ec = errc::qop_not_supported;
        }
    }
    if (ec) {
        // Some packages decrypt before they check, so this may be the plaintext of a message that is not authentic.
        for (const auto& part : message) {
            secure_zero(part.writable_bytes());
        }
        secure_zero(token);
        return {};
    }
    return parts;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
