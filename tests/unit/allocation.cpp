// SPDX-License-Identifier: MIT
#include "allocation.hpp"

#include "loopback/control.hpp"

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

namespace {

std::atomic<std::size_t> allocations{0};
thread_local std::size_t countdown = 0;
thread_local bool for_ever = false;

void* allocate(std::size_t size) {
    if (!loopback::inside()) {
        allocations.fetch_add(1, std::memory_order_relaxed);
        if (countdown != 0) {
            if (countdown == 1) {
                countdown = for_ever ? 1 : 0;
                throw std::bad_alloc{};
            }
            --countdown;
        }
    }
    if (void* memory = std::malloc(size == 0 ? 1 : size)) {
        return memory;
    }
    throw std::bad_alloc{};
}

} // namespace

std::size_t allocation::count() noexcept {
    return allocations.load(std::memory_order_relaxed);
}

void allocation::fail_at(std::size_t nth) noexcept {
    countdown = nth;
    for_ever = false;
}

void allocation::fail_from(std::size_t nth) noexcept {
    countdown = nth;
    for_ever = true;
}

bool allocation::empty_strings_allocate() {
    const auto before = count();
    const std::string empty;
    return empty.empty() && count() != before;
}

void* operator new(std::size_t size) {
    return allocate(size);
}
void* operator new[](std::size_t size) {
    return allocate(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return allocate(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
    return operator new(size, tag);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}
