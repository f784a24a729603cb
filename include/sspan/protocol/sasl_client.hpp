// SPDX-License-Identifier: MIT
//
// The client's side of SASL with Kerberos: GSSAPI (RFC 4752) and GSS-SPNEGO.
#pragma once

#include "../bytes.hpp"
#include "../client_context.hpp"
#include "../credentials.hpp"
#include "../detail/sasl_exchange.hpp"
#include "../detail/sasl_layers.hpp"
#include "../error.hpp"
#include "../flags.hpp"
#include "../handshake.hpp"
#include "../handshake_options.hpp"
#include "../message_frame.hpp"
#include "../os/secret.hpp"
#include "sasl_channel.hpp"
#include "sasl_options.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::sasl {

/// The result of a client's step.
struct client_step {
    /// The response to send. It may be empty, and must be sent then, too. A failed step may have one: it tells the peer
    /// the reason. It belongs to the client and is valid until the next step.
    std::optional<std::span<const std::byte>> response;
    /// True if the client is satisfied. The connection is authenticated when the server reports success, too.
    bool done = false;
};

/// The client's side of an exchange.
///
/// A failed step ends the exchange. An established context is deleted. After completion, a step only fails. Then close the connection, or abort the exchange as the
/// protocol prescribes.
class client : public detail::sasl_exchange<client_handshake> {
public:
    /// `creds` are for `package_of(options.mechanism)`. `target` is the service's principal name, such as
    /// L"ldap/server.corp.example".
    client(const credentials& creds, std::wstring_view target, const client_options& options = {})
        : sasl_exchange{"sspan::sasl::client", client_handshake{creds, target, completed(options)}, creds, options} {
        const auto text = std::as_bytes(std::span{options.authorization_identity});
        identity_.assign(text.begin(), text.end());
        if (!detail::is_utf8_without_zero(text) || (!text.empty() && options.mechanism != mechanism::gssapi)) {
            refuse_arguments();
        }
    }

    /// Takes the server's challenge and makes the response. The first step has no challenge, or an empty one; its
    /// response is the initial response.
    ///
    /// Answer each challenge. Exception: do not answer a challenge that comes together with the server's success.
    /// Some servers send an empty one with it: do not pass it to a client that is done.
    /// @throws handshake_error, with a token for the peer if the package made one:
    ///   - those of `client_handshake::step` and `finish`; `invalid_token` for an empty challenge in the handshake;
    ///   - `security_qos_failed` if the server offers no layer that the options accept;
    ///   - `illegal_message` for an offer that does not have 4 bytes, has a maximum without a layer or has a maximum in
    ///     which no message fits; for a challenge before the first step; after completion;
    ///   - `message_altered`, `out_of_sequence`, `invalid_token` and others for an offer that is not authentic;
    ///   - `qop_not_supported` if the context cannot sign;
    ///   - `unsupported_function` for a layer of `integrity` with NTLM;
    ///   - `invalid_parameter` for credentials of another package, a maximum of 0, over 0xFFFFFF or too small to send, an empty set of
    ///     layers, flags that the options do not allow; for an identity that is not UTF-8, contains a zero or cannot be
    ///     sent with `gss_spnego`;
    ///   - `no_context` after a failure;
    ///   - `insufficient_memory`.
    /// @note Calls InitializeSecurityContext, EncryptMessage and DecryptMessage.
    [[nodiscard]] client_step step(const_bytes challenge, std::error_code& ec) & noexcept {
        return run<client_step>([&](std::error_code& failure) { return advance(challenge, failure); }, ec);
    }
    [[nodiscard]] client_step step(const_bytes challenge = {}) & {
        std::error_code ec;
        const auto taken = step(challenge, ec);
        if (ec) {
            exchange_.throw_failed(ec, taken.response.value_or(std::span<const std::byte>{}));
        }
        return taken;
    }
    [[nodiscard]] client_step step(const_bytes challenge, std::error_code& ec) && = delete; // the response would dangle
    [[nodiscard]] client_step step(const_bytes challenge = {}) && = delete;

    /// Returns the channel. Use it after the server has reported success. On failure the exchange is over.
    /// @throws error `no_context` before completion, `insufficient_memory`.
    client_channel finish(std::error_code& ec) & = delete; // use std::move: the client is used up
    client_channel finish() & = delete;
    [[nodiscard]] client_channel finish(std::error_code& ec) && noexcept {
        return finish_as<client_channel>(
            [](client_context context, std::uint8_t chosen, std::size_t receive, message_frame frame,
               std::size_t send) {
                return client_channel{std::move(context), layer{chosen}, receive, std::move(frame), send};
            },
            ec);
    }
    [[nodiscard]] client_channel finish() && {
        std::error_code ec;
        auto made = std::move(*this).finish(ec);
        exchange_.throw_if(ec);
        return made;
    }

private:
    static sspan::client_options completed(const client_options& options) {
        auto handshake = detail::handshake_options_of<sspan::client_options>(options);
        if (options.mechanism == mechanism::gssapi) {
            handshake.require |= context_flags::mutual_auth;
            handshake.request |= context_flags::sequence_detect;
        } else if (options.layers == layer::none) { // Negotiate would add a layer
            handshake.request |= context_flags::no_integrity;
        }
        return handshake;
    }

    client_step advance(std::span<const std::byte> challenge, std::error_code& ec) {
        if (phase_ == phase::layers) {
            return {answer_offer(challenge, ec), !ec};
        }
        if (phase_ == phase::first && !challenge.empty()) {
            fail(errc::illegal_message, " was given a challenge before its first response", ec);
            return {};
        }
        const auto token = take_token(challenge, ec);
        if (!ec && context_ && mechanism_ == mechanism::gss_spnego) {
            choose_spnego_layer(ec);
            phase_ = phase::done;
        } else if (!ec && context_) {
            phase_ = phase::layers;
        }
        if (ec) {
            return token.empty() ? client_step{} : client_step{token};
        }
        return {token, phase_ == phase::done};
    }

    std::optional<std::span<const std::byte>> answer_offer(std::span<const std::byte> challenge, std::error_code& ec) {
        const auto plain = open(challenge, ec);
        if (ec) {
            return {};
        }
        if (plain.size() != detail::sasl_layers::size) {
            fail(errc::illegal_message, " was given an offer that does not have 4 bytes", ec);
            return {};
        }
        const auto offer = detail::sasl_layers::read(plain.first<detail::sasl_layers::size>());
        if ((offer.bits & 6) == 0 && offer.max_buffer != 0) {
            fail(errc::illegal_message, " was given a maximum without a layer", ec);
            return {};
        }
        const auto common =
            static_cast<std::uint8_t>(offer.bits & acceptable_ & detail::layers_of_flags(context_.granted()));
        const auto chosen = detail::strongest_layer(common);
        if (chosen == 0) {
            fail(errc::security_qos_failed, " was offered no layer that the options accept", ec);
            return {};
        }
        choose(chosen, offer.max_buffer, ec);
        if (ec) {
            return {};
        }
        const auto choice = detail::sasl_layers{chosen, chosen == 1 ? 0 : max_receive_}.write();
        detail::wiped_vector plain_answer{choice.begin(), choice.end()};
        plain_answer.insert(plain_answer.end(), identity_.begin(), identity_.end());
        const auto response = protect(plain_answer, ec);
        if (ec) {
            return {};
        }
        phase_ = phase::done;
        return response;
    }

    std::vector<std::byte> identity_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::sasl
