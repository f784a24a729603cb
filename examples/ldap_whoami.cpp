// SPDX-License-Identifier: MIT
//
// Asks an LDAP server who the user is. It logs on with SASL and asks inside the security layer.
// Run: ldap_whoami --host H --target SPN. With OpenLDAP's server it prints:
//
//   > ldap_whoami --host localhost --target ldap/server.sspan.test
//   dn:uid=alice,cn=gssapi,cn=auth (confidentiality)
#include "console.hpp"
#include "ldap.hpp"

#include <sspan/protocol/sasl.hpp>

#include <cstddef>
#include <exception>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace sasl = sspan::sasl;

constexpr std::string_view usage =
    R"(ldap_whoami --host H --target SPN [options]   prints the name that the server has for the user
    --port N              (389)
    --mechanism gssapi|gss-spnego   (gssapi)
    --integrity           accept a layer that does not encrypt
    --identity NAME       act as NAME, such as u:bob (gssapi only)
Exit status: 0 done, 1 usage, 2 the server did not answer, or refused the user.)";

using stream = ldap::stream<sasl::client_channel>;

/// The fields of an answer that come after the result, or the reason for its failure.
struct answer {
    ldap::message message;
    unsigned char code = 0;
    std::string reason;
    std::optional<std::span<const std::byte>> data; ///< the server's credentials, or the value of its response
};

/// The server's text without control characters.
std::string printable(std::span<const std::byte> utf8) {
    return console::to_utf8(console::to_wide(ldap::to_text(utf8)));
}

answer ask(stream& server, unsigned char id, const ldap::bytes& operation) {
    server.send(element(ldap::sequence, {ldap::number(ldap::integer, id), operation}));
    auto message = server.receive_message();
    if (!message) {
        throw std::runtime_error{"the server closed the connection"};
    }
    answer result;
    result.message = std::move(*message);
    auto fields = result.message.fields();
    const auto code = fields.next().content;
    if (result.message.id != id || code.size() != 1) {
        throw std::runtime_error{"unexpected answer"};
    }
    result.code = std::to_integer<unsigned char>(code[0]);
    static_cast<void>(fields.next()); // the name of an entry
    result.reason = printable(fields.next().content);
    while (!fields.at_end()) {
        const auto field = fields.next();
        if (field.type == ldap::server_credentials || field.type == ldap::response_value) {
            result.data = field.content;
        }
    }
    return result;
}

void log_on(stream& server, std::wstring_view target, const sasl::client_options& options) {
    const auto credentials = sspan::credentials::outbound(sasl::package_of(options.mechanism));
    sasl::client client{credentials, target, options};
    sasl::client_step taken = client.step();
    for (unsigned char id = 1;; ++id) {
        const auto response = taken.response.value_or(std::span<const std::byte>{});
        const auto challenge = ask(
            server, id,
            element(ldap::bind_request,
                    {ldap::number(ldap::integer, 3), ldap::element(ldap::octet_string, std::string_view{}),
                     element(ldap::sasl_credentials, {ldap::element(ldap::octet_string, to_string(options.mechanism)),
                                                      ldap::element(ldap::octet_string, response)})}));
        if (challenge.code != ldap::success && challenge.code != ldap::sasl_bind_in_progress) {
            throw std::runtime_error{"the server refuses the user: " + challenge.reason};
        }
        const auto data = challenge.data.value_or(std::span<const std::byte>{});
        if (!taken.done || !data.empty() || challenge.code != ldap::success) { // Samba's success has an empty challenge
            taken = client.step(data);
        }
        if (challenge.code == ldap::success) {
            server.protect(std::move(client).finish()); // throws unless the client accepts the result, too
            return;
        }
    }
}

int run(console::arguments words) {
    const auto host = words.value("--host");
    const auto target = console::to_wide(words.value("--target"));
    const auto port = words.number("--port", 65535, "389");
    sasl::client_options options;
    const bool gssapi = words.choice("--mechanism", {"gssapi", "gss-spnego"}) == 0;
    options.mechanism = gssapi ? sasl::mechanism::gssapi : sasl::mechanism::gss_spnego;
    if (words.flag("--integrity")) {
        options.layers |= sasl::layer::integrity;
    }
    options.authorization_identity = words.value("--identity", {});
    words.finish();

    stream server{net::connect(host, port, ldap::patience)};
    log_on(server, target, options);
    const auto name =
        ask(server, 100, element(ldap::extended_request, {ldap::element(ldap::request_name, ldap::who_am_i)}));
    if (name.code != ldap::success) {
        throw std::runtime_error{"the server does not answer: " + name.reason};
    }
    std::cout << printable(name.data.value_or(std::span<const std::byte>{})) << " ("
              << to_string(server.channel().protection()) << ")\n";
    server.send(element(ldap::sequence,
                        {ldap::number(ldap::integer, 101), ldap::element(ldap::unbind_request, std::string_view{})}));
    return 0;
}

} // namespace

int main(int argc, char** argv) try {
    const net::library sockets;
    return run(console::arguments{argc, argv});
} catch (const std::exception& error) {
    return console::report(error, usage);
}
