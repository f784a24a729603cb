// SPDX-License-Identifier: MIT
//
// Searches the memory of this process for secrets: all private writable memory, heap and stacks, including freed
// blocks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace secrets {

/// Recognizes a secret without storing it: keeps every 8-byte window multiplied by an odd constant.
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
    /// Returns true if the eight bytes at `memory` are a part of the secret.
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

    std::vector<std::uint64_t> known_;                                // sorted
    std::vector<bool> maybe_ = std::vector<bool>(1U << (64 - shift)); // indexed by the upper bits
};

/// Describes the places where parts of the secret are; at most ten places.
std::vector<std::string> find_in_memory(const needle& secret);

/// The number of bytes that the last search has read.
std::size_t searched_bytes() noexcept;

/// Zeroes a test's own copy of a secret.
void wipe(std::span<std::byte> memory) noexcept;

} // namespace secrets
