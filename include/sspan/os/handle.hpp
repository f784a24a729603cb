// SPDX-License-Identifier: MIT
//
// Owners of all handles and memory from SSPI: one move-only template, one alias for each kind.
#pragma once

#include "api.hpp"

#include <cstdint>
#include <utility> // std::exchange

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// Owns one `Kind::value_type`, or nothing: the zero state, which is also the state of a moved-from object.
template <class Kind>
class unique_handle {
public:
    using value_type = typename Kind::value_type;

    unique_handle() noexcept = default;
    /// Takes ownership of the result of a successful call.
    explicit unique_handle(const value_type& value) noexcept : value_{Kind::normal(value)} {}
    unique_handle(unique_handle&& other) noexcept : value_{other.release()} {}
    unique_handle& operator=(unique_handle&& other) noexcept {
        unique_handle{std::move(other)}.swap(*this);
        return *this;
    }
    unique_handle(const unique_handle&) = delete;
    unique_handle& operator=(const unique_handle&) = delete;
    ~unique_handle() {
        if (*this) {
            Kind::close(value_);
        }
    }

    explicit operator bool() const noexcept { return Kind::is_valid(value_); }
    [[nodiscard]] const value_type& get() const noexcept { return value_; }
    /// Returns a pointer to the handle for calls that do not change the handle.
    [[nodiscard]] value_type* address() noexcept { return &value_; }
    /// Returns the handle and makes this the zero state. The caller closes the handle.
    [[nodiscard]] value_type release() noexcept { return std::exchange(value_, Kind::zero()); }
    void reset() noexcept { unique_handle{}.swap(*this); }
    void swap(unique_handle& other) noexcept { std::swap(value_, other.value_); }

private:
    value_type value_ = Kind::zero();
};

struct sec_handle_kind {
    using value_type = SecHandle;
    static SecHandle zero() noexcept { return {0, 0}; }
    static bool is_valid(const SecHandle& handle) noexcept { return (handle.dwLower | handle.dwUpper) != 0; }
    /// Converts SSPI's mark for "no handle", all ones in either half, to the zero state. Packages never return {0, 0}.
    static SecHandle normal(const SecHandle& handle) noexcept {
        constexpr auto ones = ~ULONG_PTR{0};
        return handle.dwLower == ones || handle.dwUpper == ones ? zero() : handle;
    }
};

struct credentials_kind : sec_handle_kind {
    static void close(CredHandle handle) noexcept { api::free_credentials_handle(&handle); }
};

struct context_kind : sec_handle_kind {
    using value_type = api::message_context;
    static value_type zero() noexcept { return value_type{SecHandle{0, 0}}; }
    static value_type normal(const SecHandle& handle) noexcept { return value_type{sec_handle_kind::normal(handle)}; }
    static void close(CtxtHandle handle) noexcept { api::delete_security_context(&handle); }
};

/// Memory that SSPI allocated. It must be freed by FreeContextBuffer.
template <class T>
struct context_buffer_kind {
    using value_type = T*;
    static T* zero() noexcept { return nullptr; }
    static T* normal(T* memory) noexcept { return memory; }
    static bool is_valid(const T* memory) noexcept { return memory != nullptr; }
    static void close(T* memory) noexcept { api::free_context_buffer(memory); }
};

struct token_kind {
    using value_type = HANDLE;
    static HANDLE zero() noexcept { return nullptr; }
    static HANDLE normal(HANDLE token) noexcept {
        return reinterpret_cast<std::intptr_t>(token) == -1 ? zero() : token; // INVALID_HANDLE_VALUE
    }
    static bool is_valid(HANDLE token) noexcept { return token != nullptr; }
    static void close(HANDLE token) noexcept { api::close_handle(token); }
};

/// A PSEC_WINNT_AUTH_IDENTITY_OPAQUE. It is wiped before it is freed.
struct opaque_identity_kind {
    using value_type = void*;
    static void* zero() noexcept { return nullptr; }
    static void* normal(void* identity) noexcept { return identity; }
    static bool is_valid(const void* identity) noexcept { return identity != nullptr; }
    static void close(void* identity) noexcept { api::free_auth_identity(identity); }
};

using credentials_handle = unique_handle<credentials_kind>;
using context_handle = unique_handle<context_kind>;
using token_handle = unique_handle<token_kind>;
using opaque_identity = unique_handle<opaque_identity_kind>;
template <class T>
using context_buffer = unique_handle<context_buffer_kind<T>>;

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
