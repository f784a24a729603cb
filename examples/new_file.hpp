// SPDX-License-Identifier: MIT
//
// A file that either comes to be as a whole, or not at all.
#pragma once

#if defined(_WIN32)
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN // or <windows.h> brings in the first Winsock
#endif
#if !defined(NOMINMAX)
#define NOMINMAX // or it brings in macros named min and max
#endif
#include <windows.h>
#else
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace files {

/// Of the disk, not of the connection.
struct error : std::system_error {
    using std::system_error::system_error;
};

/// Whether a peer may name a file so: one of a folder, on Windows too, and nothing that Windows takes for a device.
inline bool is_plain_name(std::string_view name) {
    constexpr std::size_t longest = 200;
    constexpr std::string_view forbidden = "<>:\"/\\|?*";
    const auto is_bad = [&](char letter) {
        return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7F || forbidden.find(letter) != forbidden.npos;
    };
    if (name.empty() || name.size() > longest || name.front() == ' ' || name.back() == '.' || name.back() == ' ' ||
        std::ranges::any_of(name, is_bad)) {
        return false;
    }
    std::string stem{name.substr(0, name.find('.'))};
    while (!stem.empty() && stem.back() == ' ') {
        stem.pop_back();
    }
    std::ranges::transform(stem, stem.begin(), [](char letter) {
        return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    });
    constexpr std::array<std::string_view, 6> devices{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    const bool numbered = (stem.starts_with("COM") || stem.starts_with("LPT")) && stem.size() > 3 && stem.size() < 6;
    return !numbered && std::ranges::find(devices, stem) == devices.end();
}

/// Written under another name in the same folder. Unless it is kept, it disappears.
class new_file {
public:
    explicit new_file(std::filesystem::path final_name)
        : final_{std::move(final_name)}, temporary_{final_.native() + std::filesystem::path{".partial"}.native()} {
#if defined(_WIN32)
        file_ =
            ::CreateFileW(temporary_.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr);
#else
        file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
#endif
        if (file_ == no_file) {
            fail("creating the file");
        }
    }
    new_file(const new_file&) = delete;
    new_file& operator=(const new_file&) = delete;
    ~new_file() {
        close();
        if (!kept_) {
            std::error_code ignored; // there is nothing left to do
            std::filesystem::remove(temporary_, ignored);
        }
    }

    void write(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
#if defined(_WIN32)
            DWORD written = 0;
            const auto part = static_cast<DWORD>(std::min<std::size_t>(bytes.size(), std::size_t{1} << 20));
            if (!::WriteFile(file_, bytes.data(), part, &written, nullptr) || written == 0) {
                fail("writing the file");
            }
            bytes = bytes.subspan(written);
#else
            const auto written = ::write(file_, bytes.data(), bytes.size());
            if (written <= 0) {
                fail("writing the file");
            }
            bytes = bytes.subspan(static_cast<std::size_t>(written));
#endif
        }
    }

    /// Gives it its name, on the disk; fails if there is such a file already.
    void keep() {
#if defined(_WIN32)
        const bool stored = ::FlushFileBuffers(file_) != 0;
        close();
        if (!stored || !::MoveFileExW(temporary_.c_str(), final_.c_str(), MOVEFILE_WRITE_THROUGH)) {
            fail("keeping the file");
        }
        kept_ = true;
#else
        const bool stored = ::fsync(file_) == 0;
        close();
        if (!stored || ::link(temporary_.c_str(), final_.c_str()) != 0) { // unlike rename, it replaces nothing
            fail("keeping the file");
        }
#endif
    }

private:
#if defined(_WIN32)
    using native_file = HANDLE;
    static inline const native_file no_file = INVALID_HANDLE_VALUE;
    static int last_error() noexcept { return static_cast<int>(::GetLastError()); }
#else
    using native_file = int;
    static constexpr native_file no_file = -1;
    static int last_error() noexcept { return errno; }
#endif

    void close() noexcept {
        if (const auto file = std::exchange(file_, no_file); file != no_file) {
#if defined(_WIN32)
            ::CloseHandle(file);
#else
            ::close(file);
#endif
        }
    }
    [[noreturn]] static void fail(const char* what) { throw error{last_error(), std::system_category(), what}; }

    std::filesystem::path final_;
    std::filesystem::path temporary_;
    native_file file_ = no_file;
    bool kept_ = false;
};

} // namespace files
