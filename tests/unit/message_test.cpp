// SPDX-License-Identifier: MIT
#include <sspan/message.hpp>

#include "fixture.hpp"
#include "messages.hpp"
#include "profiles.hpp"

#include <sspan/security_context.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::context_flags;
using sspan::errc;
using sspan::quality_of_protection;

constexpr auto encrypted = quality_of_protection::encrypted;
constexpr auto integrity_only = quality_of_protection::integrity_only;

TEST(message_values, are_sspis) {
    EXPECT_EQ(static_cast<std::uint32_t>(encrypted), 0U);
    EXPECT_EQ(static_cast<std::uint32_t>(integrity_only), 0x80000001U);
    EXPECT_EQ(sspan::protect_options{}.quality, encrypted);
    EXPECT_EQ(sspan::accept_options{}.minimum, sspan::minimum_protection::as_required);
    EXPECT_EQ(sspan::decrypted_message{}.quality, integrity_only); // the default claims no encryption
}

TEST(encrypted_message, goes_out_as_token_data_and_padding) {
    auto token = numbered(3), data = numbered(5), padding = numbered(2);
    const sspan::encrypted_message message{.token = token, .data = data, .padding = padding};
    const auto pieces = message.in_wire_order();
    EXPECT_EQ(pieces[0].data(), token.data());
    EXPECT_EQ(pieces[0].size(), token.size());
    EXPECT_EQ(pieces[1].data(), data.data());
    EXPECT_EQ(pieces[1].size(), data.size());
    EXPECT_EQ(pieces[2].data(), padding.data());
    EXPECT_EQ(pieces[2].size(), padding.size());
}

/// Requires everything except confidentiality. `asked` decides whether both sides request it.
established without_required_confidentiality(const profile& which, bool asked) {
    constexpr auto rest = sspan::message_protection & ~context_flags::confidentiality;
    const auto request = asked ? context_flags::confidentiality : context_flags::none;
    if (!asked) {
        loopback::deny_flags(0x10);
    }
    return establish(which.package, {rest, request}, {rest, request});
}

class message_quality : public surface_test {
protected:
    /// Calls decrypt on the surface under test.
    static outcome decrypt_outcome(sspan::security_context& receiver, sealed_message& message,
                                   const sspan::accept_options& options, sspan::decrypted_message& opened) {
        return outcome_of(which_surface(), [&](auto&... ec) {
            opened = receiver.decrypt({.token = message.token, .data = message.data}, options, ec...);
        });
    }
    /// Returns false for NTLM, which always encrypts and does not report the quality.
    static bool has_integrity_only() { return which_profile().package != sspan::package::ntlm; }
};
INSTANTIATE_TEST_SUITE_P(each, message_quality, each_profile_and_surface(), name_of{});

TEST_P(message_quality, reaches_the_package) {
    auto pair = establish(which_profile());
    static_cast<void>(encrypt(pair.client, numbered(10)));
    EXPECT_EQ(loopback::last_flags(function::encrypt_message), 0U);
    static_cast<void>(encrypt(pair.client, numbered(10), {integrity_only, 0}));
    EXPECT_EQ(loopback::last_flags(function::encrypt_message), 0x80000001U);
}

TEST_P(message_quality, integrity_only_leaves_the_data_readable) {
    auto pair = establish(which_profile());
    const auto message = encrypt(pair.client, numbered(10), {integrity_only, 0});
    EXPECT_EQ(message.data == numbered(10), has_integrity_only());
}

TEST_P(message_quality, trap_message_that_was_merely_signed_is_refused_where_confidentiality_was_required) {
    auto pair = establish(which_profile());
    auto message = encrypt(pair.client, numbered(10), {integrity_only, 0});
    sspan::decrypted_message opened;
    const auto result = decrypt_outcome(pair.server, message, {}, opened);
    if (has_integrity_only()) {
        EXPECT_TRUE(failed_with(result, errc::qop_not_supported, "DecryptMessage"));
        EXPECT_TRUE(opened.data.empty());
        EXPECT_TRUE(all_zero(message.data));
        EXPECT_TRUE(all_zero(message.token));
        // Both sides' sequence numbers still match.
        EXPECT_EQ(decrypt(pair.server, encrypt(pair.client, numbered(5))), numbered(5));
    } else {
        EXPECT_TRUE(succeeded(result));
        EXPECT_EQ(opened.quality, encrypted);
    }
}

TEST_P(message_quality, merely_signed_message_is_taken_by_who_asks_for_it_and_reported) {
    auto pair = establish(which_profile());
    auto message = encrypt(pair.client, numbered(10), {integrity_only, 0});
    sspan::decrypted_message opened;
    EXPECT_TRUE(
        succeeded(decrypt_outcome(pair.server, message, {sspan::minimum_protection::integrity_only, 0}, opened)));
    EXPECT_EQ(copy_of(opened.data), numbered(10));
    EXPECT_EQ(opened.quality, has_integrity_only() ? integrity_only : encrypted);
}

TEST_P(message_quality, encrypted_message_is_more_than_enough) {
    auto pair = establish(which_profile());
    for (const auto at_least : {sspan::minimum_protection::encrypted, sspan::minimum_protection::integrity_only}) {
        auto message = encrypt(pair.client, numbered(10));
        sspan::decrypted_message opened;
        EXPECT_TRUE(succeeded(decrypt_outcome(pair.server, message, {at_least, 0}, opened)));
        EXPECT_EQ(opened.quality, encrypted);
        EXPECT_EQ(copy_of(opened.data), numbered(10));
    }
}

TEST_P(message_quality, context_that_did_not_require_confidentiality_takes_both) {
    auto pair = without_required_confidentiality(which_profile(), true);
    ASSERT_TRUE(contains(pair.server.granted(), context_flags::confidentiality));
    sspan::decrypted_message opened;
    auto message = encrypt(pair.client, numbered(10), {integrity_only, 0});
    EXPECT_TRUE(succeeded(decrypt_outcome(pair.server, message, {}, opened)));
    EXPECT_EQ(opened.quality, has_integrity_only() ? integrity_only : encrypted);
    message = encrypt(pair.client, numbered(10));
    EXPECT_TRUE(succeeded(decrypt_outcome(pair.server, message, {}, opened)));
    EXPECT_EQ(opened.quality, encrypted);
    // The default options accept encrypted messages only.
    if (has_integrity_only()) {
        message = encrypt(pair.client, numbered(10), {integrity_only, 0});
        EXPECT_TRUE(
            failed_with(decrypt_outcome(pair.server, message, {sspan::minimum_protection::encrypted, 0}, opened),
                        errc::qop_not_supported, "DecryptMessage"));
        EXPECT_TRUE(all_zero(message.data));
    }
}

TEST_P(message_quality, adopted_context_with_confidentiality_requires_it) {
    if (!has_integrity_only()) {
        return;
    }
    auto pair = without_required_confidentiality(which_profile(), true);
    const auto granted = pair.server.granted();
    pair.server = sspan::server_context::adopt(pair.server.release(), granted);
    auto message = encrypt(pair.client, numbered(10), {integrity_only, 0});
    sspan::decrypted_message opened;
    EXPECT_TRUE(
        failed_with(decrypt_outcome(pair.server, message, {}, opened), errc::qop_not_supported, "DecryptMessage"));
}

TEST_P(message_quality, without_confidentiality_nothing_is_encrypted) {
    auto pair = without_required_confidentiality(which_profile(), false);
    ASSERT_FALSE(contains(pair.client.granted(), context_flags::confidentiality));
    auto data = numbered(10);
    bytes token(100, std::byte{0xEE});
    bytes padding(100, std::byte{0xEE});
    const auto result = outcome_of(which_surface(), [&](auto&... ec) {
        static_cast<void>(pair.client.encrypt({.token = token, .data = data, .padding = padding}, {}, ec...));
    });
    EXPECT_TRUE(failed_with(result, errc::qop_not_supported, "EncryptMessage"));
    EXPECT_EQ(calls(function::encrypt_message), 0U);
    EXPECT_EQ(data, numbered(10));
    EXPECT_EQ(token, bytes(100, std::byte{0xEE}));
}

TEST_P(message_quality, without_confidentiality_ntlm_itself_would_encrypt) { // so sspan must refuse
    auto pair = without_required_confidentiality(which_profile(), false);
    auto data = numbered(10);
    bytes token(pair.client.sizes().security_trailer);
    sspan::detail::buffer_list<2> buffers;
    buffers.add(SECBUFFER_TOKEN, token);
    buffers.add(SECBUFFER_DATA, data);
    auto handle = pair.client.native_handle();
    const auto status = sspan::detail::api::encrypt_message(&handle, 0, buffers.native(), 0);
    EXPECT_EQ(status, which_profile().package == sspan::package::ntlm ? SEC_E_OK : SEC_E_QOP_NOT_SUPPORTED);
}

TEST_P(message_quality, without_confidentiality_integrity_only_messages_still_go) {
    // NTLM encrypts them, too, but does not report their quality. They count as signed.
    auto pair = without_required_confidentiality(which_profile(), false);
    auto message = encrypt(pair.client, numbered(10), {integrity_only, 0});
    sspan::decrypted_message opened;
    EXPECT_EQ(message.data == numbered(10), has_integrity_only());
    EXPECT_TRUE(succeeded(decrypt_outcome(pair.server, message, {}, opened)));
    EXPECT_EQ(copy_of(opened.data), numbered(10));
    EXPECT_EQ(opened.quality, integrity_only);
}

TEST_P(message_quality, without_integrity_no_integrity_only_message_is_made) {
    auto pair = establish(which_profile());
    pair.client = sspan::client_context::adopt(pair.client.release(), context_flags::confidentiality);
    auto data = numbered(10);
    bytes token(pair.client.sizes().security_trailer);
    bytes padding(pair.client.sizes().block_size);
    const auto result = outcome_of(which_surface(), [&](auto&... ec) {
        static_cast<void>(
            pair.client.encrypt({.token = token, .data = data, .padding = padding}, {integrity_only, 0}, ec...));
    });
    EXPECT_TRUE(failed_with(result, errc::qop_not_supported, "EncryptMessage"));
    EXPECT_EQ(calls(function::encrypt_message), 0U);
}

TEST_P(message_quality, trap_context_without_confidentiality_never_reports_encrypted) {
    // The handshake's result decides, whatever the package reports for the message.
    auto pair = establish(which_profile());
    pair.server = sspan::server_context::adopt(pair.server.release(), context_flags::integrity);
    auto message = encrypt(pair.client, numbered(10));
    sspan::decrypted_message opened;
    EXPECT_TRUE(succeeded(decrypt_outcome(pair.server, message, {}, opened)));
    EXPECT_EQ(opened.quality, integrity_only);
    message = encrypt(pair.client, numbered(10));
    EXPECT_TRUE(failed_with(decrypt_outcome(pair.server, message, {sspan::minimum_protection::encrypted, 0}, opened),
                            errc::qop_not_supported, "DecryptMessage"));
}

using message_quality_of_ntlm = loopback_test;

TEST_F(message_quality_of_ntlm, trap_output_that_ntlm_leaves_alone_is_initialised) {
    auto pair = establish(ntlm);
    auto message = encrypt(pair.client, numbered(10));
    auto raw_message = message;
    {
        auto other = establish(ntlm);
        raw_message = encrypt(other.client, numbered(10));
        sspan::detail::buffer_list<2> buffers;
        buffers.add(SECBUFFER_TOKEN, raw_message.token);
        buffers.add(SECBUFFER_DATA, raw_message.data);
        ULONG quality = 0xDEADBEEF;
        auto handle = other.server.native_handle();
        ASSERT_EQ(sspan::detail::api::decrypt_message(&handle, buffers.native(), 0, &quality), SEC_E_OK);
        ASSERT_EQ(quality, 0xDEADBEEF);
    }
    EXPECT_EQ(pair.server.decrypt({.token = message.token, .data = message.data}).quality, encrypted);
}

class sequence_number : public surface_test {
protected:
    static established datagrams() {
        auto client = which_profile().client_options();
        client.request |= context_flags::datagram;
        sspan::server_options server;
        server.request |= context_flags::datagram;
        return establish(which_profile().package, client, server);
    }
    static bool is_ntlm() { return which_profile().package == sspan::package::ntlm; }
    static outcome verify_as(sspan::security_context& receiver, const signed_message& message, std::uint32_t number) {
        const sspan::accept_options options{.sequence_number = number};
        return outcome_of(
            which_surface(),
            [&](std::error_code& ec) {
                const bool right = receiver.verify(message.data, message.signature, options, ec);
                EXPECT_EQ(right, !ec);
            },
            [&] { receiver.verify(message.data, message.signature, options); });
    }
};
INSTANTIATE_TEST_SUITE_P(each, sequence_number, each_profile_and_surface(), name_of{});

TEST_P(sequence_number, of_datagrams_is_the_callers) {
    auto pair = datagrams();
    ASSERT_EQ(sspan::contains(pair.client.granted(), context_flags::datagram), is_ntlm());
    if (!is_ntlm()) {
        return; // only NTLM grants `datagram`
    }
    bytes room(pair.client.sizes().max_signature);
    const auto data = numbered(10);
    const auto seventh = copy_of(pair.client.sign(data, room, {.sequence_number = 7}));
    const auto fifth = copy_of(pair.client.sign(data, room, {.sequence_number = 5}));
    EXPECT_TRUE(succeeded(verify_as(pair.server, {data, fifth}, 5))) << "verified in a different order";
    EXPECT_TRUE(succeeded(verify_as(pair.server, {data, seventh}, 7)));
    EXPECT_TRUE(failed_with(verify_as(pair.server, {data, seventh}, 6), errc::out_of_sequence, "VerifySignature"));

    auto sealed = encrypt(pair.client, numbered(20), {.sequence_number = 9});
    EXPECT_EQ(decrypt(pair.server, sealed, {.sequence_number = 9}), numbered(20));
    auto other = encrypt(pair.client, numbered(20), {.sequence_number = 10});
    std::error_code ec;
    EXPECT_TRUE(
        pair.server.decrypt({.token = other.token, .data = other.data}, {.sequence_number = 11}, ec).data.empty());
    EXPECT_EQ(ec, errc::out_of_sequence);

    sspan::message_frame frame{pair.client.sizes(), 20};
    std::ranges::copy(numbered(20), frame.payload().begin());
    auto wire = copy_of(pair.client.wrap(frame, 20, {.sequence_number = 12}));
    EXPECT_EQ(copy_of(pair.server.unwrap(wire, {.sequence_number = 12}).data), numbered(20));
}

TEST_P(sequence_number, of_a_connection_is_the_packages) {
    auto pair = establish(which_profile());
    for (const std::uint32_t number : {7U, 5U}) {
        bytes room(pair.client.sizes().max_signature);
        const auto data = numbered(10);
        const auto signature = copy_of(pair.client.sign(data, room, {.sequence_number = number}));
        EXPECT_TRUE(succeeded(verify_as(pair.server, {data, signature}, number + 1)));
    }
}

} // namespace
