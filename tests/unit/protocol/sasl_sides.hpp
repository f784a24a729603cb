// SPDX-License-Identifier: MIT
//
// Both sides of a SASL exchange on either error surface, and peers that send what a test wants.
#pragma once

#include <sspan/protocol/sasl.hpp>

#include "unit/conversation.hpp"
#include "unit/fixture.hpp"
#include "unit/profiles.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace testing_support {

namespace sasl = sspan::sasl;

inline constexpr auto all_layers = sasl::layer::none | sasl::layer::integrity | sasl::layer::confidentiality;
inline constexpr sspan::protect_options signed_only{.quality = sspan::quality_of_protection::integrity_only};
inline constexpr sspan::accept_options least{.minimum = sspan::minimum_protection::integrity_only};

/// A server and a client that ask for all protection and require none.
inline sspan::server_options takes_all() {
    return {.require = sspan::context_flags::none, .request = sspan::message_protection};
}
inline sspan::client_options asks_for_all() {
    return {.require = sspan::context_flags::none,
            .request = sspan::message_protection | sspan::context_flags::mutual_auth};
}

inline bytes of(std::initializer_list<unsigned> values, std::string_view text = {}) {
    bytes result;
    for (const auto value : values) {
        result.push_back(static_cast<std::byte>(value));
    }
    const auto more = to_bytes(text);
    result.insert(result.end(), more.begin(), more.end());
    return result;
}

/// The result of one step. It is a copy, so later steps do not change it.
struct sasl_outcome : outcome {
    bytes answer;
    bool answers = false; ///< There is an answer, which may be empty.
    bool done = false;

    [[nodiscard]] bool answers_nothing() const { return answers && answer.empty(); }
};

inline const auto& answer_of(const sasl::client_step& taken) {
    return taken.response;
}
inline const auto& answer_of(const sasl::server_step& taken) {
    return taken.challenge;
}

template <class Side>
sasl_outcome sasl_step(Side& side, std::span<const std::byte> input, surface which = surface::error_code) {
    sasl_outcome result;
    const auto keep = [&result](const auto& taken) {
        result.answers = answer_of(taken).has_value();
        result.answer = copy_of(answer_of(taken).value_or(std::span<const std::byte>{}));
        result.done = taken.done;
    };
    static_cast<outcome&>(result) = outcome_of(
        which, [&](std::error_code& ec) { keep(side.step(input, ec)); },
        [&] {
            try {
                keep(side.step(input));
            } catch (const sspan::handshake_error& failure) {
                result.answer = copy_of(failure.token());
                result.answers = !result.answer.empty();
                throw;
            }
        });
    expect_explained(side, which, result);
    return result;
}

/// Both sides and their credentials.
struct sasl_pair {
    explicit sasl_pair(const sasl::client_options& client_options = {}, const sasl::server_options& server_options = {})
        : outbound{sspan::credentials::outbound(sasl::package_of(client_options.mechanism))},
          inbound{sspan::credentials::inbound(sasl::package_of(server_options.mechanism))},
          client{outbound, service(), client_options}, server{inbound, server_options} {}

    /// Steps both sides until both are done or one fails. @return the last step.
    sasl_outcome run(surface which = surface::error_code) {
        bytes message;
        bool client_done = false;
        bool server_done = false;
        for (;;) {
            if (!client_done) {
                auto taken = sasl_step(client, message, which);
                if (taken.code) {
                    client_failed = true;
                    return taken;
                }
                EXPECT_TRUE(taken.answers);
                client_done = taken.done;
                message = std::move(taken.answer);
            }
            if (server_done) {
                return {};
            }
            auto taken = sasl_step(server, message, which);
            if (taken.code) {
                return taken;
            }
            server_done = taken.done;
            if (server_done && client_done) {
                EXPECT_FALSE(taken.answers);
                return {};
            }
            if (!taken.answers) {
                ADD_FAILURE() << "the server is done, the client is not";
                return {};
            }
            message = std::move(taken.answer);
        }
    }

    sspan::credentials outbound;
    sspan::credentials inbound;
    sasl::client client;
    sasl::server server;
    bool client_failed = false;
};

/// Sends a payload from one channel to the other.
template <class From, class To>
bytes send_over(From& from, To& to, std::string_view text) {
    auto wire = copy_of(from.wrap(from.assign(text)));
    const auto size = to.length(std::span{wire}.template first<4>());
    EXPECT_EQ(size, wire.size() - 4);
    return copy_of(to.unwrap(std::span{wire}.subspan(4)));
}

/// Denies these ISC_RET_ flags on both sides, and only these.
inline void deny(ULONG flags) {
    loopback::configure().client.deny_flags = 0;
    loopback::configure().server.deny_flags = 0;
    loopback::deny_flags(flags);
}

class sasl_test : public loopback_test, public ::testing::WithParamInterface<surface> {
protected:
    void SetUp() override {
        loopback_test::SetUp();
        outbound = sspan::credentials::outbound(sspan::package::kerberos);
        inbound = sspan::credentials::inbound(sspan::package::kerberos);
    }
    void TearDown() override {
        outbound = {};
        inbound = {};
        loopback_test::TearDown();
    }

    sspan::credentials outbound;
    sspan::credentials inbound;
};

} // namespace testing_support
