// SPDX-License-Identifier: MIT
//
// Many threads, each with its own contexts, over the same credentials. ThreadSanitizer checks them.
#include <sspan/attributes.hpp>
#include <sspan/credentials.hpp>
#include <sspan/handshake.hpp>

#include "unit/fixture.hpp"
#include "unit/profiles.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;

constexpr std::size_t threads = 8;
constexpr std::size_t handshakes = 50; // for each thread
constexpr int messages = 20;           // for each context

/// Runs a handshake and sends messages. @return true if all results are right.
bool converse(const profile& which, const sspan::credentials& outbound, const sspan::credentials& inbound) {
    sspan::client_handshake client_side{outbound, service(), which.client_options()};
    sspan::server_handshake server_side{inbound};
    run(client_side, server_side);
    auto client = std::move(client_side).finish();
    auto server = std::move(server_side).finish();
    const auto message = to_bytes("a message of this thread's");
    bytes signature(client.sizes().max_signature);
    std::size_t right = 0;
    for (int i = 0; i != messages; ++i) {
        std::error_code ec;
        right += server.verify(message, client.sign(message, signature), {}, ec);
        auto wire = server.wrap_copy(message);
        right += copy_of(client.unwrap(wire).data) == message;
    }
    return right == std::size_t{2} * messages && sspan::query_user_name(server) == L"LOOPBACK\\alice";
}

class contexts : public profile_test {};
INSTANTIATE_TEST_SUITE_P(each, contexts, each_profile(), name_of{});

TEST_P(contexts, many_at_once_over_the_same_credentials) {
    const auto outbound = sspan::credentials::outbound(GetParam().package);
    const auto inbound = sspan::credentials::inbound(GetParam().package);
    std::atomic<std::size_t> right{0};
    {
        std::vector<std::jthread> crew;
        for (std::size_t i = 0; i != threads; ++i) {
            crew.emplace_back([&] {
                for (std::size_t n = 0; n != handshakes; ++n) {
                    right += converse(GetParam(), outbound, inbound) ? 1U : 0U;
                }
            });
        }
    }
    EXPECT_EQ(right, threads * handshakes);
    RecordProperty("contexts", std::to_string(2 * threads * handshakes));
}

} // namespace
