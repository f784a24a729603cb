// SPDX-License-Identifier: MIT
//
// Handing a security context to another process of the same machine.
#pragma once

#include "access_token.hpp"
#include "buffer.hpp"
#include "error.hpp"
#include "flags.hpp"
#include "os/handle.hpp"
#include "os/secret.hpp"
#include "os/text.hpp"
#include "package.hpp"
#include "secret_bytes.hpp"
#include "security_context.hpp"
#include "server_context.hpp"

#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// A security context on its way. The other process needs all of it, of `token`, if there is one, a duplicate
/// (DuplicateHandle), and the name of its package.
struct exported_context {
    /// Holds the session keys, and is good for this machine only: pass it on where nobody else can read it.
    secret_bytes packed;
    /// What belongs to the context outside of `packed`, if anything.
    access_token token;
    context_flags granted = context_flags::none; ///< What it had.
    bool is_server = false;                      ///< Whether `import_server_context` is for it.
};

/// Turns a context into bytes. It ends here: on two sides the counters and keys of messages would be used twice.
///
/// On failure the context is as it was.
/// @throws error `invalid_handle`, `unsupported_function`, `insufficient_memory` and others of the package.
/// @note Calls ExportSecurityContext, then DeleteSecurityContext. The package's own copy of the bytes is wiped.
[[nodiscard]] inline exported_context export_context(security_context&& context, std::error_code& ec) noexcept {
    return detail::without_bad_alloc<exported_context>(ec, [&]() -> exported_context {
        if (!context) {
            ec = errc::invalid_handle;
            return {};
        }
        auto raw = context.native_handle();
        SecBuffer packed{};
        packed.BufferType = SECBUFFER_EMPTY;
        HANDLE token = nullptr;
        const auto status = detail::api::export_security_context(&raw, 0, &packed, &token);
        const bool is_ours = status >= 0; // another success is an error, and may have made them
        exported_context exported;
        exported.token = access_token{is_ours ? token : nullptr};
        const detail::context_buffer<void> memory{is_ours ? packed.pvBuffer : nullptr};
        const detail::wiped_span bytes{memory ? std::span{static_cast<std::byte*>(memory.get()), packed.cbBuffer}
                                              : std::span<std::byte>{}};
        if (!detail::succeeded(status, ec)) {
            return {};
        }
        if (bytes.get().empty()) {
            ec = errc::internal_error;
            return {};
        }
        exported.packed = secret_bytes{bytes.get()};
        exported.granted = context.granted();
        exported.is_server = context.is_server();
        context = security_context{};
        return exported;
    });
}
[[nodiscard]] inline exported_context export_context(security_context&& context) {
    std::error_code ec;
    auto exported = export_context(std::move(context), ec);
    detail::throw_if(ec, "ExportSecurityContext");
    return exported;
}

namespace detail {

template <class Context>
[[nodiscard]] Context import_as(std::wstring_view package, std::span<const std::byte> packed, context_flags granted,
                                HANDLE token, std::error_code& ec, const char*& function) noexcept {
    return without_bad_alloc<Context>(ec, [&]() -> Context {
        function = "ImportSecurityContext";
        os_string name;
        if (!to_os_name(package, name) || packed.empty() || !fits(packed.size())) {
            ec = errc::invalid_parameter;
            return {};
        }
        buffer_list<1> bytes;
        bytes.add(SECBUFFER_TOKEN, packed);
        CtxtHandle imported{};
        const auto status = api::import_security_context(name.data(), &bytes.native()->pBuffers[0], token, &imported);
        // After a failure `imported` means nothing; another success is an error, and may have made one.
        context_handle owned{status < 0 ? CtxtHandle{} : imported};
        if (!succeeded(status, ec)) {
            return {};
        }
        function = "QueryContextAttributes";
        return Context::adopt(owned.release(), granted, ec);
    });
}

template <class Context>
[[nodiscard]] Context import_as(std::wstring_view package, std::span<const std::byte> packed, context_flags granted,
                                HANDLE token) {
    std::error_code ec;
    const char* function = nullptr;
    auto imported = import_as<Context>(package, packed, granted, token, ec, function);
    throw_if(ec, function);
    return imported;
}

} // namespace detail

/// Makes a client's context of what `export_context` has made of one, which had `granted`; all of it counts as
/// required. `package` is what `query_package_info` named there. `token` stays the caller's.
/// @throws error `invalid_parameter` for an empty `packed` or one that exceeds 32 bits, and for a zero inside
///   `package`; `secpkg_not_found`, `unsupported_function`, `insufficient_memory` and others of the package.
/// @note Calls ImportSecurityContext and QueryContextAttributes.
[[nodiscard]] inline security_context import_context(std::wstring_view package, std::span<const std::byte> packed,
                                                     context_flags granted, HANDLE token,
                                                     std::error_code& ec) noexcept {
    const char* function = nullptr;
    return detail::import_as<security_context>(package, packed, granted, token, ec, function);
}
[[nodiscard]] inline security_context import_context(std::wstring_view package, std::span<const std::byte> packed,
                                                     context_flags granted, HANDLE token = nullptr) {
    return detail::import_as<security_context>(package, packed, granted, token);
}

/// As `import_context`, of a server's context.
[[nodiscard]] inline server_context import_server_context(std::wstring_view package, std::span<const std::byte> packed,
                                                          context_flags granted, HANDLE token,
                                                          std::error_code& ec) noexcept {
    const char* function = nullptr;
    return detail::import_as<server_context>(package, packed, granted, token, ec, function);
}
[[nodiscard]] inline server_context import_server_context(std::wstring_view package, std::span<const std::byte> packed,
                                                          context_flags granted, HANDLE token = nullptr) {
    return detail::import_as<server_context>(package, packed, granted, token);
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
