// SPDX-License-Identifier: MIT
//
// A client of OpenLDAP's server, which has Cyrus SASL: GSSAPI and GSS-SPNEGO with each layer. The arguments are the ports of
// three servers: one that offers all layers, one that offers no more than integrity, and one that insists on
// confidentiality and receives 2,000 bytes at most.
#include "integration/kerberos_facts.hpp"
#include "ldap.hpp"

#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace sasl = sspan::sasl;
using ldap::bytes;
using sasl::layer;
using sasl::mechanism;
using sspan::errc;

constexpr std::wstring_view service = L"ldap/localhost";
constexpr std::string_view alice = "dn:uid=alice,cn=gssapi,cn=auth";
constexpr std::string_view alice_by_spnego = "dn:uid=alice,cn=gss-spnego,cn=auth";
unsigned any_port = 0;
unsigned weak_port = 0;
unsigned strict_port = 0;

struct bind_failure : std::runtime_error {
    bind_failure(int number, const std::string& text) : std::runtime_error{text}, code{number} {}
    int code;
};

class session {
public:
    explicit session(const sasl::client_options& options = {}, unsigned port = any_port,
                     std::wstring_view target = service)
        : stream_{net::connect("127.0.0.1", port, ldap::patience)} {
        bind(options, target);
    }

    [[nodiscard]] ldap::stream<sasl::client_channel>& stream() { return stream_; }
    [[nodiscard]] sasl::client_channel& channel() { return stream_.channel(); }

    [[nodiscard]] bytes request(const bytes& operation) {
        return element(ldap::sequence, {ldap::number(ldap::integer, ++id_), operation});
    }
    [[nodiscard]] bytes who_am_i_request() {
        return request(element(ldap::extended_request, {ldap::element(ldap::request_name, ldap::who_am_i)}));
    }
    [[nodiscard]] ldap::message answer() {
        auto message = stream_.receive_message();
        if (!message) {
            throw std::runtime_error{"the server closed the connection"};
        }
        EXPECT_EQ(message->id, id_);
        return std::move(*message);
    }
    [[nodiscard]] std::string name_in_answer() {
        const auto message = answer();
        auto fields = message.fields();
        EXPECT_EQ(fields.next().content[0], std::byte{ldap::success});
        static_cast<void>(fields.next());
        static_cast<void>(fields.next());
        while (!fields.at_end()) {
            if (const auto field = fields.next(); field.type == ldap::response_value) {
                return ldap::to_text(field.content);
            }
        }
        return {};
    }
    [[nodiscard]] std::string who_am_i() {
        stream_.send(who_am_i_request());
        return name_in_answer();
    }
    /// The server's description of what it knows: hundreds of kilobytes. @return its size.
    [[nodiscard]] std::size_t schema(const bytes& filter = ldap::element(ldap::present, "objectClass")) {
        stream_.send(request(element(
            ldap::search_request, {ldap::element(ldap::octet_string, "cn=Subschema"), ldap::number(ldap::enumerated, 0),
                                   ldap::number(ldap::enumerated, 0), ldap::number(ldap::integer, 0),
                                   ldap::number(ldap::integer, 0), ldap::number(static_cast<ldap::tag>(1), 0), filter,
                                   element(ldap::sequence, {ldap::element(ldap::octet_string, "+")})})));
        std::size_t size = 0;
        for (;;) {
            const auto message = answer();
            if (message.operation.type == ldap::search_done) {
                EXPECT_EQ(message.fields().next().content[0], std::byte{ldap::success});
                return size;
            }
            size += message.memory.size();
        }
    }
    void unbind() {
        stream_.send(request(ldap::element(ldap::unbind_request, std::string_view{})));
        EXPECT_TRUE(stream_.ended());
    }

private:
    void bind(const sasl::client_options& options, std::wstring_view target) {
        const auto credentials = sspan::credentials::outbound(sasl::package_of(options.mechanism));
        sasl::client client{credentials, target, options};
        auto taken = client.step();
        for (;;) {
            stream_.send(
                request(element(ldap::bind_request,
                                {ldap::number(ldap::integer, 3), ldap::element(ldap::octet_string, std::string_view{}),
                                 element(ldap::sasl_credentials,
                                         {ldap::element(ldap::octet_string, to_string(options.mechanism)),
                                          ldap::element(ldap::octet_string,
                                                        taken.response.value_or(std::span<const std::byte>{}))})})));
            const auto message = answer();
            if (message.operation.type != ldap::bind_response) {
                throw std::runtime_error{"this is no answer to a bind request"};
            }
            auto fields = message.fields();
            const auto code = std::to_integer<int>(fields.next().content[0]);
            static_cast<void>(fields.next());
            const auto text = ldap::to_text(fields.next().content);
            std::optional<std::span<const std::byte>> challenge;
            while (!fields.at_end()) {
                if (const auto field = fields.next(); field.type == ldap::server_credentials) {
                    challenge = field.content;
                }
            }
            if (code != ldap::success && code != ldap::sasl_bind_in_progress) {
                throw bind_failure{code, text};
            }
            if (challenge || code == ldap::sasl_bind_in_progress) {
                taken = client.step(challenge.value_or(std::span<const std::byte>{}));
            }
            if (code == ldap::success) {
                stream_.protect(std::move(client).finish());
                return;
            }
        }
    }

    ldap::stream<sasl::client_channel> stream_;
    unsigned char id_ = 0;
};

template <class Work>
std::error_code error_of(Work work) {
    try {
        work();
    } catch (const sspan::error& failure) {
        return failure.code();
    }
    return {};
}

/// With GSSAPI, the messages about the layers have integrity only.
class slapd_gssapi : public testing::Test {
protected:
    void SetUp() override {
        if (!integration::facts.offers_integrity_only) {
            EXPECT_EQ(error_of([] { const session server; }), errc::qop_not_supported);
            GTEST_SKIP() << "the package has no messages with integrity only";
        }
    }
};

constexpr auto all_layers = layer::none | layer::integrity | layer::confidentiality;

TEST_F(slapd_gssapi, takes_each_layer) {
    for (const auto which : {layer::none, layer::integrity, layer::confidentiality}) {
        session server{{.layers = which}};
        EXPECT_EQ(server.channel().protection(), which);
        EXPECT_EQ(server.who_am_i(), alice) << to_string(which);
        EXPECT_EQ(server.who_am_i(), alice);
        server.unbind();
    }
}

TEST_F(slapd_gssapi, offers_the_strongest_layer) {
    EXPECT_EQ(session{{.layers = all_layers}}.channel().protection(), layer::confidentiality);
    EXPECT_EQ((session{{.layers = all_layers}, weak_port}).channel().protection(), layer::integrity);
    EXPECT_EQ((session{{.layers = all_layers}, strict_port}).channel().protection(), layer::confidentiality);
}

TEST_F(slapd_gssapi, never_gets_less_than_asked) {
    EXPECT_EQ(error_of([] { const session server({}, weak_port); }), errc::security_qos_failed);
    EXPECT_EQ(error_of([] { const session server({.layers = layer::none | layer::integrity}, strict_port); }),
              errc::security_qos_failed);
    EXPECT_EQ(error_of([] { const session server({.layers = layer::none}, strict_port); }), errc::security_qos_failed);
}

TEST_F(slapd_gssapi, answers_many_requests) {
    session server;
    for (int n = 0; n != 100; ++n) {
        ASSERT_EQ(server.who_am_i(), alice);
    }
    for (int n = 0; n != 100; ++n) {
        server.stream().send(server.who_am_i_request());
        ASSERT_EQ(server.name_in_answer(), alice);
    }
}

TEST_F(slapd_gssapi, sends_buffers_up_to_our_maximum) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        for (const std::uint32_t most : {2000U, 16384U, 65536U, 0xFFFFFFU}) {
            session server{{.layers = which, .max_buffer = most}};
            EXPECT_GT(server.schema(), 40'000U);
            EXPECT_LE(server.stream().largest(), most);
            EXPECT_GT(server.stream().largest(), 1'000U);
            EXPECT_EQ(server.who_am_i(), alice);
        }
    }
}

bytes long_filter(std::size_t size) {
    return element(ldap::equality, {ldap::element(ldap::octet_string, "cn"),
                                    ldap::element(ldap::octet_string, std::string(size, 'x'))});
}

TEST_F(slapd_gssapi, takes_buffers_up_to_its_maximum) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        session server{{.layers = which}};
        EXPECT_EQ(server.schema(long_filter(300'000)), 0U);
        EXPECT_EQ(server.who_am_i(), alice);
    }
    session strict{{}, strict_port};
    EXPECT_LT(strict.channel().max_payload(), 2000U);
    EXPECT_GT(strict.channel().max_payload(), 1900U);
    EXPECT_EQ(strict.schema(long_filter(50'000)), 0U);
    EXPECT_EQ(strict.who_am_i(), alice);
}

TEST_F(slapd_gssapi, takes_requests_in_pieces) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        session server{{.layers = which}};
        const auto request = server.who_am_i_request();
        for (std::size_t i = 0; i != request.size(); ++i) {
            server.stream().send(std::span{request}.subspan(i, 1));
        }
        EXPECT_EQ(server.name_in_answer(), alice);
    }
}

TEST_F(slapd_gssapi, takes_an_identity) {
    EXPECT_EQ(session{{.authorization_identity = "u:alice"}}.who_am_i(), alice);
    EXPECT_EQ(session{{.authorization_identity = "dn:uid=alice,cn=gssapi,cn=auth"}}.who_am_i(), alice);
    try {
        const session server{{.authorization_identity = "u:bob"}};
        ADD_FAILURE() << "alice may not act as bob";
    } catch (const bind_failure& refused) {
        EXPECT_TRUE(refused.code == ldap::invalid_credentials || refused.code == 50) << refused.code;
    }
}

TEST_F(slapd_gssapi, refuses_altered_buffers) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        session probe{{.layers = which}};
        const auto size = probe.channel().wrap(probe.channel().assign(probe.who_am_i_request())).size();
        for (const auto place :
             {std::size_t{4}, std::size_t{6}, std::size_t{11}, std::size_t{19}, std::size_t{20}, size / 2, size - 1}) {
            session server{{.layers = which}};
            const auto wire = server.channel().wrap(server.channel().assign(server.who_am_i_request()));
            bytes altered{wire.begin(), wire.end()};
            altered[place] ^= std::byte{4};
            server.stream().connection().send(altered);
            EXPECT_TRUE(server.stream().ended()) << to_string(which) << ", byte " << place;
        }
    }
}

TEST_F(slapd_gssapi, refuses_a_buffer_over_its_maximum) {
    session server{{}, strict_port};
    server.stream().connection().send(std::array{std::byte{0}, std::byte{0}, std::byte{0x10}, std::byte{0}});
    server.stream().connection().send(bytes(4096));
    EXPECT_TRUE(server.stream().ended());
}

TEST_F(slapd_gssapi, altered_answers_are_refused) {
    for (const auto which : {layer::integrity, layer::confidentiality}) {
        for (const std::size_t from_end : {0U, 1U, 12U, 20U, 40U}) {
            session server{{.layers = which}};
            server.stream().send(server.who_am_i_request());
            auto buffer = server.stream().receive_buffer();
            buffer[from_end == 0 ? 5 : buffer.size() - from_end] ^= std::byte{4};
            EXPECT_TRUE(error_of([&] { static_cast<void>(server.channel().unwrap(buffer)); })) << from_end;
        }
    }
}

TEST_F(slapd_gssapi, replayed_answers_are_refused) {
    session server;
    server.stream().send(server.who_am_i_request());
    const auto buffer = server.stream().receive_buffer();
    auto first = buffer;
    EXPECT_FALSE(server.channel().unwrap(first).empty());
    auto second = buffer;
    EXPECT_TRUE(error_of([&] { static_cast<void>(server.channel().unwrap(second)); }));
}

TEST_F(slapd_gssapi, two_threads_can_share_the_channel) {
    session server;
    const auto request = server.who_am_i_request();
    auto halves = std::move(server.channel()).split();
    server.stream().connection().send(halves.sender.wrap(halves.sender.assign(request)));
    std::array<std::byte, 4> prefix{};
    server.stream().connection().receive(prefix);
    bytes wire;
    server.stream().connection().receive(wire, halves.receiver.length(prefix));
    EXPECT_NE(ldap::to_text(halves.receiver.unwrap(wire)).find(alice), std::string::npos);
}

TEST(slapd, another_services_name_fails) {
    EXPECT_TRUE(error_of([] { const session server{{}, any_port, L"ldap/unknown.sspan.test"}; }));
    EXPECT_THROW((session{{}, any_port, L"ldap/other.sspan.test"}),
                 bind_failure); // the KDC knows it, the server does not
}

/// The client of SPNEGO where only sealed messages are offered is WinPR's, which never proves the server.
sasl::client_options spnego() {
    sasl::client_options options{.mechanism = mechanism::gss_spnego};
    if (!integration::facts.offers_integrity_only) {
        options.require = sspan::context_flags::none;
    }
    return options;
}

TEST(slapd_spnego, knows_the_client_and_encrypts) {
    session server{spnego()};
    EXPECT_EQ(server.channel().protection(), layer::confidentiality);
    for (int n = 0; n != 50; ++n) {
        ASSERT_EQ(server.who_am_i(), alice_by_spnego);
    }
    EXPECT_GT(server.schema(), 40'000U);
    EXPECT_GT(server.stream().largest(), 65536U) << "64 KiB are the longest payload";
    EXPECT_EQ(server.schema(long_filter(300'000)), 0U);
    server.unbind();
}

TEST(slapd_spnego, refuses_altered_buffers) {
    session server{spnego()};
    const auto wire = server.channel().wrap(server.channel().assign(server.who_am_i_request()));
    bytes altered{wire.begin(), wire.end()};
    altered.back() ^= std::byte{4};
    server.stream().connection().send(altered);
    EXPECT_TRUE(server.stream().ended());
}

TEST(slapd_spnego, altered_answers_are_refused) {
    session server{spnego()};
    server.stream().send(server.who_am_i_request());
    auto buffer = server.stream().receive_buffer();
    buffer.back() ^= std::byte{4};
    EXPECT_TRUE(error_of([&] { static_cast<void>(server.channel().unwrap(buffer)); }));
}

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    unsigned index = 0;
    for (auto* const port : {&any_port, &weak_port, &strict_port}) {
        const std::string_view argument{static_cast<int>(++index) < argc ? argv[index] : ""};
        std::from_chars(argument.data(), argument.data() + argument.size(), *port);
    }
    const net::library sockets;
    return RUN_ALL_TESTS();
}
