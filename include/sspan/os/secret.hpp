// SPDX-License-Identifier: MIT
//
// Memory that is wiped when it is freed.
#pragma once

#include "api.hpp"

#include <cstddef>
#include <memory> // std::allocator
#include <span>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// An allocator for containers of secrets: zeroes memory before freeing it.
template <class T>
struct wiping_allocator {
    using value_type = T;

    wiping_allocator() noexcept = default;
    template <class U>
    explicit wiping_allocator(const wiping_allocator<U>&) noexcept {}

    [[nodiscard]] T* allocate(std::size_t count) { return std::allocator<T>{}.allocate(count); }
    void deallocate(T* memory, std::size_t count) noexcept {
        api::secure_zero(memory, count * sizeof(T));
        std::allocator<T>{}.deallocate(memory, count);
    }
    friend bool operator==(const wiping_allocator&, const wiping_allocator&) noexcept { return true; }
};

inline void secure_zero(std::span<std::byte> bytes) noexcept {
    api::secure_zero(bytes.data(), bytes.size());
}

/// A view of memory, owned elsewhere, which is wiped at the end of the scope.
class wiped_span {
public:
    explicit wiped_span(std::span<std::byte> memory) noexcept : memory_{memory} {}
    wiped_span(const wiped_span&) = delete;
    wiped_span& operator=(const wiped_span&) = delete;
    ~wiped_span() { secure_zero(memory_); }
    [[nodiscard]] std::span<const std::byte> get() const noexcept { return memory_; }

private:
    std::span<std::byte> memory_;
};

using wiped_vector = std::vector<std::byte, wiping_allocator<std::byte>>;

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
