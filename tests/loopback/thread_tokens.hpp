// SPDX-License-Identifier: MIT
//
// The calling thread's impersonation token: a real one on Windows, a recorded one elsewhere. The functions return Win32
// error codes, 0 for success.
#pragma once

#include <sspan/os/platform.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace loopback::thread_tokens {

/// Gives the calling thread a token of `level` that stands for `client`.
DWORD assign(const std::u16string& client, SECURITY_IMPERSONATION_LEVEL level);
/// Makes a token of `level` that stands for `client`. close() closes it.
DWORD make(const std::u16string& client, SECURITY_IMPERSONATION_LEVEL level, HANDLE* token);
/// Takes the calling thread's token away, if it has one.
DWORD remove();

// The bodies of the seam's functions with the same names.
DWORD open(HANDLE* token);
DWORD set(HANDLE token);
DWORD level_of(HANDLE token, SECURITY_IMPERSONATION_LEVEL* level);
DWORD type_of(HANDLE token, bool* is_primary);
DWORD duplicate(HANDLE token, DWORD access, SECURITY_IMPERSONATION_LEVEL level, bool as_primary, HANDLE* duplicate);
DWORD id_of(HANDLE token, std::uint64_t* id);
DWORD close(HANDLE token);

[[nodiscard]] std::u16string current_client();
[[nodiscard]] std::optional<SECURITY_IMPERSONATION_LEVEL> current_level();
/// Counts handles from open(), make() and duplicate() that are not closed.
[[nodiscard]] std::size_t open_handles();
/// Counts threads that have a token, or had one when they ended.
[[nodiscard]] std::size_t impersonating_threads();
/// Closes and forgets everything. Other threads keep their tokens, which are no longer counted.
void reset();

} // namespace loopback::thread_tokens
