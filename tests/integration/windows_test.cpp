// SPDX-License-Identifier: MIT
//
// The behaviour of Windows' packages, by public evidence: docs/verification.md has the table. Most checks use SSPI's
// own calls, so they test the package and not sspan. The program runs on the loopback package. On Windows in a domain,
// the same program confirms or refutes the loopback package's claims.
#include "kerberos.hpp"
#include "world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace integration;
namespace api = sspan::detail::api;
using sspan::context_flags;

struct package_kind {
    const char* name;
    std::wstring_view package;
    bool is_ntlm;

    friend void PrintTo(const package_kind& which, std::ostream* out) { *out << which.name; }
};
constexpr package_kind kerberos_kind{"Kerberos", sspan::package::kerberos, false};
constexpr package_kind ntlm_kind{"NTLM", sspan::package::ntlm, true};
constexpr package_kind negotiate_kind{"Negotiate", sspan::package::negotiate, false};

/// The requested flags. Nothing is required, so the test sees all of the package's answers.
struct asked {
    context_flags client = sspan::message_protection;
    context_flags server = context_flags::none;
};

struct ends {
    sspan::client_context client;
    sspan::server_context server;
    std::vector<bytes> tokens;
};

ends connect(const sspan::credentials& outbound, const sspan::credentials& inbound, const asked& flags = {}) {
    sspan::client_handshake client{
        outbound, world::service(), {.require = context_flags::none, .request = flags.client}};
    sspan::server_handshake server{inbound, {.require = context_flags::none, .request = flags.server}};
    ends result;
    for (auto token = copy_of(client.step().token); !token.empty();) {
        result.tokens.push_back(token);
        token = copy_of(server.step(token).token);
        if (!token.empty()) {
            result.tokens.push_back(token);
            token = copy_of(client.step(token).token);
        }
    }
    result.client = std::move(client).finish();
    result.server = std::move(server).finish();
    return result;
}

ends connect(const package_kind& which, const asked& flags = {}) {
    return connect(sspan::credentials::outbound(which.package), sspan::credentials::inbound(which.package), flags);
}

/// Returns Negotiate's credentials for alice: with her password, or as the logged-on user.
sspan::credentials alice(bool by_password, std::wstring_view packages) {
    return by_password
               ? sspan::credentials::outbound(sspan::package::negotiate, {L"alice", L"SSPAN.TEST", world::password()},
                                              {.packages = std::wstring{packages}})
               : sspan::credentials::outbound(sspan::package::negotiate, {.packages = std::wstring{packages}});
}

SecBuffer buffer_of(ULONG type, std::span<std::byte> memory) {
    SecBuffer made{};
    made.BufferType = type;
    made.cbBuffer = static_cast<decltype(made.cbBuffer)>(memory.size());
    made.pvBuffer = memory.data();
    return made;
}

SecBufferDesc list_of(std::span<SecBuffer> buffers) {
    SecBufferDesc made{};
    made.ulVersion = SECBUFFER_VERSION;
    made.cBuffers = static_cast<decltype(made.cBuffers)>(buffers.size());
    made.pBuffers = buffers.data();
    return made;
}

SECURITY_STATUS encrypt(const sspan::security_context& with, std::span<SecBuffer> buffers, ULONG quality = 0,
                        ULONG number = 0) {
    auto handle = with.native_handle();
    auto list = list_of(buffers);
    return api::encrypt_message(&handle, quality, &list, number);
}

SECURITY_STATUS decrypt(const sspan::security_context& with, std::span<SecBuffer> buffers, ULONG& quality,
                        ULONG number = 0) {
    auto handle = with.native_handle();
    auto list = list_of(buffers);
    return api::decrypt_message(&handle, &list, number, &quality);
}

SECURITY_STATUS decrypt(const sspan::security_context& with, std::span<SecBuffer> buffers) {
    ULONG quality = 0;
    return decrypt(with, buffers, quality);
}

bytes token_room(const sspan::security_context& of) {
    return bytes(of.sizes().security_trailer);
}

/// Expects this error, without an error token: no test here requests error tokens.
template <class Attempt>
void expect_status(const char* function, errc code, Attempt attempt) {
    try {
        attempt();
        ADD_FAILURE() << "was not refused";
    } catch (const sspan::error& refused) {
        EXPECT_STREQ(refused.function(), function);
        EXPECT_EQ(refused.code(), code) << refused.what();
    }
}

class windows : public ::testing::TestWithParam<package_kind> {};
INSTANTIATE_TEST_SUITE_P(each, windows, ::testing::Values(kerberos_kind, ntlm_kind, negotiate_kind),
                         [](const auto& test) { return test.param.name; });

TEST_P(windows, takes_a_stream_and_data_points_into_it) {
    const auto pair = connect(GetParam());
    auto data = numbered(40);
    auto token = token_room(pair.client);
    std::array sealed{buffer_of(SECBUFFER_TOKEN, token), buffer_of(SECBUFFER_DATA, data)};
    ASSERT_EQ(encrypt(pair.client, sealed), SEC_E_OK);
    bytes wire(token.begin(), token.begin() + static_cast<std::ptrdiff_t>(sealed[0].cbBuffer));
    wire.insert(wire.end(), data.begin(), data.end());
    std::array opened{buffer_of(SECBUFFER_STREAM, wire), buffer_of(SECBUFFER_DATA, {})};
    ASSERT_EQ(decrypt(pair.server, opened), SEC_E_OK);
    EXPECT_EQ(opened[1].pvBuffer, wire.data() + sealed[0].cbBuffer);
    ASSERT_EQ(opened[1].cbBuffer, 40U);
    EXPECT_EQ(bytes(wire.end() - 40, wire.end()), numbered(40));
}

TEST_P(windows, finds_buffers_by_their_type_in_any_order_and_needs_no_padding) {
    const auto pair = connect(GetParam());
    for (const bool token_first : {true, false}) {
        for (const bool opens_token_first : {true, false}) {
            auto data = numbered(40);
            auto token = token_room(pair.client);
            const auto both = [&](bool first) {
                std::array list{buffer_of(SECBUFFER_TOKEN, token), buffer_of(SECBUFFER_DATA, data)};
                if (!first) {
                    std::swap(list[0], list[1]);
                }
                return list;
            };
            auto sealed = both(token_first);
            ASSERT_EQ(encrypt(pair.client, sealed), SEC_E_OK);
            token.resize(sealed[token_first ? 0 : 1].cbBuffer);
            EXPECT_NE(data, numbered(40));
            auto opened = both(opens_token_first);
            ASSERT_EQ(decrypt(pair.server, opened), SEC_E_OK);
            EXPECT_EQ(data, numbered(40));
        }
    }
}

TEST_P(windows, takes_a_padding_buffer_that_is_empty_or_filled_as_the_block_says) {
    const auto pair = connect(GetParam());
    auto data = numbered(40);
    auto token = token_room(pair.client);
    bytes padding(pair.client.sizes().block_size); // 0 for NTLM
    std::array sealed{buffer_of(SECBUFFER_TOKEN, token), buffer_of(SECBUFFER_DATA, data),
                      buffer_of(SECBUFFER_PADDING, padding)};
    ASSERT_EQ(encrypt(pair.client, sealed), SEC_E_OK);
    EXPECT_LE(sealed[2].cbBuffer, padding.size());
}

TEST_P(windows, covers_a_header_that_is_readonly_with_checksum) {
    if (!GetParam().is_ntlm && GetParam().package != sspan::package::kerberos) {
        GTEST_SKIP() << "no evidence for Negotiate";
    }
    for (const bool altered : {false, true}) {
        const auto more =
            GetParam().is_ntlm ? context_flags::none : context_flags::dce_style; // the flags with evidence
        const auto pair = connect(GetParam(), {sspan::message_protection | more, more});
        auto header = numbered(12);
        auto data = numbered(40);
        auto token = token_room(pair.client);
        std::array list{buffer_of(SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, header),
                        buffer_of(SECBUFFER_DATA, data), buffer_of(SECBUFFER_TOKEN, token)};
        ASSERT_EQ(encrypt(pair.client, list), SEC_E_OK);
        EXPECT_EQ(header, numbered(12));
        header[3] ^= static_cast<std::byte>(altered);
        EXPECT_EQ(decrypt(pair.server, list), altered ? SEC_E_MESSAGE_ALTERED : SEC_E_OK);
    }
}

TEST_P(windows, gives_what_the_client_asks_though_the_server_asks_for_nothing) {
    const auto pair = connect(GetParam());
    EXPECT_TRUE(contains(pair.client.granted(), sspan::message_protection));
    EXPECT_TRUE(contains(pair.server.granted(), context_flags::confidentiality | context_flags::integrity));
    auto data = numbered(40);
    auto token = token_room(pair.server);
    std::array list{buffer_of(SECBUFFER_TOKEN, token), buffer_of(SECBUFFER_DATA, data)};
    ASSERT_EQ(encrypt(pair.server, list), SEC_E_OK); // here the server sends
    EXPECT_EQ(decrypt(pair.client, list), SEC_E_OK);
    EXPECT_EQ(data, numbered(40));
}

TEST_P(windows, counts_the_messages_of_a_connection_itself) {
    const auto pair = connect(GetParam());
    for (const ULONG number : {ULONG{0}, ULONG{7}, ULONG{7}}) {
        auto data = numbered(40);
        auto token = token_room(pair.client);
        std::array list{buffer_of(SECBUFFER_TOKEN, token), buffer_of(SECBUFFER_DATA, data)};
        ASSERT_EQ(encrypt(pair.client, list, 0, number), SEC_E_OK);
        ULONG quality = 0;
        EXPECT_EQ(decrypt(pair.server, list, quality, number + 1), SEC_E_OK);
    }
}

TEST_P(windows, says_altered_of_altered_data_and_invalid_token_where_there_is_none) {
    const auto pair = connect(GetParam());
    auto data = numbered(40);
    std::array no_token{buffer_of(SECBUFFER_DATA, data)};
    EXPECT_EQ(encrypt(pair.client, no_token), SEC_E_INVALID_TOKEN);
    EXPECT_EQ(decrypt(pair.server, no_token), SEC_E_INVALID_TOKEN);
    auto token = token_room(pair.client);
    std::array list{buffer_of(SECBUFFER_TOKEN, token), buffer_of(SECBUFFER_DATA, data)};
    ASSERT_EQ(encrypt(pair.client, list), SEC_E_OK);
    data[5] ^= std::byte{1};
    EXPECT_EQ(decrypt(pair.server, list), SEC_E_MESSAGE_ALTERED);
}

TEST_P(windows, only_reads_what_it_verifies) {
    auto pair = connect(GetParam());
    const auto message = numbered(40);
    const auto signature = sign(pair.client, message);
    const bytes signature_before(signature.begin(), signature.end());
    EXPECT_NO_THROW(pair.server.verify(message, signature)); // the memory is const
    EXPECT_EQ(message, numbered(40));
    EXPECT_EQ(signature, signature_before);
}

TEST_P(windows, keeps_what_contexts_need_of_credentials) {
    std::optional<ends> pair;
    {
        const auto outbound = sspan::credentials::outbound(GetParam().package);
        const auto inbound = sspan::credentials::inbound(GetParam().package);
        pair = connect(outbound, inbound);
    }
    EXPECT_NO_THROW(pair->server.verify(numbered(9), sign(pair->client, numbered(9))));
    EXPECT_NO_THROW(pair->client.verify(numbered(9), sign(pair->server, numbered(9))));
}

TEST_P(windows, tells_the_client_the_target_the_key_and_the_package) {
    const auto pair = connect(GetParam());
    const auto name = sspan::query_user_name(pair.server);
    EXPECT_NE(name.find(L'\\'), std::wstring::npos); // DOMAIN\user
    const auto keys = std::pair{sspan::query_session_key(pair.client), sspan::query_session_key(pair.server)};
    EXPECT_FALSE(keys.first.empty());
    EXPECT_TRUE(std::ranges::equal(keys.first.get(), keys.second.get()));
    EXPECT_EQ(sspan::query_client_specified_target(pair.server), world::service());
    const auto expected = GetParam().is_ntlm ? sspan::package::ntlm : sspan::package::kerberos;
    EXPECT_EQ(sspan::query_package_info(pair.client).name, expected); // for Negotiate, the chosen package
    EXPECT_EQ(sspan::query_package_info(pair.server).name, expected);
}

TEST_P(windows, compares_channel_bindings_that_come_with_every_input) {
    const auto bound = [](std::size_t size) { return sspan::channel_bindings::application_data(numbered(size)); };
    const auto outbound = sspan::credentials::outbound(GetParam().package);
    const auto inbound = sspan::credentials::inbound(GetParam().package);
    for (const bool same : {true, false}) {
        sspan::client_handshake client{
            outbound, world::service(), {.require = context_flags::none, .bindings = bound(32)}};
        sspan::server_handshake server{inbound, {.require = context_flags::none, .bindings = bound(same ? 32 : 48)}};
        std::error_code ec;
        for (auto token = copy_of(client.step().token); !ec && !token.empty();) {
            token = copy_of(server.step(token, ec).token);
            if (!ec && !token.empty()) {
                token = copy_of(client.step(token).token);
            }
        }
        EXPECT_EQ(ec, same ? std::error_code{} : errc::bad_bindings); // weak evidence for the status
    }
}

// NTLM.

TEST(windows_ntlm, takes_token_and_data_and_leaves_the_quality_alone) {
    const auto pair = connect(ntlm_kind);
    auto data = numbered(40);
    auto token = token_room(pair.client);
    std::array list{buffer_of(SECBUFFER_TOKEN, token), buffer_of(SECBUFFER_DATA, data)};
    ASSERT_EQ(encrypt(pair.client, list), SEC_E_OK);
    EXPECT_EQ(token.size(), 16U);
    ULONG quality = 0xDEADBEEF;
    ASSERT_EQ(decrypt(pair.server, list, quality), SEC_E_OK);
    EXPECT_EQ(quality, 0xDEADBEEF);
}

TEST(windows_ntlm, covers_readonly_parts) {
    for (const bool altered : {false, true}) {
        const auto pair = connect(ntlm_kind);
        auto header = numbered(12);
        auto data = numbered(40);
        auto token = token_room(pair.client);
        std::array list{buffer_of(SECBUFFER_DATA | static_cast<ULONG>(SECBUFFER_READONLY), header),
                        buffer_of(SECBUFFER_DATA, data), buffer_of(SECBUFFER_TOKEN, token)};
        ASSERT_EQ(encrypt(pair.client, list), SEC_E_OK);
        EXPECT_EQ(header, numbered(12));
        header[3] ^= static_cast<std::byte>(altered);
        EXPECT_EQ(decrypt(pair.server, list), altered ? SEC_E_MESSAGE_ALTERED : SEC_E_OK);
    }
}

TEST(windows_ntlm, enciphers_where_only_integrity_was_granted) { // strong evidence, not proven
    constexpr ULONG no_encrypt = 0x80000001;                     // SECQOP_WRAP_NO_ENCRYPT
    const auto pair = connect(ntlm_kind, {context_flags::integrity, context_flags::integrity});
    ASSERT_FALSE(contains(pair.client.granted(), context_flags::confidentiality));
    for (const ULONG quality : {ULONG{0}, no_encrypt}) {
        auto data = numbered(40);
        auto token = token_room(pair.client);
        std::array list{buffer_of(SECBUFFER_TOKEN, token), buffer_of(SECBUFFER_DATA, data)};
        ASSERT_EQ(encrypt(pair.client, list, quality), SEC_E_OK);
        EXPECT_NE(data, numbered(40));
        ASSERT_EQ(decrypt(pair.server, list), SEC_E_OK);
        EXPECT_EQ(data, numbered(40));
    }
}

TEST(windows_ntlm, signs_with_a_dummy_where_no_integrity_was_granted) {
    const auto pair = connect(ntlm_kind, {context_flags::none, context_flags::none});
    ASSERT_FALSE(contains(pair.client.granted(), context_flags::integrity));
    EXPECT_EQ(pair.client.sizes().max_signature, 16U);
    auto data = numbered(40);
    bytes token(16);
    std::array list{buffer_of(SECBUFFER_DATA, data), buffer_of(SECBUFFER_TOKEN, token)};
    auto handle = pair.client.native_handle();
    auto described = list_of(list);
    ASSERT_EQ(api::make_signature(&handle, 0, &described, 0), SEC_E_OK);
    bytes dummy(16);
    dummy[0] = std::byte{1};
    EXPECT_EQ(token, dummy);
}

TEST(windows_ntlm, reports_mutual_authentication_that_it_does_not_do) {
    const auto outbound = sspan::credentials::outbound(sspan::package::ntlm);
    const auto inbound = sspan::credentials::inbound(sspan::package::ntlm);
    sspan::client_handshake client{
        outbound, world::service(), {.require = context_flags::none, .request = context_flags::mutual_auth}};
    sspan::server_handshake server{inbound, {.require = context_flags::none}};
    const auto first = copy_of(client.step().token);
    const auto second = copy_of(server.step(first).token);
    static_cast<void>(server.step(client.step(second).token));
    EXPECT_TRUE(contains(client.granted(), context_flags::mutual_auth)); // the package reports it
    // sspan does not accept it.
    EXPECT_FALSE(contains(std::move(client).finish().granted(), context_flags::mutual_auth));
}

TEST(windows_ntlm, denies_the_logon_of_a_wrong_password_at_the_server) {
    const sspan::identity wrong{L"alice", L"SSPAN.TEST", L"not it"};
    const auto outbound = sspan::credentials::outbound(sspan::package::ntlm, wrong);
    const auto inbound = sspan::credentials::inbound(sspan::package::ntlm);
    expect_status("AcceptSecurityContext", errc::logon_denied, [&] { static_cast<void>(connect(outbound, inbound)); });
}

// Kerberos.

TEST(windows_kerberos, denies_the_logon_with_a_ticket_for_another_key) {
    const auto keys = world::with_keys(world::keys::wrong);
    expect_status("AcceptSecurityContext", errc::logon_denied, [] { static_cast<void>(connect(kerberos_kind)); });
}

// Negotiate.

TEST(windows_negotiate, takes_bare_ntlm_and_ntlm_takes_no_spnego) {
    const auto negotiate = sspan::credentials::inbound(sspan::package::negotiate);
    const auto ntlm = sspan::credentials::inbound(sspan::package::ntlm);
    EXPECT_NO_THROW(static_cast<void>(connect(sspan::credentials::outbound(sspan::package::ntlm), negotiate)));
    expect_status("AcceptSecurityContext", errc::invalid_token,
                  [&] { static_cast<void>(connect(sspan::credentials::outbound(sspan::package::negotiate), ntlm)); });
}

TEST(windows_negotiate, says_invalid_handle_of_a_malformed_first_token) {
    const auto inbound = sspan::credentials::inbound(sspan::package::negotiate);
    auto credential = inbound.native_handle();
    auto garbage = numbered(50);
    bytes room(4096);
    std::array in{buffer_of(SECBUFFER_TOKEN, garbage)};
    std::array out{buffer_of(SECBUFFER_TOKEN, room)};
    auto input = list_of(in);
    auto output = list_of(out);
    CtxtHandle context{};
    ULONG attributes = 0;
    TimeStamp expiry{};
    EXPECT_EQ(api::accept_security_context(&credential, nullptr, &input, 0, SECURITY_NATIVE_DREP, &context, &output,
                                           &attributes, &expiry),
              SEC_E_INVALID_HANDLE);
}

TEST(windows_negotiate, sends_three_tokens_with_bare_ntlm_and_four_with_spnego) {
    const auto inbound = sspan::credentials::inbound(sspan::package::negotiate);
    struct {
        const wchar_t* list;
        std::size_t tokens;
    } const rows[]{{L"NTLM", 3}, {L"!Kerberos", 4}, {L"ntlm", 3}};
    for (const auto& row : rows) {
        for (const bool by_password : {true, false}) {
            const auto pair = connect(alice(by_password, row.list), inbound);
            EXPECT_EQ(pair.tokens.size(), row.tokens);
            EXPECT_EQ(sspan::query_package_info(pair.client).name, sspan::package::ntlm);
        }
    }
}

TEST(windows_negotiate, obeys_lists_of_packages) {
    const auto inbound = sspan::credentials::inbound(sspan::package::negotiate);
    for (const bool by_password : {true, false}) {
        for (const auto* list : {L"Kerberos", L"!NTLM", L"kerberos,ntlm", L"Kerberos,NegoExtender"}) {
            const auto pair = connect(alice(by_password, list), inbound);
            EXPECT_EQ(sspan::query_package_info(pair.client).name, sspan::package::kerberos);
        }
        for (const auto* list : {L"NegoExtender", L"!Kerberos,!NTLM", L"NTLM,!NTLM"}) {
            expect_status("InitializeSecurityContext", errc::no_credentials,
                          [&] { static_cast<void>(connect(alice(by_password, list), inbound)); });
        }
    }
}

} // namespace
