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

} // namespace allocation
