// SPDX-License-Identifier: MIT
//
// The objects of a program that uses the library, and the calls that it makes on them.
#pragma once

#include <sspan/sspan.hpp>

#include "hostile.hpp"
#include "input.hpp"
#include "surface.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <system_error>

namespace fuzzing {

class package_calls {
public:
    explicit package_calls(input& in) : in_{&in} {}
    void one_more();

private:
    void enumerate();
    void acquire();
    void ask_credentials();
    void start_handshake();
    void step();
    template <class Handshake>
    void step(std::optional<Handshake>& handshake);
    void finish();
    void establish();
    void adopt();
    void hand_over();
    void ask_context();
    template <class Told>
    void ask(Told (*with_code)(const sspan::security_context&, std::error_code&) noexcept,
             Told (*throwing)(const sspan::security_context&));
    template <class Structure>
    void ask_raw();
    void ask_token();
    void impersonate();
    void halve();
    void protect();
    void accept();
    template <class Context>
    void sign(Context& context);
    template <class Context>
    void encrypt(Context& context);
    template <class Context>
    void wrap(Context& context);
    template <class Context>
    void verify(Context& context);
    template <class Context>
    void decrypt(Context& context);
    template <class Context>
    void unwrap(Context& context);

    [[nodiscard]] sspan::security_context& any_context() {
        return in_->flag() ? static_cast<sspan::security_context&>(server_) : client_;
    }
    [[nodiscard]] sspan::context_flags flags();
    [[nodiscard]] sspan::protect_options protection();
    [[nodiscard]] sspan::accept_options acceptance();
    /// Calls either surface.
    template <class WithCode, class Throwing>
    auto on_either(std::error_code& ec, WithCode with_code, Throwing throwing) {
        return fuzzing::on_either(*in_, ec, with_code, throwing);
    }

    input* in_;
    sspan::credentials credentials_;
    std::optional<sspan::client_handshake> client_handshake_;
    std::optional<sspan::server_handshake> server_handshake_;
    sspan::client_context client_;
    sspan::server_context server_;
    sspan::access_token token_;
    sspan::message_halves halves_;
};

} // namespace fuzzing
