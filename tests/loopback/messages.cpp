// SPDX-License-Identifier: MIT
//
// MakeSignature, VerifySignature, EncryptMessage, DecryptMessage: the part that is common to all packages.
#include "messages.hpp"

#include "engine.hpp"

#include <algorithm>
#include <functional>

namespace loopback {

namespace {

constexpr ULONG wrap_no_encrypt = 0x80000001; // SECQOP_WRAP_NO_ENCRYPT

bool overlap(const SecBuffer& left, const SecBuffer& right) noexcept {
    const auto* left_start = static_cast<const std::byte*>(left.pvBuffer);
    const auto* right_start = static_cast<const std::byte*>(right.pvBuffer);
    const std::less<> before; // a total order, also for unrelated memory
    return left.cbBuffer != 0 && right.cbBuffer != 0 && before(left_start, right_start + right.cbBuffer) &&
           before(right_start, left_start + left.cbBuffer);
}

/// Detects two threads in one direction of a context.
class turn {
public:
    explicit turn(direction& way) noexcept : way_(way), alone_(!way.busy.exchange(true)) {}
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
        if (alone_) {
            way_.busy = false;
        }
    }
    [[nodiscard]] bool alone() const noexcept { return alone_; }

private:
    direction& way_;
    bool alone_;
};

constexpr bool is_written(operation what, const SecBuffer& buffer) noexcept {
    switch (what) {
    case operation::sign:
        return buffer.BufferType == SECBUFFER_TOKEN;
    case operation::verify:
        return false;
    default:
        return (buffer.BufferType & static_cast<ULONG>(SECBUFFER_ATTRMASK)) == 0;
    }
}

constexpr const char* name_of(operation what) noexcept {
    constexpr std::array names{"MakeSignature", "VerifySignature", "EncryptMessage", "DecryptMessage"};
    return names[static_cast<std::size_t>(what)];
}

} // namespace

std::span<std::byte> message_buffers::token_bytes() const noexcept {
    return {static_cast<std::byte*>(token->pvBuffer), token->cbBuffer};
}

std::uint64_t message_buffers::checked_size() const noexcept {
    std::uint64_t size = 0;
    each_checked([&size](std::span<std::byte> bytes, bool) { size += bytes.size(); });
    return size;
}

std::uint64_t message_buffers::ciphered_size() const noexcept {
    std::uint64_t size = 0;
    each_checked([&size](std::span<std::byte> bytes, bool ciphered) { size += ciphered ? bytes.size() : 0; });
    return size;
}

const char* read_message(operation what, SecBufferDesc* list, message_buffers& buffers) noexcept {
    if (list == nullptr || list->ulVersion != SECBUFFER_VERSION || list->pBuffers == nullptr) {
        return "no buffers, or a wrong version";
    }
    buffers.all = {list->pBuffers, list->cBuffers};
    for (SecBuffer& buffer : buffers.all) {
        if ((buffer.BufferType & static_cast<ULONG>(SECBUFFER_RESERVED)) != 0) {
            return "reserved bits in a buffer type";
        }
        if (buffer.pvBuffer == nullptr && buffer.cbBuffer != 0) {
            return "a buffer has a size, but a null pointer";
        }
        SecBuffer** slot = nullptr;
        switch (buffer.BufferType & ~static_cast<ULONG>(SECBUFFER_ATTRMASK)) {
        case SECBUFFER_EMPTY:
            continue;
        case SECBUFFER_DATA:
            if ((buffer.BufferType & static_cast<ULONG>(SECBUFFER_ATTRMASK)) == 0) {
                buffers.data = &buffer;
            }
            ++buffers.data_count;
            continue;
        case SECBUFFER_TOKEN:
            slot = &buffers.token;
            break;
        case SECBUFFER_PADDING:
            if (what == operation::sign || what == operation::verify) {
                return "PADDING in a call without padding";
            }
            if (buffers.data_count == 0) {
                return "PADDING before DATA";
            }
            slot = &buffers.padding;
            break;
        case SECBUFFER_STREAM:
            if (what != operation::decrypt) {
                return "STREAM in a call that does not decrypt";
            }
            slot = &buffers.stream;
            break;
        default:
            return "a buffer has a type that is not allowed here";
        }
        if (*slot != nullptr) {
            return "two buffers of a type that may occur only once";
        }
        *slot = &buffer;
    }
    for (std::size_t i = 0; i != buffers.all.size(); ++i) {
        for (std::size_t j = 0; j != i; ++j) {
            if (overlap(buffers.all[i], buffers.all[j]) &&
                (is_written(what, buffers.all[i]) || is_written(what, buffers.all[j]))) {
                return "an output buffer overlaps another buffer";
            }
        }
    }
    if (buffers.stream != nullptr &&
        (buffers.data == nullptr || buffers.data->pvBuffer != nullptr || buffers.data->cbBuffer != 0)) {
        return "STREAM without an empty DATA buffer";
    }
    return nullptr;
}

std::shared_ptr<context> engine::find_for_message(const CtxtHandle* handle, operation what, SecBufferDesc* list,
                                                  message_buffers& buffers, SECURITY_STATUS& status) {
    status = SEC_E_INVALID_HANDLE;
    auto ctx = find_context(handle, name_of(what));
    if (!ctx) {
        return nullptr;
    }
    const bool done = ctx->at == phase::done && !ctx->completion_due && ctx->fragments.empty();
    const bool early = ctx->at == phase::in_progress && ctx->keyed &&
                       side_of(*ctx).continue_status == sec_i_continue_needed_message_ok;
    if (!done && !early) {
        violation(std::string{name_of(what)} + ": the context is not established");
        return nullptr;
    }
    if (settings.expired) {
        status = SEC_E_CONTEXT_EXPIRED;
        return nullptr;
    }
    status = SEC_E_INVALID_TOKEN;
    if (const char* wrong = read_message(what, list, buffers); wrong != nullptr) {
        violation(std::string{name_of(what)} + ": " + wrong);
        return nullptr;
    }
    buffers.covers_readonly = message_profile(*ctx).covers_readonly;
    if (what == operation::encrypt && buffers.padding != nullptr && buffers.padding->cbBuffer != 0 &&
        message_profile(*ctx).block_size == 0) {
        violation("EncryptMessage: PADDING for a package that never pads");
        return nullptr;
    }
    if (buffers.stream == nullptr && buffers.token == nullptr) {
        return nullptr;
    }
    if (buffers.data_count == 0 && (what == operation::encrypt || what == operation::decrypt)) {
        return nullptr;
    }
    status = SEC_E_OK;
    return ctx;
}

message_rules engine::rules_for(const context& ctx, const message_buffers& buffers) const noexcept {
    const auto& profile = message_profile(ctx);
    // The minimum: a header and enough bytes of a check, whatever the test's settings subtract.
    constexpr ULONG least_signature = 24, least_token = 36;
    const auto shortened = [](ULONG full, ULONG less, ULONG least, ULONG fallback) {
        const ULONG size = full == 0 ? fallback : full;
        return std::max(size > less ? size - less : 0, least);
    };
    message_rules rules;
    rules.signature_size = shortened(profile.max_signature, profile.signature_shortfall, least_signature, 28);
    const ULONG trailer = ctx.has(isc_dce_style) ? settings.dce_security_trailer : profile.security_trailer;
    rules.token_size = shortened(trailer, profile.token_shortfall, least_token, 60);
    // A sealed token is header, filler, header, checksum, confounder. The checksum's size therefore follows from the
    // trailer's.
    constexpr std::size_t block = 16, least_checksum = 12;
    const bool dce = ctx.has(isc_dce_style);
    rules.filler_size = dce ? std::min<std::size_t>(block, rules.token_size - least_token) : 0;
    rules.checksum_size =
        std::max<std::size_t>(trailer, 3 * block + (dce ? block : 0)) - (3 * block + (dce ? block : 0));
    rules.checksum_size = std::max(rules.checksum_size, least_checksum);
    rules.padding_size = std::min(profile.padding, profile.block_size);
    if (profile.pad_to_block && profile.block_size != 0) {
        rules.padding_size = profile.block_size - static_cast<std::size_t>(buffers.checked_size() % profile.block_size);
    }
    return rules;
}

SECURITY_STATUS engine::sign(const CtxtHandle* handle, ULONG quality, SecBufferDesc* message, ULONG number) {
    SECURITY_STATUS status{};
    message_buffers buffers;
    const auto ctx = find_for_message(handle, operation::sign, message, buffers, status);
    if (!ctx) {
        return status;
    }
    if (quality != 0) {
        return SEC_E_QOP_NOT_SUPPORTED;
    }
    const turn mine(ctx->send);
    if (!mine.alone()) {
        violation("MakeSignature: another thread is sending");
        return SEC_E_INVALID_HANDLE;
    }
    ntlm::number_datagram(*ctx, ctx->send, number);
    return ctx->mechanism == package::ntlm ? ntlm::sign(*ctx, buffers)
                                           : kerberos::sign(*ctx, buffers, rules_for(*ctx, buffers));
}

SECURITY_STATUS engine::verify(const CtxtHandle* handle, SecBufferDesc* message, ULONG* quality, ULONG number) {
    SECURITY_STATUS status{};
    message_buffers buffers;
    const auto ctx = find_for_message(handle, operation::verify, message, buffers, status);
    if (!ctx) {
        return status;
    }
    if (quality == nullptr) {
        violation("VerifySignature: null pointer for the quality of protection");
        return sec_e_invalid_parameter;
    }
    const turn mine(ctx->receive);
    if (!mine.alone()) {
        violation("VerifySignature: another thread is receiving");
        return SEC_E_INVALID_HANDLE;
    }
    ntlm::number_datagram(*ctx, ctx->receive, number);
    return ctx->mechanism == package::ntlm ? ntlm::verify(*ctx, buffers) : kerberos::verify(*ctx, buffers, *quality);
}

SECURITY_STATUS engine::encrypt(const CtxtHandle* handle, ULONG quality, SecBufferDesc* message, ULONG number) {
    SECURITY_STATUS status{};
    message_buffers buffers;
    const auto ctx = find_for_message(handle, operation::encrypt, message, buffers, status);
    if (!ctx) {
        return status;
    }
    if (quality != 0 && quality != wrap_no_encrypt) {
        return SEC_E_QOP_NOT_SUPPORTED;
    }
    const turn mine(ctx->send);
    if (!mine.alone()) {
        violation("EncryptMessage: another thread is sending");
        return SEC_E_INVALID_HANDLE;
    }
    ntlm::number_datagram(*ctx, ctx->send, number);
    return ctx->mechanism == package::ntlm ? ntlm::encrypt(*ctx, buffers)
                                           : kerberos::encrypt(*ctx, quality, buffers, rules_for(*ctx, buffers));
}

SECURITY_STATUS engine::decrypt(const CtxtHandle* handle, SecBufferDesc* message, ULONG* quality, ULONG number) {
    SECURITY_STATUS status{};
    message_buffers buffers;
    const auto ctx = find_for_message(handle, operation::decrypt, message, buffers, status);
    if (!ctx) {
        return status;
    }
    if (buffers.stream != nullptr && !message_profile(*ctx).stream) {
        return SEC_E_INVALID_TOKEN;
    }
    const turn mine(ctx->receive);
    if (!mine.alone()) {
        violation("DecryptMessage: another thread is receiving");
        return SEC_E_INVALID_HANDLE;
    }
    ntlm::number_datagram(*ctx, ctx->receive, number);
    if (ctx->mechanism == package::ntlm) {
        return ntlm::decrypt(*ctx, buffers);
    }
    ULONG unwanted = 0;
    return kerberos::decrypt(*ctx, buffers, quality != nullptr ? *quality : unwanted);
}

} // namespace loopback
