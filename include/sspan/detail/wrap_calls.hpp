// SPDX-License-Identifier: MIT
//
// Messages in one piece: token, data and padding without gaps, as in gss_wrap and gss_unwrap.
#pragma once

#include "../message_frame.hpp"
#include "../os/rfc4121.hpp"
#include "message_calls.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring> // std::memmove
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

struct wrap_calls {
    [[nodiscard]] static errc wrap(established* context, message_frame& frame, std::size_t size,
                                   protect_options options, std::span<const std::byte>& wire) noexcept;
    /// The offset is relative to `wire`.
    [[nodiscard]] static opened_data unwrap(established& context, std::span<std::byte> wire,
                                            accept_options options) noexcept;

private:
    [[nodiscard]] static opened_data unwrap_token_and_data(established& context, std::span<std::byte> wire,
                                                           accept_options options) noexcept;
    /// Returns the size of the token of a message in one piece, according to its header. Without a header, it is the
    /// size that the package announces.
    static std::size_t token_size(const established& context, std::span<const std::byte> wire) noexcept {
        return rfc4121::is_wrapped(wire) ? rfc4121::token_size(wire) : context.sizes.security_trailer;
    }
};

inline errc wrap_calls::wrap(established* context, message_frame& frame, std::size_t size, protect_options options,
                             std::span<const std::byte>& wire) noexcept {
    frame.message_size_ = 0;
    if (context == nullptr) {
        return errc::invalid_handle;
    }
    if (!context->can_encrypt(options)) {
        return errc::qop_not_supported;
    }
    if (frame.memory_.empty()) {
        return errc::invalid_handle;
    }
    if (frame.capacity_ < size || frame.padding_room_ < context->sizes.block_size) {
        return errc::buffer_too_small;
    }
    const auto memory = frame.memory(frame.front_, frame.memory_.size() - frame.front_);
    const one_part_to_change data{memory.subspan(frame.token_room_, size)};
    const auto token = memory.first(frame.token_room_);
    const auto padding = memory.subspan(frame.token_room_ + size, frame.padding_room_);
    const auto made = context->encrypt(data, token, padding, options);
    if (made.status != errc{}) [[unlikely]] {
        return made.status;
    }
    // A token that is shorter than its room moves up to the data.
    const auto gap = frame.token_room_ - made.token;
    if (gap != 0) {
        std::memmove(memory.data() + gap, memory.data(), made.token);
    }
    frame.message_offset_ = frame.front_ + gap;
    frame.message_size_ = made.token + size + made.padding;
    wire = memory.subspan(gap, frame.message_size_);
    return errc{};
}

inline opened_data wrap_calls::unwrap_token_and_data(established& context, std::span<std::byte> wire,
                                                     accept_options options) noexcept {
    if (const auto refused = context.refusal(context.can_decrypt(), one_part_to_change{wire}); refused != errc{}) {
        return {refused};
    }
    const auto token = token_size(context, wire);
    if (wire.size() < token) {
        return {errc::invalid_token};
    }
    auto opened = context.decrypt(one_part_to_change{wire.subspan(token)}, wire.first(token), options);
    opened.offset += static_cast<std::uint32_t>(token);
    return opened;
}

inline opened_data wrap_calls::unwrap(established& context, std::span<std::byte> wire,
                                      accept_options options) noexcept {
    if (context.form == unwrap_form::token_and_data) {
        return unwrap_token_and_data(context, wire, options);
    }
    if (const auto refused = context.refusal(context.can_decrypt(), one_part_to_change{wire}); refused != errc{}) {
        return {refused};
    }
    if (wire.empty()) {
        return {errc::invalid_token};
    }
    buffer_list<2> buffers;
    buffers.add(SECBUFFER_STREAM, wire);
    buffers.add(SECBUFFER_DATA, {}); // the package makes it point into `wire`
    ULONG quality = 0;               // NTLM does not set it
    const auto status =
        api::decrypt_message(context.handle.address(), buffers.native(), options.sequence_number, &quality);
    opened_data opened{to_errc(status)};
    if (opened.status == errc{}) [[likely]] {
        opened.status = context.judge(is_part(buffers[1], wire, opened.offset), quality, options, opened.quality);
        opened.size = buffers[1].cbBuffer;
    }
    if (opened.status != errc{}) [[unlikely]] {
        secure_zero(wire); // it may be the plaintext of a forged message
        return {opened.status};
    }
    return opened;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
