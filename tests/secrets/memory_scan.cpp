// SPDX-License-Identifier: MIT
#include "memory_scan.hpp"

#include <sspan/os/platform.hpp> // <windows.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <stdexcept>

#if !defined(_WIN32)
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#endif

namespace secrets {

namespace {

struct region {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::string name;
};

/// A range of bytes. Either all of it was written at some time, or all of it is zero because it was never written.
struct stretch {
    std::size_t size = 0;
    bool is_used = false;
};

constexpr std::size_t page = 4096;

// The search copies memory here, part by part, so that no sanitizer reports the reads. The search skips this array.
constexpr std::size_t chunk_size = std::size_t{1} << 20;
std::array<std::byte, chunk_size> chunk;

std::size_t searched = 0;

// Allocated when the program starts: an allocation during a search could overwrite a place with a secret.
std::vector<region> regions = [] {
    std::vector<region> room;
    room.reserve(4096);
    return room;
}();

#if defined(_WIN32)

void list_writable_regions() {
    regions.clear();
    MEMORY_BASIC_INFORMATION info{};
    for (const std::byte* at = nullptr; ::VirtualQuery(at, &info, sizeof info) == sizeof info; at += info.RegionSize) {
        at = static_cast<const std::byte*>(info.BaseAddress);
        constexpr DWORD writable = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
        if (info.State == MEM_COMMIT && (info.Protect & writable) != 0 && (info.Protect & PAGE_GUARD) == 0) {
            const auto begin = reinterpret_cast<std::uintptr_t>(at);
            regions.push_back({begin, begin + info.RegionSize, info.Type == MEM_IMAGE ? "an image" : "private memory"});
        }
    }
}

class process_memory {
public:
    static stretch stretch_at(std::uintptr_t /*address*/, std::size_t size) { return {size, true}; }

    /// @return the number of bytes that could be read.
    static std::size_t read(std::uintptr_t address, std::span<std::byte> into) {
        SIZE_T got = 0;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): any address can be searched
        const auto* const from = reinterpret_cast<const void*>(address);
        return ::ReadProcessMemory(::GetCurrentProcess(), from, into.data(), into.size(), &got) ? got : 0;
    }
};

#else

void list_writable_regions() {
    regions.clear();
    std::ifstream maps{"/proc/self/maps"};
    for (std::string line; std::getline(maps, line);) {
        std::istringstream fields{line};
        region next;
        char dash = 0;
        std::string access;
        std::string offset;
        std::string device;
        std::string inode;
        fields >> std::hex >> next.begin >> dash >> next.end >> access >> offset >> device >> inode;
        std::getline(fields >> std::ws, next.name);
        // AddressSanitizer's shadow is larger than this. It describes bytes and does not hold them.
        constexpr std::uintptr_t most = std::uintptr_t{1} << 36;
        if (access == "rw-p" && next.end - next.begin < most) {
            regions.push_back(next);
        }
    }
}

class process_memory {
public:
    process_memory()
        : file_{::open("/proc/self/mem", O_RDONLY | O_CLOEXEC)},
          pages_{::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)} {
        if (file_ < 0) {
            throw std::runtime_error{"/proc/self/mem cannot be opened"};
        }
    }
    process_memory(const process_memory&) = delete;
    process_memory& operator=(const process_memory&) = delete;
    ~process_memory() {
        ::close(file_);
        if (pages_ >= 0) {
            ::close(pages_);
        }
    }

    /// Uses the kernel's list of pages. Without the list, every page may be in use.
    [[nodiscard]] stretch stretch_at(std::uintptr_t address, std::size_t size) const {
        std::array<std::uint64_t, chunk_size / page> entries;
        const auto got =
            ::pread(pages_, entries.data(), sizeof entries, static_cast<off_t>(address / page * sizeof(std::uint64_t)));
        if (got < static_cast<ssize_t>(sizeof(std::uint64_t))) {
            return {size, true};
        }
        const auto known = std::span{entries}.first(static_cast<std::size_t>(got) / sizeof(std::uint64_t));
        constexpr auto is_there = [](std::uint64_t entry) { return entry >> 62 != 0; }; // in memory, or swapped out
        const auto other = std::ranges::find_if(
            known, [&](std::uint64_t entry) { return is_there(entry) != is_there(known.front()); });
        const auto end = (address / page + static_cast<std::size_t>(other - known.begin())) * page;
        return {std::min<std::size_t>(size, end - address), is_there(known.front())};
    }

    [[nodiscard]] std::size_t read(std::uintptr_t address, std::span<std::byte> into) const {
        const auto got = ::pread(file_, into.data(), into.size(), static_cast<off_t>(address));
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }

private:
    int file_;
    int pages_;
};

#endif

std::string describe(const region& where, std::uintptr_t address) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "0x%" PRIxPTR " in ", address);
    return text.data() + (where.name.empty() ? "anonymous memory" : where.name);
}

bool is_zero(std::span<const std::byte> bytes) {
    return bytes.front() == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

/// Searches the part of `where` that was copied to the chunk. Its first byte was at `address`. Only windows that begin
/// in the chunk are compared; the next part repeats the last few bytes.
void search(const needle& secret, const region& where, std::uintptr_t address, std::size_t size,
            std::vector<std::string>& found) {
    for (std::size_t i = 0; i + needle::window <= size;) {
        const auto ahead = std::span{chunk}.subspan(i, std::min(size - i, page + needle::window));
        if (is_zero(ahead)) { // most memory is zero
            i += ahead.size() - needle::window + 1;
            continue;
        }
        for (const auto end = i + std::min(page, ahead.size() - needle::window + 1); i != end; ++i) {
            if (secret.matches(chunk.data() + i) && found.size() < 10) {
                found.push_back(describe(where, address + i));
            }
        }
    }
}

/// Overwrites the bytes of the last large copy in registers. Otherwise a system call may write them to memory: Wine 10
/// saves registers on a stack of its own.
void clear_registers() noexcept {
    static const std::array<std::byte, 1024> zeros{};
    static std::array<std::byte, 1024> target;
    void* (*volatile const copy)(void*, const void*, std::size_t) = std::memmove; // not inlined
    copy(target.data(), zeros.data(), zeros.size());
}

} // namespace

std::vector<std::string> find_in_memory(const needle& secret) {
    clear_registers();
    std::vector<std::string> found;
    searched = 0;
    const process_memory memory;
    const auto own = reinterpret_cast<std::uintptr_t>(chunk.data());
    list_writable_regions();
    for (const auto& where : regions) {
        for (auto at = where.begin; at < where.end;) {
            if (at >= own && at < own + chunk.size()) {
                at = own + chunk.size();
                continue;
            }
            const auto end = at < own ? std::min(where.end, own) : where.end;
            const auto next = memory.stretch_at(at, std::min<std::size_t>(end - at, chunk.size()));
            if (!next.is_used) {
                at += next.size;
                continue;
            }
            const auto got = memory.read(at, std::span{chunk}.first(next.size));
            if (got < needle::window) {
                at = (at / page + 1) * page; // the page cannot be read, or the rest is too short for a secret
                continue;
            }
            search(secret, where, at, got, found);
            searched += got;
            at += at + got == end ? got : got - needle::window + 1;
        }
    }
    wipe(chunk);
    return found;
}

std::size_t searched_bytes() noexcept {
    return searched;
}

void wipe(std::span<std::byte> memory) noexcept {
    auto* byte = static_cast<volatile std::byte*>(memory.data());
    for (std::size_t i = 0; i != memory.size(); ++i) {
        byte[i] = std::byte{0};
    }
}

} // namespace secrets
