// SPDX-License-Identifier: MIT
//
// The test environment of a throwaway realm, by its files. The environment variables of run.sh and winpr3.sh name them;
// kerberos_realm.sh makes the tickets and keys.
#include "world.hpp"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace world {

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::wstring wide(std::string_view ascii) {
    return {ascii.begin(), ascii.end()};
}

std::string content_of(const std::filesystem::path& file, std::uintmax_t begin = 0) {
    std::ifstream in{file, std::ios::binary};
    in.seekg(static_cast<std::streamoff>(begin));
    if (!in) {
        throw std::runtime_error{"cannot read " + file.string()};
    }
    return {std::istreambuf_iterator<char>{in}, {}};
}

void write(const std::filesystem::path& file, const std::string& content) {
    std::ofstream{file, std::ios::binary} << content;
}

std::filesystem::path file_named_by(const char* name) {
    return variable(name).substr(std::string_view{"FILE:"}.size());
}

/// Replaces a file that an environment variable names. The library opens its files anew each time.
arrangement exchange(const char* name, const char* other) {
    const auto file = file_named_by(name);
    arrangement result{[file, original = content_of(file)] { write(file, original); }};
    if (other != nullptr) {
        write(file, content_of(file.parent_path() / other));
    } else {
        std::filesystem::remove(file);
    }
    return result;
}

constexpr auto ticket_variable = "KRB5CCNAME";

} // namespace

std::wstring service() {
    return wide(variable("SSPAN_SERVICE"));
}

std::wstring password() {
    return wide(variable("SSPAN_PASSWORD"));
}

arrangement with_ticket(ticket which) {
    constexpr const char* files[]{"fresh.ticket",  nullptr,         "expired.ticket",
                                  "early.ticket",  "skewed.ticket", "skewed_service.ticket",
                                  "service.ticket"};
    return exchange(ticket_variable, files[static_cast<std::size_t>(which)]);
}

arrangement with_keys(keys which) {
    constexpr const char* files[]{"service.keytab", nullptr, "other.keytab", "old.keytab", "wrong.keytab"};
    return exchange("KRB5_KTNAME", files[static_cast<std::size_t>(which)]);
}

arrangement without_kdc() {
    return arrangement{[] {}}; // run.sh starts the program again, with a KRB5_CONFIG that names no KDC
}

std::string_view missing(ticket /*which*/) {
    return {};
}

std::string_view missing(keys /*which*/) {
    return {};
}

bool has_ticket() {
    return std::filesystem::exists(file_named_by(ticket_variable));
}

std::size_t trace::end() {
    const std::filesystem::path file = variable("KRB5_TRACE");
    return std::filesystem::exists(file) ? static_cast<std::size_t>(std::filesystem::file_size(file)) : 0;
}

std::optional<std::string> trace::since(std::size_t begin) {
    return content_of(variable("KRB5_TRACE"), begin);
}

} // namespace world
