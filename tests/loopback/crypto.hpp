// SPDX-License-Identifier: MIT
//
// The package's cryptography: SipHash-2-4 with 128-bit output as the keyed check, ChaCha20 (RFC 8439) as the cipher.
// Both were written from their specifications. They detect every altered bit, but are for tests only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace loopback {

using digest = std::array<std::byte, 16>;
using mac_key = std::array<std::byte, 16>;
using cipher_key = std::array<std::byte, 32>;

template <class Integer>
constexpr Integer load_little(const std::byte* bytes) noexcept {
    Integer value = 0;
    for (std::size_t i = sizeof(Integer); i != 0; --i) {
        value = static_cast<Integer>((value << 8) | std::to_integer<Integer>(bytes[i - 1]));
    }
    return value;
}

template <class Integer>
constexpr void store_little(std::byte* bytes, Integer value) noexcept {
    for (std::size_t i = 0; i != sizeof(Integer); ++i) {
        bytes[i] = static_cast<std::byte>((value >> (8 * i)) & 0xFF);
    }
}

class siphash {
public:
    explicit siphash(const mac_key& key) noexcept;
    siphash& update(std::span<const std::byte> bytes) noexcept;
    siphash& update(std::uint64_t number) noexcept;
    [[nodiscard]] digest finish() noexcept;

private:
    void block(std::uint64_t word) noexcept;
    void round() noexcept;

    std::array<std::uint64_t, 4> v_{};
    std::array<std::byte, 8> tail_{};
    std::size_t filled_ = 0;
    std::uint64_t length_ = 0;
};

class chacha20 {
public:
    /// The key stream of `key` and a nonce of `kind` (32 bits) and `number` (64 bits), starting at byte `position`.
    chacha20(const cipher_key& key, std::uint32_t kind, std::uint64_t number, std::uint64_t position) noexcept;
    /// XORs the next bytes of the key stream onto `bytes`.
    void apply(std::span<std::byte> bytes) noexcept;

private:
    void refill() noexcept;

    std::array<std::uint32_t, 16> state_{};
    std::array<std::byte, 64> stream_{};
    std::size_t used_ = 0;
};

/// Zeroes memory that a test searches for secrets afterwards.
void wipe(void* memory, std::size_t size) noexcept;

/// Copies a secret byte by byte. Larger copies would leave parts of it in wide registers, which Windows saves to the
/// stack when an exception is thrown.
void copy_secret(std::span<const std::byte> from, void* to) noexcept;

/// Returns true if both contain the same bytes. Its time is not constant.
[[nodiscard]] bool same_bytes(std::span<const std::byte> left, std::span<const std::byte> right) noexcept;

} // namespace loopback
