// SPDX-License-Identifier: MIT
//
// Properties that a context and its two halves have in common.
#pragma once

#include "detail/established.hpp"
#include "flags.hpp"
#include "message.hpp"
#include "package.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// A share of an established context, or the zero state: the base of `security_context`, `message_sender` and
/// `message_receiver`. The functions may be called from any thread.
class context_accessors {
public:
    /// Returns the sizes of the package's parts of a message. All are 0 in the zero state.
    [[nodiscard]] context_sizes sizes() const noexcept { return state_ ? state_->sizes : context_sizes{}; }
    /// Returns the flags that the handshake granted.
    [[nodiscard]] context_flags granted() const noexcept { return state_ ? state_->granted : context_flags::none; }
    /// Returns the package at work. `not_told` means that the platform does not report it: it may be NTLM.
    [[nodiscard]] security_package package() const noexcept {
        return state_ ? state_->package.name : security_package::not_told;
    }
    /// Returns the expiry of the context. It may be `never`. It is empty if the package did not report it. Afterwards,
    /// message calls may fail with `context_expired`.
    [[nodiscard]] std::optional<std::chrono::system_clock::time_point> expiry() const noexcept {
        return state_ ? state_->expiry : std::nullopt;
    }
    /// Returns false in the zero state.
    explicit operator bool() const noexcept { return state_ != nullptr; }

protected:
    context_accessors() noexcept = default;
    explicit context_accessors(std::shared_ptr<detail::established> state) noexcept : state_{std::move(state)} {}
    context_accessors(context_accessors&&) noexcept = default;
    context_accessors& operator=(context_accessors&&) noexcept = default;
    ~context_accessors() = default;

    std::shared_ptr<detail::established> state_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
