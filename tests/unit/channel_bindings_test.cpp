// SPDX-License-Identifier: MIT
#include <sspan/channel_bindings.hpp>

#include "conversation.hpp"
#include "fixture.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace {

using namespace testing_support;
using sspan::channel_bindings;
using sspan::errc;

/// Returns the application data in the bindings.
bytes data_of(const channel_bindings& bindings) {
    SEC_CHANNEL_BINDINGS header{};
    const auto whole = bindings.native();
    EXPECT_GE(whole.size(), sizeof header);
    std::memcpy(&header, whole.data(), sizeof header);
    EXPECT_EQ(header.dwApplicationDataOffset, sizeof header);
    EXPECT_EQ(header.cbApplicationDataLength, whole.size() - sizeof header);
    EXPECT_EQ(header.dwInitiatorAddrType | header.cbInitiatorLength | header.dwInitiatorOffset, 0U);
    EXPECT_EQ(header.dwAcceptorAddrType | header.cbAcceptorLength | header.dwAcceptorOffset, 0U);
    return copy_of(whole.subspan(sizeof header));
}

TEST(channel_bindings, are_none_by_default) {
    EXPECT_FALSE(channel_bindings{});
    const channel_bindings none;
    EXPECT_TRUE(none.native().empty());
}

TEST(channel_bindings, have_the_prefix_of_their_kind) {
    const auto data = to_bytes("hash");
    EXPECT_EQ(data_of(channel_bindings::application_data(data)), data);
    EXPECT_EQ(data_of(channel_bindings::tls_unique(data)), to_bytes("tls-unique:hash"));
    const std::string hash(32, 'h');
    EXPECT_EQ(data_of(channel_bindings::tls_server_end_point(to_bytes(hash))),
              to_bytes("tls-server-end-point:" + hash));
    EXPECT_EQ(data_of(channel_bindings::tls_exporter(to_bytes(hash))), to_bytes("tls-exporter:" + hash));
}

TEST(channel_bindings, of_an_exporter_are_32_bytes) {
    for (std::size_t size = 0; size != 100; ++size) {
        const bytes exported(size);
        if (size == 32) {
            EXPECT_TRUE(channel_bindings::tls_exporter(exported));
            continue;
        }
        try {
            static_cast<void>(channel_bindings::tls_exporter(exported));
            ADD_FAILURE() << size;
        } catch (const sspan::error& refused) {
            EXPECT_EQ(refused.code(), errc::invalid_parameter);
        }
    }
}

TEST(channel_bindings, of_a_certificate_are_not_hexadecimal_text) {
    for (const std::size_t size : {32U, 48U, 64U}) {
        for (const char digit : {'0', '9', 'a', 'f', 'A', 'F'}) {
            EXPECT_THROW(static_cast<void>(channel_bindings::tls_server_end_point(std::string(size, digit))),
                         sspan::error);
        }
        auto almost = std::string(size, '0');
        almost.back() = 'g';
        EXPECT_TRUE(channel_bindings::tls_server_end_point(almost));
    }
}

TEST(channel_bindings, of_a_certificate_are_a_hash_of_sha_2) {
    for (std::size_t size = 0; size != 1300; ++size) {
        const bytes hash(size);
        if (size == 32 || size == 48 || size == 64) {
            EXPECT_TRUE(channel_bindings::tls_server_end_point(hash));
        } else {
            EXPECT_THROW(static_cast<void>(channel_bindings::tls_server_end_point(hash)), sspan::error) << size;
        }
    }
}

TEST(channel_bindings, that_were_moved_from_are_not_none) {
    auto bindings = channel_bindings::application_data(to_bytes("data"));
    const auto moved = std::move(bindings);
    EXPECT_TRUE(bindings);
    EXPECT_TRUE(bindings.native().empty());
    EXPECT_EQ(data_of(moved), to_bytes("data"));
}

TEST(channel_bindings, are_adopted_as_they_are) {
    const auto original = channel_bindings::tls_unique(to_bytes("finished"));
    const auto adopted = channel_bindings::adopt(original.native());
    EXPECT_EQ(copy_of(adopted.native()), copy_of(original.native()));
    EXPECT_NE(adopted.native().data(), original.native().data());
}

TEST(channel_bindings, of_no_channel_are_refused) {
    EXPECT_THROW(static_cast<void>(channel_bindings::application_data({})), sspan::error);
    EXPECT_THROW(static_cast<void>(channel_bindings::tls_unique({})), sspan::error);
    EXPECT_THROW(static_cast<void>(channel_bindings::tls_server_end_point({})), sspan::error);
}

TEST(channel_bindings, whose_parts_lie_outside_are_refused) {
    const auto original = channel_bindings::application_data(to_bytes("0123456789"));
    const auto whole = copy_of(original.native());
    const auto refused = [](std::span<const std::byte> structure) {
        try {
            static_cast<void>(channel_bindings::adopt(structure));
            return false;
        } catch (const sspan::error& failure) {
            return failure.code() == errc::invalid_parameter;
        }
    };
    EXPECT_FALSE(refused(whole));
    for (std::size_t size = 0; size != whole.size(); ++size) {
        EXPECT_TRUE(refused(std::span{whole}.first(size))) << size;
    }
    const bytes without_data(sizeof(SEC_CHANNEL_BINDINGS));
    EXPECT_TRUE(refused(without_data));
    // The structure is eight numbers. Each of the three pairs of length and offset may be wrong.
    constexpr std::size_t pairs[][2]{{1, 2}, {4, 5}, {6, 7}};
    for (const auto& [length, offset] : pairs) {
        for (const auto& [claimed, at] : {std::pair{1U, 42U}, {11U, 32U}, {1U, 0xFFFFFFFFU}, {0xFFFFFFFFU, 1U}}) {
            auto wrong = whole;
            const std::uint32_t numbers[]{claimed, at};
            std::memcpy(wrong.data() + length * 4, &numbers[0], 4);
            std::memcpy(wrong.data() + offset * 4, &numbers[1], 4);
            EXPECT_TRUE(refused(wrong)) << length << ' ' << claimed << ' ' << at;
        }
        for (std::uint32_t at = 0; at != sizeof(SEC_CHANNEL_BINDINGS); ++at) { // an offset into the header
            auto wrong = whole;
            const std::uint32_t numbers[]{4, at};
            std::memcpy(wrong.data() + length * 4, &numbers[0], 4);
            std::memcpy(wrong.data() + offset * 4, &numbers[1], 4);
            EXPECT_TRUE(refused(wrong)) << length << ' ' << at;
        }
    }
}

#if SIZE_MAX > 0xFFFFFFFF
TEST(channel_bindings, of_more_than_32_bits_are_refused) {
    EXPECT_THROW(static_cast<void>(channel_bindings::application_data(more_than_4_gib())), sspan::error);
    EXPECT_THROW(static_cast<void>(channel_bindings::adopt(more_than_4_gib())), sspan::error);
    const std::span just_too_many{more_than_4_gib().data(), 0xFFFFFFFFU - 32 - 10};
    EXPECT_THROW(static_cast<void>(channel_bindings::tls_unique(just_too_many)), sspan::error);
}
#endif

class bound_handshake : public surface_test {
protected:
    /// Returns the result of a handshake with these bindings.
    static outcome between(const channel_bindings& client_bindings, const channel_bindings& server_bindings,
                           sspan::context_flags server_request = sspan::context_flags::extended_error) {
        auto client = which_profile().client_options();
        client.bindings = client_bindings;
        const sspan::server_options server{.request = server_request, .bindings = server_bindings};
        conversation talk{which_profile().package, client, server, which_surface()};
        auto end = talk.run();
        if (!end.code) {
            expect_established(talk);
        }
        return end;
    }
};
INSTANTIATE_TEST_SUITE_P(each, bound_handshake, each_profile_and_surface(), name_of{});

const auto ours = channel_bindings::tls_server_end_point(bytes(32, std::byte{1}));
const auto others = channel_bindings::tls_server_end_point(bytes(32, std::byte{2}));
constexpr auto allow_missing = sspan::context_flags::allow_missing_bindings;

TEST_P(bound_handshake, succeeds_in_the_same_channel) {
    EXPECT_TRUE(succeeded(between(ours, ours)));
}

TEST_P(bound_handshake, fails_between_two_channels) {
    EXPECT_TRUE(failed_with(between(ours, others), errc::bad_bindings, "AcceptSecurityContext"));
    EXPECT_TRUE(failed_with(between(ours, others, allow_missing), errc::bad_bindings, "AcceptSecurityContext"));
    const auto same_data = channel_bindings::application_data(to_bytes("certificate"));
    EXPECT_TRUE(failed_with(between(ours, same_data), errc::bad_bindings, "AcceptSecurityContext"));
}

TEST_P(bound_handshake, of_an_exporter_is_of_its_channel_and_of_no_other_kind) {
    const auto exported = channel_bindings::tls_exporter(bytes(32, std::byte{1}));
    EXPECT_TRUE(succeeded(between(exported, channel_bindings::tls_exporter(bytes(32, std::byte{1})))));
    const auto other = channel_bindings::tls_exporter(bytes(32, std::byte{2}));
    EXPECT_TRUE(failed_with(between(exported, other), errc::bad_bindings, "AcceptSecurityContext"));
    EXPECT_TRUE(failed_with(between(exported, ours), errc::bad_bindings, "AcceptSecurityContext"));
}

TEST_P(bound_handshake, fails_without_the_clients_unless_the_server_allows_it) {
    EXPECT_TRUE(failed_with(between({}, ours), errc::bad_bindings, "AcceptSecurityContext"));
    EXPECT_TRUE(succeeded(between({}, ours, allow_missing)));
}

TEST_P(bound_handshake, succeeds_with_a_server_that_does_not_look) {
    EXPECT_TRUE(succeeded(between(ours, {})));
}

TEST_P(bound_handshake, is_refused_with_bindings_that_were_moved_from) {
    auto given = ours;
    const auto kept = std::move(given);
    EXPECT_TRUE(failed_with(between(given, kept), errc::invalid_handle, "InitializeSecurityContext"));
    EXPECT_TRUE(failed_with(between(kept, given), errc::invalid_handle, "AcceptSecurityContext"));
    EXPECT_EQ(loopback::calls(loopback::function::accept_security_context), 0U);
    EXPECT_TRUE(succeeded(between(kept, kept)));
}

TEST_P(bound_handshake, is_bound_in_every_leg) { // the loopback package reports any leg without bindings
    for (const unsigned legs : {3U, 4U, 7U}) {
        which_profile().settings().legs = legs;
        EXPECT_TRUE(succeeded(between(ours, ours)));
    }
}

} // namespace
