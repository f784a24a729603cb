// SPDX-License-Identifier: MIT
//
// The code of docs/http.md, docs/sasl.md and docs/negotiate-stream.md.
#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/protocol/negotiate_stream.hpp>
#include <sspan/protocol/sasl.hpp>
#include <sspan/sspan.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace excerpts {

struct http_answer {
    unsigned status;
    std::vector<std::string_view> challenges; // the values of all WWW-Authenticate fields
    std::string body;
};
http_answer get(std::string_view authorization);
void answer(unsigned status, std::string_view www_authenticate, std::string_view body);

std::string fetch(const sspan::credentials& credentials) {
    namespace http = sspan::http_negotiate;
    http::client client{credentials, L"HTTP/web.corp.example"};
    auto answer = get(client.begin()); // sends the value as the field Authorization
    for (;;) {
        const auto step = client.take_answer(answer.status, answer.challenges);
        if (step.state == http::client_state::authenticated) {
            return answer.body; // the server has proven itself; only TLS protects the page
        }
        answer = get(step.credentials);
    }
}

void serve(sspan::http_negotiate::server& server, std::span<const std::string_view> authorization) {
    namespace http = sspan::http_negotiate;
    std::error_code ec;
    const auto step = server.take_request(authorization, ec);
    if (step.state == http::server_state::authenticated) {
        answer(200, step.challenge, "for this client only");
    } else {
        answer(401, step.challenge, "");
    }
}

void send(std::span<const std::byte> bytes);
void receive(std::span<std::byte> bytes); // fills all of it
void send_response(std::span<const std::byte> response);
struct server_answer {
    std::optional<std::vector<std::byte>> challenge;
    bool success = false; // the server reports the end; a challenge may come with it
};
server_answer receive_answer(); // throws if the server refuses

sspan::sasl::client_channel bind(const sspan::credentials& kerberos) {
    sspan::sasl::client client{kerberos, L"ldap/dc1.corp.example"};
    auto step = client.step();
    for (;;) {
        send_response(step.response.value_or(std::span<const std::byte>{})); // also an empty one
        const auto answer = receive_answer();
        const auto challenge = answer.challenge.value_or(std::vector<std::byte>{});
        if (!step.done || !answer.success || !challenge.empty()) {
            step = client.step(challenge);
        }
        if (answer.success) {
            return std::move(client).finish(); // throws unless the client is satisfied, too
        }
    }
}

std::vector<std::byte> ask(sspan::sasl::client_channel& channel, std::span<const std::byte> request) {
    send(channel.wrap(channel.assign(request)));
    std::array<std::byte, sspan::sasl::prefix_size> length{};
    receive(length);
    std::vector<std::byte> message(channel.length(length)); // checked against the limit first
    receive(message);
    const auto data = channel.unwrap(message);
    return {data.begin(), data.end()};
}

sspan::negotiate_stream::client_channel connect(const sspan::credentials& credentials) {
    namespace nns = sspan::negotiate_stream;
    nns::client client{credentials, L"HOST/files.corp.example"};
    std::vector<std::byte> record; // nothing comes before the client's first record
    for (;;) {
        const auto step = client.step(record);
        if (!step.record.empty()) {
            send(step.record);
        }
        if (step.done) {
            return std::move(client).finish();
        }
        record.resize(nns::handshake_header_size);
        receive(record);
        const auto header = std::span<const std::byte>{record}.first<nns::handshake_header_size>();
        record.resize(record.size() + nns::handshake_payload_size(header));
        receive(std::span{record}.subspan(nns::handshake_header_size));
    }
}

void tell_why_not(sspan::negotiate_stream::server& server, std::span<const std::byte> record) {
    try {
        send(server.step(record).record);
    } catch (const sspan::handshake_error& failure) {
        if (!failure.token().empty()) {
            send(failure.token()); // the error record
        }
        throw;
    }
}

} // namespace excerpts
