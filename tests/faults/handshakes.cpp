// SPDX-License-Identifier: MIT
#include "handshake_statuses.hpp"
#include "scenario.hpp"

#include <sspan/channel_bindings.hpp>
#include <sspan/establish.hpp>
#include <sspan/handshake.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

namespace faults {

namespace {

using sspan::errc;
using sspan::handshake_state;

const std::array<std::byte, 32> certificate_hash{std::byte{1}, std::byte{2}, std::byte{3}};

/// A handshake of five legs with channel bindings, step by step.
class handshake final : public scenario {
public:
    handshake(const profile& which, bool completes)
        : which_{which}, ntlm_{completes && which.package != sspan::package::ntlm ? sspan::ntlm_use::refused
                                                                                  : sspan::ntlm_use::allowed} {
        which.settings().legs = 5;
        if (completes) {
            for (auto* side : {&loopback::configure().client, &loopback::configure().server}) {
                side->continue_status = SEC_I_COMPLETE_AND_CONTINUE;
                side->final_status = SEC_I_COMPLETE_NEEDED;
            }
        }
        outbound_ = sspan::credentials::outbound(which.package);
        inbound_ = sspan::credentials::inbound(which.package);

        add("channel_bindings", [this] {
            channel_ = sspan::channel_bindings::tls_server_end_point(certificate_hash);
            const auto copied = channel_;
            channel_ = sspan::channel_bindings::adopt(copied.native());
        }).constructs = true;
        add("client_handshake", [this] {
            auto options = which_.client_options();
            options.bindings = channel_;
            options.ntlm = ntlm_;
            client_.emplace(outbound_, service(), options);
        }).constructs = true;
        add("server_handshake", [this] {
            sspan::server_options options;
            options.bindings = channel_;
            options.service_names = {service()};
            options.ntlm = ntlm_;
            server_.emplace(inbound_, options);
        }).constructs = true;
        for (int round = 0; round != 3; ++round) {
            add_step("client's step", client_, completes);
            add_step("server's step", server_, completes);
        }
        finish("client's finish", client_, client_context_);
        finish("server's finish", server_, server_context_);
    }

private:
    template <class Handshake>
    void add_step(const char* name, std::optional<Handshake>& side, bool completes) {
        auto& added = add(name, [this, &side](auto&... ec) { taken_ = side->step(token_, ec...); });
        added.prepare = [this] {
            if (taken_.state != handshake_state::incomplete_message) { // in that state, the same token is used again
                token_ = copy_of(taken_.token);
            }
            taken_ = {};
        };
        added.holds = [this] { return taken_.used == token_.size() && (taken_.done() || !taken_.token.empty()); };
        added.holds_after_failure = [this] { return taken_.token.empty() && taken_.used == 0 && !taken_.done(); };
        added.after_failure = after::no_context;
        added.after_odd_success = after::no_context;
        added.allocates_nothing = true;
        added.differs = [this, completes](const call& which, const fault& wrong) -> std::optional<expectation> {
            if (!is_step(which.which)) {
                return std::nullopt;
            }
            const auto state = state_of(wrong.status);
            const auto in_state = [this, state] { return taken_.state == state; };
            if (waits_for_more(which, wrong)) {
                return expectation{{}, after::retry, in_state}; // the step has no effect
            }
            if (says_invalid_handle(which, wrong) && which.nth == 1) {
                return expectation{errc::invalid_token, after::no_context};
            }
            // A step without input cannot need more of it: the output is too small.
            if (wrong.status == SEC_E_INCOMPLETE_MESSAGE) {
                return expectation{errc::buffer_too_small, after::no_context};
            }
            if (wrong.how == fault::kind::lies) { // a first step then returns no handle
                return which.nth == 1 ? expectation{errc::internal_error, after::no_context} : up_to_the_package();
            }
            if (wrong.status < 0 || !state) {
                return std::nullopt;
            }
            if (asks_to_complete(wrong) && !completes) { // the package does not expect CompleteAuthToken
                return expectation{errc::unsupported_function, after::no_context, {}, false, "CompleteAuthToken"};
            }
            return expectation{{}, after::stop, in_state};
        };
    }

    template <class Handshake, class Context>
    void finish(const char* name, std::optional<Handshake>& side, Context& context) {
        auto& added = add(name, [&side, &context](auto&... ec) { context = std::move(*side).finish(ec...); });
        added.holds = [&context] { return static_cast<bool>(context); };
        added.holds_after_failure = [&context] { return !context; };
        added.after_failure = after::no_context;
        added.allocates_nothing = true;
        // An unknown package is no proof of the server's identity: Negotiate may have chosen NTLM.
        constexpr bool is_client = std::is_same_v<Handshake, sspan::client_handshake>;
        const bool is_doubtful =
            which_.package == sspan::package::negotiate && (is_client || ntlm_ == sspan::ntlm_use::refused);
        const auto* const call_name = is_client ? "InitializeSecurityContext" : "AcceptSecurityContext";
        const auto of_unknown = is_doubtful
                                    ? expectation{errc::security_qos_failed, after::no_context, {}, false, call_name}
                                    : expectation{};
        added.differs = [of_unknown, call_name](const call& which, const fault& wrong) -> std::optional<expectation> {
            if (which.which != function::query_context_attributes || wrong.how == fault::kind::succeeds_oddly) {
                return std::nullopt;
            }
            if (which.flags == SECPKG_ATTR_NEGOTIATION_INFO) {
                return of_unknown;
            }
            if (which.flags == SECPKG_ATTR_CLIENT_SPECIFIED_TARGET) { // a success without a target is an error
                return wrong.how == fault::kind::lies
                           ? std::optional{expectation{errc::wrong_principal, after::no_context, {}, false, call_name}}
                           : std::nullopt;
            }
            return wrong.how == fault::kind::lies ? std::optional{expectation{{}, after::stop}} // sizes of zero
                                                  : std::nullopt;
        };
    }

    profile which_;
    sspan::ntlm_use ntlm_;
    sspan::credentials outbound_;
    sspan::credentials inbound_;
    sspan::channel_bindings channel_;
    std::optional<sspan::client_handshake> client_;
    std::optional<sspan::server_handshake> server_;
    sspan::handshake_step taken_;
    bytes token_;
    sspan::client_context client_context_;
    sspan::server_context server_context_;
};

/// A whole handshake with `establish` on one side. The other side steps when it receives a token.
class establishing final : public scenario {
public:
    explicit establishing(const profile& which) : which_{which} {
        outbound_ = sspan::credentials::outbound(which.package);
        inbound_ = sspan::credentials::inbound(which.package);
        establish("client", client_, server_, client_context_, "AcceptSecurityContext");
        establish("server", server_, client_, server_context_, "InitializeSecurityContext");
    }

private:
    template <class Handshake, class Peer, class Context>
    void establish(const char* name, std::optional<Handshake>& side, std::optional<Peer>& peer, Context& context,
                   const char* peers_call) {
        // No token is copied, so every allocation is the library's.
        const auto receive = [this, &peer](std::error_code& ec) {
            if (std::same_as<Peer, sspan::client_handshake> && !spoken_) {
                answer_ = peer->step({}, ec).token;
                spoken_ = true;
            }
            return std::exchange(answer_, {});
        };
        const auto send = [this, &peer](std::span<const std::byte> token, std::error_code& ec) {
            spoken_ = true;
            answer_ = peer->step(token, ec).token;
        };
        const auto or_throw = [peers_call](const std::error_code& ec) {
            if (ec) {
                throw sspan::error{ec, peers_call};
            }
        };
        auto& added = add(
            name,
            [=, &side, &context](std::error_code& ec) {
                context = sspan::establish(std::move(*side), send, receive, ec);
            },
            [=, &side, &context] {
                context = sspan::establish(
                    std::move(*side),
                    [&](std::span<const std::byte> token) {
                        std::error_code ec;
                        send(token, ec);
                        or_throw(ec);
                    },
                    [&] {
                        std::error_code ec;
                        const auto token = receive(ec);
                        or_throw(ec);
                        return token;
                    });
            });
        added.prepare = [this] { // a failed handshake cannot be repeated
            client_.emplace(outbound_, service(), which_.client_options());
            server_.emplace(inbound_);
            answer_ = {};
            spoken_ = false;
        };
        added.holds = [&context] { return static_cast<bool>(context); };
        added.holds_after_failure = [&context] { return !context; };
        added.throws_bad_alloc = true;
        constexpr auto own_step = std::same_as<Handshake, sspan::client_handshake>
                                      ? function::initialize_security_context
                                      : function::accept_security_context;
        added.differs = [](const call& which_call, const fault& wrong) -> std::optional<expectation> {
            using kind = fault::kind;
            if (is_step(which_call.which)) {
                if (wrong.status == SEC_E_INCOMPLETE_MESSAGE && which_call.which != own_step) {
                    // The fault is in the peer's step, and the peer's answer may not be needed.
                    return up_to_the_package();
                }
                if (waits_for_more(which_call, wrong)) { // no more input arrives
                    return expectation{errc::invalid_token, after::retry, {}, false, "sspan::establish"};
                }
                if (says_invalid_handle(which_call, wrong)) {
                    return which_call.nth == 1 ? expectation{errc::invalid_token, after::retry} : up_to_the_package();
                }
                if (wrong.status == SEC_E_INCOMPLETE_MESSAGE) {
                    return expectation{errc::buffer_too_small, after::retry};
                }
                if (wrong.how == kind::lies && which_call.nth == 1) {
                    return expectation{errc::internal_error, after::retry};
                }
                if (wrong.how == kind::lies || (wrong.status > 0 && state_of(wrong.status))) {
                    return up_to_the_package();
                }
            } else if (which_call.which == function::query_context_attributes && wrong.how != kind::succeeds_oddly) {
                if (which_call.flags == SECPKG_ATTR_NEGOTIATION_INFO) {
                    return expectation{{}, after::go_on};
                }
                if (wrong.how == kind::lies) {
                    return expectation{{}, after::stop};
                }
            }
            return std::nullopt;
        };
    }

    profile which_;
    sspan::credentials outbound_;
    sspan::credentials inbound_;
    std::optional<sspan::client_handshake> client_;
    std::optional<sspan::server_handshake> server_;
    std::span<const std::byte> answer_;
    bool spoken_ = false;
    sspan::client_context client_context_;
    sspan::server_context server_context_;
};

} // namespace

std::unique_ptr<scenario> handshake_scenario(const profile& which) {
    return std::make_unique<handshake>(which, false);
}
std::unique_ptr<scenario> completed_handshake_scenario(const profile& which) {
    return std::make_unique<handshake>(which, true);
}
std::unique_ptr<scenario> establish_scenario(const profile& which) {
    return std::make_unique<establishing>(which);
}

} // namespace faults
