// SPDX-License-Identifier: MIT
//
// Failures of the message calls, and packages that return forbidden results.
#include <sspan/security_context.hpp>

#include "fixture.hpp"
#include "messages.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace {

using namespace testing_support;
using loopback::function;
using sspan::errc;

/// A pair, and a valid message of each kind for the server.
struct exchange {
    explicit exchange(const profile& which)
        : pair{establish(which)}, signed_one{sign(pair.client, numbered(40))},
          sealed_one{encrypt(pair.client, numbered(40))} {}

    established pair;
    signed_message signed_one;
    sealed_message sealed_one;
    bytes data = numbered(40);
    bytes token = bytes(pair.client.sizes().security_trailer, std::byte{0xEE});
    bytes padding = bytes(pair.client.sizes().block_size, std::byte{0xEE});
    bytes signature = bytes(pair.client.sizes().max_signature, std::byte{0xEE});
};

/// Calls one of the four functions, on this surface. After a failure it must return nothing.
outcome try_sign(exchange& with, surface form) {
    return outcome_of(
        form,
        [&](std::error_code& ec) {
            const auto written = with.pair.client.sign(with.data, with.signature, {}, ec);
            EXPECT_EQ(written.empty(), static_cast<bool>(ec));
        },
        [&] { static_cast<void>(with.pair.client.sign(with.data, with.signature)); });
}

outcome try_verify(exchange& with, surface form) {
    return outcome_of(
        form,
        [&](std::error_code& ec) {
            const bool right = with.pair.server.verify(with.signed_one.data, with.signed_one.signature, {}, ec);
            EXPECT_NE(right, static_cast<bool>(ec));
        },
        [&] { with.pair.server.verify(with.signed_one.data, with.signed_one.signature); });
}

outcome try_encrypt(exchange& with, surface form) {
    return outcome_of(
        form,
        [&](std::error_code& ec) {
            const auto parts =
                with.pair.client.encrypt({.token = with.token, .data = with.data, .padding = with.padding}, {}, ec);
            EXPECT_EQ(parts.token.empty(), static_cast<bool>(ec));
            EXPECT_EQ(parts.data.empty(), static_cast<bool>(ec));
            EXPECT_TRUE(!ec || parts.padding.empty());
        },
        [&] {
            static_cast<void>(
                with.pair.client.encrypt({.token = with.token, .data = with.data, .padding = with.padding}));
        });
}

outcome try_decrypt(exchange& with, surface form) {
    return outcome_of(
        form,
        [&](std::error_code& ec) {
            const auto opened =
                with.pair.server.decrypt({.token = with.sealed_one.token, .data = with.sealed_one.data}, {}, ec);
            EXPECT_EQ(opened.data.empty(), static_cast<bool>(ec));
            EXPECT_TRUE(!ec || opened.quality == sspan::quality_of_protection::integrity_only);
        },
        [&] {
            static_cast<void>(with.pair.server.decrypt({.token = with.sealed_one.token, .data = with.sealed_one.data}));
        });
}

struct message_call {
    const char* name;
    function which;
    outcome (*attempt)(exchange&, surface);
    bool by_server;
};

constexpr std::array message_calls{
    message_call{"MakeSignature", function::make_signature, &try_sign, false},
    message_call{"VerifySignature", function::verify_signature, &try_verify, true},
    message_call{"EncryptMessage", function::encrypt_message, &try_encrypt, false},
    message_call{"DecryptMessage", function::decrypt_message, &try_decrypt, true},
};

void expect_wiped_if_changed(const exchange& with, const message_call& call) {
    if (call.which == function::encrypt_message) {
        EXPECT_TRUE(all_zero(with.data)) << "plaintext that must not be sent";
    }
    if (call.which == function::decrypt_message) {
        EXPECT_TRUE(all_zero(with.sealed_one.data));
        EXPECT_TRUE(all_zero(with.sealed_one.token));
    }
}

class security_context_failure : public surface_test {};
INSTANTIATE_TEST_SUITE_P(each, security_context_failure, each_profile_and_surface(), name_of{});

TEST_P(security_context_failure, each_failure_of_each_call_arrives_with_its_function) {
    for (const auto& call : message_calls) {
        for (const auto status : all_failures()) {
            exchange with{which_profile()};
            loopback::fail_at(call.which, 1, status);
            EXPECT_TRUE(failed_with(call.attempt(with, which_surface()), sspi_code(status), call.name)) << call.name;
            expect_wiped_if_changed(with, call);
            EXPECT_TRUE(with.pair.client && with.pair.server); // the contexts stay valid
            EXPECT_EQ(loopback::live().contexts, 2U);
        }
        EXPECT_TRUE(loopback::live().none());
    }
}

TEST_P(security_context_failure, trap_informational_status_is_no_success_of_a_message_call) {
    // SEC_I_CONTEXT_EXPIRED and SEC_I_RENEGOTIATE are positive. The buffers' contents are then undefined.
    for (const auto& call : message_calls) {
        for (const auto status : all_informational()) {
            exchange with{which_profile()};
            loopback::fail_at(call.which, 1, status);
            const auto result = call.attempt(with, which_surface());
            EXPECT_TRUE(failed_with(result, sspi_code(status), call.name)) << call.name;
            EXPECT_TRUE(result.code);
            expect_wiped_if_changed(with, call);
        }
    }
}

TEST_P(security_context_failure, informational_status_after_the_work_is_a_failure_as_well) {
    for (const auto& call : message_calls) {
        for (const auto status : {SEC_I_CONTEXT_EXPIRED, SEC_I_RENEGOTIATE, SEC_I_CONTINUE_NEEDED}) {
            exchange with{which_profile()};
            if (call.which == function::decrypt_message) {
                verify(with.pair.server, with.signed_one); // the signed message was sent first
            }
            loopback::return_after(call.which, 1, status);
            EXPECT_TRUE(failed_with(call.attempt(with, which_surface()), sspi_code(status), call.name)) << call.name;
            expect_wiped_if_changed(with, call);
        }
    }
}

TEST_P(security_context_failure, trap_expired_and_renegotiate_keep_their_severity) {
    exchange with{which_profile()};
    loopback::fail_at(function::verify_signature, 1, SEC_I_CONTEXT_EXPIRED);
    EXPECT_NE(try_verify(with, which_surface()).code, errc::context_expired);
    loopback::fail_at(function::verify_signature, 1, SEC_E_CONTEXT_EXPIRED);
    EXPECT_EQ(try_verify(with, which_surface()).code, errc::context_expired);
    loopback::fail_at(function::make_signature, 1, SEC_I_RENEGOTIATE);
    EXPECT_NE(try_sign(with, which_surface()).code, errc::buffer_too_small);
    loopback::fail_at(function::make_signature, 1, SEC_E_BUFFER_TOO_SMALL);
    EXPECT_EQ(try_sign(with, which_surface()).code, errc::buffer_too_small);
}

TEST_P(security_context_failure, trap_ntstatus_is_an_error_with_its_number) {
    for (const auto& call : message_calls) {
        exchange with{which_profile()};
        loopback::fail_at(call.which, 1, sspi_status(0xC000006D));
        const auto result = call.attempt(with, which_surface());
        EXPECT_EQ(sspan::to_hresult(result.code), static_cast<HRESULT>(0xC000006D));
        EXPECT_NE(result.code.message().find("0xC000006D"), std::string::npos);
    }
}

TEST_P(security_context_failure, bad_handle_in_verify_is_not_tampering) {
    exchange with{which_profile()};
    loopback::fail_at(function::verify_signature, 1, SEC_E_INVALID_HANDLE);
    EXPECT_TRUE(failed_with(try_verify(with, which_surface()), errc::invalid_handle, "VerifySignature"));
}

TEST_P(security_context_failure, expired_context_says_so) {
    for (const auto& call : message_calls) {
        exchange with{which_profile()};
        loopback::configure().expired = true;
        EXPECT_TRUE(failed_with(call.attempt(with, which_surface()), errc::context_expired, call.name));
        expect_wiped_if_changed(with, call);
        loopback::configure().expired = false;
    }
}

TEST_P(security_context_failure, failure_is_cleared_by_the_next_success) {
    exchange with{which_profile()};
    loopback::fail_at(function::make_signature, 1, SEC_E_INTERNAL_ERROR);
    EXPECT_FALSE(succeeded(try_sign(with, which_surface())));
    EXPECT_TRUE(succeeded(try_sign(with, which_surface())));
}

TEST_P(security_context_failure, hostile_signature_is_an_internal_error) {
    using enum loopback::hostile_output;
    for (const auto how : {token_size, token_pointer, token_empty}) {
        exchange with{which_profile()};
        loopback::hostile_at(function::make_signature, 1, how);
        EXPECT_TRUE(failed_with(try_sign(with, which_surface()), errc::internal_error, "MakeSignature"));
    }
}

TEST_P(security_context_failure, hostile_outputs_of_encrypt_are_an_internal_error) {
    using enum loopback::hostile_output;
    for (const auto how :
         {token_size, token_pointer, padding_size, padding_pointer, data_size, data_pointer, token_empty}) {
        const bool of_padding = how == padding_size || how == padding_pointer;
        if (of_padding && which_profile().settings().block_size == 0) {
            continue; // this call has no such buffer
        }
        which_profile().settings().padding = which_profile().settings().block_size;
        exchange with{which_profile()};
        loopback::hostile_at(function::encrypt_message, 1, how);
        EXPECT_TRUE(failed_with(try_encrypt(with, which_surface()), errc::internal_error, "EncryptMessage"))
            << static_cast<int>(how);
    }
}

TEST_P(security_context_failure, hostile_plaintext_of_decrypt_is_an_internal_error) {
    using enum loopback::hostile_output;
    for (const auto how : {data_size, data_pointer}) {
        exchange with{which_profile()};
        verify(with.pair.server, with.signed_one);
        loopback::hostile_at(function::decrypt_message, 1, how);
        EXPECT_TRUE(failed_with(try_decrypt(with, which_surface()), errc::internal_error, "DecryptMessage"));
        EXPECT_TRUE(all_zero(with.sealed_one.data));
        EXPECT_TRUE(all_zero(with.sealed_one.token));
    }
}

} // namespace
