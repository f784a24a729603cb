// SPDX-License-Identifier: MIT
//
// Messages in the manner of Kerberos, with the headers of RFC 4121, 4.2.6. A signature is
//     04 04 | flags | FF FF FF FF FF | sequence number, 8 bytes | checksum
// and a wrapped message begins with
//     05 04 | flags | FF | EC, 2 bytes | RRC, 2 bytes | sequence number, 8 bytes
// All numbers are big-endian. As on Windows the body is rotated, so that TOKEN holds everything except the data. In a
// sealed message, TOKEN is the header, the trailer (EC + RRC bytes) and the confounder (16 bytes). In a signed message,
// it is the header and the checksum (EC bytes). The trailer's content is specific to the loopback package: check, 16
// bytes | size of the padding, 2 bytes | bytes of a key stream. The check covers everything as it is on the wire, so
// nothing is changed before the check has succeeded.
#include "messages.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace loopback::kerberos {

namespace {

constexpr std::size_t header_size = 16;
constexpr std::size_t confounder_size = 16;
constexpr std::size_t padding_offset = header_size + sizeof(digest);
constexpr std::size_t filler_offset = padding_offset + sizeof(std::uint16_t);
constexpr std::size_t least_checksum = 12;
constexpr unsigned from_acceptor = 1, sealed = 2, acceptors_subkey = 4; // as after mutual authentication
constexpr std::uint32_t data_stream = 1, filler_stream = 2;
constexpr ULONG wrap_no_encrypt = 0x80000001; // SECQOP_WRAP_NO_ENCRYPT

unsigned sender(const context& ctx, bool mine) noexcept {
    return acceptors_subkey | ((ctx.side == role::server) == mine ? from_acceptor : 0U);
}

template <class Integer>
void store_big(std::byte* bytes, Integer value) noexcept {
    for (std::size_t i = sizeof(Integer); i != 0; --i) {
        bytes[i - 1] = static_cast<std::byte>(value & 0xFF);
        value = static_cast<Integer>(value >> 8);
    }
}

template <class Integer>
Integer load_big(const std::byte* bytes) noexcept {
    Integer value = 0;
    for (std::size_t i = 0; i != sizeof(Integer); ++i) {
        value = static_cast<Integer>((value << 8) | std::to_integer<Integer>(bytes[i]));
    }
    return value;
}

using header = std::array<std::byte, header_size>;

header signature_header(unsigned flags, std::uint64_t sequence) noexcept {
    header made{std::byte{4}, std::byte{4}, static_cast<std::byte>(flags)};
    std::fill_n(made.begin() + 3, 5, std::byte{0xFF});
    store_big(made.data() + 8, sequence);
    return made;
}

header wrap_header(unsigned flags, std::size_t extra, std::size_t rotation, std::uint64_t sequence) noexcept {
    header made{std::byte{5}, std::byte{4}, static_cast<std::byte>(flags), std::byte{0xFF}};
    store_big(made.data() + 4, static_cast<std::uint16_t>(extra));
    store_big(made.data() + 6, static_cast<std::uint16_t>(rotation));
    store_big(made.data() + 8, sequence);
    return made;
}

/// Returns the checksum of a signed message. It covers the header, the size of the whole and the data, so a truncated
/// signature is invalid.
digest signature_check(const direction& way, const message_buffers& buffers,
                       std::span<const std::byte> token) noexcept {
    siphash hash(way.mac);
    hash.update(token.first(header_size)).update(token.size()).update(buffers.checked_size());
    buffers.each_checked([&hash](std::span<std::byte> bytes, bool) { hash.update(bytes); });
    return hash.finish();
}

/// Writes the check as a checksum. A longer checksum repeats the check's bytes.
void write_checksum(const digest& check, std::span<std::byte> checksum) noexcept {
    for (std::size_t i = 0; i != checksum.size(); ++i) {
        checksum[i] = check[i % check.size()];
    }
}

bool is_checksum(const digest& check, std::span<const std::byte> checksum) noexcept {
    bool same = checksum.size() >= 8;
    for (std::size_t i = 0; i != checksum.size(); ++i) {
        same = same && checksum[i] == check[i % check.size()];
    }
    return same;
}

/// Returns the check of a sealed message as it is on the wire. `token` does not contain the check.
digest seal_check(const direction& way, const message_buffers& buffers, std::span<const std::byte> token,
                  std::span<const std::byte> padding) noexcept {
    siphash hash(way.mac);
    hash.update(token.first(header_size)).update(token.subspan(padding_offset));
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

/// Checks the sequence number of an authentic message, and records it if it is acceptable.
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
    std::ranges::copy(signature_header(sender(ctx, true), ctx.send.sequence), token.begin());
    write_checksum(signature_check(ctx.send, buffers, token), token.subspan(header_size));
    buffers.token->cbBuffer = static_cast<ULONG>(token.size());
    ++ctx.send.sequence;
    return SEC_E_OK;
}

SECURITY_STATUS verify(context& ctx, const message_buffers& buffers, ULONG& quality) noexcept {
    if (!ctx.has(isc_integrity)) {
        return SEC_E_QOP_NOT_SUPPORTED;
    }
    const auto token = buffers.token_bytes();
    if (token.size() < header_size + 8) {
        return SEC_E_INVALID_TOKEN;
    }
    const auto sequence = load_big<std::uint64_t>(token.data() + 8);
    if (!same_bytes(token.first(header_size), signature_header(sender(ctx, false), sequence)) ||
        !is_checksum(signature_check(ctx.receive, buffers, token), token.subspan(header_size))) {
        return SEC_E_MESSAGE_ALTERED;
    }
    const auto status = in_sequence(ctx, ctx.receive, sequence);
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
    const auto token_size = seal ? rules.token_size : header_size + rules.checksum_size;
    const auto padding_size = seal ? rules.padding_size : 0;
    if (buffers.padding == nullptr && padding_size != 0) {
        return SEC_E_INVALID_TOKEN;
    }
    if (buffers.token->cbBuffer < token_size ||
        (buffers.padding != nullptr && buffers.padding->cbBuffer < padding_size)) {
        return SEC_E_BUFFER_TOO_SMALL;
    }
    std::span<std::byte> padding;
    if (buffers.padding != nullptr) {
        padding = {static_cast<std::byte*>(buffers.padding->pvBuffer), padding_size};
        buffers.padding->cbBuffer = static_cast<ULONG>(padding.size());
        std::ranges::fill(padding, static_cast<std::byte>(padding.size()));
    }
    const auto token = buffers.token_bytes().first(token_size);
    const auto sequence = ctx.send.sequence;
    if (seal) {
        const auto rotation = token_size - header_size - rules.filler_size - confounder_size;
        std::ranges::copy(wrap_header(sender(ctx, true) | sealed, rules.filler_size, rotation, sequence),
                          token.begin());
        store_little(token.data() + padding_offset, static_cast<std::uint16_t>(padding.size()));
        const auto filler = token.subspan(filler_offset);
        std::ranges::fill(filler, std::byte{0});
        chacha20(ctx.send.cipher, filler_stream, sequence, 0).apply(filler);
        apply_cipher(ctx.send, sequence, buffers);
        std::ranges::copy(seal_check(ctx.send, buffers, token, padding), token.begin() + header_size);
    } else {
        std::ranges::copy(wrap_header(sender(ctx, true), rules.checksum_size, rules.checksum_size, sequence),
                          token.begin());
        write_checksum(signature_check(ctx.send, buffers, token), token.subspan(header_size));
    }
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
    if (token.size() < header_size) {
        return SEC_E_INVALID_TOKEN;
    }
    const bool was_sealed = (std::to_integer<unsigned>(token[2]) & sealed) != 0;
    const std::size_t extra = load_big<std::uint16_t>(token.data() + 4);
    const std::size_t rotation = load_big<std::uint16_t>(token.data() + 6);
    const auto token_size = header_size + extra + (was_sealed ? rotation + confounder_size : 0);
    if (token_size < (was_sealed ? filler_offset : header_size + least_checksum) || token_size > token.size()) {
        return SEC_E_MESSAGE_ALTERED;
    }
    const std::size_t padding_size = was_sealed ? load_little<std::uint16_t>(token.data() + padding_offset) : 0;

    // The padding is behind the message in STREAM, in its own buffer, or at the end of the last DATA buffer.
    std::span<std::byte> padding;
    const SecBuffer before = buffers.data != nullptr ? *buffers.data : SecBuffer{};
    const auto refuse = [&](SECURITY_STATUS status) {
        if (buffers.data != nullptr) {
            *buffers.data = before;
        }
        return status;
    };
    if (buffers.stream != nullptr && buffers.data != nullptr) { // read_message guarantees that both exist
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

    const auto sequence = load_big<std::uint64_t>(token.data() + 8);
    const auto start = wrap_header(sender(ctx, false) | (was_sealed ? sealed : 0), extra, rotation, sequence);
    const bool same =
        same_bytes(token.first(header_size), start) &&
        (was_sealed
             ? same_bytes(token.subspan(header_size, sizeof(digest)), seal_check(ctx.receive, buffers, token, padding))
             : is_checksum(signature_check(ctx.receive, buffers, token), token.subspan(header_size)));
    if (!same) {
        return refuse(SEC_E_MESSAGE_ALTERED);
    }
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
