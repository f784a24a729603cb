// SPDX-License-Identifier: MIT
#include "hostile.hpp"

#include <sspan/os/status_codes.hpp>

#include <array>
#include <cstdlib>
#include <cstring>

namespace hostile {

using fuzzing::require;

namespace {

constexpr std::array failures{
#define SSPAN_ROW(name, value, symbol, meaning) static_cast<SECURITY_STATUS>(value),
    SSPAN_SEC_E(SSPAN_ROW)
#undef SSPAN_ROW
        static_cast<SECURITY_STATUS>(0xC000006DU),
};
constexpr std::array successes{
#define SSPAN_ROW(name, value, symbol, meaning) SECURITY_STATUS{value},
    SSPAN_SEC_I(SSPAN_ROW)
#undef SSPAN_ROW
};

std::pair<std::uintptr_t, std::uintptr_t> key_of(const SecHandle& handle) {
    return {static_cast<std::uintptr_t>(handle.dwLower), static_cast<std::uintptr_t>(handle.dwUpper)};
}

} // namespace

package& package::instance() {
    static package only;
    return only;
}

void package::begin(fuzzing::input& in) {
    in_ = &in;
    last_id_ = 0;
    message_calls = 0;
    steps = 0;
    revert_has_failed = false;
    acts_as_ = in.rarely() ? 7 : 0;
}

void package::end() {
    require(credentials_.empty(), "all credentials are freed");
    require(contexts_.empty(), "all contexts are deleted");
    require(blocks_.empty(), "all memory is freed");
    require(tokens_.empty(), "all tokens are closed");
    require(identities_.empty(), "all identities are freed");
}

SECURITY_STATUS package::status() {
    if (process_has_ended) {
        return SEC_E_OK;
    }
    switch (in_->number(0, 9)) {
    case 9:
        return in_->any<std::int32_t>();
    case 8:
        return in_->pick(failures);
    case 7:
        return in_->pick(successes);
    default:
        return SEC_E_OK;
    }
}

SECURITY_STATUS package::status_of_step() {
    return in_->flag() ? SEC_I_CONTINUE_NEEDED : in_->flag() ? in_->pick(successes) : status();
}

DWORD package::win32_error() {
    if (process_has_ended) {
        return ERROR_SUCCESS;
    }
    return in_->number(0, 3) != 3 ? ERROR_SUCCESS : in_->any<DWORD>();
}

SecHandle package::good_handle(handles& live) {
    ++last_id_;
    SecHandle handle{last_id_, last_id_};
    switch (in_->number(0, 2)) { // one half may be zero
    case 1:
        handle.dwLower = 0;
        break;
    case 2:
        handle.dwUpper = 0;
        break;
    default:
        break;
    }
    live.insert(key_of(handle));
    return handle;
}

SecHandle package::make_handle(handles& live) {
    constexpr auto ones = ~ULONG_PTR{0};
    switch (in_->number(0, 15)) {
    case 15:
        return {0, 0};
    case 14:
        return {ones, ones};
    case 13:
        return {ones, in_->any<std::uint8_t>()};
    case 12:
        return {in_->any<std::uint8_t>(), ones};
    default:
        return good_handle(live);
    }
}

void package::use(const handles& live, const SecHandle* handle) {
    require(handle != nullptr && live.contains(key_of(*handle)), "a handle is valid and not freed");
}

void package::use_credentials(const CredHandle* handle) const {
    use(credentials_, handle);
}

void package::use_context(const CtxtHandle* handle) const {
    use(contexts_, handle);
}

void package::end_handle(handles& live, const SecHandle* handle) {
    use(live, handle);
    live.erase(key_of(*handle));
}

void package::update_context(const CtxtHandle* given, CtxtHandle* updated, bool succeeded) {
    if (given != nullptr) {
        use_context(given);
    }
    if (!succeeded) {
        *updated = {0xBAD0, 0xBAD1}; // has no meaning
    } else if (given == nullptr) {
        *updated = make_context();
    } else if (in_->flag()) {
        const auto before = *given; // `given` and `updated` may be the same object
        *updated = make_context();
        if (contexts_.contains(key_of(*updated))) { // the new handle replaces the old one
            end_context(&before);
        }
    } else {
        *updated = *given;
    }
}

void* package::allocate(std::size_t size, std::size_t secret) {
    void* const memory = std::malloc(size == 0 ? 1 : size);
    require(memory != nullptr, "the pointer is not null");
    blocks_.emplace(memory, secret);
    return memory;
}

SEC_WCHAR* package::text() {
    if (in_->rarely()) {
        return nullptr;
    }
    const auto size = in_->number(std::size_t{0}, std::size_t{12});
    auto* const units = static_cast<SEC_WCHAR*>(allocate((size + 1) * sizeof(SEC_WCHAR)));
    for (std::size_t i = 0; i != size; ++i) {
        units[i] = in_->any<SEC_WCHAR>();
    }
    units[size] = 0;
    return units;
}

SecPkgInfoW* package::infos(std::size_t count) {
    constexpr std::size_t units = 8; // units of each text
    if (in_->rarely()) {
        return nullptr;
    }
    auto* const memory =
        static_cast<std::byte*>(allocate(count * (sizeof(SecPkgInfoW) + 2 * units * sizeof(SEC_WCHAR))));
    auto* const info = reinterpret_cast<SecPkgInfoW*>(memory);
    auto* place = reinterpret_cast<SEC_WCHAR*>(memory + count * sizeof(SecPkgInfoW));
    constexpr std::array<SEC_WCHAR, units> ntlm{'n', 'T', 'L', 'm'};
    const auto next_text = [&]() -> SEC_WCHAR* {
        auto* const start = place;
        place += units;
        std::memcpy(start, ntlm.data(), sizeof ntlm);
        for (std::size_t i = 0; in_->flag() && i + 1 != units; ++i) {
            start[i] = in_->any<SEC_WCHAR>();
        }
        return in_->rarely() ? nullptr : start;
    };
    for (std::size_t i = 0; i != count; ++i) {
        info[i] = {in_->any<std::uint32_t>(),  in_->any<USHORT>(), in_->any<USHORT>(),
                   in_->number<ULONG>(0, 300), next_text(),        next_text()};
    }
    return info;
}

unsigned char* package::secret(ULONG& size) {
    if (in_->rarely()) { // a size without a pointer
        size = in_->any<ULONG>();
        return nullptr;
    }
    const auto content = in_->some(24);
    size = static_cast<ULONG>(content.size());
    auto* const memory = static_cast<unsigned char*>(allocate(content.size(), content.size()));
    std::ranges::transform(content, memory, [](std::byte byte) { return std::to_integer<unsigned char>(byte); });
    return memory;
}

void package::free(void* memory) {
    const auto found = blocks_.find(memory);
    require(found != blocks_.end(), "memory is freed once");
    require(fuzzing::all_zero({static_cast<const std::byte*>(memory), found->second}), "a secret is wiped");
    blocks_.erase(found);
    std::free(memory);
}

void package::write(SecBuffer& buffer) {
    if (buffer.pvBuffer != nullptr && buffer.cbBuffer != 0) {
        std::memset(buffer.pvBuffer, in_->any<std::uint8_t>(), buffer.cbBuffer);
    }
}

void package::falsify(SecBuffer& buffer) {
    static std::array<std::byte, 8> elsewhere{};
    const auto given = buffer;
    switch (in_->number(0, 7)) {
    case 7:
        buffer.cbBuffer = in_->any<ULONG>();
        break;
    case 6:
        buffer.cbBuffer = given.cbBuffer + 1;
        break;
    case 5:
        buffer.cbBuffer = 0;
        break;
    case 4:
    case 3:
        buffer.cbBuffer = in_->number<ULONG>(0, given.cbBuffer);
        break;
    default:
        break;
    }
    switch (in_->number(0, 15)) {
    case 15:
        buffer.pvBuffer = nullptr;
        break;
    case 14:
        buffer.pvBuffer = elsewhere.data();
        break;
    case 13:
        buffer.pvBuffer = reinterpret_cast<void*>(in_->any<std::uintptr_t>());
        break;
    case 12:
    case 11:
        buffer.pvBuffer = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(given.pvBuffer) +
                                                  in_->number<std::uintptr_t>(0, given.cbBuffer + std::uintptr_t{1}));
        break;
    default:
        break;
    }
    if (in_->rarely()) {
        buffer.BufferType = in_->flag() ? SECBUFFER_EXTRA : in_->any<ULONG>();
    }
}

void package::answer(SecBufferDesc* buffers, bool writes_data) {
    require(buffers != nullptr && buffers->ulVersion == SECBUFFER_VERSION, "the buffers are not null");
    const std::span list{buffers->pBuffers, buffers->cBuffers};
    for (auto& buffer : list) {
        const bool to_write = buffer.BufferType == SECBUFFER_DATA
                                  ? writes_data
                                  : buffer.BufferType == SECBUFFER_TOKEN || buffer.BufferType == SECBUFFER_PADDING ||
                                        buffer.BufferType == SECBUFFER_STREAM;
        if (to_write) {
            write(buffer);
        }
    }
    const SecBuffer first = list.front();
    for (auto& buffer : list) {
        if (first.BufferType == SECBUFFER_STREAM && buffer.BufferType == SECBUFFER_DATA) {
            buffer.pvBuffer = first.pvBuffer; // DATA is a part of it
            buffer.cbBuffer = first.cbBuffer;
        }
        falsify(buffer);
    }
    if (in_->rarely()) {
        buffers->cBuffers = in_->any<std::uint8_t>();
        buffers->pBuffers = nullptr;
    }
}

HANDLE package::make_token(unsigned client) {
    if (in_->rarely()) {
        return nullptr;
    }
    const auto token = reinterpret_cast<HANDLE>(++last_id_ * 16);
    tokens_.emplace(token, client);
    return token;
}

unsigned package::client_of(HANDLE token) const {
    const auto found = tokens_.find(token);
    require(found != tokens_.end(), "a token is valid and not closed");
    return found->second;
}

void package::close(HANDLE token) {
    static_cast<void>(client_of(token));
    tokens_.erase(token);
}

void package::end_of_process() {
    tokens_.clear();
    acts_as_ = 0;
}

void* package::make_identity() {
    void* const identity = std::malloc(1);
    identities_.insert(identity);
    return identity;
}

void package::free_identity(void* identity) {
    require(identities_.erase(identity) == 1, "an identity is freed once");
    std::free(identity);
}

} // namespace hostile
