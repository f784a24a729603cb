// SPDX-License-Identifier: MIT
//
// The context as an object: its handle, its sizes, its costs, and its use by two threads.
#include <sspan/security_context.hpp>

#include "adopt.hpp"
#include "allocation.hpp"
#include "conversation.hpp"
#include "fixture.hpp"
#include "message_queue.hpp"
#include "messages.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::context_flags;
using sspan::errc;

static_assert(!std::is_copy_constructible_v<sspan::security_context>);
static_assert(!std::is_copy_assignable_v<sspan::security_context>);
static_assert(std::is_nothrow_default_constructible_v<sspan::security_context>);
static_assert(std::is_nothrow_move_constructible_v<sspan::security_context>);
// Otherwise a server's context could become a client's.
static_assert(!std::is_move_assignable_v<sspan::security_context>);
static_assert(std::is_nothrow_move_assignable_v<sspan::client_context>);
static_assert(std::is_nothrow_move_assignable_v<sspan::server_context>);
static_assert(!std::is_assignable_v<sspan::client_context&, sspan::server_context>);
static_assert(!std::is_constructible_v<sspan::server_context, sspan::client_context>);
static_assert(!std::is_constructible_v<sspan::server_context, sspan::security_context>);

constexpr std::array message_functions{function::make_signature, function::verify_signature, function::encrypt_message,
                                       function::decrypt_message};

std::size_t message_call_count() {
    std::size_t sum = 0;
    for (const auto which : message_functions) {
        sum += calls(which);
    }
    return sum;
}

/// Expects that every use of `context` fails with invalid_handle, on both surfaces, and reaches no package.
void expect_unusable(sspan::security_context& context) {
    auto data = numbered(20);
    bytes token(100, std::byte{0xEE});
    bytes padding(20, std::byte{0xEE});
    const auto before = message_call_count();
    for (const auto form : surfaces) {
        EXPECT_TRUE(failed_with(
            outcome_of(form, [&](auto&... ec) { EXPECT_TRUE(context.sign(data, token, {}, ec...).empty()); }),
            errc::invalid_handle, "MakeSignature"));
        EXPECT_TRUE(
            failed_with(outcome_of(
                            form, [&](std::error_code& ec) { EXPECT_FALSE(context.verify(data, token, {}, ec)); },
                            [&] { context.verify(data, token); }),
                        errc::invalid_handle, "VerifySignature"));
        EXPECT_TRUE(failed_with(
            outcome_of(
                form,
                [&](auto&... ec) {
                    EXPECT_TRUE(
                        context.encrypt({.token = token, .data = data, .padding = padding}, {}, ec...).data.empty());
                }),
            errc::invalid_handle, "EncryptMessage"));
        EXPECT_TRUE(failed_with(
            outcome_of(form,
                       [&](auto&... ec) {
                           EXPECT_TRUE(context.decrypt({.token = token, .data = data}, {}, ec...).data.empty());
                       }),
            errc::invalid_handle, "DecryptMessage"));
    }
    EXPECT_FALSE(context);
    EXPECT_EQ(context.native_handle().dwLower, 0U);
    EXPECT_EQ(context.native_handle().dwUpper, 0U);
    EXPECT_EQ(message_call_count(), before);
    EXPECT_EQ(data, numbered(20));
    EXPECT_EQ(token, bytes(100, std::byte{0xEE}));
    EXPECT_EQ(padding, bytes(20, std::byte{0xEE}));
}

void expect_working(established& pair) {
    verify(pair.server, sign(pair.client, numbered(10)));
    EXPECT_EQ(decrypt(pair.client, encrypt(pair.server, numbered(10))), numbered(10));
}

class security_context_object : public profile_test {};
INSTANTIATE_TEST_SUITE_P(each, security_context_object, each_profile(), name_of{});

TEST_P(security_context_object, trap_zeroed_handle_never_reaches_the_package) {
    sspan::client_context zero;
    expect_unusable(zero);
    EXPECT_EQ(zero.granted(), context_flags::none);
    EXPECT_EQ(calls(function::delete_security_context), 0U);
}

TEST_P(security_context_object, moved_from_is_the_zero_state) {
    auto pair = establish(GetParam());
    sspan::client_context moved = std::move(pair.client);
    expect_unusable(pair.client);
    pair.client = std::move(moved);
    expect_unusable(moved);
    expect_working(pair);
}

TEST_P(security_context_object, move_keeps_sizes_and_granted_flags) {
    auto pair = establish(GetParam());
    const auto sizes = pair.client.sizes();
    const auto granted = pair.client.granted();
    const auto handle = pair.client.native_handle();
    const sspan::security_context moved{std::move(pair.client)};
    EXPECT_EQ(moved.sizes().max_token, sizes.max_token);
    EXPECT_EQ(moved.sizes().max_signature, sizes.max_signature);
    EXPECT_EQ(moved.sizes().block_size, sizes.block_size);
    EXPECT_EQ(moved.sizes().security_trailer, sizes.security_trailer);
    EXPECT_EQ(moved.granted(), granted);
    EXPECT_EQ(moved.native_handle().dwLower, handle.dwLower);
    EXPECT_EQ(moved.native_handle().dwUpper, handle.dwUpper);
    EXPECT_EQ(pair.client.granted(), context_flags::none);
    EXPECT_EQ(pair.client.sizes().max_signature, 0U);
    EXPECT_EQ(pair.client.expiry(), std::nullopt);
}

TEST_P(security_context_object, misuse_07_is_deleted_once) {
    {
        auto pair = establish(GetParam());
        sspan::client_context moved = std::move(pair.client);
        pair.client = std::move(moved);
        EXPECT_EQ(calls(function::delete_security_context), 0U);
    }
    EXPECT_EQ(calls(function::delete_security_context), 2U);
}

TEST_P(security_context_object, move_assignment_deletes_what_was_there) {
    auto pair = establish(GetParam());
    auto other = establish(GetParam());
    pair.client = std::move(other.client);
    EXPECT_EQ(loopback::live().contexts, 3U);
    EXPECT_TRUE(pair.client);
    pair.client = sspan::client_context{};
    EXPECT_EQ(loopback::live().contexts, 2U);
}

TEST_P(security_context_object, move_to_itself_changes_nothing) {
    auto pair = establish(GetParam());
    auto& same = pair.client;
    pair.client = std::move(same);
    expect_working(pair);
}

TEST_P(security_context_object, release_gives_the_handle_away) {
    auto pair = establish(GetParam());
    const auto lent = pair.client.native_handle();
    auto handle = pair.client.release();
    EXPECT_EQ(handle.dwLower, lent.dwLower);
    EXPECT_EQ(handle.dwUpper, lent.dwUpper);
    expect_unusable(pair.client);
    pair.client = {};
    EXPECT_EQ(loopback::live().contexts, 2U);
    EXPECT_EQ(sspan::detail::api::delete_security_context(&handle), SEC_E_OK);
}

TEST_P(security_context_object, adopt_takes_a_handle) {
    for (const auto form : surfaces) {
        auto pair = establish(GetParam());
        const auto granted = pair.client.granted();
        const auto sizes = pair.client.sizes();
        const auto expiry = pair.client.expiry();
        const auto handle = pair.client.release();
        const auto result = adopt(form, handle, granted, pair.client);
        EXPECT_TRUE(succeeded(result));
        EXPECT_EQ(pair.client.granted(), granted);
        EXPECT_EQ(pair.client.sizes().max_signature, sizes.max_signature);
        EXPECT_EQ(pair.client.sizes().security_trailer, sizes.security_trailer);
        EXPECT_TRUE(expiry.has_value());
        EXPECT_EQ(pair.client.expiry(), expiry);
        expect_working(pair);
    }
}

TEST_P(security_context_object, adopt_does_not_insist_on_the_expiry) {
    auto pair = establish(GetParam());
    loopback::configure().unsupported_attributes.push_back(SECPKG_ATTR_LIFESPAN);
    const auto granted = pair.client.granted();
    pair.client = sspan::client_context::adopt(pair.client.release(), granted);
    EXPECT_EQ(pair.client.expiry(), std::nullopt);
    expect_working(pair);
}

TEST_P(security_context_object, lack_of_memory_for_an_adopted_handle_deletes_the_context) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    for (const auto form : surfaces) {
        auto pair = establish(GetParam());
        const auto granted = pair.client.granted();
        const auto handle = pair.client.release();
        allocation::fail_at(1);
        const auto result = adopt(form, handle, granted, pair.client);
        allocation::fail_at(0);
        EXPECT_EQ(result.code, errc::insufficient_memory);
        EXPECT_FALSE(pair.client);
        EXPECT_EQ(loopback::live().contexts, 1U);
    }
}

TEST_P(security_context_object, adopt_of_no_handle_is_invalid_without_a_call) {
    constexpr auto ones = ~ULONG_PTR{0};
    for (const auto form : surfaces) {
        for (const CtxtHandle handle : {CtxtHandle{0, 0}, CtxtHandle{ones, ones}}) {
            sspan::client_context adopted;
            const auto result = adopt(form, handle, context_flags::integrity, adopted);
            EXPECT_FALSE(adopted);
            EXPECT_TRUE(failed_with(result, errc::invalid_handle, "QueryContextAttributes"));
        }
    }
    EXPECT_EQ(calls(function::query_context_attributes), 0U);
    EXPECT_EQ(calls(function::delete_security_context), 0U);
}

TEST_P(security_context_object, misuse_06_adopt_that_cannot_learn_the_sizes_deletes_the_context) {
    for (const auto form : surfaces) {
        auto pair = establish(GetParam());
        const auto handle = pair.client.release();
        loopback::fail_at(function::query_context_attributes, 1, SEC_E_UNSUPPORTED_FUNCTION);
        const auto result = adopt(form, handle, context_flags::integrity, pair.client);
        EXPECT_FALSE(pair.client);
        EXPECT_TRUE(failed_with(result, errc::unsupported_function, "QueryContextAttributes"));
        EXPECT_EQ(loopback::live().contexts, 1U);
    }
}

TEST_P(security_context_object, adopted_with_less_does_less) {
    auto pair = establish(GetParam());
    pair.client = sspan::client_context::adopt(pair.client.release(), context_flags::none);
    bytes data = numbered(10);
    bytes token(100);
    bytes padding(20);
    std::error_code ec;
    static_cast<void>(pair.client.sign(data, token, {}, ec));
    EXPECT_EQ(ec, errc::qop_not_supported);
    EXPECT_FALSE(pair.client.verify(data, token, {}, ec));
    EXPECT_EQ(ec, errc::qop_not_supported);
    static_cast<void>(pair.client.encrypt({.token = token, .data = data, .padding = padding}, {}, ec));
    EXPECT_EQ(ec, errc::qop_not_supported);
    static_cast<void>(pair.client.decrypt({.token = token, .data = data}, {}, ec));
    EXPECT_EQ(ec, errc::qop_not_supported);
    EXPECT_EQ(message_call_count(), 0U);
    EXPECT_EQ(data, numbered(10));
}

TEST_P(security_context_object, sizes_are_the_packages) {
    auto& settings = GetParam().settings();
    settings.max_token = 50'001;
    settings.max_signature = 33;
    settings.security_trailer = 71;
    settings.block_size = 5;
    const auto pair = establish(GetParam());
    EXPECT_EQ(pair.client.sizes().max_token, 50'001U);
    EXPECT_EQ(pair.client.sizes().max_signature, 33U);
    EXPECT_EQ(pair.client.sizes().security_trailer, 71U);
    EXPECT_EQ(pair.client.sizes().block_size, 5U);
    EXPECT_EQ(pair.server.sizes().security_trailer, 71U);
}

TEST_P(security_context_object, without_a_trailer_nothing_is_encrypted) {
    GetParam().settings().security_trailer = 0;
    auto pair = establish(GetParam());
    auto data = numbered(10);
    bytes token(100);
    bytes padding(20);
    std::error_code ec;
    EXPECT_TRUE(pair.client.encrypt({.token = token, .data = data, .padding = padding}, {}, ec).data.empty());
    EXPECT_EQ(ec, errc::qop_not_supported);
    EXPECT_EQ(calls(function::encrypt_message), 0U);
    EXPECT_EQ(data, numbered(10));
}

TEST_P(security_context_object, sizes_and_package_are_queried_once_and_never_for_a_message) {
    auto pair = establish(GetParam().package, without_mutual_auth());
    EXPECT_EQ(calls(function::query_context_attributes), 4U); // the sizes and the package of each side
    for (int i = 0; i != 100; ++i) {
        expect_working(pair);
    }
    auto moved = std::move(pair.client);
    pair.client = std::move(moved);
    EXPECT_EQ(calls(function::query_context_attributes), 4U);
}

TEST_P(security_context_object, messages_allocate_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    auto pair = establish(GetParam());
    auto data = numbered(300);
    bytes signature(pair.client.sizes().max_signature);
    bytes token(pair.client.sizes().security_trailer);
    bytes padding(pair.client.sizes().block_size);
    bytes received(data.size() + padding.size());
    const auto exchange_once = [&] {
        std::error_code ec;
        const auto written = pair.client.sign(data, signature, {}, ec);
        const bool right = pair.server.verify(data, written, {}, ec);
        const auto parts = pair.client.encrypt({.token = token, .data = data, .padding = padding}, {}, ec);
        std::ranges::copy(parts.data, received.begin());
        std::ranges::copy(parts.padding, received.begin() + static_cast<std::ptrdiff_t>(parts.data.size()));
        const auto opened = pair.server.decrypt(
            {.token = parts.token, .data = std::span{received}.first(parts.data.size() + parts.padding.size())}, {},
            ec);
        std::ranges::copy(opened.data, data.begin());
        return right && !ec && opened.data.size() == data.size();
    };
    ASSERT_TRUE(exchange_once()); // the first exchange initializes the error category and the package
    bool all_right = true;
    const auto before = allocation::count();
    for (int i = 0; i != 1000; ++i) {
        all_right = exchange_once() && all_right;
    }
    const auto after = allocation::count();
    EXPECT_TRUE(all_right);
    EXPECT_EQ(after - before, 0U);
    EXPECT_EQ(data, numbered(300));
}

TEST_P(security_context_object, refused_messages_allocate_nothing_on_the_error_code_surface) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    auto pair = establish(GetParam());
    auto data = numbered(300);
    bytes signature(pair.client.sizes().max_signature);
    std::error_code ec;
    static_cast<void>(pair.server.verify(data, signature, {}, ec));
    bool refused = true;
    const auto before = allocation::count();
    for (int i = 0; i != 1000; ++i) {
        refused = !pair.server.verify(data, signature, {}, ec) && refused;
        refused = pair.server.decrypt({.token = signature, .data = data}, {}, ec).data.empty() && refused;
        refused = pair.client.sign(data, data, {}, ec).empty() && refused;
    }
    const auto after = allocation::count();
    EXPECT_TRUE(refused);
    EXPECT_EQ(after - before, 0U);
}

// Threads: on each context, one thread sends while another receives.

using wire = message_queue<sealed_message>;

TEST_P(security_context_object, one_thread_sends_while_another_receives) {
    constexpr std::size_t count = 2000;
    auto pair = establish(GetParam());
    wire to_server;
    wire to_client;
    std::atomic<std::size_t> right{0};
    const auto send_all = [](sspan::security_context& sender, wire& over) {
        for (std::size_t i = 0; i != count; ++i) {
            if (i % 2 == 0) {
                over.send(encrypt(sender, numbered(i % 97)));
            } else {
                auto [data, signature] = sign(sender, numbered(i % 97));
                over.send({std::move(data), std::move(signature)});
            }
        }
    };
    const auto receive_all = [&right](sspan::security_context& receiver, wire& over) {
        for (std::size_t i = 0; i != count; ++i) {
            auto message = over.receive();
            std::error_code ec;
            if (i % 2 == 0) {
                right += copy_of(receiver.decrypt({.token = message.token, .data = message.data}, {}, ec).data) ==
                                 numbered(i % 97)
                             ? 1U
                             : 0U;
            } else {
                right += receiver.verify(message.data, message.token, {}, ec) ? 1U : 0U;
            }
        }
    };
    {
        std::thread client_sends{[&] { send_all(pair.client, to_server); }};
        std::thread server_receives{[&] { receive_all(pair.server, to_server); }};
        std::thread server_sends{[&] { send_all(pair.server, to_client); }};
        std::thread client_receives{[&] { receive_all(pair.client, to_client); }};
        client_sends.join();
        server_receives.join();
        server_sends.join();
        client_receives.join();
    }
    EXPECT_EQ(right, 2 * count);
}

} // namespace
