// SPDX-License-Identifier: MIT
//
// What docs/changelog.md shows.
#include <sspan/sspan.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace excerpts {

void send(std::span<const std::byte> message);
std::vector<std::byte> receive();

sspan::client_context connect() {
    const auto credentials = sspan::credentials::outbound(sspan::package::negotiate, {.packages = L"!ntlm"});
    sspan::client_options options;
    options.ntlm = sspan::ntlm_use::refused;
    sspan::client_context context =
        sspan::establish(sspan::client_handshake{credentials, L"HTTP/web.corp.example", options}, send, receive);
    return context;
}

void messages(sspan::client_context& context, const std::string& text, std::vector<unsigned char>& data) {
    std::vector<std::byte> room(context.sizes().max_signature);
    std::vector<std::byte> token(context.sizes().security_trailer);
    std::error_code ec;
    const auto signature = context.sign(text, room, {}, ec);
    const auto sealed = context.encrypt({.token = token, .data = data});
    send(signature);
    send(sealed.token);
}

void attributes(const sspan::server_context& context) {
    const auto sizes = sspan::query_attribute<SecPkgContext_Sizes>(context);
    const sspan::access_token client = sspan::query_security_context_token(context);
    const sspan::impersonation_guard as_client{client};
    static_cast<void>(sizes.cbMaxToken);
}

} // namespace excerpts
