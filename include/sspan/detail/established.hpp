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
#include <memory>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// How DecryptMessage takes a message in one piece: NTLM and DCE style want its token apart.
enum class unwrap_form : std::uint8_t { stream, token_and_data };

/// A message in one part: what most messages are. A list of one, without memory for the list.
struct one_const_part {
    static constexpr std::size_t capacity = 1;
    std::span<const std::byte> data;
    [[nodiscard]] static constexpr std::size_t size() noexcept { return 1; }
    [[nodiscard]] const_buffer operator[](std::size_t) const noexcept { return const_buffer::data(data); }
};
struct one_part {
    static constexpr std::size_t capacity = 1;
    std::span<std::byte> data;
    [[nodiscard]] static constexpr std::size_t size() noexcept { return 1; }
    [[nodiscard]] buffer operator[](std::size_t) const noexcept { return buffer::data(data); }
};
/// A message in the caller's parts.
template <class Part>
struct many_parts {
    static constexpr std::size_t capacity = max_message_parts;
    std::span<const Part> list;
    [[nodiscard]] std::size_t size() const noexcept { return list.size(); }
    [[nodiscard]] const Part& operator[](std::size_t index) const noexcept { return list[index]; }
};

// What the message calls return: the status, errc{} for success, and how much of the caller's memory they have filled.
// All of it fits into two registers.

struct made_signature {
    errc status{};
    std::uint32_t size = 0;
};
struct made_token {
    errc status{};
    bool called = false; ///< The package was called: a message that failed is no plaintext any more.
    std::uint32_t token = 0;
    std::uint32_t padding = 0;
};
struct opened_data {
    errc status{};
    std::uint32_t offset = 0; ///< in the last part that was decrypted
    std::uint32_t size = 0;
    quality_of_protection quality = quality_of_protection::integrity_only;
};

/// What makes a security context: shared by it, the halves that it was split into, and the guards that impersonate its
/// client. The public classes say what its functions do. `Parts` is one of the three above.
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

    /// Why a message call cannot be made with these buffers; SEC_E_OK if it can.
    template <class Parts, class... Spans>
    [[nodiscard]] errc refusal(bool protection_granted, Parts message, Spans... spans) const noexcept {
        if (!protection_granted) {
            return errc::qop_not_supported;
        }
        if (message.size() == 0 || message.size() > max_message_parts) {
            return errc::invalid_parameter;
        }
        auto sizes_of_all = (std::size_t{0} | ... | spans.size()); // fits if each of them does
        for (std::size_t i = 0; i != message.size(); ++i) {
            sizes_of_all |= message[i].bytes().size();
        }
        if (!fits(sizes_of_all) || any_overlap(spans...)) {
            return errc::invalid_parameter;
        }
        if constexpr (Parts::capacity != 1) { // the package counts all of them together
            std::uint64_t sum = 0;
            for (std::size_t i = 0; i != message.size(); ++i) {
                sum += message[i].bytes().size();
            }
            if (sum > 0xFFFFFFFFU) {
                return errc::invalid_parameter;
            }
        }
        for (std::size_t i = 0; i != message.size(); ++i) {
            [[maybe_unused]] const auto bytes = message[i].bytes();
            if ((overlap(bytes, spans) || ...) || overlaps_later(message, i)) {
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

    /// Whether a part overlaps one behind it. What is only read may.
    template <class Parts>
    [[nodiscard]] static bool overlaps_later([[maybe_unused]] Parts message,
                                             [[maybe_unused]] std::size_t index) noexcept {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(message[0])>, buffer>) {
            for (std::size_t later = index + 1; later < message.size(); ++later) {
                if (overlap(message[index].bytes(), message[later].bytes())) {
                    return true;
                }
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

    /// Sets what DecryptMessage's `quality` means. @return errc{} if what the package left is `sound`, and if the
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
            options.at_least == least_protection::encrypted ||
            (options.at_least == least_protection::as_required && contains(required, context_flags::confidentiality));
        return must_be_encrypted ? errc::qop_not_supported : errc{};
    }

    /// A share of the credentials. No message touches it. It goes after the handle: SSPI wants contexts deleted first.
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

/// Asks what there is to know of a context for which a handshake, or somebody else, was granted `granted`; of NTLM, less.
/// On failure the context has been deleted.
inline void establish(established& context, context_handle handle, context_flags granted,
                      std::error_code& ec) noexcept {
    SecPkgContext_Sizes sizes{};
    auto raw = handle.get();
    ec = handle ? failure(api::query_context_attributes(&raw, SECPKG_ATTR_SIZES, &sizes)) : errc::invalid_handle;
    if (ec) {
        return;
    }
    context.package = query_chosen_package(raw);
    context.handle = std::move(handle);
    context.sizes = {sizes.cbMaxToken, sizes.cbMaxSignature, sizes.cbBlockSize, sizes.cbSecurityTrailer};
    context.granted = context.package.is_ntlm ? granted & ~never_ntlms : granted;
    context.form = context.package.is_ntlm || contains(granted, context_flags::dce_style) ? unwrap_form::token_and_data
                                                                                          : unwrap_form::stream;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
