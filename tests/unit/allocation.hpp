// SPDX-License-Identifier: MIT
//
// Counts the program's allocations, and makes them fail: those with operator new, outside the loopback package.
#pragma once

#include <cstddef>

namespace allocation {

/// Returns the number of allocations by all threads since the start.
std::size_t count() noexcept;

/// Makes the nth allocation of the calling thread from now throw std::bad_alloc, once. 1 is the next allocation; 0
/// cancels the order.
void fail_at(std::size_t nth) noexcept;
/// Makes the nth allocation and all later ones throw. The next `fail_at` replaces this order.
void fail_from(std::size_t nth) noexcept;

/// Returns true if even an empty string takes memory, as in debug builds of Microsoft's library.
bool empty_strings_allocate();

} // namespace allocation

/// Skips a test that counts allocations or makes them fail, if empty strings allocate. There, a noexcept function that
/// makes an empty string ends the process if there is no memory.
#define SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE()                                                                      \
    if (allocation::empty_strings_allocate())                                                                          \
    GTEST_SKIP() << "in this build of the standard library empty strings allocate"
