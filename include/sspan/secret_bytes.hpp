// SPDX-License-Identifier: MIT
//
// Bytes that nobody else is to see.
#pragma once

#include "bytes.hpp"
#include "os/secret.hpp"

#include <cstddef>
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Owns bytes of a fixed number, and zeroes them before they are freed.
class secret_bytes {
public:
    /// No bytes, as in a moved-from object.
    secret_bytes() noexcept = default;
    /// A copy; the caller's own bytes are the caller's to wipe.
    /// @throws std::bad_alloc
    explicit secret_bytes(const_bytes bytes) : bytes_{bytes.begin(), bytes.end()} {}

    secret_bytes(secret_bytes&&) noexcept = default;
    secret_bytes& operator=(secret_bytes&&) noexcept = default;
    secret_bytes(const secret_bytes&) = delete;
    secret_bytes& operator=(const secret_bytes&) = delete;
    ~secret_bytes() = default;

    /// Returns a view, valid as long as this object is neither moved from nor assigned to.
    [[nodiscard]] std::span<const std::byte> get() const& noexcept { return bytes_; }
    [[nodiscard]] std::span<const std::byte> get() const&& = delete; // a view of a temporary
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

private:
    detail::wiped_vector bytes_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
