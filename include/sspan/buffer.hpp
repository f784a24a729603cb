// SPDX-License-Identifier: MIT
//
// Spans as the typed buffers that SSPI takes.
#pragma once

#include "os/platform.hpp"

#include <gsl/narrow>

#include <cstddef>
#include <cstdint>
#include <functional> // std::less
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// A part of a message that is to be signed or checked: a view of the caller's memory, which is only read.
class const_buffer {
public:
    /// Covered by the signature.
    [[nodiscard]] static const_buffer data(std::span<const std::byte> bytes) noexcept {
        return {SECBUFFER_DATA, bytes};
    }
    /// Covered by the signature, as `data` is. It is passed on as `data`, because a package may leave out what is marked
    /// as read-only.
    [[nodiscard]] static const_buffer readonly_with_checksum(std::span<const std::byte> bytes) noexcept {
        return data(bytes);
    }
    /// Travels with the message. The package decides whether the signature covers it: NTLM covers it, others may not.
    /// Do not rely on either. Both sides must pass the same bytes.
    [[nodiscard]] static const_buffer readonly(std::span<const std::byte> bytes) noexcept {
        return {SECBUFFER_DATA | static_cast<std::uint32_t>(SECBUFFER_READONLY), bytes};
    }

    [[nodiscard]] std::uint32_t type() const noexcept { return type_; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

private:
    const_buffer(std::uint32_t type, std::span<const std::byte> bytes) noexcept : type_{type}, bytes_{bytes} {}

    std::uint32_t type_;
    std::span<const std::byte> bytes_;
};

/// A part of a message that is to be encrypted or decrypted: a view of the caller's memory.
class buffer {
public:
    /// Encrypted or decrypted in place, and covered by the token's checksum.
    [[nodiscard]] static buffer data(std::span<std::byte> bytes) noexcept { return {SECBUFFER_DATA, bytes, bytes}; }
    /// Neither encrypted nor changed, but covered by the token's checksum: a header, for example. Refused with
    /// `unsupported_function` where the package does not say that it can (`package_capabilities`), and is not NTLM.
    [[nodiscard]] static buffer readonly_with_checksum(std::span<const std::byte> bytes) noexcept {
        return {SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, bytes, {}};
    }
    /// Travels with the message and is not encrypted. The package decides whether the token's checksum covers it: NTLM
    /// covers it, others may not. Do not rely on either. Both sides must pass the same bytes.
    [[nodiscard]] static buffer readonly(std::span<const std::byte> bytes) noexcept {
        return {SECBUFFER_DATA | static_cast<std::uint32_t>(SECBUFFER_READONLY), bytes, {}};
    }

    [[nodiscard]] std::uint32_t type() const noexcept { return type_; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
    /// Whether it is `data`, which the package writes to.
    [[nodiscard]] bool writable() const noexcept { return type_ == SECBUFFER_DATA; }
    /// The same as `bytes` if it is writable, else empty.
    [[nodiscard]] std::span<std::byte> writable_bytes() const noexcept { return writable_; }

private:
    buffer(std::uint32_t type, std::span<const std::byte> bytes, std::span<std::byte> writable) noexcept
        : type_{type}, bytes_{bytes}, writable_{writable} {}

    std::uint32_t type_;
    std::span<const std::byte> bytes_;
    std::span<std::byte> writable_;
};

/// How many parts one message may have.
inline constexpr std::size_t max_message_parts = 16;

namespace detail {

/// Whether SSPI, which counts in 32 bits, can take so many bytes.
[[nodiscard]] constexpr bool fits(std::size_t size) noexcept {
    return size <= 0xFFFFFFFFU;
}

/// Up to `Capacity` buffers and their SecBufferDesc. It stays where it is, because the descriptor points into it.
template <std::size_t Capacity>
class buffer_list {
public:
    buffer_list() noexcept = default; // the buffers are set by `add`
    buffer_list(const buffer_list&) = delete;
    buffer_list& operator=(const buffer_list&) = delete;
    ~buffer_list() = default;

    /// A span that `fits`. SecBuffer has no const form: what is const is for the package to read only.
    /// @return its index.
    std::size_t add(std::uint32_t type, std::span<const std::byte> bytes) noexcept {
        buffers_[descriptor_.cBuffers] = {gsl::narrow_cast<ULONG>(bytes.size()), type,
                                          const_cast<std::byte*>(bytes.data())};
        return descriptor_.cBuffers++;
    }

    [[nodiscard]] SecBufferDesc* native() noexcept { return &descriptor_; }
    /// The buffer as the call has left it.
    [[nodiscard]] const SecBuffer& operator[](std::size_t index) const noexcept { return buffers_[index]; }

private:
    SecBuffer buffers_[Capacity];
    SecBufferDesc descriptor_{SECBUFFER_VERSION, 0, buffers_};
};

/// Whether two spans share a byte.
[[nodiscard]] inline bool overlap(std::span<const std::byte> left, std::span<const std::byte> right) noexcept {
    constexpr std::less<const std::byte*> before{}; // unlike <, defined for pointers into different arrays
    return !left.empty() && !right.empty() && before(left.data(), right.data() + right.size()) &&
           before(right.data(), left.data() + left.size());
}

[[nodiscard]] inline bool any_overlap() noexcept {
    return false;
}
template <class First, class... Others>
[[nodiscard]] bool any_overlap([[maybe_unused]] const First& first, const Others&... others) noexcept {
    return (overlap(first, others) || ...) || any_overlap(others...);
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

// What a package may leave in the buffers of a message: not more than it was given, and no other memory.

/// Whether it has left the front of `given`.
[[nodiscard]] inline bool is_front(const SecBuffer& buffer, std::span<const std::byte> given) noexcept {
    return buffer.cbBuffer == 0 || (buffer.pvBuffer == given.data() && buffer.cbBuffer <= given.size());
}
/// Whether it has left all of `given`.
[[nodiscard]] inline bool is_whole(const SecBuffer& buffer, std::span<const std::byte> given) noexcept {
    return buffer.cbBuffer == given.size() && (given.empty() || buffer.pvBuffer == given.data());
}
/// Whether it has left some part of `given`, and where.
[[nodiscard]] inline bool is_part(const SecBuffer& buffer, std::span<const std::byte> given,
                                  std::uint32_t& offset) noexcept {
    if (buffer.cbBuffer == 0) {
        offset = 0;
        return true;
    }
    const auto before =
        reinterpret_cast<std::uintptr_t>(buffer.pvBuffer) - reinterpret_cast<std::uintptr_t>(given.data());
    offset = static_cast<std::uint32_t>(before);
    return before <= given.size() && buffer.cbBuffer <= given.size() - before; // an address before it wraps around
}

} // namespace detail

} // namespace sspan::inline SSPAN_API_NAMESPACE
