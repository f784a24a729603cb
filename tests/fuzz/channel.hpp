// SPDX-License-Identifier: MIT
//
// The common part of the protocols' targets: the package, and an attacker between the two ends of a channel.
#pragma once

#include "input.hpp"
#include "loopback/control.hpp"

#include <cstddef>
#include <deque>
#include <span>
#include <system_error>

namespace fuzzing {

inline void choose_package(input& in) {
    auto& options = loopback::configure();
    for (auto* const profile : {&options.kerberos, &options.ntlm, &options.negotiate}) {
        profile->legs = in.number(1U, 5U);
        profile->extended_error = in.flag();
    }
    for (auto* const side : {&options.client, &options.server}) {
        side->fragment_size = in.rarely() ? in.number<ULONG>(1, 100) : 0;
        side->deny_flags = in.rarely() ? in.any<ULONG>() : 0;
    }
    options.client_decides = in.flag();
    options.negotiate_winner = in.flag() ? loopback::package::ntlm : loopback::package::kerberos;
}

/// Changes a message in one of an attacker's ways.
inline void change(input& in, bytes& message) {
    const auto at = in.number(std::size_t{0}, message.size());
    switch (in.number(0, 3)) {
    case 0:
        if (at != message.size()) {
            message[at] ^= std::byte{1} << in.number(0, 7);
        }
        break;
    case 1:
        message.resize(at);
        break;
    case 2:
        message = in.sized(200);
        break;
    default:
        message.clear();
        break;
    }
    message.shrink_to_fit();
}

/// Sends messages from one end to the other. The input decides which are changed or repeated. Every message that
/// arrives must be one that was sent; with `in_order`, also in the order of sending.
template <class From, class To>
void send_messages(input& in, From& from, To& to, bool in_order = true) {
    std::error_code ec;
    std::deque<bytes> sent;
    bytes last;
    for (int n = 0; n != 6 && in.more(); ++n) {
        const auto payload = in.sized(100);
        const auto size = from.assign(payload, ec);
        const auto wire = ec ? std::span<const std::byte>{} : from.wrap(size, ec);
        require(ec || wire.size() > 4 + payload.size(), "a message is longer than its payload");
        require(static_cast<bool>(ec) == (payload.size() > from.max_payload()) || from.max_payload() == 0,
                "a payload that fits is sent");
        if (ec) {
            continue;
        }
        sent.push_back(payload);
        auto arrived = copy_of(wire);
        if (in.rarely() && !last.empty()) {
            arrived = last;
        } else if (in.rarely()) {
            change(in, arrived);
        }
        last = copy_of(wire);
        if (arrived.size() < 4) {
            continue;
        }
        const auto length = to.length(std::span<const std::byte>{arrived}.template first<4>(), ec);
        require(ec || length != 0, "a length of zero is refused");
        auto message = bytes(arrived.begin() + 4, arrived.end());
        const auto opened = to.unwrap(message, ec);
        if (ec) {
            require(opened.empty(), "a refused message returns no payload");
            continue;
        }
        require(lies_in(opened, message), "the payload is a part of the message");
        if (!in_order) {
            bool was_sent = false;
            for (const auto& each : sent) {
                was_sent = was_sent || same(each, opened);
            }
            require(was_sent, "every received payload was sent");
            continue;
        }
        while (!sent.empty() && !same(sent.front(), opened)) {
            sent.pop_front(); // this message was lost
        }
        require(!sent.empty(), "every received payload was sent");
        sent.pop_front();
    }
}

} // namespace fuzzing
