// SPDX-License-Identifier: MIT
//
// Messages of every kind, genuine ones and an attacker's. If the package offers DCE style, each test runs with it and
// without it.
#include "kerberos.hpp"
#include "kerberos_facts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <span>
#include <string>
#include <system_error>
#include <tuple>
#include <vector>

namespace {

using namespace integration;
using sspan::context_flags;
using sspan::quality_of_protection;
using sspan::security_context;

/// A way to protect and to open messages.
struct kind {
    const char* name;
    quality_of_protection quality;
    bool in_place; ///< A message that cannot be opened is wiped.
    sealed (*protect)(security_context& sender, std::span<const std::byte> message, const sspan::protect_options&);
    bytes (*open)(security_context& receiver, sealed& message, const sspan::accept_options&, std::error_code&);

    friend void PrintTo(const kind& which, std::ostream* out) { *out << which.name; } // GoogleTest's name for it
};

sealed protect_by_signing(security_context& sender, std::span<const std::byte> message, const sspan::protect_options&) {
    return {sign(sender, message), copy_of(message)};
}
bytes open_signed(security_context& receiver, sealed& message, const sspan::accept_options& options,
                  std::error_code& ec) {
    return receiver.verify(message.data, message.token, options, ec) ? message.data : bytes{};
}

bytes open_encrypted(security_context& receiver, sealed& message, const sspan::accept_options& options,
                     std::error_code& ec) {
    return copy_of(receiver.decrypt({.token = message.token, .data = message.data}, options, ec).data);
}

sealed wrap(security_context& sender, std::span<const std::byte> message, const sspan::protect_options& options) {
    sspan::message_frame frame{sender.sizes(), message.size()};
    std::ranges::copy(message, frame.payload().begin());
    return {{}, copy_of(sender.wrap(frame, message.size(), options))};
}
bytes open_wrapped(security_context& receiver, sealed& message, const sspan::accept_options& options,
                   std::error_code& ec) {
    return copy_of(receiver.unwrap(message.data, options, ec).data);
}

constexpr auto encrypted = quality_of_protection::encrypted;
constexpr auto integrity_only = quality_of_protection::integrity_only;
constexpr kind signed_kind{"signed", integrity_only, false, protect_by_signing, open_signed};
constexpr kind encrypted_kind{"encrypted", encrypted, true, encrypt, open_encrypted};
constexpr kind integrity_only_kind{"integrity_only", integrity_only, true, encrypt, open_encrypted};
constexpr kind wrapped_kind{"wrapped", encrypted, true, wrap, open_wrapped};
constexpr kind wrapped_integrity_only_kind{"wrapped_integrity_only", integrity_only, true, wrap, open_wrapped};

constexpr std::size_t sizes[]{0, 1, 15, 16, 17, 255, 4096, 65536, std::size_t{1} << 20};

using parameters = std::tuple<style, kind>;

class kerberos_messages : public ::testing::TestWithParam<parameters> {
protected:
    static const kind& which() { return std::get<kind>(GetParam()); }

    static pair_of_contexts established(context_flags without = context_flags::none) {
        return establish(std::get<style>(GetParam()), without);
    }

    static sealed protect(security_context& sender, std::span<const std::byte> message) {
        return which().protect(sender, message, {.quality = which().quality});
    }

    /// @return the message; empty if it was refused.
    static bytes open(security_context& receiver, sealed& message, std::error_code& ec) {
        const auto at_least = which().quality == integrity_only ? sspan::minimum_protection::integrity_only
                                                                : sspan::minimum_protection::encrypted;
        return which().open(receiver, message, {.minimum = at_least}, ec);
    }
    /// Opens a copy of the message. @return the error.
    static std::error_code verdict(security_context& receiver, sealed message) {
        std::error_code ec;
        const auto received = message.data;
        const auto opened = open(receiver, message, ec);
        if (ec) {
            const bool may_lack_its_token = message.token.empty() && std::get<style>(GetParam()) == style::dce;
            EXPECT_TRUE(opened.empty());
            EXPECT_TRUE(!which().in_place || (all_zero(message.data) && all_zero(message.token)) ||
                        (may_lack_its_token && message.data == received)); // the package was not called
        }
        return ec;
    }
    static void expect_genuine(security_context& receiver, sealed message, const bytes& original) {
        std::error_code ec;
        EXPECT_EQ(open(receiver, message, ec), original);
        EXPECT_FALSE(ec) << ec.message();
    }
};

std::vector<kind> every_kind() {
    std::vector<kind> kinds{signed_kind, encrypted_kind, wrapped_kind};
    if (facts.offers_integrity_only) {
        kinds.push_back(integrity_only_kind);
        kinds.push_back(wrapped_integrity_only_kind);
    }
    return kinds;
}
std::string name_of_both(const ::testing::TestParamInfo<parameters>& test) {
    return std::string{std::get<kind>(test.param).name} + "_" + name_of(std::get<style>(test.param));
}
INSTANTIATE_TEST_SUITE_P(each, kerberos_messages,
                         ::testing::Combine(::testing::ValuesIn(every_style()), ::testing::ValuesIn(every_kind())),
                         name_of_both);

TEST_P(kerberos_messages, of_every_size_arrive_whole_both_ways) {
    auto pair = established();
    const auto expected = std::get<style>(GetParam()) == style::dce ? facts.dce_sizes : facts.plain_sizes;
    EXPECT_EQ(pair.client.sizes().max_signature, expected.max_signature);
    EXPECT_EQ(pair.client.sizes().security_trailer, expected.security_trailer);
    const auto added = which().protect == protect_by_signing ? facts.signature_size
                       : which().quality == integrity_only   ? facts.integrity_only_size
                                                             : expected.token;
    for (const auto size : sizes) {
        for (const bool client_sends : {true, false}) {
            security_context& client = pair.client;
            security_context& server = pair.server;
            auto& sender = client_sends ? client : server;
            auto& receiver = client_sends ? server : client;
            const auto original = numbered(size);
            const auto message = protect(sender, original);
            EXPECT_EQ(message.token.size() + message.data.size(), size + added);
            if (size >= 15) { // long enough to search for it
                EXPECT_EQ(std::ranges::search(message.data, original).empty(), which().quality == encrypted) << size;
            }
            expect_genuine(receiver, message, original);
        }
    }
}

TEST_P(kerberos_messages, with_any_bit_flipped_are_refused) {
    // MIT's library checks every bit. The header with its filler is part of the signed data, or must equal its
    // encrypted copy. A refused message does not count as received.
    auto pair = established();
    const auto original = protect(pair.client, numbered(32));
    for (bytes sealed::* const part : {&sealed::token, &sealed::data}) {
        for (std::size_t bit = 0; bit != (original.*part).size() * 8; ++bit) {
            auto changed = original;
            (changed.*part)[bit / 8] ^= std::byte{1} << (bit % 8);
            const auto code = verdict(pair.server, changed);
            EXPECT_TRUE(facts.is_altered(code)) << bit << ": " << code.message();
        }
    }
    expect_genuine(pair.server, original, numbered(32));
}

TEST_P(kerberos_messages, that_are_too_short_or_too_long_are_refused) {
    auto pair = established();
    const auto original = protect(pair.client, numbered(32));
    for (bytes sealed::* const part : {&sealed::token, &sealed::data}) {
        const auto whole = (original.*part).size();
        for (std::size_t size = 1; whole != 0 && size != whole + 2; ++size) {
            if (size != whole) {
                auto changed = original;
                (changed.*part).resize(size);
                const auto code = verdict(pair.server, changed);
                EXPECT_TRUE(facts.is_altered(code)) << size << " of " << whole << ": " << code.message();
            }
        }
    }
    expect_genuine(pair.server, original, numbered(32));
}

TEST_P(kerberos_messages, that_were_replayed_dropped_or_reordered_are_reported) {
    auto pair = established();
    const auto message = numbered(20);
    std::vector<sealed> sent;
    for (int i = 0; i != 5; ++i) {
        sent.push_back(protect(pair.client, message));
    }
    expect_genuine(pair.server, sent[0], message);
    EXPECT_EQ(verdict(pair.server, sent[0]), facts.replayed);
    EXPECT_EQ(verdict(pair.server, sent[2]), facts.dropped); // sent[1] has not arrived
    if (facts.waits_for_dropped) {
        EXPECT_EQ(verdict(pair.server, sent[3]), facts.dropped);
        expect_genuine(pair.server, sent[1], message);
        EXPECT_EQ(verdict(pair.server, sent[1]), facts.replayed);
        expect_genuine(pair.server, sent[2], message);
    } else {
        EXPECT_EQ(verdict(pair.server, sent[1]), facts.late);
        EXPECT_EQ(verdict(pair.server, sent[2]), facts.replayed); // the refused message counts as received
    }
    expect_genuine(pair.server, sent[3], message); // a gap is reported only once
    expect_genuine(pair.server, sent[4], message);
}

TEST_P(kerberos_messages, may_come_in_any_order_where_nobody_wanted_to_know) {
    auto pair = established(context_flags::replay_detect | context_flags::sequence_detect);
    const auto message = numbered(20);
    const auto first = protect(pair.client, message);
    const auto second = protect(pair.client, message);
    expect_genuine(pair.server, second, message);
    expect_genuine(pair.server, second, message);
    expect_genuine(pair.server, first, message);
}

TEST_P(kerberos_messages, may_be_late_but_not_repeated_with_replay_detection_alone) {
    if (!facts.offers_replay_detection_alone) {
        expect_not_granted("replay_detect", [] { static_cast<void>(established(context_flags::sequence_detect)); });
        return;
    }
    auto pair = established(context_flags::sequence_detect);
    const auto message = numbered(20);
    const auto first = protect(pair.client, message);
    const auto second = protect(pair.client, message);
    expect_genuine(pair.server, second, message);
    EXPECT_EQ(verdict(pair.server, second), facts.replayed);
    expect_genuine(pair.server, first, message);
    EXPECT_EQ(verdict(pair.server, first), facts.replayed);
}

TEST_P(kerberos_messages, are_in_order_or_out_of_sequence_with_sequence_detection_alone) {
    auto pair = established(context_flags::replay_detect);
    const auto message = numbered(20);
    const auto first = protect(pair.client, message);
    const auto second = protect(pair.client, message);
    EXPECT_EQ(verdict(pair.server, second), facts.dropped);
    if (facts.waits_for_dropped) {
        EXPECT_EQ(verdict(pair.server, second), facts.dropped);
        expect_genuine(pair.server, first, message);
        EXPECT_EQ(verdict(pair.server, first), facts.replayed);
        expect_genuine(pair.server, second, message);
    } else {
        EXPECT_EQ(verdict(pair.server, second), facts.late);
        EXPECT_EQ(verdict(pair.server, first), facts.late);
    }
    expect_genuine(pair.server, protect(pair.client, message), message);
}

TEST_P(kerberos_messages, of_another_context_are_refused) {
    auto pair = established();
    auto other = established();
    EXPECT_EQ(verdict(other.server, protect(pair.client, numbered(20))), facts.foreign);
    EXPECT_EQ(verdict(other.client, protect(pair.server, numbered(20))), facts.foreign);
    expect_genuine(other.server, protect(other.client, numbered(20)), numbered(20));
    expect_genuine(other.client, protect(other.server, numbered(20)), numbered(20));
}

TEST_P(kerberos_messages, of_ones_own_are_refused) {
    auto pair = established();
    EXPECT_EQ(verdict(pair.client, protect(pair.client, numbered(20))), facts.reflected);
    EXPECT_EQ(verdict(pair.server, protect(pair.server, numbered(20))), facts.reflected);
}

TEST_P(kerberos_messages, are_not_of_another_kind) {
    auto pair = established();
    const auto original = protect(pair.client, numbered(32));
    for (const auto& other : {signed_kind, encrypted_kind, wrapped_kind}) {
        if (other.open != which().open) {
            auto message = original;
            std::error_code ec;
            EXPECT_TRUE(other.open(pair.server, message, {}, ec).empty()) << other.name;
            EXPECT_TRUE(ec) << other.name;
        }
    }
}

class kerberos_qualities : public ::testing::TestWithParam<parameters> {};
INSTANTIATE_TEST_SUITE_P(each, kerberos_qualities,
                         ::testing::Combine(::testing::ValuesIn(every_style()),
                                            ::testing::Values(integrity_only_kind, wrapped_integrity_only_kind)),
                         name_of_both);

TEST_P(kerberos_qualities, merely_signed_message_is_taken_by_who_asks_for_it) {
    const auto& [way, which] = GetParam();
    auto pair = establish(way);
    if (!facts.offers_integrity_only) {
        expect_refusal(facts.integrity_only, [&, protect = which.protect] {
            static_cast<void>(protect(pair.client, numbered(40), {.quality = integrity_only}));
        });
        return;
    }
    auto message = which.protect(pair.client, numbered(40), {.quality = integrity_only});
    auto again = which.protect(pair.client, numbered(40), {.quality = integrity_only});
    std::error_code ec;
    const auto opened = which.open(pair.server, message, {.minimum = sspan::minimum_protection::integrity_only}, ec);
    EXPECT_EQ(opened, numbered(40)) << ec.message();
    EXPECT_TRUE(which.open(pair.server, again, {}, ec).empty()); // the default requires encryption
    EXPECT_EQ(ec, sspan::errc::qop_not_supported);
    EXPECT_TRUE(all_zero(again.data) && all_zero(again.token));
}

} // namespace
