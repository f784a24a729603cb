// SPDX-License-Identifier: MIT
//
// The program's heap, observed and made to fail: what goes through operator new, outside the loopback package.
#pragma once

#include <cstddef>

namespace allocation {

/// Allocations since the program started, of all threads.
std::size_t count() noexcept;

/// The nth allocation of the calling thread from now on throws std::bad_alloc, once; 1 is the next, 0 takes the order
/// back.
void fail_at(std::size_t nth) noexcept;
/// So does every later one, until an order of `fail_at` takes this back.
void fail_from(std::size_t nth) noexcept;

/// Returns true if even an empty string takes memory. This is so in debug builds of Microsoft's library.
bool empty_strings_allocate();

} // namespace allocation

/// Ends a test that counts allocations or makes one fail where empty strings allocate. A noexcept function that makes one
/// there ends the process if there is no memory.
#define SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE()                                                                      \
    if (allocation::empty_strings_allocate())                                                                          \
    GTEST_SKIP() << "in this build of the standard library empty strings allocate"
