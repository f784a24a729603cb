// SPDX-License-Identifier: MIT
//
// Which security packages this machine has, what each can do, and what comes of a handshake with ourselves.
#include "arguments.hpp"
#include "text.hpp"

#include <sspan/sspan.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

constexpr std::string_view usage = R"(inspect [--target SPN] [--json]
    --target SPN   the service that we are, for the handshake (host/localhost)
    --json         for programs
Exit status: 0 done, 1 usage, 2 the packages cannot be listed.)";

using json = nlohmann::ordered_json;
using capability = sspan::package_capabilities;

constexpr std::array<std::pair<capability, std::string_view>, 22> capability_names{{
    {capability::integrity, "integrity"},
    {capability::privacy, "privacy"},
    {capability::token_only, "token_only"},
    {capability::datagram, "datagram"},
    {capability::connection, "connection"},
    {capability::multi_required, "multi_required"},
    {capability::client_only, "client_only"},
    {capability::extended_error, "extended_error"},
    {capability::impersonation, "impersonation"},
    {capability::accept_win32_name, "accept_win32_name"},
    {capability::stream, "stream"},
    {capability::negotiable, "negotiable"},
    {capability::gss_compatible, "gss_compatible"},
    {capability::logon, "logon"},
    {capability::ascii_buffers, "ascii_buffers"},
    {capability::fragment, "fragment"},
    {capability::mutual_auth, "mutual_auth"},
    {capability::delegation, "delegation"},
    {capability::readonly_with_checksum, "readonly_with_checksum"},
    {capability::restricted_tokens, "restricted_tokens"},
    {capability::nego_extender, "nego_extender"},
    {capability::negotiable2, "negotiable2"},
}};

json names_of(capability capabilities) {
    json names = json::array();
    for (const auto& [flag, name] : capability_names) {
        if (sspan::contains(capabilities, flag)) {
            names.push_back(name);
        }
    }
    return names;
}

json value_of(const std::wstring& text) {
    return text::to_utf8(text);
}
json value_of(sspan::context_flags flags) {
    json names = json::array();
    const auto text = sspan::to_string(flags);
    constexpr std::string_view between = ", ";
    for (std::size_t begin = 0; flags != sspan::context_flags::none && begin < text.size();) {
        const auto end = std::min(text.find(between, begin), text.size());
        names.push_back(text.substr(begin, end - begin));
        begin = end + between.size();
    }
    return names;
}
json value_of(const std::optional<std::chrono::system_clock::time_point>& time) {
    if (!time) {
        return "never, or not told";
    }
    const auto seconds = std::chrono::system_clock::to_time_t(*time);
    std::array<char, 32> text{};
    std::tm utc{};
#if defined(_WIN32)
    const bool converted = ::gmtime_s(&utc, &seconds) == 0;
#else
    const bool converted = ::gmtime_r(&seconds, &utc) != nullptr;
#endif
    return converted && std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc) != 0 ? text.data() : "";
}
json value_of(const sspan::lifespan& span) {
    return {{"start", value_of(span.start)}, {"expiry", value_of(span.expiry)}};
}
json value_of(const sspan::native_names& names) {
    return {{"client", value_of(names.client)}, {"server", value_of(names.server)}};
}
json value_of(const sspan::key_info& key) {
    return {{"signature_algorithm", value_of(key.signature_algorithm)},
            {"encrypt_algorithm", value_of(key.encrypt_algorithm)},
            {"bits", key.key_size}};
}
json value_of(const sspan::negotiation_info& info) {
    return {{"package", value_of(info.package.name)}, {"state", static_cast<unsigned>(info.state)}};
}
json value_of(const sspan::secret_bytes& key) {
    return std::to_string(key.size()) + " bytes, not shown";
}
json value_of(const sspan::package_info& info) {
    return {{"name", value_of(info.name)}, {"comment", value_of(info.comment)},
            {"version", info.version},     {"rpc_id", info.rpc_id},
            {"max_token", info.max_token}, {"capabilities", names_of(info.capabilities)}};
}

/// SEC_E_MESSAGE_ALTERED (0x8009030F), without the sentence that explains it.
std::string symbol(const std::error_code& code) {
    const auto text = code.message();
    return text.substr(0, text.find(':'));
}

/// All that the package tells of a context; what it does not offer is listed as such.
json attributes_of(const sspan::security_context& context) {
    json told = json::object();
    json unsupported = json::array();
    const auto add = [&](const char* name, auto query) {
        std::error_code ec;
        auto value = query(context, ec);
        if (ec == sspan::errc::unsupported_function) {
            unsupported.push_back(name);
        } else {
            told[name] = ec ? json(symbol(ec)) : value_of(value);
        }
    };
#define ADD(name) add(#name, [](const auto& of, std::error_code& ec) { return sspan::query_##name(of, ec); })
    ADD(user_name);
    ADD(lifespan);
    ADD(password_expiry);
    ADD(key_info);
    ADD(authority);
    ADD(session_key);
    ADD(negotiation_info);
    ADD(native_names);
    ADD(flags);
    ADD(client_specified_target);
#undef ADD
    told["not_offered"] = std::move(unsupported);
    return told;
}

/// What comes of a handshake between both sides of this process. It asks for all, and insists on nothing.
json handshake(std::wstring_view package, const std::wstring& target) {
    json result{{"target", value_of(target)}};
    try {
        const auto outbound = sspan::credentials::outbound(package);
        const auto inbound = sspan::credentials::inbound(package);
        constexpr auto wanted = sspan::message_protection | sspan::context_flags::extended_error;
        const sspan::client_options client_options{.require = sspan::context_flags::none,
                                                   .request = wanted | sspan::context_flags::mutual_auth};
        const sspan::server_options server_options{.require = sspan::context_flags::none, .request = wanted};
        sspan::client_handshake client{outbound, target, client_options};
        sspan::server_handshake server{inbound, server_options};
        for (auto token = client.step().token; !token.empty();) {
            token = server.step(token).token;
            token = token.empty() ? token : client.step(token).token;
        }
        const auto context = std::move(client).finish();
        const auto accepted = std::move(server).finish();
        const auto& sizes = context.sizes();
        result["granted"] = value_of(context.granted());
        result["sizes"] = {{"signature", sizes.max_signature},
                           {"token", sizes.security_trailer},
                           {"block", sizes.block_size},
                           {"handshake_token", sizes.max_token}};
        result["expiry"] = value_of(context.expiry());
        result["client"] = attributes_of(context);
        result["server"] = attributes_of(accepted);
    } catch (const sspan::error& failure) {
        result["failed"] = failure.function();
        result["error"] = symbol(failure.code());
    }
    return result;
}

/// `value`'s leaves, one a line, under the names that lead there.
void print_rows(const json& value, const std::string& name) {
    if (value.is_object()) {
        for (const auto& [key, inner] : value.items()) {
            print_rows(inner, name.empty() ? key : std::string{name}.append(1, '.').append(key));
        }
        return;
    }
    constexpr std::size_t column = 44;
    std::cout << "  " << name << std::string(column - std::min(name.size(), column - 1), ' ');
    if (value.is_array()) {
        std::string names;
        for (const auto& each : value) {
            names += names.empty() ? "" : ", ";
            names += each.get<std::string>();
        }
        std::cout << names << '\n';
    } else {
        std::cout << (value.is_string() ? value.get<std::string>() : value.dump()) << '\n';
    }
}

void print_table(const json& packages) {
    for (const auto& package : packages) {
        std::cout << package["name"].get<std::string>() << '\n';
        print_rows(package, {});
        std::cout << '\n';
    }
}

int run(const std::vector<std::string>& words) {
    arguments::reader read{words};
    if (read.flag("--help")) {
        std::cout << usage << '\n';
        return 0;
    }
    const bool as_json = read.flag("--json");
    const auto target = text::to_wide(read.value("--target", "host/localhost"));
    read.finish();

    json packages = json::array();
    for (const auto& info : sspan::enumerate_packages()) {
        auto package = value_of(info);
        if (sspan::contains(info.capabilities, capability::integrity) &&
            !sspan::contains(info.capabilities, capability::stream)) { // those are TLS
            package["handshake"] = handshake(info.name, target);
        }
        packages.push_back(std::move(package));
    }
    if (as_json) {
        std::cout << json{{"packages", std::move(packages)}}.dump(2) << '\n';
    } else {
        print_table(packages);
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
#if defined(_WIN32)
    ::SetConsoleOutputCP(CP_UTF8);
#endif
    try {
        return run(text::arguments(argc, argv));
    } catch (const arguments::error& error) {
        std::cerr << error.what() << "\n\n" << usage << '\n';
        return 1;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 2;
    }
}
