// SPDX-License-Identifier: MIT
#include <sspan/error.hpp>

#include "profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace {

using sspan::errc;

struct named_status {
    std::string_view symbol;
    unsigned value;
    unsigned in_the_header; ///< the value in Windows' header, where there is one
};

#if defined(_WIN32)
#define ROW(symbol, value) {#symbol, value, static_cast<unsigned>(symbol)}
#else
#define ROW(symbol, value) {#symbol, value, value}
#endif

// clang-format off: a table
constexpr named_status documented[] = {
    ROW(SEC_E_OK, 0x00000000),
    ROW(SEC_E_INSUFFICIENT_MEMORY, 0x80090300),
    ROW(SEC_E_INVALID_HANDLE, 0x80090301),
    ROW(SEC_E_UNSUPPORTED_FUNCTION, 0x80090302),
    ROW(SEC_E_TARGET_UNKNOWN, 0x80090303),
    ROW(SEC_E_INTERNAL_ERROR, 0x80090304),
    ROW(SEC_E_SECPKG_NOT_FOUND, 0x80090305),
    ROW(SEC_E_NOT_OWNER, 0x80090306),
    ROW(SEC_E_CANNOT_INSTALL, 0x80090307),
    ROW(SEC_E_INVALID_TOKEN, 0x80090308),
    ROW(SEC_E_CANNOT_PACK, 0x80090309),
    ROW(SEC_E_QOP_NOT_SUPPORTED, 0x8009030A),
    ROW(SEC_E_NO_IMPERSONATION, 0x8009030B),
    ROW(SEC_E_LOGON_DENIED, 0x8009030C),
    ROW(SEC_E_UNKNOWN_CREDENTIALS, 0x8009030D),
    ROW(SEC_E_NO_CREDENTIALS, 0x8009030E),
    ROW(SEC_E_MESSAGE_ALTERED, 0x8009030F),
    ROW(SEC_E_OUT_OF_SEQUENCE, 0x80090310),
    ROW(SEC_E_NO_AUTHENTICATING_AUTHORITY, 0x80090311),
    ROW(SEC_I_CONTINUE_NEEDED, 0x00090312),
    ROW(SEC_I_COMPLETE_NEEDED, 0x00090313),
    ROW(SEC_I_COMPLETE_AND_CONTINUE, 0x00090314),
    ROW(SEC_I_LOCAL_LOGON, 0x00090315),
    ROW(SEC_E_BAD_PKGID, 0x80090316),
    ROW(SEC_E_CONTEXT_EXPIRED, 0x80090317),
    ROW(SEC_I_CONTEXT_EXPIRED, 0x00090317),
    ROW(SEC_E_INCOMPLETE_MESSAGE, 0x80090318),
    ROW(SEC_E_INCOMPLETE_CREDENTIALS, 0x80090320),
    ROW(SEC_E_BUFFER_TOO_SMALL, 0x80090321),
    ROW(SEC_I_INCOMPLETE_CREDENTIALS, 0x00090320),
    ROW(SEC_I_RENEGOTIATE, 0x00090321),
    ROW(SEC_E_WRONG_PRINCIPAL, 0x80090322),
    ROW(SEC_I_NO_LSA_CONTEXT, 0x00090323),
    ROW(SEC_E_TIME_SKEW, 0x80090324),
    ROW(SEC_E_UNTRUSTED_ROOT, 0x80090325),
    ROW(SEC_E_ILLEGAL_MESSAGE, 0x80090326),
    ROW(SEC_E_CERT_UNKNOWN, 0x80090327),
    ROW(SEC_E_CERT_EXPIRED, 0x80090328),
    ROW(SEC_E_ENCRYPT_FAILURE, 0x80090329),
    ROW(SEC_E_DECRYPT_FAILURE, 0x80090330),
    ROW(SEC_E_ALGORITHM_MISMATCH, 0x80090331),
    ROW(SEC_E_SECURITY_QOS_FAILED, 0x80090332),
    ROW(SEC_E_UNFINISHED_CONTEXT_DELETED, 0x80090333),
    ROW(SEC_E_NO_TGT_REPLY, 0x80090334),
    ROW(SEC_E_NO_IP_ADDRESSES, 0x80090335),
    ROW(SEC_E_WRONG_CREDENTIAL_HANDLE, 0x80090336),
    ROW(SEC_E_CRYPTO_SYSTEM_INVALID, 0x80090337),
    ROW(SEC_E_MAX_REFERRALS_EXCEEDED, 0x80090338),
    ROW(SEC_E_MUST_BE_KDC, 0x80090339),
    ROW(SEC_E_STRONG_CRYPTO_NOT_SUPPORTED, 0x8009033A),
    ROW(SEC_E_TOO_MANY_PRINCIPALS, 0x8009033B),
    ROW(SEC_E_NO_PA_DATA, 0x8009033C),
    ROW(SEC_E_PKINIT_NAME_MISMATCH, 0x8009033D),
    ROW(SEC_E_SMARTCARD_LOGON_REQUIRED, 0x8009033E),
    ROW(SEC_E_SHUTDOWN_IN_PROGRESS, 0x8009033F),
    ROW(SEC_E_KDC_INVALID_REQUEST, 0x80090340),
    ROW(SEC_E_KDC_UNABLE_TO_REFER, 0x80090341),
    ROW(SEC_E_KDC_UNKNOWN_ETYPE, 0x80090342),
    ROW(SEC_E_UNSUPPORTED_PREAUTH, 0x80090343),
    ROW(SEC_E_DELEGATION_REQUIRED, 0x80090345),
    ROW(SEC_E_BAD_BINDINGS, 0x80090346),
    ROW(SEC_E_MULTIPLE_ACCOUNTS, 0x80090347),
    ROW(SEC_E_NO_KERB_KEY, 0x80090348),
    ROW(SEC_E_CERT_WRONG_USAGE, 0x80090349),
    ROW(SEC_E_DOWNGRADE_DETECTED, 0x80090350),
    ROW(SEC_E_SMARTCARD_CERT_REVOKED, 0x80090351),
    ROW(SEC_E_ISSUING_CA_UNTRUSTED, 0x80090352),
    ROW(SEC_E_REVOCATION_OFFLINE_C, 0x80090353),
    ROW(SEC_E_PKINIT_CLIENT_FAILURE, 0x80090354),
    ROW(SEC_E_SMARTCARD_CERT_EXPIRED, 0x80090355),
    ROW(SEC_E_NO_S4U_PROT_SUPPORT, 0x80090356),
    ROW(SEC_E_CROSSREALM_DELEGATION_FAILURE, 0x80090357),
    ROW(SEC_E_REVOCATION_OFFLINE_KDC, 0x80090358),
    ROW(SEC_E_ISSUING_CA_UNTRUSTED_KDC, 0x80090359),
    ROW(SEC_E_KDC_CERT_EXPIRED, 0x8009035A),
    ROW(SEC_E_KDC_CERT_REVOKED, 0x8009035B),
    ROW(SEC_I_SIGNATURE_NEEDED, 0x0009035C),
    ROW(SEC_E_INVALID_PARAMETER, 0x8009035D),
    ROW(SEC_E_DELEGATION_POLICY, 0x8009035E),
    ROW(SEC_E_POLICY_NLTM_ONLY, 0x8009035F),
    ROW(SEC_I_NO_RENEGOTIATION, 0x00090360),
    ROW(SEC_E_NO_CONTEXT, 0x80090361),
    ROW(SEC_E_PKU2U_CERT_FAILURE, 0x80090362),
    ROW(SEC_E_MUTUAL_AUTH_FAILED, 0x80090363),
    ROW(SEC_I_MESSAGE_FRAGMENT, 0x00090364),
    ROW(SEC_E_ONLY_HTTPS_ALLOWED, 0x80090365),
    ROW(SEC_I_CONTINUE_NEEDED_MESSAGE_OK, 0x00090366),
    ROW(SEC_E_APPLICATION_PROTOCOL_MISMATCH, 0x80090367),
    ROW(SEC_I_ASYNC_CALL_PENDING, 0x00090368),
    ROW(SEC_E_INVALID_UPN_NAME, 0x80090369),
    ROW(SEC_E_NO_SPM, 0x80090304),
    ROW(SEC_E_NOT_SUPPORTED, 0x80090302),
    ROW(SEC_I_GENERIC_EXTENSION_RECEIVED, 0x00090316),
    ROW(SEC_E_EXT_BUFFER_TOO_SMALL, 0x8009036A),
    ROW(SEC_E_INSUFFICIENT_BUFFERS, 0x8009036B),
};
// clang-format on

/// Two names share their value with an older name. The message has the older one.
bool is_alias(std::string_view symbol) {
    return symbol == "SEC_E_NOT_SUPPORTED" || symbol == "SEC_E_NO_SPM";
}

std::string message_of(unsigned status) {
    return sspan::category().message(static_cast<int>(status));
}

TEST(category, names_every_documented_status_with_its_value_and_a_sentence) {
    std::set<std::string> sentences;
    for (const auto& row : documented) {
        EXPECT_EQ(row.value, row.in_the_header) << row.symbol;
        if (is_alias(row.symbol)) {
            continue;
        }
        const auto text = message_of(row.value);
        const auto start = std::string{row.symbol} + " (" + sspan::detail::hexadecimal(row.value) + "): ";
        ASSERT_TRUE(text.starts_with(start)) << text;
        const auto sentence = text.substr(start.size());
        EXPECT_GT(sentence.size(), 6U) << text;
        EXPECT_TRUE(sentences.insert(sentence).second) << "same text for two codes: " << text;
    }
}

TEST(category, knows_no_status_that_is_not_documented) {
    const auto count = [](unsigned value) {
        return std::ranges::count_if(documented, [value](const auto& row) { return row.value == value; });
    };
    std::size_t failures = 0;
#define SSPAN_ROW(name, value, symbol, meaning)                                                                        \
    EXPECT_GE(count(value), 1) << symbol;                                                                              \
    ++failures;
    SSPAN_SEC_E(SSPAN_ROW)
    SSPAN_SEC_I(SSPAN_ROW)
#undef SSPAN_ROW
    EXPECT_EQ(failures, std::size(documented) - 2); // the aliases
}

TEST(category, is_one_and_named) {
    EXPECT_STREQ(sspan::category().name(), "sspi");
    EXPECT_EQ(&sspan::category(), &sspan::category());
    EXPECT_EQ(std::error_code{errc::message_altered}.category(), sspan::category());
}

TEST(category, names_the_families_of_other_values) {
    EXPECT_EQ(message_of(0xC000006DU),
              "NTSTATUS (0xC000006D): the package failed with a status of the kernel's family");
    EXPECT_EQ(message_of(0x80070005U),
              "Win32 error (0x80070005): the low 16 bits are the code that GetLastError returned");
    EXPECT_EQ(message_of(0x800903FFU), "unknown status (0x800903FF): SSPI's headers do not name this value");
    EXPECT_TRUE(message_of(0x80070542U).starts_with("ERROR_BAD_IMPERSONATION_LEVEL (0x80070542): "));
}

TEST(errc, has_sspis_values) {
    EXPECT_EQ(static_cast<unsigned>(errc::message_altered), 0x8009030FU);
    EXPECT_EQ(static_cast<unsigned>(errc::out_of_sequence), 0x80090310U);
    EXPECT_EQ(static_cast<unsigned>(errc::bad_impersonation_level), 0x80070542U);
    EXPECT_EQ(static_cast<unsigned>(errc::bad_token_type), 0x80070545U);
    static_assert(std::is_error_code_enum_v<errc>);
}

TEST(errc, trap_two_names_of_one_value) {
    EXPECT_EQ(errc::not_supported, errc::unsupported_function);
    EXPECT_EQ(errc::no_spm, errc::internal_error);
}

TEST(errc, trap_statuses_that_differ_in_severity_only_stay_apart) {
    struct pair {
        unsigned failure, success;
    };
    for (const auto& [failure, success] : {pair{0x80090317U, 0x00090317U}, pair{0x80090321U, 0x00090321U},
                                           pair{0x80090320U, 0x00090320U}, pair{0x80090316U, 0x00090316U}}) {
        const std::error_code one{static_cast<int>(failure), sspan::category()};
        const std::error_code other{static_cast<int>(success), sspan::category()};
        EXPECT_NE(one, other);
        EXPECT_NE(one.message(), other.message());
        EXPECT_NE(one.default_error_condition(), other.default_error_condition());
        EXPECT_EQ(sspan::detail::failure(static_cast<SECURITY_STATUS>(failure)), one);
        EXPECT_FALSE(sspan::detail::failure(static_cast<SECURITY_STATUS>(success)));
    }
}

TEST(errc, compares_with_std_errc_where_one_fits) {
    EXPECT_EQ(std::error_code{errc::insufficient_memory}, std::errc::not_enough_memory);
    EXPECT_EQ(std::error_code{errc::invalid_handle}, std::errc::invalid_argument);
    EXPECT_EQ(std::error_code{errc::invalid_parameter}, std::errc::invalid_argument);
    EXPECT_EQ(std::error_code{errc::unsupported_function}, std::errc::function_not_supported);
    EXPECT_EQ(std::error_code{errc::buffer_too_small}, std::errc::no_buffer_space);
    EXPECT_EQ(std::error_code{errc::message_altered}, std::errc::bad_message);
    EXPECT_EQ(std::error_code{errc::illegal_message}, std::errc::bad_message);
    EXPECT_EQ(std::error_code{errc::invalid_token}, std::errc::bad_message);
    EXPECT_EQ(std::error_code{errc::out_of_sequence}, std::errc::protocol_error);
    EXPECT_EQ(std::error_code{errc::logon_denied}, std::errc::permission_denied);
    EXPECT_EQ(std::error_code{errc::not_owner}, std::errc::permission_denied);
    EXPECT_EQ(std::error_code{errc::bad_impersonation_level}, std::errc::permission_denied);
}

TEST(errc, what_must_stay_distinct_does) {
    for (const auto other :
         {errc::out_of_sequence, errc::context_expired, errc::invalid_handle, errc::unsupported_function}) {
        EXPECT_NE(std::error_code{other}, std::error_code{errc::message_altered});
        EXPECT_NE(std::error_code{other}, std::errc::bad_message);
    }
    EXPECT_NE(std::error_code{errc::context_expired}, std::errc::protocol_error);
    EXPECT_EQ(std::error_code{errc::context_expired}.default_error_condition(),
              (std::error_condition{static_cast<int>(errc::context_expired), sspan::category()}));
}

TEST(to_hresult, is_what_the_package_returned) {
    EXPECT_EQ(static_cast<unsigned>(sspan::to_hresult(errc::message_altered)), 0x8009030FU);
    EXPECT_EQ(sspan::to_hresult({}), 0);
    EXPECT_EQ(static_cast<unsigned>(sspan::to_hresult({static_cast<int>(0xC000006DU), sspan::category()})),
              0xC000006DU);
    EXPECT_EQ(static_cast<unsigned>(sspan::to_hresult(std::make_error_code(std::errc::io_error))), 0x80004005U);
    // SEC_I_RENEGOTIATE from a message call is an error. It must not look like a success.
    EXPECT_EQ(static_cast<unsigned>(sspan::to_hresult({0x00090321, sspan::category()})), 0x80004005U);
}

TEST(error, begins_with_the_function_and_says_the_rest) {
    const sspan::error thrown{errc::message_altered, "VerifySignature"};
    EXPECT_EQ(thrown.what(), "VerifySignature: " + message_of(0x8009030FU));
    EXPECT_STREQ(thrown.function(), "VerifySignature");
    EXPECT_EQ(thrown.code(), errc::message_altered);
    static_assert(std::is_base_of_v<std::system_error, sspan::error>);
    static_assert(std::is_nothrow_copy_constructible_v<sspan::error>);
}

TEST(failure, is_every_negative_status_and_no_other) {
    for (const auto status : testing_support::all_failures()) {
        EXPECT_EQ(sspan::detail::failure(status).value(), static_cast<int>(status));
    }
    for (const auto status : testing_support::all_informational()) {
        EXPECT_FALSE(sspan::detail::failure(status));
    }
    EXPECT_FALSE(sspan::detail::failure(0));
}

TEST(succeeded, is_sec_e_ok_only) {
    std::error_code ec;
    EXPECT_TRUE(sspan::detail::succeeded(SECURITY_STATUS{0}, ec));
    EXPECT_FALSE(ec);
    for (const auto status : testing_support::all_informational()) {
        EXPECT_FALSE(sspan::detail::succeeded(status, ec));
        EXPECT_EQ(ec, testing_support::sspi_code(status));
    }
    EXPECT_TRUE(sspan::detail::succeeded(SECURITY_STATUS{0}, ec));
    EXPECT_FALSE(ec) << "a success clears the error code";
}

TEST(win32_failure, is_an_hresult_or_success) {
    EXPECT_EQ(static_cast<unsigned>(sspan::detail::win32_failure(5).value()), 0x80070005U);
    EXPECT_EQ(sspan::detail::win32_failure(1346), errc::bad_impersonation_level);
    EXPECT_EQ(sspan::detail::win32_failure(1349), errc::bad_token_type);
    EXPECT_EQ(sspan::detail::win32_failure(120), errc::unsupported_function); // ERROR_CALL_NOT_IMPLEMENTED
    EXPECT_FALSE(sspan::detail::win32_failure(0));
}

} // namespace
