// SPDX-License-Identifier: MIT
//
// The identity of the calling thread.
#pragma once

#include "../os/handle.hpp"

#include <cstdint>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// Saves the calling thread's last error and restores it at the end of the scope.
class last_error_kept {
public:
    last_error_kept() noexcept = default;
    last_error_kept(const last_error_kept&) = delete;
    last_error_kept& operator=(const last_error_kept&) = delete;
    ~last_error_kept() { api::set_last_error(error_); }

private:
    DWORD error_ = api::last_error();
};

/// Opens the thread's token as the process, which may open tokens that the client may not open. If this is refused,
/// opens it as the client.
inline DWORD open_thread_token(DWORD access, HANDLE* token) noexcept {
    const auto error = api::open_thread_token(access, true, token);
    return error == ERROR_ACCESS_DENIED ? api::open_thread_token(access, false, token) : error;
}

/// The identity of a token: its number or, without a number, the error that prevented reading it.
struct token_identity {
    DWORD error = ERROR_NO_TOKEN;
    std::uint64_t number = 0;

    friend bool operator==(const token_identity&, const token_identity&) noexcept = default;
};

inline token_identity identity_of(const token_handle& token) noexcept {
    token_identity identity;
    if (token) {
        identity.error = api::query_token_id(token.get(), &identity.number);
    }
    return identity;
}

/// Returns the identity of the calling thread's token. ERROR_CANT_OPEN_ANONYMOUS stands for the anonymous user's token.
inline token_identity current_identity() noexcept {
    HANDLE raw = nullptr;
    const auto error = open_thread_token(TOKEN_QUERY, &raw);
    return error == 0 ? identity_of(token_handle{raw}) : token_identity{error, 0};
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
