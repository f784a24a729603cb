// SPDX-License-Identifier: MIT
//
// What makes a security context: its handle, what was granted, and the rules for messages.
#pragma once

#include "../buffer.hpp"
#include "../error.hpp"
#include "../flags.hpp"
#include "../message.hpp"
#include "../os/handle.hpp"
#include "../os/time.hpp"
#include "negotiated.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// How DecryptMessage takes a message in one piece: NTLM and DCE style want its token apart.
enum class unwrap_form : std::uint8_t { stream, token_and_data };

/// What makes a security context. The public classes say what its functions do. They return the status, errc{} for
/// success, and write results on success only. The number of a message's parts is known beforehand (one) or
/// std::dynamic_extent.
struct established {
    template <std::size_t Count>
    [[nodiscard]] errc sign(std::span<const const_buffer, Count> message, std::span<std::byte> signature,
                            const protect_options& options, std::span<std::byte>& written) noexcept;
    template <std::size_t Count>
    [[nodiscard]] errc verify(std::span<const const_buffer, Count> message, std::span<const std::byte> signature,
                              const accept_options& options) noexcept;
    template <std::size_t Count>
    [[nodiscard]] errc encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                               std::span<std::byte> padding, const protect_options& options,
                               encrypted_parts& parts) noexcept;
    template <std::size_t Count>
    [[nodiscard]] errc decrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                               const accept_options& options, decrypted_parts& parts) noexcept;

    /// The two halves of `encrypt`: whether the package may be called, and the call.
    template <std::size_t Count>
    [[nodiscard]] errc may_encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                                   std::span<std::byte> padding, const protect_options& options) const noexcept;
    template <std::size_t Count>
    [[nodiscard]] errc call_encrypt(std::span<const buffer, Count> message, std::span<std::byte> token,
                                    std::span<std::byte> padding, const protect_options& options,
                                    encrypted_parts& parts) noexcept;

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
        for (std::size_t i = 0; i != message.size(); ++i) {
            const auto bytes = message[i].bytes();
            if (!fits(bytes.size()) || (overlap(bytes, spans) || ...) || overlaps_later(message, i)) {
                return errc::invalid_parameter;
            }
            if (!covers(message[i])) {
                return errc::unsupported_function;
            }
        }
        return errc{};
    }

    /// Whether the package checks a part that claims it.
    [[nodiscard]] static bool covers(const const_buffer&) noexcept { return true; }
    [[nodiscard]] bool covers(const buffer& part) const noexcept {
        return (part.type() & SECBUFFER_READONLY_WITH_CHECKSUM) == 0 || package.covers_headers;
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
    chosen_package package;
    context_flags granted = context_flags::none;
    context_flags required = context_flags::none;
    optional_time expiry;
    bool is_server = false;
    unwrap_form form = unwrap_form::stream;
};

/// Asks what there is to know of a context for which a handshake, or somebody else, was granted `granted`; of NTLM, less.
/// On failure the context has been deleted.
[[nodiscard]] inline established establish(context_handle handle, context_flags granted, std::error_code& ec) noexcept {
    SecPkgContext_Sizes sizes{};
    auto raw = handle.get();
    ec = handle ? failure(api::query_context_attributes(&raw, SECPKG_ATTR_SIZES, &sizes)) : errc::invalid_handle;
    if (ec) {
        return {};
    }
    established context;
    context.package = query_chosen_package(raw);
    context.handle = std::move(handle);
    context.sizes = {sizes.cbMaxToken, sizes.cbMaxSignature, sizes.cbBlockSize, sizes.cbSecurityTrailer};
    context.granted = context.package.is_ntlm ? granted & ~never_ntlms : granted;
    context.form = context.package.is_ntlm || contains(granted, context_flags::dce_style) ? unwrap_form::token_and_data
                                                                                          : unwrap_form::stream;
    return context;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
