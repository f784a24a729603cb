// SPDX-License-Identifier: MIT
//
// The server's side of HTTP's Negotiate authentication.
#pragma once

#include "../credentials.hpp"
#include "../detail/base64.hpp"
#include "../detail/http_challenges.hpp"
#include "../detail/token_exchange.hpp"
#include "../error.hpp"
#include "../handshake.hpp"
#include "../handshake_step.hpp"
#include "../package.hpp" // detail::without_bad_alloc
#include "../server_context.hpp"
#include "http_negotiate_options.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::http_negotiate {

/// What a server does with a request.
enum class server_state {
    rejected,      ///< Answer with `challenge_status` and the challenge field: the authentication has failed.
    challenge,     ///< Answer with `challenge_status` and the challenge field: another request completes the handshake.
    authenticated, ///< Serve the request as `context()`, and add the challenge field to the answer unless it is empty.
};

/// The result of a request.
struct server_step {
    server_state state = server_state::rejected;
    /// The value of the challenge field. It is valid until the next call.
    std::string_view challenge;
};

/// The authentication of the requests of one connection. Each connection has an object of its own.
///
/// Each request is passed to `take_request` in the order of the connection. The client of an earlier request is forgotten
/// then, unless the scope of the options is the connection and the request has no credentials field. A failure ends the
/// handshake only: the next request begins another one. Only one thread at a time may use it.
class server {
public:
    explicit server(credentials creds, server_options options = {})
        : credentials_{std::move(creds)}, options_{std::move(options)} {}

    /// Takes the credentials field of a request: no value if the request does not have the field.
    ///
    /// In the form with `ec`, a rejection has a step, too: its challenge has the package's error token if there is one.
    /// Field values are passed without line breaks.
    /// @throws error, after which `challenge()` is the value for the answer:
    ///   - `invalid_token` for a value that is malformed, has no token, is not base64 or is longer than `max_header`;
    ///   - `illegal_message` for several values;
    ///   - `secpkg_not_found` for a scheme other than Negotiate;
    ///   - `insufficient_memory`; errors of `server_handshake::step` and `finish`.
    [[nodiscard]] server_step take_request(std::span<const std::string_view> values, std::error_code& ec) & noexcept {
        exchange_.begin_call();
        if (!is_challenging_) {
            exchange_.drop_handshake(); // it stayed for `explain`
        }
        value_ = detail::negotiate_scheme; // short enough to need no memory
        auto state = detail::without_bad_alloc<server_state>(ec, [&] { return take(values, ec); });
        if (ec) {
            state = server_state::rejected;
        }
        is_challenging_ = state == server_state::challenge && !values.empty();
        if (!is_challenging_ && !ec) {
            exchange_.drop_handshake();
        }
        return {state, value_};
    }
    [[nodiscard]] server_step take_request(std::span<const std::string_view> values) & {
        std::error_code ec;
        const auto step = take_request(values, ec);
        exchange_.throw_if(ec);
        return step;
    }
    /// Returns what `what()` of the throwing form says. `ec` is the error of the last `take_request`.
    [[nodiscard]] std::string explain(const std::error_code& ec) const { return exchange_.explain(ec); }

    /// Returns the value of the challenge field for the answer to the last request. It is valid until the next request.
    [[nodiscard]] std::string_view challenge() const& noexcept { return value_; }
    /// Returns the client of the last request. Unless that request was `authenticated`, this is the zero state, with which
    /// every call fails. `query_user_name` returns the client's name.
    [[nodiscard]] const server_context& context() const& noexcept { return context_; }
    [[nodiscard]] const server_context& context() const&& = delete;

    /// Returns the context of a request that is `authenticated`, for a connection that is not used for HTTP any more.
    /// @throws error `no_context` if the last request was not authenticated.
    server_context finish(std::error_code& ec) & = delete; // use std::move: the next request would have no client
    server_context finish() & = delete;
    [[nodiscard]] server_context finish(std::error_code& ec) && noexcept {
        exchange_.begin_call();
        ec = context_ ? std::error_code{} : errc::no_context;
        return std::move(context_);
    }
    [[nodiscard]] server_context finish() && {
        std::error_code ec;
        auto context = std::move(*this).finish(ec);
        exchange_.throw_if(ec);
        return context;
    }

private:
    server_state reject(errc error, const char* reason, std::error_code& ec) noexcept {
        exchange_.refuse(error, reason, ec);
        return server_state::rejected;
    }

    server_state take(std::span<const std::string_view> values, std::error_code& ec) {
        if (values.empty()) {
            if (options_.scope == authentication_scope::connection && context_) {
                value_.clear();
                return server_state::authenticated;
            }
            context_ = {};
            return server_state::challenge;
        }
        context_ = {};
        if (values.size() > 1) {
            return reject(errc::illegal_message, " was given several credentials", ec);
        }
        if (values.front().size() > options_.max_header) {
            return reject(errc::invalid_token, " was given credentials that exceed the limit", ec);
        }
        detail::http_challenge given;
        if (!detail::read_credentials(values.front(), given)) {
            return reject(errc::invalid_token, " was given malformed credentials", ec);
        }
        if (!detail::is_scheme(given.scheme, detail::negotiate_scheme)) {
            return reject(errc::secpkg_not_found, " was given credentials of another scheme", ec);
        }
        std::vector<std::byte> token;
        if (given.token68.empty() || !detail::decode_base64(given.token68, token)) {
            return reject(errc::invalid_token, " was given credentials without a token in base64", ec);
        }
        return take_token(token, ec);
    }
    server_state take_token(std::span<const std::byte> token, std::error_code& ec) {
        if (!exchange_.has_handshake()) {
            exchange_.start(server_handshake{credentials_, options_.handshake});
        }
        const auto taken = exchange_.step(token, ec);
        if (ec) {
            append_token(taken.token);
            return server_state::rejected;
        }
        if (!taken.done()) {
            append_token(taken.token);
            return taken.token.empty() ? reject(errc::illegal_message, " has no token to send", ec)
                                       : server_state::challenge;
        }
        auto context = exchange_.finish(ec);
        if (ec) {
            return server_state::rejected;
        }
        if (taken.token.empty()) {
            value_.clear();
        }
        append_token(taken.token);
        context_ = std::move(context);
        return server_state::authenticated;
    }
    void append_token(std::span<const std::byte> token) {
        if (!token.empty()) {
            value_.reserve(value_.size() + 1 + detail::base64_length(token.size()));
            value_ += ' ';
            detail::append_base64(token, value_);
        }
    }

    credentials credentials_;
    server_options options_;
    detail::token_exchange<server_handshake> exchange_{"sspan::http_negotiate::server"};
    server_context context_;
    std::string value_;
    bool is_challenging_ = false; // the handshake goes on with the next request
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::http_negotiate
