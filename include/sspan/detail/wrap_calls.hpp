// SPDX-License-Identifier: MIT
//
// Messages in one piece: token, data and padding without gaps, as gss_wrap makes and gss_unwrap takes them.
#pragma once

#include "../message_frame.hpp"
#include "../os/rfc4121.hpp"
#include "message_calls.hpp"

#include <cstddef>
#include <cstring> // std::memmove
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

struct wrap_calls {
    [[nodiscard]] static errc wrap(established& context, message_frame& frame, std::size_t size,
                                   const protect_options& options, std::span<const std::byte>& wire) noexcept;
    [[nodiscard]] static errc unwrap(established& context, std::span<std::byte> wire, const accept_options& options,
                                     decrypted_message& message) noexcept;

private:
    [[nodiscard]] static errc call_unwrap(established& context, std::span<std::byte> wire,
                                          const accept_options& options, decrypted_message& message) noexcept;
    /// How many bytes of a message in one piece are its token: as its header says, else as the package announces.
    static std::size_t token_size(const established& context, std::span<const std::byte> wire) noexcept {
        return rfc4121::is_wrapped(wire) ? rfc4121::token_size(wire) : context.sizes.security_trailer;
    }
};

inline errc wrap_calls::wrap(established& context, message_frame& frame, std::size_t size,
                             const protect_options& options, std::span<const std::byte>& wire) noexcept {
    if (frame.payload().size() < size || frame.memory_.empty()) {
        return !context.handle || frame.memory_.empty() ? errc::invalid_handle : errc::buffer_too_small;
    }
    const std::span memory{frame.memory_};
    const auto data = frame.payload().first(size);
    const auto token = memory.first(frame.token_room_);
    const auto padding = memory.subspan(frame.token_room_ + size, frame.padding_room_);
    const buffer message[]{buffer::data(data)};
    if (const auto refused = context.may_encrypt(std::span{message}, token, padding, options); refused != errc{}) {
        return refused;
    }
    encrypted_parts parts;
    if (const auto status = context.call_encrypt(std::span{message}, token, padding, options, parts);
        status != errc{}) {
        secure_zero(data); // neither plaintext nor a message
        return status;
    }
    // A token that came out short moves up to the data.
    const auto gap = frame.token_room_ - parts.token.size();
    std::memmove(memory.data() + gap, parts.token.data(), parts.token.size());
    wire = memory.subspan(gap, parts.token.size() + size + parts.padding.size());
    return errc{};
}

inline errc wrap_calls::call_unwrap(established& context, std::span<std::byte> wire, const accept_options& options,
                                    decrypted_message& message) noexcept {
    buffer_list<2> buffers;
    constexpr std::size_t data = 1;
    std::span<std::byte> where = wire;
    if (context.form == unwrap_form::stream) {
        buffers.add(SECBUFFER_STREAM, wire);
        buffers.add(SECBUFFER_DATA, {}); // the package makes it point into `wire`
    } else {
        const auto token = token_size(context, wire);
        where = wire.subspan(token);
        buffers.add(SECBUFFER_TOKEN, wire.first(token));
        buffers.add(SECBUFFER_DATA, where);
    }
    ULONG quality = 0; // NTLM leaves it alone
    if (const auto status =
            api::decrypt_message(context.handle.address(), buffers.native(), options.sequence_number, &quality);
        status != SEC_E_OK) {
        return to_errc(status);
    }
    decrypted_message opened;
    if (!filled_part(buffers[data], where, opened.data)) {
        return errc::internal_error;
    }
    if (!context.accept(quality, options, opened.quality)) {
        return errc::qop_not_supported;
    }
    message = opened;
    return errc{};
}

inline errc wrap_calls::unwrap(established& context, std::span<std::byte> wire, const accept_options& options,
                               decrypted_message& message) noexcept {
    const buffer whole[]{buffer::data(wire)};
    if (const auto refused = context.refusal(context.can_decrypt(), std::span{whole}); refused != errc{}) {
        return refused;
    }
    if (wire.empty() || (context.form == unwrap_form::token_and_data && wire.size() < token_size(context, wire))) {
        return errc::invalid_token;
    }
    const auto status = call_unwrap(context, wire, options, message);
    if (status != errc{}) {
        secure_zero(wire); // it may be the plaintext of a message that is not authentic
    }
    return status;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
