// SPDX-License-Identifier: MIT
//
// QueryContextAttributes.
#include "engine.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace loopback {

namespace {

// Structures that WinPR lacks, or declares with narrow strings.
struct package_attribute {
    SecPkgInfoW* info;
};
struct native_names_attribute {
    SEC_WCHAR* client;
    SEC_WCHAR* server;
};
struct string_attribute {
    SEC_WCHAR* text;
};
struct dce_attribute {
    ULONG service;
    void* privileges;
};
struct key_info_attribute {
    SEC_WCHAR* signature_algorithm;
    SEC_WCHAR* encrypt_algorithm;
    ULONG key_size;
    ULONG signature_algorithm_id;
    ULONG encrypt_algorithm_id;
};
struct handle_attribute {
    HANDLE handle;
};
struct flags_attribute {
    ULONG flags;
};
struct bytes_attribute {
    ULONG size;
    unsigned char* key;
};
struct lifespan_attribute {
    TimeStamp start;
    TimeStamp expiry;
};

constexpr ULONG negotiation_complete = 0, negotiation_in_progress = 2;

} // namespace

SECURITY_STATUS engine::query_context(const CtxtHandle* handle, ULONG attribute, void* buffer) {
    const auto ctx = find_context(handle, "QueryContextAttributes");
    if (!ctx) {
        return SEC_E_INVALID_HANDLE;
    }
    if (ctx->at == phase::failed) {
        violation("QueryContextAttributes: context whose handshake has failed");
        return SEC_E_INVALID_HANDLE;
    }
    const auto& off = settings.unsupported_attributes;
    if (std::ranges::find(off, attribute) != off.end()) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    if (buffer == nullptr) {
        violation("QueryContextAttributes: null pointer for the result");
        return sec_e_invalid_parameter;
    }
    const bool done = ctx->at == phase::done;
    const auto established = [&](auto answer) -> SECURITY_STATUS {
        if (!done) {
            return SEC_E_INVALID_HANDLE;
        }
        answer();
        return SEC_E_OK;
    };
    switch (attribute) {
    case SECPKG_ATTR_SIZES:
        return established([&] {
            const auto& profile = message_profile(*ctx);
            const bool dce = ctx->has(isc_dce_style);
            const bool signs = ctx->has(isc_integrity);
            const bool seals = signs || ctx->has(isc_confidentiality);
            SecPkgContext_Sizes sizes{};
            sizes.cbMaxToken = profile.max_token;
            // NTLM reports 16 whatever was granted, also where it signs with a dummy.
            sizes.cbMaxSignature = signs || ctx->mechanism == package::ntlm ? profile.max_signature : 0;
            sizes.cbBlockSize = profile.block_size;
            const ULONG trailer = dce ? settings.dce_security_trailer : profile.security_trailer;
            sizes.cbSecurityTrailer = seals || ctx->mechanism == package::ntlm ? trailer : 0;
            *static_cast<SecPkgContext_Sizes*>(buffer) = sizes;
        });
    case SECPKG_ATTR_NAMES:
        return established([&] { static_cast<string_attribute*>(buffer)->text = allocate_string(ctx->client_name()); });
    case SECPKG_ATTR_LIFESPAN:
        return established([&] {
            auto* lifespan = static_cast<lifespan_attribute*>(buffer);
            set_time(&lifespan->start, settings.start);
            set_time(&lifespan->expiry, ctx->ticket_end != 0 ? ctx->ticket_end : settings.expiry);
        });
    case SECPKG_ATTR_DCE_INFO:
        return established([&] {
            constexpr ULONG name_service = 1; // RPC_C_AUTHZ_NAME
            *static_cast<dce_attribute*>(buffer) = {name_service, allocate_string(ctx->client_name())};
        });
    case SECPKG_ATTR_KEY_INFO:
        return established([&] {
            *static_cast<key_info_attribute*>(buffer) = {allocate_string(u"SipHash"),
                                                         allocate_string(u"SipHash stream"), 128, 0x1234, 0x5678};
        });
    case SECPKG_ATTR_AUTHORITY:
        return established([&] { static_cast<string_attribute*>(buffer)->text = allocate_string(ctx->domain); });
    case SECPKG_ATTR_PASSWORD_EXPIRY:
        return established([&] { set_time(static_cast<TimeStamp*>(buffer), settings.expiry); });
    case SECPKG_ATTR_TARGET_INFORMATION:
        return established([&] {
            const auto size = static_cast<ULONG>(ctx->target.size() * sizeof(SEC_WCHAR)); // without the zero
            *static_cast<bytes_attribute*>(buffer) = {size,
                                                      reinterpret_cast<unsigned char*>(allocate_string(ctx->target))};
        });
    case SECPKG_ATTR_ACCESS_TOKEN:
        if (ctx->side != role::server) {
            return SEC_E_NO_IMPERSONATION;
        }
        return established([&] { static_cast<handle_attribute*>(buffer)->handle = settings.access_token; });
    case 30: // SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS
        return established([&] { static_cast<flags_attribute*>(buffer)->flags = ctx->leg % 2 == 0 ? 1 : 0; });
    case SECPKG_ATTR_SESSION_KEY:
        return established([&] {
            const auto& planted = settings.planted_secret;
            const auto key = planted.empty() ? std::span<const std::byte>{ctx->session_key} : std::span{planted};
            *static_cast<bytes_attribute*>(buffer) = {static_cast<ULONG>(key.size()), allocate_bytes(key)};
        });
    case SECPKG_ATTR_PACKAGE_INFO:
        static_cast<package_attribute*>(buffer)->info = allocate_infos(&ctx->mechanism, 1);
        return SEC_E_OK;
    case SECPKG_ATTR_NEGOTIATION_INFO: {
        auto* info = static_cast<sspan::detail::SecPkgContext_NegotiationInfoW*>(buffer);
        info->PackageInfo = allocate_infos(&ctx->mechanism, 1);
        const auto told = to_utf16(settings.told_package);
        auto* name = info->PackageInfo->Name;
        for (std::size_t i = 0; i != told.size() && name[i] != 0; ++i) {
            name[i] = static_cast<SEC_WCHAR>(told[i]);
            name[i + 1] = i + 1 == told.size() ? SEC_WCHAR{0} : name[i + 1];
        }
        info->NegotiationState =
            settings.negotiation_state.value_or(done ? negotiation_complete : negotiation_in_progress);
        return SEC_E_OK;
    }
    case SECPKG_ATTR_NATIVE_NAMES:
        return established([&] {
            auto* names = static_cast<native_names_attribute*>(buffer);
            names->client =
                settings.native_names != native_name::server ? allocate_string(ctx->client_name()) : nullptr;
            names->server = settings.native_names != native_name::client ? allocate_string(ctx->target) : nullptr;
        });
    case SECPKG_ATTR_FLAGS:
        static_cast<flags_attribute*>(buffer)->flags = ctx->attributes;
        return SEC_E_OK;
    case 27: // SECPKG_ATTR_CLIENT_SPECIFIED_TARGET
        if (ctx->side != role::server) {
            return SEC_E_UNSUPPORTED_FUNCTION;
        }
        return established([&] {
            const auto target = settings.told_target ? to_utf16(*settings.told_target) : ctx->target;
            static_cast<string_attribute*>(buffer)->text = settings.target_is_null ? nullptr : allocate_string(target);
        });
    default:
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
}

} // namespace loopback
