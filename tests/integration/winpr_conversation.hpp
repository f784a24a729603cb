// SPDX-License-Identifier: MIT
//
// Both sides of a context in one process, with WinPR's own packages. winpr3.sh sets up the users and the realm.
#pragma once

#include <sspan/sspan.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace conversation {

using bytes = std::vector<std::byte>;

/// An ASCII string from the environment; empty if there is none.
inline std::wstring setting(const char* name) {
    const char* value = std::getenv(name);
    const std::string narrow = value != nullptr ? value : "";
    return {narrow.begin(), narrow.end()};
}

inline bytes numbered(std::size_t size) {
    bytes result(size);
    for (std::size_t i = 0; i != size; ++i) {
        result[i] = static_cast<std::byte>(i * 31 + 7);
    }
    return result;
}

inline bytes copy_of(std::span<const std::byte> part) {
    return {part.begin(), part.end()};
}

inline bool all_zero(std::span<const std::byte> part) {
    return std::ranges::all_of(part, [](std::byte byte) { return byte == std::byte{0}; });
}

struct pair_of_contexts {
    sspan::security_context client;
    sspan::server_context server;
};

/// The server's last step. WinPR's NTLM leaks what it reads of the client's last token; winpr3.supp has this name.
inline sspan::handshake_step last_step(sspan::server_handshake& server, std::span<const std::byte> token,
                                       std::error_code& ec) {
    return server.step(token, ec);
}

/// Lets the two hand each other tokens until both are complete; returns how many there were.
inline int exchange_tokens(sspan::client_handshake& client, sspan::server_handshake& server) {
    int count = 0;
    for (auto token = client.step().token; !token.empty();) {
        std::error_code ec;
        token = ++count == 1 ? server.step(token).token : last_step(server, token, ec).token;
        if (ec) {
            throw sspan::error{ec, "AcceptSecurityContext"};
        }
        if (!token.empty()) {
            ++count;
            token = client.step(token).token;
        }
    }
    return count;
}

inline pair_of_contexts finish(sspan::client_handshake& client, sspan::server_handshake& server) {
    auto context = std::move(client).finish();
    return {std::move(context), std::move(server).finish()};
}

inline bytes sign(sspan::security_context& sender, std::span<const std::byte> message) {
    bytes signature(sender.sizes().max_signature);
    return copy_of(sender.sign(message, signature));
}

/// An encrypted message in memory of its own.
struct sealed {
    bytes token;
    bytes data;
};

/// With more room for the token and the padding than the package asks for, as `message_frame` has it.
inline sealed encrypt(sspan::security_context& sender, std::span<const std::byte> message,
                      const sspan::protect_options& options = {}) {
    sealed result{{}, copy_of(message)};
    bytes token(sender.sizes().security_trailer + 64);
    bytes padding(sender.sizes().block_size + 1);
    const auto made = sender.encrypt(result.data, token, padding, options);
    result.token = copy_of(made.token);
    result.data.insert(result.data.end(), made.padding.begin(), made.padding.end());
    return result;
}

} // namespace conversation
