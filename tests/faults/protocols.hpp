// SPDX-License-Identifier: MIT
//
// The common part of the protocols' scenarios: the results of their handshakes, and messages over their channels.
#pragma once

#include "handshake_statuses.hpp"
#include "scenario.hpp"

#include "unit/messages.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

namespace faults {

/// One side of a protocol.
struct protocol_side {
    const char* name; ///< the class that errors of the protocol itself name
    bool is_client;
    std::optional<expectation> unknown_package; ///< if the package does not report which package is at work
};

/// Returns the expectation for a fault in the handshake of a protocol. After a failure, the run continues with `next`.
inline std::optional<expectation> in_handshake(const protocol_side& side, after next, const call& where,
                                               const fault& wrong) {
    using sspan::errc;
    if (where.which == function::query_context_attributes && wrong.how != fault::kind::succeeds_oddly) {
        if (where.flags == SECPKG_ATTR_NEGOTIATION_INFO) {
            return side.unknown_package.value_or(expectation{});
        }
        if (wrong.how != fault::kind::lies) {
            return std::nullopt;
        }
        return where.flags == SECPKG_ATTR_CLIENT_SPECIFIED_TARGET // a success without a target
                   ? expectation{errc::wrong_principal, next, {}, false, "AcceptSecurityContext"}
                   : up_to_the_package(); // sizes of zero
    }
    if (!is_step(where.which)) {
        return std::nullopt;
    }
    if (waits_for_more(where, wrong)) { // no protocol here splits tokens
        return expectation{errc::invalid_token, next, {}, false, side.name};
    }
    if (wrong.status == SEC_E_INCOMPLETE_MESSAGE) {
        return expectation{errc::buffer_too_small, next};
    }
    if (says_invalid_handle(where, wrong) && where.nth == 1) {
        return expectation{errc::invalid_token, next};
    }
    if (wrong.how == fault::kind::lies) { // a first step then returns no handle
        return where.nth == 1 ? expectation{errc::internal_error, next} : up_to_the_package();
    }
    if (asks_to_complete(wrong)) { // the package does not expect CompleteAuthToken
        return expectation{errc::unsupported_function, next, {}, false, "CompleteAuthToken"};
    }
    const auto state = wrong.status > 0 ? state_of(wrong.status) : std::nullopt;
    if (state == sspan::handshake_state::incomplete_credentials || state == sspan::handshake_state::message_fragment) {
        return expectation{errc::unsupported_function, next, {}, false, side.name};
    }
    return state ? std::optional{up_to_the_package()} : std::nullopt;
}

/// Returns the expectation for a client if Negotiate does not report the chosen package. It could be NTLM, which does
/// not prove the server's identity.
inline std::optional<expectation> doubt_of(const profile& which, after next) {
    return which.package == sspan::package::negotiate
               ? std::optional{expectation{
                     sspan::errc::security_qos_failed, next, {}, false, "InitializeSecurityContext"}}
               : std::nullopt;
}

/// The base of scenarios with channels. It adds the steps of one message: four bytes of length, and the wrapped
/// payload.
class channel_scenario : public scenario {
protected:
    /// `sending` and `receiving`: the functions that errors name. By default it is the package's function.
    template <class Sender, class Receiver>
    void add_message(Sender& from, Receiver& to, const char* sending = nullptr, const char* receiving = nullptr) {
        auto& wrap = add(
            "wrap",
            [this, &from](std::error_code& ec) {
                const auto size = from.assign(plain_, ec);
                wire_ = from.wrap(size, ec);
            },
            [this, &from] { wire_ = from.wrap(from.assign(plain_)); });
        wrap.prepare = [this] { wire_ = {}; };
        wrap.holds = [this] { return wire_.size() > prefix_.size() + plain_.size(); };
        wrap.holds_after_failure = [this, &from] {
            return wire_.empty() && all_zero(from.payload().first(plain_.size()));
        };
        wrap.after_odd_success = after::stop; // the peer waits for the lost message
        wrap.allocates_nothing = true;
        wrap.differs = blames(sending, after::retry, after::stop);

        auto& unwrap = add("unwrap", [this, &to](auto&... ec) {
            if (to.length(prefix_, ec...) == message_.size()) {
                opened_ = to.unwrap(message_, ec...);
            }
        });
        unwrap.prepare = [this] {
            std::ranges::copy(wire_.first(prefix_.size()), prefix_.begin());
            message_ = copy_of(wire_.subspan(prefix_.size()));
            opened_ = {};
        };
        unwrap.holds = [this] { return std::ranges::equal(opened_, plain_); };
        unwrap.holds_after_failure = [this] { return opened_.empty() && all_zero(message_); };
        unwrap.after_odd_success = after::go_on; // the message is used up
        unwrap.allocates_nothing = true;
        unwrap.differs = blames(receiving, after::retry, after::go_on);
    }

    template <class Channel, class Halves>
    void add_split(Channel& from, Halves& into) {
        auto& split = add("split", [&from, &into](auto&... ec) { into = std::move(from).split(ec...); });
        split.holds = [&from, &into] { return into.sender && into.receiver && !from; };
        split.allocates_nothing = true;
    }

private:
    static std::function<std::optional<expectation>(const call&, const fault&)> blames(const char* name, after failure,
                                                                                       after odd_success) {
        if (name == nullptr) {
            return {};
        }
        return [=](const call&, const fault& wrong) {
            return expectation{sspi_code(wrong.status), wrong.instead() ? failure : odd_success, {}, false, name};
        };
    }

    const bytes plain_ = numbered(40);
    std::span<const std::byte> wire_;
    std::array<std::byte, 4> prefix_{};
    bytes message_;
    std::span<std::byte> opened_;
};

} // namespace faults
