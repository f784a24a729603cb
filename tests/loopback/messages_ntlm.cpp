// SPDX-License-Identifier: MIT
//
// Messages in the manner of NTLM. Each direction has one key stream, and every call advances it, even if the message is
// invalid. A signature is 01 00 00 00 | check, 8 bytes, encrypted | sequence number, 4 bytes. The check covers the
// plaintext, so the message is decrypted before it is checked.
#include "messages.hpp"

#include <algorithm>
#include <array>

namespace loopback::ntlm {

namespace {

constexpr std::size_t token_size = 16;
constexpr std::size_t check_size = 8;
constexpr std::array<std::byte, 4> version{std::byte{1}};
/// The signature of contexts without integrity. They send it, and accept it.
constexpr std::array<std::byte, token_size> dummy{std::byte{1}};

void apply_stream(direction& way, std::span<std::byte> bytes) noexcept {
    chacha20(way.cipher, 0, way.stream, way.position).apply(bytes);
    way.position += bytes.size();
}

void apply_stream(direction& way, const message_buffers& buffers) noexcept {
    buffers.each_checked([&way](std::span<std::byte> bytes, bool ciphered) {
        if (ciphered) {
            apply_stream(way, bytes);
        }
    });
}

std::array<std::byte, check_size> check_of(const direction& way, const message_buffers& buffers) noexcept {
    siphash hash(way.mac);
    hash.update(way.sequence).update(buffers.checked_size());
    buffers.each_checked([&hash](std::span<std::byte> bytes, bool) { hash.update(bytes); });
    const auto full = hash.finish();
    std::array<std::byte, check_size> result{};
    std::copy_n(full.begin(), check_size, result.begin());
    return result;
}

void write_token(direction& way, std::array<std::byte, check_size> check, std::span<std::byte> token) noexcept {
    apply_stream(way, check);
    std::ranges::copy(version, token.begin());
    std::ranges::copy(check, token.begin() + version.size());
    store_little(token.data() + version.size() + check_size, static_cast<std::uint32_t>(way.sequence));
    ++way.sequence;
}

/// Checks a token. Only a valid message advances the counter; every message advances the key stream.
SECURITY_STATUS check_token(direction& way, std::array<std::byte, check_size> check,
                            std::span<const std::byte> token) noexcept {
    apply_stream(way, check);
    const auto sequence = load_little<std::uint32_t>(token.data() + version.size() + check_size);
    if (!same_bytes(token.first(version.size()), version)) {
        return SEC_E_MESSAGE_ALTERED;
    }
    if (sequence != static_cast<std::uint32_t>(way.sequence)) {
        return SEC_E_OUT_OF_SEQUENCE; // no evidence: Wine, WinPR and sspi-rs return SEC_E_MESSAGE_ALTERED
    }
    if (!same_bytes(token.subspan(version.size(), check_size), check)) {
        return SEC_E_MESSAGE_ALTERED;
    }
    ++way.sequence;
    return SEC_E_OK;
}

} // namespace

void number_datagram(const context& ctx, direction& way, ULONG number) noexcept {
    if (ctx.mechanism == package::ntlm && ctx.has(isc_datagram)) {
        way.sequence = number;
        way.stream = number;
        way.position = 0;
    }
}

SECURITY_STATUS sign(context& ctx, const message_buffers& buffers) noexcept {
    if (buffers.token->cbBuffer < token_size) {
        return SEC_E_BUFFER_TOO_SMALL;
    }
    const auto token = buffers.token_bytes().first(token_size);
    if (ctx.has(isc_integrity)) {
        write_token(ctx.send, check_of(ctx.send, buffers), token);
    } else {
        std::ranges::copy(dummy, token.begin());
    }
    buffers.token->cbBuffer = token_size;
    return SEC_E_OK;
}

SECURITY_STATUS verify(context& ctx, const message_buffers& buffers) noexcept {
    const auto token = buffers.token_bytes();
    if (token.size() < token_size) {
        return SEC_E_BUFFER_TOO_SMALL;
    }
    if (token.size() > token_size) {
        return SEC_E_INVALID_TOKEN;
    }
    if (!ctx.has(isc_integrity)) {
        return same_bytes(token, dummy) ? SEC_E_OK : SEC_E_MESSAGE_ALTERED;
    }
    return check_token(ctx.receive, check_of(ctx.receive, buffers), token);
}

SECURITY_STATUS encrypt(context& ctx, const message_buffers& buffers) noexcept {
    // Encrypts even if only integrity was granted, whatever the quality of protection says.
    if (!ctx.has(isc_confidentiality) && !ctx.has(isc_integrity)) {
        return SEC_E_UNSUPPORTED_FUNCTION; // no evidence
    }
    if (buffers.token->cbBuffer < token_size) {
        return SEC_E_BUFFER_TOO_SMALL;
    }
    const auto check = check_of(ctx.send, buffers);
    apply_stream(ctx.send, buffers);
    write_token(ctx.send, check, buffers.token_bytes().first(token_size));
    buffers.token->cbBuffer = token_size;
    if (buffers.padding != nullptr) {
        buffers.padding->cbBuffer = 0;
    }
    return SEC_E_OK;
}

SECURITY_STATUS decrypt(context& ctx, const message_buffers& buffers) noexcept {
    if (!ctx.has(isc_confidentiality) && !ctx.has(isc_integrity)) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    std::span<std::byte> token;
    if (buffers.stream != nullptr) {
        const std::span<std::byte> all{static_cast<std::byte*>(buffers.stream->pvBuffer), buffers.stream->cbBuffer};
        if (all.size() < token_size) {
            return SEC_E_INVALID_TOKEN;
        }
        token = all.first(token_size);
        const auto rest = all.subspan(token_size);
        buffers.data->pvBuffer = rest.data();
        buffers.data->cbBuffer = static_cast<ULONG>(rest.size());
    } else {
        token = buffers.token_bytes();
        if (token.size() < token_size) {
            return SEC_E_BUFFER_TOO_SMALL;
        }
        if (token.size() > token_size) {
            return SEC_E_INVALID_TOKEN;
        }
    }
    apply_stream(ctx.receive, buffers);
    return check_token(ctx.receive, check_of(ctx.receive, buffers), token);
}

} // namespace loopback::ntlm
