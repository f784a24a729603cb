// SPDX-License-Identifier: MIT
//
// Messages in one piece: token, data and padding without gaps, as gss_wrap makes and gss_unwrap takes them.
#pragma once

#include "../message_frame.hpp"
#include "message_calls.hpp"

#include <atomic> // std::atomic_ref
#include <cstddef>
#include <cstdint>
#include <cstring> // std::memmove
#include <span>
#include <system_error>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

struct wrap_calls {
    [[nodiscard]] static std::span<const std::byte> wrap(established& context, message_frame& frame, std::size_t size,
                                                         const protect_options& options, std::error_code& ec) noexcept;
    [[nodiscard]] static decrypted_message unwrap(established& context, std::span<std::byte> wire,
                                                  const accept_options& options, std::error_code& ec) noexcept;

private:
    /// DecryptMessage in the `form`; the status goes to `ec`.
    static decrypted_message unwrap_as(unwrap_form form, established& context, std::span<std::byte> wire,
                                       std::size_t token, const accept_options& options, std::error_code& ec) noexcept;
    /// Whether the package can tell the token of a message in one piece from its data.
    static bool finds_token(established& context) noexcept {
        return api::finds_tokens() || context.form != unwrap_form::unknown ||
               contains(context.granted, context_flags::dce_style) ||
               std::atomic_ref{context.wrapped_token}.load(std::memory_order_relaxed) != 0;
    }
    /// How many bytes of a message in one piece are its token.
    static std::size_t token_size(established& context) noexcept {
        const std::size_t last = std::atomic_ref{context.wrapped_token}.load(std::memory_order_relaxed);
        return last != 0 ? last : context.sizes.security_trailer;
    }
};

inline std::span<const std::byte> wrap_calls::wrap(established& context, message_frame& frame, std::size_t size,
                                                   const protect_options& options, std::error_code& ec) noexcept {
    if (frame.payload().size() < size || frame.memory_.empty()) {
        ec = !context.handle || frame.memory_.empty() ? errc::invalid_handle : errc::buffer_too_small;
        return {};
    }
    const std::span memory{frame.memory_};
    const auto data = frame.payload().first(size);
    const auto token = memory.first(frame.token_room_);
    const auto padding = memory.subspan(frame.token_room_ + size, frame.padding_room_);
    const buffer message[]{buffer::data(data)};
    if (!context.may_encrypt(std::span{message}, token, padding, options, ec)) {
        return {};
    }
    const auto parts = context.call_encrypt(std::span{message}, token, padding, options, ec);
    if (ec) {
        secure_zero(data); // neither plaintext nor a message
        return {};
    }
    // A token that came out short moves up to the data.
    const auto gap = frame.token_room_ - parts.token.size();
    std::memmove(memory.data() + gap, parts.token.data(), parts.token.size());
    std::atomic_ref{context.wrapped_token}.store(static_cast<std::uint32_t>(parts.token.size()),
                                                 std::memory_order_relaxed);
    return memory.subspan(gap, parts.token.size() + size + parts.padding.size());
}

inline decrypted_message wrap_calls::unwrap_as(unwrap_form form, established& context, std::span<std::byte> wire,
                                               std::size_t token, const accept_options& options,
                                               std::error_code& ec) noexcept {
    buffer_list<2> buffers;
    constexpr std::size_t data = 1;
    std::span<std::byte> where = wire;
    if (form == unwrap_form::stream) {
        buffers.add(SECBUFFER_STREAM, wire);
        buffers.add(SECBUFFER_DATA, {}); // the package makes it point into `wire`
    } else {
        if (wire.size() < token) {
            ec = errc::invalid_token;
            return {};
        }
        where = wire.subspan(token);
        buffers.add(SECBUFFER_TOKEN, wire.first(token));
        buffers.add(SECBUFFER_DATA, where);
    }
    ULONG quality = 0; // NTLM leaves it alone
    auto raw = context.handle.get();
    decrypted_message message;
    const auto which = established::number(options.sequence_number, context.received);
    if (succeeded(api::decrypt_message(&raw, buffers.native(), which, &quality), ec)) {
        ++context.received;
        if (!filled_part(buffers[data], where, message.data)) {
            ec = errc::internal_error;
        } else if (!context.accept(quality, options, message.quality)) {
            ec = errc::qop_not_supported;
        }
    }
    return message;
}

inline decrypted_message wrap_calls::unwrap(established& context, std::span<std::byte> wire,
                                            const accept_options& options, std::error_code& ec) noexcept {
    const buffer whole[]{buffer::data(wire)};
    auto refused = context.refusal(context.can_decrypt(), std::span{whole});
    const auto token = token_size(context); // once: the sender may change it meanwhile
    const bool has_token = context.form != unwrap_form::token_and_data || wire.size() >= token;
    if (refused == errc{} && (wire.empty() || !has_token)) {
        refused = errc::invalid_token;
    }
    if (refused == errc{} && !finds_token(context)) {
        refused = errc::unsupported_function;
    }
    if (!succeeded(refused, ec)) {
        return {};
    }
    auto form = context.form == unwrap_form::unknown ? unwrap_form::stream : context.form;
    auto message = unwrap_as(form, context, wire, token, options, ec);
    if (context.form == unwrap_form::unknown && (ec == errc::invalid_token || ec == errc::unsupported_function)) {
        form = unwrap_form::token_and_data; // perhaps the package does not know SECBUFFER_STREAM
        message = unwrap_as(form, context, wire, token, options, ec);
    }
    if (ec) {
        secure_zero(wire); // it may be the plaintext of a message that is not authentic
        return {};
    }
    context.form = form;
    return message;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
