// SPDX-License-Identifier: MIT
//
// The outer half of a handshake step: checks handles, flags and buffers, and fills the outputs.
#include "handshake_outcome.hpp"
#include "handshake_token.hpp"
#include "text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>

namespace loopback {

namespace {

std::string name_of(role side) {
    return side == role::client ? "InitializeSecurityContext: " : "AcceptSecurityContext: ";
}

constexpr ULONG prompt_for_credentials = 0x40;
// The flags of packages that protect messages. Others belong to the other side's family, to Schannel, or have no
// meaning.
constexpr ULONG isc_known = 0x00003FFF | isc_extended_error | isc_integrity | isc_identify | 0x00040000 | 0x00200000 |
                            0x00400000 | 0x00800000 | 0x01000000 | 0x20000000 | 0x40000000;
constexpr ULONG asc_known = 0x00003F3F | 0x00008000 | 0x00020000 | 0x00080000 | 0x00100000 | 0x00200000 | 0x00400000 |
                            0x00800000 | 0x01000000 | 0x04000000 | 0x10000000;
constexpr ULONG asc_stream = 0x00010000;
constexpr ULONG allow_missing_bindings = 0x10000000;

bool overlap(const SecBuffer& left, const SecBuffer& right) {
    const auto start = [](const SecBuffer& buffer) { return static_cast<const std::byte*>(buffer.pvBuffer); };
    const std::less<> before; // a total order, also for unrelated memory
    return left.cbBuffer != 0 && right.cbBuffer != 0 && start(left) != nullptr && start(right) != nullptr &&
           before(start(left), start(right) + right.cbBuffer) && before(start(right), start(left) + left.cbBuffer);
}

void leave_empty(SecBuffer& output, no_output how) {
    if (how != no_output::untouched) {
        output.cbBuffer = 0;
    }
    if (how == no_output::null_pointer) {
        output.pvBuffer = nullptr;
    }
}

/// Overwrites the handle of a failed first step, to expose callers that delete it.
void scribble(CtxtHandle* handle) {
    if (handle != nullptr) {
        handle->dwLower = 0xBAD0BAD0;
        handle->dwUpper = 0xBAD1BAD1;
    }
}

} // namespace

bool engine::flags_fit(role side, ULONG request) {
    const ULONG stream = !settings.stream_framing ? 0 : side == role::client ? isc_stream : asc_stream;
    const ULONG known = (side == role::client ? isc_known : asc_known) | stream;
    if ((request & ~known) != 0) {
        violation(name_of(side) + "a flag of the other side, or an unknown flag");
        return false;
    }
    return side == role::server || (request & prompt_for_credentials) == 0;
}

SECURITY_STATUS engine::read_bindings(const SecBuffer& buffer, digest& bindings) {
    SEC_CHANNEL_BINDINGS header{};
    if (buffer.pvBuffer == nullptr || buffer.cbBuffer < sizeof header) {
        return SEC_E_INVALID_TOKEN;
    }
    std::memcpy(&header, buffer.pvBuffer, sizeof header);
    if (header.dwApplicationDataOffset > buffer.cbBuffer ||
        header.cbApplicationDataLength > buffer.cbBuffer - header.dwApplicationDataOffset) {
        return SEC_E_INVALID_TOKEN;
    }
    const std::span<const std::byte> all{static_cast<const std::byte*>(buffer.pvBuffer), buffer.cbBuffer};
    bindings =
        siphash(mac_key{}).update(all.subspan(header.dwApplicationDataOffset, header.cbApplicationDataLength)).finish();
    return SEC_E_OK;
}

SECURITY_STATUS engine::read_buffers(role side, const step_arguments& arguments, step_buffers& buffers) {
    const auto refuse = [&](const char* what) -> SECURITY_STATUS {
        violation(name_of(side) + what);
        return SEC_E_INVALID_TOKEN;
    };
    const auto sound = [](const SecBufferDesc* list) {
        return list->ulVersion == SECBUFFER_VERSION && (list->cBuffers == 0 || list->pBuffers != nullptr);
    };
    if (arguments.output == nullptr || !sound(arguments.output)) {
        return refuse("no output buffers, or a wrong version");
    }
    for (ULONG i = 0; i != arguments.output->cBuffers; ++i) {
        SecBuffer& buffer = arguments.output->pBuffers[i];
        if ((buffer.BufferType & ~static_cast<ULONG>(SECBUFFER_ATTRMASK)) == SECBUFFER_TOKEN) {
            buffers.output = &buffer;
        }
    }
    if (buffers.output == nullptr) {
        return refuse("no TOKEN output buffer");
    }
    if (arguments.input == nullptr) {
        return SEC_E_OK;
    }
    if (!sound(arguments.input)) {
        return refuse("input buffers with a wrong version or a null pointer");
    }
    for (ULONG i = 0; i != arguments.input->cBuffers; ++i) {
        SecBuffer& buffer = arguments.input->pBuffers[i];
        if (buffer.pvBuffer == nullptr && buffer.cbBuffer != 0) {
            return refuse("an input buffer has a size, but a null pointer");
        }
        switch (buffer.BufferType & ~static_cast<ULONG>(SECBUFFER_ATTRMASK)) {
        case SECBUFFER_TOKEN:
            buffers.input = {static_cast<const std::byte*>(buffer.pvBuffer), buffer.cbBuffer};
            if (overlap(buffer, *buffers.output)) {
                return refuse("input and output token overlap");
            }
            break;
        case SECBUFFER_EMPTY:
            buffers.spare = &buffer;
            break;
        case SECBUFFER_CHANNEL_BINDINGS:
            buffers.bindings = &buffer;
            break;
        default:
            return refuse("an input buffer has a type that is not allowed here");
        }
    }
    return SEC_E_OK;
}

SECURITY_STATUS engine::first_context(role side, const step_arguments& arguments, std::shared_ptr<context>& made) {
    const auto owner = find_credential(arguments.credential, name_of(side));
    if (!owner) {
        return SEC_E_INVALID_HANDLE;
    }
    if ((owner->use & (side == role::client ? 2U : 1U)) == 0) {
        return SEC_E_NO_CREDENTIALS;
    }
    made = std::make_shared<context>();
    made->side = side;
    made->owner = owner;
    made->owner_id = static_cast<std::uintptr_t>(arguments.credential->dwLower);
    made->offered = owner->pkg;
    made->mechanism = owner->pkg;
    made->data_representation = arguments.data_representation;
    made->target = from_sspi(arguments.target);
    made->ticket_end = side == role::client ? owner->ticket_end : 0;
    return SEC_E_OK;
}

SECURITY_STATUS engine::known_context(role side, const step_arguments& arguments, std::shared_ptr<context>& found) {
    auto ctx = find_context(arguments.context, name_of(side));
    if (!ctx) {
        return SEC_E_INVALID_HANDLE;
    }
    if (arguments.credential != nullptr) {
        if (!find_credential(arguments.credential, name_of(side))) {
            return SEC_E_INVALID_HANDLE;
        }
        if (static_cast<std::uintptr_t>(arguments.credential->dwLower) != ctx->owner_id) {
            violation(name_of(side) + "other credentials than in the first step");
            return SEC_E_WRONG_CREDENTIAL_HANDLE;
        }
    }
    if (ctx->side != side || ctx->at == phase::failed) {
        violation(name_of(side) +
                  (ctx->at == phase::failed ? "context whose handshake has failed" : "context of the other side"));
        return SEC_E_INVALID_HANDLE;
    }
    if (ctx->completion_due) {
        violation(name_of(side) + "CompleteAuthToken was not called");
        return SEC_E_OUT_OF_SEQUENCE;
    }
    if (ctx->at == phase::done && ctx->fragments.empty()) {
        return SEC_E_OUT_OF_SEQUENCE;
    }
    if (ctx->data_representation != arguments.data_representation) {
        violation(name_of(side) + "data representation changed between steps");
    }
    found = std::move(ctx);
    return SEC_E_OK;
}

SECURITY_STATUS engine::step(role side, const step_arguments& arguments) {
    const bool first = arguments.context == nullptr;
    if (arguments.attributes == nullptr || (first && arguments.new_context == nullptr)) {
        violation(name_of(side) + "null pointer for a result");
        return sec_e_invalid_parameter;
    }
    *arguments.attributes = 0;
    step_buffers buffers;
    std::shared_ptr<context> ctx;
    auto status = read_buffers(side, arguments, buffers);
    if (status >= 0) {
        status = flags_fit(side, arguments.request) ? SEC_E_OK : SEC_E_UNSUPPORTED_FUNCTION;
    }
    if (status >= 0) {
        status = first ? first_context(side, arguments, ctx) : known_context(side, arguments, ctx);
    }
    if (status >= 0 && !first && (buffers.bindings != nullptr) != ctx->has_bindings) {
        violation(name_of(side) + "channel bindings in some steps, but not in all");
    }
    if (status >= 0 && buffers.bindings != nullptr) {
        ctx->has_bindings = true;
        status = read_bindings(*buffers.bindings, ctx->bindings);
    }
    if (status >= 0) {
        status = go_on(*ctx, arguments, buffers);
    }
    if (first && status >= 0) {
        const std::lock_guard lock{mutex_};
        const auto id = next_id();
        contexts_.emplace(id, ctx);
        set_handle(*arguments.new_context, id, true);
    } else if (first) {
        scribble(arguments.new_context);
    } else if (ctx && arguments.new_context != nullptr) {
        *arguments.new_context = *arguments.context;
    }
    if (status >= 0) {
        set_time(arguments.expiry, ctx->ticket_end != 0 ? ctx->ticket_end : settings.expiry);
    }
    return status;
}

SECURITY_STATUS engine::go_on(context& ctx, const step_arguments& arguments, const step_buffers& buffers) {
    const ULONG asked = ctx.side == role::client ? arguments.request : to_isc(arguments.request);
    ctx.may_lack_bindings = (arguments.request & allow_missing_bindings) != 0;
    outcome result;
    if (!ctx.fragments.empty()) {
        result.token.swap(ctx.fragments);
        result.used = buffers.input.size();
        *arguments.attributes = ctx.attributes;
        return hand_out(ctx, result, asked, *buffers.output);
    }
    result = advance(ctx, asked, buffers.input);
    const auto rest = buffers.input.size() - result.used;
    if (result.status >= 0 && rest != 0 && (!settings.stream_framing || buffers.spare == nullptr)) {
        result = {SEC_E_INVALID_TOKEN, {}, 0};
    }
    if (result.status == SEC_E_INCOMPLETE_MESSAGE) {
        return result.status; // nothing has changed
    }
    grant(ctx, asked);
    if (result.status < 0) {
        ctx.at = phase::failed;
        if (!ctx.has(isc_extended_error)) {
            result.token.clear();
        }
        const bool told = hand_out_error(result, *buffers.output);
        const ULONG error_bit = ctx.side == role::client ? isc_extended_error : to_asc(isc_extended_error);
        *arguments.attributes = told ? ctx.attributes : ctx.attributes & ~error_bit;
        return result.status;
    }
    if (rest != 0 && result.status == SEC_E_OK) {
        buffers.spare->BufferType = SECBUFFER_EXTRA;
        buffers.spare->cbBuffer = static_cast<ULONG>(rest) + settings.extra_excess;
    }
    *arguments.attributes = ctx.attributes;
    const auto status = hand_out(ctx, result, asked, *buffers.output);
    if (status < 0) {
        ctx.at = phase::failed;
    }
    return status;
}

SECURITY_STATUS engine::hand_out(context& ctx, outcome& result, ULONG asked, SecBuffer& output) {
    if (result.status != SEC_E_OK) { // SEC_I_INCOMPLETE_CREDENTIALS
        output.cbBuffer = 0;
        return result.status;
    }
    const auto& how = side_of(ctx);
    auto status = ctx.at == phase::done ? how.final_status : how.continue_status;
    if (how.fragment_size != 0) { // fragments cannot be completed
        status = status == SEC_I_COMPLETE_NEEDED         ? SEC_E_OK
                 : status == SEC_I_COMPLETE_AND_CONTINUE ? SEC_I_CONTINUE_NEEDED
                                                         : status;
    }
    const bool incomplete = status == SEC_I_COMPLETE_NEEDED || status == SEC_I_COMPLETE_AND_CONTINUE;
    const auto expect_completion = [&](bool nothing_to_complete) {
        ctx.completion_due = incomplete;
        ctx.nothing_to_complete = nothing_to_complete;
        ctx.incomplete_token = output.pvBuffer;
        ctx.incomplete_size = output.cbBuffer;
    };
    if (result.token.empty()) {
        leave_empty(output, settings.when_done);
        expect_completion(true); // CompleteAuthToken is still required
        return status;
    }
    auto size = result.token.size();
    bool fragment = false;
    if (how.fragment_size != 0 && size > how.fragment_size) {
        size = how.fragment_size;
        fragment = true;
    }
    if (incomplete) {
        toggle_check(result.token);
    }
    if ((asked & isc_allocate_memory) != 0) {
        output.pvBuffer = allocate(block::token, size);
    } else if (output.pvBuffer == nullptr || output.cbBuffer < size) {
        return SEC_E_BUFFER_TOO_SMALL;
    }
    std::memcpy(output.pvBuffer, result.token.data(), size);
    output.cbBuffer = static_cast<ULONG>(size);
    if (fragment) {
        ctx.fragments.assign(result.token.begin() + static_cast<std::ptrdiff_t>(size), result.token.end());
        return sec_i_message_fragment;
    }
    expect_completion(false);
    return status;
}

bool engine::hand_out_error(const outcome& result, SecBuffer& output) const {
    if (!result.token.empty() && output.pvBuffer != nullptr && output.cbBuffer >= result.token.size()) {
        std::memcpy(output.pvBuffer, result.token.data(), result.token.size());
        output.cbBuffer = static_cast<ULONG>(result.token.size());
        return true;
    }
    leave_empty(output, settings.when_failed);
    return false;
}

SECURITY_STATUS engine::complete(const CtxtHandle* handle, const SecBufferDesc* token) {
    const auto ctx = find_context(handle, "CompleteAuthToken");
    if (!ctx) {
        return SEC_E_INVALID_HANDLE;
    }
    if (!ctx->completion_due) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    for (ULONG i = 0; token != nullptr && token->ulVersion == SECBUFFER_VERSION && i != token->cBuffers; ++i) {
        const SecBuffer& buffer = token->pBuffers[i];
        if (buffer.BufferType == SECBUFFER_TOKEN && buffer.pvBuffer == ctx->incomplete_token &&
            buffer.cbBuffer == ctx->incomplete_size) {
            if (!ctx->nothing_to_complete) {
                toggle_check({static_cast<std::byte*>(buffer.pvBuffer), buffer.cbBuffer});
            }
            ctx->completion_due = false;
            return SEC_E_OK;
        }
    }
    violation("CompleteAuthToken: not the output buffers of the last step");
    return SEC_E_INVALID_TOKEN;
}

} // namespace loopback
