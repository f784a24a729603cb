// SPDX-License-Identifier: MIT
//
// A complete handshake over two functions of the caller.
#pragma once

#include "bytes.hpp"
#include "error.hpp"
#include "handshake.hpp"
#include "handshake_step.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// A handshake of either side.
template <class Handshake>
concept handshake_side = std::same_as<std::remove_reference_t<Handshake>, client_handshake> ||
                         std::same_as<std::remove_reference_t<Handshake>, server_handshake>;

namespace detail {

template <class Result>
inline constexpr bool is_token = std::convertible_to<const Result&, const_bytes>;
template <>
inline constexpr bool is_token<void> = false;

/// The loop of both forms. The functions set `ec` or throw. Our last token is returned, not sent.
template <class Step, class Send, class Receive>
std::vector<std::byte> exchange_tokens(bool is_client, Step& step, Send& send, Receive& receive, std::error_code& ec) {
    std::vector<std::byte> pending; // received bytes that no step has consumed yet
    auto state = is_client ? handshake_state::message_fragment : handshake_state::continue_needed;
    for (;;) {
        if (state == handshake_state::incomplete_message ||
            (state == handshake_state::continue_needed && pending.empty())) {
            const auto received = receive(ec);
            const_bytes token;
            if constexpr (is_token<decltype(received)>) { // otherwise a static_assert of `establish` fails
                token = received;
            }
            if (!ec && token.empty()) {
                ec = errc::invalid_token;
            }
            if (ec) {
                return {};
            }
            pending.insert(pending.end(), token.begin(), token.end());
        }
        const bool takes_nothing = state == handshake_state::message_fragment; // also for a client's first step
        const handshake_step taken =
            step(takes_nothing ? std::span<const std::byte>{} : std::span<const std::byte>{pending}, ec);
        if (ec) {
            return {};
        }
        pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(taken.used));
        state = taken.state;
        if (state == handshake_state::complete) {
            if (!pending.empty()) {
                ec = errc::illegal_message;
                return {};
            }
            return {taken.token.begin(), taken.token.end()};
        }
        if (!taken.token.empty()) {
            send(taken.token, ec);
        }
        if (ec) {
            return {};
        }
    }
}

} // namespace detail

/// Establishes a context. `send(token)` sends one of our tokens; `receive()` returns the peer's next token.
///
/// The two functions keep tokens apart, for example with a length in front of each. They limit the size that they
/// accept. `send` takes a std::span<const std::byte>, which is never empty. `receive` returns any bytes that convert to
/// `const_bytes`. If our side fails and has a token for the peer, that token is sent. Our last token is sent only after
/// `finish` has succeeded.
///
/// @return a `client_context` or a `server_context`. The peer may still refuse it.
/// @throws the exceptions of the handshake's `step` and `finish` and of the two functions; error `invalid_token` if
///   `receive` returns nothing; `illegal_message` if bytes follow the peer's last token. If bytes may follow, use
///   `step`.
template <handshake_side Handshake, std::invocable<std::span<const std::byte>> Send, std::invocable Receive>
[[nodiscard]] auto establish(Handshake&& handshake, Send send, Receive receive) {
    static_assert(!std::is_lvalue_reference_v<Handshake>, "sspan::establish: pass std::move(handshake), which ends it");
    static_assert(
        detail::is_token<std::invoke_result_t<Receive&>>,
        "sspan::establish: receive() must return bytes, for example a std::vector<std::byte> or a std::string");
    const auto step = [&](std::span<const std::byte> input, std::error_code&) {
        try {
            return handshake.step(input);
        } catch (const handshake_error& failure) {
            if (!failure.token().empty()) {
                try {
                    send(failure.token());
                } catch (...) {
                    throw handshake_error{failure}; // the first error is the cause
                }
            }
            throw;
        }
    };
    const auto send_or_throw = [&](std::span<const std::byte> token, std::error_code&) { send(token); };
    const auto receive_or_throw = [&](std::error_code&) { return receive(); };
    std::error_code ec;
    const auto last = detail::exchange_tokens(std::same_as<std::remove_reference_t<Handshake>, client_handshake>, step,
                                              send_or_throw, receive_or_throw, ec);
    detail::throw_if(ec, "sspan::establish");
    auto context = std::forward<Handshake>(handshake).finish();
    if (!last.empty()) {
        send(std::span<const std::byte>{last});
    }
    return context;
}

/// The form without exceptions: `send(token, ec)` and `receive(ec)` set `ec` to end the handshake, and must not throw.
template <handshake_side Handshake, std::invocable<std::span<const std::byte>, std::error_code&> Send,
          std::invocable<std::error_code&> Receive>
[[nodiscard]] auto establish(Handshake&& handshake, Send send, Receive receive, std::error_code& ec) noexcept {
    static_assert(!std::is_lvalue_reference_v<Handshake>, "sspan::establish: pass std::move(handshake), which ends it");
    static_assert(detail::is_token<std::invoke_result_t<Receive&, std::error_code&>>,
                  "sspan::establish: receive(ec) must return bytes, for example a std::vector<std::byte>");
    const auto step = [&](std::span<const std::byte> input, std::error_code& failure) {
        const auto taken = handshake.step(input, failure);
        if (failure && !taken.token.empty()) {
            std::error_code ignored; // the first error is the cause
            send(taken.token, ignored);
        }
        return taken;
    };
    using context = decltype(std::forward<Handshake>(handshake).finish());
    return detail::without_bad_alloc<context>(ec, [&]() -> context {
        const auto last = detail::exchange_tokens(std::same_as<std::remove_reference_t<Handshake>, client_handshake>,
                                                  step, send, receive, ec);
        if (ec) {
            return {};
        }
        auto finished = std::forward<Handshake>(handshake).finish(ec);
        if (!ec && !last.empty()) {
            send(std::span<const std::byte>{last}, ec);
        }
        return ec ? context{} : std::move(finished);
    });
}

} // namespace sspan::inline SSPAN_API_NAMESPACE
