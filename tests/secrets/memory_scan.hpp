// SPDX-License-Identifier: MIT
//
// Looks for secrets in the memory of this process: in all that is private and can be written, heap and stacks, what has
// been freed as well.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace secrets {

/// Knows a secret without holding it: each eight of its bytes that follow one another, times an odd number.
class needle {
public:
    static constexpr std::size_t window = sizeof(std::uint64_t);

    void add(std::span<const std::byte> secret) {
        for (std::size_t i = 0; i + window <= secret.size(); ++i) {
            known_.push_back(word_at(secret.data() + i) * factor);
        }
        std::ranges::sort(known_);
        for (const auto each : known_) {
            maybe_[each >> shift] = true;
        }
    }
    /// Whether the eight bytes at `memory` are some of the secret's.
    [[nodiscard]] bool matches(const std::byte* memory) const noexcept {
        const auto product = word_at(memory) * factor;
        return maybe_[product >> shift] && std::ranges::binary_search(known_, product);
    }

private:
    static constexpr std::uint64_t factor = 0x9E3779B97F4A7C15U;
    static constexpr unsigned shift = 48;

    static std::uint64_t word_at(const std::byte* memory) noexcept {
        std::uint64_t word = 0;
        std::memcpy(&word, memory, sizeof word);
        return word;
    }

    std::vector<std::uint64_t> known_;                                // in order
    std::vector<bool> maybe_ = std::vector<bool>(1U << (64 - shift)); // by the upper bits
};

/// Where some of the secret is, in words; at most ten places.
std::vector<std::string> find_in_memory(const needle& secret);

/// How many bytes the last search has looked at.
std::size_t searched_bytes() noexcept;

/// Zeroes the test's own copy.
void wipe(std::span<std::byte> memory) noexcept;

} // namespace secrets
