// SPDX-License-Identifier: MIT
#include "control.hpp"

#include "engine.hpp"
#include "faults.hpp"
#include "text.hpp"
#include "thread_tokens.hpp"

#include <utility>

namespace loopback {

options& configure() {
    return engine::instance().settings;
}

void reset() {
    faults::instance().reset();
    engine::instance().reset();
}

void deny_flags(ULONG isc_ret_flags) {
    auto& settings = configure();
    settings.client.deny_flags |= isc_ret_flags;
    settings.server.deny_flags |= to_asc(isc_ret_flags);
}

bool live_counts::none() const noexcept {
    return credentials + contexts + package_blocks + string_blocks + key_blocks + token_blocks + identities +
               thread_tokens + impersonating_threads ==
           0;
}

live_counts live() {
    return engine::instance().live();
}

std::size_t violations() {
    return violation_list().size();
}

std::vector<std::string> violation_list() {
    return engine::instance().violations();
}

std::size_t calls(function which) {
    return faults::instance().calls(which);
}

void fail_at(function which, std::size_t nth, SECURITY_STATUS status) {
    faults::order next{which, nth, false, {}};
    next.what.instead = status;
    faults::instance().add(std::move(next));
}

void fail_from(function which, std::size_t nth, SECURITY_STATUS status) {
    faults::order next{which, nth, true, {}};
    next.what.instead = status;
    faults::instance().add(std::move(next));
}

void return_after(function which, std::size_t nth, SECURITY_STATUS status) {
    faults::order next{which, nth, false, {}};
    next.what.afterwards = status;
    faults::instance().add(std::move(next));
}

void on_call(function which, std::size_t nth, std::function<void()> action) {
    faults::order next{which, nth, false, {}};
    next.what.actions.push_back(std::move(action));
    faults::instance().add(std::move(next));
}

void hostile_at(function which, std::size_t nth, hostile_output how) {
    faults::order next{which, nth, false, {}};
    next.what.hostile = how;
    faults::instance().add(std::move(next));
}

void clear_faults() {
    faults::instance().clear();
}

std::vector<seen_buffer> last_buffers(function which) {
    return faults::instance().last_buffers(which);
}

ULONG last_flags(function which) {
    return faults::instance().last_flags(which);
}

void* make_identity(const std::wstring& user, const std::wstring& domain, const std::wstring& password) {
    auto secret = to_utf16(password);
    void* const made = engine::instance().make_identity(to_utf16(user), to_utf16(domain), secret);
    wipe(secret.data(), secret.size() * sizeof(char16_t));
    return made;
}

std::wstring kdc_proxy(const CredHandle& credentials) {
    return to_wide(engine::instance().kdc_proxy(&credentials));
}

std::size_t wiped_bytes() {
    return faults::instance().wiped;
}

std::wstring current_thread_client() {
    return to_wide(thread_tokens::current_client());
}

std::optional<SECURITY_IMPERSONATION_LEVEL> current_thread_level() {
    return thread_tokens::current_level();
}

void impersonate_on_thread(const std::wstring& client, SECURITY_IMPERSONATION_LEVEL level) {
    if (thread_tokens::assign(to_utf16(client), level) != 0) {
        engine::instance().violation("impersonate_on_thread: the system refused");
    }
}

void stop_impersonating_on_thread() {
    thread_tokens::remove();
}

HANDLE make_primary_token(const std::wstring& client) {
    HANDLE made = nullptr;
    HANDLE primary = nullptr;
    if (thread_tokens::make(to_utf16(client), SecurityImpersonation, &made) == 0) {
        thread_tokens::duplicate(made, TOKEN_QUERY | TOKEN_DUPLICATE, SecurityImpersonation, true, &primary);
        thread_tokens::close(made);
    }
    return primary;
}

} // namespace loopback
