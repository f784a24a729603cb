// SPDX-License-Identifier: MIT
#include "protocols.hpp"
#include "scenario.hpp"

#include <sspan/credentials.hpp>
#include <sspan/protocol/sasl.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

namespace faults {

namespace {

namespace sasl = sspan::sasl;

const auto& answer_of(const sasl::client_step& taken) {
    return taken.response;
}
const auto& answer_of(const sasl::server_step& taken) {
    return taken.challenge;
}

/// GSSAPI for Kerberos, GSS-SPNEGO for Negotiate. Then messages over the channel and over its halves.
class sasl_exchange final : public channel_scenario {
public:
    explicit sasl_exchange(const profile& which)
        : client_side_{"sspan::sasl::client", true, doubt_of(which, after::no_context)} {
        const bool is_gssapi = which.package == sspan::package::kerberos;
        const auto mechanism = is_gssapi ? sasl::mechanism::gssapi : sasl::mechanism::gss_spnego;
        outbound_ = sspan::credentials::outbound(which.package);
        inbound_ = sspan::credentials::inbound(which.package);

        add("client", [this, mechanism, is_gssapi] {
            sasl::client_options options{.mechanism = mechanism};
            if (is_gssapi) {
                options.authorization_identity = "u:somebody whose name needs memory";
            }
            client_.emplace(outbound_, service(), options);
        }).constructs = true;
        add("server", [this, mechanism] {
            sasl::server_options options{.mechanism = mechanism};
            options.service_names = {service()};
            server_.emplace(inbound_, options);
        }).constructs = true;
        add_step("the first response", client_, client_side_, false);
        if (is_gssapi) {
            add_step("the server's token", server_, server_side_, false);
            add_step("the empty response", client_, client_side_, false);
            add_step("the offer of layers", server_, server_side_, false);
            add_step("the choice of a layer", client_, client_side_, true);
            add_step("the end", server_, server_side_, true);
        } else {
            add_step("the server's token", server_, server_side_, true);
            add_step("the end", client_, client_side_, true);
        }
        finish("client's finish", client_, client_channel_);
        finish("server's finish", server_, server_channel_);
        add_message(client_channel_, server_channel_);
        add_message(server_channel_, client_channel_);
        add_split(client_channel_, client_halves_);
        add_split(server_channel_, server_halves_);
        add_message(client_halves_.sender, server_halves_.receiver);
    }

private:
    template <class Side>
    void add_step(const char* name, std::optional<Side>& side, const protocol_side& which, bool is_last) {
        auto& added = add(name, [this, &side](auto&... ec) { keep(side->step(given_, ec...)); });
        added.prepare = [this] {
            given_ = copy_of(answer_.value_or(std::span<const std::byte>{}));
            answer_.reset();
            is_done_ = false;
        };
        added.holds = [this, is_last] { return is_done_ == is_last && (is_last || answer_.has_value()); };
        added.holds_after_failure = [this] { return !is_done_ && (!answer_ || !answer_->empty()); };
        added.after_failure = after::no_context;
        added.after_odd_success = after::no_context;
        added.differs = [&which](const call& where, const fault& wrong) {
            return in_handshake(which, after::no_context, where, wrong);
        };
    }
    template <class Step>
    void keep(const Step& taken) {
        answer_ = answer_of(taken);
        is_done_ = taken.done;
    }

    template <class Side, class Channel>
    void finish(const char* name, std::optional<Side>& side, Channel& channel) {
        auto& added = add(name, [&side, &channel](auto&... ec) { channel = std::move(*side).finish(ec...); });
        added.holds = [&channel] {
            return channel && channel.protection() == sasl::layer::confidentiality && channel.max_payload() != 0;
        };
        added.holds_after_failure = [&channel] { return !channel; };
        added.after_failure = after::no_context;
    }

    protocol_side client_side_;
    protocol_side server_side_{"sspan::sasl::server", false, {}};
    sspan::credentials outbound_;
    sspan::credentials inbound_;
    std::optional<sasl::client> client_;
    std::optional<sasl::server> server_;
    std::optional<std::span<const std::byte>> answer_;
    bool is_done_ = false;
    bytes given_;
    sasl::client_channel client_channel_;
    sasl::server_channel server_channel_;
    sasl::channel_halves client_halves_;
    sasl::channel_halves server_halves_;
};

} // namespace

std::unique_ptr<scenario> sasl_scenario(const profile& which) {
    return std::make_unique<sasl_exchange>(which);
}

} // namespace faults
