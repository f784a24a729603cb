// SPDX-License-Identifier: MIT
//
// Usage: overhead_messages PACKAGE LABEL. It prints messages per second with one of the system's packages, in turns
// with sspan and with hand-written calls. Both sides are in this process. The label begins each line.
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
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

#ifdef _WIN32
constexpr auto style = sspan::context_flags::dce_style; // Wine's sizes are correct only in this style
#else
constexpr auto style = sspan::context_flags::none;
#endif

struct pair_of_contexts {
    sspan::client_context client;
    sspan::server_context server;
};

pair_of_contexts establish(const sspan::credentials& outbound, const sspan::credentials& inbound,
                           const std::wstring& service) {
    sspan::client_options client_options;
    sspan::server_options server_options;
    client_options.require |= style;
    server_options.require |= style;
    if (outbound.package() == sspan::package::ntlm) {
        client_options.require &= ~sspan::context_flags::mutual_auth;
    }
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

/// Returns the seconds for one message.
double time_of(const std::function<void()>& message, int count) {
    const auto start = clock_type::now();
    for (int i = 0; i != count; ++i) {
        message();
    }
    return std::chrono::duration<double>{clock_type::now() - start}.count() / count;
}

/// Prints both speeds. If `by_hand` is empty, only sspan is measured.
void compare(const char* label, const char* name, std::size_t size, const std::function<void()>& by_hand,
             const std::function<void()>& by_sspan) {
    constexpr int turns = 25;
    const int count = static_cast<int>(std::clamp<std::size_t>((std::size_t{1} << 20) / (size + 1024), 4, 300));
    double hand = by_hand ? 1e9 : std::numeric_limits<double>::infinity();
    double sspan = 1e9;
    for (int turn = 0; turn != turns; ++turn) {
        const bool hand_first = turn % 2 == 0;
        for (const bool now_hand : {hand_first, !hand_first}) {
            if (!now_hand || by_hand) {
                auto& best = now_hand ? hand : sspan;
                best = std::min(best, time_of(now_hand ? by_hand : by_sspan, count));
            }
        }
    }
    std::printf("messages: %s: %s, %zu bytes, hand-written %.0f, sspan %.0f\n", label, name, size, 1 / hand, 1 / sspan);
}

std::wstring variable(const char* name) {
    const char* value = std::getenv(name);
    const std::string narrow = value != nullptr ? value : "";
    return {narrow.begin(), narrow.end()};
}

void run(std::wstring_view package, const char* label) {
    const auto service = variable("SSPAN_SERVICE");
    const auto outbound = package == sspan::package::ntlm
                              ? sspan::credentials::outbound(package, {L"alice", L"SSPAN", variable("SSPAN_PASSWORD")})
                              : sspan::credentials::outbound(package);
    const auto inbound = sspan::credentials::inbound(package);
    constexpr int handshakes = 50;
    std::printf("handshakes: %s: %.0f\n", label,
                1 / time_of([&] { static_cast<void>(establish(outbound, inbound, service)); }, handshakes));
    auto pair = establish(outbound, inbound, service);
    auto client = pair.client.native_handle();
    auto server = pair.server.native_handle();
    const auto sizes = pair.client.sizes();
    std::vector<std::byte> signature(sizes.max_signature);
    std::vector<std::byte> token(sizes.security_trailer);
    std::vector<std::byte> padding;
#ifdef _WIN32
    padding.resize(sizes.block_size + std::size_t{1});
#endif // WinPR's NTLM mistakes padding for data
    for (const std::size_t size :
         {std::size_t{64}, std::size_t{1} << 10, std::size_t{16} << 10, std::size_t{1} << 20}) {
        std::vector<std::byte> data(size);
        const auto length = static_cast<ULONG>(size);
        compare(
            label, "sign + verify", size,
            [&] {
                auto written = static_cast<ULONG>(signature.size());
                must(hand_sign(&client, data.data(), length, signature.data(), &written));
                must(hand_verify(&server, data.data(), length, signature.data(), written));
            },
            [&] { pair.server.verify(data, pair.client.sign(data, signature)); });
        compare(
            label, "encrypt + decrypt", size,
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
        sspan::message_frame frame{sizes, size};
        std::vector<std::byte> received(sspan::max_wrapped_size(sizes, size));
        compare(label, "wrap + unwrap", size, {}, [&] {
            const auto sent = pair.client.wrap(frame, frame.assign(data));
            std::copy(sent.begin(), sent.end(), received.begin());
            static_cast<void>(pair.server.unwrap(std::span{received}.first(sent.size())));
        });
    }
}

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 3) {
            throw std::invalid_argument{"overhead_messages PACKAGE LABEL"};
        }
        const std::string package = argv[1];
        run(std::wstring{package.begin(), package.end()}, argv[2]);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
