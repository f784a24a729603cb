// SPDX-License-Identifier: MIT
//
// The values of HTTP's authentication fields (RFC 9110, sections 11.2 to 11.6).
#pragma once

#include "../os/platform.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

[[nodiscard]] constexpr bool is_letter_or_digit(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
[[nodiscard]] constexpr bool is_http_space(char c) noexcept {
    return c == ' ' || c == '\t';
}
/// `tchar` of the grammar.
[[nodiscard]] constexpr bool is_http_token(char c) noexcept {
    return is_letter_or_digit(c) || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}
/// The characters of `token68`, except for the `=` at its end.
[[nodiscard]] constexpr bool is_token68(char c) noexcept {
    return is_letter_or_digit(c) || std::string_view{"-._~+/"}.find(c) != std::string_view::npos;
}
[[nodiscard]] constexpr bool is_in_quoted_string(char c) noexcept {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

/// Compares the names of schemes, without regard to case.
[[nodiscard]] constexpr bool is_scheme(std::string_view name, std::string_view scheme) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (name.size() != scheme.size()) {
        return false;
    }
    for (std::size_t i = 0; i != name.size(); ++i) {
        if (lower(name[i]) != lower(scheme[i])) {
            return false;
        }
    }
    return true;
}

/// A challenge, or the credentials of a client. The views are parts of the field's value.
struct http_challenge {
    std::string_view scheme;
    std::string_view token68; ///< Empty if there is none.
};

/// Reads the challenges of a field's value one by one.
class http_challenge_reader {
public:
    explicit constexpr http_challenge_reader(std::string_view value) noexcept : rest_{value} {}

    /// Reads the next challenge. @return false at the end, or if the rest is malformed.
    [[nodiscard]] constexpr bool next(http_challenge& challenge) noexcept {
        challenge = {};
        static_cast<void>(skip_separators());
        if (rest_.empty()) {
            return false;
        }
        challenge.scheme = take(is_http_token);
        if (challenge.scheme.empty() || (!is_at_end() && !is_http_space(rest_.front()))) {
            return fail();
        }
        skip_space();
        return takes_token68(challenge.token68) || skip_parameters() || fail();
    }
    /// Returns true if the value does not follow the grammar. The challenges before that place have been read.
    [[nodiscard]] constexpr bool malformed() const noexcept { return malformed_; }

private:
    /// Returns true at the end of an element of the list.
    [[nodiscard]] constexpr bool is_at_end() const noexcept { return rest_.empty() || rest_.front() == ','; }
    constexpr bool fail() noexcept {
        malformed_ = true;
        rest_ = {};
        return false;
    }
    constexpr std::string_view take(bool (*belongs)(char)) noexcept {
        std::size_t size = 0;
        while (size != rest_.size() && belongs(rest_[size])) {
            ++size;
        }
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    constexpr void skip_space() noexcept { static_cast<void>(take(is_http_space)); }
    /// Skips spaces, commas and the empty elements between them. @return true if there was a comma.
    constexpr bool skip_separators() noexcept {
        bool has_comma = false;
        for (skip_space(); !rest_.empty() && rest_.front() == ','; skip_space()) {
            rest_.remove_prefix(1);
            has_comma = true;
        }
        return has_comma;
    }

    /// Takes a token68 that is the whole rest of the challenge. Otherwise it takes nothing.
    constexpr bool takes_token68(std::string_view& token) noexcept {
        const auto before = rest_;
        const auto characters = take(is_token68);
        const auto padding = take([](char c) { return c == '='; });
        skip_space();
        if (characters.empty() || !is_at_end()) {
            rest_ = before;
            return false;
        }
        token = before.substr(0, characters.size() + padding.size());
        return true;
    }
    /// Skips the parameters of a challenge, if it has any. A name without a `=` is the next challenge.
    constexpr bool skip_parameters() noexcept {
        for (;;) {
            const bool separated = skip_separators();
            if (rest_.empty()) {
                return true;
            }
            const auto before = rest_;
            const bool has_name = !take(is_http_token).empty();
            skip_space();
            if (!has_name || rest_.empty() || rest_.front() != '=') {
                rest_ = before;
                return separated;
            }
            rest_.remove_prefix(1);
            skip_space();
            if (!skip_value()) {
                return false;
            }
            skip_space();
            if (!is_at_end()) {
                return false;
            }
        }
    }
    constexpr bool skip_value() noexcept {
        if (rest_.empty() || rest_.front() != '"') {
            return !take(is_http_token).empty();
        }
        for (std::size_t i = 1; i < rest_.size() && is_in_quoted_string(rest_[i]); ++i) {
            if (rest_[i] == '"') {
                rest_.remove_prefix(i + 1);
                return true;
            }
            if (rest_[i] == '\\') { // the next character stands for itself
                ++i;
                if (i == rest_.size() || !is_in_quoted_string(rest_[i])) {
                    return false;
                }
            }
        }
        return false;
    }

    std::string_view rest_;
    bool malformed_ = false;
};

inline constexpr std::string_view negotiate_scheme = "Negotiate";

/// The challenges of an answer that have the scheme Negotiate.
struct negotiate_challenges {
    bool offered = false;   ///< There is at least one.
    bool malformed = false; ///< A field does not follow the grammar.
    bool ambiguous = false; ///< More than one has a token.
    std::string_view token; ///< In base64. Empty if there is none.
};

[[nodiscard]] constexpr negotiate_challenges find_negotiate(std::span<const std::string_view> values) noexcept {
    negotiate_challenges found;
    for (const auto value : values) {
        http_challenge_reader reader{value};
        for (http_challenge challenge; reader.next(challenge);) {
            if (!is_scheme(challenge.scheme, negotiate_scheme)) {
                continue;
            }
            found.offered = true;
            if (!challenge.token68.empty()) {
                found.ambiguous = found.ambiguous || !found.token.empty();
                found.token = challenge.token68;
            }
        }
        found.malformed = found.malformed || reader.malformed();
    }
    return found;
}

/// Reads the value of an Authorization field. Of a scheme other than Negotiate it reads only the name.
/// @return false if it is malformed.
[[nodiscard]] constexpr bool read_credentials(std::string_view value, http_challenge& credentials) noexcept {
    while (!value.empty() && is_http_space(value.front())) {
        value.remove_prefix(1);
    }
    while (!value.empty() && is_http_space(value.back())) {
        value.remove_suffix(1);
    }
    std::size_t end = 0;
    while (end != value.size() && is_http_token(value[end])) {
        ++end;
    }
    credentials = {value.substr(0, end), {}};
    if (end == 0 || (end != value.size() && !is_http_space(value[end]))) {
        return false;
    }
    if (end == value.size() || !is_scheme(credentials.scheme, negotiate_scheme)) {
        return true;
    }
    return value.find(',') == std::string_view::npos && http_challenge_reader{value}.next(credentials) &&
           !credentials.token68.empty();
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
