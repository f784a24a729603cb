// SPDX-License-Identifier: MIT
#include <sspan/establish.hpp>

#include "conversation.hpp"
#include "fixture.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using sspan::errc;

const std::error_code connection_lost = std::make_error_code(std::errc::connection_reset);

/// The peer: a handshake of the opposite side that answers each token at once.
template <class Handshake>
class peer {
public:
    explicit peer(Handshake& handshake) : handshake_{handshake} {
        if constexpr (std::is_same_v<Handshake, sspan::client_handshake>) {
            answer({});
        }
    }

    void take(std::span<const std::byte> token) {
        EXPECT_FALSE(token.empty());
        sent.push_back(copy_of(token));
        if (!done) {
            answer(token);
        }
    }
    bytes give() {
        if (answers.empty()) {
            return {};
        }
        auto first = std::move(answers.front());
        answers.pop_front();
        return first;
    }

    std::vector<bytes> sent;   ///< tokens from the side under test
    std::deque<bytes> answers; ///< answers that the side under test has not received yet
    std::error_code error;     ///< the peer's own error
    bool done = false;

private:
    void answer(std::span<const std::byte> token) {
        const auto taken = step(handshake_, token);
        error = taken.code;
        done = taken.done() || taken.code;
        if (!taken.token.empty()) {
            answers.push_back(taken.token);
        }
        if (!error && taken.state == sspan::handshake_state::message_fragment) {
            answer({});
        }
    }

    Handshake& handshake_;
};

class establishing : public surface_test {
protected:
    void SetUp() override {
        surface_test::SetUp();
        outbound = sspan::credentials::outbound(which_profile().package);
        inbound = sspan::credentials::inbound(which_profile().package);
    }
    void TearDown() override {
        outbound = {};
        inbound = {};
        surface_test::TearDown();
    }
    template <class Handshake, class Peer>
    outcome establish(Handshake& side, Peer& other) {
        using context = decltype(std::move(side).finish());
        return outcome_of(
            which_surface(),
            [&](std::error_code& ec) {
                const context made = sspan::establish(
                    std::move(side),
                    [&](std::span<const std::byte> token, std::error_code& failure) {
                        failure = send_failure;
                        other.take(token);
                    },
                    [&](std::error_code& failure) {
                        failure = receive_failure;
                        return other.give();
                    },
                    ec);
                EXPECT_NE(static_cast<bool>(made), static_cast<bool>(ec));
            },
            [&] {
                const context made = sspan::establish(
                    std::move(side),
                    [&](std::span<const std::byte> token) {
                        other.take(token);
                        throw_if(send_failure);
                    },
                    [&] {
                        throw_if(receive_failure);
                        return other.give();
                    });
                EXPECT_TRUE(made);
            });
    }
    static void throw_if(const std::error_code& failure) {
        if (failure) {
            throw sspan::error{failure, "network"};
        }
    }

    sspan::credentials outbound;
    sspan::credentials inbound;
    std::error_code send_failure;
    std::error_code receive_failure;
};
INSTANTIATE_TEST_SUITE_P(each, establishing, each_profile_and_surface(), name_of{});

TEST_P(establishing, gives_either_side_its_context) {
    for (unsigned legs = 2; legs != 9; ++legs) {
        which_profile().settings().legs = legs;
        {
            sspan::client_handshake client{outbound, service(), which_profile().client_options()};
            sspan::server_handshake server{inbound};
            peer other{server};
            EXPECT_TRUE(succeeded(establish(client, other)));
            EXPECT_TRUE(other.done);
            EXPECT_FALSE(other.error);
            EXPECT_TRUE(other.answers.empty());
        }
        sspan::client_handshake client{outbound, service(), which_profile().client_options()};
        sspan::server_handshake server{inbound};
        peer other{client};
        EXPECT_TRUE(succeeded(establish(server, other)));
        EXPECT_TRUE(other.done);
    }
}

TEST_P(establishing, contexts_work_together) {
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{server};
    sspan::client_context here = sspan::establish(
        std::move(client), [&](std::span<const std::byte> token) { other.take(token); }, [&] { return other.give(); });
    sspan::server_context there = std::move(server).finish();
    expect_working(here, there);
    expect_working(there, here);
}

TEST_P(establishing, calls_the_callers_own_functions_which_need_not_be_copied) {
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{server};
    struct line {
        peer<sspan::server_handshake>* other;
        std::unique_ptr<int> used = std::make_unique<int>(0);
        void operator()(std::span<const std::byte> token, std::error_code& /*ec*/) { (*this)(token); }
        void operator()(std::span<const std::byte> token) {
            ++*used;
            other->take(token);
        }
        bytes operator()(std::error_code& /*ec*/) { return (*this)(); }
        bytes operator()() {
            ++*used;
            return other->give();
        }
    };
    EXPECT_TRUE(succeeded(outcome_of(which_surface(), [&](auto&... ec) {
        EXPECT_TRUE(sspan::establish(std::move(client), line{&other}, line{&other}, ec...));
    })));
    EXPECT_TRUE(other.done);
}

TEST_P(establishing, tells_why_it_failed_through_the_function_that_sent_the_rest) {
    which_profile().settings().legs = 4;
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{client};
    std::vector<int> numbers;
    auto send = [&, next = 0](std::span<const std::byte> token) mutable {
        numbers.push_back(next++);
        other.take(token);
    };
    auto receive = [&, given = 0]() mutable {
        auto token = other.give();
        if (++given == 2) {
            token.back() ^= std::byte{1};
        }
        return token;
    };
    const auto result = outcome_of(
        which_surface(),
        [&](std::error_code& ec) {
            const auto none = sspan::establish(
                std::move(server), [send](std::span<const std::byte> token, std::error_code&) mutable { send(token); },
                [receive](std::error_code&) mutable { return receive(); }, ec);
            EXPECT_FALSE(none);
        },
        [&] { static_cast<void>(sspan::establish(std::move(server), send, receive)); });
    EXPECT_TRUE(failed_with(result, errc::invalid_token, "AcceptSecurityContext"));
    EXPECT_EQ(numbers, (which_profile().settings().extended_error ? std::vector{0, 1} : std::vector{0}));
}

TEST_P(establishing, tells_the_peer_why_it_failed) {
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{client};
    other.answers.front().back() ^= std::byte{1};
    EXPECT_TRUE(failed_with(establish(server, other), errc::invalid_token, "AcceptSecurityContext"));
    const bool tells = which_profile().settings().extended_error;
    EXPECT_EQ(other.sent.size(), tells ? 1U : 0U);
    EXPECT_EQ(other.error, tells ? make_error_code(errc::invalid_token) : std::error_code{});
}

TEST_P(establishing, reports_its_own_failure_when_the_peer_cannot_be_told) {
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{client};
    other.answers.front().back() ^= std::byte{1};
    send_failure = connection_lost;
    EXPECT_TRUE(failed_with(establish(server, other), errc::invalid_token, "AcceptSecurityContext"));
}

TEST_P(establishing, ends_when_a_token_cannot_be_sent) {
    send_failure = connection_lost;
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{server};
    EXPECT_TRUE(failed_with(establish(client, other), connection_lost, "network"));
    EXPECT_EQ(other.sent.size(), 1U);
}

TEST_P(establishing, ends_when_nothing_can_be_received) {
    receive_failure = connection_lost;
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{client};
    EXPECT_TRUE(failed_with(establish(server, other), connection_lost, "network"));
    EXPECT_TRUE(other.sent.empty());
}

TEST_P(establishing, refuses_an_empty_token) {
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{client};
    other.answers.clear();
    EXPECT_TRUE(failed_with(establish(server, other), errc::invalid_token, "sspan::establish"));
}

TEST_P(establishing, names_what_was_not_granted) {
    loopback::configure().server.deny_flags = 0x10; // confidentiality
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{client};
    EXPECT_TRUE(failed_with(establish(server, other), errc::security_qos_failed, "AcceptSecurityContext"));
    EXPECT_EQ(server.missing(), sspan::context_flags::confidentiality);
}

TEST_P(establishing, peer_that_is_refused_does_not_get_the_last_token) {
    which_profile().settings().legs = 2;
    loopback::configure().server.deny_flags = 0x10; // confidentiality
    {
        sspan::client_handshake client{outbound, service(), which_profile().client_options()};
        sspan::server_handshake server{inbound};
        peer other{client};
        EXPECT_TRUE(failed_with(establish(server, other), errc::security_qos_failed, "AcceptSecurityContext"));
        EXPECT_TRUE(other.sent.empty());
    }
    which_profile().settings().legs = 3;
    loopback::configure().server.deny_flags = 0;
    loopback::configure().client.deny_flags = 0x10;
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{server};
    EXPECT_TRUE(failed_with(establish(client, other), errc::security_qos_failed, "InitializeSecurityContext"));
    EXPECT_EQ(other.sent.size(), 1U) << "the next token, for example NTLM's response, was not sent";
}

TEST_P(establishing, takes_bytes_of_any_kind) {
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{server};
    const auto receive = [&] {
        const auto token = other.give();
        return std::string{reinterpret_cast<const char*>(token.data()), token.size()};
    };
    EXPECT_TRUE(succeeded(outcome_of(
        which_surface(),
        [&](std::error_code& ec) {
            EXPECT_TRUE(sspan::establish(
                std::move(client), [&](std::span<const std::byte> token, std::error_code&) { other.take(token); },
                [&](std::error_code&) { return receive(); }, ec));
        },
        [&] {
            EXPECT_TRUE(sspan::establish(
                std::move(client), [&](std::span<const std::byte> token) { other.take(token); }, receive));
        })));
}

TEST_P(establishing, does_not_go_on_for_ever) {
    which_profile().settings().legs = 8;
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound, {.limits{.max_steps = 2}}};
    peer other{client};
    EXPECT_TRUE(failed_with(establish(server, other), errc::illegal_message, "AcceptSecurityContext"));
}

TEST_P(establishing, sends_all_fragments_of_a_token) {
    loopback::configure().server.fragment_size = 40;
    which_profile().settings().legs = 2;
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    struct mailbox {
        void take(std::span<const std::byte> token) {
            joined.insert(joined.end(), token.begin(), token.end());
            ++count;
        }
        bytes give() { return std::exchange(from_client, {}); }
        bytes from_client;
        bytes joined;
        std::size_t count = 0;
    } line;
    line.from_client = step(client, {}).token;
    EXPECT_TRUE(succeeded(establish(server, line)));
    EXPECT_GT(line.count, 1U);
    EXPECT_TRUE(step(client, line.joined).done());
}

TEST_P(establishing, goes_on_without_a_certificate) {
    loopback::configure().client.incomplete_credentials = true;
    sspan::client_handshake client{outbound, service(), which_profile().client_options()};
    sspan::server_handshake server{inbound};
    peer other{server};
    EXPECT_TRUE(succeeded(establish(client, other)));
}

class establishing_over_a_stream : public establishing {
protected:
    void SetUp() override {
        establishing::SetUp();
        loopback::configure().stream_framing = true;
        which_profile().settings().legs = 4;
    }
    [[nodiscard]] static sspan::client_options client_options() {
        auto options = which_profile().client_options();
        options.request |= sspan::context_flags::stream;
        return options;
    }
    static constexpr auto stream = sspan::context_flags::stream;
};
INSTANTIATE_TEST_SUITE_P(each, establishing_over_a_stream, each_profile_and_surface(), name_of{});

TEST_P(establishing_over_a_stream, takes_tokens_in_any_pieces) {
    sspan::client_handshake client{outbound, service(), client_options()};
    sspan::server_handshake server{inbound, {.request = stream}};
    struct piecemeal : peer<sspan::client_handshake> {
        using peer::peer;
        bytes give() {
            if (at == whole.size()) {
                whole = peer::give();
                at = 0;
            }
            const auto size = std::min<std::size_t>(whole.size() - at, 7);
            const auto piece = copy_of(std::span{whole}.subspan(at, size));
            at += size;
            return piece;
        }
        bytes whole;
        std::size_t at = 0;
    } other{client};
    EXPECT_TRUE(succeeded(establish(server, other)));
    EXPECT_TRUE(other.done);
}

TEST_P(establishing_over_a_stream, asks_for_the_next_fragment_without_what_the_peer_has_sent_too_early) {
    which_profile().settings().legs = 2;
    loopback::configure().server.fragment_size = 40;
    sspan::client_handshake client{outbound, service(), client_options()};
    sspan::server_handshake server{inbound, {.request = stream}};
    struct mailbox {
        void take(std::span<const std::byte> token) { joined.insert(joined.end(), token.begin(), token.end()); }
        bytes give() { return std::exchange(from_client, {}); }
        bytes from_client;
        bytes joined;
    } line;
    line.from_client = step(client, {}).token;
    line.from_client.push_back(std::byte{'m'}); // the first byte of a message
    EXPECT_TRUE(failed_with(establish(server, line), errc::illegal_message, "sspan::establish"));
    EXPECT_FALSE(line.joined.empty()) << "the fragments were sent before the error";
}

TEST_P(establishing_over_a_stream, refuses_what_follows_the_last_token) {
    which_profile().settings().legs = 3;
    sspan::client_handshake client{outbound, service(), client_options()};
    sspan::server_handshake server{inbound, {.request = stream}};
    struct hasty : peer<sspan::client_handshake> {
        using peer::peer;
        bytes give() {
            auto token = peer::give();
            if (done) {
                token.push_back(std::byte{'m'}); // the first byte of a message
            }
            return token;
        }
    } other{client};
    EXPECT_TRUE(failed_with(establish(server, other), errc::illegal_message, "sspan::establish"));
}

} // namespace
