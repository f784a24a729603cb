// SPDX-License-Identifier: MIT
//
// Messages in the manner of Kerberos. A signature is
//     04 04 | who | FF | sequence number, 8 bytes | check
// and a sealed message
//     05 04 | who and how | FF | size of this token, 2 | of the padding, 2 | sequence number, 8 | check, 16 | filler
// with the check over everything as it goes over the wire, so nothing is changed before it has been found right.
#include "messages.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace loopback::kerberos {

namespace {

constexpr std::size_t signature_header = 12;
constexpr std::size_t seal_header = 16;
constexpr std::size_t filler_offset = seal_header + sizeof(digest);
constexpr unsigned from_acceptor = 1, sealed = 2;
constexpr std::uint32_t data_stream = 1, filler_stream = 2;
constexpr ULONG wrap_no_encrypt = 0x80000001; // SECQOP_WRAP_NO_ENCRYPT

unsigned sender(const context& ctx, bool mine) noexcept {
    return (ctx.side == role::server) == mine ? from_acceptor : 0U;
}

std::array<std::byte, 4> start_of(unsigned type, unsigned flags) noexcept {
    return {static_cast<std::byte>(type), std::byte{4}, static_cast<std::byte>(flags), std::byte{0xFF}};
}

/// Over the signature's length, too: a part of it is none.
digest signature_check(const direction& way, const message_buffers& buffers,
                       std::span<const std::byte> token) noexcept {
    siphash hash(way.mac);
    hash.update(token.first(signature_header)).update(token.size()).update(buffers.checked_size());
    buffers.each_checked([&hash](std::span<std::byte> bytes, bool) { hash.update(bytes); });
    return hash.finish();
}

/// Over a sealed message as it is on the wire; `token` without its check.
digest seal_check(const direction& way, const message_buffers& buffers, std::span<const std::byte> token,
                  std::span<const std::byte> padding) noexcept {
    siphash hash(way.mac);
    hash.update(token.first(seal_header)).update(token.subspan(filler_offset));
    hash.update(buffers.checked_size() + padding.size()).update(buffers.ciphered_size() + padding.size());
    buffers.each_checked([&hash](std::span<std::byte> bytes, bool) { hash.update(bytes); });
    return hash.update(padding).finish();
}

void apply_cipher(const direction& way, std::uint64_t sequence, const message_buffers& buffers) noexcept {
    chacha20 cipher(way.cipher, data_stream, sequence, 0);
    buffers.each_checked([&cipher](std::span<std::byte> bytes, bool ciphered) {
        if (ciphered) {
            cipher.apply(bytes);
        }
    });
}

/// Whether an authentic message may come now; remembers it if so.
SECURITY_STATUS in_sequence(const context& ctx, direction& way, std::uint64_t sequence) noexcept {
    constexpr std::uint64_t window_size = 64;
    const bool ordered = ctx.has(isc_sequence_detect);
    if (!ordered && !ctx.has(isc_replay_detect)) {
        return SEC_E_OK;
    }
    if (sequence >= way.sequence) {
        if (ordered && sequence != way.sequence) {
            return SEC_E_OUT_OF_SEQUENCE;
        }
        const auto ahead = sequence - way.sequence + 1;
        way.window = ahead >= window_size ? 1 : (way.window << ahead) | 1;
        way.sequence = sequence + 1;
        return SEC_E_OK;
    }
    const auto behind = way.sequence - 1 - sequence;
    const bool seen = behind >= window_size || ((way.window >> behind) & 1) != 0;
    if (ordered || seen) {
        return SEC_E_OUT_OF_SEQUENCE;
    }
    way.window |= std::uint64_t{1} << behind;
    return SEC_E_OK;
}

} // namespace

SECURITY_STATUS sign(context& ctx, const message_buffers& buffers, const message_rules& rules) noexcept {
    if (!ctx.has(isc_integrity)) {
        return SEC_E_QOP_NOT_SUPPORTED;
    }
    if (buffers.token->cbBuffer < rules.signature_size) {
        return SEC_E_BUFFER_TOO_SMALL;
    }
    const auto token = buffers.token_bytes().first(rules.signature_size);
    const auto start = start_of(4, sender(ctx, true));
    std::ranges::copy(start, token.begin());
    store_little(token.data() + start.size(), ctx.send.sequence);
    // A signature longer than a header and a check goes on with the check's bytes.
    const auto check = signature_check(ctx.send, buffers, token);
    for (std::size_t i = signature_header; i != token.size(); ++i) {
        token[i] = check[(i - signature_header) % check.size()];
    }
    buffers.token->cbBuffer = static_cast<ULONG>(token.size());
    ++ctx.send.sequence;
    return SEC_E_OK;
}

SECURITY_STATUS verify(context& ctx, const message_buffers& buffers, ULONG& quality) noexcept {
    if (!ctx.has(isc_integrity)) {
        return SEC_E_QOP_NOT_SUPPORTED;
    }
    const auto token = buffers.token_bytes();
    if (token.size() < signature_header + 8) {
        return SEC_E_INVALID_TOKEN;
    }
    const auto check = signature_check(ctx.receive, buffers, token);
    bool same = same_bytes(token.first(4), start_of(4, sender(ctx, false)));
    for (std::size_t i = signature_header; i != token.size(); ++i) {
        same = same && token[i] == check[(i - signature_header) % check.size()];
    }
    if (!same) {
        return SEC_E_MESSAGE_ALTERED;
    }
    const auto status = in_sequence(ctx, ctx.receive, load_little<std::uint64_t>(token.data() + 4));
    if (status >= 0) {
        quality = 0;
    }
    return status;
}

SECURITY_STATUS encrypt(context& ctx, ULONG quality, const message_buffers& buffers,
                        const message_rules& rules) noexcept {
    const bool seal = quality != wrap_no_encrypt;
    if (!(seal ? ctx.has(isc_confidentiality) : ctx.has(isc_integrity) || ctx.has(isc_confidentiality))) {
        return SEC_E_QOP_NOT_SUPPORTED;
    }
    if (buffers.padding == nullptr && rules.padding_size != 0) {
        return SEC_E_INVALID_TOKEN;
    }
    if (buffers.token->cbBuffer < rules.token_size ||
        (buffers.padding != nullptr && buffers.padding->cbBuffer < rules.padding_size)) {
        return SEC_E_BUFFER_TOO_SMALL;
    }
    std::span<std::byte> padding;
    if (buffers.padding != nullptr) {
        padding = {static_cast<std::byte*>(buffers.padding->pvBuffer), rules.padding_size};
        buffers.padding->cbBuffer = static_cast<ULONG>(padding.size());
        std::ranges::fill(padding, static_cast<std::byte>(padding.size()));
    }
    const auto token = buffers.token_bytes().first(rules.token_size);
    const auto start = start_of(5, sender(ctx, true) | (seal ? sealed : 0));
    std::ranges::copy(start, token.begin());
    store_little(token.data() + 4, static_cast<std::uint16_t>(token.size()));
    store_little(token.data() + 6, static_cast<std::uint16_t>(padding.size()));
    store_little(token.data() + 8, ctx.send.sequence);
    const auto filler = token.subspan(filler_offset);
    std::ranges::fill(filler, std::byte{0});
    chacha20(ctx.send.cipher, filler_stream, ctx.send.sequence, 0).apply(filler);
    if (seal) {
        apply_cipher(ctx.send, ctx.send.sequence, buffers);
    }
    const auto check = seal_check(ctx.send, buffers, token, padding);
    std::ranges::copy(check, token.begin() + seal_header);
    buffers.token->cbBuffer = static_cast<ULONG>(token.size());
    ++ctx.send.sequence;
    return SEC_E_OK;
}

SECURITY_STATUS decrypt(context& ctx, const message_buffers& buffers, ULONG& quality) noexcept {
    if (!ctx.has(isc_integrity) && !ctx.has(isc_confidentiality)) {
        return SEC_E_QOP_NOT_SUPPORTED;
    }
    const SecBuffer& front = buffers.stream != nullptr ? *buffers.stream : *buffers.token;
    std::span<std::byte> token{static_cast<std::byte*>(front.pvBuffer), front.cbBuffer};
    if (token.size() < filler_offset) {
        return SEC_E_INVALID_TOKEN;
    }
    const std::size_t token_size = load_little<std::uint16_t>(token.data() + 4);
    const std::size_t padding_size = load_little<std::uint16_t>(token.data() + 6);
    if (token_size < filler_offset || token_size > token.size()) {
        return SEC_E_MESSAGE_ALTERED;
    }

    // Where the padding is: behind the message in STREAM, in a buffer of its own, or at the end of the last DATA
    // buffer.
    std::span<std::byte> padding;
    const SecBuffer before = buffers.data != nullptr ? *buffers.data : SecBuffer{};
    const auto refuse = [&](SECURITY_STATUS status) {
        if (buffers.data != nullptr) {
            *buffers.data = before;
        }
        return status;
    };
    if (buffers.stream != nullptr && buffers.data != nullptr) { // read_message has seen to it that both are there
        const auto rest = token.subspan(token_size);
        token = token.first(token_size);
        buffers.data->pvBuffer = rest.data();
        buffers.data->cbBuffer = static_cast<ULONG>(rest.size());
    } else if (token_size != token.size()) {
        return SEC_E_MESSAGE_ALTERED;
    }
    if (buffers.padding != nullptr && buffers.stream == nullptr) {
        padding = {static_cast<std::byte*>(buffers.padding->pvBuffer), buffers.padding->cbBuffer};
        if (padding.size() != padding_size) {
            return SEC_E_MESSAGE_ALTERED;
        }
    } else if (padding_size != 0) {
        if (buffers.data == nullptr || buffers.data->cbBuffer < padding_size) {
            return refuse(SEC_E_MESSAGE_ALTERED);
        }
        buffers.data->cbBuffer -= static_cast<ULONG>(padding_size);
        padding = {static_cast<std::byte*>(buffers.data->pvBuffer) + buffers.data->cbBuffer, padding_size};
    }

    const auto flags = std::to_integer<unsigned>(token[2]);
    const bool was_sealed = (flags & sealed) != 0;
    const auto start = start_of(5, sender(ctx, false) | (was_sealed ? sealed : 0));
    const auto check = seal_check(ctx.receive, buffers, token, padding);
    if (!same_bytes(token.first(4), start) || !same_bytes(token.subspan(seal_header, check.size()), check)) {
        return refuse(SEC_E_MESSAGE_ALTERED);
    }
    const auto sequence = load_little<std::uint64_t>(token.data() + 8);
    if (const auto status = in_sequence(ctx, ctx.receive, sequence); status < 0) {
        return refuse(status);
    }
    if (was_sealed) {
        apply_cipher(ctx.receive, sequence, buffers);
    }
    quality = was_sealed ? 0 : wrap_no_encrypt;
    return SEC_E_OK;
}

} // namespace loopback::kerberos
