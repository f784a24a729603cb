// SPDX-License-Identifier: MIT
//
// An LDAP client that binds with SASL, and the facts about a server that ldap_cases.cpp needs.
#pragma once

#include "integration/kerberos_facts.hpp"
#include "ldap.hpp"

#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace ldap {

class session;

struct server_facts {
    unsigned port = 0;
    /// Makes an operation whose answer contains the client's name.
    bytes (*who_am_i_operation)() = nullptr;
    /// Reads that answer.
    std::string (*read_name)(session& server) = nullptr;
    std::string alice{};
    std::string alice_by_spnego{};
    /// The layers that the server accepts with GSSAPI.
    sspan::sasl::layer layers = sspan::sasl::layer::none;
    /// The base of the server's schema, an entry of hundreds of kilobytes.
    std::string_view schema{};
    std::vector<std::string_view> schema_attributes{};
    /// The server's largest buffer with GSS-SPNEGO is larger than this.
    std::size_t large_spnego_buffer = 0;
    /// If false, the server does not answer a buffer with a changed sequence number, and keeps the connection open.
    bool closes_for_wrong_number = true;
};
/// The program's main sets these facts.
extern server_facts facts;

inline constexpr std::wstring_view service = L"ldap/localhost";

/// Returns an argument of the program, or nothing.
inline std::string_view argument(std::span<char*> arguments, std::size_t index) {
    return index < arguments.size() ? arguments[index] : "";
}
inline unsigned port_argument(std::span<char*> arguments, std::size_t index) {
    const auto digits = argument(arguments, index);
    unsigned port = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return port;
}

struct bind_failure : std::runtime_error {
    bind_failure(int number, const std::string& text) : std::runtime_error{text}, code{number} {}
    int code;
};

inline bytes search_operation(std::string_view base, const bytes& filter,
                              const std::vector<std::string_view>& attributes) {
    bytes names;
    for (const auto attribute : attributes) {
        const auto name = element(octet_string, attribute);
        names.insert(names.end(), name.begin(), name.end());
    }
    return element(search_request,
                   {element(octet_string, base), number(enumerated, 0), number(enumerated, 0), number(integer, 0),
                    number(integer, 0), number(static_cast<tag>(1), 0), filter, element(sequence, names)});
}
inline bytes any_object() {
    return element(present, "objectClass");
}
/// Makes a filter that matches no object.
inline bytes long_filter(std::size_t size) {
    return element(equality, {element(octet_string, "cn"), element(octet_string, std::string(size, 'x'))});
}

class session {
public:
    /// `preface` is sent first, to a proxy.
    explicit session(const sspan::sasl::client_options& options = {}, unsigned port = facts.port,
                     std::wstring_view target = service, std::string_view preface = {})
        : stream_{net::connect("127.0.0.1", port, patience)} {
        stream_.connection().send(std::as_bytes(std::span{preface}));
        bind(options, target);
    }

    [[nodiscard]] ldap::stream<sspan::sasl::client_channel>& stream() { return stream_; }
    [[nodiscard]] sspan::sasl::client_channel& channel() { return stream_.channel(); }

    [[nodiscard]] bytes request(const bytes& operation) {
        return element(sequence, {number(integer, ++id_), operation});
    }
    [[nodiscard]] message answer() {
        auto answered = stream_.receive_message();
        if (!answered) {
            throw std::runtime_error{"the server closed the connection"};
        }
        EXPECT_EQ(answered->id, id_);
        return std::move(*answered);
    }

    [[nodiscard]] bytes who_am_i_request() { return request(facts.who_am_i_operation()); }
    [[nodiscard]] std::string name_in_answer() { return facts.read_name(*this); }
    [[nodiscard]] std::string who_am_i() {
        stream_.send(who_am_i_request());
        return name_in_answer();
    }
    /// @return the size of the server's schema.
    [[nodiscard]] std::size_t schema(const bytes& filter = any_object()) {
        stream_.send(request(search_operation(facts.schema, filter, facts.schema_attributes)));
        std::size_t size = 0;
        for (;;) {
            const auto found = answer();
            if (found.operation.type == search_done) {
                EXPECT_EQ(found.fields().next().content[0], std::byte{success});
                return size;
            }
            size += found.memory.size();
        }
    }
    /// Returns true if the server sends nothing for a second and keeps the connection open.
    [[nodiscard]] bool is_silent() {
        stream_.connection().allow(std::chrono::seconds{1});
        try {
            std::array<std::byte, 1> answered{};
            static_cast<void>(stream_.connection().receive_or_end(answered));
            return false;
        } catch (const std::system_error&) { // reset
            return false;
        } catch (const std::runtime_error&) { // too slow
            return true;
        }
    }
    void unbind() {
        stream_.send(request(element(unbind_request, std::string_view{})));
        EXPECT_TRUE(stream_.ended());
    }

private:
    void bind(const sspan::sasl::client_options& options, std::wstring_view target) {
        const auto credentials = sspan::credentials::outbound(sspan::sasl::package_of(options.mechanism));
        sspan::sasl::client client{credentials, target, options};
        auto taken = client.step();
        for (;;) {
            stream_.send(request(
                element(bind_request,
                        {number(integer, 3), element(octet_string, std::string_view{}),
                         element(sasl_credentials,
                                 {element(octet_string, to_string(options.mechanism)),
                                  element(octet_string, taken.response.value_or(std::span<const std::byte>{}))})})));
            const auto answered = answer();
            if (answered.operation.type != bind_response) {
                throw std::runtime_error{"unexpected answer to a bind request"};
            }
            auto fields = answered.fields();
            const auto code = std::to_integer<int>(fields.next().content[0]);
            static_cast<void>(fields.next());
            const auto text = to_text(fields.next().content);
            std::span<const std::byte> challenge;
            while (!fields.at_end()) {
                if (const auto field = fields.next(); field.type == server_credentials) {
                    challenge = field.content;
                }
            }
            if (code != success && code != sasl_bind_in_progress) {
                throw bind_failure{code, text};
            }
            if (!taken.done || !challenge.empty() || code != success) { // Samba's success has an empty challenge
                taken = client.step(challenge);
            }
            if (code == success) {
                stream_.protect(std::move(client).finish());
                return;
            }
        }
    }

    ldap::stream<sspan::sasl::client_channel> stream_;
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

/// With GSSAPI, the messages that negotiate the layers have integrity only.
class gssapi : public testing::Test {
protected:
    void SetUp() override {
        if (!integration::facts.offers_integrity_only) {
            EXPECT_EQ(error_of([] { const session server; }), sspan::errc::qop_not_supported);
            GTEST_SKIP() << "the package has no messages with integrity only";
        }
    }
};

inline sspan::sasl::client_options spnego() {
    sspan::sasl::client_options options{.mechanism = sspan::sasl::mechanism::gss_spnego};
    if (!integration::facts.negotiate_proves_server) {
        options.require = sspan::context_flags::none;
    }
    return options;
}

} // namespace ldap
