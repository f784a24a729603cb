// SPDX-License-Identifier: MIT
//
// A client and a server in one program: they authenticate each other, the client signs a message, and somebody changes
// it.
// Run: quick_start. It needs a ticket of the user and the key of the service. It prints:
//
//   VerifySignature: SEC_E_MESSAGE_ALTERED (0x8009030F): the message or its signature was changed after it was protected
#include <sspan/sspan.hpp>

#include <iostream>
#include <string>
#include <vector>

int main() try {
    const auto client_credentials = sspan::credentials::outbound(sspan::package::kerberos);
    const auto server_credentials = sspan::credentials::inbound(sspan::package::kerberos);
    sspan::client_handshake client{client_credentials, L"echo/server.sspan.test"};
    sspan::server_handshake server{server_credentials};
    for (auto token = client.step().token; !token.empty();) { // usually over a network
        token = server.step(token).token;
        token = token.empty() ? token : client.step(token).token;
    }
    auto sender = std::move(client).finish();
    auto receiver = std::move(server).finish();

    std::string message = "Pay 100 to Carol.";
    std::vector<std::byte> signature_buffer(sender.sizes().max_signature);
    const auto signature = sender.sign(message, signature_buffer);
    message[4] = '9';
    receiver.verify(message, signature); // throws: somebody has changed the message
} catch (const sspan::error& error) {
    std::cout << error.what() << '\n';
    return error.code() == sspan::errc::message_altered ? 0 : 1;
}
