// SPDX-License-Identifier: MIT
//
// A client of PostgreSQL with GSS-API encryption ("GSSAPI Session Encryption" in PostgreSQL's protocol documentation):
// the server unwraps what sspan wraps, and sspan unwraps what the server wraps. The argument is the server's port.
#include "integration/kerberos_facts.hpp"
#include "programs/wire.hpp"

#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using bytes = std::vector<std::byte>;
using row = std::vector<std::string>;
using rows = std::vector<row>;

constexpr std::wstring_view service = L"postgres/server.sspan.test";
constexpr std::wstring_view service_without_key = L"postgres/other.sspan.test"; // the KDC knows it, the server does not
constexpr std::wstring_view unknown_service = L"postgres/unknown.sspan.test";
constexpr std::chrono::seconds patience{20};
constexpr std::size_t most_wire = 16384 - 4; // PostgreSQL refuses longer packets; the limit includes the length
unsigned port = 0;

std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span{text});
}

/// The packets of one connection. Each is a length and one wrapped message.
class tunnel {
public:
    explicit tunnel(std::wstring_view target = service)
        : server_{net::connect("127.0.0.1", port, patience)}, context_{establish(target)},
          frame_{context_.sizes(), most_wire} {}

    /// Returns the size of a payload that always fits into a packet.
    [[nodiscard]] std::size_t most_payload() const { return sspan::max_payload(context_.sizes(), most_wire); }
    [[nodiscard]] bytes wrap(std::span<const std::byte> payload, const sspan::protect_options& options = {}) {
        std::ranges::copy(payload, frame_.payload().begin());
        const auto packet = context_.wrap(frame_, payload.size(), options);
        return {packet.begin(), packet.end()};
    }
    [[nodiscard]] bytes unwrap(bytes packet) {
        const auto opened = context_.unwrap(packet);
        EXPECT_EQ(opened.quality, sspan::quality_of_protection::encrypted);
        return {opened.data.begin(), opened.data.end()};
    }
    void send(std::span<const std::byte> packet) {
        server_.allow(patience);
        server_.send_frame(packet);
    }
    [[nodiscard]] bytes receive() {
        server_.allow(patience);
        return wire::receive_token(server_);
    }
    /// Returns true if the server closes the connection instead of answering.
    [[nodiscard]] bool ended() {
        server_.allow(patience);
        try {
            std::array<std::byte, 1> answer{};
            return !server_.receive_or_end(answer);
        } catch (const std::system_error&) { // reset
            return true;
        }
    }

private:
    sspan::client_context establish(std::wstring_view target) {
        constexpr std::size_t gss_encryption = 80877104; // GSSENCRequest
        bytes request;
        wire::append_number(request, 8);
        wire::append_number(request, gss_encryption);
        server_.send(request);
        std::array<std::byte, 1> answer{};
        server_.receive(answer);
        if (answer[0] != std::byte{'G'}) {
            throw std::runtime_error{"the server does not offer encryption"};
        }
        const auto credentials = sspan::credentials::outbound(sspan::package::kerberos);
        return wire::establish(sspan::client_handshake{credentials, target}, server_);
    }

    net::connection server_;
    sspan::client_context context_;
    sspan::message_frame frame_;
};

std::size_t number(std::string_view big_endian) {
    std::size_t result = 0;
    for (const char digit : big_endian) {
        result = (result << 8) | static_cast<unsigned char>(digit);
    }
    return result;
}

bytes query_message(std::string_view sql) {
    bytes message{std::byte{'Q'}};
    wire::append_number(message, 4 + sql.size() + 1);
    std::ranges::copy(as_bytes(sql), std::back_inserter(message));
    message.push_back(std::byte{0});
    return message;
}

/// PostgreSQL's own messages, inside the tunnel.
class session {
public:
    session() {
        constexpr std::size_t version_3 = 196608;
        constexpr std::string_view parameters{"user\0alice\0database\0postgres\0\0", 30};
        bytes message;
        wire::append_number(message, 8 + parameters.size());
        wire::append_number(message, version_3);
        std::ranges::copy(as_bytes(parameters), std::back_inserter(message));
        tunnel_.send(tunnel_.wrap(message));
        answer();
    }

    [[nodiscard]] tunnel& packets() { return tunnel_; }

    /// Sends a query in packets with at most `step` bytes.
    /// @return the rows of the answer.
    rows query(std::string_view sql, std::size_t step) {
        const auto message = query_message(sql);
        for (std::span rest{message}; !rest.empty();) {
            const auto part = rest.first(std::min(step, rest.size()));
            tunnel_.send(tunnel_.wrap(part));
            rest = rest.subspan(part.size());
        }
        return answer();
    }
    rows query(std::string_view sql) { return query(sql, tunnel_.most_payload()); }

    /// Reads the server's messages until it is ready for the next query.
    rows answer() {
        rows result;
        for (;;) {
            const auto type = next(1);
            const auto body = next(number(next(4)) - 4);
            if (type == "E") {
                throw std::runtime_error{body};
            }
            if (type == "D") {
                result.push_back(columns(body));
            } else if (type == "Z") {
                return result;
            }
        }
    }

private:
    std::string next(std::size_t size) {
        while (received_.size() - used_ < size) {
            received_.erase(0, used_);
            used_ = 0;
            const auto payload = tunnel_.unwrap(tunnel_.receive());
            std::ranges::transform(payload, std::back_inserter(received_),
                                   [](std::byte byte) { return std::to_integer<char>(byte); });
        }
        used_ += size;
        return received_.substr(used_ - size, size);
    }
    static row columns(std::string_view body) {
        row result;
        for (body.remove_prefix(2); !body.empty();) { // the count comes first
            const auto size = number(body.substr(0, 4));
            result.emplace_back(body.substr(4, size));
            body.remove_prefix(4 + size);
        }
        return result;
    }

    tunnel tunnel_;
    std::string received_;
    std::size_t used_ = 0; // bytes of it that were read
};

std::string letters(std::size_t size) {
    std::string result(size, '\0');
    for (std::size_t i = 0; i != size; ++i) {
        result[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
    }
    return result;
}

TEST(postgres, knows_the_client_and_encrypts) {
    session server;
    EXPECT_EQ(server.query("select gss_authenticated, encrypted, principal from pg_stat_gssapi "
                           "where pid = pg_backend_pid()"),
              (rows{{"t", "t", "alice@SSPAN.TEST"}}));
}

TEST(postgres, sends_a_large_answer) {
    session server;
    const auto text = letters(1664);
    const auto answer = server.query("select repeat('" + text + "', 1000)");
    ASSERT_EQ(answer.size(), 1U);
    ASSERT_EQ(answer[0][0].size(), text.size() * 1000);
    EXPECT_TRUE(answer[0][0].starts_with(text) && answer[0][0].ends_with(text));
}

TEST(postgres, sends_many_rows) {
    session server;
    const auto answer = server.query("select n, n * n from generate_series(0, 19999) as n");
    ASSERT_EQ(answer.size(), 20000U);
    for (std::size_t n = 0; n != answer.size(); ++n) {
        ASSERT_EQ(answer[n], (row{std::to_string(n), std::to_string(n * n)}));
    }
}

TEST(postgres, takes_a_large_query) {
    session server;
    const auto text = letters(std::size_t{1} << 20);
    const auto answer = server.query("select length('" + text + "'), reverse('" + text + "')");
    ASSERT_EQ(answer.size(), 1U);
    EXPECT_EQ(answer[0][0], std::to_string(text.size()));
    EXPECT_TRUE(answer[0][1] == std::string(text.rbegin(), text.rend()));
}

TEST(postgres, takes_a_query_in_pieces_of_any_size) {
    session server;
    const auto text = letters(300);
    for (const auto step : {1U, 2U, 15U, 16U, 17U, 255U, 256U}) {
        EXPECT_EQ(server.query("select '" + text + "'", step), (rows{{text}})) << step;
    }
}

TEST(postgres, takes_pieces_around_the_largest) {
    session server;
    const auto most = server.packets().most_payload();
    for (const auto size : {most - 1, most, most + 1, 2 * most}) {
        const auto text = letters(size - query_message("select ''").size());
        EXPECT_TRUE(server.query("select '" + text + "'") == (rows{{text}})) << size;
    }
}

TEST(postgres, takes_packets_up_to_its_limit) {
    session server;
    const auto small = query_message("select 1");
    const auto packet = server.packets().wrap(small);
    server.packets().send(packet);
    EXPECT_EQ(server.answer(), (rows{{"1"}}));

    const auto most = most_wire - (packet.size() - small.size());
    const auto text = letters(most - query_message("select ''").size());
    const auto largest = server.packets().wrap(query_message("select '" + text + "'"));
    EXPECT_EQ(largest.size(), most_wire);
    server.packets().send(largest);
    EXPECT_TRUE(server.answer() == (rows{{text}}));

    server.packets().send(server.packets().wrap(query_message("select '" + text + "x'")));
    EXPECT_TRUE(server.packets().ended());
}

TEST(postgres, takes_packets_of_no_bytes) {
    session server;
    server.packets().send(server.packets().wrap({}));
    EXPECT_EQ(server.query("select 1"), (rows{{"1"}}));
}

TEST(postgres, answers_a_thousand_queries) {
    session server;
    for (int n = 0; n != 1000; ++n) {
        ASSERT_EQ(server.query("select " + std::to_string(n)), (rows{{std::to_string(n)}}));
    }
}

TEST(postgres, answers_queries_that_were_sent_together) {
    session server;
    for (int n = 0; n != 100; ++n) {
        server.packets().send(server.packets().wrap(query_message("select " + std::to_string(n))));
    }
    for (int n = 0; n != 100; ++n) {
        ASSERT_EQ(server.answer(), (rows{{std::to_string(n)}}));
    }
}

TEST(postgres, goes_on_after_an_error) {
    session server;
    EXPECT_THROW(server.query("select 1 / 0"), std::runtime_error);
}

/// Returns the places to change: each byte of the header (RFC 4121, 4.2.6.2), and bytes of each part behind it.
std::vector<std::size_t> places_in(std::span<const std::byte> packet) {
    std::vector<std::size_t> places{16, packet.size() / 2, packet.size() - 13, packet.size() - 1};
    for (std::size_t place = 0; place != 16; ++place) {
        places.push_back(place);
    }
    return places;
}

TEST(postgres, refuses_an_altered_packet) {
    const auto query = query_message("select 1");
    for (const auto place : places_in(session{}.packets().wrap(query))) {
        session server;
        auto packet = server.packets().wrap(query);
        packet[place] ^= std::byte{4};
        server.packets().send(packet);
        EXPECT_TRUE(server.packets().ended()) << "byte " << place;
    }
}

TEST(postgres, refuses_a_shortened_packet) {
    session server;
    auto packet = server.packets().wrap(query_message("select 1"));
    packet.pop_back();
    server.packets().send(packet);
    EXPECT_TRUE(server.packets().ended());
}

TEST(postgres, refuses_a_replayed_packet) {
    session server;
    const auto packet = server.packets().wrap(query_message("select 1"));
    server.packets().send(packet);
    EXPECT_EQ(server.answer(), (rows{{"1"}}));
    server.packets().send(packet);
    EXPECT_TRUE(server.packets().ended());
}

TEST(postgres, refuses_a_packet_behind_a_gap) {
    session server;
    static_cast<void>(server.packets().wrap(query_message("select 1")));
    server.packets().send(server.packets().wrap(query_message("select 2")));
    EXPECT_TRUE(server.packets().ended());
}

TEST(postgres, refuses_its_own_packet) {
    session server;
    server.packets().send(server.packets().wrap(query_message("select 1")));
    server.packets().send(server.packets().receive());
    EXPECT_TRUE(server.packets().ended());
}

TEST(postgres, refuses_a_packet_that_is_not_encrypted) {
    session server;
    const sspan::protect_options integrity_only{.quality = sspan::quality_of_protection::integrity_only};
    if (integration::facts.offers_integrity_only) {
        server.packets().send(server.packets().wrap(query_message("select 1"), integrity_only));
        EXPECT_TRUE(server.packets().ended());
    } else {
        EXPECT_THROW(static_cast<void>(server.packets().wrap(query_message("select 1"), integrity_only)), sspan::error);
    }
}

TEST(postgres, altered_answers_are_refused) {
    session first;
    first.packets().send(first.packets().wrap(query_message("select 1")));
    for (const auto place : places_in(first.packets().receive())) {
        session server;
        server.packets().send(server.packets().wrap(query_message("select 1")));
        auto packet = server.packets().receive();
        packet[place] ^= std::byte{4};
        EXPECT_THROW(static_cast<void>(server.packets().unwrap(packet)), sspan::error) << "byte " << place;
    }
}

TEST(postgres, replayed_answers_are_refused) {
    session server;
    server.packets().send(server.packets().wrap(query_message("select 1")));
    const auto packet = server.packets().receive();
    EXPECT_FALSE(server.packets().unwrap(packet).empty());
    EXPECT_THROW(static_cast<void>(server.packets().unwrap(packet)), sspan::error);
}

TEST(postgres, another_services_name_fails) {
    EXPECT_THROW(tunnel{service_without_key}, std::runtime_error);
}

TEST(postgres, an_unknown_services_name_fails) {
    try {
        const tunnel server{unknown_service};
        ADD_FAILURE() << "the context was established";
    } catch (const sspan::error& refused) {
        EXPECT_EQ(refused.function(), std::string_view{"InitializeSecurityContext"});
    }
}

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    const std::string_view argument{argc == 2 ? argv[1] : ""};
    std::from_chars(argument.data(), argument.data() + argument.size(), port);
    const net::library sockets;
    return RUN_ALL_TESTS();
}
