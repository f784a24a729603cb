// SPDX-License-Identifier: MIT
#include <sspan/os/substitute.hpp>

#include <sspan/identity.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace {

using sspan::identity;
using sspan::detail::has_bindings;
using sspan::detail::has_package_list;
using sspan::detail::message_parts;
using sspan::detail::one_buffer;
using sspan::detail::os_string;

/// Returns true if the substitute sees a list of packages.
bool is_seen(const identity* who, const os_string& packages) {
    bool seen = false;
    const auto status = sspan::detail::auth_data::with(who, packages, [&seen](const void* auth_data) {
        seen = has_package_list(auth_data);
        return SEC_E_OK;
    });
    return status == SEC_E_OK && seen;
}

TEST(substitute, sees_a_list_of_packages_whoever_logs_on) {
    os_string list;
    ASSERT_TRUE(sspan::detail::to_os(L"!ntlm", list));
    const identity who{L"alice", L"LOOPBACK", L"correct horse"};
    EXPECT_TRUE(is_seen(&who, list));
    EXPECT_TRUE(is_seen(nullptr, list));
    EXPECT_FALSE(is_seen(&who, {}));
    EXPECT_FALSE(is_seen(nullptr, {}));
}

using bytes = std::vector<std::byte>;

bytes bytes_of(std::string_view text) {
    const auto all = std::as_bytes(std::span{text});
    return {all.begin(), all.end()};
}

TEST(substitute, sees_bindings_among_the_input_of_a_step) {
    const auto token = bytes_of("token");
    std::array buffers{one_buffer(SECBUFFER_TOKEN, token), one_buffer(SECBUFFER_CHANNEL_BINDINGS, {})};
    SecBufferDesc input{SECBUFFER_VERSION, 1, buffers.data()};
    EXPECT_FALSE(has_bindings(nullptr));
    EXPECT_FALSE(has_bindings(&input));
    input.cBuffers = 2;
    EXPECT_TRUE(has_bindings(&input));
}

TEST(substitute, sorts_the_buffers_of_a_message) {
    auto header = bytes_of("head"), token = bytes_of("token"), first = bytes_of("one"), padding = bytes_of("padding");
    std::array buffers{one_buffer(SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, header),
                       one_buffer(SECBUFFER_TOKEN, token), one_buffer(SECBUFFER_DATA, first),
                       one_buffer(SECBUFFER_PADDING, padding), one_buffer(SECBUFFER_DATA | SECBUFFER_READONLY, header)};
    message_parts parts{{SECBUFFER_VERSION, buffers.size(), buffers.data()}};
    EXPECT_EQ(parts.token, &buffers[1]);
    EXPECT_EQ(parts.data, &buffers[2]);
    EXPECT_EQ(parts.stream, nullptr);
    EXPECT_TRUE(parts.has_header);
    EXPECT_EQ(buffers[3].cbBuffer, 0U) << "the package never pads";
    EXPECT_TRUE(parts.gather());
    EXPECT_EQ(parts.piece().data(), first.data()) << "a single part is not copied";
    EXPECT_EQ(parts.piece().size(), first.size());
}

TEST(substitute, takes_a_stream_and_no_data) {
    auto wire = bytes_of("wire");
    std::array buffers{one_buffer(SECBUFFER_STREAM, wire)};
    message_parts parts{{SECBUFFER_VERSION, buffers.size(), buffers.data()}};
    EXPECT_EQ(parts.stream, buffers.data());
    EXPECT_FALSE(parts.has_header);
    EXPECT_TRUE(parts.gather());
    EXPECT_TRUE(parts.piece().empty());
}

TEST(substitute, gathers_parts_in_order_and_puts_back_what_was_made_of_them) {
    auto first = bytes_of("abc"), second = bytes_of("de"), header = bytes_of("head");
    std::array buffers{one_buffer(SECBUFFER_DATA, first), one_buffer(SECBUFFER_DATA, {}),
                       one_buffer(SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, header),
                       one_buffer(SECBUFFER_DATA, second)};
    message_parts parts{{SECBUFFER_VERSION, buffers.size(), buffers.data()}};
    ASSERT_TRUE(parts.gather());
    const auto piece = parts.piece();
    EXPECT_EQ(bytes(piece.begin(), piece.end()), bytes_of("abcde"));
    for (auto& each : piece) {
        each = static_cast<std::byte>(std::to_integer<int>(each) - 0x20); // upper case
    }
    parts.scatter();
    EXPECT_EQ(first, bytes_of("ABC"));
    EXPECT_EQ(second, bytes_of("DE"));
    EXPECT_EQ(header, bytes_of("head"));
}

} // namespace
