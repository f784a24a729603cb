// SPDX-License-Identifier: MIT
//
// The progress of a copy on the console.
#pragma once

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace progress {

inline bool stderr_is_terminal() noexcept {
#if defined(_WIN32)
    return ::_isatty(::_fileno(stderr)) != 0;
#else
    return ::isatty(STDERR_FILENO) != 0;
#endif
}

/// Returns a readable size, such as "1.5 GiB".
inline std::string amount(double bytes) {
    constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < units.size(); ++unit) {
        bytes /= 1024;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return text.data();
}

/// Returns the percentage, the amount, the rate and the time left, after `seconds`.
inline std::string line(std::uint64_t done, std::uint64_t total, double seconds) {
    constexpr std::size_t width = 20;
    const double share = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
    const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
    std::string bar(width, ' ');
    std::fill_n(bar.begin(), std::min(width, static_cast<std::size_t>(share * width)), '#');
    std::array<char, 16> percent{};
    std::snprintf(percent.data(), percent.size(), "%3.0f%%", share * 100);
    std::array<char, 32> left{};
    if (rate > 0) {
        std::snprintf(left.data(), left.size(), ", %.0f s left", static_cast<double>(total - done) / rate);
    }
    return "[" + bar + "] " + percent.data() + " " + amount(static_cast<double>(done)) + " of " +
           amount(static_cast<double>(total)) + ", " + amount(rate) + "/s" + left.data();
}

/// A line on standard error that changes at most ten times a second and disappears at the end. Without a terminal there
/// is no line.
class bar {
public:
    using clock = std::chrono::steady_clock;

    explicit bar(std::uint64_t total) noexcept : total_{total} {}
    bar(const bar&) = delete;
    bar& operator=(const bar&) = delete;
    ~bar() {
        if (shown_ != 0) {
            write({});
        }
    }

    void show(std::uint64_t done) {
        const auto now = clock::now();
        if (visible_ && now >= next_) {
            next_ = now + std::chrono::milliseconds{100};
            write(line(done, total_, std::chrono::duration<double>{now - start_}.count()));
        }
    }

private:
    /// Overwrites the old line with one write, so that it does not flicker.
    void write(std::string text) {
        const auto size = text.size();
        text.resize(std::max(size, shown_), ' ');
        shown_ = size;
        text = "\r" + text + (size == 0 ? "\r" : "");
        std::fwrite(text.data(), 1, text.size(), stderr);
    }

    std::uint64_t total_;
    bool visible_ = stderr_is_terminal();
    std::size_t shown_ = 0;
    clock::time_point start_ = clock::now();
    clock::time_point next_ = start_;
};

} // namespace progress
