// SPDX-License-Identifier: MIT
//
// Spans as the typed buffers that SSPI takes.
#pragma once

#include "detail/platform.hpp"

#include <gsl/assert>
#include <gsl/narrow>

#include <cstddef>
#include <cstdint>
#include <functional> // std::less
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// One SecBuffer over a caller's memory, which must outlive it; the span must be one that `fits`.
class buffer {
public:
    /// The message. Encrypting and decrypting overwrite it, signing and verifying do not.
    [[nodiscard]] static buffer data(std::span<std::byte> bytes) noexcept { return {SECBUFFER_DATA, bytes}; }
    [[nodiscard]] static buffer data(std::span<const std::byte> bytes) noexcept {
        return {SECBUFFER_DATA, unconst(bytes)};
    }
    /// A signature, the package's part of an encrypted message, or a token of the handshake.
    [[nodiscard]] static buffer token(std::span<std::byte> bytes) noexcept { return {SECBUFFER_TOKEN, bytes}; }
    [[nodiscard]] static buffer token(std::span<const std::byte> bytes) noexcept {
        return {SECBUFFER_TOKEN, unconst(bytes)};
    }
    /// What a block cipher adds behind the message.
    [[nodiscard]] static buffer padding(std::span<std::byte> bytes) noexcept { return {SECBUFFER_PADDING, bytes}; }
    /// A place that the package may use.
    [[nodiscard]] static buffer empty() noexcept { return {SECBUFFER_EMPTY, {}}; }

    /// Whether SSPI, which counts in 32 bits, can take so many bytes.
    [[nodiscard]] static constexpr bool fits(std::size_t size) noexcept { return size <= 0xFFFFFFFFU; }

    [[nodiscard]] SecBuffer native() const noexcept { return native_; }

private:
    buffer(unsigned type, std::span<std::byte> bytes) noexcept
        : native_{gsl::narrow_cast<ULONG>(bytes.size()), type, bytes.data()} {
        Expects(fits(bytes.size()));
    }

    // SecBuffer has no const form. The packages only read what a const span is used for: input of the handshake,
    // messages that are signed or verified, and received signatures.
    static std::span<std::byte> unconst(std::span<const std::byte> bytes) noexcept {
        return {const_cast<std::byte*>(bytes.data()), bytes.size()};
    }

    SecBuffer native_;
};

/// `Count` buffers and their SecBufferDesc. It stays where it is, because the descriptor points into it.
template <std::size_t Count>
class buffer_list {
public:
    template <class... Buffers>
    explicit buffer_list(const Buffers&... buffers) noexcept : buffers_{buffers.native()...} {
        static_assert(sizeof...(Buffers) == Count);
    }
    buffer_list(const buffer_list&) = delete;
    buffer_list& operator=(const buffer_list&) = delete;
    ~buffer_list() = default;

    [[nodiscard]] SecBufferDesc* native() noexcept { return &descriptor_; }
    /// The buffer as the call has left it.
    [[nodiscard]] const SecBuffer& operator[](std::size_t index) const noexcept { return buffers_[index]; }
    /// Leaves the last buffer out.
    void drop_last() noexcept { --descriptor_.cBuffers; }

private:
    SecBuffer buffers_[Count];
    SecBufferDesc descriptor_{SECBUFFER_VERSION, Count, buffers_};
};

template <class... Buffers>
buffer_list(const Buffers&...) -> buffer_list<sizeof...(Buffers)>;

namespace detail {

/// Whether two spans share a byte.
[[nodiscard]] inline bool overlap(std::span<const std::byte> left, std::span<const std::byte> right) noexcept {
    constexpr std::less<const std::byte*> before{}; // unlike <, defined for pointers into different arrays
    return !left.empty() && !right.empty() && before(left.data(), right.data() + right.size()) &&
           before(right.data(), left.data() + left.size());
}

template <class First, class... Others>
[[nodiscard]] bool any_overlap(const First& first, const Others&... others) noexcept {
    if constexpr (sizeof...(Others) == 0) {
        return false;
    } else {
        return (overlap(first, others) || ...) || any_overlap(others...);
    }
}

/// The part of `given` that a call has filled, by what it left in `buffer`.
/// @return false when the package claims more than it was given, or other memory.
[[nodiscard]] inline bool filled(const SecBuffer& buffer, std::span<std::byte> given,
                                 std::span<std::byte>& part) noexcept {
    if (buffer.cbBuffer == 0) {
        part = given.first(0);
        return true;
    }
    if (buffer.pvBuffer != given.data() || buffer.cbBuffer > given.size()) {
        return false;
    }
    part = given.first(buffer.cbBuffer);
    return true;
}

/// As `filled`, where the package may have filled any part of `given`.
[[nodiscard]] inline bool filled_part(const SecBuffer& buffer, std::span<std::byte> given,
                                      std::span<std::byte>& part) noexcept {
    if (buffer.cbBuffer == 0) {
        part = given.first(0);
        return true;
    }
    const auto offset =
        reinterpret_cast<std::uintptr_t>(buffer.pvBuffer) - reinterpret_cast<std::uintptr_t>(given.data());
    if (offset > given.size() || buffer.cbBuffer > given.size() - offset) { // an address before `given` wraps around
        return false;
    }
    part = given.subspan(static_cast<std::size_t>(offset), buffer.cbBuffer);
    return true;
}

} // namespace detail

} // namespace sspan::inline SSPAN_API_NAMESPACE
