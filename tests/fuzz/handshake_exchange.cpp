// SPDX-License-Identifier: MIT
#include "handshake_exchange.hpp"

#include "loopback/engine.hpp"
#include "loopback/handshake_token.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace fuzzing {

using sspan::context_flags;
using sspan::errc;

namespace {

bytes all_of(std::span<const bytes> tokens) {
    bytes whole;
    for (const auto& token : tokens) {
        whole.insert(whole.end(), token.begin(), token.end());
    }
    return whole;
}

} // namespace

handshake_exchange::handshake_exchange(input& in)
    : in_{&in},
      package_{in.pick(std::array{sspan::package::kerberos, sspan::package::ntlm, sspan::package::negotiate})},
      target_{in.rarely() ? in.text(8) : loopback::configure().service_name} {
    std::error_code ec;
    outbound_ = sspan::credentials::outbound(package_, {}, ec);
    inbound_ = sspan::credentials::inbound(in.rarely() ? sspan::package::negotiate : package_, {}, ec);
    const auto limits = [&] {
        return in.rarely() ? sspan::handshake_limits{in.number(std::size_t{0}, std::size_t{400}), in.number(0U, 6U)}
                           : sspan::handshake_limits{};
    };
    const sspan::client_options client{choose_flags(sspan::message_protection),
                                       choose_flags(context_flags::extended_error), choose_bindings(), limits()};
    const sspan::server_options server{choose_flags(sspan::message_protection),
                                       choose_flags(context_flags::extended_error),
                                       in.flag() ? client.bindings : choose_bindings(), limits()};
    client_.required = client.require;
    client_.limits = client.limits;
    client_.function = loopback::function::initialize_security_context;
    server_.required = server.require;
    server_.limits = server.limits;
    server_.function = loopback::function::accept_security_context;
    client_.speaks = true;
    client_handshake_ = std::make_unique<sspan::client_handshake>(outbound_, target_, client);
    server_handshake_ = std::make_unique<sspan::server_handshake>(inbound_, server);
}

sspan::channel_bindings handshake_exchange::choose_bindings() {
    if (in_->flag()) {
        return {};
    }
    if (in_->flag()) {
        return bindings_of(in_->some(4));
    }
    try {
        return sspan::channel_bindings::adopt(in_->some(64));
    } catch (const sspan::error&) {
        return {};
    }
}

context_flags handshake_exchange::choose_flags(context_flags otherwise) {
    auto chosen = otherwise;
    switch (in_->number(0, 3)) {
    case 3:
        chosen = static_cast<context_flags>(in_->number<std::uint32_t>(0, 0x1FFFFF));
        break;
    case 2:
        chosen |= context_flags::dce_style;
        break;
    case 1:
        chosen |= context_flags::stream;
        break;
    default:
        break;
    }
    if (!loopback::configure().stream_framing) {
        chosen &= ~context_flags::stream; // without framing, `stream` must not be requested
    }
    return chosen;
}

void handshake_exchange::one_more() {
    const bool clients_turn = client_.speaks || server_.sent.size() > client_.given;
    if (clients_turn != in_->rarely()) {
        take_step(*client_handshake_, client_, server_);
    } else {
        take_step(*server_handshake_, server_, client_);
    }
}

bytes handshake_exchange::choose_input(side& receiver, const side& sender) {
    bytes token;
    if (std::exchange(receiver.speaks, false) && !in_->rarely()) {
        return token;
    }
    if (receiver.given < sender.sent.size()) {
        token = sender.sent[receiver.given];
        ++receiver.given;
    } else if (!sender.sent.empty() && in_->flag()) {
        token = in_->pick(sender.sent); // replayed
    } else if (!receiver.sent.empty() && in_->flag()) {
        token = in_->pick(receiver.sent); // reflected
    } else {
        token = in_->sized(200);
    }
    if (in_->number(0, 3) == 3) {
        change(token);
    }
    token.shrink_to_fit();
    return token;
}

void handshake_exchange::change(bytes& token) {
    const auto at = in_->number(std::size_t{0}, token.size());
    const auto place = token.begin() + static_cast<std::ptrdiff_t>(at);
    switch (in_->number(0, 5)) {
    case 0:
        if (at != token.size()) {
            *place ^= std::byte{1} << in_->number(0, 7);
        }
        break;
    case 1:
        token.resize(at);
        break;
    case 2: {
        const auto more = in_->sized(40);
        token.insert(token.end(), more.begin(), more.end());
        break;
    }
    case 3: {
        const auto others = in_->some(token.size() - at);
        std::ranges::copy(others, place);
        break;
    }
    case 4:
        token = in_->sized(400);
        break;
    default:
        token = forged(token);
        break;
    }
}

/// Forges a token as an authentic but malicious peer can.
bytes handshake_exchange::forged(const bytes& token) {
    loopback::handshake_token fields;
    std::size_t used = 0;
    const auto key = loopback::engine::instance().secret();
    if (loopback::decode(token, key, fields, used) != loopback::decoded::whole) {
        return token;
    }
    forged_ = true;
    fields.flags ^= in_->any<std::uint32_t>();
    if (in_->rarely()) {
        fields.kind = loopback::token_kind::error;
        fields.status = in_->any<std::uint32_t>();
    }
    if (in_->rarely()) {
        fields.mechanism = loopback::package::ntlm;
    }
    if (in_->rarely()) {
        fields.legs = in_->number(0U, 9U);
    }
    return loopback::encode(fields, key, 0);
}

template <class Handshake>
sspan::handshake_step handshake_exchange::step(Handshake& handshake, side& me, std::span<const std::byte> token,
                                               std::error_code& ec) {
    sspan::handshake_step taken;
    if (in_->flag()) {
        taken = handshake.step(token, ec);
    } else {
        try {
            taken = handshake.step(token);
        } catch (const sspan::handshake_error& failure) {
            ec = failure.code();
            require(static_cast<bool>(ec), "an exception names the failed function");
            touch(failure.token());
        }
    }
    touch(taken.token);
    const auto calls = loopback::calls(me.function);
    require(calls - me.steps <= 1, "a step calls the package once");
    const bool asked = calls != me.steps;
    require(!asked || token.size() <= me.limits.max_token, "a token over the limit does not reach the package");
    me.steps = static_cast<std::uint32_t>(calls);
    require(asked || ec, "a step without a call of the package is an error");
    require(taken.used <= token.size(), "a step uses at most the whole input");
    require(!me.is_over() || (ec && !asked), "every step after the end fails");
    return taken;
}

template <class Handshake>
void handshake_exchange::take_step(Handshake& handshake, side& me, const side& peer) {
    const auto token = choose_input(me, peer);
    const bool was_over = me.is_over();
    std::error_code ec;
    const auto taken = step(handshake, me, token, ec);
    if (was_over) {
        return;
    }
    if (ec) {
        me.failed = true;
        const auto sent = copy_of(taken.token);
        if (!sent.empty()) {
            me.sent.push_back(sent);
        }
        return;
    }
    switch (taken.state) {
    case sspan::handshake_state::incomplete_message: // more of the token, or the same input again
        require(taken.token.empty() && taken.used == 0 && !token.empty(), "an incomplete message has no effect");
        me.given -= me.given != 0 && in_->flag() ? 1U : 0U;
        return;
    case sspan::handshake_state::incomplete_credentials:
        require(taken.used == 0, "a request for credentials uses no input");
        me.given -= me.given != 0 ? 1U : 0U;
        me.speaks = me.given == 0 && &me == &client_;
        return;
    case sspan::handshake_state::message_fragment:
        me.speaks = true;
        [[fallthrough]];
    case sspan::handshake_state::continue_needed:
    case sspan::handshake_state::complete:
        if (me.pending.empty()) { // otherwise the package does not read the token
            me.taken.insert(me.taken.end(), token.begin(), token.begin() + static_cast<std::ptrdiff_t>(taken.used));
        }
        me.pending.insert(me.pending.end(), taken.token.begin(), taken.token.end());
        me.done = taken.done();
        if (!me.speaks && !me.pending.empty()) {
            me.sent.push_back(std::exchange(me.pending, {}));
        }
        return;
    }
}

void handshake_exchange::establish() {
    if (in_->flag()) {
        establish(*client_handshake_, client_, server_);
    } else {
        establish(*server_handshake_, server_, client_);
    }
}

template <class Handshake>
void handshake_exchange::establish(Handshake& handshake, side& me, const side& peer) {
    const auto send = [&](std::span<const std::byte> token) {
        require(!token.empty(), "a sent token is not empty");
        me.pending.insert(me.pending.end(), token.begin(), token.end());
    };
    const auto receive = [&] {
        if (!me.pending.empty()) {
            me.sent.push_back(std::exchange(me.pending, {}));
        }
        for (int steps = 0; steps != 8 && peer.sent.size() == me.given; ++steps) {
            if (&peer == &server_) {
                take_step(*server_handshake_, server_, client_);
            } else {
                take_step(*client_handshake_, client_, server_);
            }
        }
        me.speaks = false;
        auto token = peer.sent.size() == me.given ? bytes{} : choose_input(me, peer);
        me.taken.insert(me.taken.end(), token.begin(), token.end());
        return token;
    };
    std::error_code ec;
    const auto context = on_either(
        *in_, ec,
        [&] {
            return sspan::establish(
                std::move(handshake), [&](std::span<const std::byte> token, std::error_code&) { send(token); },
                [&](std::error_code& failure) {
                    failure = in_->rarely() ? make_error_code(errc::no_context) : std::error_code{};
                    return receive();
                },
                ec);
        },
        [&] { return sspan::establish(std::move(handshake), send, receive); });
    require(static_cast<bool>(context) != static_cast<bool>(ec), "the result is a context or an error");
    require(loopback::calls(me.function) <= 64, "a handshake ends");
    if (context) {
        check(context, me);
        require(forged_ || me.taken == all_of(std::span{peer.sent}.first(me.given)), "no received byte is lost");
    }
    me.failed = true;
    me.may_be_complete = !context; // the handshake may be complete although `establish` failed
}

/// Returns true if the client's package is NTLM, whatever the attacker changed.
bool handshake_exchange::is_ntlm() const {
    return package_ == sspan::package::ntlm ||
           (package_ == sspan::package::negotiate && loopback::configure().negotiate_winner == loopback::package::ntlm);
}

template <class Context>
void handshake_exchange::check(const Context& context, const side& me) const {
    require(sspan::detail::unsatisfied(me.required, context.granted()) == context_flags::none,
            "an established context has all required flags");
    require(context.is_server() == (&me == &server_), "a context knows its side");
    if (is_ntlm() && &me == &client_) {
        require(!contains(context.granted(), context_flags::mutual_auth), "NTLM does not prove the server's identity");
    }
}

void handshake_exchange::finish() {
    const auto end = [&](auto& handshake, const side& me, auto& context) {
        std::error_code ec;
        context = on_either(
            *in_, ec, [&] { return std::move(handshake).finish(ec); }, [&] { return std::move(handshake).finish(); });
        require(static_cast<bool>(context) != static_cast<bool>(ec), "the result is a context or an error");
        require(!context || me.done || me.may_be_complete, "an incomplete handshake has no context");
        if (context) {
            check(context, me);
        }
    };
    end(*client_handshake_, client_, client_context_);
    end(*server_handshake_, server_, server_context_);
    if (!client_context_ || !server_context_ || forged_ || client_.may_be_complete || server_.may_be_complete) {
        return;
    }
    require(client_.taken == all_of(server_.sent) && server_.taken == all_of(client_.sent),
            "both sides have taken exactly the other side's tokens");
    if (contains(client_context_.granted() & server_context_.granted(), context_flags::integrity)) {
        std::error_code ec;
        const bytes message(3);
        bytes signature(client_context_.sizes().max_signature);
        const auto written = client_context_.sign(message, signature, {}, ec);
        require(!ec && server_context_.verify(message, written, {}, ec), "both sides have the same key");
    }
}

} // namespace fuzzing
