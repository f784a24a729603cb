// SPDX-License-Identifier: MIT
//
// The frame as an object, and wrap and unwrap, which use it.
#include <sspan/message_frame.hpp>

#include "allocation.hpp"
#include "messages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;
using sspan::message_frame;
using sspan::quality_of_protection;

static_assert(!std::is_copy_constructible_v<message_frame>);
static_assert(std::is_nothrow_move_constructible_v<message_frame>);
static_assert(std::is_nothrow_move_assignable_v<message_frame>);

constexpr sspan::context_sizes some_sizes{100, 28, 8, 60};
constexpr const char* protect = "EncryptMessage";
constexpr const char* unprotect = "DecryptMessage";

TEST(message_frame, has_room_for_the_payload_and_more) {
    message_frame frame{some_sizes, 100};
    EXPECT_EQ(frame.payload().size(), 100U);
    message_frame moved{std::move(frame)};
    EXPECT_TRUE(frame.payload().empty());
    EXPECT_EQ(moved.payload().size(), 100U);
    EXPECT_THROW((message_frame{some_sizes, std::size_t{1} << 31}), std::length_error);
    EXPECT_THROW((message_frame{some_sizes, std::numeric_limits<std::size_t>::max()}), std::length_error);
}

TEST(message_frame, bound_of_a_message_counts_what_the_package_adds) {
    EXPECT_EQ(sspan::max_wrapped_size(some_sizes, 100), 100U + 60U + 8U);
    EXPECT_EQ(sspan::max_wrapped_size({100, 28, 0, 60}, 0), 60U);
    EXPECT_EQ(sspan::max_wrapped_size({100, 28, 0, 60}, 0x7FFFFFFFU - 60U), 0x7FFFFFFFU);
    EXPECT_THROW(static_cast<void>(sspan::max_wrapped_size({100, 28, 0, 60}, 0x7FFFFFFFU - 59U)), std::length_error);
    EXPECT_THROW(static_cast<void>(sspan::max_wrapped_size({100, 28, 0, 0xFFFFFFF0U}, 0x20)), std::length_error);
    EXPECT_THROW((message_frame{{100, 28, 0xFFFFFFFFU, 60}, 1}), std::length_error);
}

TEST(message_frame, largest_payload_is_the_inverse_of_the_bound) {
    std::minstd_rand random{7};
    const auto up_to = [&random](std::uint32_t most) {
        return std::uniform_int_distribution<std::uint32_t>{0, most}(random);
    };
    for (int i = 0; i != 20'000; ++i) {
        const sspan::context_sizes sizes{0, 0, up_to(64), up_to(200)};
        const std::size_t limit = i % 2 == 0 ? up_to(600) : 0x7FFFFF00U + up_to(0x200);
        const auto most = sspan::max_payload(sizes, limit);
        const auto overhead = sspan::max_wrapped_size(sizes, 0);
        if (overhead > limit) {
            EXPECT_EQ(most, 0U);
            continue;
        }
        EXPECT_LE(sspan::max_wrapped_size(sizes, most), limit);
        if (overhead + most == 0x7FFFFFFFU) {
            EXPECT_THROW(static_cast<void>(sspan::max_wrapped_size(sizes, most + 1)), std::length_error);
        } else {
            EXPECT_EQ(sspan::max_wrapped_size(sizes, most + 1), limit + 1);
        }
    }
    static_assert(sspan::max_payload(some_sizes, 68) == 0);
    static_assert(sspan::max_payload(some_sizes, 69) == 1);
    EXPECT_EQ(sspan::max_payload({0, 0, 0xFFFFFFFFU, 0xFFFFFFFFU}, std::numeric_limits<std::size_t>::max()), 0U);
}

TEST(message_frame, assign_copies_a_payload_that_fits) {
    message_frame frame{some_sizes, 4};
    std::error_code ec;
    EXPECT_EQ(frame.assign("text", ec), 4U);
    EXPECT_FALSE(ec);
    EXPECT_TRUE(std::ranges::equal(frame.payload(), std::as_bytes(std::span{"text"}).first(4)));
    EXPECT_EQ(frame.assign("a"), 1U);
    EXPECT_EQ(frame.assign("longer", ec), 0U);
    EXPECT_EQ(ec, errc::buffer_too_small);
    EXPECT_THROW(static_cast<void>(frame.assign("longer")), sspan::error);
    EXPECT_EQ(frame.payload()[0], std::byte{'a'}) << "a failed assign copies nothing";
    EXPECT_EQ(frame.assign({}), 0U);
    const auto moved = std::move(frame);
    EXPECT_EQ(frame.assign("a", ec), 0U);
    EXPECT_EQ(ec, errc::invalid_handle);
}

TEST(message_frame, assign_copies_a_part_of_the_same_frame) {
    message_frame frame{some_sizes, 10};
    static_cast<void>(frame.assign("0123456789"));
    EXPECT_EQ(frame.assign(frame.payload().first(8)), 8U);
    EXPECT_EQ(frame.assign(frame.payload().subspan(2)), 8U);
    EXPECT_TRUE(std::ranges::equal(frame.payload(), std::as_bytes(std::span{"2345678989"}).first(10)));
}

TEST(message_frame, room_in_front_counts) {
    message_frame frame{some_sizes, 100, {.front = 4}};
    EXPECT_EQ(frame.payload().size(), 100U);
    EXPECT_THROW((message_frame{some_sizes, 100, {.front = 0x7FFFFFFFU - 167U}}), std::length_error);
    EXPECT_THROW((message_frame{some_sizes, 100, {.front = std::numeric_limits<std::size_t>::max()}}),
                 std::length_error);
}

class message_frame_secrets : public loopback_test {};

TEST_F(message_frame_secrets, every_byte_is_wiped_before_it_is_freed) {
    {
        message_frame frame{some_sizes, 100};
        frame = message_frame{some_sizes, 200};
        EXPECT_GE(loopback::wiped_bytes(), 168U);
    }
    EXPECT_GE(loopback::wiped_bytes(), 168U + 268U);
}

class wrapping : public surface_test {
protected:
    void SetUp() override {
        surface_test::SetUp();
        which_profile().settings().padding = which_profile().settings().block_size / 2;
    }
    static outcome wrap(sspan::security_context& sender, message_frame& frame, std::size_t size,
                        std::span<const std::byte>& wire, const sspan::protect_options& options = {}) {
        return outcome_of(which_surface(), [&](auto&... ec) { wire = sender.wrap(frame, size, options, ec...); });
    }
    static outcome unwrap(sspan::security_context& receiver, std::span<std::byte> wire,
                          sspan::decrypted_message& message, const sspan::accept_options& options = {}) {
        return outcome_of(which_surface(), [&](auto&... ec) { message = receiver.unwrap(wire, options, ec...); });
    }
    static message_frame filled(const sspan::security_context& context, const bytes& message) {
        message_frame frame{context.sizes(), message.size()};
        std::ranges::copy(message, frame.payload().begin());
        return frame;
    }
    /// Returns a wrapped message as the peer receives it.
    static bytes wrapped(sspan::security_context& sender, const bytes& message,
                         const sspan::protect_options& options = {}) {
        auto frame = filled(sender, message);
        return copy_of(sender.wrap(frame, message.size(), options));
    }
    static bytes unwrapped(sspan::security_context& receiver, bytes wire) {
        return copy_of(receiver.unwrap(wire).data);
    }
    /// Returns the type of the first buffer of the last DecryptMessage.
    static unsigned form() { return loopback::last_buffers(function::decrypt_message).at(0).type; }
};
INSTANTIATE_TEST_SUITE_P(each, wrapping, each_profile_and_surface(), name_of{});

TEST_P(wrapping, round_trip_of_every_size_both_ways_in_one_frame) {
    auto pair = establish(which_profile());
    message_frame frame{pair.client.sizes(), message_sizes.back()};
    for (const auto size : message_sizes) {
        for (auto* sender : std::initializer_list<sspan::security_context*>{&pair.client, &pair.server}) {
            sspan::security_context& receiver =
                sender == &pair.client ? static_cast<sspan::security_context&>(pair.server) : pair.client;
            const auto message = numbered(size);
            std::ranges::copy(message, frame.payload().begin());
            std::span<const std::byte> wire;
            ASSERT_TRUE(succeeded(wrap(*sender, frame, size, wire)));
            auto received = copy_of(wire);
            sspan::decrypted_message opened;
            ASSERT_TRUE(succeeded(unwrap(receiver, received, opened)));
            EXPECT_EQ(copy_of(opened.data), message);
            EXPECT_EQ(opened.quality, quality_of_protection::encrypted);
        }
    }
}

TEST_P(wrapping, message_is_token_data_and_padding_and_nothing_was_copied) {
    auto pair = establish(which_profile());
    const auto message = numbered(100);
    auto frame = filled(pair.client, message);
    std::span<const std::byte> wire;
    ASSERT_TRUE(succeeded(wrap(pair.client, frame, message.size(), wire)));
    const auto token = pair.client.sizes().security_trailer;
    EXPECT_EQ(wire.size(), token + message.size() + which_profile().settings().padding);
    EXPECT_EQ(wire.data() + token, frame.payload().data());
    EXPECT_NE(copy_of(wire.subspan(token, message.size())), message);

    auto received = copy_of(wire);
    const auto data =
        pair.server.decrypt({.token = std::span{received}.first(token), .data = std::span{received}.subspan(token)})
            .data;
    EXPECT_EQ(copy_of(data), message);
}

TEST_P(wrapping, misuse_04_token_shorter_than_the_trailer_moves_up_to_the_data) {
    which_profile().settings().token_shortfall = 13;
    auto pair = establish(which_profile());
    const bool ntlm = which_profile().package == sspan::package::ntlm; // NTLM's tokens always have 16 bytes
    const auto message = numbered(100);
    auto frame = filled(pair.client, message);
    const auto wire = pair.client.wrap(frame, message.size());
    EXPECT_EQ(wire.size(), pair.client.sizes().security_trailer - (ntlm ? 0U : 13U) + message.size() +
                               which_profile().settings().padding);
    EXPECT_EQ(unwrapped(pair.server, copy_of(wire)), message);
}

TEST_P(wrapping, form_is_a_stream_but_for_ntlm) {
    auto pair = establish(which_profile());
    const auto expected = which_profile().package == sspan::package::ntlm ? SECBUFFER_TOKEN : SECBUFFER_STREAM;
    for (std::size_t i = 1; i != 4; ++i) {
        EXPECT_EQ(unwrapped(pair.server, wrapped(pair.client, numbered(i))), numbered(i));
        EXPECT_EQ(form(), static_cast<unsigned>(expected));
        EXPECT_EQ(calls(function::decrypt_message), i);
    }
}

// The package may have decrypted the refused message.
TEST_P(wrapping, package_that_refuses_a_stream_is_not_asked_again) {
    which_profile().settings().stream = false;
    auto pair = establish(which_profile());
    auto wire = wrapped(pair.client, numbered(10));
    sspan::decrypted_message opened;
    const auto result = unwrap(pair.server, wire, opened);
    EXPECT_TRUE(which_profile().package == sspan::package::ntlm ? succeeded(result)
                                                                : failed_with(result, errc::invalid_token, unprotect));
    EXPECT_EQ(calls(function::decrypt_message), 1U);
}

TEST_P(wrapping, each_flipped_bit_is_refused_and_leaves_zeros) {
    const auto size = [] {
        auto pair = establish(which_profile());
        return wrapped(pair.client, numbered(5)).size();
    }();
    for (std::size_t bit = 0; bit != size * 8; ++bit) {
        auto pair = establish(which_profile());
        auto wire = wrapped(pair.client, numbered(5));
        flip(wire, bit);
        sspan::decrypted_message opened;
        EXPECT_TRUE(tells_of_tampering(unwrap(pair.server, wire, opened).code)) << bit;
        EXPECT_TRUE(all_zero(wire));
        EXPECT_EQ(opened.data.data(), nullptr);
    }
}

TEST_P(wrapping, other_lengths_and_garbage_are_refused) {
    const auto complete = [] {
        auto pair = establish(which_profile());
        return wrapped(pair.client, numbered(5)).size();
    }();
    for (std::size_t length = 1; length != complete + 10; ++length) {
        if (length == complete) {
            continue;
        }
        auto pair = establish(which_profile());
        auto wire = wrapped(pair.client, numbered(5));
        wire.resize(length);
        sspan::decrypted_message opened;
        EXPECT_TRUE(tells_of_tampering(unwrap(pair.server, wire, opened).code)) << length;
        auto garbage = numbered(length);
        const auto before = calls(function::decrypt_message);
        EXPECT_TRUE(unwrap(pair.server, garbage, opened).code) << length;
        const bool was_called = calls(function::decrypt_message) != before;
        EXPECT_TRUE(was_called ? all_zero(garbage) : garbage == numbered(length)) << length;
        // The form of NTLM's messages is known beforehand.
        const bool is_ntlm = which_profile().package == sspan::package::ntlm;
        EXPECT_EQ(was_called, !is_ntlm || length >= pair.server.sizes().security_trailer) << length;
    }
}

TEST_P(wrapping, empty_message_in_one_piece_is_invalid_without_a_call) {
    auto pair = establish(which_profile());
    sspan::decrypted_message opened;
    EXPECT_TRUE(failed_with(unwrap(pair.server, {}, opened), errc::invalid_token, unprotect));
    EXPECT_EQ(calls(function::decrypt_message), 0U);
}

TEST_P(wrapping, replayed_message_is_refused) {
    auto pair = establish(which_profile());
    const auto wire = wrapped(pair.client, numbered(5));
    EXPECT_EQ(unwrapped(pair.server, wire), numbered(5));
    auto again = wire;
    sspan::decrypted_message opened;
    EXPECT_TRUE(tells_of_tampering(unwrap(pair.server, again, opened).code));
}

TEST_P(wrapping, trap_message_that_was_merely_signed_is_refused_unless_it_is_asked_for) {
    if (which_profile().package == sspan::package::ntlm) {
        return; // NTLM always encrypts
    }
    auto pair = establish(which_profile());
    const sspan::protect_options integrity_only{quality_of_protection::integrity_only, 0};
    auto wire = wrapped(pair.client, numbered(5), integrity_only);
    constexpr std::size_t token = 16 + 12; // header and checksum: shorter than the token of a sealed message
    EXPECT_EQ(wire.size(), token + 5);
    EXPECT_EQ(copy_of(std::span{wire}.subspan(token, 5)), numbered(5)) << "the data is not encrypted";
    sspan::decrypted_message opened;
    EXPECT_TRUE(failed_with(unwrap(pair.server, wire, opened), errc::qop_not_supported, unprotect));
    EXPECT_TRUE(all_zero(wire));
    wire = wrapped(pair.client, numbered(6), integrity_only);
    sspan::accept_options both;
    both.minimum = sspan::minimum_protection::integrity_only;
    ASSERT_TRUE(succeeded(unwrap(pair.server, wire, opened, both)));
    EXPECT_EQ(opened.quality, quality_of_protection::integrity_only);
    EXPECT_EQ(copy_of(opened.data), numbered(6));
}

TEST_P(wrapping, payload_that_the_frame_does_not_hold_is_refused_untouched) {
    auto pair = establish(which_profile());
    const auto message = numbered(10);
    auto frame = filled(pair.client, message);
    std::span<const std::byte> wire;
    EXPECT_TRUE(failed_with(wrap(pair.client, frame, 11, wire), errc::buffer_too_small, protect));
    EXPECT_EQ(copy_of(frame.payload()), message);
    EXPECT_EQ(calls(function::encrypt_message), 0U);
}

TEST_P(wrapping, frame_for_a_context_that_pads_less_is_refused) {
    const auto less = establish(which_profile()).client.sizes();
    which_profile().settings().block_size += 8;
    auto other = establish(which_profile());
    message_frame frame{less, 10};
    std::ranges::copy(numbered(10), frame.payload().begin());
    std::span<const std::byte> wire;
    EXPECT_TRUE(failed_with(wrap(other.client, frame, 10, wire), errc::buffer_too_small, protect));
    EXPECT_EQ(copy_of(frame.payload()), numbered(10));
    EXPECT_EQ(calls(function::encrypt_message), 0U);
}

TEST_P(wrapping, frame_for_a_context_with_smaller_sizes_is_refused) {
    auto pair = establish(which_profile());
    auto sizes = pair.client.sizes();
    sizes.security_trailer = 0;
    which_profile().settings().security_trailer += 100;
    auto other = establish(which_profile());
    message_frame frame{sizes, 10};
    std::ranges::copy(numbered(10), frame.payload().begin());
    std::span<const std::byte> wire;
    EXPECT_TRUE(failed_with(wrap(other.client, frame, 10, wire), errc::buffer_too_small, protect));
    EXPECT_EQ(copy_of(frame.payload()), numbered(10));
    EXPECT_EQ(calls(function::encrypt_message), 0U);
}

TEST_P(wrapping, refused_message_can_be_wrapped_by_another_context) {
    auto pair = establish(which_profile());
    auto weak =
        sspan::client_context::adopt(establish(which_profile()).client.release(), sspan::context_flags::integrity);
    const auto message = numbered(10);
    auto frame = filled(pair.client, message);
    std::span<const std::byte> wire;
    EXPECT_TRUE(failed_with(wrap(weak, frame, 10, wire), errc::qop_not_supported, protect));
    EXPECT_EQ(calls(function::encrypt_message), 0U);
    EXPECT_EQ(unwrapped(pair.server, copy_of(pair.client.wrap(frame, 10))), message);
}

TEST_P(wrapping, prefix_and_message_are_one_range_of_the_frame) {
    which_profile().settings().token_shortfall = 3; // the token then moves up to the data
    auto pair = establish(which_profile());
    message_frame frame{pair.client.sizes(), 40, {.front = 4}};
    const auto prepend = [&frame](sspan::const_bytes prefix, std::span<const std::byte>& sent) {
        return outcome_of(which_surface(), [&](auto&... ec) { sent = frame.prepend(prefix, ec...); });
    };
    std::span<const std::byte> sent;
    EXPECT_TRUE(failed_with(prepend("1234", sent), errc::invalid_parameter, "sspan::message_frame::prepend"));
    for (const std::string_view prefix : {"1234", "12", ""}) {
        std::ranges::copy(numbered(40), frame.payload().begin());
        const auto wire = pair.client.wrap(frame, 40);
        ASSERT_TRUE(succeeded(prepend(prefix, sent)));
        EXPECT_EQ(sent.size(), prefix.size() + wire.size());
        EXPECT_EQ(sent.data() + prefix.size(), wire.data()) << "the message does not move";
        EXPECT_TRUE(std::ranges::equal(sent.first(prefix.size()), std::as_bytes(std::span{prefix})));
        EXPECT_EQ(unwrapped(pair.server, copy_of(sent.subspan(prefix.size()))), numbered(40));
    }
    EXPECT_TRUE(failed_with(prepend("12345", sent), errc::buffer_too_small, "sspan::message_frame::prepend"));
    std::error_code ec;
    loopback::fail_at(function::encrypt_message, 1, static_cast<SECURITY_STATUS>(errc::internal_error));
    EXPECT_TRUE(pair.client.wrap(frame, 40, {}, ec).empty());
    EXPECT_TRUE(failed_with(prepend("1234", sent), errc::invalid_parameter, "sspan::message_frame::prepend"))
        << "a failed wrap leaves no message";
    std::ranges::copy(numbered(40), frame.payload().begin());
    loopback::clear_faults();
    pair = establish(which_profile());
    static_cast<void>(pair.client.wrap(frame, 40));
    const auto moved = std::move(frame);
    EXPECT_TRUE(failed_with(prepend("1234", sent), errc::invalid_parameter, "sspan::message_frame::prepend"));
}

TEST_P(wrapping, trap_prefix_before_a_payload_that_is_not_wrapped) {
    auto pair = establish(which_profile());
    message_frame frame{pair.client.sizes(), 40, {.front = 4}};
    sspan::client_context zero;
    std::span<const std::byte> wire;
    const auto fill = [&] { std::ranges::copy(numbered(40), frame.payload().begin()); };
    const auto assign = [&] { EXPECT_EQ(frame.assign(numbered(40)), 40U); };
    const auto assign_too_much = [&] {
        std::error_code ec;
        EXPECT_EQ(frame.assign(numbered(41), ec), 0U);
    };
    const auto wrap_by_nobody = [&] {
        EXPECT_TRUE(failed_with(wrap(zero, frame, 10, wire), errc::invalid_handle, protect));
    };
    for (const auto& next : std::vector<std::function<void()>>{fill, assign, assign_too_much, wrap_by_nobody}) {
        static_cast<void>(pair.client.wrap(frame, frame.assign(numbered(40))));
        EXPECT_EQ(frame.prepend("1234").size(), 4 + frame.prepend("").size());
        next();
        std::error_code ec;
        EXPECT_TRUE(frame.prepend("1234", ec).empty());
        EXPECT_EQ(ec, errc::invalid_parameter);
    }
}

TEST_P(wrapping, zero_states_are_refused_before_any_call) {
    auto pair = establish(which_profile());
    sspan::client_context zero;
    auto frame = filled(pair.client, numbered(10));
    std::span<const std::byte> wire;
    EXPECT_TRUE(failed_with(wrap(zero, frame, 10, wire), errc::invalid_handle, protect));
    const auto taken = std::move(frame);
    EXPECT_TRUE(failed_with(wrap(pair.client, frame, 0, wire), errc::invalid_handle, protect));
    sspan::decrypted_message opened;
    auto received = numbered(100);
    EXPECT_TRUE(failed_with(unwrap(zero, received, opened), errc::invalid_handle, unprotect));
    EXPECT_EQ(received, numbered(100));
    EXPECT_EQ(calls(function::encrypt_message) + calls(function::decrypt_message), 0U);
}

TEST_P(wrapping, each_failure_of_each_call_arrives_and_leaves_zeros) {
    auto pair = establish(which_profile());
    for (const auto status : all_failures()) {
        auto frame = filled(pair.client, numbered(10));
        std::span<const std::byte> wire;
        loopback::fail_at(function::encrypt_message, 1, status);
        EXPECT_TRUE(failed_with(wrap(pair.client, frame, 10, wire), sspi_code(status), protect));
        EXPECT_TRUE(all_zero(frame.payload()));
        EXPECT_TRUE(wire.empty());
        auto received = numbered(100);
        sspan::decrypted_message opened;
        loopback::fail_from(function::decrypt_message, 1, status);
        EXPECT_TRUE(failed_with(unwrap(pair.server, received, opened), sspi_code(status), unprotect));
        EXPECT_TRUE(all_zero(received));
        loopback::clear_faults();
    }
    for (const auto status : all_informational()) {
        auto received = wrapped(pair.client, numbered(10));
        sspan::decrypted_message opened;
        loopback::return_after(function::decrypt_message, 1, status);
        EXPECT_TRUE(failed_with(unwrap(pair.server, received, opened), sspi_code(status), unprotect));
        EXPECT_TRUE(all_zero(received));
    }
}

TEST_P(wrapping, hostile_outputs_are_an_internal_error) {
    using enum loopback::hostile_output;
    for (const auto how : {token_size, token_pointer, data_size, data_pointer}) {
        auto pair = establish(which_profile());
        auto frame = filled(pair.client, numbered(10));
        std::span<const std::byte> wire;
        loopback::hostile_at(function::encrypt_message, 1, how);
        EXPECT_TRUE(failed_with(wrap(pair.client, frame, 10, wire), errc::internal_error, protect));
        EXPECT_TRUE(all_zero(frame.payload()));
    }
    for (const auto how : {data_size, data_pointer}) {
        which_profile().settings().padding = 0; // one more byte would be outside
        auto pair = establish(which_profile());
        auto received = wrapped(pair.client, numbered(10));
        sspan::decrypted_message opened;
        loopback::hostile_at(function::decrypt_message, 1, how);
        EXPECT_TRUE(failed_with(unwrap(pair.server, received, opened), errc::internal_error, unprotect));
        EXPECT_TRUE(all_zero(received));
    }
}

TEST_P(wrapping, allocates_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    auto pair = establish(which_profile());
    message_frame frame{pair.client.sizes(), 10};
    bytes received(200);
    const auto before = allocation::count();
    for (int i = 0; i != 10; ++i) {
        std::error_code ec;
        const auto wire = pair.client.wrap(frame, 10, {}, ec);
        std::ranges::copy(wire, received.begin());
        static_cast<void>(pair.server.unwrap(std::span{received}.first(wire.size()), {}, ec));
        ASSERT_FALSE(ec);
    }
    EXPECT_EQ(allocation::count(), before);
}

TEST_P(wrapping, copies_for_those_who_do_not_mind) {
    auto pair = establish(which_profile());
    const auto wire = pair.client.wrap_copy(numbered(10));
    const auto opened = pair.server.unwrap_copy(wire);
    EXPECT_EQ(opened.data, numbered(10));
    EXPECT_EQ(opened.quality, quality_of_protection::encrypted);
    EXPECT_THROW(static_cast<void>(pair.server.unwrap_copy(wire)), sspan::error);
    sspan::client_context zero;
    EXPECT_THROW(static_cast<void>(zero.wrap_copy(numbered(10))), sspan::error);
    EXPECT_THROW(static_cast<void>(zero.unwrap_copy(wire)), sspan::error);
}

} // namespace
