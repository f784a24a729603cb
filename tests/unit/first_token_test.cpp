// SPDX-License-Identifier: MIT
//
// A server with package::kerberos refuses a token that is certainly not Kerberos.
#include <sspan/detail/first_token.hpp>

#include "conversation.hpp"
#include "profiles.hpp"

#include <sspan/handshake.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_view_literals;
using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;
using sspan::detail::may_be_kerberos;

bytes of(std::initializer_list<unsigned> values) {
    bytes result;
    for (const auto value : values) {
        result.push_back(static_cast<std::byte>(value));
    }
    return result;
}
bytes joined(bytes front, const bytes& back) {
    front.insert(front.end(), back.begin(), back.end());
    return front;
}

const bytes kerberos_oid = of({0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02});
const bytes user_to_user_oid = of({0x06, 10, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02, 0x03});
const bytes spnego_oid = of({0x06, 6, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02});
const bytes ntlm_oid = of({0x06, 10, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A});
const bytes iakerb_oid = of({0x06, 6, 0x2B, 0x06, 0x01, 0x05, 0x02, 0x05});
const bytes ntlm_token = joined(to_bytes("NTLMSSP\0\1\0\0\0"sv), bytes(28));

/// Makes a GSS-API token: the frame of a mechanism's first token.
bytes framed(const bytes& oid, std::size_t more) {
    const auto length = oid.size() + more;
    bytes header = of({0x60});
    if (length < 0x80) {
        header.push_back(static_cast<std::byte>(length));
    } else if (length <= 0xFF) {
        header = joined(header, of({0x81, static_cast<unsigned>(length)}));
    } else if (length <= 0xFFFF) {
        header = joined(header, of({0x82, static_cast<unsigned>(length >> 8), static_cast<unsigned>(length & 0xFF)}));
    } else {
        header =
            joined(header, of({0x83, static_cast<unsigned>(length >> 16), static_cast<unsigned>((length >> 8) & 0xFF),
                               static_cast<unsigned>(length & 0xFF)}));
    }
    return joined(joined(header, oid), bytes(more, std::byte{0x5A}));
}

TEST(first_token, of_kerberos_passes_at_each_size) {
    for (const std::size_t more : {0U, 2U, 116U, 117U, 240U, 1500U, 65'000U, 100'000U}) {
        EXPECT_TRUE(may_be_kerberos(framed(kerberos_oid, more))) << more;
        EXPECT_TRUE(may_be_kerberos(framed(user_to_user_oid, more))) << more;
    }
}

TEST(first_token, of_another_mechanism_is_refused_at_each_size) {
    for (const auto& oid : {spnego_oid, ntlm_oid, iakerb_oid}) {
        for (const std::size_t more : {0U, 2U, 116U, 117U, 240U, 1500U, 65'000U, 100'000U}) {
            EXPECT_FALSE(may_be_kerberos(framed(oid, more))) << more;
        }
    }
    EXPECT_FALSE(may_be_kerberos(ntlm_token));
    EXPECT_FALSE(may_be_kerberos({})) << "an empty token asks for SPNEGO";
}

TEST(first_token, without_a_frame_is_the_packages_to_judge) {
    EXPECT_TRUE(may_be_kerberos(joined(of({0x6E, 0x82, 0x01, 0x00}), bytes(256)))) << "an AP-REQ";
    EXPECT_TRUE(may_be_kerberos(to_bytes("anything else")));
    EXPECT_TRUE(may_be_kerberos(to_bytes("NTLMSSX\0"sv)));
    EXPECT_TRUE(may_be_kerberos(to_bytes("NTLMX"sv)));
}

TEST(first_token, of_ntlm_that_is_cut_short_is_refused) {
    for (std::size_t size = 0; size <= ntlm_token.size(); ++size) {
        EXPECT_FALSE(may_be_kerberos(std::span{ntlm_token}.first(size))) << size;
    }
}

TEST(first_token, of_bare_spnego_is_refused) {
    for (const unsigned tag : {0xA0U, 0xA1U}) { // NegTokenInit, NegTokenResp
        EXPECT_FALSE(may_be_kerberos(of({tag})));
        EXPECT_FALSE(may_be_kerberos(joined(of({tag, 0x82, 0x01, 0x00}), bytes(256))));
    }
    EXPECT_TRUE(may_be_kerberos(joined(of({0xA2, 0x82, 0x01, 0x00}), bytes(256)))) << "not a tag of SPNEGO";
}

TEST(first_token, that_is_cut_short_passes_as_long_as_nothing_contradicts) {
    for (const std::size_t more : {0U, 117U, 1500U, 100'000U}) {
        const auto whole = framed(kerberos_oid, more);
        for (std::size_t size = 1; size != whole.size() - more; ++size) {
            EXPECT_TRUE(may_be_kerberos(std::span{whole}.first(size))) << size;
        }
    }
    for (const std::size_t more : {20U, 130U, 1500U, 100'000U}) {
        const auto other = framed(spnego_oid, more);
        const auto header = other.size() - more - spnego_oid.size();
        for (std::size_t size = 1; size != other.size() - more; ++size) { // every identifier begins with 0x06
            EXPECT_EQ(may_be_kerberos(std::span{other}.first(size)), size <= header + 1) << size;
        }
    }
}

TEST(first_token, whose_frame_is_not_der_is_refused) {
    const auto refused = [](const bytes& header) { // the mechanism is right
        return !may_be_kerberos(joined(joined(header, kerberos_oid), bytes(300)));
    };
    EXPECT_TRUE(refused(of({0x60, 0x80}))) << "indefinite length";
    EXPECT_TRUE(refused(of({0x60, 0x81, 0x0B}))) << "longer than necessary";
    EXPECT_TRUE(refused(of({0x60, 0x81, 0x7F})));
    EXPECT_TRUE(refused(of({0x60, 0x82, 0x00, 0x8B})));
    EXPECT_TRUE(refused(of({0x60, 0x84, 0x00, 0x00, 0x01, 0x00})));
    EXPECT_TRUE(refused(of({0x60, 0x85, 0x01, 0x00, 0x00, 0x01, 0x00}))) << "more than 32 bits";
    EXPECT_TRUE(refused(of({0x60, 0xFF})));
    EXPECT_TRUE(refused(of({0x60, 0x0A}))) << "shorter than the identifier";
    EXPECT_TRUE(refused(of({0x60, 0x00})));
    EXPECT_FALSE(refused(of({0x60, 0x0B})));
    EXPECT_FALSE(refused(of({0x60, 0x81, 0x80})));
    EXPECT_FALSE(refused(of({0x60, 0x84, 0x01, 0x00, 0x00, 0x00}))) << "the rest is missing";
    auto not_an_identifier = framed(kerberos_oid, 10);
    not_an_identifier[2] = std::byte{0x04};
    EXPECT_FALSE(may_be_kerberos(not_an_identifier));
}

TEST(first_token, whose_frame_ends_inside_the_identifier_is_refused) {
    const auto with_length = [](unsigned length) { return joined(of({0x60, length}), user_to_user_oid); };
    EXPECT_FALSE(may_be_kerberos(with_length(0x0B))) << "long enough for the other identifier only";
    EXPECT_TRUE(may_be_kerberos(with_length(0x0C)));
}

TEST(first_token, each_changed_byte_of_the_identifier_is_another_mechanism) {
    const auto right = framed(kerberos_oid, 100);
    for (std::size_t i = 2; i != 2 + kerberos_oid.size(); ++i) {
        auto wrong = right;
        wrong[i] ^= std::byte{0x40};
        EXPECT_FALSE(may_be_kerberos(wrong)) << i;
    }
}

class kerberos_server : public loopback_test, public ::testing::WithParamInterface<surface> {};
INSTANTIATE_TEST_SUITE_P(each, kerberos_server, ::testing::ValuesIn(surfaces), name_of{});

TEST_P(kerberos_server, refuses_other_mechanisms_before_the_package_sees_them) {
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    for (const auto& token : {ntlm_token, to_bytes("NTLMS"), joined(of({0xA1, 0x07, 0x30}), bytes(6)),
                              framed(spnego_oid, 500), framed(ntlm_oid, 40), bytes{}}) {
        sspan::server_handshake server{inbound};
        EXPECT_TRUE(failed_with(step(server, token, GetParam()), errc::invalid_token, "AcceptSecurityContext"));
        EXPECT_TRUE(failed_with(step(server, token, GetParam()), errc::no_context, "AcceptSecurityContext"));
    }
    EXPECT_EQ(calls(function::accept_security_context), 0U);
}

TEST_P(kerberos_server, refuses_a_length_that_is_not_der_and_cut_short) {
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    for (const auto& token :
         {of({0x60, 0x80}), of({0x60, 0x85}), of({0x60, 0x82, 0x00}), of({0x60, 0x84, 0x00, 0x01})}) {
        sspan::server_handshake server{inbound};
        EXPECT_TRUE(failed_with(step(server, token, GetParam()), errc::invalid_token, "AcceptSecurityContext"));
    }
    EXPECT_EQ(calls(function::accept_security_context), 0U);
}

TEST_P(kerberos_server, lets_the_package_judge_the_rest) {
    const auto inbound = sspan::credentials::inbound(L"KERBEROS");
    for (const auto& token : {framed(kerberos_oid, 500), framed(user_to_user_oid, 5), to_bytes("anything else")}) {
        sspan::server_handshake server{inbound};
        const auto before = calls(function::accept_security_context);
        EXPECT_FALSE(succeeded(step(server, token, GetParam())));
        EXPECT_EQ(calls(function::accept_security_context), before + 1);
    }
}

TEST_P(kerberos_server, other_packages_see_everything) {
    for (const auto package : {sspan::package::negotiate, sspan::package::ntlm}) {
        const auto inbound = sspan::credentials::inbound(package);
        for (const auto& token : {ntlm_token, framed(spnego_oid, 500)}) {
            sspan::server_handshake server{inbound};
            const auto before = calls(function::accept_security_context);
            EXPECT_FALSE(succeeded(step(server, token, GetParam())));
            EXPECT_EQ(calls(function::accept_security_context), before + 1);
        }
    }
}

} // namespace
