// SPDX-License-Identifier: MIT
//
// The state of a security context: its handle, the granted flags, and the rules for messages.
#pragma once

#include "../error.hpp"
#include "../flags.hpp"
#include "../message.hpp"
#include "../message_part.hpp"
#include "../os/handle.hpp"
#include "../os/time.hpp"
#include "negotiated.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// The form of DecryptMessage for a message in one piece: NTLM and DCE style need the token in a separate buffer.
enum class unwrap_form : std::uint8_t { stream, token_and_data };

// The results of the message calls: the status, errc{} for success, and the filled sizes of the caller's memory. Each
// fits into two registers.

struct made_signature {
    errc status{};
    std::uint32_t size = 0;
};
struct made_token {
    errc status{};
    std::uint32_t token = 0;
    std::uint32_t padding = 0;
};
struct opened_data {
    errc status{};
    std::uint32_t offset = 0; ///< In the last part that was decrypted.
    std::uint32_t size = 0;
    quality_of_protection quality = quality_of_protection::integrity_only;
};

/// The state of a security context. The context, its halves and the guards that impersonate its client share it. The
/// public classes document its functions. `Parts` is one of message_lists.hpp.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): a platform's handle may keep two cache lines apart
struct established {
    template <class Parts>
    [[nodiscard]] made_signature sign(Parts message, std::span<std::byte> signature,
                                      std::uint32_t sequence_number) noexcept;
    template <class Parts>
    [[nodiscard]] errc verify(Parts message, std::span<const std::byte> signature,
                              std::uint32_t sequence_number) noexcept;
    template <class Parts>
    [[nodiscard]] made_token encrypt(Parts message, std::span<std::byte> token, std::span<std::byte> padding,
                                     protect_options options) noexcept;
    template <class Parts>
    [[nodiscard]] opened_data decrypt(Parts message, std::span<std::byte> token, accept_options options) noexcept;

    /// Returns the reason to refuse a message call with these buffers, or errc{}.
    template <class Parts, class... Spans>
    [[nodiscard]] errc refusal(bool protection_granted, Parts message, Spans... spans) const noexcept {
        if (!protection_granted) {
            return errc::qop_not_supported;
        }
        if (message.size() == 0 || message.size() > max_message_parts) {
            return errc::invalid_parameter;
        }
        auto sizes_of_all = (std::size_t{0} | ... | spans.size()); // fits if each size fits
        for (std::size_t i = 0; i != message.size(); ++i) {
            sizes_of_all |= message.bytes(i).size();
        }
        if (!fits(sizes_of_all) || any_overlap(spans...)) {
            return errc::invalid_parameter;
        }
        if constexpr (Parts::capacity != 1) { // the package counts the sum of the sizes
            std::uint64_t sum = 0;
            for (std::size_t i = 0; i != message.size(); ++i) {
                sum += message.bytes(i).size();
            }
            if (sum > 0xFFFFFFFFU) {
                return errc::invalid_parameter;
            }
        }
        if constexpr (Parts::capacity != 1 && !Parts::written_to) { // a signature has to cover something
            bool covers = false;
            for (std::size_t i = 0; i != message.size(); ++i) {
                covers = covers || message.type(i) == SECBUFFER_DATA;
            }
            if (!covers) {
                return errc::invalid_parameter;
            }
        }
        for (std::size_t i = 0; i != message.size(); ++i) {
            [[maybe_unused]] const auto bytes = message.bytes(i);
            if ((overlap(bytes, spans) || ...)) {
                return errc::invalid_parameter;
            }
            if constexpr (Parts::written_to) {
                if (const auto refused = refusal_to_change(message, i); refused != errc{}) {
                    return refused;
                }
            }
        }
        return errc{};
    }

    /// Returns the reason not to pass this part to the package, or errc{}. Parts that are only read may overlap.
    template <class Parts>
    [[nodiscard]] errc refusal_to_change(Parts message, std::size_t index) const noexcept {
        for (std::size_t later = index + 1; later < message.size(); ++later) {
            if (overlap(message.bytes(index), message.bytes(later))) {
                return errc::invalid_parameter;
            }
        }
        const auto type = message.type(index);
        if (type == SECBUFFER_DATA && !message.writable(index)) {
            return errc::invalid_parameter;
        }
        return (type & SECBUFFER_READONLY_WITH_CHECKSUM) == 0 || package.covers_headers ? errc{}
                                                                                        : errc::unsupported_function;
    }

    [[nodiscard]] bool can_sign() const noexcept {
        return contains(granted, context_flags::integrity) && sizes.max_signature != 0;
    }
    [[nodiscard]] bool can_encrypt(const protect_options& options) const noexcept {
        const auto protection = options.quality == quality_of_protection::encrypted ? context_flags::confidentiality
                                                                                    : context_flags::integrity;
        return contains(granted, protection) && sizes.security_trailer != 0;
    }
    [[nodiscard]] bool can_decrypt() const noexcept {
        return (granted & (context_flags::integrity | context_flags::confidentiality)) != context_flags::none;
    }

    /// Sets `result` from DecryptMessage's `quality`. @return errc{} if the package's result is `sound`, and if the
    /// context and `options` allow such a message.
    [[nodiscard]] errc judge(bool sound, ULONG quality, accept_options options,
                             quality_of_protection& result) const noexcept {
        if (!sound) {
            return errc::internal_error;
        }
        if (quality == 0 && contains(granted, context_flags::confidentiality)) {
            result = quality_of_protection::encrypted;
            return errc{};
        }
        result = quality_of_protection::integrity_only;
        const bool must_be_encrypted =
            options.minimum == minimum_protection::encrypted ||
            (options.minimum == minimum_protection::as_required && contains(required, context_flags::confidentiality));
        return must_be_encrypted ? errc::qop_not_supported : errc{};
    }

    /// A share of the credentials. Messages do not access it. It is freed after the handle: SSPI requires contexts to
    /// be deleted first.
    std::shared_ptr<const void> credentials;
    context_handle handle;
    context_sizes sizes;
    chosen_package package;
    context_flags granted = context_flags::none;
    context_flags required = context_flags::none;
    optional_time expiry;
    bool is_server = false;
    unwrap_form form = unwrap_form::stream;
};

/// Fills `context` with what the package reports. `granted` loses the flags that NTLM never supports, unless another
/// package is at work for certain. On failure `handle` has been deleted.
/// `package` is taken for the package at work if the platform does not tell.
inline void establish(established& context, context_handle handle, context_flags granted, security_package package,
                      std::error_code& ec) noexcept {
    SecPkgContext_Sizes sizes{};
    auto raw = handle.get();
    ec = handle ? failure(api::query_context_attributes(&raw, SECPKG_ATTR_SIZES, &sizes)) : errc::invalid_handle;
    if (ec) {
        return;
    }
    context.package = query_chosen_package(raw);
    if (context.package.name == security_package::not_told) {
        context.package.name = package;
        context.package.covers_headers = package == security_package::ntlm;
    }
    context.handle = std::move(handle);
    context.sizes = {sizes.cbMaxToken, sizes.cbMaxSignature, sizes.cbBlockSize, sizes.cbSecurityTrailer};
    const bool may_be_ntlm = context.package.name == security_package::not_told || context.package.is_ntlm();
    context.granted = may_be_ntlm ? granted & ~never_ntlms : granted;
    context.form = context.package.is_ntlm() || contains(granted, context_flags::dce_style)
                       ? unwrap_form::token_and_data
                       : unwrap_form::stream;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
