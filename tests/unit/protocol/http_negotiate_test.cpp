// SPDX-License-Identifier: MIT
#include <sspan/protocol/http_negotiate.hpp>

#include "unit/profiles.hpp"
#include "unit/protocol/http.hpp"

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <utility>

namespace {

using namespace testing_support;
using sspan::http_negotiate::client_state;
using sspan::http_negotiate::server_state;

class http_negotiate : public profile_test {};
INSTANTIATE_TEST_SUITE_P(each, http_negotiate, each_profile(), name_of{});

TEST_P(http_negotiate, both_sides_of_a_connection) {
    sspan::http_negotiate::client_options options;
    if (!GetParam().mutual_auth) {
        options.handshake.require = sspan::context_flags::none;
    }
    for (unsigned legs = 2; legs != 9; ++legs) {
        GetParam().settings().legs = legs;
        sspan::http_negotiate::server server{sspan::credentials::inbound(GetParam().package)};
        sspan::http_negotiate::client client{sspan::credentials::outbound(GetParam().package), service(), options};
        auto from_server = server.take_request({});
        unsigned requests = 0;
        for (;; ++requests) {
            const auto status = from_server.state == server_state::authenticated ? 200U : 401U;
            const std::array challenges{from_server.challenge};
            const auto from_client =
                client.take_answer(status, std::span{challenges}.first(from_server.challenge.empty() ? 0 : 1));
            if (from_client.state == client_state::authenticated) {
                break;
            }
            from_server = server.take_request(std::array{from_client.credentials});
        }
        EXPECT_EQ(requests, (legs + 1) / 2);
        EXPECT_TRUE(std::move(client).finish());
        EXPECT_TRUE(std::move(server).finish());
    }
}

} // namespace
