// SPDX-License-Identifier: MIT
//
// Messages per second with the system's Kerberos: through sspan, and by hand, in turns. Both sides are in this process.
#include <sspan/sspan.hpp>

#include "hand_written.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

struct pair_of_contexts {
    sspan::client_context client;
    sspan::server_context server;
};

pair_of_contexts establish(const sspan::credentials& outbound, const sspan::credentials& inbound,
                           const std::wstring& service) {
    sspan::client_options client_options;
    sspan::server_options server_options;
    client_options.require |= sspan::context_flags::dce_style; // where Wine's sizes are true
    server_options.require |= sspan::context_flags::dce_style;
    sspan::client_handshake client{outbound, service, client_options};
    sspan::server_handshake server{inbound, server_options};
    for (auto token = client.step().token; !token.empty();) {
        token = server.step(token).token;
        token = token.empty() ? token : client.step(token).token;
    }
    auto context = std::move(client).finish();
    return {std::move(context), std::move(server).finish()};
}

void must(SECURITY_STATUS status) {
    if (status != SEC_E_OK) {
        throw sspan::error{{static_cast<int>(status), sspan::category()}, "hand-written"};
    }
}

/// What one message takes, in seconds.
double time_of(const std::function<void()>& message, int count) {
    const auto start = clock_type::now();
    for (int i = 0; i != count; ++i) {
        message();
    }
    return std::chrono::duration<double>{clock_type::now() - start}.count() / count;
}

void compare(const char* name, std::size_t size, const std::function<void()>& by_hand,
             const std::function<void()>& by_sspan) {
    constexpr int turns = 25;
    const int count = static_cast<int>(std::clamp<std::size_t>((std::size_t{1} << 20) / (size + 1024), 4, 300));
    double hand = 1e9;
    double sspan = 1e9;
    for (int turn = 0; turn != turns; ++turn) {
        const bool hand_first = turn % 2 == 0;
        for (const bool now_hand : {hand_first, !hand_first}) {
            auto& best = now_hand ? hand : sspan;
            best = std::min(best, time_of(now_hand ? by_hand : by_sspan, count));
        }
    }
    std::printf("messages: %s, %zu bytes, hand-written %.0f, sspan %.0f\n", name, size, 1 / hand, 1 / sspan);
}

void run(const std::wstring& service) {
    const auto outbound = sspan::credentials::outbound(sspan::package::kerberos);
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    constexpr int handshakes = 50;
    std::printf("handshakes: %.0f\n",
                1 / time_of([&] { static_cast<void>(establish(outbound, inbound, service)); }, handshakes));
    auto pair = establish(outbound, inbound, service);
    auto client = pair.client.native_handle();
    auto server = pair.server.native_handle();
    const auto sizes = pair.client.sizes();
    std::vector<std::byte> signature(sizes.max_signature);
    std::vector<std::byte> token(sizes.security_trailer);
    std::vector<std::byte> padding(sizes.block_size + std::size_t{1});
    for (const std::size_t size :
         {std::size_t{64}, std::size_t{1} << 10, std::size_t{16} << 10, std::size_t{1} << 20}) {
        std::vector<std::byte> data(size);
        const auto length = static_cast<ULONG>(size);
        compare(
            "sign + verify", size,
            [&] {
                auto written = static_cast<ULONG>(signature.size());
                must(hand_sign(&client, data.data(), length, signature.data(), &written));
                must(hand_verify(&server, data.data(), length, signature.data(), written));
            },
            [&] { pair.server.verify(data, pair.client.sign(data, signature)); });
        compare(
            "encrypt + decrypt", size,
            [&] {
                auto written = static_cast<ULONG>(token.size());
                auto padded = static_cast<ULONG>(padding.size());
                auto left = length;
                must(hand_encrypt(&client, data.data(), length, token.data(), &written, padding.data(), &padded));
                must(hand_decrypt(&server, data.data(), &left, token.data(), written));
            },
            [&] {
                const auto sent = pair.client.encrypt({.token = token, .data = data, .padding = padding});
                static_cast<void>(pair.server.decrypt({.token = sent.token, .data = sent.data}));
            });
    }
}

} // namespace

int main() {
    try {
        const char* service = std::getenv("SSPAN_SERVICE");
        const std::string name = service != nullptr ? service : "";
        run({name.begin(), name.end()});
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
