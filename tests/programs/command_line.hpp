// SPDX-License-Identifier: MIT
//
// The command line of secure_echo.
#pragma once

#include "console.hpp"
#include "messages.hpp"

#include <sspan/package.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace command_line {

inline constexpr std::string_view usage =
    R"(secure_echo serve --port N [options]   answer messages; port 0 stands for a free one
    --bind ADDRESS        listen there (127.0.0.1)
    --connections N       end after N connections
    --max-connections N   serve at most N at a time; more must wait (256)
    --max-size BYTES      the limit for a message, up to 16000000 (1048576)
    --handshake-timeout SECONDS   the limit for a handshake (10)
secure_echo send --host H --port N --target SPN [options]   send messages and check the answers
    --kind sign|seal      sign them, or encrypt them (sign)
    --count N             the number of messages (1000)
    --size BYTES          their size, up to 16000000 (256)
    --at-once N           do all this over N connections at a time, up to 1000 (1)
    --tamper              then send a changed message
    --replay              then send the last message again
    --accept-ntlm         let Negotiate choose NTLM, which does not prove who the server is
    --user U [--domain D] log on as U; the password is one line of standard input, in UTF-8
both:
    --package kerberos|negotiate|ntlm   (kerberos)
    --dce                 use DCE style: three tokens, and another message format
    --timeout SECONDS     the limit for silence before a message, and for a message (30)
Exit status: 0 done, 1 usage, 2 no handshake (or the server cannot start), 3 a message was rejected,
4 a forged message was accepted, 5 the connection was lost or the peer broke the protocol.)";

using error = console::usage_error;

enum class action : std::uint8_t { help, serve, send };

struct options {
    action what = action::help;
    std::string bind = "127.0.0.1";
    unsigned connections = 0; // 0: no limit
    unsigned max_connections = 256;
    std::size_t max_size = 1'048'576;
    std::chrono::seconds handshake_timeout{10};
    std::string host;
    unsigned port = 0;
    std::wstring target;
    messages::kind kind = messages::kind::sign;
    unsigned count = 1000;
    std::size_t size = 256;
    unsigned at_once = 1;
    bool tamper = false;
    bool replay = false;
    bool accept_ntlm = false;
    std::wstring user;
    std::wstring domain;
    std::wstring_view package = sspan::package::kerberos;
    bool dce = false;
    std::chrono::seconds timeout{30};
};

inline unsigned number(std::string_view text, unsigned least, unsigned most) {
    unsigned value = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, value);
    if (problem != std::errc{} || stop != end || value < least || value > most) {
        throw error{"not a number from " + std::to_string(least) + " to " + std::to_string(most)};
    }
    return value;
}

inline std::wstring_view package_name(std::string_view text) {
    for (const auto name : {sspan::package::kerberos, sspan::package::negotiate, sspan::package::ntlm}) {
        const auto same = [](wchar_t unit, char letter) { return (unit | 0x20) == letter; }; // without case
        if (std::ranges::equal(name, text, same)) {
            return name;
        }
    }
    throw error{"not kerberos, negotiate or ntlm"};
}

inline messages::kind kind_name(std::string_view text) {
    if (text != "sign" && text != "seal") {
        throw error{"not sign or seal"};
    }
    return text == "sign" ? messages::kind::sign : messages::kind::seal;
}

struct option {
    std::string_view name;
    action of; // help: belongs to both actions
    enum { alone, with_value } form;
    void (*set)(options&, std::string_view value);
};

inline constexpr auto any_number = std::numeric_limits<unsigned>::max();
inline constexpr unsigned most_data = 16'000'000;

inline std::chrono::seconds seconds(std::string_view text) {
    return std::chrono::seconds{number(text, 1, 86'400)};
}

inline constexpr option table[] = {
    {"--bind", action::serve, option::with_value, [](options& o, std::string_view v) { o.bind = v; }},
    {"--connections", action::serve, option::with_value,
     [](options& o, std::string_view v) { o.connections = number(v, 1, any_number); }},
    {"--max-connections", action::serve, option::with_value,
     [](options& o, std::string_view v) { o.max_connections = number(v, 1, 10'000); }},
    {"--max-size", action::serve, option::with_value,
     [](options& o, std::string_view v) { o.max_size = number(v, 0, most_data); }},
    {"--handshake-timeout", action::serve, option::with_value,
     [](options& o, std::string_view v) { o.handshake_timeout = seconds(v); }},
    {"--host", action::send, option::with_value, [](options& o, std::string_view v) { o.host = v; }},
    {"--target", action::send, option::with_value,
     [](options& o, std::string_view v) { o.target = console::to_wide(v); }},
    {"--kind", action::send, option::with_value, [](options& o, std::string_view v) { o.kind = kind_name(v); }},
    {"--count", action::send, option::with_value,
     [](options& o, std::string_view v) { o.count = number(v, 0, any_number); }},
    {"--size", action::send, option::with_value,
     [](options& o, std::string_view v) { o.size = number(v, 0, most_data); }},
    {"--at-once", action::send, option::with_value,
     [](options& o, std::string_view v) { o.at_once = number(v, 1, 1000); }},
    {"--tamper", action::send, option::alone, [](options& o, std::string_view) { o.tamper = true; }},
    {"--replay", action::send, option::alone, [](options& o, std::string_view) { o.replay = true; }},
    {"--accept-ntlm", action::send, option::alone, [](options& o, std::string_view) { o.accept_ntlm = true; }},
    {"--user", action::send, option::with_value, [](options& o, std::string_view v) { o.user = console::to_wide(v); }},
    {"--domain", action::send, option::with_value,
     [](options& o, std::string_view v) { o.domain = console::to_wide(v); }},
    {"--port", action::help, option::with_value, [](options& o, std::string_view v) { o.port = number(v, 0, 65535); }},
    {"--package", action::help, option::with_value,
     [](options& o, std::string_view v) { o.package = package_name(v); }},
    {"--dce", action::help, option::alone, [](options& o, std::string_view) { o.dce = true; }},
    {"--timeout", action::help, option::with_value, [](options& o, std::string_view v) { o.timeout = seconds(v); }},
};

/// Throws `error` if the arguments do not follow `usage`.
inline options parse(std::span<const std::string> arguments) {
    options chosen;
    const auto given = [&](std::string_view name) {
        return std::find(arguments.begin(), arguments.end(), name) != arguments.end();
    };
    const auto demand = [](bool condition, const std::string& otherwise) {
        if (!condition) {
            throw error{otherwise};
        }
    };
    if (given("--help")) {
        return chosen;
    }
    demand(!arguments.empty(), "the command is missing: serve or send");
    chosen.what = arguments[0] == "serve" ? action::serve : action::send;
    demand(arguments[0] == "serve" || arguments[0] == "send", "unknown command: " + arguments[0]);

    for (auto rest = arguments.subspan(1); !rest.empty();) {
        const auto& name = rest[0];
        const auto* row = std::find_if(std::begin(table), std::end(table), [&](const option& candidate) {
            return candidate.name == name && (candidate.of == chosen.what || candidate.of == action::help);
        });
        demand(row != std::end(table), "no option of " + arguments[0] + ": " + name);
        const bool has_value = row->form == option::with_value;
        demand(!has_value || (rest.size() > 1 && !rest[1].empty() && !rest[1].starts_with("--")),
               name + " needs a value");
        try {
            row->set(chosen, has_value ? std::string_view{rest[1]} : std::string_view{});
        } catch (const std::exception& problem) {
            throw error{name + ": " + problem.what()};
        }
        rest = rest.subspan(has_value ? 2 : 1);
    }
    demand(given("--port"), "--port is missing");
    if (chosen.what == action::send) {
        demand(chosen.port != 0 && !chosen.host.empty() && !chosen.target.empty(),
               "--host, --port and --target are needed");
        demand(chosen.domain.empty() || !chosen.user.empty(), "--domain goes with --user");
        demand(!chosen.tamper || !chosen.replay, "--tamper or --replay: the server ends the connection after either");
        demand(!chosen.replay || chosen.count != 0, "--replay needs a message to replay");
    }
    return chosen;
}

} // namespace command_line
