// SPDX-License-Identifier: MIT
//
// Handing a security context to another process of the same machine.
#pragma once

#include "access_token.hpp"
#include "attributes.hpp"
#include "client_context.hpp"
#include "error.hpp"
#include "flags.hpp"
#include "message_part.hpp"
#include "os/handle.hpp"
#include "os/secret.hpp"
#include "os/text.hpp"
#include "package.hpp"
#include "secret_bytes.hpp"
#include "security_context.hpp"
#include "server_context.hpp"

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// A security context in transit. The other process needs all members. It gets a duplicate of `token`, if there is one
/// (DuplicateHandle).
struct exported_context {
    /// Contains the session keys, and is valid on this machine only. Protect it from other readers.
    secret_bytes packed;
    /// The part of the context outside of `packed`, if any.
    access_token token;
    context_flags granted = context_flags::none; ///< The context's granted flags.
    /// The context's required flags; the import requires them again. Set them when you refill this structure.
    context_flags required = message_protection;
    bool is_server = false; ///< True for a server's context.
    std::wstring package;   ///< The package's name from SECPKG_ATTR_PACKAGE_INFO.
};

namespace detail {

/// The bodies of export and import. `function` is set to the name of the failed function.
struct context_transfer {
    [[nodiscard]] static exported_context give(security_context& context, std::error_code& ec,
                                               const char*& function) noexcept;
    template <class Context>
    [[nodiscard]] static Context take(exported_context& exported, std::error_code& ec, const char*& function) noexcept;
};

inline exported_context context_transfer::give(security_context& context, std::error_code& ec,
                                               const char*& function) noexcept {
    function = "ExportSecurityContext";
    return without_bad_alloc<exported_context>(ec, [&]() -> exported_context {
        if (!context) {
            ec = errc::invalid_handle;
            return {};
        }
        if (context.is_shared()) { // a guard still acts for its client
            ec = errc::not_owner;
            return {};
        }
        function = "QueryContextAttributes";
        auto package = query_package_info(context, ec).name;
        if (ec) {
            return {};
        }
        function = "ExportSecurityContext";
        auto raw = context.native_handle();
        SecBuffer packed{};
        packed.BufferType = SECBUFFER_EMPTY;
        HANDLE token = nullptr;
        // A client's context has no token to ask for. Unverified on Windows.
        const auto status = api::export_security_context(&raw, 0, &packed, context.is_server() ? &token : nullptr);
        const bool is_ours = status >= 0; // other success codes are errors, but may return both
        exported_context exported;
        exported.token = access_token::adopt(is_ours ? token : nullptr);
        const context_buffer<void> memory{is_ours ? packed.pvBuffer : nullptr};
        const wiped_span bytes{memory ? std::span{static_cast<std::byte*>(memory.get()), packed.cbBuffer}
                                      : std::span<std::byte>{}};
        if (!succeeded(status, ec)) {
            return {};
        }
        if (bytes.get().empty()) {
            ec = errc::internal_error;
            return {};
        }
        exported.packed = secret_bytes{bytes.get()};
        exported.granted = context.granted();
        exported.required = context.state_->required;
        exported.is_server = context.is_server();
        exported.package = std::move(package);
        context.state_ = nullptr;
        return exported;
    });
}

template <class Context>
Context context_transfer::take(exported_context& exported, std::error_code& ec, const char*& function) noexcept {
    constexpr bool is_server = std::same_as<Context, server_context>;
    function = "ImportSecurityContext";
    return without_bad_alloc<Context>(ec, [&]() -> Context {
        os_string name;
        const auto packed = exported.packed.get();
        if (is_server != exported.is_server || packed.empty() || !fits(packed.size()) ||
            unsatisfied(exported.required, exported.granted) != context_flags::none ||
            !to_os_name(exported.package, name)) {
            ec = errc::invalid_parameter;
            return {};
        }
        auto state = std::make_shared<established>(); // allocates before the package uses the bytes
        buffer_list<1> bytes;
        bytes.add(SECBUFFER_TOKEN, packed);
        CtxtHandle imported{};
        const auto status = api::import_security_context(name.data(), &bytes.native()->pBuffers[0],
                                                         exported.token.native_handle(), &imported);
        // After a failure, `imported` is undefined. Other success codes are errors, but may return a context.
        context_handle owned{status < 0 ? CtxtHandle{} : imported};
        exported_context used;
        if (owned) {
            static_cast<void>(exported.token.release()); // else it might be closed twice; unverified on Windows
            used = std::exchange(exported, {});
        }
        if (!succeeded(status, ec)) {
            return {};
        }
        function = "QueryContextAttributes";
        auto context = security_context::adopt(std::move(state), std::move(owned), used.granted, is_server,
                                               only_package_of(used.package.c_str()), ec);
        if (ec) {
            return {};
        }
        if (unsatisfied(used.required, context.granted()) != context_flags::none) { // NTLM loses flags
            ec = errc::security_qos_failed;
            return {};
        }
        context.state_->required = used.required;
        return Context{std::move(context)};
    });
}

} // namespace detail

/// Converts a context into bytes and deletes it. Two copies of a context would use message numbers and keys twice.
///
/// On failure the context is unchanged.
/// @throws error `invalid_handle`, `not_owner` while an `impersonation_guard` has a share, `unsupported_function`,
///   `insufficient_memory` and others of the package.
/// @note Calls QueryContextAttributes for SECPKG_ATTR_PACKAGE_INFO, ExportSecurityContext, then DeleteSecurityContext.
///   The package's own copy of the bytes is wiped.
[[nodiscard]] inline exported_context export_context(security_context&& context, std::error_code& ec) noexcept {
    const char* function = nullptr;
    return detail::context_transfer::give(context, ec, function);
}
[[nodiscard]] inline exported_context export_context(security_context&& context) {
    std::error_code ec;
    const char* function = nullptr;
    auto exported = detail::context_transfer::give(context, ec, function);
    detail::throw_if(ec, function);
    return exported;
}

/// The kinds of context to import.
template <class Context>
concept one_sides_context = std::same_as<Context, client_context> || std::same_as<Context, server_context>;

/// Converts the result of `export_context` into a context, once: `import_context<server_context>(std::move(exported))`.
/// After the package has imported it, `exported` is empty: its bytes are wiped and its token belongs to the context. If
/// the package fails, `exported` is unchanged.
///
/// The context requires the flags that the exported one required.
/// @throws error:
///   - `invalid_parameter` if the other side's context was exported, `packed` is empty or exceeds 32 bits, `package`
///     contains a zero, or `granted` does not satisfy `required`;
///   - `security_qos_failed` if the imported context does not satisfy `required`;
///   - `secpkg_not_found`, `invalid_token`, `unsupported_function`, `insufficient_memory` and others of the package.
/// @note Calls ImportSecurityContext and QueryContextAttributes.
template <one_sides_context Context>
[[nodiscard]] Context import_context(exported_context&& exported, std::error_code& ec) noexcept {
    const char* function = nullptr;
    return detail::context_transfer::take<Context>(exported, ec, function);
}
template <one_sides_context Context>
[[nodiscard]] Context import_context(exported_context&& exported) {
    std::error_code ec;
    const char* function = nullptr;
    auto imported = detail::context_transfer::take<Context>(exported, ec, function);
    detail::throw_if(ec, function);
    return imported;
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
