// SPDX-License-Identifier: MIT
//
// A handshake in which the input decides how tokens arrive, and the checks of its results.
#pragma once

#include <sspan/establish.hpp>

#include "input.hpp"
#include "loopback/control.hpp"
#include "surface.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace fuzzing {

class handshake_exchange {
public:
    explicit handshake_exchange(input& in);

    /// One side takes a step, or gets no new input.
    void one_more();
    /// Runs the whole handshake of one side with `sspan::establish`.
    void establish();
    [[nodiscard]] bool is_over() const { return client_.is_over() && server_.is_over(); }
    /// Finishes both sides and checks the contexts.
    void finish();

private:
    /// The tokens and the progress of one side.
    struct side {
        sspan::context_flags required = sspan::context_flags::none;
        sspan::handshake_limits limits;
        loopback::function function{};
        std::vector<bytes> sent; ///< this side's tokens
        bytes pending;           ///< the fragments so far of an unfinished token
        bytes taken;             ///< all bytes that it has taken from the peer
        std::size_t given = 0;   ///< number of the peer's tokens that it got
        std::uint32_t steps = 0;
        bool done = false;
        bool failed = false;
        bool may_be_complete = false; ///< `establish` failed, but the handshake may be complete
        bool speaks = false;          ///< a step without input is next

        [[nodiscard]] bool is_over() const { return done || failed; }
    };

    [[nodiscard]] sspan::channel_bindings choose_bindings();
    [[nodiscard]] sspan::context_flags choose_flags(sspan::context_flags otherwise);
    [[nodiscard]] bytes choose_input(side& receiver, const side& sender);
    void change(bytes& token);
    [[nodiscard]] bytes forged(const bytes& token);
    template <class Handshake>
    sspan::handshake_step step(Handshake& handshake, side& me, std::span<const std::byte> token, std::error_code& ec);
    template <class Handshake>
    void take_step(Handshake& handshake, side& me, const side& peer);
    template <class Handshake>
    void establish(Handshake& handshake, side& me, const side& peer);
    template <class Context>
    void check(const Context& context, const side& me) const;
    [[nodiscard]] bool is_ntlm() const;

    input* in_;
    std::wstring_view package_;
    std::wstring target_;
    bool forged_ = false; ///< an attacker with all secrets has made a token
    sspan::credentials outbound_;
    sspan::credentials inbound_;
    side client_;
    side server_;
    std::unique_ptr<sspan::client_handshake> client_handshake_;
    std::unique_ptr<sspan::server_handshake> server_handshake_;
    sspan::client_context client_context_;
    sspan::server_context server_context_;
};

} // namespace fuzzing
