// SPDX-License-Identifier: MIT
//
// What docs/from-gssapi.md shows: sspan for programs that were written for GSS-API.
#include <sspan/sspan.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace excerpts {

void send(std::span<const std::byte> message);
std::vector<std::byte> receive();
void ask_the_backend(const sspan::credentials& client);
void refuse(const std::string& reason);

sspan::client_context initiate() {
    const auto credentials = sspan::credentials::outbound(sspan::package::negotiate);
    sspan::client_options options;
    options.require = sspan::message_protection | sspan::context_flags::mutual_auth;
    auto context =
        sspan::establish(sspan::client_handshake{credentials, L"ldap/dc1.corp.example", options}, send, receive);
    return context;
}

void accept_and_tell_why_not(const sspan::credentials& credentials) {
    sspan::server_handshake handshake{credentials};
    try {
        const auto step = handshake.step(receive());
        if (!step.token.empty()) {
            send(step.token);
        }
    } catch (const sspan::handshake_error& failure) {
        if (!failure.token().empty()) {
            send(failure.token());
        }
        refuse(failure.what());
    }
}

void wrap(sspan::security_context& context, std::string_view message) {
    const auto sealed = context.wrap_copy(message);
    const auto readable = context.wrap_copy(message, {.quality = sspan::quality_of_protection::integrity_only});
    send(sealed);
    send(readable);
}

void unwrap(sspan::security_context& context, std::vector<std::byte>& wire) {
    const auto opened = context.unwrap(wire, {.minimum = sspan::minimum_protection::integrity_only});
    const bool conf_state = opened.quality == sspan::quality_of_protection::encrypted;
    static_cast<void>(conf_state);
}

void wrap_with_a_length(sspan::security_context& context, std::size_t peers_limit, std::size_t filled) {
    const auto most = sspan::max_payload(context.sizes(), peers_limit);
    sspan::message_frame frame{context.sizes(), most, {.front = 4}};
    // fill frame.payload() with up to `most` bytes
    const auto message = context.wrap(frame, filled);
    const std::array<unsigned char, 4> length{
        static_cast<unsigned char>(message.size() >> 24), static_cast<unsigned char>(message.size() >> 16),
        static_cast<unsigned char>(message.size() >> 8), static_cast<unsigned char>(message.size())};
    send(frame.prepend(length));
}

void mic(sspan::security_context& context, const std::string& message, std::span<const std::byte> peers_mic) {
    std::vector<std::byte> room(context.sizes().max_signature);
    const auto mic = context.sign(message, room);
    send(mic);
    context.verify(message, peers_mic);
}

void iov(sspan::security_context& context, std::span<const std::byte> header, std::span<std::byte> body) {
    std::vector<std::byte> token(context.sizes().security_trailer);
    const std::array parts{sspan::message_part::readonly_with_checksum(header), sspan::message_part::data(body)};
    const auto sealed = context.encrypt({.token = token, .data = parts});
    send(header);
    send(body);
    send(sealed.token);
}

std::wstring peer(const sspan::server_context& context) {
    const std::wstring client = sspan::query_user_name(context);
    const bool can_seal = sspan::contains(context.granted(), sspan::context_flags::confidentiality);
    const bool is_kerberos = context.package() == sspan::security_package::kerberos;
    return can_seal && is_kerberos ? client : std::wstring{};
}

void bindings(sspan::server_options& options, std::span<const std::byte> hash_of_the_certificate) {
    options.bindings = sspan::channel_bindings::tls_server_end_point(hash_of_the_certificate);
}

void delegated(const sspan::server_context& context) {
    sspan::run_as_client(context, [] {
        const auto client = sspan::credentials::outbound(sspan::package::kerberos);
        ask_the_backend(client);
    });
}

} // namespace excerpts
