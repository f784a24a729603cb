// SPDX-License-Identifier: MIT
//
// Recorded thread tokens, for systems without tokens of their own.
#include "thread_tokens.hpp"

#if !defined(_WIN32)

#include "engine.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace loopback::thread_tokens {

namespace {

struct token {
    std::u16string client;
    SECURITY_IMPERSONATION_LEVEL level = SecurityAnonymous;
    bool is_primary = false;
    std::uint64_t id = next_id();

    static std::uint64_t next_id() {
        static std::atomic<std::uint64_t> last{0};
        return ++last;
    }
};

struct records {
    std::mutex mutex;
    std::unordered_map<std::uintptr_t, std::shared_ptr<const token>> opened;
    std::uintptr_t last_handle = 0;
    std::size_t carriers = 0;
    std::uint64_t era = 0; ///< reset() increments it; tokens of other threads from an earlier era do not count
};

records& all() {
    static records only;
    return only;
}

struct carried {
    std::shared_ptr<const token> now;
    std::uint64_t era = 0;
};
thread_local carried mine;

constexpr DWORD invalid_handle = 6; // ERROR_INVALID_HANDLE

/// Puts the token on the calling thread. The caller holds the lock.
void carry(std::shared_ptr<const token> next) {
    auto& shared = all();
    if (mine.era == shared.era && mine.now != nullptr) {
        --shared.carriers;
    }
    if (next != nullptr) {
        ++shared.carriers;
    }
    mine = {std::move(next), shared.era};
}

std::shared_ptr<const token> carried_now() {
    auto& shared = all();
    const std::lock_guard lock{shared.mutex};
    return mine.era == shared.era ? mine.now : nullptr;
}

std::shared_ptr<const token> find(HANDLE handle) {
    auto& shared = all();
    {
        const std::lock_guard lock{shared.mutex};
        const auto found = shared.opened.find(reinterpret_cast<std::uintptr_t>(handle)); // a number, never an address
        if (found != shared.opened.end()) {
            return found->second;
        }
    }
    engine::instance().violation("invalid or closed handle of a thread token");
    return nullptr;
}

/// Returns a new open handle of the token.
HANDLE remember(std::shared_ptr<const token> which) {
    auto& shared = all();
    const std::lock_guard lock{shared.mutex};
    shared.last_handle += 4; // as Windows numbers them
    shared.opened.emplace(shared.last_handle, std::move(which));
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a handle is a number with the type of a pointer
    return reinterpret_cast<HANDLE>(shared.last_handle);
}

} // namespace

DWORD assign(const std::u16string& client, SECURITY_IMPERSONATION_LEVEL level) {
    auto made = std::make_shared<const token>(token{client, level});
    const std::lock_guard lock{all().mutex};
    carry(std::move(made));
    return 0;
}

DWORD make(const std::u16string& client, SECURITY_IMPERSONATION_LEVEL level, HANDLE* handle) {
    *handle = remember(std::make_shared<const token>(token{client, level}));
    return 0;
}

DWORD remove() {
    const std::lock_guard lock{all().mutex};
    carry(nullptr);
    return 0;
}

DWORD open(HANDLE* handle) {
    auto now = carried_now();
    if (now == nullptr) {
        *handle = nullptr;
        return ERROR_NO_TOKEN;
    }
    if (now->level == SecurityAnonymous) { // as on Windows, for every caller
        *handle = nullptr;
        return ERROR_CANT_OPEN_ANONYMOUS;
    }
    *handle = remember(std::move(now));
    return 0;
}

DWORD set(HANDLE handle) {
    if (handle == nullptr) {
        return remove();
    }
    auto found = find(handle);
    if (found == nullptr) {
        return invalid_handle;
    }
    if (found->is_primary) { // its handle lacks TOKEN_IMPERSONATE
        return ERROR_ACCESS_DENIED;
    }
    if (const auto highest = engine::instance().settings.highest_thread_level; highest && *highest < found->level) {
        found = std::make_shared<const token>(token{found->client, *highest});
    }
    const std::lock_guard lock{all().mutex};
    carry(std::move(found));
    return 0;
}

DWORD level_of(HANDLE handle, SECURITY_IMPERSONATION_LEVEL* level) {
    const auto found = find(handle);
    if (found == nullptr) {
        return invalid_handle;
    }
    if (found->is_primary) { // as on Windows
        return ERROR_INVALID_PARAMETER;
    }
    *level = found->level;
    return 0;
}

DWORD type_of(HANDLE handle, bool* is_primary) {
    const auto found = find(handle);
    if (found == nullptr) {
        return invalid_handle;
    }
    *is_primary = found->is_primary;
    return 0;
}

DWORD duplicate(HANDLE handle, DWORD /*access*/, SECURITY_IMPERSONATION_LEVEL level, bool as_primary,
                HANDLE* duplicate) {
    const auto found = find(handle);
    if (found == nullptr) {
        return invalid_handle;
    }
    if (!found->is_primary && found->level < (as_primary ? SecurityImpersonation : level)) {
        return ERROR_BAD_IMPERSONATION_LEVEL;
    }
    *duplicate = remember(std::make_shared<const token>(token{found->client, level, as_primary}));
    return 0;
}

DWORD id_of(HANDLE handle, std::uint64_t* id) {
    const auto found = find(handle);
    if (found == nullptr) {
        return invalid_handle;
    }
    *id = found->id;
    return 0;
}

DWORD close(HANDLE handle) {
    if (find(handle) == nullptr) {
        return invalid_handle;
    }
    auto& shared = all();
    const std::lock_guard lock{shared.mutex};
    shared.opened.erase(reinterpret_cast<std::uintptr_t>(handle));
    return 0;
}

std::u16string current_client() {
    const auto now = carried_now();
    return now != nullptr ? now->client : std::u16string{};
}

std::optional<SECURITY_IMPERSONATION_LEVEL> current_level() {
    const auto now = carried_now();
    return now != nullptr ? std::optional{now->level} : std::nullopt;
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
    auto& shared = all();
    const std::lock_guard lock{shared.mutex};
    shared.opened.clear();
    shared.carriers = 0;
    ++shared.era;
    mine = {};
}

} // namespace loopback::thread_tokens

#endif
