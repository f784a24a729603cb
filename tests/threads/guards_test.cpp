// SPDX-License-Identifier: MIT
//
// Many threads act as different clients at the same time. Each thread must act as its own client only, and as itself
// afterwards. ThreadSanitizer checks them.
#include <sspan/impersonation.hpp>

#include "unit/fixture.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace testing_support;
using loopback::current_thread_client;

constexpr std::size_t threads = 8;
constexpr std::size_t rounds = 200; // for each thread

/// Returns a context whose client is `user`.
established client_called(const wchar_t* user, const wchar_t* password) {
    auto outbound =
        sspan::credentials::outbound(sspan::package::kerberos, sspan::identity{user, L"LOOPBACK", password});
    auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    sspan::client_handshake client{outbound, service()};
    sspan::server_handshake server{inbound};
    run(client, server);
    auto context = std::move(client).finish();
    return {std::move(outbound), std::move(inbound), std::move(context), std::move(server).finish()};
}

/// Acts as `first`, inside of that as `second`, and ends both in one of three ways. `second` is a context or an access
/// token. @return true if the thread always acted as the right user.
template <class Client>
bool impersonate(const sspan::server_context& first, const std::wstring& name, const Client& second,
                 const std::wstring& other_name, std::size_t round) {
    bool right = current_thread_client().empty();
    try {
        sspan::impersonation_guard outer{first};
        right = right && current_thread_client() == name;
        sspan::run_as_client(second, [&] { right = right && current_thread_client() == other_name; });
        right = right && current_thread_client() == name;
        if (round % 3 == 1) {
            outer.revert();
            right = right && current_thread_client().empty();
        } else if (round % 3 == 2) {
            throw std::runtime_error{"out of the guard"};
        }
    } catch (const std::runtime_error&) {
        right = right && round % 3 == 2;
    }
    return right && current_thread_client().empty();
}

class guards : public loopback_test {};

TEST_F(guards, of_different_clients_in_many_threads_at_once) {
    const auto alice = client_called(L"alice", L"correct horse");
    const auto bob = client_called(L"bob", L"battery staple");
    const auto alices_token = sspan::query_security_context_token(alice.server); // all threads use these two tokens
    const auto bobs_token = sspan::query_security_context_token(bob.server);
    std::atomic<std::size_t> right{0};
    {
        std::vector<std::jthread> crew;
        for (std::size_t i = 0; i != threads; ++i) {
            crew.emplace_back([&, is_alice = i % 2 == 0] {
                const auto& mine = is_alice ? alice : bob;
                const auto& others = is_alice ? bob : alice;
                const auto& others_token = is_alice ? bobs_token : alices_token;
                const std::wstring name = is_alice ? L"LOOPBACK\\alice" : L"LOOPBACK\\bob";
                const std::wstring other_name = is_alice ? L"LOOPBACK\\bob" : L"LOOPBACK\\alice";
                for (std::size_t round = 0; round != rounds; ++round) {
                    const bool as_it_must_be = round % 2 == 0
                                                   ? impersonate(mine.server, name, others.server, other_name, round)
                                                   : impersonate(mine.server, name, others_token, other_name, round);
                    right += as_it_must_be ? 1U : 0U;
                }
            });
        }
    }
    EXPECT_EQ(right, threads * rounds);
}

} // namespace
