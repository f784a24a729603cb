// SPDX-License-Identifier: MIT
#include "crypto.hpp"

#include <algorithm>
#include <bit>

namespace loopback {

siphash::siphash(const mac_key& key) noexcept {
    const auto k0 = load_little<std::uint64_t>(key.data());
    const auto k1 = load_little<std::uint64_t>(key.data() + 8);
    v_ = {k0 ^ 0x736f6d6570736575U, k1 ^ 0x646f72616e646f6dU ^ 0xee, k0 ^ 0x6c7967656e657261U,
          k1 ^ 0x7465646279746573U};
}

void siphash::round() noexcept {
    v_[0] += v_[1];
    v_[1] = std::rotl(v_[1], 13) ^ v_[0];
    v_[0] = std::rotl(v_[0], 32);
    v_[2] += v_[3];
    v_[3] = std::rotl(v_[3], 16) ^ v_[2];
    v_[0] += v_[3];
    v_[3] = std::rotl(v_[3], 21) ^ v_[0];
    v_[2] += v_[1];
    v_[1] = std::rotl(v_[1], 17) ^ v_[2];
    v_[2] = std::rotl(v_[2], 32);
}

void siphash::block(std::uint64_t word) noexcept {
    v_[3] ^= word;
    round();
    round();
    v_[0] ^= word;
}

siphash& siphash::update(std::span<const std::byte> bytes) noexcept {
    length_ += bytes.size();
    for (const auto byte : bytes) {
        tail_[filled_++] = byte;
        if (filled_ == tail_.size()) {
            block(load_little<std::uint64_t>(tail_.data()));
            filled_ = 0;
        }
    }
    return *this;
}

siphash& siphash::update(std::uint64_t number) noexcept {
    std::array<std::byte, 8> bytes{};
    store_little(bytes.data(), number);
    return update(bytes);
}

digest siphash::finish() noexcept {
    std::fill(tail_.begin() + static_cast<std::ptrdiff_t>(filled_), tail_.end(), std::byte{0});
    tail_[7] = static_cast<std::byte>(length_ & 0xFF);
    block(load_little<std::uint64_t>(tail_.data()));

    digest result{};
    const auto half = [&](std::size_t offset) {
        for (int i = 0; i != 4; ++i) {
            round();
        }
        store_little(result.data() + offset, v_[0] ^ v_[1] ^ v_[2] ^ v_[3]);
    };
    v_[2] ^= 0xee;
    half(0);
    v_[1] ^= 0xdd;
    half(8);
    return result;
}

chacha20::chacha20(const cipher_key& key, std::uint32_t kind, std::uint64_t number, std::uint64_t position) noexcept {
    state_[0] = 0x61707865;
    state_[1] = 0x3320646e;
    state_[2] = 0x79622d32;
    state_[3] = 0x6b206574;
    for (std::size_t i = 0; i != 8; ++i) {
        state_[4 + i] = load_little<std::uint32_t>(key.data() + 4 * i);
    }
    state_[12] = static_cast<std::uint32_t>(position / 64);
    state_[13] = kind;
    state_[14] = static_cast<std::uint32_t>(number & 0xFFFFFFFF);
    state_[15] = static_cast<std::uint32_t>(number >> 32);
    refill();
    used_ = static_cast<std::size_t>(position % 64);
}

void chacha20::refill() noexcept {
    auto x = state_;
    const auto quarter = [&x](std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
        x[a] += x[b];
        x[d] = std::rotl(x[d] ^ x[a], 16);
        x[c] += x[d];
        x[b] = std::rotl(x[b] ^ x[c], 12);
        x[a] += x[b];
        x[d] = std::rotl(x[d] ^ x[a], 8);
        x[c] += x[d];
        x[b] = std::rotl(x[b] ^ x[c], 7);
    };
    for (int i = 0; i != 10; ++i) {
        quarter(0, 4, 8, 12);
        quarter(1, 5, 9, 13);
        quarter(2, 6, 10, 14);
        quarter(3, 7, 11, 15);
        quarter(0, 5, 10, 15);
        quarter(1, 6, 11, 12);
        quarter(2, 7, 8, 13);
        quarter(3, 4, 9, 14);
    }
    for (std::size_t i = 0; i != 16; ++i) {
        store_little(stream_.data() + 4 * i, x[i] + state_[i]);
    }
    ++state_[12];
    used_ = 0;
}

void chacha20::apply(std::span<std::byte> bytes) noexcept {
    for (auto& byte : bytes) {
        if (used_ == stream_.size()) {
            refill();
        }
        byte ^= stream_[used_++];
    }
}

void wipe(void* memory, std::size_t size) noexcept {
    for (auto* byte = static_cast<volatile unsigned char*>(memory); size != 0; --size, ++byte) {
        *byte = 0;
    }
}

void copy_secret(std::span<const std::byte> from, void* to) noexcept {
    auto* byte = static_cast<volatile std::byte*>(to);
    for (std::size_t i = 0; i != from.size(); ++i) {
        byte[i] = from[i];
    }
}

bool same_bytes(std::span<const std::byte> left, std::span<const std::byte> right) noexcept {
    return std::ranges::equal(left, right);
}

} // namespace loopback
