// SPDX-License-Identifier: MIT
//
// A client of .NET's NegotiateStream, with sspan. The arguments are the ports of three servers. The first requires
// encryption, the second signatures, the third also delegation.
#include "stream.hpp"

#include <sspan/credentials.hpp>

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using interop::bytes;
using sspan::negotiate_stream::protection_level;

constexpr std::wstring_view service = L"host/server.sspan.test";
constexpr std::wstring_view service_without_key = L"host/other.sspan.test"; // the KDC knows it, the server does not
std::array<unsigned, 3> ports{};

using stream = interop::stream<sspan::negotiate_stream::client_channel>;

stream connect(unsigned port, protection_level level = protection_level::encrypt_and_sign,
               std::wstring_view target = service) {
    auto server = net::connect("127.0.0.1", port, interop::patience);
    const auto credentials = sspan::credentials::outbound(sspan::package::kerberos);
    sspan::negotiate_stream::client client{credentials, target, {.protection = level}};
    auto channel = interop::authenticate(client, server, true);
    return {std::move(server), std::move(channel)};
}

bytes pattern(std::size_t size) {
    bytes data(size);
    for (std::size_t i = 0; i != size; ++i) {
        data[i] = static_cast<std::byte>(i * 7 + i / 256);
    }
    return data;
}

/// Returns true if the server sends `data` back. The data is sent in records with at most `most` bytes.
bool is_echoed(stream& server, const bytes& data, std::size_t most = SIZE_MAX) {
    server.send_number(static_cast<std::uint32_t>(data.size()));
    server.send(data, most);
    bytes echo(data.size());
    return server.receive(echo) && echo == data;
}

TEST(dotnet, knows_the_client) {
    auto server = connect(ports[0]);
    server.send_number(interop::ask_for_name);
    std::uint32_t size = 0;
    ASSERT_TRUE(server.receive_number(size));
    ASSERT_LT(size, 100U);
    bytes name(size);
    ASSERT_TRUE(server.receive(name));
    std::string text;
    for (const auto each : name) {
        text += std::to_integer<char>(each);
    }
    EXPECT_EQ(text, "alice@SSPAN.TEST");
    EXPECT_EQ(server.channel().protection(), protection_level::encrypt_and_sign);
}

TEST(dotnet, takes_data_of_any_size) {
    for (const std::size_t size : {1U, 2U, 15U, 16U, 4096U, 0xFBFFU, 0xFC00U, 0xFC01U, 200'000U, 10U << 20}) {
        for (const auto which : {0U, 1U}) {
            auto server =
                connect(ports[which], which == 0 ? protection_level::encrypt_and_sign : protection_level::sign);
            EXPECT_TRUE(is_echoed(server, pattern(size))) << size << ' ' << which;
        }
    }
}

TEST(dotnet, takes_many_small_records) {
    auto server = connect(ports[0]);
    EXPECT_TRUE(is_echoed(server, pattern(3000), 1));
    for (std::size_t size = 1; size != 200; ++size) {
        ASSERT_TRUE(is_echoed(server, pattern(size)));
    }
}

TEST(dotnet, skips_a_record_of_nothing) {
    auto server = connect(ports[0]);
    server.peer().send(server.channel().wrap(0));
    EXPECT_TRUE(is_echoed(server, pattern(10)));
}

TEST(dotnet, closes_first) {
    auto server = connect(ports[0]);
    server.send_number(interop::close_connection);
    bytes more(1);
    EXPECT_FALSE(server.receive(more)) << "the server sent data instead of closing";
}

/// Returns true if the server closes the connection instead of answering.
bool ends(stream& server) {
    bytes more(1);
    try {
        return !server.receive(more);
    } catch (const std::system_error&) { // reset
        return true;
    }
}

TEST(dotnet, refuses_an_altered_record) {
    const auto size = [] {
        auto server = connect(ports[0]);
        return server.channel().wrap(server.channel().assign(pattern(4))).size();
    }();
    for (std::size_t place = 4; place < size; place += 7) {
        auto server = connect(ports[0]);
        const auto record = server.channel().wrap(server.channel().assign(pattern(4)));
        bytes altered{record.begin(), record.end()};
        altered[place] ^= std::byte{4};
        server.peer().send(altered);
        EXPECT_TRUE(ends(server)) << place;
    }
}

TEST(dotnet, refuses_a_replayed_record) {
    auto server = connect(ports[0]);
    server.send_number(3);
    const auto record = server.channel().wrap(server.channel().assign(pattern(2)));
    const bytes twice{record.begin(), record.end()};
    server.peer().send(twice);
    server.peer().send(twice);
    EXPECT_TRUE(ends(server));
}

template <class Attempt>
void expect_refused(Attempt attempt, std::error_code code) {
    try {
        static_cast<void>(attempt());
        ADD_FAILURE() << "the connection was accepted";
    } catch (const sspan::handshake_error& refused) {
        if (code) {
            EXPECT_EQ(refused.code(), code) << refused.what();
        }
        EXPECT_NE(std::string_view{refused.what()}.find("was refused by the peer"), std::string_view::npos)
            << refused.what();
        EXPECT_TRUE(refused.token().empty());
    }
}

TEST(dotnet, that_demands_more_says_so) {
    expect_refused([] { return connect(ports[2]); }, sspan::errc::security_qos_failed);
}

TEST(dotnet, that_is_not_the_target_says_that_it_failed) {
    expect_refused([] { return connect(ports[0], protection_level::encrypt_and_sign, service_without_key); }, {});
}

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    for (std::size_t i = 0; i != ports.size() && static_cast<int>(i) + 1 < argc; ++i) {
        const std::string_view argument{argv[i + 1]};
        std::from_chars(argument.data(), argument.data() + argument.size(), ports[i]);
    }
    const net::library sockets;
    return RUN_ALL_TESTS();
}
