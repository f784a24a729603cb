// SPDX-License-Identifier: MIT
#include "protocols.hpp"
#include "scenario.hpp"

#include <sspan/client_context.hpp>
#include <sspan/credentials.hpp>
#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/server_context.hpp>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace faults {

namespace {

namespace http = sspan::http_negotiate;
using http::client_state;
using http::server_state;

/// Handshakes of two legs, which the client's token begins, and of four legs, which the server's challenge begins.
class http_exchange final : public scenario {
public:
    explicit http_exchange(const profile& which) : client_side_{"sspan::http_negotiate::client", true, {}} {
        const bool preemptive = which.package == sspan::package::kerberos;
        which.settings().legs = preemptive ? 2 : 4;
        client_side_.unknown_package = doubt_of(which, after::no_context);
        outbound_ = sspan::credentials::outbound(which.package);
        inbound_ = sspan::credentials::inbound(which.package);

        add("client", [this] { client_.emplace(outbound_, service()); }).constructs = true;
        add("server", [this] {
            http::server_options options;
            options.handshake.service_names = {service()};
            server_.emplace(inbound_, options);
        }).constructs = true;
        if (preemptive) {
            add_begin();
            request(server_state::authenticated, after::retry);
        } else {
            answer("the first challenge", 401, client_state::send_again);
            request(server_state::challenge, after::retry);
            answer("a later challenge", 401, client_state::send_again);
            request(server_state::authenticated, after::stop);
        }
        answer("the page", 200, client_state::authenticated);
        finish(client_, client_context_);
        finish(server_, server_context_);
    }

private:
    void of_client(step& added) {
        added.holds_after_failure = [this] { return client_step_.credentials.empty() && !is_authenticated(); };
        added.after_failure = after::no_context;
        added.after_odd_success = after::no_context;
        added.differs = [this](const call& where, const fault& wrong) {
            return in_handshake(client_side_, after::no_context, where, wrong);
        };
    }
    [[nodiscard]] bool is_authenticated() const { return client_step_.state == client_state::authenticated; }

    void add_begin() {
        auto& added = add("begin", [this](auto&... ec) { client_step_.credentials = client_->begin(ec...); });
        added.prepare = [this] { client_step_ = {}; };
        added.holds = [this] { return client_step_.credentials.starts_with("Negotiate "); };
        of_client(added);
    }
    void answer(std::string_view name, unsigned status, client_state expected) {
        auto& added =
            add(name, [this, status](auto&... ec) { client_step_ = client_->take_answer(status, given(), ec...); });
        added.prepare = [this] {
            given_ = server_->challenge().empty() ? "Negotiate" : server_->challenge();
            client_step_ = {};
        };
        added.holds = [this, expected] {
            return client_step_.state == expected && client_step_.credentials.empty() == is_authenticated();
        };
        of_client(added);
    }
    /// A failure ends only the handshake: the server accepts the next request, with or without a first token.
    void request(server_state expected, after next) {
        auto& added = add("request", [this](auto&... ec) { server_step_ = server_->take_request(given(), ec...); });
        added.prepare = [this] {
            given_ = client_step_.credentials;
            server_step_ = {};
        };
        added.holds = [this, expected] {
            return server_step_.state == expected && server_->challenge().starts_with("Negotiate ") &&
                   static_cast<bool>(server_->context()) == (expected == server_state::authenticated);
        };
        added.holds_after_failure = [this, next] {
            const bool is_rejected = server_step_.state == server_state::rejected && !server_->context() &&
                                     server_->challenge().starts_with("Negotiate");
            if (!is_rejected || next == after::retry) {
                return is_rejected;
            }
            std::error_code ec;
            const auto without_token = server_->take_request({}, ec);
            return !ec && without_token.state == server_state::challenge && without_token.challenge == "Negotiate";
        };
        added.after_failure = next;
        added.after_odd_success = next;
        added.differs = [next](const call& where, const fault& wrong) {
            return in_handshake({"sspan::http_negotiate::server", false, {}}, next, where, wrong);
        };
    }
    template <class Side, class Context>
    void finish(std::optional<Side>& side, Context& context) {
        auto& added = add("finish", [&side, &context](auto&... ec) { context = std::move(*side).finish(ec...); });
        added.holds = [&context] { return static_cast<bool>(context); };
        added.allocates_nothing = true;
    }

    [[nodiscard]] std::span<const std::string_view> given() {
        values_[0] = given_;
        return values_;
    }

    protocol_side client_side_;
    sspan::credentials outbound_;
    sspan::credentials inbound_;
    std::optional<http::client> client_;
    std::optional<http::server> server_;
    http::client_step client_step_;
    http::server_step server_step_;
    std::string given_;
    std::array<std::string_view, 1> values_;
    sspan::client_context client_context_;
    sspan::server_context server_context_;
};

} // namespace

std::unique_ptr<scenario> http_negotiate_scenario(const profile& which) {
    return std::make_unique<http_exchange>(which);
}

} // namespace faults
