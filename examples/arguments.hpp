// SPDX-License-Identifier: MIT
//
// A command line of one action and options with values, for examples with few of them.
#pragma once

#include <sspan/package.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace arguments {

struct error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline std::wstring_view package_name(std::string_view text) {
    if (text == "kerberos") {
        return sspan::package::kerberos;
    }
    if (text == "negotiate") {
        return sspan::package::negotiate;
    }
    if (text == "ntlm") {
        return sspan::package::ntlm;
    }
    throw error{"not kerberos, negotiate or ntlm"};
}

class reader {
public:
    explicit reader(std::vector<std::string> words) : words_{std::move(words)} {}

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
            throw error{std::string{name} + " needs a value"};
        }
        auto result = std::move(found[1]);
        words_.erase(found, found + 2);
        return result;
    }
    [[nodiscard]] std::string value(std::string_view name) {
        auto result = value(name, {});
        if (result.empty()) {
            throw error{std::string{name} + " is missing"};
        }
        return result;
    }
    [[nodiscard]] unsigned number(std::string_view name, unsigned most, std::string otherwise = {}) {
        const auto text = otherwise.empty() ? value(name) : value(name, std::move(otherwise));
        unsigned number = 0;
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (problem != std::errc{} || end != text.data() + text.size() || number > most) {
            throw error{std::string{name} + ": not a number from 0 to " + std::to_string(most)};
        }
        return number;
    }
    /// Throws unless every word has been asked for.
    void finish() const {
        if (!words_.empty()) {
            throw error{"not understood: " + words_.front()};
        }
    }

private:
    std::vector<std::string> words_;
};

} // namespace arguments
