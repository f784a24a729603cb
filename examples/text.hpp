// SPDX-License-Identifier: MIT
//
// UTF-8 outside, wide strings for SSPI; and a password that does not stay in memory.
#pragma once

#if defined(_WIN32)
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN // or <windows.h> brings in the first Winsock
#endif
#if !defined(NOMINMAX)
#define NOMINMAX // or it brings in macros named min and max
#endif
#include <windows.h>

#include <shellapi.h> // CommandLineToArgvW
#endif

#include <array>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace text {

/// Appends `utf8` to `out`, which does not grow beyond one unit per byte. Throws std::invalid_argument unless it is
/// UTF-8.
inline void append_wide(std::string_view utf8, std::wstring& out) {
    while (!utf8.empty()) {
        const auto lead = static_cast<unsigned char>(utf8[0]);
        const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        bool valid = size <= utf8.size() && (lead < 0x80 || (lead >= 0xC2 && lead < 0xF5));
        char32_t point = size == 1 ? lead : lead & (0x7FU >> size);
        for (std::size_t index = 1; valid && index < size; ++index) {
            const auto next = static_cast<unsigned char>(utf8[index]);
            valid = (next & 0xC0U) == 0x80;
            point = (point << 6) | (next & 0x3FU);
        }
        constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
        if (!valid || point < smallest[size] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
            throw std::invalid_argument{"text that is not UTF-8"};
        }
        if constexpr (sizeof(wchar_t) == 2) {
            if (point >= 0x10000) {
                out += static_cast<wchar_t>(0xD800 + ((point - 0x10000) >> 10));
                point = 0xDC00 + ((point - 0x10000) & 0x3FF);
            }
        }
        out += static_cast<wchar_t>(point);
        utf8.remove_prefix(size);
    }
}

inline std::wstring to_wide(std::string_view utf8) {
    std::wstring wide;
    append_wide(utf8, wide);
    return wide;
}

/// `wide` as UTF-8, fit for a terminal: control characters, which could command it, become U+FFFD like what is not
/// text.
inline std::string to_utf8(std::wstring_view wide) {
    std::string utf8;
    for (std::size_t index = 0; index < wide.size(); ++index) {
        auto point = static_cast<char32_t>(wide[index]);
        if (point >= 0xD800 && point < 0xDC00 && index + 1 < wide.size()) {
            const auto low = static_cast<char32_t>(wide[index + 1]);
            if (low >= 0xDC00 && low < 0xE000) {
                point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
                ++index;
            }
        }
        const bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
        if (control || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
            point = 0xFFFD;
        }
        const int rest = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3; // bytes after the first
        constexpr std::array<char32_t, 4> lead{0, 0xC0, 0xE0, 0xF0};
        utf8 += static_cast<char>(lead[static_cast<std::size_t>(rest)] | (point >> (6 * rest)));
        for (int shift = 6 * (rest - 1); shift >= 0; shift -= 6) {
            utf8 += static_cast<char>(0x80 | ((point >> shift) & 0x3F));
        }
    }
    return utf8;
}

/// The program's arguments in UTF-8. Windows' `argv` has lost what the ANSI code page cannot say.
inline std::vector<std::string> arguments([[maybe_unused]] int argc, [[maybe_unused]] char** argv) {
#if defined(_WIN32)
    struct local_free {
        void operator()(wchar_t** memory) const noexcept { ::LocalFree(memory); }
    };
    int count = 0;
    const std::unique_ptr<wchar_t* [], local_free> wide { ::CommandLineToArgvW(::GetCommandLineW(), &count) };
    std::vector<std::string> result;
    for (int index = 1; wide && index < count; ++index) {
        result.push_back(to_utf8(wide[static_cast<std::size_t>(index)]));
    }
    return result;
#else
    return {argv + (argc > 0 ? 1 : 0), argv + argc};
#endif
}

/// One line of standard input, in memory that is zeroed before it is freed.
class secret_line {
public:
    secret_line() : secret_line{nothing_yet{}} { // which is whole already: if this throws, it is wiped all the same
        std::setvbuf(stdin, nullptr, _IONBF, 0); // a buffer would keep a copy
        wide_.reserve(bytes_.size());            // growing would leave one behind
        std::size_t size = 0;
        int next = std::getchar();
        if (next == EOF) {
            throw std::invalid_argument{"no line"};
        }
        for (; next != EOF && next != '\n'; next = std::getchar()) {
            if (size == bytes_.size()) {
                throw std::invalid_argument{"a line of more than 1024 bytes"};
            }
            bytes_[size++] = static_cast<char>(next);
        }
        if (size != 0 && bytes_[size - 1] == '\r') {
            --size;
        }
        append_wide({bytes_.data(), size}, wide_);
    }
    secret_line(const secret_line&) = delete;
    secret_line& operator=(const secret_line&) = delete;
    ~secret_line() {
        wipe(std::span{bytes_});
        wipe(std::span{wide_});
    }

    [[nodiscard]] std::wstring_view view() const noexcept { return wide_; }

private:
    struct nothing_yet {};
    explicit secret_line(nothing_yet /*tag*/) noexcept {}
    template <class Unit, std::size_t Size>
    static void wipe(std::span<Unit, Size> memory) noexcept {
        for (volatile Unit& unit : memory) { // volatile: nobody reads it again, but it must happen
            unit = Unit{};
        }
    }

    std::array<char, 1024> bytes_{};
    std::wstring wide_;
};

} // namespace text
