// SPDX-License-Identifier: MIT
//
// A file that gets its name only when it is complete.
#pragma once

#include "../console.hpp" // includes <windows.h> on Windows

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <share.h>
#include <sys/stat.h>
#else
#include <fcntl.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace files {

/// An error whose text may be sent to a peer: it contains no path and does not depend on the language of the system.
struct error : std::runtime_error {
    using std::runtime_error::runtime_error;
    error(const std::string& what, const std::error_code& code)
        : std::runtime_error{what + ": " + code.default_error_condition().message()} {}
};

#if defined(_WIN32)
inline int create(const std::filesystem::path& path) noexcept {
    int file = -1;
    constexpr int mode = _O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY | _O_NOINHERIT;
    return ::_wsopen_s(&file, path.c_str(), mode, _SH_DENYRW, _S_IREAD | _S_IWRITE) == 0 ? file : -1;
}
inline auto write_some(int file, const std::byte* data, std::size_t size) noexcept {
    return ::_write(file, data, static_cast<unsigned>(size));
}
inline int flush(int file) noexcept {
    return ::_commit(file);
}
inline int close(int file) noexcept {
    return ::_close(file);
}
/// Fails if `to` exists. No other program can create it between the check and the renaming.
inline std::error_code rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to) noexcept {
    if (::MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_WRITE_THROUGH) != 0) {
        return {};
    }
    return {static_cast<int>(::GetLastError()), std::system_category()};
}
#else
inline int create(const std::filesystem::path& path) noexcept {
    constexpr mode_t owner_only = 0600; // the content may be secret
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, owner_only);
}
inline auto write_some(int file, const std::byte* data, std::size_t size) noexcept {
    return ::write(file, data, size);
}
inline int flush(int file) noexcept {
    return ::fsync(file);
}
inline int close(int file) noexcept {
    return ::close(file);
}
/// Fails if `to` exists. No other program can create it between the check and the renaming.
inline std::error_code rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to) noexcept {
    std::error_code ec;
    std::filesystem::create_hard_link(from, to, ec); // rename would replace a file
    if (!ec) {
        std::error_code ignored; // the new name exists already
        std::filesystem::remove(from, ignored);
    }
    return ec;
}
#endif

inline std::filesystem::path path(std::string_view utf8) {
    return std::u8string{utf8.begin(), utf8.end()};
}

/// The last part of the path, in UTF-8.
inline std::string name(const std::filesystem::path& path) {
    const auto utf8 = path.filename().u8string();
    return {utf8.begin(), utf8.end()};
}

enum class if_there_is_one : std::uint8_t { fail, replace };

/// A new file in `folder`. The destructor removes it unless `publish` has named it. Only a killed program leaves it
/// there.
class new_file {
public:
    explicit new_file(const std::filesystem::path& folder) : folder_{folder} {
        std::random_device random; // so that other users cannot guess the name
        std::array<char, 17> digits{};
        std::snprintf(digits.data(), digits.size(), "%08x%08x", random(), random());
        path_ = folder / (std::string{".incomplete-"} + digits.data());
        file_ = create(path_);
        check(file_ >= 0, "creating a file");
    }
    new_file(const new_file&) = delete;
    new_file& operator=(const new_file&) = delete;
    ~new_file() {
        if (file_ >= 0) {
            close(file_);
        }
        if (!path_.empty()) {
            std::error_code ignored; // a destructor cannot report it
            std::filesystem::remove(path_, ignored);
        }
    }

    void write(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const auto written = write_some(file_, bytes.data(), bytes.size());
            check(written > 0 || (written < 0 && errno == EINTR), "writing");
            bytes = bytes.subspan(static_cast<std::size_t>(std::max<std::ptrdiff_t>(written, 0)));
        }
    }

    /// Writes the file to the disk and then gives it its name.
    void publish(const std::filesystem::path& name, if_there_is_one then) {
        check(flush(file_) == 0, "writing");
        check(close(std::exchange(file_, -1)) == 0, "writing");
        std::error_code ec;
        if (then == if_there_is_one::replace) {
            std::filesystem::rename(path_, folder_ / name, ec);
        } else {
            ec = rename_to_new(path_, folder_ / name);
        }
        if (ec) {
            throw error{"naming the file", ec};
        }
        path_.clear();
    }

private:
    static void check(bool good, const char* what) {
        if (!good) {
            throw error{what, {errno, std::generic_category()}};
        }
    }

    std::filesystem::path folder_;
    std::filesystem::path path_; // empty when the file has its name
    int file_ = -1;
};

} // namespace files
