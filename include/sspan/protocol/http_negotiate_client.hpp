// SPDX-License-Identifier: MIT
//
// The client's side of HTTP's Negotiate authentication.
#pragma once

#include "../client_context.hpp"
#include "../credentials.hpp"
#include "../detail/base64.hpp"
#include "../detail/http_challenges.hpp"
#include "../detail/token_exchange.hpp"
#include "../error.hpp"
#include "../flags.hpp"
#include "../handshake.hpp"
#include "../handshake_step.hpp"
#include "../package.hpp" // detail::without_bad_alloc
#include "http_negotiate_options.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::http_negotiate {

/// The next action of a client.
enum class client_state {
    send_again,    ///< Send the request again on the same connection, with the credentials field.
    authenticated, ///< The answer is final, and the server is authenticated as far as the options require it.
};

/// The result of an answer.
struct client_step {
    client_state state = client_state::send_again;
    /// The value of the credentials field. It is empty if the state is `authenticated`. It is valid until the next call.
    std::string_view credentials;
};

/// The authentication of a client for one exchange on one connection: a request and its repetitions, until the final
/// answer. A new connection needs a new object.
///
/// Nothing of an answer is trustworthy before `take_answer` has returned `authenticated`, neither the status nor the body.
/// With Kerberos, the final answer has the server's last token, which proves the server's identity. HTTP itself does not
/// protect the body; TLS with channel bindings does.
///
/// A failure ends the exchange. Only one thread at a time may use it.
class client {
public:
    /// `target` is the server's principal name, such as L"HTTP/web.corp.example".
    client(const credentials& creds, std::wstring_view target, const client_options& options = {})
        : exchange_{"sspan::http_negotiate::client", client_handshake{creds, target, options.handshake}},
          requires_mutual_auth_{contains(options.handshake.require, context_flags::mutual_auth)},
          server_{options.server}, max_header_{options.max_header} {}

    /// Makes the credentials field for the first request, before the server has demanded it. This saves one request.
    /// Without `begin`, send the first request without the field and pass the answer to `take_answer`.
    ///
    /// @return the value of the field. It is valid until the next call.
    /// @throws error from `client_handshake::step` and `finish`; `insufficient_memory`; `illegal_message` after the first
    ///   token; `no_context` after a failure.
    [[nodiscard]] std::string_view begin(std::error_code& ec) & noexcept {
        return run(ec,
                   [&]() -> client_step {
                       return phase_ == phase::idle ? send_token({}, ec)
                                                    : fail(errc::illegal_message, " has begun already", ec);
                   })
            .credentials;
    }
    [[nodiscard]] std::string_view begin() & {
        std::error_code ec;
        const auto value = begin(ec);
        exchange_.throw_if(ec);
        return value;
    }

    /// Takes an answer with a status of 200 or more. `challenges` are the values of all its challenge fields, whatever its
    /// status. Field values are passed without line breaks.
    ///
    /// For a client of an origin, an answer of a proxy (407) is `illegal_message`.
    /// @throws error:
    ///   - `mutual_auth_failed` for a final answer without a token, or before the handshake is complete;
    ///   - `logon_denied` if the server demands authentication again;
    ///   - `secpkg_not_found` if the server does not offer Negotiate;
    ///   - `invalid_token` for a token that is not base64, for several tokens, for a malformed field if no field offers
    ///     Negotiate, or for fields longer than `max_header`;
    ///   - `illegal_message` for a token in the first challenge or after the last token, for an answer after the final one, and
    ///     for a status below 200;
    ///   - `no_context` after a failure; `insufficient_memory`;
    ///   - errors of `client_handshake::step` and `finish`. The token of a denial is passed to the package, whose error tells
    ///     the reason.
    /// @note If this side is complete with its own last token (NTLM), the final answer has no token. It is accepted only if
    ///   the server has been authenticated before, or if `mutual_auth` is not required. In the latter case, a token of the
    ///   final answer is ignored.
    [[nodiscard]] client_step take_answer(unsigned status, std::span<const std::string_view> challenges,
                                          std::error_code& ec) & noexcept {
        return run(ec, [&] { return take(status, challenges, ec); });
    }
    [[nodiscard]] client_step take_answer(unsigned status, std::span<const std::string_view> challenges) & {
        std::error_code ec;
        const auto step = take_answer(status, challenges, ec);
        exchange_.throw_if(ec);
        return step;
    }
    /// Returns what `what()` of the throwing form says. `ec` is the error of the last `begin` or `take_answer`.
    [[nodiscard]] std::string explain(const std::error_code& ec) const { return exchange_.explain(ec); }

    /// Returns the context of a client that is `authenticated`.
    /// @throws error `no_context` before.
    client_context finish(std::error_code& ec) & = delete; // use std::move: the exchange is used up
    client_context finish() & = delete;
    [[nodiscard]] client_context finish(std::error_code& ec) && noexcept {
        exchange_.begin_call();
        ec = phase_ == phase::authenticated && context_ ? std::error_code{} : errc::no_context;
        phase_ = phase::over;
        return ec ? client_context{} : std::move(context_);
    }
    [[nodiscard]] client_context finish() && {
        std::error_code ec;
        auto context = std::move(*this).finish(ec);
        exchange_.throw_if(ec);
        return context;
    }

private:
    enum class phase { idle, exchanging, last_token_sent, authenticated, over };

    template <class Body>
    client_step run(std::error_code& ec, Body body) noexcept {
        exchange_.begin_call();
        const auto step = detail::without_bad_alloc<client_step>(
            ec, [&] { return phase_ == phase::over ? fail(errc::no_context, " is over", ec) : body(); });
        if (ec) {
            phase_ = phase::over;
            context_ = {};
        }
        return ec ? client_step{} : step;
    }
    client_step fail(errc error, const char* reason, std::error_code& ec) noexcept {
        exchange_.refuse(error, reason, ec);
        return {};
    }

    client_step take(unsigned status, std::span<const std::string_view> challenges, std::error_code& ec) {
        if (status < 200 || phase_ == phase::authenticated) {
            return fail(errc::illegal_message, " was given an answer that is not the next final one", ec);
        }
        if (status == challenge_status(server_kind::proxy) && server_ == server_kind::origin) {
            return fail(errc::illegal_message, " was given a proxy's answer", ec);
        }
        std::size_t size = 0;
        for (const auto value : challenges) {
            if (value.size() > max_header_ - size) {
                return fail(errc::invalid_token, " was given challenges that exceed the limit", ec);
            }
            size += value.size();
        }
        const auto found = detail::find_negotiate(challenges);
        if (found.ambiguous || (found.malformed && !found.offered)) {
            return fail(errc::invalid_token, " was given malformed challenges", ec);
        }
        const bool denied = status == challenge_status(server_);
        switch (phase_) {
        case phase::idle:
            return begin_after_challenge(denied, found, ec);
        case phase::exchanging:
            if (!found.token.empty()) {
                return take_token(denied, found.token, ec);
            }
            return denied ? fail(errc::logon_denied, " was denied by the server", ec)
                          : fail(errc::mutual_auth_failed, " was given a final answer without a token", ec);
        default: // last_token_sent
            return take_verdict(denied, found, ec);
        }
    }
    client_step begin_after_challenge(bool denied, const detail::negotiate_challenges& found, std::error_code& ec) {
        if (!denied) {
            return fail(errc::mutual_auth_failed, " was given a final answer before its first token", ec);
        }
        if (!found.offered) {
            return fail(errc::secpkg_not_found, " was not offered Negotiate", ec);
        }
        return found.token.empty() ? send_token({}, ec)
                                   : fail(errc::illegal_message, " was given a token before its first one", ec);
    }
    client_step take_token(bool denied, std::string_view text, std::error_code& ec) {
        std::vector<std::byte> token;
        if (!detail::decode_base64(text, token)) {
            return fail(errc::invalid_token, " was given a token that is not base64", ec);
        }
        if (denied) {
            return send_token(token, ec);
        }
        const auto taken = exchange_.step(token, ec);
        if (ec) {
            return {};
        }
        if (!taken.done() || !taken.token.empty()) {
            return fail(errc::mutual_auth_failed, " was given a final answer before the end of the handshake", ec);
        }
        return complete(ec) ? authenticated() : client_step{};
    }
    client_step take_verdict(bool denied, const detail::negotiate_challenges& found, std::error_code& ec) noexcept {
        if (denied) {
            return fail(errc::logon_denied, " was denied by the server", ec);
        }
        if (!context_) {
            return fail(errc::invalid_handle, " was moved from", ec);
        }
        if (requires_mutual_auth_ && !found.token.empty()) {
            return fail(errc::illegal_message, " was given a token after the end of the handshake", ec);
        }
        return authenticated();
    }

    /// Takes the server's token, if there is one, and makes ours.
    client_step send_token(std::span<const std::byte> input, std::error_code& ec) {
        const auto taken = exchange_.step(input, ec);
        if (ec) {
            return {};
        }
        if (taken.token.empty()) {
            return taken.done() ? fail(errc::logon_denied, " was denied by the server", ec)
                                : fail(errc::illegal_message, " has no token to send", ec);
        }
        phase_ = phase::exchanging;
        value_ = detail::negotiate_scheme;
        value_ += ' ';
        detail::append_base64(taken.token, value_);
        if (taken.done()) { // the last token leaves only if the context is as required
            phase_ = phase::last_token_sent;
            if (!complete(ec)) {
                return {};
            }
        }
        return {client_state::send_again, value_};
    }
    bool complete(std::error_code& ec) noexcept {
        context_ = exchange_.finish(ec);
        return !ec;
    }
    client_step authenticated() noexcept {
        phase_ = phase::authenticated;
        return {client_state::authenticated, {}};
    }
    detail::token_exchange<client_handshake> exchange_;
    client_context context_;
    std::string value_;
    phase phase_ = phase::idle;
    bool requires_mutual_auth_;
    server_kind server_;
    std::size_t max_header_;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::http_negotiate
