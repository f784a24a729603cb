// SPDX-License-Identifier: MIT
//
// The server's side of SASL with Kerberos: GSSAPI (RFC 4752) and GSS-SPNEGO.
#pragma once

#include "../bytes.hpp"
#include "../credentials.hpp"
#include "../detail/sasl_exchange.hpp"
#include "../detail/sasl_layers.hpp"
#include "../error.hpp"
#include "../flags.hpp"
#include "../handshake.hpp"
#include "../handshake_options.hpp"
#include "../message_frame.hpp"
#include "../server_context.hpp"
#include "sasl_channel.hpp"
#include "sasl_options.hpp"

#include <algorithm> // std::ranges::copy
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::sasl {

/// The result of a server's step.
struct server_step {
    /// The challenge to send. It may be empty, and must be sent then, too. A failed step may have one: it tells the peer
    /// the reason. It belongs to the server and is valid until the next step.
    std::optional<std::span<const std::byte>> challenge;
    /// True if the client is authenticated. Report success after `finish` and after the check of the names. A
    /// challenge is sent together with the success. A protocol that cannot do this sends the challenge, expects an empty
    /// response, and sends the success.
    bool done = false;
};

/// The server's side of an exchange.
///
/// A failed step ends the exchange. An established context is deleted. After completion, a step only fails. Then report the failure to the client.
class server : public detail::sasl_exchange<server_handshake> {
public:
    /// `creds` are inbound credentials for `package_of(options.mechanism)`.
    explicit server(const credentials& creds, const server_options& options = {})
        : sasl_exchange{"sspan::sasl::server", server_handshake{creds, completed(options)}, creds, options} {}

    /// Takes the client's response and makes the challenge. If the client has not sent an initial response, the first
    /// step takes an empty one; its challenge is empty, too.
    ///
    /// @throws handshake_error, with a token for the peer if the package made one:
    ///   - those of `server_handshake::step` and `finish`; `invalid_token` for an empty response in the handshake;
    ///   - `security_qos_failed` if the context supports none of the layers, or the client chooses another one;
    ///   - `illegal_message` for a choice that is shorter than 4 bytes, does not name exactly one layer, has a maximum
    ///     without a layer or one in which no message fits, or has an identity that is not UTF-8 or contains a zero; for
    ///     a response that should be empty; after completion;
    ///   - the other errors of `client::step`.
    /// @note Calls AcceptSecurityContext, EncryptMessage and DecryptMessage.
    [[nodiscard]] server_step step(const_bytes response, std::error_code& ec) & noexcept {
        return run<server_step>([&](std::error_code& failure) { return advance(response, failure); }, ec);
    }
    [[nodiscard]] server_step step(const_bytes response) & {
        std::error_code ec;
        const auto taken = step(response, ec);
        if (ec) {
            exchange_.throw_failed(ec, taken.challenge.value_or(std::span<const std::byte>{}));
        }
        return taken;
    }
    [[nodiscard]] server_step step(const_bytes response, std::error_code& ec) && = delete; // the challenge would dangle
    [[nodiscard]] server_step step(const_bytes response) && = delete;

    /// Returns the identity that the client wants to act as, in UTF-8. If it is empty, the client acts under its
    /// authenticated name. It is empty before completion. The program decides whether the authenticated client may act
    /// as this identity.
    [[nodiscard]] const std::string& authorization_identity() const& noexcept { return identity_; }
    [[nodiscard]] const std::string& authorization_identity() const&& = delete;

    /// Returns the channel. Its context has the client's name. On failure the exchange is over.
    /// @throws error `no_context` before completion, `insufficient_memory`.
    server_channel finish(std::error_code& ec) & = delete; // use std::move: the server is used up
    server_channel finish() & = delete;
    [[nodiscard]] server_channel finish(std::error_code& ec) && noexcept {
        return finish_as<server_channel>(
            [](server_context context, std::uint8_t chosen, std::size_t receive, message_frame frame,
               std::size_t send) {
                return server_channel{std::move(context), layer{chosen}, receive, std::move(frame), send};
            },
            ec);
    }
    [[nodiscard]] server_channel finish() && {
        std::error_code ec;
        auto made = std::move(*this).finish(ec);
        exchange_.throw_if(ec);
        return made;
    }

private:
    static sspan::server_options completed(const server_options& options) {
        auto handshake = detail::handshake_options_of<sspan::server_options>(options);
        handshake.service_names = options.service_names;
        return handshake;
    }

    server_step advance(std::span<const std::byte> response, std::error_code& ec) {
        switch (phase_) {
        case phase::layers:
            take_choice(response, ec);
            return {std::nullopt, !ec};
        case phase::token_sent:
            if (!response.empty()) {
                fail(errc::illegal_message, " was given a response that should be empty", ec);
                return {};
            }
            return {offer(ec)};
        case phase::first:
            if (response.empty()) {
                phase_ = phase::handshake;
                return {std::span<const std::byte>{}};
            }
            break;
        default:
            break;
        }
        const auto token = take_token(response, ec);
        if (!ec && context_ && mechanism_ == mechanism::gss_spnego) {
            choose_spnego_layer(ec);
            phase_ = phase::done;
        } else if (!ec && context_ && token.empty()) {
            return {offer(ec)};
        } else if (!ec && context_) {
            phase_ = phase::token_sent;
        }
        const bool says_nothing = token.empty() && (ec || phase_ == phase::done);
        return {says_nothing ? std::nullopt : std::optional{token}, !ec && phase_ == phase::done};
    }

    std::optional<std::span<const std::byte>> offer(std::error_code& ec) {
        offered_ = static_cast<std::uint8_t>(acceptable_ & detail::layers_of_flags(context_.granted()));
        if (offered_ == 0) {
            fail(errc::security_qos_failed, " was granted none of the layers of the options", ec);
            return {};
        }
        const auto plain = detail::sasl_layers{offered_, (offered_ & 6) != 0 ? max_receive_ : 0}.write();
        const auto challenge = protect(plain, ec);
        if (ec) {
            return {};
        }
        phase_ = phase::layers;
        return challenge;
    }

    void take_choice(std::span<const std::byte> response, std::error_code& ec) {
        const auto plain = open(response, ec);
        if (ec) {
            return;
        }
        if (plain.size() < detail::sasl_layers::size) {
            fail(errc::illegal_message, " was given a choice of less than 4 bytes", ec);
            return;
        }
        const auto choice = detail::sasl_layers::read(plain.first<detail::sasl_layers::size>());
        const auto identity = plain.subspan(detail::sasl_layers::size);
        if (choice.bits == 0 || choice.bits != detail::strongest_layer(choice.bits)) {
            fail(errc::illegal_message, " was not given exactly one layer", ec);
        } else if ((choice.bits & offered_) == 0) {
            fail(errc::security_qos_failed, " was given a layer that it has not offered", ec);
        } else if (choice.bits == 1 && choice.max_buffer != 0) {
            fail(errc::illegal_message, " was given a maximum without a layer", ec);
        } else if (!detail::is_utf8_without_zero(identity)) {
            fail(errc::illegal_message, " was given an identity that is not UTF-8 or contains a zero", ec);
        } else {
            choose(choice.bits, choice.max_buffer, ec);
        }
        if (ec) {
            return;
        }
        identity_.resize(identity.size());
        std::ranges::copy(identity, std::as_writable_bytes(std::span{identity_}).begin());
        phase_ = phase::done;
    }

    std::string identity_;
    std::uint8_t offered_ = 0;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::sasl
