// SPDX-License-Identifier: MIT
//
// The frame of each call of a front: it counts the call, records it, and applies ordered faults. Without an order
// nothing here allocates.
#pragma once

#include "control.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace loopback {

/// The ordered faults of one call.
struct fate {
    std::optional<SECURITY_STATUS> instead;
    std::optional<SECURITY_STATUS> afterwards;
    std::optional<hostile_output> hostile;
    std::vector<std::function<void()>> actions;
};

class faults {
public:
    static faults& instance();

    /// Counts a call and returns its fate. Runs the ordered actions, unless the call is replaced.
    fate begin(function which, ULONG flags, const SecBufferDesc* buffers = nullptr);

    struct order {
        function which{};
        std::size_t call = 0;
        bool every_later_one = false;
        fate what;
    };
    /// `call` counts from now.
    void add(order next);
    void clear();
    void reset();

    [[nodiscard]] std::size_t calls(function which) const;
    [[nodiscard]] std::vector<seen_buffer> last_buffers(function which);
    [[nodiscard]] ULONG last_flags(function which);

    std::atomic<std::size_t> wiped{0};

private:
    static constexpr std::size_t seen_limit = 8;
    struct record {
        std::array<seen_buffer, seen_limit> buffers{};
        std::size_t count = 0;
        ULONG flags = 0;
    };

    std::array<std::atomic<std::size_t>, function_count> calls_{};
    std::mutex mutex_;
    std::array<record, function_count> records_{};
    std::vector<order> orders_;
};

/// The original sizes of a call's buffers. They are needed to falsify the outputs.
class falsifier {
public:
    explicit falsifier(const SecBufferDesc* buffers) noexcept;
    void apply(hostile_output how, SecBufferDesc* buffers) const noexcept;

private:
    std::array<ULONG, 8> sizes_{};
};

} // namespace loopback
