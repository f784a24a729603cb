// SPDX-License-Identifier: MIT
//
// Both sides of a NegotiateStream. An attacker between them can change their records in any way. Then data over the
// channels.
#include <sspan/protocol/negotiate_stream.hpp>

#include "channel.hpp"
#include "input.hpp"
#include "small_package.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

namespace {

using namespace fuzzing;
using sspan::context_flags;
using sspan::negotiate_stream::protection_level;

/// One side and its state.
template <class Side>
struct party {
    explicit party(Side made) : side{std::move(made)} {}

    /// @return the record for the peer; empty if there is none.
    bytes step(input& in, std::span<const std::byte> record) {
        const bool was_over = done || failed;
        std::error_code ec;
        bytes answer;
        if (in.flag()) {
            const auto taken = side.step(record, ec);
            require(!ec || !taken.done, "a failed step is not done");
            answer = copy_of(taken.record);
            done = done || taken.done;
        } else {
            try {
                const auto taken = side.step(record);
                answer = copy_of(taken.record);
                done = done || taken.done;
            } catch (const sspan::handshake_error& failure) {
                ec = failure.code();
                answer = copy_of(failure.token());
                require(side.explain(ec) == failure.what(), "both surfaces have the same text");
            }
        }
        require(!was_over || ec, "every step after the end fails");
        failed = failed || (ec && !was_over);
        require(answer.empty() || answer.size() >= 5, "a record has a header");
        require(answer.empty() || (answer[0] == std::byte{0x15}) == static_cast<bool>(ec),
                "a failure sends an error record");
        require(!side.refused_by_peer() || answer.empty(), "an error has no answer");
        return answer;
    }

    [[nodiscard]] auto finish() {
        std::error_code ec;
        auto channel = std::move(side).finish(ec);
        require(static_cast<bool>(channel) == (done && !failed) && static_cast<bool>(ec) != static_cast<bool>(channel),
                "only a completed side has a channel");
        return channel;
    }

    Side side;
    bool done = false;
    bool failed = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    loopback::reset();
    keep_small();
    {
        input in{data, size};
        if (in.flag()) {
            choose_package(in);
        }
        const auto package =
            in.pick(std::array{sspan::package::kerberos, sspan::package::ntlm, sspan::package::negotiate});
        const auto level = [&] { return in.flag() ? protection_level::sign : protection_level::encrypt_and_sign; };
        sspan::negotiate_stream::client_options client_options{.protection = level()};
        sspan::negotiate_stream::server_options server_options{.protection = level()};
        if (in.flag()) {
            client_options.handshake.require &= ~context_flags::mutual_auth;
        }
        if (in.flag()) {
            server_options.handshake.require |= context_flags::sequence_detect;
        }
        party client{sspan::negotiate_stream::client{sspan::credentials::outbound(package),
                                                     loopback::configure().service_name, client_options}};
        party server{sspan::negotiate_stream::server{sspan::credentials::inbound(package), server_options}};
        bytes record = client.step(in, {});
        for (int n = 0; n != 12 && !record.empty(); ++n) {
            if (in.rarely()) {
                change(in, record);
            }
            record = n % 2 == 0 ? server.step(in, record) : client.step(in, record);
        }
        auto here = client.finish();
        auto there = server.finish();
        if (here && there && here.protection() == there.protection()) {
            require(here.protection() >= client_options.protection && there.protection() >= server_options.protection,
                    "the protection is at least the requested one");
            const bool in_order =
                contains(here.context().granted() & there.context().granted(), context_flags::sequence_detect);
            if (in.flag()) {
                send_messages(in, here, there, in_order);
                send_messages(in, there, here, in_order);
            } else {
                auto ours = std::move(here).split();
                auto theirs = std::move(there).split();
                send_messages(in, ours.sender, theirs.receiver, in_order);
                send_messages(in, theirs.sender, ours.receiver, in_order);
            }
        }
    }
    require(loopback::live().none(), "no object is leaked");
    require(loopback::violation_list().empty(), "the package was not misused");
    loopback::reset();
    return 0;
}
