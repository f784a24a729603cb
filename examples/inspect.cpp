// SPDX-License-Identifier: MIT
//
// The security packages of this machine: the abilities of each, and the flags and attributes of a context on both
// sides. The client and the server are both in this program.
// Run: inspect [--target SPN] [--json]. It prints, among more:
//
//   > inspect --target echo/server.sspan.test
//   Kerberos with echo/server.sspan.test: established; bytes of the tokens: 723, 156
//     ATTRIBUTE         SIDE    VALUE
//     granted           both    mutual_auth, replay_detect, sequence_detect, confidentiality, integrity
//     sizes             both    max_token 12000, max_signature 40, block_size 0, security_trailer 72
//     negotiation_info  both    package Kerberos, state complete
#include "console.hpp"

#include <nlohmann/json.hpp>
#include <sspan/sspan.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

constexpr std::string_view usage = R"(inspect [options]   shows the security packages and what they do
    --target SPN          the server's name (the logged-on user, if the package reports it; else host/localhost)
    --json                one JSON object instead of tables; null: the package does not report it
Exit status: 0 the packages are listed, even if handshakes failed, 1 usage, 2 they cannot be listed.)";

// ---- values as JSON -------------------------------------------------------------------------------------------------

using json = nlohmann::ordered_json; // keeps the keys in this order

json to_json(std::wstring_view text) {
    return console::to_utf8(text);
}

/// UTC in the form of RFC 3339, or "never"; null if the package does not report it.
json to_json(const std::optional<std::chrono::system_clock::time_point>& told) {
    if (!told) {
        return nullptr;
    }
    if (*told == sspan::never) {
        return "never";
    }
    const auto second = std::chrono::floor<std::chrono::seconds>(*told);
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{second - day};
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return text.data();
}

/// The flags as a list of names. A bit without a name is shown as its value.
template <sspan::flags_enum Enum>
json to_json(Enum flags) {
    auto names = json::array();
    for (std::uint32_t bit = 1; bit != 0; bit <<= 1) {
        if (const auto flag = static_cast<Enum>(bit); contains(flags, flag)) {
            auto name = sspan::to_string(flag);
            if (name == "none") {
                std::array<char, 16> value{};
                std::snprintf(value.data(), value.size(), "0x%08X", static_cast<unsigned>(bit));
                name = value.data();
            }
            names.push_back(std::move(name));
        }
    }
    return names;
}

json to_json(const sspan::package_info& info) {
    constexpr std::uint16_t no_rpc_id = 0xFFFF;
    json package;
    package["name"] = to_json(info.name);
    package["comment"] = to_json(info.comment);
    package["version"] = info.version;
    package["rpc_id"] = info.rpc_id == no_rpc_id ? json{} : json(info.rpc_id);
    package["max_token"] = info.max_token;
    package["capabilities"] = to_json(info.capabilities);
    return package;
}

/// Returns the name and the value of an error, such as "SEC_E_MESSAGE_ALTERED (0x8009030F)", without the explanation.
std::string symbol(const std::error_code& code) {
    const auto text = code.message();
    return text.substr(0, text.find(':'));
}

// ---- the attributes of a context ------------------------------------------------------------------------------------
// ------------------------------------------------------------------------------------

struct attribute {
    const char* name;
    json (*query)(const sspan::security_context&);
};

using context = sspan::security_context;

constexpr std::array attributes{
    attribute{"granted", [](const context& of) { return to_json(of.granted()); }},
    attribute{"sizes",
              [](const context& of) {
                  json sizes;
                  sizes["max_token"] = of.sizes().max_token;
                  sizes["max_signature"] = of.sizes().max_signature;
                  sizes["block_size"] = of.sizes().block_size;
                  sizes["security_trailer"] = of.sizes().security_trailer;
                  return sizes;
              }},
    attribute{"expiry", [](const context& of) { return to_json(of.expiry()); }},
    attribute{"negotiation_info",
              [](const context& of) {
                  constexpr std::array states{"complete", "optimistic", "in_progress", "direct", "try_multicred"};
                  const auto info = sspan::query_negotiation_info(of);
                  const auto state = static_cast<std::size_t>(info.state);
                  json told;
                  told["package"] = to_json(info.package.name);
                  told["state"] = state < states.size() ? json(states[state]) : json(state);
                  return told;
              }},
    attribute{"package_info", [](const context& of) { return to_json(sspan::query_package_info(of).name); }},
    attribute{"flags", [](const context& of) { return to_json(sspan::query_flags(of)); }},
    attribute{"user_name", [](const context& of) { return to_json(sspan::query_user_name(of)); }},
    attribute{"authority", [](const context& of) { return to_json(sspan::query_authority(of)); }},
    attribute{"native_names",
              [](const context& of) {
                  const auto names = sspan::query_native_names(of);
                  json told;
                  told["client"] = to_json(names.client);
                  told["server"] = to_json(names.server);
                  return told;
              }},
    attribute{"client_specified_target",
              [](const context& of) { return to_json(sspan::query_client_specified_target(of)); }},
    attribute{"lifespan",
              [](const context& of) {
                  const auto lifespan = sspan::query_lifespan(of);
                  json told;
                  told["start"] = to_json(lifespan.start);
                  told["expiry"] = to_json(lifespan.expiry);
                  return told;
              }},
    attribute{"password_expiry",
              [](const context& of) {
                  json told;
                  told["expiry"] = to_json(sspan::query_password_expiry(of));
                  return told;
              }},
    attribute{"key_info",
              [](const context& of) {
                  const auto info = sspan::query_key_info(of);
                  json told;
                  told["signature_algorithm"] = to_json(info.signature_algorithm);
                  told["signature_algorithm_id"] = info.signature_algorithm_id;
                  told["encrypt_algorithm"] = to_json(info.encrypt_algorithm);
                  told["encrypt_algorithm_id"] = info.encrypt_algorithm_id;
                  told["bits"] = info.key_size;
                  return told;
              }},
    // Shows only the size: the key is secret.
    attribute{"session_key_bytes", [](const context& of) -> json { return sspan::query_session_key(of).size(); }},
};

/// All attributes. One that the package does not offer is null.
json describe(const context& of) {
    json told;
    for (const auto& each : attributes) {
        try {
            told[each.name] = each.query(of);
        } catch (const sspan::error& error) {
            told[each.name] = nullptr;
            if (error.code() != sspan::errc::unsupported_function) {
                told[each.name]["error"] = symbol(error.code());
            }
        }
    }
    return told;
}

// ---- the handshakes -------------------------------------------------------------------------------------------------

/// Requires nothing, so that the handshake shows everything that the package grants.
template <class Options>
Options all_that_there_is() {
    Options options;
    options.request |= options.require;
    options.require = sspan::context_flags::none;
    return options;
}

/// Returns the logged-on user's name: a server usually accepts clients only for its own account.
std::wstring own_name(const sspan::credentials& credentials) {
    std::error_code ec;
    auto name = sspan::query_user_name(credentials, ec);
    return ec ? L"host/localhost" : name;
}

json shake_hands(std::wstring_view package, const std::wstring& wanted_target) {
    json result;
    result["package"] = to_json(package);
    result["established"] = false;
    try {
        const auto client_credentials = sspan::credentials::outbound(package);
        const auto target = wanted_target.empty() ? own_name(client_credentials) : wanted_target;
        result["target"] = to_json(target);
        const auto server_credentials = sspan::credentials::inbound(package);
        sspan::client_handshake client{client_credentials, target, all_that_there_is<sspan::client_options>()};
        sspan::server_handshake server{server_credentials, all_that_there_is<sspan::server_options>()};
        auto& sizes = result["token_bytes"] = json::array();
        const auto noted = [&sizes](std::span<const std::byte> token) {
            if (!token.empty()) {
                sizes.push_back(token.size());
            }
            return token;
        };
        for (auto token = noted(client.step().token); !token.empty();) {
            token = noted(server.step(token).token);
            token = token.empty() ? token : noted(client.step(token).token);
        }
        const auto client_context = std::move(client).finish();
        const auto server_context = std::move(server).finish();
        result["established"] = true;
        result["client"] = describe(client_context);
        result["server"] = describe(server_context);
    } catch (const sspan::error& error) {
        result["failed"]["function"] = error.function();
        result["failed"]["error"] = symbol(error.code());
        result["failed"]["message"] = error.what();
    }
    return result;
}

// ---- for humans -----------------------------------------------------------------------------------------------------

std::string show(const json& value) {
    if (value.is_null()) {
        return "not told";
    }
    if (!value.is_structured()) {
        return value.is_string() ? value.get<std::string>() : value.dump();
    }
    std::string list;
    for (const auto& [key, element] : value.items()) {
        list += (list.empty() ? "" : ", ") + (value.is_object() ? key + " " : "") + show(element);
    }
    return list.empty() ? "none" : list;
}

using row = std::vector<std::string>;

/// Each column is as wide as its widest cell, except the last one.
void print_table(const std::vector<row>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& cells : rows) {
        std::ranges::transform(cells, widths, widths.begin(),
                               [](const auto& cell, std::size_t width) { return std::max(cell.size(), width); });
    }
    for (auto cells : rows) {
        for (std::size_t column = 0; column + 1 < cells.size(); ++column) {
            cells[column].resize(widths[column] + 2, ' ');
            std::cout << cells[column];
        }
        std::cout << cells.back() << '\n';
    }
}

void print(const json& report) {
    std::vector<row> packages{{"PACKAGE", "VERSION", "RPC ID", "MAX TOKEN", "CAPABILITIES"}};
    for (const auto& package : report["packages"]) {
        packages.push_back({show(package["name"]), show(package["version"]),
                            package["rpc_id"].is_null() ? "none" : show(package["rpc_id"]), show(package["max_token"]),
                            show(package["capabilities"])});
    }
    print_table(packages);
    for (const auto& handshake : report["handshakes"]) {
        std::cout << '\n' << show(handshake["package"]);
        if (handshake.contains("target")) {
            std::cout << " with " << show(handshake["target"]);
        }
        if (handshake.contains("failed")) {
            std::cout << ": failed: " << show(handshake["failed"]["function"]) << ": "
                      << show(handshake["failed"]["error"]) << '\n';
            continue;
        }
        std::cout << ": established; bytes of the tokens: " << show(handshake["token_bytes"]) << '\n';
        std::vector<row> told{{"  ATTRIBUTE", "SIDE", "VALUE"}};
        auto not_told = json::array();
        for (const auto& [name, client] : handshake["client"].items()) {
            const auto& server = handshake["server"][name];
            if (client.is_null() && server.is_null()) {
                not_told.push_back(name);
                continue;
            }
            told.push_back({"  " + name, client == server ? "both" : "client", show(client)});
            if (client != server) {
                told.push_back({"", "server", show(server)});
            }
        }
        told.push_back({"  not told", "both", show(not_told)});
        print_table(told);
    }
}

int run(console::arguments read) {
    const bool as_json = read.flag("--json");
    const auto target = console::to_wide(read.value("--target", {}));
    read.finish();

    json report;
    auto& packages = report["packages"] = json::array();
    for (const auto& package : sspan::enumerate_packages()) {
        packages.push_back(to_json(package));
    }
    auto handshakes = json::array();
    for (const auto package : {sspan::package::kerberos, sspan::package::negotiate, sspan::package::ntlm}) {
        handshakes.push_back(shake_hands(package, target));
    }
    report["handshakes"] = std::move(handshakes);
    if (as_json) {
        std::cout << report.dump(2) << '\n';
    } else {
        print(report);
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) try {
    return run(console::arguments{argc, argv});
} catch (const std::exception& error) {
    return console::report(error, usage);
}
