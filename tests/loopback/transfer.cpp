// SPDX-License-Identifier: MIT
//
// Contexts on their way to another process with the same secret.
#include "engine.hpp"

#include "text.hpp"
#include "thread_tokens.hpp"

#include <array>
#include <cstring>
#include <utility>

namespace loopback {

namespace {

constexpr std::uint32_t magic = 0x31585443; // "CTX1"

class writer {
public:
    template <class Integer>
    void number(Integer value) {
        std::array<std::byte, sizeof value> little{};
        store_little(little.data(), value);
        raw(little);
    }
    void raw(std::span<const std::byte> more) { bytes.insert(bytes.end(), more.begin(), more.end()); }
    void text(std::u16string_view string) {
        number(static_cast<std::uint32_t>(string.size()));
        for (const char16_t unit : string) {
            number(static_cast<std::uint16_t>(unit));
        }
    }
    void one_way(const direction& way) {
        raw(way.mac);
        raw(way.cipher);
        number(way.sequence);
        number(way.window);
        number(way.stream);
        number(way.position);
    }

    std::vector<std::byte> bytes;
};

/// Reads bytes that a writer wrote. Their check has already succeeded.
class reader {
public:
    explicit reader(std::span<const std::byte> bytes) : bytes_{bytes} {}

    template <class Integer>
    Integer number() {
        return load_little<Integer>(take(sizeof(Integer)).data());
    }
    void raw(std::span<std::byte> out) { std::memcpy(out.data(), take(out.size()).data(), out.size()); }
    std::u16string text() {
        std::u16string string(number<std::uint32_t>(), u'\0');
        for (char16_t& unit : string) {
            unit = static_cast<char16_t>(number<std::uint16_t>());
        }
        return string;
    }
    void one_way(direction& way) {
        raw(way.mac);
        raw(way.cipher);
        way.sequence = number<std::uint64_t>();
        way.window = number<std::uint64_t>();
        way.stream = number<std::uint64_t>();
        way.position = number<std::uint64_t>();
    }

private:
    std::span<const std::byte> take(std::size_t size) {
        const auto part = bytes_.first(size);
        bytes_ = bytes_.subspan(size);
        return part;
    }

    std::span<const std::byte> bytes_;
};

SECURITY_IMPERSONATION_LEVEL level_of(const context& ctx, const options& settings) {
    if (settings.impersonation_level) {
        return *settings.impersonation_level;
    }
    if (ctx.has(isc_identify)) {
        return SecurityIdentification;
    }
    return ctx.has(isc_delegate) ? SecurityDelegation : SecurityImpersonation;
}

} // namespace

SECURITY_STATUS engine::export_context(const CtxtHandle* handle, ULONG flags, SecBuffer* packed, HANDLE* token) {
    constexpr ULONG known_flags = 0x3; // RESET_NEW, DELETE_OLD
    const auto ctx = find_context(handle, "ExportSecurityContext");
    if (!ctx) {
        return SEC_E_INVALID_HANDLE;
    }
    if (packed == nullptr || packed->BufferType != SECBUFFER_EMPTY || packed->pvBuffer != nullptr ||
        packed->cbBuffer != 0 || (token == nullptr && ctx->side == role::server) || (flags & ~known_flags) != 0) {
        violation("ExportSecurityContext: arguments that Windows rejects");
        return sec_e_invalid_parameter;
    }
    if (ctx->at != phase::done) {
        return SEC_E_INVALID_HANDLE;
    }
    writer out;
    out.number(magic);
    out.number(static_cast<std::uint8_t>(ctx->side));
    out.number(static_cast<std::uint8_t>(ctx->offered));
    out.number(static_cast<std::uint8_t>(ctx->mechanism));
    out.number(static_cast<std::uint32_t>(ctx->granted));
    out.number(static_cast<std::uint32_t>(ctx->attributes));
    out.text(ctx->user);
    out.text(ctx->domain);
    out.text(ctx->target);
    out.raw(ctx->session_key);
    out.one_way(ctx->send);
    out.one_way(ctx->receive);
    out.raw(siphash{secret()}.update(out.bytes).finish());

    if (ctx->side == role::server &&
        thread_tokens::make(ctx->client_name(), level_of(*ctx, settings), token) != ERROR_SUCCESS) {
        return SEC_E_INTERNAL_ERROR;
    }
    const auto& bytes = settings.planted_secret.empty() ? out.bytes : settings.planted_secret;
    packed->BufferType = SECBUFFER_TOKEN;
    packed->pvBuffer = allocate_bytes(bytes);
    packed->cbBuffer = static_cast<ULONG>(bytes.size());
    return SEC_E_OK;
}

SECURITY_STATUS engine::import_context(const SEC_WCHAR* name, const SecBuffer* packed, HANDLE token,
                                       CtxtHandle* handle) {
    if (name == nullptr || packed == nullptr || packed->pvBuffer == nullptr || handle == nullptr) {
        violation("ImportSecurityContext: null pointer");
        return sec_e_invalid_parameter;
    }
    const std::span bytes{static_cast<const std::byte*>(packed->pvBuffer), packed->cbBuffer};
    if (bytes.size() < sizeof(digest)) {
        return SEC_E_INVALID_TOKEN;
    }
    const auto contents = bytes.first(bytes.size() - sizeof(digest));
    if (!same_bytes(siphash{secret()}.update(contents).finish(), bytes.last(sizeof(digest)))) {
        return SEC_E_INVALID_TOKEN;
    }
    reader in{contents};
    auto made = std::make_shared<context>();
    if (in.number<std::uint32_t>() != magic) {
        return SEC_E_INVALID_TOKEN;
    }
    made->side = static_cast<role>(in.number<std::uint8_t>());
    made->offered = static_cast<package>(in.number<std::uint8_t>());
    made->mechanism = static_cast<package>(in.number<std::uint8_t>());
    made->granted = in.number<std::uint32_t>();
    made->attributes = in.number<std::uint32_t>();
    made->user = in.text();
    made->domain = in.text();
    made->target = in.text();
    in.raw(made->session_key);
    in.one_way(made->send);
    in.one_way(made->receive);
    made->keyed = true;
    made->at = phase::done;
    const auto given = package_named(from_sspi(name));
    if (!given) {
        return SEC_E_SECPKG_NOT_FOUND;
    }
    if (*given != made->mechanism && *given != made->offered) {
        return SEC_E_INVALID_TOKEN;
    }
    made->imported_token = {token, [](HANDLE owned) {
                                if (owned != nullptr) {
                                    static_cast<void>(thread_tokens::close(owned));
                                }
                            }};
    const std::lock_guard lock{mutex_};
    const auto id = next_id();
    contexts_.emplace(id, std::move(made));
    set_handle(*handle, id, true);
    return SEC_E_OK;
}

SECURITY_STATUS engine::query_token(const CtxtHandle* handle, HANDLE* token) {
    const auto ctx = find_context(handle, "QuerySecurityContextToken");
    if (!ctx) {
        return SEC_E_INVALID_HANDLE;
    }
    if (token == nullptr) {
        violation("QuerySecurityContextToken: null pointer for the result");
        return sec_e_invalid_parameter;
    }
    if (ctx->side != role::server || ctx->at != phase::done) {
        return SEC_E_NO_IMPERSONATION;
    }
    return thread_tokens::make(ctx->client_name(), level_of(*ctx, settings), token) == ERROR_SUCCESS
               ? SEC_E_OK
               : SEC_E_NO_IMPERSONATION;
}

SECURITY_STATUS engine::impersonate(const CtxtHandle* handle) {
    const auto ctx = find_context(handle, "ImpersonateSecurityContext");
    if (!ctx) {
        return SEC_E_INVALID_HANDLE;
    }
    if (ctx->side != role::server || ctx->at != phase::done) {
        return SEC_E_NO_IMPERSONATION;
    }
    return thread_tokens::assign(ctx->client_name(), level_of(*ctx, settings)) == 0 ? SEC_E_OK : SEC_E_NO_IMPERSONATION;
}

SECURITY_STATUS engine::revert(const CtxtHandle* handle) {
    const auto ctx = find_context(handle, "RevertSecurityContext");
    if (!ctx) {
        return SEC_E_INVALID_HANDLE;
    }
    return thread_tokens::remove() == 0 ? SEC_E_OK : SEC_E_INTERNAL_ERROR;
}

} // namespace loopback
