// SPDX-License-Identifier: MIT
//
// The common part of the fuzz targets: decisions from the input, and checks.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace fuzzing {

using bytes = std::vector<std::byte>;

/// Ends the program if `holds` is false. libFuzzer then keeps the input.
inline void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", what);
        std::abort();
    }
}

/// Reads every byte, so that AddressSanitizer checks it.
inline void touch(std::span<const std::byte> part) {
    static volatile unsigned sum = 0;
    for (const std::byte byte : part) {
        sum = sum + std::to_integer<unsigned>(byte);
    }
}

inline bytes copy_of(std::span<const std::byte> part) {
    return {part.begin(), part.end()};
}

inline bool same(std::span<const std::byte> left, std::span<const std::byte> right) {
    return std::ranges::equal(left, right);
}

inline bool all_zero(std::span<const std::byte> part) {
    return std::ranges::all_of(part, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Returns true if `part` lies in `whole`. An empty part lies everywhere.
inline bool lies_in(std::span<const std::byte> part, std::span<const std::byte> whole) {
    const auto start = reinterpret_cast<std::uintptr_t>(part.data());
    const auto from = reinterpret_cast<std::uintptr_t>(whole.data());
    return part.empty() ||
           (start >= from && start - from <= whole.size() && part.size() <= whole.size() - (start - from));
}

/// The fuzzer's bytes as decisions. After the last byte, every decision takes its first alternative.
class input {
public:
    input(const std::uint8_t* data, std::size_t size) : data_{data, size} {}

    [[nodiscard]] bool more() { return data_.remaining_bytes() != 0; }
    [[nodiscard]] bool flag() { return data_.ConsumeBool(); }
    [[nodiscard]] bool rarely() { return number(0, 15) == 15; }
    template <class Integer>
    [[nodiscard]] Integer number(Integer least, Integer most) {
        return data_.ConsumeIntegralInRange(least, most);
    }
    template <class Integer>
    [[nodiscard]] Integer any() {
        return number(std::numeric_limits<Integer>::min(), std::numeric_limits<Integer>::max());
    }
    /// Returns up to `most` bytes, in memory that ends behind the last one.
    [[nodiscard]] bytes some(std::size_t most) { return data_.ConsumeBytes<std::byte>(number(std::size_t{0}, most)); }
    /// Returns up to `most` bytes. The size is not limited by the rest of the input.
    [[nodiscard]] bytes sized(std::size_t most) {
        const auto size = number(std::size_t{0}, most);
        auto made = data_.ConsumeBytes<std::byte>(size);
        made.resize(size, std::byte{0x5A});
        made.shrink_to_fit();
        return made;
    }
    template <class Range>
    [[nodiscard]] auto pick(const Range& from) {
        return from[number(std::size_t{0}, std::size(from) - 1)];
    }
    /// Returns text of any units, valid or not. Most of them are Latin.
    [[nodiscard]] std::wstring text(std::size_t most) {
        std::wstring made;
        for (auto size = number(std::size_t{0}, most); size != 0; --size) {
            made += static_cast<wchar_t>(rarely() ? any<std::uint32_t>() : std::uint32_t{any<std::uint8_t>()});
        }
        return made;
    }

private:
    FuzzedDataProvider data_;
};

} // namespace fuzzing
