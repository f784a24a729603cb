// SPDX-License-Identifier: MIT
//
// Both sides of a context in one process, with the system's own Kerberos and a real KDC. run.sh sets up the realm.
#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using bytes = std::vector<std::byte>;
using sspan::errc;

std::wstring service() {
    const char* name = std::getenv("SSPAN_SERVICE");
    const std::string narrow = name != nullptr ? name : "";
    return {narrow.begin(), narrow.end()};
}

bytes numbered(std::size_t size) {
    bytes result(size);
    for (std::size_t i = 0; i != size; ++i) {
        result[i] = static_cast<std::byte>(i * 31 + 7);
    }
    return result;
}

bytes copy_of(std::span<const std::byte> part) {
    return {part.begin(), part.end()};
}

bool all_zero(std::span<const std::byte> part) {
    return std::ranges::all_of(part, [](std::byte byte) { return byte == std::byte{0}; });
}

struct pair_of_contexts {
    sspan::security_context client;
    sspan::server_context server;
};

/// Whether it is DCE style that is asked for.
class kerberos : public ::testing::TestWithParam<bool> {
protected:
    static void SetUpTestSuite() {
        outbound = sspan::credentials::outbound(sspan::package::kerberos);
        inbound = sspan::credentials::inbound(sspan::package::kerberos);
    }
    static void TearDownTestSuite() {
        outbound = {};
        inbound = {};
    }

    static pair_of_contexts establish() {
        sspan::client_options client_options;
        sspan::server_options server_options;
        if (GetParam()) {
            client_options.require |= sspan::context_flags::dce_style;
            server_options.require |= sspan::context_flags::dce_style;
        }
        return establish(client_options, server_options);
    }
    static pair_of_contexts establish(const sspan::client_options& client_options,
                                      const sspan::server_options& server_options) {
        sspan::client_handshake client{outbound, service(), client_options};
        sspan::server_handshake server{inbound, server_options};
        for (auto token = client.step().token; !token.empty();) {
            token = server.step(token).token;
            token = token.empty() ? token : client.step(token).token;
        }
        auto context = std::move(client).finish();
        return {std::move(context), std::move(server).finish()};
    }

    inline static sspan::credentials outbound;
    inline static sspan::credentials inbound;
};
INSTANTIATE_TEST_SUITE_P(each, kerberos, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "dce_style" : "plain"; });

constexpr std::size_t sizes[]{0, 1, 15, 16, 17, 255, 4096, 65536, std::size_t{1} << 20};

bytes sign(sspan::security_context& sender, std::span<const std::byte> message) {
    bytes signature(sender.sizes().max_signature);
    return copy_of(sender.sign(message, signature));
}

/// An encrypted message in memory of its own.
struct sealed {
    bytes token;
    bytes data;
};

sealed encrypt(sspan::security_context& sender, std::span<const std::byte> message,
               const sspan::protect_options& options = {}) {
    sealed result{{}, copy_of(message)};
    bytes token(sender.sizes().security_trailer + 64); // Wine needs more than it announces
    bytes padding(sender.sizes().block_size + 1);
    const auto made = sender.encrypt(result.data, token, padding, options);
    result.token = copy_of(made.token);
    result.data.insert(result.data.end(), made.padding.begin(), made.padding.end());
    return result;
}

TEST_P(kerberos, signs_and_verifies_both_ways) {
    auto pair = establish();
    for (const auto size : sizes) {
        const auto message = numbered(size);
        EXPECT_NO_THROW(pair.server.verify(message, sign(pair.client, message))) << size;
        EXPECT_NO_THROW(pair.client.verify(message, sign(pair.server, message))) << size;
    }
}

TEST_P(kerberos, encrypts_and_decrypts_both_ways) {
    auto pair = establish();
    for (const auto size : sizes) {
        for (const bool to_server : {true, false}) {
            sspan::security_context& sender = to_server ? pair.client : pair.server;
            sspan::security_context& receiver = to_server ? pair.server : pair.client;
            auto message = encrypt(sender, numbered(size));
            if (size >= 15) {
                EXPECT_NE(message.data, numbered(size));
            }
            const auto opened = receiver.decrypt(message.data, message.token);
            EXPECT_EQ(copy_of(opened.data), numbered(size));
            EXPECT_EQ(opened.quality, sspan::quality_of_protection::encrypted);
        }
    }
}

TEST_P(kerberos, wraps_and_unwraps_both_ways) {
    auto pair = establish();
    // Outside DCE style Wine's tokens are longer than announced: a side sees how long when it wraps a message itself.
    auto to_server = pair.client.wrap_copy(numbered(1));
    auto to_client = pair.server.wrap_copy(numbered(1));
    EXPECT_EQ(copy_of(pair.server.unwrap(to_server).data), numbered(1));
    EXPECT_EQ(copy_of(pair.client.unwrap(to_client).data), numbered(1));
    for (const auto size : sizes) {
        for (const bool client_sends : {true, false}) {
            sspan::security_context& sender = client_sends ? pair.client : pair.server;
            sspan::security_context& receiver = client_sends ? pair.server : pair.client;
            sspan::message_frame frame{sender.sizes(), size};
            std::ranges::copy(numbered(size), frame.payload().begin());
            auto wire = copy_of(sender.wrap(frame, size));
            EXPECT_GT(wire.size(), size);
            const auto opened = receiver.unwrap(wire);
            EXPECT_EQ(copy_of(opened.data), numbered(size));
            EXPECT_EQ(opened.quality, sspan::quality_of_protection::encrypted);
        }
    }
}

TEST_P(kerberos, every_flipped_bit_of_a_signed_message_is_noticed) {
    auto pair = establish();
    auto message = numbered(32);
    auto signature = sign(pair.client, message);
    for (bytes* changed : {&message, &signature}) {
        for (std::size_t bit = 0; bit != changed->size() * 8; ++bit) {
            auto& byte = (*changed)[bit / 8];
            byte ^= std::byte{1} << (bit % 8);
            std::error_code ec;
            EXPECT_FALSE(pair.server.verify(message, signature, ec)) << bit;
            EXPECT_TRUE(ec) << bit;
            byte ^= std::byte{1} << (bit % 8);
        }
    }
    EXPECT_NO_THROW(pair.server.verify(message, signature));
}

TEST_P(kerberos, every_flipped_bit_of_an_encrypted_message_is_noticed) {
    auto pair = establish();
    const auto original = encrypt(pair.client, numbered(32));
    const auto whole = [](const sealed& message) { return message.token.size() + message.data.size(); };
    for (std::size_t bit = 0; bit != whole(original) * 8; ++bit) {
        auto changed = original;
        const auto at = bit / 8;
        auto& byte = at < changed.token.size() ? changed.token[at] : changed.data[at - changed.token.size()];
        byte ^= std::byte{1} << (bit % 8);
        std::error_code ec;
        const auto opened = pair.server.decrypt(changed.data, changed.token, ec);
        EXPECT_TRUE(ec) << bit;
        EXPECT_TRUE(opened.data.empty()) << bit;
        EXPECT_TRUE(all_zero(changed.data)) << bit;
    }
    auto intact = original;
    EXPECT_EQ(copy_of(pair.server.decrypt(intact.data, intact.token).data), numbered(32));
}

TEST_P(kerberos, truncated_messages_are_refused) {
    auto pair = establish();
    const auto message = numbered(32);
    const auto signature = sign(pair.client, message);
    const auto original = encrypt(pair.client, message);
    for (std::size_t size = 0; size != signature.size(); ++size) {
        std::error_code ec;
        EXPECT_FALSE(pair.server.verify(message, std::span{signature}.first(size), ec)) << size;
    }
    for (std::size_t size = 0; size != original.token.size(); ++size) {
        auto changed = original;
        std::error_code ec;
        EXPECT_TRUE(pair.server.decrypt(changed.data, std::span{changed.token}.first(size), ec).data.empty());
        EXPECT_TRUE(ec) << size;
    }
}

TEST_P(kerberos, every_part_is_protected_or_none_is_taken) {
    auto pair = establish();
    auto first = numbered(20);
    auto second = numbered(30);
    bytes signature(pair.client.sizes().max_signature);
    const sspan::const_buffer to_sign[]{sspan::const_buffer::data(first), sspan::const_buffer::data(second)};
    std::error_code ec;
    const auto signed_part = pair.client.sign(to_sign, signature, {}, ec);
    if (ec) { // Wine would sign the first part, and Wine would verify it
        EXPECT_EQ(ec, errc::unsupported_function);
    } else {
        second[3] ^= std::byte{1};
        EXPECT_FALSE(pair.server.verify(to_sign, signed_part, {}, ec));
    }
    bytes token(pair.client.sizes().security_trailer + 64);
    bytes padding(pair.client.sizes().block_size + 1);
    const sspan::buffer to_encrypt[]{sspan::buffer::data(first), sspan::buffer::data(second)};
    const auto before = second;
    static_cast<void>(pair.client.encrypt(to_encrypt, token, padding, {}, ec));
    EXPECT_EQ(second == before, static_cast<bool>(ec));
}

TEST_P(kerberos, replayed_and_reordered_messages_are_refused) {
    auto pair = establish();
    const auto message = numbered(20);
    const auto first = sign(pair.client, message);
    const auto second = sign(pair.client, message);
    const auto third = sign(pair.client, message);
    EXPECT_NO_THROW(pair.server.verify(message, first));
    EXPECT_THROW(pair.server.verify(message, first), sspan::error);  // replayed
    EXPECT_THROW(pair.server.verify(message, third), sspan::error);  // one was dropped
    EXPECT_THROW(pair.server.verify(message, second), sspan::error); // or late
}

TEST_P(kerberos, messages_of_another_context_or_of_ones_own_are_refused) {
    auto pair = establish();
    auto other = establish();
    const auto message = numbered(20);
    EXPECT_THROW(other.server.verify(message, sign(pair.client, message)), sspan::error);
    EXPECT_THROW(pair.client.verify(message, sign(pair.client, message)), sspan::error);
    auto secret = encrypt(pair.client, message);
    EXPECT_THROW(static_cast<void>(other.server.decrypt(secret.data, secret.token)), sspan::error);
    EXPECT_TRUE(all_zero(secret.data));
    secret = encrypt(pair.client, message);
    EXPECT_THROW(static_cast<void>(pair.client.decrypt(secret.data, secret.token)), sspan::error);
}

TEST_P(kerberos, merely_signed_message_is_taken_by_who_asks_for_it) {
    auto pair = establish();
    const sspan::protect_options integrity_only{.quality = sspan::quality_of_protection::integrity_only};
    auto message = encrypt(pair.client, numbered(40), integrity_only);
    auto whole = message.data; // outside DCE style Wine begins with what should be the token
    whole.insert(whole.end(), message.token.begin(), message.token.end());
    EXPECT_FALSE(std::ranges::search(whole, numbered(40)).empty()); // anybody can read it
    auto again = encrypt(pair.client, numbered(40), integrity_only);
    const auto opened =
        pair.server.decrypt(message.data, message.token, {.at_least = sspan::least_protection::integrity_only});
    EXPECT_EQ(copy_of(opened.data), numbered(40));
    EXPECT_EQ(opened.quality, sspan::quality_of_protection::integrity_only);
    std::error_code ec;
    EXPECT_TRUE(pair.server.decrypt(again.data, again.token, ec).data.empty());
    EXPECT_EQ(ec, errc::qop_not_supported);
}

TEST_P(kerberos, halves_work_in_two_threads) {
    auto pair = establish();
    auto client = std::move(pair.client).split();
    auto server = std::move(pair.server).split();
    constexpr int count = 2000;
    const auto message = numbered(100);
    const auto signature_size = client.sender.sizes().max_signature;
    std::vector<bytes> to_server(count, bytes(signature_size));
    std::vector<bytes> to_client(count, bytes(signature_size));
    for (int i = 0; i != count; ++i) {
        const auto index = static_cast<std::size_t>(i);
        to_client[index].resize(server.sender.sign(message, to_client[index]).size());
    }
    std::thread receiving{[&] {
        for (const auto& signature : to_client) {
            EXPECT_NO_THROW(client.receiver.verify(message, signature));
        }
    }};
    for (auto& signature : to_server) { // the same context sends meanwhile
        signature.resize(client.sender.sign(message, signature).size());
    }
    receiving.join();
    for (const auto& signature : to_server) {
        ASSERT_NO_THROW(server.receiver.verify(message, signature));
    }
}

TEST_P(kerberos, context_and_credentials_end_with_the_ticket) { // of a day, as run.sh asks for
    const auto pair = establish();
    const auto now = std::chrono::system_clock::now();
    for (const auto& end : {pair.client.expiry(), pair.server.expiry(), outbound.expiry()}) {
        EXPECT_GT(end, now + std::chrono::hours{23});
        EXPECT_LT(end, now + std::chrono::hours{25});
    }
    EXPECT_EQ(inbound.expiry(), std::nullopt); // a key in a file does not end
}

TEST_P(kerberos, tells_the_package_and_says_so_where_it_does_not_tell) {
    const auto pair = establish();
    EXPECT_EQ(sspan::query_negotiation_info(pair.client).package.name, sspan::package::kerberos);
    std::error_code ec;
    const auto name = sspan::query_user_name(pair.server, ec);
    EXPECT_TRUE(ec ? ec == errc::unsupported_function : !name.empty());
}

TEST_P(kerberos, impersonation_that_is_not_offered_fails_before_any_work) {
    const auto pair = establish();
    std::error_code ec;
    const sspan::impersonation_guard guard{pair.server, ec};
    if (ec) {
        EXPECT_EQ(ec, errc::unsupported_function);
    }
    EXPECT_EQ(guard.active(), !ec);
}

} // namespace
