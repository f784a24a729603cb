// SPDX-License-Identifier: MIT
#include <sspan/protocol/negotiate_stream.hpp>

#include "../allocation.hpp"
#include "../conversation.hpp"
#include "../fixture.hpp"
#include "../messages.hpp"
#include "../profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::context_flags;
using sspan::errc;
using sspan::negotiate_stream::channel_halves;
using sspan::negotiate_stream::client_channel;
using sspan::negotiate_stream::protection_level;
using sspan::negotiate_stream::server_channel;

constexpr std::byte done{0x14}, failed{0x15}, in_progress{0x16};

/// Makes a record of MS-NNS 2.2.1.
bytes record(std::byte id, std::span<const std::byte> payload) {
    bytes result{id, std::byte{1}, std::byte{0}, static_cast<std::byte>(payload.size() / 256),
                 static_cast<std::byte>(payload.size() % 256)};
    result.insert(result.end(), payload.begin(), payload.end());
    return result;
}
bytes number(std::initializer_list<int> eight) {
    bytes result;
    for (const int each : eight) {
        result.push_back(static_cast<std::byte>(each));
    }
    return result;
}
/// Makes an error record in this library's form: a reader that takes 32 bits of it finds `code` in either byte order.
bytes error_record(std::uint32_t code) {
    bytes payload(8);
    for (std::size_t i = 0; i != 4; ++i, code >>= 8) {
        payload[i] = payload[7 - i] = static_cast<std::byte>(code);
    }
    return record(failed, payload);
}

struct record_outcome : outcome {
    bytes record;
    bool done = false;
};

template <class Side>
record_outcome take_record(Side& side, std::span<const std::byte> input, surface which = surface::error_code) {
    record_outcome result;
    const auto keep = [&](const sspan::negotiate_stream::record_step& taken) {
        result.record = copy_of(taken.record);
        result.done = taken.done;
    };
    static_cast<outcome&>(result) = outcome_of(
        which, [&](std::error_code& ec) { keep(side.step(input, ec)); },
        [&] {
            try {
                keep(side.step(input));
            } catch (const sspan::handshake_error& failure) {
                result.record = copy_of(failure.token());
                throw;
            }
        });
    expect_explained(side, which, result);
    return result;
}

template <class Side>
outcome finish(Side& side, surface which) {
    return outcome_of(which, [&](auto&... ec) { static_cast<void>(std::move(side).finish(ec...)); });
}

sspan::negotiate_stream::client_options client_options(const profile& which,
                                                       protection_level level = protection_level::encrypt_and_sign) {
    sspan::negotiate_stream::client_options options{.protection = level};
    if (!which.mutual_auth) {
        options.handshake.require &= ~context_flags::mutual_auth;
    }
    return options;
}

/// Both sides and the records that they exchange.
struct talk {
    explicit talk(const profile& which, protection_level level = protection_level::encrypt_and_sign)
        : talk{which, client_options(which, level), {.protection = level}} {}
    talk(const profile& which, const sspan::negotiate_stream::client_options& client_options,
         const sspan::negotiate_stream::server_options& server_options)
        : client{sspan::credentials::outbound(which.package), service(), client_options},
          server{sspan::credentials::inbound(which.package), server_options} {}

    /// @return the outcome of the side that failed, or the last outcome of both.
    record_outcome run(surface form = surface::error_code) {
        record_outcome client_took = take_record(client, {}, form);
        for (;;) {
            if (client_took.code) {
                return client_took;
            }
            if (!client_took.record.empty()) {
                sent.push_back(client_took.record);
                const auto server_took = take_record(server, client_took.record, form);
                if (server_took.code) {
                    sent.push_back(server_took.record);
                    return server_took;
                }
                server_is_done = server_took.done;
                answers.insert(answers.end(), server_took.record.begin(), server_took.record.end());
                sent.push_back(server_took.record);
            }
            if (client_took.done) {
                return client_took;
            }
            client_took = take_record(client, std::exchange(answers, {}), form);
        }
    }

    sspan::negotiate_stream::client client;
    sspan::negotiate_stream::server server;
    std::vector<bytes> sent;
    bytes answers;
    bool server_is_done = false;
};

struct channels {
    client_channel client;
    server_channel server;
};

channels connected(const profile& which, protection_level level = protection_level::encrypt_and_sign) {
    talk both{which, level};
    EXPECT_FALSE(both.run().code);
    EXPECT_TRUE(both.server_is_done);
    return {std::move(both.client).finish(), std::move(both.server).finish()};
}

template <class Sender>
bytes sent(Sender& from, std::span<const std::byte> data) {
    return copy_of(from.wrap(from.assign(data)));
}

template <class Receiver>
bytes received(Receiver& by, bytes wire) {
    const auto size = by.length(std::span<const std::byte>{wire}.template first<4>());
    EXPECT_EQ(size, wire.size() - 4);
    return copy_of(by.unwrap(std::span{wire}.subspan(4)));
}

class negotiate_stream : public surface_test {};
INSTANTIATE_TEST_SUITE_P(each, negotiate_stream, each_profile_and_surface(), name_of{});

TEST_P(negotiate_stream, handshake_is_records_of_which_the_last_ones_say_done) {
    talk both{which_profile()};
    const auto result = both.run(which_surface());
    ASSERT_FALSE(result.code) << result.what;
    EXPECT_TRUE(result.done);
    EXPECT_TRUE(both.server_is_done);
    for (const auto& each : both.sent) {
        if (each.empty()) {
            continue;
        }
        ASSERT_GE(each.size(), 5U);
        EXPECT_EQ(each[1], std::byte{1});
        EXPECT_EQ(each[2], std::byte{0});
        EXPECT_EQ(std::to_integer<std::size_t>(each[3]) * 256 + std::to_integer<std::size_t>(each[4]), each.size() - 5);
    }
    EXPECT_EQ(both.sent.front()[0], in_progress);
    EXPECT_EQ(both.sent[both.sent.size() - 1][0], done) << "the server's last record";
    EXPECT_FALSE(finish(both.client, which_surface()).code);
    EXPECT_FALSE(finish(both.server, which_surface()).code);
    EXPECT_EQ(finish(both.client, which_surface()).code, errc::no_context) << "once only";
    EXPECT_EQ(take_record(both.client, {}, which_surface()).code, errc::no_context);
    EXPECT_EQ(take_record(both.server, both.sent.front(), which_surface()).code, errc::no_context);
}

TEST_P(negotiate_stream, finish_before_the_end_is_no_context) {
    talk both{which_profile()};
    EXPECT_EQ(finish(both.client, which_surface()).code, errc::no_context);
    EXPECT_EQ(finish(both.server, which_surface()).code, errc::no_context);
}

TEST_P(negotiate_stream, data_of_any_size_goes_both_ways) {
    for (const auto level : {protection_level::sign, protection_level::encrypt_and_sign}) {
        auto pair = connected(which_profile(), level);
        ASSERT_EQ(pair.client.max_payload(), 0xFC00U) << "as .NET";
        EXPECT_EQ(pair.client.payload().size(), 0xFC00U);
        for (const std::size_t size : {0U, 1U, 15U, 16U, 1000U, 0xFBFFU, 0xFC00U}) {
            const auto data = numbered(size);
            auto wire = sent(pair.client, data);
            const auto message = wire.size() - 4;
            const std::array little_endian{static_cast<std::byte>(message), static_cast<std::byte>(message >> 8),
                                           static_cast<std::byte>(message >> 16), std::byte{}};
            EXPECT_TRUE(std::ranges::equal(std::span{wire}.first(4), little_endian));
            EXPECT_LE(message, 0x10000U);
            EXPECT_EQ(received(pair.server, wire), data);
            EXPECT_EQ(received(pair.client, sent(pair.server, data)), data);
        }
    }
}

TEST_P(negotiate_stream, protection_is_what_was_granted) {
    auto signs = connected(which_profile(), protection_level::sign);
    EXPECT_EQ(signs.client.protection(), protection_level::sign);
    EXPECT_EQ(signs.server.protection(), protection_level::sign);
    const auto data = to_bytes("readable");
    const auto in_clear = sent(signs.client, data);
    EXPECT_FALSE(std::ranges::search(in_clear, data).empty());
    auto encrypts = connected(which_profile());
    EXPECT_EQ(encrypts.client.protection(), protection_level::encrypt_and_sign);
    EXPECT_EQ(encrypts.server.protection(), protection_level::encrypt_and_sign);
    const auto hidden = sent(encrypts.client, data);
    EXPECT_TRUE(std::ranges::search(hidden, data).empty());
}

TEST_P(negotiate_stream, message_that_is_not_encrypted_is_refused_where_it_has_to_be) {
    auto pair = connected(which_profile());
    if (which_profile().package == sspan::package::ntlm) {
        return; // NTLM always encrypts
    }
    auto& context = const_cast<sspan::client_context&>(pair.client.context());
    sspan::message_frame frame{context.sizes(), 4};
    auto wire =
        copy_of(context.wrap(frame, frame.assign("text"), {.quality = sspan::quality_of_protection::integrity_only}));
    EXPECT_EQ(
        outcome_of(which_surface(), [&](auto&... ec) { EXPECT_TRUE(pair.server.unwrap(wire, ec...).empty()); }).code,
        errc::qop_not_supported);
}

TEST_P(negotiate_stream, each_changed_bit_is_refused_and_leaves_zeros) {
    for (const auto level : {protection_level::sign, protection_level::encrypt_and_sign}) {
        const auto size = [&] {
            auto pair = connected(which_profile(), level);
            return sent(pair.client, to_bytes("message")).size();
        }();
        for (std::size_t bit = std::size_t{4} * 8; bit != size * 8; ++bit) {
            auto pair = connected(which_profile(), level);
            auto wire = sent(pair.client, to_bytes("message"));
            wire[bit / 8] ^= std::byte{1} << (bit % 8);
            const auto message = std::span{wire}.subspan(4);
            const auto result = outcome_of(
                which_surface(), [&](auto&... ec) { EXPECT_TRUE(pair.server.unwrap(message, ec...).empty()); });
            EXPECT_TRUE(tells_of_tampering(result.code)) << bit << ' ' << result.code.message();
            EXPECT_TRUE(std::ranges::all_of(message, [](std::byte each) { return each == std::byte{}; })) << bit;
        }
    }
}

TEST_P(negotiate_stream, sizes_that_dotnet_refuses_are_refused_before_anything_is_received) {
    auto pair = connected(which_profile());
    const auto told = [&](std::uint32_t size) {
        const std::array prefix{static_cast<std::byte>(size), static_cast<std::byte>(size >> 8),
                                static_cast<std::byte>(size >> 16), static_cast<std::byte>(size >> 24)};
        std::size_t taken = 0;
        const auto result =
            outcome_of(which_surface(), [&](auto&... ec) { taken = pair.server.length(prefix, ec...); });
        return std::pair{result.code, taken};
    };
    for (const auto size : {0U, 1U, 4U, 0x10001U, 0x1000000U, 0x80000000U, 0xFFFFFFFFU}) {
        EXPECT_EQ(told(size).first, errc::illegal_message) << size;
        EXPECT_EQ(told(size).second, 0U);
    }
    for (const auto size : {5U, 0x1234U, 0x10000U}) {
        EXPECT_FALSE(told(size).first);
        EXPECT_EQ(told(size).second, size);
    }
    bytes too_long(0x10001);
    bytes too_short(4);
    std::error_code ec;
    const auto before = calls(function::decrypt_message) + calls(function::verify_signature);
    EXPECT_TRUE(pair.server.unwrap(too_long, ec).empty());
    EXPECT_EQ(ec, errc::illegal_message);
    EXPECT_TRUE(pair.server.unwrap(too_short, ec).empty());
    EXPECT_EQ(ec, errc::illegal_message);
    EXPECT_EQ(calls(function::decrypt_message) + calls(function::verify_signature), before);
}

TEST_P(negotiate_stream, payload_over_the_limit_is_refused_untouched) {
    for (const auto level : {protection_level::sign, protection_level::encrypt_and_sign}) {
        auto pair = connected(which_profile(), level);
        const auto data = numbered(0xFC01);
        EXPECT_EQ(
            outcome_of(which_surface(), [&](auto&... ec) { EXPECT_EQ(pair.client.assign(data, ec...), 0U); }).code,
            errc::buffer_too_small);
        EXPECT_EQ(
            outcome_of(which_surface(), [&](auto&... ec) { EXPECT_TRUE(pair.client.wrap(0xFC01, ec...).empty()); })
                .code,
            errc::buffer_too_small);
        EXPECT_EQ(received(pair.server, sent(pair.client, to_bytes("next"))), to_bytes("next"));
    }
}

TEST_P(negotiate_stream, halves_serve_two_threads) {
    for (const auto level : {protection_level::sign, protection_level::encrypt_and_sign}) {
        auto pair = connected(which_profile(), level);
        channel_halves client;
        EXPECT_FALSE(
            outcome_of(which_surface(), [&](auto&... ec) { client = std::move(pair.client).split(ec...); }).code);
        const auto from_server = sent(pair.server, to_bytes("down"));
        bytes from_client;
        std::thread sender{[&] { from_client = sent(client.sender, to_bytes("up")); }};
        EXPECT_EQ(received(client.receiver, from_server), to_bytes("down"));
        sender.join();
        EXPECT_EQ(received(pair.server, from_client), to_bytes("up"));
        EXPECT_EQ(client.sender.protection(), level);
        EXPECT_EQ(client.receiver.protection(), level);
    }
}

TEST_P(negotiate_stream, zero_state_does_nothing) {
    client_channel none;
    EXPECT_FALSE(none);
    EXPECT_EQ(none.max_payload(), 0U);
    EXPECT_TRUE(none.payload().empty());
    const auto refused = [](auto with_code, auto throwing) {
        return outcome_of(which_surface(), with_code, throwing).code == errc::invalid_handle;
    };
    bytes memory(20);
    const auto prefix = std::span<const std::byte>{memory}.first<4>();
    EXPECT_TRUE(refused([&](std::error_code& ec) { EXPECT_EQ(none.assign("x", ec), 0U); },
                        [&] { static_cast<void>(none.assign("x")); }));
    EXPECT_TRUE(refused([&](std::error_code& ec) { EXPECT_TRUE(none.wrap(0, ec).empty()); },
                        [&] { static_cast<void>(none.wrap(0)); }));
    EXPECT_TRUE(refused([&](std::error_code& ec) { EXPECT_EQ(none.length(prefix, ec), 0U); },
                        [&] { static_cast<void>(none.length(prefix)); }));
    EXPECT_TRUE(refused([&](std::error_code& ec) { EXPECT_TRUE(none.unwrap(memory, ec).empty()); },
                        [&] { static_cast<void>(none.unwrap(memory)); }));
    EXPECT_TRUE(refused([&](std::error_code& ec) { EXPECT_FALSE(std::move(none).split(ec).sender); },
                        [&] { static_cast<void>(std::move(none).split()); }));
    client_channel target;
    auto pair = connected(which_profile());
    target = std::move(pair.client);
    EXPECT_TRUE(target);
    EXPECT_FALSE(pair.client); // NOLINT(bugprone-use-after-move): it is the zero state
}

TEST_P(negotiate_stream, messages_allocate_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    for (const auto level : {protection_level::sign, protection_level::encrypt_and_sign}) {
        auto pair = connected(which_profile(), level);
        const auto before = allocation::count();
        for (int i = 0; i != 3; ++i) {
            const auto wire = pair.client.wrap(pair.client.assign("text"));
            std::array<std::byte, 256> memory{};
            std::ranges::copy(wire, memory.begin());
            static_cast<void>(pair.server.unwrap(std::span{memory}.first(wire.size()).subspan(4)));
        }
        EXPECT_EQ(allocation::count(), before);
    }
}

TEST_P(negotiate_stream, malformed_records_are_refused_and_told) {
    const auto first = [&] {
        talk both{which_profile()};
        return take_record(both.client, {}).record;
    }();
    std::vector<bytes> malformed;
    for (std::size_t size = 0; size != std::min<std::size_t>(first.size(), 64); ++size) {
        malformed.emplace_back(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(size));
    }
    for (const auto& [place, value] : {std::pair{0, 0}, {0, 0x13}, {0, 0x17}, {0, 0xFF}, {3, 0xFF}, {4, 0xFF}}) {
        malformed.push_back(first);
        malformed.back()[static_cast<std::size_t>(place)] = static_cast<std::byte>(value);
    }
    malformed.push_back(first);
    malformed.back().push_back(std::byte{});
    for (const auto& each : malformed) {
        talk both{which_profile()};
        const auto before = calls(function::accept_security_context);
        const auto refused = take_record(both.server, each, which_surface());
        EXPECT_EQ(refused.code, errc::illegal_message);
        EXPECT_TRUE(refused.what.starts_with("sspan::negotiate_stream::server was given a malformed record: "))
            << refused.what;
        EXPECT_EQ(refused.record, error_record(0x80090326U));
        EXPECT_EQ(calls(function::accept_security_context), before);
        EXPECT_EQ(take_record(both.server, first, which_surface()).code, errc::no_context);
    }
    std::error_code ec;
    const auto header = std::span<const std::byte>{first}.first<5>();
    EXPECT_EQ(sspan::negotiate_stream::handshake_payload_size(header, ec), first.size() - 5);
    EXPECT_FALSE(ec);
    const std::array<std::byte, 5> bad{std::byte{0x13}, std::byte{1}};
    EXPECT_EQ(sspan::negotiate_stream::handshake_payload_size(bad, ec), 0U);
    EXPECT_EQ(ec, errc::illegal_message);
    EXPECT_THROW(static_cast<void>(sspan::negotiate_stream::handshake_payload_size(bad)), sspan::error);
}

TEST_P(negotiate_stream, garbage_instead_of_a_token_is_refused_and_told) {
    talk both{which_profile()};
    const auto refused = take_record(both.server, record(in_progress, numbered(40)), which_surface());
    ASSERT_TRUE(refused.code);
    EXPECT_NE(refused.code, errc::invalid_handle);
    EXPECT_TRUE(refused.what.starts_with("AcceptSecurityContext: ")) << refused.what;
    EXPECT_EQ(refused.record, error_record(static_cast<std::uint32_t>(sspan::to_hresult(refused.code))));
    const auto told = take_record(both.client, {}, which_surface());
    ASSERT_FALSE(told.code);
    const auto by_peer = take_record(both.client, refused.record, which_surface());
    EXPECT_EQ(by_peer.code, refused.code);
    EXPECT_TRUE(both.client.refused_by_peer());
    EXPECT_TRUE(by_peer.record.empty()) << "an error has no answer";
    EXPECT_TRUE(by_peer.what.starts_with("sspan::negotiate_stream::client was refused by the peer: ")) << by_peer.what;
    EXPECT_EQ(finish(both.client, which_surface()).code, errc::no_context);
}

TEST_P(negotiate_stream, peers_error_is_never_a_success) {
    const auto refusal = [&](const bytes& told) {
        talk both{which_profile()};
        static_cast<void>(take_record(both.client, {}));
        return take_record(both.client, told, which_surface()).code;
    };
    const std::error_code access_denied{static_cast<int>(0x80070005U), sspan::category()};
    EXPECT_EQ(refusal(error_record(1790)), errc::security_qos_failed) << "ERROR_TRUST_FAILURE";
    EXPECT_EQ(refusal(error_record(0x8009030CU)), errc::logon_denied);
    EXPECT_EQ(refusal(error_record(5)), access_denied);
    // The form in MS-NNS and in .NET Framework.
    EXPECT_EQ(refusal(record(failed, number({0, 0, 0, 0, 0, 0, 0x06, 0xFE}))), errc::security_qos_failed);
    EXPECT_EQ(refusal(record(failed, number({0, 0, 0, 0, 0, 0, 0, 5}))), access_denied);
    EXPECT_EQ(refusal(record(failed, number({0, 0, 0, 0, 0x80, 0x09, 0x03, 0x0C}))), errc::logon_denied);
    EXPECT_EQ(refusal(record(failed, number({0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0x09, 0x03, 0x0C}))), errc::logon_denied);
    // The form in .NET since version 7.
    EXPECT_EQ(refusal(record(failed, number({0xFE, 0x06, 0, 0, 0, 0, 0, 0}))), errc::security_qos_failed);
    EXPECT_EQ(refusal(record(failed, number({5, 0, 0, 0, 0, 0, 0, 0}))), access_denied);
    EXPECT_EQ(refusal(record(failed, number({0x0C, 0x03, 0x09, 0x80, 0xFF, 0xFF, 0xFF, 0xFF}))), errc::logon_denied);
    EXPECT_EQ(refusal(error_record(0)), errc::illegal_message);
    EXPECT_EQ(refusal(error_record(0x00090312U)), errc::illegal_message) << "SEC_I_CONTINUE_NEEDED";
    EXPECT_EQ(refusal(record(failed, {})), errc::illegal_message);
    EXPECT_EQ(refusal(record(failed, numbered(7))), errc::illegal_message);
}

TEST_P(negotiate_stream, peer_that_is_done_too_early_is_refused) {
    talk both{which_profile()};
    const auto first = take_record(both.client, {}).record;
    auto says_done = first;
    says_done[0] = done;
    const auto answer = take_record(both.server, says_done, which_surface());
    if (which_profile().mutual_auth) {
        EXPECT_FALSE(answer.code) << "one token may be enough";
    } else {
        EXPECT_EQ(answer.code, errc::illegal_message);
    }
    talk other{which_profile()};
    static_cast<void>(take_record(other.client, {}));
    const auto empty = take_record(other.client, record(done, {}), which_surface());
    EXPECT_TRUE(empty.code);
    EXPECT_FALSE(empty.done);
    EXPECT_EQ(finish(other.client, which_surface()).code, errc::no_context);
}

TEST_P(negotiate_stream, client_believes_nothing_before_the_server_is_done) {
    if (which_profile().package != sspan::package::ntlm) {
        return; // only NTLM has a last token without the server's `done`
    }
    for (const auto id : {in_progress, failed, done}) {
        talk both{which_profile()};
        const auto challenge = take_record(both.server, take_record(both.client, {}).record).record;
        const auto last = take_record(both.client, challenge, which_surface());
        ASSERT_FALSE(last.code);
        EXPECT_EQ(last.record[0], done);
        EXPECT_FALSE(last.done);
        const auto heard = take_record(both.client, record(id, id == failed ? numbered(8) : bytes{}), which_surface());
        EXPECT_EQ(!heard.code, id == done);
        EXPECT_EQ(finish(both.client, which_surface()).code, id == done ? std::error_code{} : errc::no_context);
    }
}

TEST_P(negotiate_stream, weaker_protection_than_required_is_refused_and_told) {
    talk both{which_profile(), client_options(which_profile(), protection_level::sign), {}};
    const auto refused = both.run(which_surface());
    EXPECT_EQ(refused.code, errc::security_qos_failed);
    EXPECT_NE(refused.what.find("did not grant confidentiality"), std::string::npos) << refused.what;
    EXPECT_EQ(refused.record, error_record(1790));
    EXPECT_EQ(take_record(both.client, refused.record, which_surface()).code, errc::security_qos_failed);
    EXPECT_TRUE(both.client.refused_by_peer());
    EXPECT_FALSE(both.server.refused_by_peer());
}

TEST_P(negotiate_stream, another_target_is_refused_and_told) {
    talk both{which_profile(), client_options(which_profile()), {.handshake = [] {
                  auto options = sspan::server_options::authentication_only();
                  options.service_names = {L"HOST/other.test"};
                  return options;
              }()}};
    const auto refused = both.run(which_surface());
    EXPECT_EQ(refused.code, errc::wrong_principal);
    EXPECT_EQ(refused.record, error_record(1790));
}

TEST_P(negotiate_stream, token_that_no_record_can_hold_is_refused) {
    loopback::configure().token_size = 65'536;
    which_profile().settings().max_token = 70'000;
    talk both{which_profile()};
    const auto refused = take_record(both.client, {}, which_surface());
    EXPECT_EQ(refused.code, errc::buffer_too_small);
    EXPECT_EQ(refused.record, error_record(0x80090321U));
    EXPECT_EQ(finish(both.client, which_surface()).code, errc::no_context);
}

TEST_P(negotiate_stream, client_asks_for_what_the_stream_needs) {
    talk both{which_profile()};
    static_cast<void>(take_record(both.client, {}));
    const auto asked = loopback::last_flags(function::initialize_security_context);
    EXPECT_EQ(asked & 0x20000U, 0x20000U) << "ISC_REQ_IDENTIFY, as .NET by default";
    EXPECT_EQ(asked & 0x10018U, 0x10018U) << "INTEGRITY, CONFIDENTIALITY, SEQUENCE_DETECT";
    EXPECT_EQ((asked & 0x2U) != 0, which_profile().mutual_auth) << "MUTUAL_AUTH";
}

TEST_P(negotiate_stream, server_may_do_what_the_client_allows) {
    const auto asked = [](sspan::impersonation_level level, context_flags request) {
        auto options = client_options(which_profile());
        options.impersonation = level;
        options.handshake.request = request;
        talk both{which_profile(), options, {}};
        const auto first = take_record(both.client, {});
        EXPECT_TRUE(!first.code || first.code == errc::security_qos_failed);
        return loopback::last_flags(function::initialize_security_context) & 0x20001U; // IDENTIFY, DELEGATE
    };
    for (const auto request : {context_flags::none, context_flags::extended_error}) {
        EXPECT_EQ(asked(sspan::impersonation_level::anonymous, request), 0x20000U);
        EXPECT_EQ(asked(sspan::impersonation_level::identification, request), 0x20000U);
        EXPECT_EQ(asked(sspan::impersonation_level::impersonation, request), 0U);
        const bool can_delegate = which_profile().package != sspan::package::ntlm; // sspan refuses NTLM before the call
        EXPECT_EQ(asked(sspan::impersonation_level::delegation, request), can_delegate ? 1U : 0U);
    }
}

TEST_P(negotiate_stream, flags_that_change_the_format_are_refused_before_any_call) {
    for (const auto flag : {context_flags::datagram, context_flags::dce_style, context_flags::stream,
                            context_flags::no_integrity, context_flags::confidentiality_only}) {
        auto for_client = client_options(which_profile());
        for_client.handshake.request |= flag;
        sspan::negotiate_stream::server_options for_server;
        for_server.handshake.require |= flag;
        talk both{which_profile(), for_client, for_server};
        EXPECT_EQ(take_record(both.client, {}, which_surface()).code, errc::invalid_parameter);
        EXPECT_EQ(take_record(both.server, record(in_progress, numbered(9)), which_surface()).code,
                  errc::invalid_parameter);
    }
    EXPECT_EQ(calls(function::initialize_security_context) + calls(function::accept_security_context), 0U);
}

TEST_P(negotiate_stream, client_takes_no_record_before_its_first) {
    for (const auto id : {in_progress, done}) {
        talk both{which_profile()};
        EXPECT_EQ(take_record(both.client, record(id, {}), which_surface()).code, errc::illegal_message);
        EXPECT_EQ(finish(both.client, which_surface()).code, errc::no_context);
    }
    EXPECT_EQ(calls(function::initialize_security_context), 0U);
}

TEST_P(negotiate_stream, moved_from_sides_have_nothing) {
    talk both{which_profile()};
    ASSERT_FALSE(both.run().code);
    auto client = std::move(both.client);
    auto server = std::move(both.server);
    EXPECT_EQ(finish(both.client, which_surface()).code, errc::no_context); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(finish(both.server, which_surface()).code, errc::no_context); // NOLINT(bugprone-use-after-move)
    EXPECT_FALSE(finish(client, which_surface()).code);
    EXPECT_FALSE(finish(server, which_surface()).code);
    if (which_profile().package == sspan::package::ntlm) {
        talk other{which_profile()};
        static_cast<void>(
            take_record(other.client, take_record(other.server, take_record(other.client, {}).record).record));
        const auto taken = std::move(other.client);
        const auto heard =
            take_record(other.client, record(done, {}), which_surface()); // NOLINT(bugprone-use-after-move)
        EXPECT_TRUE(heard.code);
        EXPECT_FALSE(heard.done);
    }
}

TEST_P(negotiate_stream, signed_messages_of_a_package_that_is_not_told_are_refused) {
    loopback::configure().negotiation_state = 2; // IN_PROGRESS
    auto options = client_options(which_profile(), protection_level::sign);
    options.handshake.require &= ~context_flags::mutual_auth;
    talk both{which_profile(), options, {.protection = protection_level::sign}};
    const bool is_known = which_profile().package != sspan::package::negotiate;
    EXPECT_EQ(both.run(which_surface()).code, is_known ? std::error_code{} : errc::unsupported_function);
}

TEST_P(negotiate_stream, second_failure_is_its_own) {
    talk both{which_profile()};
    static_cast<void>(take_record(both.client, {}));
    EXPECT_TRUE(take_record(both.client, error_record(5), which_surface()).code);
    EXPECT_TRUE(both.client.refused_by_peer());
    const auto next = take_record(both.client, error_record(5), which_surface());
    EXPECT_EQ(next.code, errc::no_context);
    EXPECT_FALSE(both.client.refused_by_peer());
    EXPECT_TRUE(next.what.starts_with("sspan::negotiate_stream::client is over: ")) << next.what;
}

} // namespace
