// SPDX-License-Identifier: MIT
//
// A client of BIND with GSS-TSIG (RFC 3645): the server verifies what sspan signs, and sspan verifies what the server
// signs, in parts. The argument is the server's port. The names of records begin with "accepted" if the server must add
// them, and with "refused" if it must not.
#include "net.hpp"

#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using bytes = std::vector<std::byte>;

constexpr std::wstring_view service = L"DNS/server.sspan.test";
constexpr std::wstring_view service_without_key = L"DNS/other.sspan.test"; // the KDC knows it, the server does not
constexpr std::chrono::seconds patience{20};
unsigned port = 0;

// ---- DNS messages (RFC 1035, RFC 2136) ------------------------------------------------------------------------------

enum : std::uint16_t { type_a = 1, type_soa = 6, type_txt = 16, type_tkey = 249, type_tsig = 250 };
enum : std::uint16_t { class_in = 1, class_any = 255 };
enum : std::uint16_t { opcode_query = 0, opcode_update = 5 << 11 };
enum : unsigned { no_error = 0, name_error = 3, refused = 5, not_auth = 9, bad_signature = 16, bad_key = 17 };
enum class section : std::uint8_t { question, answer, authority, additional, update = authority };
constexpr std::size_t header_size = 12;

void put(bytes& out, std::uint64_t number, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
        out.push_back(static_cast<std::byte>((number >> shift) & 0xFF));
    }
}
void put(bytes& out, std::span<const std::byte> more) {
    out.insert(out.end(), more.begin(), more.end());
}
void put_sized(bytes& out, std::span<const std::byte> more) {
    put(out, more.size(), 2);
    put(out, more);
}
void put_name(bytes& out, std::string_view name) {
    while (!name.empty()) {
        const auto label = name.substr(0, name.find('.'));
        put(out, label.size(), 1);
        put(out, std::as_bytes(std::span{label}));
        name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    put(out, 0, 1);
}

/// Makes a message with one question. In an update the question is the zone.
bytes make_message(std::uint16_t opcode, std::string_view name, std::uint16_t type) {
    static std::uint16_t id = 0;
    bytes out;
    put(out, ++id, 2);
    put(out, opcode, 2);
    put(out, 1, 2);
    put(out, 0, 6);
    put_name(out, name);
    put(out, type, 2);
    put(out, type == type_tkey ? class_any : class_in, 2);
    return out;
}

/// Adds `change` to a section's number of records.
void count(bytes& message, section which, int change) {
    const auto at = 4 + 2 * static_cast<std::size_t>(which);
    const auto number = (std::to_integer<int>(message[at]) << 8) + std::to_integer<int>(message[at + 1]) + change;
    message[at] = static_cast<std::byte>(number >> 8);
    message[at + 1] = static_cast<std::byte>(number & 0xFF);
}

void add_record(bytes& message, section where, std::string_view name, std::uint16_t type, std::uint16_t of_class,
                std::span<const std::byte> data) {
    put_name(message, name);
    put(message, type, 2);
    put(message, of_class, 2);
    put(message, 0, 4); // time to live
    put_sized(message, data);
    count(message, where, 1);
}

/// Makes a message that adds the address of a host.
bytes make_update(std::string_view host) {
    constexpr std::array address{std::byte{192}, std::byte{0}, std::byte{2}, std::byte{1}};
    auto update = make_message(opcode_update, "sspan.test", type_soa);
    add_record(update, section::update, std::string{host} + ".sspan.test", type_a, class_in, address);
    return update;
}

/// Makes a message that deletes the addresses of a host.
bytes make_deletion(std::string_view host) {
    auto update = make_message(opcode_update, "sspan.test", type_soa);
    add_record(update, section::update, std::string{host} + ".sspan.test", type_a, class_any, {});
    return update;
}

class reader {
public:
    explicit reader(std::span<const std::byte> wire) : wire_{wire} {}

    [[nodiscard]] std::size_t position() const { return position_; }
    std::span<const std::byte> take(std::size_t size) {
        if (size > wire_.size() - position_) {
            throw std::runtime_error{"the message is too short"};
        }
        position_ += size;
        return wire_.subspan(position_ - size, size);
    }
    std::uint64_t number(std::size_t size) {
        std::uint64_t result = 0;
        for (const auto byte : take(size)) {
            result = (result << 8) | std::to_integer<std::uint64_t>(byte);
        }
        return result;
    }
    void skip_name() {
        constexpr std::size_t pointer = 0xC0;
        for (auto size = number(1); size != 0; size = number(1)) {
            if (size >= pointer) {
                take(1);
                return;
            }
            take(size);
        }
    }
    std::span<const std::byte> take_sized() { return take(number(2)); }

private:
    std::span<const std::byte> wire_;
    std::size_t position_ = 0;
};

struct record {
    std::size_t begin = 0; ///< Its index in the message.
    std::uint64_t type = 0;
    bytes data;
};

struct reply {
    bytes wire;
    std::uint64_t code = 0;
    std::vector<record> records;

    [[nodiscard]] const record* find(std::uint16_t type) const {
        const auto found = std::ranges::find(records, type, &record::type);
        return found == records.end() ? nullptr : &*found;
    }
};

reply parse(bytes wire) {
    reply result;
    result.wire = std::move(wire);
    reader in{result.wire};
    in.take(2);
    result.code = in.number(2) & 0xF;
    const auto questions = in.number(2);
    auto records = in.number(2);
    records += in.number(2);
    records += in.number(2);
    for (std::uint64_t i = 0; i != questions; ++i) {
        in.skip_name();
        in.take(4);
    }
    for (std::uint64_t i = 0; i != records; ++i) {
        record next;
        next.begin = in.position();
        in.skip_name();
        next.type = in.number(2);
        in.take(6); // class, time to live
        const auto data = in.take_sized();
        next.data.assign(data.begin(), data.end());
        result.records.push_back(std::move(next));
    }
    return result;
}

/// DNS over TCP.
class dns_server {
public:
    reply ask(std::span<const std::byte> query) {
        bytes frame;
        put_sized(frame, query);
        connection_.allow(patience);
        connection_.send(frame);
        std::array<std::byte, 2> size{};
        connection_.receive(size);
        bytes answer;
        connection_.receive(answer, reader{size}.number(2));
        return parse(std::move(answer));
    }

private:
    net::connection connection_{net::connect("127.0.0.1", port, patience)};
};

// ---- signatures of messages (RFC 8945) ------------------------------------------------------------------------------

struct tsig {
    std::uint64_t time = 0;
    std::uint64_t fudge = 300; ///< Seconds.
    bytes signature;
    std::uint64_t original_id = 0;
    std::uint64_t error = 0;
    bytes other;
};

tsig parse_tsig(const record& from) {
    tsig result;
    reader in{from.data};
    in.skip_name();
    result.time = in.number(6);
    result.fudge = in.number(2);
    const auto signature = in.take_sized();
    result.signature.assign(signature.begin(), signature.end());
    result.original_id = in.number(2);
    result.error = in.number(2);
    const auto other = in.take_sized();
    result.other.assign(other.begin(), other.end());
    return result;
}

void add_tsig(bytes& message, std::string_view key, const tsig& fields) {
    bytes data;
    put_name(data, "gss-tsig");
    put(data, fields.time, 6);
    put(data, fields.fudge, 2);
    put_sized(data, fields.signature);
    put(data, fields.original_id, 2);
    put(data, fields.error, 2);
    put_sized(data, fields.other);
    add_record(message, section::additional, key, type_tsig, class_any, data);
}

/// Returns the part of a TSIG record that is signed, together with the message before it.
bytes signed_fields(std::string_view key, const tsig& fields) {
    bytes out;
    put_name(out, key);
    put(out, class_any, 2);
    put(out, 0, 4); // time to live
    put_name(out, "gss-tsig");
    put(out, fields.time, 6);
    put(out, fields.fudge, 2);
    put(out, fields.error, 2);
    put_sized(out, fields.other);
    return out;
}

struct signed_message {
    bytes wire;
    std::size_t message_size = 0; ///< The size without the TSIG record, which is the last one.
    bytes signature;

    [[nodiscard]] std::size_t signature_begin() const { return wire.size() - 2 - 2 - 2 - signature.size(); }
};

/// A connection, and a key that the server and sspan have established.
class session {
public:
    explicit session(std::wstring_view target = service) {
        const auto credentials = sspan::credentials::outbound(sspan::package::kerberos);
        const auto send = [this](std::span<const std::byte> token) { last_ = server_.ask(tkey_query(token)); };
        context_ = sspan::establish(sspan::client_handshake{credentials, target}, send, [this] { return token(); });
        EXPECT_EQ(verify(last_, {}), std::error_code{}); // the server signs its last token
    }

    [[nodiscard]] dns_server& server() { return server_; }

    /// Returns the message with its signature, which may be shortened at its end.
    [[nodiscard]] signed_message sign(const bytes& message, std::size_t shortened = 0) {
        tsig fields;
        fields.time = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
                .count());
        fields.original_id = reader{message}.number(2);
        bytes room(context_.sizes().max_signature);
        const auto last = signed_fields(key_, fields);
        const std::array parts{sspan::message_part::data(message), sspan::message_part::data(last)};
        const auto signature = context_.sign(std::span{parts}, room);
        fields.signature.assign(signature.begin(), signature.end() - static_cast<std::ptrdiff_t>(shortened));
        signed_message result{.wire = message, .message_size = message.size(), .signature = fields.signature};
        add_tsig(result.wire, key_, fields);
        return result;
    }

    /// Checks the signature of the reply to a request with this signature.
    [[nodiscard]] std::error_code verify(const reply& answer, std::span<const std::byte> request_signature) {
        const auto* record = answer.find(type_tsig);
        if (record == nullptr) {
            throw std::runtime_error{"the reply has no signature"};
        }
        const auto fields = parse_tsig(*record);
        bytes message{answer.wire.begin(), answer.wire.begin() + static_cast<std::ptrdiff_t>(record->begin)};
        count(message, section::additional, -1);
        bytes first;
        if (!request_signature.empty()) {
            put_sized(first, request_signature);
        }
        const auto last = signed_fields(key_, fields);
        const std::array parts{sspan::message_part::data(first), sspan::message_part::data(message),
                               sspan::message_part::data(last)};
        std::error_code ec;
        const bool good = context_.verify(std::span{parts}, fields.signature, {}, ec);
        EXPECT_EQ(good, !ec);
        return ec;
    }

    /// Sends a message, and checks the signature of the reply.
    reply ask(const bytes& message) {
        const auto request = sign(message);
        auto answer = server_.ask(request.wire);
        EXPECT_EQ(verify(answer, request.signature), std::error_code{});
        return answer;
    }

private:
    [[nodiscard]] bytes tkey_query(std::span<const std::byte> token) const {
        constexpr int mode_gss_api = 3;
        bytes data;
        put_name(data, "gss-tsig");
        put(data, 0, 8); // inception, expiration
        put(data, mode_gss_api, 2);
        put(data, 0, 2); // error
        put_sized(data, token);
        put(data, 0, 2); // other data
        auto query = make_message(opcode_query, key_, type_tkey);
        add_record(query, section::additional, key_, type_tkey, class_any, data);
        return query;
    }
    [[nodiscard]] bytes token() const {
        const auto* record = last_.find(type_tkey);
        if (record == nullptr) {
            throw std::runtime_error{"the server has not answered with a TKEY record"};
        }
        reader in{record->data};
        in.skip_name();
        in.take(8 + 2);
        if (const auto error = in.number(2); error != no_error) {
            throw std::runtime_error{"the server refuses the handshake: error " + std::to_string(error)};
        }
        const auto token = in.take_sized();
        return {token.begin(), token.end()};
    }
    static std::string new_key() {
        static unsigned number = 0;
        const auto now = std::chrono::system_clock::now().time_since_epoch().count();
        return std::to_string(now) + '-' + std::to_string(++number) + ".sig-server.sspan.test";
    }

    dns_server server_;
    std::string key_ = new_key();
    reply last_;
    sspan::client_context context_;
};

bool has_address(std::string_view host) {
    const auto answer = dns_server{}.ask(make_message(opcode_query, std::string{host} + ".sspan.test", type_a));
    EXPECT_EQ(answer.code, answer.find(type_a) != nullptr ? no_error : name_error);
    return answer.find(type_a) != nullptr;
}

/// Expects that the server refuses the message because of its signature, and does not add the host.
void expect_refusal(const reply& answer, unsigned error, std::string_view host) {
    EXPECT_EQ(answer.code, not_auth);
    ASSERT_NE(answer.find(type_tsig), nullptr);
    const auto fields = parse_tsig(*answer.find(type_tsig));
    EXPECT_EQ(fields.error, error);
    EXPECT_TRUE(fields.signature.empty());
    EXPECT_FALSE(has_address(host));
}

/// Returns true for errors that a message itself causes.
bool is_rejection(const std::error_code& why) {
    return why == sspan::errc::message_altered || why == sspan::errc::invalid_token ||
           why == sspan::errc::out_of_sequence;
}

TEST(bind9, takes_an_update) {
    session client;
    EXPECT_EQ(client.ask(make_deletion("accepted")).code, no_error);
    EXPECT_FALSE(has_address("accepted"));
    EXPECT_EQ(client.ask(make_update("accepted")).code, no_error);
    EXPECT_TRUE(has_address("accepted"));
}

TEST(bind9, takes_many_updates) {
    session client;
    for (int number = 0; number != 200; ++number) {
        const auto host = "accepted-" + std::to_string(number);
        ASSERT_EQ(client.ask(make_update(host)).code, no_error);
        ASSERT_TRUE(has_address(host));
    }
}

TEST(bind9, takes_an_update_of_any_size) {
    session client;
    for (const auto records : {0U, 1U, 2U, 50U, 200U}) { // up to 58 KB
        auto update = make_message(opcode_update, "sspan.test", type_soa);
        for (auto record = 0U; record != records; ++record) {
            constexpr std::size_t longest = 255;
            bytes text{std::byte{longest}};
            text.resize(1 + longest, std::byte{'x'});
            add_record(update, section::update,
                       "accepted-" + std::to_string(records) + "-" + std::to_string(record) + ".sspan.test", type_txt,
                       class_in, text);
        }
        EXPECT_EQ(client.ask(update).code, no_error) << records;
    }
}

TEST(bind9, answers_a_signed_question) {
    session client;
    EXPECT_EQ(client.ask(make_update("accepted-asked")).code, no_error);
    const auto answer = client.ask(make_message(opcode_query, "accepted-asked.sspan.test", type_a));
    EXPECT_EQ(answer.code, no_error);
    EXPECT_NE(answer.find(type_a), nullptr);
}

TEST(bind9, refuses_an_update_without_signature) {
    EXPECT_EQ(dns_server{}.ask(make_update("refused-unsigned")).code, refused);
    EXPECT_FALSE(has_address("refused-unsigned"));
}

TEST(bind9, refuses_an_altered_signature) {
    const auto update = make_update("refused-signature");
    const auto size = session{}.sign(update).signature.size();
    for (std::size_t place = 0; place != size; ++place) {
        session client;
        auto request = client.sign(update);
        request.wire[request.signature_begin() + place] ^= std::byte{4};
        SCOPED_TRACE(place);
        expect_refusal(client.server().ask(request.wire), bad_signature, "refused-signature");
    }
}

TEST(bind9, refuses_a_shortened_signature) {
    session client;
    const auto update = make_update("refused-short");
    expect_refusal(client.server().ask(client.sign(update, 1).wire), bad_signature, "refused-short");
}

TEST(bind9, refuses_an_altered_update) {
    const std::string_view host = "refused-update";
    const auto update = make_update(host);
    const auto address = update.size() - 1;
    const auto time_to_live = update.size() - 4 - 2 - 1;
    // The last letter of the name.
    const auto name = update.size() - 4 - 2 - 4 - 4 - std::string_view{"xsspanxtestx"}.size() - 1;
    for (const auto place : {address, time_to_live, name}) {
        session client;
        auto request = client.sign(update);
        request.wire[place] ^= std::byte{4};
        SCOPED_TRACE(place);
        expect_refusal(client.server().ask(request.wire), bad_signature, host);
    }
}

TEST(bind9, refuses_an_altered_time) {
    const auto update = make_update("refused-time");
    for (const std::size_t before_signature : {2U + 2U + 1U, 2U + 1U}) { // the time, and the allowed difference
        session client;
        auto request = client.sign(update);
        request.wire[request.signature_begin() - before_signature] ^= std::byte{4};
        expect_refusal(client.server().ask(request.wire), bad_signature, "refused-time");
    }
}

TEST(bind9, refuses_another_key) {
    session client;
    auto request = client.sign(make_update("refused-key"));
    request.wire[request.message_size + 1] ^= std::byte{4}; // the first letter of the name
    expect_refusal(client.server().ask(request.wire), bad_key, "refused-key");
}

TEST(bind9, refuses_a_replayed_update) {
    session client;
    const auto request = client.sign(make_update("accepted-once"));
    EXPECT_EQ(client.server().ask(request.wire).code, no_error);
    const auto again = client.server().ask(request.wire);
    EXPECT_EQ(again.code, not_auth);
    ASSERT_NE(again.find(type_tsig), nullptr);
    EXPECT_EQ(parse_tsig(*again.find(type_tsig)).error, bad_signature);
}

TEST(bind9, refuses_an_update_behind_a_gap) {
    session client;
    static_cast<void>(client.sign(make_update("refused-gap")));
    expect_refusal(client.server().ask(client.sign(make_update("refused-gap")).wire), bad_signature, "refused-gap");
}

TEST(bind9, altered_replies_are_refused) {
    const auto update = make_update("accepted-reply");
    constexpr std::size_t code = 3;
    constexpr std::size_t zone = header_size + 1;
    for (const auto place : {code, zone}) {
        session client;
        const auto request = client.sign(update);
        auto answer = client.server().ask(request.wire);
        answer.wire[place] ^= std::byte{4};
        EXPECT_EQ(client.verify(answer, request.signature), sspan::errc::message_altered) << place;
    }
}

TEST(bind9, replies_with_an_altered_signature_are_refused) {
    const auto update = make_update("accepted-reply");
    const auto size = session{}.sign(update).signature.size();
    for (std::size_t place = 0; place != size; ++place) {
        session client;
        const auto request = client.sign(update);
        auto answer = client.server().ask(request.wire);
        auto& data = answer.records.back().data;
        constexpr std::size_t in_front = std::string_view{"xgss-tsigx"}.size() + 6 + 2 + 2;
        ASSERT_EQ(data.size(), in_front + size + 2 + 2 + 2);
        data[in_front + place] ^= std::byte{4};
        const auto why = client.verify(answer, request.signature);
        EXPECT_TRUE(is_rejection(why)) << place << ' ' << why;
    }
}

TEST(bind9, a_reply_to_another_request_is_refused) {
    session client;
    const auto request = client.sign(make_update("accepted-reply"));
    const auto answer = client.server().ask(request.wire);
    const auto another = client.sign(make_update("accepted-reply"));
    EXPECT_EQ(client.verify(answer, another.signature), sspan::errc::message_altered);
}

TEST(bind9, a_replayed_reply_is_refused) {
    session client;
    const auto request = client.sign(make_update("accepted-reply"));
    const auto answer = client.server().ask(request.wire);
    EXPECT_EQ(client.verify(answer, request.signature), std::error_code{});
    const auto why = client.verify(answer, request.signature);
    EXPECT_TRUE(is_rejection(why)) << why;
}

TEST(bind9, another_services_name_fails) {
    try {
        const session client{service_without_key};
        ADD_FAILURE() << "the context was established";
    } catch (const std::runtime_error& failure) {
        EXPECT_STREQ(failure.what(), "the server refuses the handshake: error 17");
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
