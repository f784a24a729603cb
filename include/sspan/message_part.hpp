// SPDX-License-Identifier: MIT
//
// Messages in several buffers, and the typed buffers of SSPI.
#pragma once

#include "bytes.hpp"
#include "os/platform.hpp"

#include <gsl/narrow>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional> // std::less
#include <initializer_list>
#include <span>
#include <type_traits>
#include <utility> // std::forward

namespace sspan::inline SSPAN_API_NAMESPACE {

namespace detail {

/// A range that is destroyed, together with its bytes, at the end of the expression.
template <class Range>
concept temporary_bytes = readable_bytes<Range> && !std::is_lvalue_reference_v<Range> &&
                          !std::ranges::enable_borrowed_range<std::remove_cvref_t<Range>> &&
                          !std::derived_from<std::remove_cvref_t<Range>, const_bytes> &&
                          !std::derived_from<std::remove_cvref_t<Range>, mutable_bytes>;

} // namespace detail

/// One part of a message that lies in several buffers: a view of the caller's memory.
class message_part {
public:
    /// Signed, or encrypted in place and covered by the token's checksum.
    template <std::convertible_to<mutable_bytes> Range>
    [[nodiscard]] static message_part data(Range&& bytes) noexcept {
        const mutable_bytes writable{std::forward<Range>(bytes)};
        return {SECBUFFER_DATA, writable, writable, true};
    }
    /// As above, of constant bytes: they can be signed. `encrypt` and `decrypt` refuse them with `invalid_parameter`.
    [[nodiscard]] static message_part data(const_bytes bytes) noexcept { return {SECBUFFER_DATA, bytes, {}, false}; }
    /// Signed, or sent in the clear and covered by the token's checksum: a header, for example.
    ///
    /// `encrypt` and `decrypt` fail with `unsupported_function` if the package does not cover it (see
    /// `package_capabilities`). `sign` and `verify` treat it as `data`, because packages may leave out read-only parts.
    [[nodiscard]] static message_part readonly_with_checksum(const_bytes bytes) noexcept {
        return {SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, bytes, {}, false};
    }
    /// Returns a part to send in the clear. The package decides whether the signature or checksum covers it. NTLM
    /// covers it; other packages may not. Do not rely on either. Both sides must pass the same bytes.
    [[nodiscard]] static message_part readonly(const_bytes bytes) noexcept {
        return {SECBUFFER_DATA | static_cast<std::uint32_t>(SECBUFFER_READONLY), bytes, {}, false};
    }

    // A part is a view; a temporary container would leave it dangling.
    template <detail::temporary_bytes Range>
    static message_part data(Range&&) = delete;
    template <detail::temporary_bytes Range>
    static message_part readonly_with_checksum(Range&&) = delete;
    template <detail::temporary_bytes Range>
    static message_part readonly(Range&&) = delete;

    /// The SECBUFFER_ type and attributes.
    [[nodiscard]] std::uint32_t type() const noexcept { return type_; }
    /// Returns the bytes of the part.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
    /// Returns true if the package may write to the part: `data` of writable bytes.
    [[nodiscard]] bool writable() const noexcept { return writable_; }
    /// Returns `bytes` if the part is writable, otherwise an empty span.
    [[nodiscard]] std::span<std::byte> writable_bytes() const noexcept { return writable_bytes_; }

private:
    message_part(std::uint32_t type, std::span<const std::byte> bytes, std::span<std::byte> writable_bytes,
                 bool writable) noexcept
        : type_{type}, writable_{writable}, bytes_{bytes}, writable_bytes_{writable_bytes} {}

    std::uint32_t type_;
    bool writable_;
    std::span<const std::byte> bytes_;
    std::span<std::byte> writable_bytes_;
};

/// The largest number of parts of a message.
inline constexpr std::size_t max_message_parts = 16;

namespace detail {
template <class Range>
concept list_of_parts = std::convertible_to<const std::remove_reference_t<Range>&, std::span<const message_part>>;

} // namespace detail

class message_data;

/// A message that `sign` and `verify` read: one range of bytes as `const_bytes` takes it, or the message's parts in their
/// order, such as a std::array of `message_part`.
class const_message_data : public const_bytes {
public:
    constexpr const_message_data() noexcept = default;
    template <detail::readable_bytes Range>
        requires(!std::derived_from<std::remove_cvref_t<Range>, const_message_data> &&
                 !std::derived_from<std::remove_cvref_t<Range>, message_data>)
    const_message_data(Range&& bytes) noexcept // NOLINT(google-explicit-constructor): the conversion is its purpose
        : const_bytes{std::forward<Range>(bytes)} {}
    template <std::size_t Size>
    consteval const_message_data(const char (&literal)[Size]) // NOLINT(google-explicit-constructor)
        : const_bytes{literal} {}
    template <std::size_t Size>
    consteval const_message_data(const char8_t (&literal)[Size]) // NOLINT(google-explicit-constructor)
        : const_bytes{literal} {}
    const_message_data(const message_data& data) noexcept; // NOLINT(google-explicit-constructor)
    const_message_data(std::initializer_list<message_part> parts) noexcept
        : in_parts_{true}, parts_{parts.begin(), parts.size()} {}
    template <detail::list_of_parts Range>
    const_message_data(const Range& parts) noexcept // NOLINT(google-explicit-constructor)
        : in_parts_{true}, parts_{parts} {}

    /// Returns true if it is a list of parts.
    [[nodiscard]] bool in_parts() const noexcept { return in_parts_; }
    /// Returns the list of parts. It is empty for one range of bytes.
    [[nodiscard]] std::span<const message_part> parts() const noexcept { return parts_; }

private:
    bool in_parts_ = false;
    std::span<const message_part> parts_;
};

/// The data for `encrypt` and `decrypt`, which change it in place. It is one range of bytes, or a list of parts such as
/// a std::array of `message_part`.
class message_data : public mutable_bytes {
public:
    constexpr message_data() noexcept = default;
    template <std::convertible_to<mutable_bytes> Range>
        requires(!std::derived_from<std::remove_cvref_t<Range>, message_data>)
    message_data(Range&& bytes) noexcept // NOLINT(google-explicit-constructor): the conversion is its purpose
        : mutable_bytes{std::forward<Range>(bytes)} {}
    message_data(std::initializer_list<message_part> parts) noexcept
        : in_parts_{true}, parts_{parts.begin(), parts.size()} {}
    template <detail::list_of_parts Range>
    message_data(const Range& parts) noexcept // NOLINT(google-explicit-constructor)
        : in_parts_{true}, parts_{parts} {}

    /// Returns true if it is a list of parts.
    [[nodiscard]] bool in_parts() const noexcept { return in_parts_; }
    /// Returns the list of parts. It is empty for one range of bytes.
    [[nodiscard]] std::span<const message_part> parts() const noexcept { return parts_; }

private:
    bool in_parts_ = false;
    std::span<const message_part> parts_;
};

inline const_message_data::const_message_data(const message_data& data) noexcept
    : const_bytes{std::span<const std::byte>{data}}, in_parts_{data.in_parts()}, parts_{data.parts()} {}

namespace detail {

/// Returns true if SSPI, which uses 32-bit sizes, can take `size` bytes.
[[nodiscard]] constexpr bool fits(std::size_t size) noexcept {
    return size <= 0xFFFFFFFFU;
}

/// Up to `Capacity` buffers and their SecBufferDesc. It cannot be moved, because the descriptor points into it.
template <std::size_t Capacity>
class buffer_list {
public:
    buffer_list() noexcept = default; // the buffers are set by `add`
    buffer_list(const buffer_list&) = delete;
    buffer_list& operator=(const buffer_list&) = delete;
    ~buffer_list() = default;

    /// Adds a buffer; its size must be one that `fits`. SecBuffer has no const form; the package only reads constant
    /// bytes.
    /// @return the index of the buffer.
    std::size_t add(std::uint32_t type, std::span<const std::byte> bytes) noexcept {
        buffers_[descriptor_.cBuffers] = {gsl::narrow_cast<ULONG>(bytes.size()), type,
                                          const_cast<std::byte*>(bytes.data())};
        return descriptor_.cBuffers++;
    }

    [[nodiscard]] SecBufferDesc* native() noexcept { return &descriptor_; }
    /// Returns the buffer as the call left it.
    [[nodiscard]] const SecBuffer& operator[](std::size_t index) const noexcept { return buffers_[index]; }

private:
    SecBuffer buffers_[Capacity];
    SecBufferDesc descriptor_{SECBUFFER_VERSION, 0, buffers_};
};

/// Returns true if two spans have a byte in common.
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

/// Sets `part` to the bytes of `given` that a call has filled, as `buffer` reports them.
/// @return false if the package reports other memory, or more bytes than it was given.
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

// A package must not report more memory than it was given, or other memory. These functions check its buffers.

/// Returns true if `buffer` is the front of `given`.
[[nodiscard]] inline bool is_front(const SecBuffer& buffer, std::span<const std::byte> given) noexcept {
    return buffer.cbBuffer == 0 || (buffer.pvBuffer == given.data() && buffer.cbBuffer <= given.size());
}
/// Returns true if `buffer` is all of `given`.
[[nodiscard]] inline bool is_whole(const SecBuffer& buffer, std::span<const std::byte> given) noexcept {
    return buffer.cbBuffer == given.size() && (given.empty() || buffer.pvBuffer == given.data());
}
/// Returns true if `buffer` is a part of `given`. Sets `offset` to its start.
[[nodiscard]] inline bool is_part(const SecBuffer& buffer, std::span<const std::byte> given,
                                  std::uint32_t& offset) noexcept {
    if (buffer.cbBuffer == 0) {
        offset = 0;
        return true;
    }
    const auto before =
        reinterpret_cast<std::uintptr_t>(buffer.pvBuffer) - reinterpret_cast<std::uintptr_t>(given.data());
    offset = static_cast<std::uint32_t>(before);
    return before <= given.size() && buffer.cbBuffer <= given.size() - before; // an address below `given` wraps around
}

} // namespace detail

} // namespace sspan::inline SSPAN_API_NAMESPACE
