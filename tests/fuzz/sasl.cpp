// SPDX-License-Identifier: MIT
//
// Both sides of a SASL exchange, with an attacker between them who can change their messages in any way; or one side,
// with an authentic peer that sends any data inside the messages about the layers. Then buffers over the channels.
#include <sspan/protocol/sasl.hpp>

#include "channel.hpp"
#include "input.hpp"
#include "small_package.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace {

using namespace fuzzing;
namespace sasl = sspan::sasl;
using sspan::context_flags;

constexpr sspan::protect_options signed_only{.quality = sspan::quality_of_protection::integrity_only};
constexpr sspan::accept_options least{.minimum = sspan::minimum_protection::integrity_only};

template <class Options>
Options choose_options(input& in, sasl::mechanism which) {
    Options options;
    options.mechanism = in.rarely() ? sasl::mechanism::gssapi : which;
    options.layers =
        in.rarely() ? static_cast<sasl::layer>(in.any<std::uint8_t>()) : static_cast<sasl::layer>(in.number(1, 7));
    options.max_buffer = in.flag() ? sasl::default_max_buffer : in.number(0U, 0x1000010U);
    options.max_send = in.flag() ? sasl::default_max_buffer : in.number(0U, 300U);
    options.limits = in.rarely()
                         ? sspan::handshake_limits{in.number(std::size_t{0}, std::size_t{400}), in.number(0U, 6U)}
                         : sspan::handshake_limits{};
    options.require = in.flag() ? options.require : context_flags::none;
    options.request = in.rarely() ? static_cast<context_flags>(in.number(0U, 0x1FFFFFU)) : context_flags::none;
    return options;
}

/// One side and its state.
template <class Side, class Options>
struct party {
    party(input& in, sasl::mechanism which) : options{choose_options<Options>(in, which)} {}

    /// @return the message for the peer, if there is one.
    std::optional<bytes> step(input& in, std::span<const std::byte> message) {
        const auto keep = [&](const auto& taken) {
            const auto& answer = answer_of(taken);
            require(!taken.done || !failed, "a failed exchange is not done");
            done = taken.done;
            if (!answer) {
                return std::optional<bytes>{};
            }
            touch(*answer);
            return std::optional{copy_of(*answer)};
        };
        const bool was_over = done || failed;
        std::error_code ec;
        std::optional<bytes> answer;
        if (in.flag()) {
            const auto taken = side->step(message, ec);
            require(!ec || !taken.done, "a failed step is not done");
            if (!ec) {
                answer = keep(taken);
            } else if (const auto& token = answer_of(taken)) {
                touch(*token);
            }
        } else {
            try {
                answer = keep(side->step(message));
            } catch (const sspan::handshake_error& failure) {
                ec = failure.code();
                touch(failure.token());
                require(side->explain(ec) == failure.what(), "both surfaces have the same text");
            }
        }
        require(!was_over || ec, "every step after the end fails");
        failed = failed || (ec && !done);
        return answer;
    }
    static const auto& answer_of(const sasl::client_step& taken) { return taken.response; }
    static const auto& answer_of(const sasl::server_step& taken) { return taken.challenge; }

    [[nodiscard]] auto finish() {
        std::error_code ec;
        auto channel = std::move(*side).finish(ec);
        require(static_cast<bool>(channel) == done && static_cast<bool>(ec) != done,
                "only a completed side has a channel");
        if (channel) {
            const auto layer = static_cast<unsigned>(channel.protection());
            const auto accepted = static_cast<unsigned>(options.layers);
            require(layer == 1 || layer == 2 || layer == 4, "a channel has one layer");
            if (options.mechanism == sasl::mechanism::gssapi) {
                require((layer & accepted) != 0, "the layer is accepted");
            } else {
                require((accepted & (2 * layer - 1)) != 0, "the layer is at least the weakest accepted one");
            }
            require((channel.max_payload() == 0) == (layer == 1),
                    "exactly the layers with protection have a maximum payload");
            require(channel.payload().size() == channel.max_payload(), "the payload buffer has the maximum size");
        }
        return channel;
    }

    Options options;
    std::unique_ptr<Side> side;
    bool done = false;
    bool failed = false;
};

using client_party = party<sasl::client, sasl::client_options>;
using server_party = party<sasl::server, sasl::server_options>;

/// Runs both sides, with an attacker between them.
void talk(input& in, client_party& client, server_party& server) {
    std::optional<bytes> message = bytes{};
    for (int n = 0; n != 20 && !(client.done || client.failed); ++n) {
        message = client.step(in, *message);
        if (in.rarely()) {
            message.emplace(message.value_or(bytes{}));
            change(in, *message);
        }
        if (!message) {
            break;
        }
        message = server.step(in, *message);
        if (in.rarely()) {
            message.emplace(message.value_or(bytes{}));
            change(in, *message);
        }
        if (!message) {
            break;
        }
    }
    touch(std::as_bytes(std::span{server.side->authorization_identity()}));
    auto here = client.finish();
    auto there = server.finish();
    if (!here || !there) {
        return;
    }
    require(here.protection() == there.protection() || client.options.mechanism == sasl::mechanism::gss_spnego,
            "both sides have the same layer"); // with SPNEGO, the package may grant the two sides different flags
    if (here.protection() == there.protection()) {
        if (in.flag()) {
            send_messages(in, here, there);
            send_messages(in, there, here);
        } else {
            auto ours = std::move(here).split();
            auto theirs = std::move(there).split();
            send_messages(in, ours.sender, theirs.receiver);
            send_messages(in, theirs.sender, ours.receiver);
        }
    }
}

/// Runs `side` with an authentic but malicious peer, which is made of a plain handshake.
template <class Handshake, class Party>
void deceive(input& in, Handshake& peer, Party& side, bool speaks_first) {
    std::error_code ec;
    bytes message;
    bool complete = false;
    if (speaks_first) {
        const auto taken = peer.step({}, ec);
        message = copy_of(taken.token);
        complete = taken.done();
    }
    std::optional<bytes> answer;
    for (int n = 0; n != 10 && !ec && !side.failed && !side.done; ++n) {
        answer = side.step(in, message);
        if (complete || !answer) {
            break;
        }
        const auto taken = peer.step(*answer, ec);
        message = copy_of(taken.token);
        complete = taken.done();
    }
    auto context = std::move(peer).finish(ec);
    if (!ec && !side.failed) {
        for (int n = 0; n != 3 && !side.failed && !side.done; ++n) {
            if (answer) {
                bytes opened = *answer;
                touch(context.unwrap(opened, least, ec).data);
            }
            sspan::message_frame frame{context.sizes(), 64};
            const auto plain = in.some(64);
            const auto wire =
                context.wrap(frame, frame.assign(plain), in.rarely() ? sspan::protect_options{} : signed_only, ec);
            answer = side.step(in, ec ? bytes{} : copy_of(wire));
        }
    }
    static_cast<void>(side.finish());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    loopback::reset();
    keep_small();
    {
        input in{data, size};
        if (in.flag()) {
            choose_package(in);
        }
        const auto which = in.flag() ? sasl::mechanism::gss_spnego : sasl::mechanism::gssapi;
        const auto mode = in.number(0, 2);
        client_party client{in, which};
        server_party server{in, which};
        client.options.authorization_identity = in.flag() ? std::string{"bob"} : std::string{};
        const auto outbound = sspan::credentials::outbound(sasl::package_of(which));
        const auto inbound = sspan::credentials::inbound(sasl::package_of(which));
        client.side = std::make_unique<sasl::client>(outbound, loopback::configure().service_name, client.options);
        server.side = std::make_unique<sasl::server>(inbound, server.options);
        const auto flags = sspan::message_protection | context_flags::mutual_auth;
        if (mode == 0) {
            talk(in, client, server);
        } else if (mode == 1) {
            sspan::server_handshake peer{inbound,
                                         {.require = context_flags::none, .request = sspan::message_protection}};
            deceive(in, peer, client, false);
        } else {
            sspan::client_handshake peer{
                outbound, loopback::configure().service_name, {.require = context_flags::none, .request = flags}};
            deceive(in, peer, server, true);
        }
    }
    require(loopback::live().none(), "no object is leaked");
    for (const auto& violation : loopback::violation_list()) {
        require(false, violation.c_str());
    }
    return 0;
}
