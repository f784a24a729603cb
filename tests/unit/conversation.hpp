// SPDX-License-Identifier: MIT
//
// A handshake that a test can stop at any leg, on either error surface.
#pragma once

#include "fixture.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm> // std::min
#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace testing_support {

/// The result of one step. It is a copy, so later steps do not change it.
struct step_outcome : outcome {
    bytes token; ///< for the peer, also from a failed step
    std::size_t used = 0;
    sspan::handshake_state state = sspan::handshake_state::continue_needed;

    [[nodiscard]] bool done() const { return !code && state == sspan::handshake_state::complete; }
};

/// `explain` must return the text of the exception. On the other surface its text is stored in `result`.
template <class Handshake>
void expect_explained(const Handshake& side, surface which, outcome& result) {
    const auto explained = side.explain(result.code);
    if (which == surface::exception) {
        EXPECT_EQ(explained, result.what);
    }
    result.what = explained;
    result.function = explained.substr(0, std::min(explained.find(' '), explained.find(": ")));
}

template <class Handshake>
step_outcome step(Handshake& side, std::span<const std::byte> input, surface which = surface::error_code) {
    step_outcome result;
    const auto keep = [&result](const sspan::handshake_step& taken) {
        result.token = copy_of(taken.token);
        result.used = taken.used;
        result.state = taken.state;
    };
    static_cast<outcome&>(result) = outcome_of(
        which, [&](std::error_code& ec) { keep(side.step(input, ec)); },
        [&] {
            try {
                keep(side.step(input));
            } catch (const sspan::handshake_error& failure) {
                result.token = copy_of(failure.token());
                throw;
            }
        });
    expect_explained(side, which, result);
    return result;
}

/// Both sides of a handshake and their credentials.
class conversation {
public:
    explicit conversation(const profile& which, surface form = surface::error_code)
        : conversation{which.package, which.client_options(), {}, form} {}
    conversation(std::wstring_view package, const sspan::client_options& client_options,
                 const sspan::server_options& server_options = {}, surface form = surface::error_code)
        : outbound{sspan::credentials::outbound(package)}, inbound{sspan::credentials::inbound(package)},
          client{outbound, service(), client_options}, server{inbound, server_options}, form_{form} {}

    /// Runs one leg: the next side takes the other's last token, with as many steps as its state needs.
    step_outcome leg() {
        auto result = client_is_next() ? leg_of(client) : leg_of(server);
        (client_is_next() ? client_done : server_done) = result.done();
        token = result.token;
        ++legs;
        return result;
    }

    /// Runs until both sides are done, or one fails.
    step_outcome run() {
        step_outcome last;
        while (!last.code && !(client_done && server_done)) {
            last = leg();
        }
        return last;
    }

    /// Runs `count` legs, which must all succeed.
    void run_legs(unsigned count) {
        for (unsigned i = 0; i != count; ++i) {
            ASSERT_TRUE(succeeded(leg())) << "leg " << i;
        }
    }

    [[nodiscard]] bool client_is_next() const { return legs % 2 == 0; }

    sspan::credentials outbound;
    sspan::credentials inbound;
    sspan::client_handshake client;
    sspan::server_handshake server;
    bytes token;       ///< the last sent token
    unsigned legs = 0; ///< legs so far; a handshake of N tokens has N + 1
    bool client_done = false;
    bool server_done = false;

private:
    template <class Handshake>
    step_outcome leg_of(Handshake& side) {
        auto result = step(side, token, form_);
        if (!result.code && result.state == sspan::handshake_state::incomplete_credentials) {
            result = step(side, token, form_);
        }
        while (!result.code && result.state == sspan::handshake_state::message_fragment) {
            auto more = step(side, {}, form_);
            more.token.insert(more.token.begin(), result.token.begin(), result.token.end());
            result = std::move(more);
        }
        return result;
    }

    surface form_;
};

/// Sends a signed message from one side to the other.
inline void expect_working(sspan::security_context& sender, sspan::security_context& receiver) {
    const auto message = to_bytes("to be signed");
    bytes signature(sender.sizes().max_signature);
    EXPECT_NO_THROW(receiver.verify(message, sender.sign(message, signature)));
}

/// Finishes both sides, and sends a message each way.
inline void expect_established(conversation& talk) {
    auto client = std::move(talk.client).finish();
    auto server = std::move(talk.server).finish();
    expect_working(client, server);
    expect_working(server, client);
}

/// Calls finish() on this surface.
template <class Handshake>
outcome finish_outcome(Handshake& side, surface which = surface::error_code) {
    auto result = outcome_of(which, [&](auto&... ec) { static_cast<void>(std::move(side).finish(ec...)); });
    expect_explained(side, which, result);
    return result;
}

} // namespace testing_support
