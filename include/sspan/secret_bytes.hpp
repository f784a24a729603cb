// SPDX-License-Identifier: MIT
//
// Bytes that are wiped before they are freed.
#pragma once

#include "bytes.hpp"
#include "os/secret.hpp"

#include <cstddef>
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// Owns a fixed number of bytes, and zeroes them before they are freed.
class secret_bytes {
public:
    /// Makes an empty object, which is also the state of a moved-from object.
    secret_bytes() noexcept = default;
    /// Copies `bytes`. The caller wipes its own copy.
    /// @throws std::bad_alloc if there is no memory
    explicit secret_bytes(const_bytes bytes) : bytes_{bytes.begin(), bytes.end()} {}

    secret_bytes(secret_bytes&&) noexcept = default;
    secret_bytes& operator=(secret_bytes&&) noexcept = default;
    secret_bytes(const secret_bytes&) = delete;
    secret_bytes& operator=(const secret_bytes&) = delete;
    ~secret_bytes() = default;

    /// Returns a view. It is valid until this object is moved from or assigned to.
    [[nodiscard]] std::span<const std::byte> get() const& noexcept { return {bytes_.data(), bytes_.size()}; }
    [[nodiscard]] std::span<const std::byte> get() const&& = delete; // a view of a temporary
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

private:
    detail::wiped_vector bytes_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
