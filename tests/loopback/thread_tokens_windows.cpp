// SPDX-License-Identifier: MIT
//
// Real thread tokens. Each client gets a duplicate of the process's own token. The client of a token is found by the
// token's number (TOKEN_STATISTICS::TokenId), which stays the same when its handle is opened or set again.
#include "thread_tokens.hpp"

#if defined(_WIN32)

#include "engine.hpp"

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace loopback::thread_tokens {

namespace {

struct records {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::u16string> clients; ///< by token number
    std::unordered_set<HANDLE> opened;
    std::size_t carriers = 0;
    std::uint64_t era = 0; ///< reset() increments it; tokens of other threads from an earlier era do not count
};

records& all() {
    static records only;
    return only;
}

struct carried {
    bool any = false;
    std::uint64_t era = 0;
};
thread_local carried mine;

/// Closes the handle at the end of the scope.
class handle_closer {
public:
    handle_closer() = default;
    handle_closer(const handle_closer&) = delete;
    handle_closer& operator=(const handle_closer&) = delete;
    ~handle_closer() {
        if (raw != nullptr) {
            ::CloseHandle(raw);
        }
    }
    HANDLE raw = nullptr;
};

DWORD result_of(BOOL success) {
    return success ? ERROR_SUCCESS : ::GetLastError();
}

DWORD put_on_thread(HANDLE token) {
    const auto error = result_of(::SetThreadToken(nullptr, token));
    if (error == ERROR_SUCCESS) {
        auto& shared = all();
        const std::lock_guard lock{shared.mutex};
        if (mine.era == shared.era && mine.any) {
            --shared.carriers;
        }
        if (token != nullptr) {
            ++shared.carriers;
        }
        mine = {token != nullptr, shared.era};
    }
    return error;
}

DWORD open_current(HANDLE* token) {
    // OpenAsSelf: the impersonated client may not have access to the token.
    return result_of(
        ::OpenThreadToken(::GetCurrentThread(), TOKEN_QUERY | TOKEN_IMPERSONATE | TOKEN_DUPLICATE, TRUE, token));
}

bool number_of(HANDLE token, std::uint64_t& number) {
    TOKEN_STATISTICS statistics{};
    DWORD written = 0;
    if (!::GetTokenInformation(token, TokenStatistics, &statistics, sizeof statistics, &written)) {
        return false;
    }
    number = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(statistics.TokenId.HighPart)) << 32) |
             statistics.TokenId.LowPart;
    return true;
}

bool is_open(HANDLE token) {
    {
        const std::lock_guard lock{all().mutex};
        if (all().opened.count(token) != 0) {
            return true;
        }
    }
    engine::instance().violation("invalid or closed handle of a thread token");
    return false;
}

/// Records that `token` stands for `client`.
DWORD name(HANDLE token, const std::u16string& client) {
    std::uint64_t number = 0;
    if (!number_of(token, number)) {
        return ::GetLastError();
    }
    const std::lock_guard lock{all().mutex};
    all().clients[number] = client;
    return ERROR_SUCCESS;
}

std::u16string client_of(HANDLE token) {
    std::uint64_t number = 0;
    if (!number_of(token, number)) {
        return {};
    }
    const std::lock_guard lock{all().mutex};
    const auto found = all().clients.find(number);
    return found != all().clients.end() ? found->second : u"(somebody unknown)";
}

/// Makes a token that stands for `client`. The caller closes it.
DWORD duplicate(const std::u16string& client, SECURITY_IMPERSONATION_LEVEL level, HANDLE& token) {
    handle_closer process;
    if (!::OpenProcessToken(::GetCurrentProcess(), TOKEN_DUPLICATE | TOKEN_QUERY, &process.raw)) {
        return ::GetLastError();
    }
    if (!::DuplicateTokenEx(process.raw, TOKEN_QUERY | TOKEN_IMPERSONATE | TOKEN_DUPLICATE, nullptr, level,
                            TokenImpersonation, &token)) {
        return ::GetLastError();
    }
    return name(token, client);
}

/// Records a handle that close() must close.
void remember(HANDLE token) {
    const std::lock_guard lock{all().mutex};
    all().opened.insert(token);
}

} // namespace

DWORD assign(const std::u16string& client, SECURITY_IMPERSONATION_LEVEL level) {
    handle_closer token;
    const auto error = duplicate(client, level, token.raw);
    return error == ERROR_SUCCESS ? put_on_thread(token.raw) : error;
}

DWORD make(const std::u16string& client, SECURITY_IMPERSONATION_LEVEL level, HANDLE* token) {
    const auto error = duplicate(client, level, *token);
    if (error == ERROR_SUCCESS) {
        remember(*token);
    }
    return error;
}

DWORD remove() {
    return put_on_thread(nullptr);
}

DWORD open(HANDLE* token) {
    const auto error = open_current(token);
    if (error == ERROR_SUCCESS) {
        remember(*token);
    }
    return error;
}

DWORD set(HANDLE token) {
    if (token != nullptr && !is_open(token)) {
        return ERROR_INVALID_HANDLE;
    }
    auto level = SecurityAnonymous;
    const auto highest = engine::instance().settings.highest_thread_level;
    if (token != nullptr && highest && level_of(token, &level) == ERROR_SUCCESS && *highest < level) {
        handle_closer lowered;
        const auto error = result_of(::DuplicateTokenEx(token, TOKEN_QUERY | TOKEN_IMPERSONATE | TOKEN_DUPLICATE,
                                                        nullptr, *highest, TokenImpersonation, &lowered.raw));
        if (error != ERROR_SUCCESS || name(lowered.raw, client_of(token)) != ERROR_SUCCESS) {
            return error != ERROR_SUCCESS ? error : ::GetLastError();
        }
        return put_on_thread(lowered.raw);
    }
    return put_on_thread(token);
}

DWORD level_of(HANDLE token, SECURITY_IMPERSONATION_LEVEL* level) {
    DWORD written = 0;
    return result_of(::GetTokenInformation(token, TokenImpersonationLevel, level, sizeof *level, &written));
}

DWORD type_of(HANDLE token, bool* is_primary) {
    TOKEN_TYPE type{};
    DWORD written = 0;
    const auto error = result_of(::GetTokenInformation(token, TokenType, &type, sizeof type, &written));
    *is_primary = type == TokenPrimary;
    return error;
}

DWORD duplicate(HANDLE token, DWORD access, SECURITY_IMPERSONATION_LEVEL level, bool as_primary, HANDLE* duplicate) {
    if (!is_open(token)) {
        return ERROR_INVALID_HANDLE;
    }
    auto own = SecurityAnonymous;
    if (as_primary && level_of(token, &own) == ERROR_SUCCESS && own < SecurityImpersonation) {
        return ERROR_BAD_IMPERSONATION_LEVEL; // as on Windows; Wine makes a token
    }
    auto error = result_of(
        ::DuplicateTokenEx(token, access, nullptr, level, as_primary ? TokenPrimary : TokenImpersonation, duplicate));
    if (error == ERROR_SUCCESS) {
        remember(*duplicate);
        error = name(*duplicate, client_of(token));
    }
    return error;
}

DWORD id_of(HANDLE token, std::uint64_t* id) {
    return number_of(token, *id) ? ERROR_SUCCESS : ::GetLastError();
}

DWORD close(HANDLE token) {
    if (!is_open(token)) {
        return ERROR_INVALID_HANDLE;
    }
    const std::lock_guard lock{all().mutex};
    all().opened.erase(token);
    return result_of(::CloseHandle(token));
}

std::u16string current_client() {
    handle_closer token;
    return open_current(&token.raw) == ERROR_SUCCESS ? client_of(token.raw) : std::u16string{};
}

std::optional<SECURITY_IMPERSONATION_LEVEL> current_level() {
    handle_closer token;
    auto level = SecurityAnonymous;
    if (open_current(&token.raw) != ERROR_SUCCESS || level_of(token.raw, &level) != ERROR_SUCCESS) {
        return std::nullopt;
    }
    return level;
}

std::size_t open_handles() {
    const std::lock_guard lock{all().mutex};
    return all().opened.size();
}

std::size_t impersonating_threads() {
    const std::lock_guard lock{all().mutex};
    return all().carriers;
}

void reset() {
    ::SetThreadToken(nullptr, nullptr);
    auto& shared = all();
    const std::lock_guard lock{shared.mutex};
    for (HANDLE token : shared.opened) {
        ::CloseHandle(token);
    }
    shared.opened.clear();
    shared.clients.clear();
    shared.carriers = 0;
    ++shared.era;
    mine = {};
}

} // namespace loopback::thread_tokens

#endif
