// SPDX-License-Identifier: MIT
#include "engine.hpp"

#include "text.hpp"
#include "thread_tokens.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace loopback {

namespace {

// dwUpper distinguishes the two kinds of handle, dwLower is the number.
constexpr std::uintptr_t credential_mark = 0x43524544;
constexpr std::uintptr_t context_mark = 0x43545854;

// Flags that have different bits on the two sides.
constexpr std::array<std::pair<ULONG, ULONG>, 4> moved_bits{{
    {isc_integrity, 0x20000},
    {isc_extended_error, 0x8000},
    {isc_stream, 0x10000},
    {isc_identify, 0x80000},
}};
constexpr ULONG common_bits = 0x00000F3F;

std::string describe(std::string_view caller, std::string_view what) {
    return std::string{caller} + ": " + std::string{what};
}

/// The settings at the start, changed as the environment says.
options defaults() {
    options made;
    const char* value = std::getenv(toggle_variable);
    const std::string_view toggle = value != nullptr ? value : "";
    if (toggle == "readonly") {
        for (auto* each : {&made.kerberos, &made.ntlm, &made.negotiate}) {
            each->covers_readonly = !each->covers_readonly;
        }
    } else if (toggle == "stream") {
        made.ntlm.stream = !made.ntlm.stream;
    } else if (toggle == "mutual_auth") {
        made.ntlm.claims_mutual_auth = !made.ntlm.claims_mutual_auth;
    } else if (toggle == "client_decides") {
        made.client_decides = !made.client_decides;
    } else if (!toggle.empty()) {
        std::fprintf(stderr, "loopback: %s has an unknown value\n", toggle_variable);
        std::abort();
    }
    return made;
}

} // namespace

ULONG to_asc(ULONG isc) noexcept {
    ULONG result = isc & common_bits;
    for (const auto& [client_bit, server_bit] : moved_bits) {
        result |= (isc & client_bit) != 0 ? server_bit : 0;
    }
    return result;
}

ULONG to_isc(ULONG asc) noexcept {
    ULONG result = asc & common_bits;
    for (const auto& [client_bit, server_bit] : moved_bits) {
        result |= (asc & server_bit) != 0 ? client_bit : 0;
    }
    return result;
}

void set_time(TimeStamp* time, std::int64_t value) noexcept {
    static_assert(sizeof *time == sizeof value); // LARGE_INTEGER, or WinPR's structure of two halves
    if (time != nullptr) {
        std::memcpy(time, &value, sizeof value);
    }
}

void set_handle(SecHandle& handle, std::uintptr_t id, bool is_context) noexcept {
    handle.dwLower = static_cast<decltype(handle.dwLower)>(id);
    handle.dwUpper = is_context ? context_mark : credential_mark;
}

engine::engine() : settings{defaults()} {}

engine& engine::instance() {
    static engine only;
    return only;
}

std::uintptr_t engine::next_id() noexcept {
    return ++last_id_;
}

void engine::violation(std::string what) {
    const std::lock_guard lock{mutex_};
    violations_.push_back(std::move(what));
}

std::vector<std::string> engine::violations() {
    const std::lock_guard lock{mutex_};
    return violations_;
}

bool engine::is_marked(const SecHandle& handle, std::uintptr_t mark) const noexcept {
    return handle.dwUpper == mark || settings.upper_half_is_the_systems;
}

std::shared_ptr<credential> engine::find_credential(const CredHandle* handle, std::string_view caller) {
    if (handle == nullptr) {
        violation(describe(caller, "null pointer for a credentials handle"));
        return nullptr;
    }
    {
        const std::lock_guard lock{mutex_};
        const auto found = credentials_.find(static_cast<std::uintptr_t>(handle->dwLower));
        if (is_marked(*handle, credential_mark) && found != credentials_.end()) {
            return found->second;
        }
    }
    violation(describe(caller, "invalid or freed credentials handle"));
    return nullptr;
}

std::shared_ptr<context> engine::find_context(const CtxtHandle* handle, std::string_view caller) {
    if (handle == nullptr) {
        violation(describe(caller, "null pointer for a context handle"));
        return nullptr;
    }
    {
        const std::lock_guard lock{mutex_};
        const auto found = contexts_.find(static_cast<std::uintptr_t>(handle->dwLower));
        if (is_marked(*handle, context_mark) && found != contexts_.end()) {
            return found->second;
        }
    }
    violation(describe(caller, "invalid or deleted context handle"));
    return nullptr;
}

SECURITY_STATUS engine::free_credentials(const CredHandle* handle) {
    const auto found = find_credential(handle, "FreeCredentialsHandle");
    if (!found) {
        return SEC_E_INVALID_HANDLE;
    }
    const auto id = static_cast<std::uintptr_t>(handle->dwLower);
    bool in_use = false;
    {
        const std::lock_guard lock{mutex_};
        credentials_.erase(id);
        in_use = settings.credentials_outlive_contexts &&
                 std::ranges::any_of(contexts_, [id](const auto& entry) { return entry.second->owner_id == id; });
    }
    if (in_use) {
        violation("FreeCredentialsHandle: a context of these credentials still exists");
    }
    return SEC_E_OK;
}

SECURITY_STATUS engine::delete_context(const CtxtHandle* handle) {
    const auto found = find_context(handle, "DeleteSecurityContext");
    if (!found) {
        return SEC_E_INVALID_HANDLE;
    }
    if (found->send.busy || found->receive.busy) {
        violation("DeleteSecurityContext: another thread is using the context");
    }
    const std::lock_guard lock{mutex_};
    contexts_.erase(static_cast<std::uintptr_t>(handle->dwLower));
    return SEC_E_OK;
}

void* take_memory(std::size_t size) noexcept {
#if defined(_WIN32)
    return ::HeapAlloc(::GetProcessHeap(), 0, size); // under Wine, secur32's FreeContextBuffer frees from this heap
#else
    return std::malloc(size); // AddressSanitizer and valgrind check its bounds and its lifetime
#endif
}

void give_memory_back(void* memory) noexcept {
#if defined(_WIN32)
    ::HeapFree(::GetProcessHeap(), 0, memory);
#else
    std::free(memory);
#endif
}

void* engine::allocate(block kind, std::size_t size) {
    void* memory = take_memory(std::max<std::size_t>(size, 1)); // each block is separate
    if (memory == nullptr) {
        throw std::bad_alloc{};
    }
    const std::lock_guard lock{mutex_};
    blocks_[memory] = {kind, size};
    return memory;
}

SEC_WCHAR* engine::allocate_string(std::u16string_view text) {
    auto* memory = static_cast<SEC_WCHAR*>(allocate(block::string, (text.size() + 1) * sizeof(SEC_WCHAR)));
    std::ranges::transform(text, memory, [](char16_t unit) { return static_cast<SEC_WCHAR>(unit); });
    memory[text.size()] = 0;
    return memory;
}

unsigned char* engine::allocate_bytes(std::span<const std::byte> bytes) {
    auto* memory = static_cast<unsigned char*>(allocate(block::key, bytes.size()));
    copy_secret(bytes, memory);
    return memory;
}

SECURITY_STATUS engine::free_buffer(void* memory) {
    bool known = false;
    bool secret_left = false;
    {
        const std::lock_guard lock{mutex_};
        const auto found = blocks_.find(memory);
        known = found != blocks_.end();
        if (known) {
            const auto [kind, size] = found->second;
            const std::span bytes{static_cast<const unsigned char*>(memory), size};
            secret_left =
                kind == block::key && std::ranges::any_of(bytes, [](unsigned char byte) { return byte != 0; });
            blocks_.erase(found);
        }
    }
    if (!known) {
        violation("FreeContextBuffer: memory that the package did not allocate, or that was freed before");
        return SEC_E_INVALID_HANDLE;
    }
    if (secret_left) {
        violation("FreeContextBuffer: the key was not wiped");
    }
    give_memory_back(memory);
    return SEC_E_OK;
}

live_counts engine::live() {
    live_counts counts;
    {
        const std::lock_guard lock{mutex_};
        counts.credentials = credentials_.size();
        counts.contexts = contexts_.size();
        const auto blocks_of = [this](block kind) {
            return static_cast<std::size_t>(std::count_if(
                blocks_.begin(), blocks_.end(), [kind](const auto& entry) { return entry.second.kind == kind; }));
        };
        counts.package_blocks = blocks_of(block::package_info);
        counts.string_blocks = blocks_of(block::string);
        counts.key_blocks = blocks_of(block::key);
        counts.token_blocks = blocks_of(block::token);
        counts.identities = blocks_of(block::identity);
    }
    counts.thread_tokens = thread_tokens::open_handles();
    counts.impersonating_threads = thread_tokens::impersonating_threads();
    return counts;
}

void engine::reset() {
    thread_tokens::reset();
    const std::lock_guard lock{mutex_};
    contexts_.clear();
    credentials_.clear();
    for (const auto& entry : blocks_) {
        give_memory_back(entry.first);
    }
    blocks_.clear();
    violations_.clear();
    nonces_ = 0;
    settings = defaults();
}

const profile& engine::profile_of(package pkg) const noexcept {
    switch (pkg) {
    case package::kerberos:
        return settings.kerberos;
    case package::ntlm:
        return settings.ntlm;
    case package::negotiate:
        break;
    }
    return settings.negotiate;
}

const profile& engine::message_profile(const context& of) const noexcept {
    return of.mechanism == package::ntlm ? settings.ntlm : profile_of(of.offered);
}

mac_key engine::secret() const noexcept {
    mac_key key{};
    store_little(key.data(), settings.shared_secret);
    store_little(key.data() + 8, ~settings.shared_secret);
    return key;
}

} // namespace loopback
