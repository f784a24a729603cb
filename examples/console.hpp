// SPDX-License-Identifier: MIT
//
// The command line, the console and secret input, in UTF-8. This header does not use sspan.
#pragma once

#if defined(_WIN32)
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN // <windows.h> includes the old Winsock otherwise
#endif
#if !defined(NOMINMAX)
#define NOMINMAX // it defines macros named min and max otherwise
#endif
#include <windows.h>

#include <shellapi.h> // CommandLineToArgvW
#endif

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <initializer_list>
#include <iostream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace console {

/// Appends `utf8` to `out`, at most one unit per byte. Throws std::invalid_argument if `utf8` is not UTF-8.
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

/// Converts `wide` to UTF-8. Invalid units become U+FFFD. So do control characters: a terminal would obey them.
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

/// The program's arguments in UTF-8. Windows' `argv` has only the characters of the ANSI code page. Sets the console to
/// UTF-8, too.
inline std::vector<std::string> words([[maybe_unused]] int argc, [[maybe_unused]] char** argv) {
#if defined(_WIN32)
    ::SetConsoleOutputCP(CP_UTF8);
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

/// A command line that the program does not understand.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The user asks for the usage.
struct help_request : std::exception {};

/// A command line: perhaps an action, then options with or without values. Each function takes its words out.
class arguments {
public:
    /// Throws help_request for `--help`.
    arguments(int argc, char** argv) : words_{words(argc, argv)} {
        if (flag("--help")) {
            throw help_request{};
        }
    }

    /// The first word; empty if there is none.
    [[nodiscard]] std::string action() {
        if (words_.empty()) {
            return {};
        }
        auto first = std::move(words_.front());
        words_.erase(words_.begin());
        return first;
    }
    [[nodiscard]] bool flag(std::string_view name) { return std::erase(words_, name) != 0; }
    [[nodiscard]] std::string value(std::string_view name, std::string otherwise) {
        const auto found = std::ranges::find(words_, name);
        if (found == words_.end()) {
            return otherwise;
        }
        if (found + 1 == words_.end()) {
            throw usage_error{std::string{name} + " needs a value"};
        }
        auto result = std::move(found[1]);
        words_.erase(found, found + 2);
        return result;
    }
    [[nodiscard]] std::string value(std::string_view name) {
        auto result = value(name, {});
        if (result.empty()) {
            throw usage_error{std::string{name} + " is missing"};
        }
        return result;
    }
    [[nodiscard]] unsigned number(std::string_view name, unsigned most, std::string otherwise = {}) {
        const auto text = otherwise.empty() ? value(name) : value(name, std::move(otherwise));
        unsigned number = 0;
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (problem != std::errc{} || end != text.data() + text.size() || number > most) {
            throw usage_error{std::string{name} + ": not a number from 0 to " + std::to_string(most)};
        }
        return number;
    }
    /// @return the index of the value in `allowed`; 0 without a value.
    [[nodiscard]] std::size_t choice(std::string_view name, std::initializer_list<std::string_view> allowed) {
        const auto chosen = value(name, std::string{*allowed.begin()});
        const auto* const found = std::ranges::find(allowed, chosen);
        if (found == allowed.end()) {
            throw usage_error{std::string{name} + ": unknown value: " + chosen};
        }
        return static_cast<std::size_t>(found - allowed.begin());
    }
    /// Throws if words are left.
    void finish() const {
        if (!words_.empty()) {
            throw usage_error{"not understood: " + words_.front()};
        }
    }

private:
    std::vector<std::string> words_;
};

/// Prints a line at once, also into a file.
inline void print(const std::string& line) {
    std::cout << line + '\n' << std::flush;
}

/// Reports the exception that ends the program. @return the exit status: 0 after `--help`, 1 for a usage error, else
/// `status`.
inline int report(const std::exception& error, std::string_view usage, int status = 2) {
    if (dynamic_cast<const help_request*>(&error) != nullptr) {
        std::cout << usage << '\n';
        return 0;
    }
    std::cerr << error.what() << '\n';
    if (dynamic_cast<const usage_error*>(&error) != nullptr) {
        std::cerr << '\n' << usage << '\n';
        return 1;
    }
    return status;
}

/// One line of standard input, such as a password, in memory that is zeroed before it is freed. Use it for pipes and
/// files: a terminal would show the input, and a Windows console would not send UTF-8.
class secret_line {
public:
    secret_line() : secret_line{nothing_yet{}} { // after this constructor the destructor runs, even if the rest throws
        std::setvbuf(stdin, nullptr, _IONBF, 0); // a buffer would keep a copy
        wide_.reserve(bytes_.size());            // growing would leave a copy, too
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
        for (volatile Unit& unit : memory) { // volatile: the compiler must not omit it
            unit = Unit{};
        }
    }

    std::array<char, 1024> bytes_{};
    std::wstring wide_;
};

} // namespace console
