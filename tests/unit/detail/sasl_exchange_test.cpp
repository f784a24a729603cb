// SPDX-License-Identifier: MIT
#include <sspan/detail/sasl_exchange.hpp>

#include "unit/allocation.hpp"
#include "unit/protocol/sasl_sides.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

namespace {

using namespace testing_support;
using sspan::context_flags;
using sspan::errc;

class sasl_exchange : public loopback_test {};

TEST_F(sasl_exchange, layers_need_flags) {
    constexpr auto integrity = context_flags::integrity | context_flags::sequence_detect;
    using sspan::detail::flags_of_layers;
    EXPECT_EQ(flags_of_layers(1), context_flags::none);
    EXPECT_EQ(flags_of_layers(2), integrity);
    EXPECT_EQ(flags_of_layers(4), integrity | context_flags::confidentiality);
    using sspan::detail::layers_of_flags;
    EXPECT_EQ(layers_of_flags(context_flags::none), 1);
    EXPECT_EQ(layers_of_flags(context_flags::integrity | context_flags::confidentiality), 1);
    EXPECT_EQ(layers_of_flags(context_flags::sequence_detect | context_flags::confidentiality), 1);
    EXPECT_EQ(layers_of_flags(integrity), 3);
    EXPECT_EQ(layers_of_flags(integrity | context_flags::confidentiality), 7);
}

TEST_F(sasl_exchange, lack_of_memory_is_an_error) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    for (std::size_t leg = 0; leg != 6; ++leg) {
        for (std::size_t nth = 1;; ++nth) {
            sasl_pair both{{.authorization_identity = "a name that is longer than a short string can be"}};
            std::error_code ec;
            bytes from_server;
            bytes from_client;
            std::size_t now = 0;
            const auto order = [&] { allocation::fail_at(now++ == leg ? nth : 0); };
            while (!ec && now != 6) {
                order();
                const auto response = both.client.step(from_server, ec);
                allocation::fail_at(0);
                if (!ec) {
                    from_client = copy_of(response.response.value_or(std::span<const std::byte>{}));
                    order();
                    const auto challenge = both.server.step(from_client, ec);
                    allocation::fail_at(0);
                    from_server = copy_of(challenge.challenge.value_or(std::span<const std::byte>{}));
                }
            }
            if (!ec) {
                break; // this leg has fewer allocations
            }
            ASSERT_EQ(ec, errc::insufficient_memory) << leg << ' ' << nth;
            ASSERT_LT(nth, 20U);
        }
    }
}

TEST_F(sasl_exchange, finish_without_memory_is_an_error) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    sasl_pair both;
    ASSERT_TRUE(succeeded(both.run()));
    std::error_code ec;
    allocation::fail_at(1);
    EXPECT_FALSE(std::move(both.client).finish(ec));
    allocation::fail_at(0);
    EXPECT_EQ(ec, errc::insufficient_memory);
    allocation::fail_at(1);
    EXPECT_FALSE(std::move(both.server).finish(ec));
    allocation::fail_at(0);
    EXPECT_EQ(ec, errc::insufficient_memory);
}

TEST_F(sasl_exchange, failures_of_the_package_name_its_functions) {
    for (const auto which : {surface::error_code, surface::exception}) {
        {
            sasl_pair both;
            loopback::fail_at(loopback::function::encrypt_message, 1, SEC_E_CONTEXT_EXPIRED);
            EXPECT_TRUE(failed_with(both.run(which), errc::context_expired, "EncryptMessage"));
            EXPECT_FALSE(both.client_failed);
        }
        {
            sasl_pair both;
            loopback::fail_at(loopback::function::encrypt_message, 2, SEC_E_CONTEXT_EXPIRED);
            EXPECT_TRUE(failed_with(both.run(which), errc::context_expired, "EncryptMessage"));
            EXPECT_TRUE(both.client_failed);
        }
        sasl_pair both;
        loopback::fail_at(loopback::function::decrypt_message, 2, SEC_E_CONTEXT_EXPIRED);
        EXPECT_TRUE(failed_with(both.run(which), errc::context_expired, "DecryptMessage"));
        EXPECT_FALSE(both.client_failed);
    }
}

TEST_F(sasl_exchange, token_that_comes_in_parts_is_refused) {
    loopback::configure().server.fragment_size = 40;
    sasl_pair both;
    EXPECT_TRUE(failed_with(both.run(surface::exception), errc::unsupported_function, "sspan::sasl::server"));
    loopback::configure().server.fragment_size = 0;
    loopback::configure().stream_framing = true;
    sasl_pair cut;
    const auto first = sasl_step(cut.client, {}).answer;
    EXPECT_EQ(sasl_step(cut.server, std::span{first}.first(first.size() - 1)).code, errc::invalid_token);
}

} // namespace
