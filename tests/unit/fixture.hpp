// SPDX-License-Identifier: MIT
//
// The common part of the unit tests: a clean loopback package before and after each test, and an established pair of
// contexts.
#pragma once

#include <sspan/credentials.hpp>
#include <sspan/handshake.hpp>

#include "loopback/control.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace testing_support {

using bytes = std::vector<std::byte>;

inline bytes to_bytes(std::string_view text) {
    const auto view = std::as_bytes(std::span{text});
    return {view.begin(), view.end()};
}

inline bytes copy_of(std::span<const std::byte> part) {
    return {part.begin(), part.end()};
}

/// Fails a test that leaks a handle, a block or an impersonation, or misuses the package.
class loopback_test : public ::testing::Test {
protected:
    void SetUp() override { loopback::reset(); }
    void TearDown() override {
        EXPECT_TRUE(loopback::live().none());
        for (const auto& violation : loopback::violation_list()) {
            ADD_FAILURE() << violation;
        }
        loopback::reset();
    }
};

/// Both sides, with their credentials, after a successful handshake.
struct established {
    sspan::credentials client_credentials;
    sspan::credentials server_credentials;
    sspan::client_context client;
    sspan::server_context server;
};

inline const std::wstring& service() {
    return loopback::configure().service_name;
}

/// Steps both sides until neither has a token to send. Either may throw.
inline void run(sspan::client_handshake& client, sspan::server_handshake& server) {
    auto from_client = client.step();
    bool server_done = false;
    for (bool client_done = from_client.done(); !client_done || !server_done;) {
        if (!server_done) {
            const auto from_server = server.step(from_client.token);
            server_done = from_server.done();
            if (client_done) {
                continue;
            }
            from_client = client.step(copy_of(from_server.token));
            client_done = from_client.done();
        } else {
            throw std::logic_error{"the server is done, the client is not"};
        }
    }
}

inline established establish(std::wstring_view package = sspan::package::kerberos,
                             const sspan::client_options& client_options = {},
                             const sspan::server_options& server_options = {}) {
    auto outbound = sspan::credentials::outbound(package);
    auto inbound = sspan::credentials::inbound(package);
    sspan::client_handshake client{outbound, service(), client_options};
    sspan::server_handshake server{inbound, server_options};
    run(client, server);
    auto client_context = std::move(client).finish();
    auto server_context = std::move(server).finish();
    return {std::move(outbound), std::move(inbound), std::move(client_context), std::move(server_context)};
}

/// The options for NTLM, which never proves the server's identity.
inline sspan::client_options without_mutual_auth() {
    sspan::client_options options;
    options.require &= ~sspan::context_flags::mutual_auth;
    return options;
}

} // namespace testing_support
