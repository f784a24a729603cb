// SPDX-License-Identifier: MIT
//
// The functions of an established context, except the protection of single messages.
#include "kerberos.hpp"
#include "kerberos_facts.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace integration;
using sspan::errc;

class kerberos : public ::testing::TestWithParam<style> {};
INSTANTIATE_TEST_SUITE_P(each, kerberos, ::testing::ValuesIn(every_style()),
                         [](const auto& test) { return name_of(test.param); });

TEST_P(kerberos, parts_are_protected_as_the_message_that_they_make) {
    auto pair = establish(GetParam());
    auto first = numbered(20);
    auto second = numbered(30);
    auto whole = first;
    whole.insert(whole.end(), second.begin(), second.end());
    bytes signature(pair.client.sizes().max_signature);
    const sspan::message_part to_sign[]{sspan::message_part::data(first), sspan::message_part::data(second)};
    EXPECT_NO_THROW(pair.server.verify(whole, pair.client.sign(to_sign, signature)));
    EXPECT_NO_THROW(pair.server.verify(to_sign, sign(pair.client, whole)));
    const auto signed_part = pair.client.sign(to_sign, signature);
    second[3] ^= std::byte{1};
    std::error_code ec;
    EXPECT_FALSE(pair.server.verify(to_sign, signed_part, {}, ec));
    second[3] ^= std::byte{1};
    EXPECT_TRUE(pair.server.verify(to_sign, signed_part, {}, ec)) << ec.message();

    const auto plain_first = first;
    const auto plain_second = second;
    bytes token(pair.client.sizes().security_trailer);
    bytes padding(pair.client.sizes().block_size);
    const sspan::message_part to_encrypt[]{sspan::message_part::data(first), sspan::message_part::data(second)};
    const auto made = pair.client.encrypt({.token = token, .data = to_encrypt, .padding = padding});
    EXPECT_NE(first, plain_first);
    EXPECT_NE(second, plain_second);
    static_cast<void>(pair.server.decrypt({.token = made.token, .data = to_encrypt}));
    EXPECT_EQ(first, plain_first);
    EXPECT_EQ(second, plain_second);
}

TEST_P(kerberos, first_message_opens_and_so_does_the_next_of_another_quality) {
    auto pair = establish(GetParam());
    auto first = pair.client.wrap_copy(numbered(20));
    EXPECT_EQ(copy_of(pair.server.unwrap(first).data), numbered(20));
    if (facts.offers_integrity_only) {
        auto merely_signed =
            pair.client.wrap_copy(numbered(20), {.quality = sspan::quality_of_protection::integrity_only});
        const auto opened = pair.server.unwrap(merely_signed, {.minimum = sspan::minimum_protection::integrity_only});
        EXPECT_EQ(copy_of(opened.data), numbered(20));
    }
}

TEST_P(kerberos, halves_work_in_two_threads) {
    auto pair = establish(GetParam());
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
    for (auto& signature : to_server) { // at the same time, the same context sends
        signature.resize(client.sender.sign(message, signature).size());
    }
    receiving.join();
    for (const auto& signature : to_server) {
        ASSERT_NO_THROW(server.receiver.verify(message, signature));
    }
}

TEST_P(kerberos, context_and_credentials_end_with_the_ticket) { // a ticket is valid for a day
    const auto pair = establish(GetParam());
    const auto now = std::chrono::system_clock::now();
    for (const auto& end : {pair.client.expiry(), pair.server.expiry(),
                            sspan::credentials::outbound(sspan::package::kerberos).expiry()}) {
        ASSERT_EQ(end.has_value(), facts.tells_expiry);
        EXPECT_TRUE(!end || (*end > now + std::chrono::hours{23} && *end < now + std::chrono::hours{25}));
    }
    const auto inbound_end = sspan::credentials::inbound(sspan::package::kerberos).expiry();
    // The result is also `never` if the package reports no expiry.
    EXPECT_EQ(inbound_end.value_or(sspan::never) == sspan::never, facts.inbound_never_end);
}

TEST_P(kerberos, tells_the_package_and_says_so_where_it_does_not_tell) {
    const auto pair = establish(GetParam());
    std::error_code ec;
    const auto negotiated = sspan::query_negotiation_info(pair.client, ec);
    EXPECT_EQ(negotiated.package.name, facts.tells_package ? sspan::package::kerberos : L"");
    EXPECT_EQ(ec, facts.tells_package ? std::error_code{} : errc::unsupported_function);
    const auto name = sspan::query_user_name(pair.server, ec);
    EXPECT_TRUE(ec ? ec == errc::unsupported_function : !name.empty());
}

TEST_P(kerberos, impersonation_that_is_not_offered_fails_before_any_work) {
    const auto pair = establish(GetParam());
    std::error_code ec;
    const sspan::impersonation_guard guard{pair.server, {}, ec};
    if (ec) {
        EXPECT_EQ(ec, errc::unsupported_function);
    }
    EXPECT_EQ(guard.active(), !ec);
}

} // namespace
