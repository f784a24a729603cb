// SPDX-License-Identifier: MIT
#include "protocols.hpp"
#include "scenario.hpp"

#include <sspan/credentials.hpp>
#include <sspan/flags.hpp>
#include <sspan/handshake_step.hpp>
#include <sspan/protocol/negotiate_stream.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

namespace faults {

namespace {

namespace nns = sspan::negotiate_stream;
using nns::protection_level;

constexpr const char* sending = "sspan::negotiate_stream::channel::wrap";
constexpr const char* receiving = "sspan::negotiate_stream::channel::unwrap";

/// The handshake, and messages over the channel and over its halves.
class stream final : public channel_scenario {
public:
    stream(const profile& which, protection_level level)
        : level_{level}, client_side_{"sspan::negotiate_stream::client", true, doubt_of(which, after::no_context)} {
        const bool is_ntlm = which.package == sspan::package::ntlm;
        if (which.package == sspan::package::negotiate && level == protection_level::sign) {
            // It could be NTLM, whose messages have another format.
            server_side_.unknown_package =
                expectation{sspan::errc::unsupported_function, after::no_context, {}, false, server_side_.name};
        }
        which.settings().legs = is_ntlm ? 3 : 2;
        outbound_ = sspan::credentials::outbound(which.package);
        inbound_ = sspan::credentials::inbound(which.package);

        add("client", [this, is_ntlm] {
            nns::client_options options{.protection = level_};
            if (is_ntlm) {
                options.handshake.require &= ~sspan::context_flags::mutual_auth;
            }
            client_.emplace(outbound_, service(), options);
        }).constructs = true;
        add("server", [this] {
            nns::server_options options{.protection = level_};
            options.handshake.service_names = {service()};
            server_.emplace(inbound_, options);
        }).constructs = true;
        add_step("client's first step", client_, client_side_, false);
        add_step("server's first step", server_, server_side_, !is_ntlm);
        if (is_ntlm) {
            add_step("client's second step", client_, client_side_, false);
            add_step("server's second step", server_, server_side_, true);
        }
        add_step("client's last step", client_, client_side_, true);
        finish("client's finish", client_, client_channel_);
        finish("server's finish", server_, server_channel_);
        add_message(client_channel_, server_channel_, sending, receiving);
        add_message(server_channel_, client_channel_, sending, receiving);
        add_split(client_channel_, client_halves_);
        add_split(server_channel_, server_halves_);
        add_message(client_halves_.sender, server_halves_.receiver, sending, receiving);
    }

private:
    template <class Side>
    void add_step(const char* name, std::optional<Side>& side, const protocol_side& which, bool is_last) {
        auto& added = add(
            name,
            [this, &side](std::error_code& ec) {
                taken_ = side->step(given_, ec);
                tells_peer_ = is_error_record(taken_.record);
            },
            [this, &side] {
                try {
                    taken_ = side->step(given_);
                } catch (const sspan::handshake_error& failure) {
                    tells_peer_ = is_error_record(failure.token());
                    throw;
                }
            });
        added.prepare = [this] {
            given_ = copy_of(taken_.record);
            taken_ = {};
            tells_peer_ = false;
        };
        added.holds = [this, is_last] {
            return taken_.done == is_last && (is_last || !taken_.record.empty()) && !tells_peer_;
        };
        added.holds_after_failure = [this] { return !taken_.done && tells_peer_; };
        added.after_failure = after::no_context;
        added.after_odd_success = after::no_context;
        added.allocates_nothing = true;
        added.differs = [&which](const call& where, const fault& wrong) {
            return in_handshake(which, after::no_context, where, wrong);
        };
    }
    static bool is_error_record(std::span<const std::byte> record) {
        constexpr std::byte error_id{0x15};
        return record.size() == nns::handshake_header_size + 8 && record.front() == error_id;
    }

    template <class Side, class Channel>
    void finish(const char* name, std::optional<Side>& side, Channel& channel) {
        auto& added = add(name, [&side, &channel](auto&... ec) { channel = std::move(*side).finish(ec...); });
        added.holds = [this, &channel] {
            return channel && channel.protection() == level_ && channel.max_payload() != 0;
        };
        added.holds_after_failure = [&channel] { return !channel; };
        added.after_failure = after::no_context;
    }

    protection_level level_;
    protocol_side client_side_;
    protocol_side server_side_{"sspan::negotiate_stream::server", false, {}};
    sspan::credentials outbound_;
    sspan::credentials inbound_;
    std::optional<nns::client> client_;
    std::optional<nns::server> server_;
    nns::record_step taken_;
    bool tells_peer_ = false;
    bytes given_;
    nns::client_channel client_channel_;
    nns::server_channel server_channel_;
    nns::channel_halves client_halves_;
    nns::channel_halves server_halves_;
};

} // namespace

std::unique_ptr<scenario> negotiate_stream_scenario(const profile& which) {
    return std::make_unique<stream>(which, protection_level::encrypt_and_sign);
}
std::unique_ptr<scenario> signed_negotiate_stream_scenario(const profile& which) {
    return std::make_unique<stream>(which, protection_level::sign);
}

} // namespace faults
