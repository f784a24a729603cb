// SPDX-License-Identifier: MIT
//
// Corrects the differences between the messages of Wine's packages and of Windows. Outside DCE style, Wine's Kerberos
// returns gss_wrap's message in an order of its own, and accepts only this order.
#pragma once

#include "platform.hpp"

#if defined(_WIN32)

#include "rfc4121.hpp"
#include "substitute.hpp"
#include "wine.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new> // std::nothrow
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail::wine {

/// The size of NTLM's token. Wine reads it even from shorter buffers. Kerberos' tokens are longer.
inline constexpr ULONG shortest_token = 16;
/// Memory for a signature or token of any key. Wine copies without checking the size.
using token_memory = std::array<std::byte, 256>;

/// Calls `call` with the data in one piece and `memory` for the token. Sets `token` to the written part.
template <class Call>
[[nodiscard]] SECURITY_STATUS make_token(message_parts& parts, token_memory& memory, std::span<std::byte>& token,
                                         Call call) noexcept {
    if (parts.token == nullptr || !parts.gather()) {
        return parts.token == nullptr ? SEC_E_INVALID_TOKEN : SEC_E_INSUFFICIENT_MEMORY;
    }
    SecBuffer buffers[]{one_buffer(SECBUFFER_DATA, parts.piece()),
                        one_buffer(SECBUFFER_TOKEN, {memory.data(), memory.size()})};
    SecBufferDesc message{SECBUFFER_VERSION, 2, buffers};
    const auto status = call(message);
    token = {memory.data(), buffers[1].cbBuffer <= memory.size() ? buffers[1].cbBuffer : 0};
    return status;
}
[[nodiscard]] inline SECURITY_STATUS give_token(SecBuffer& buffer, std::span<const std::byte> token) noexcept {
    if (token.size() > buffer.cbBuffer) {
        return SEC_E_BUFFER_TOO_SMALL;
    }
    std::memcpy(buffer.pvBuffer, token.data(), token.size());
    buffer.cbBuffer = static_cast<ULONG>(token.size());
    return SEC_E_OK;
}

inline SECURITY_STATUS SEC_ENTRY sign(CtxtHandle* context, ULONG quality, SecBufferDesc* message,
                                      ULONG number) noexcept {
    if (package_of(context) == package::foreign) {
        return ::MakeSignature(context, quality, message, number);
    }
    message_parts parts{*message};
    token_memory memory;
    std::span<std::byte> token;
    const auto status = make_token(parts, memory, token,
                                   [&](SecBufferDesc& one) { return ::MakeSignature(context, quality, &one, number); });
    return status == SEC_E_OK ? give_token(*parts.token, token) : status;
}

inline SECURITY_STATUS SEC_ENTRY verify(CtxtHandle* context, SecBufferDesc* message, ULONG number,
                                        ULONG* quality) noexcept {
    if (package_of(context) == package::foreign) {
        return ::VerifySignature(context, message, number, quality);
    }
    message_parts parts{*message};
    if (parts.token == nullptr || !parts.gather()) {
        return parts.token == nullptr ? SEC_E_INVALID_TOKEN : SEC_E_INSUFFICIENT_MEMORY;
    }
    if (parts.token->cbBuffer < shortest_token) {
        return SEC_E_INVALID_TOKEN;
    }
    SecBuffer buffers[]{one_buffer(SECBUFFER_DATA, parts.piece()), *parts.token};
    SecBufferDesc one{SECBUFFER_VERSION, 2, buffers};
    return ::VerifySignature(context, &one, number, quality);
}

/// Corrects a message of gss_wrap, which Wine cuts in two: its first bytes are in `data`, as many as there were data
/// bytes. The rest is in `token`. Afterwards `data` holds the encrypted data. `token` holds everything else, rotated to
/// its place before the data.
/// @return false if it is not a message of RFC 4121.
[[nodiscard]] inline bool to_token_and_data(std::span<std::byte> data, std::span<std::byte> token) noexcept {
    using namespace rfc4121;
    constexpr std::size_t most = header_size + confounder_size;
    const auto at = [&](std::size_t index) -> std::byte& {
        return index < data.size() ? data[index] : token[index - data.size()];
    };
    std::byte front[most]{};
    for (std::size_t i = 0; i != header_size && i != data.size() + token.size(); ++i) {
        front[i] = at(i);
    }
    if (!is_wrapped(front) || rotation(front) != 0) {
        return false;
    }
    const auto before = is_sealed(front) ? most : header_size;
    if (token.size() <= before) {
        return false;
    }
    for (std::size_t i = header_size; i != before; ++i) {
        front[i] = at(i);
    }
    const auto behind = token.size() - before; // the filler, the header's copy and the checksum
    token_memory rest{};
    std::memcpy(rest.data(), token.data(), token.size());
    // The data move to the front of their buffer. The data bytes that Wine put into the token follow.
    const auto kept = data.size() > before ? data.size() - before : 0;
    if (kept != 0) {
        std::memmove(data.data(), data.data() + before, kept);
    }
    for (std::size_t i = kept; i != data.size(); ++i) {
        data[i] = rest[before + i - data.size()];
    }
    set_rotation(front, behind);
    std::memcpy(token.data(), front, header_size);
    std::memcpy(token.data() + header_size, rest.data() + before, behind);
    std::memcpy(token.data() + header_size + behind, front + header_size, before - header_size);
    return true;
}

inline SECURITY_STATUS SEC_ENTRY encrypt(CtxtHandle* context, ULONG quality, SecBufferDesc* message,
                                         ULONG number) noexcept {
    const auto which = package_of(context);
    if (which == package::foreign) {
        return ::EncryptMessage(context, quality, message, number);
    }
    message_parts parts{*message};
    if (parts.has_header || parts.data == nullptr) {
        return parts.has_header ? SEC_E_UNSUPPORTED_FUNCTION : SEC_E_INVALID_TOKEN;
    }
    token_memory memory;
    std::span<std::byte> token;
    const auto status = make_token(
        parts, memory, token, [&](SecBufferDesc& one) { return ::EncryptMessage(context, quality, &one, number); });
    if (status != SEC_E_OK) {
        return status;
    }
    if (which == package::kerberos && !to_token_and_data(parts.piece(), token)) {
        return SEC_E_UNSUPPORTED_FUNCTION; // a key type older than RFC 4121
    }
    parts.scatter();
    return give_token(*parts.token, token);
}

/// Opens a complete Kerberos message outside DCE style. Afterwards its data are at the front of `wire`.
[[nodiscard]] inline SECURITY_STATUS open(CtxtHandle* context, std::span<std::byte> wire, ULONG number, ULONG* quality,
                                          std::size_t& size) noexcept {
    using namespace rfc4121;
    constexpr auto least_behind = header_size + confounder_size + checksum_sizes[0]; // everything around the copy
    if (!is_wrapped(wire)) {
        return SEC_E_INVALID_TOKEN;
    }
    std::byte header[header_size]{};
    std::memcpy(header, wire.data(), header_size);
    const bool sealed = is_sealed(header);
    const auto extra = extra_count(header);
    const auto surplus = sealed ? least_behind : header_size + extra;
    if (wire.size() < surplus + (sealed ? header_size + extra : 0)) {
        return SEC_E_INVALID_TOKEN;
    }
    // Wine passes both buffers to gss_unwrap as one. It then copies as many bytes of the result as the data buffer has.
    // In the result of a sealed message, the copy of the header follows the data and shows their end.
    const auto room = wire.size() - surplus;
    SecBuffer buffers[]{one_buffer(SECBUFFER_DATA, wire.first(room)), one_buffer(SECBUFFER_TOKEN, wire.subspan(room))};
    SecBufferDesc message{SECBUFFER_VERSION, 2, buffers};
    constexpr ULONG untouched = 0x5A5A5A5A;
    *quality = untouched;
    const auto status = ::DecryptMessage(context, &message, number, quality);
    if (!sealed) {
        size = room;
        return status;
    }
    constexpr auto access_violation = static_cast<SECURITY_STATUS>(0xC0000005U);
    if (status == access_violation && *quality == 0) {
        size = 0; // gss_unwrap opened an empty message, and returned no memory to copy from
        return SEC_E_OK;
    }
    if (status != SEC_E_OK) {
        return status;
    }
    set_rotation(header, 0);
    for (const auto checksum : checksum_sizes) {
        if (wire.size() < header_size + confounder_size + extra + header_size + checksum) {
            break;
        }
        const auto copy = wire.size() - header_size - confounder_size - header_size - checksum;
        if (std::memcmp(wire.data() + copy, header, header_size) == 0) {
            size = copy - extra;
            return SEC_E_OK;
        }
    }
    return SEC_E_INTERNAL_ERROR;
}

inline SECURITY_STATUS SEC_ENTRY decrypt(CtxtHandle* context, SecBufferDesc* message, ULONG number,
                                         ULONG* quality) noexcept {
    const auto which = package_of(context);
    if (which == package::foreign) {
        return ::DecryptMessage(context, message, number, quality);
    }
    message_parts parts{*message};
    if (parts.data == nullptr || parts.has_header) {
        return parts.data == nullptr ? SEC_E_INVALID_TOKEN : SEC_E_UNSUPPORTED_FUNCTION;
    }
    std::size_t size = 0;
    if (parts.stream != nullptr) {
        if (which != package::kerberos) {
            return SEC_E_INVALID_TOKEN;
        }
        const std::span wire{static_cast<std::byte*>(parts.stream->pvBuffer), parts.stream->cbBuffer};
        const auto status = open(context, wire, number, quality, size);
        if (status == SEC_E_OK) {
            *parts.data = one_buffer(SECBUFFER_DATA, wire.first(size));
        }
        return status;
    }
    if (parts.token == nullptr || !parts.gather()) {
        return parts.token == nullptr ? SEC_E_INVALID_TOKEN : SEC_E_INSUFFICIENT_MEMORY;
    }
    if (parts.token->cbBuffer < shortest_token) {
        return SEC_E_INVALID_TOKEN;
    }
    const auto data = parts.piece();
    if (which != package::kerberos) {
        SecBuffer buffers[]{one_buffer(SECBUFFER_DATA, data), *parts.token};
        SecBufferDesc one{SECBUFFER_VERSION, 2, buffers};
        const auto status = ::DecryptMessage(context, &one, number, quality);
        parts.scatter();
        return status;
    }
    // Wine would copy as many bytes as there are data, regardless of the result. Separate memory exposes a wrong
    // boundary.
    if (const std::span token{static_cast<const std::byte*>(parts.token->pvBuffer), parts.token->cbBuffer};
        !rfc4121::is_wrapped(token) || !rfc4121::can_be_token(token)) {
        return rfc4121::is_wrapped(token) ? SEC_E_MESSAGE_ALTERED : SEC_E_INVALID_TOKEN;
    }
    const auto length = std::size_t{parts.token->cbBuffer} + data.size();
    const std::unique_ptr<std::byte[]> whole{new (std::nothrow) std::byte[length]};
    if (!whole) {
        return SEC_E_INSUFFICIENT_MEMORY;
    }
    const std::span wire{whole.get(), length};
    std::memcpy(wire.data(), parts.token->pvBuffer, parts.token->cbBuffer);
    if (!data.empty()) {
        std::memcpy(wire.data() + parts.token->cbBuffer, data.data(), data.size());
    }
    auto status = open(context, wire, number, quality, size);
    if (status == SEC_E_OK && size != data.size()) {
        status = SEC_E_MESSAGE_ALTERED;
    }
    if (status == SEC_E_OK && size != 0) {
        std::memcpy(data.data(), wire.data(), size);
        parts.scatter();
    }
    ::SecureZeroMemory(whole.get(), length);
    return status;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail::wine

#endif
