// SPDX-License-Identifier: MIT
#include <sspan/message_part.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace {

using sspan::message_part;
using sspan::detail::any_overlap;
using sspan::detail::buffer_list;
using sspan::detail::filled;
using sspan::detail::is_front;
using sspan::detail::is_part;
using sspan::detail::is_whole;
using sspan::detail::overlap;

std::array<std::byte, 16> memory{};

constexpr std::uint32_t with_checksum = 0x10000000, without_checksum = 0x80000000;

TEST(message_part, misuse_09_each_role_has_its_type_and_its_whole_memory) {
    const std::span<std::byte> bytes{memory};
    const auto data = message_part::data(bytes);
    EXPECT_EQ(data.type(), static_cast<unsigned>(SECBUFFER_DATA));
    EXPECT_TRUE(data.writable());
    EXPECT_EQ(data.writable_bytes().data(), memory.data());
    EXPECT_EQ(data.writable_bytes().size(), memory.size());
    for (const auto& [part, attribute] : {std::pair{message_part::readonly(bytes), without_checksum},
                                          std::pair{message_part::readonly_with_checksum(bytes), with_checksum}}) {
        EXPECT_EQ(part.type(), SECBUFFER_DATA | attribute);
        EXPECT_FALSE(part.writable());
        EXPECT_TRUE(part.writable_bytes().empty());
        EXPECT_EQ(part.bytes().data(), memory.data());
        EXPECT_EQ(part.bytes().size(), memory.size());
    }
}

TEST(message_part, of_constant_bytes_is_not_writable) {
    const auto constant = memory;
    for (const auto& part : {message_part::data(constant), message_part::data("text"),
                             message_part::data(std::span<const std::byte>{memory})}) {
        EXPECT_EQ(part.type(), static_cast<unsigned>(SECBUFFER_DATA));
        EXPECT_FALSE(part.writable());
        EXPECT_TRUE(part.writable_bytes().empty());
    }
    EXPECT_EQ(message_part::data("text").bytes().size(), 4U);
    EXPECT_TRUE(message_part::data(std::span{memory}.first(0)).writable());
}

TEST(message_data, is_bytes_or_a_list_of_parts) {
    const std::array parts{message_part::data(memory), message_part::readonly(memory)};
    const sspan::message_data one{memory};
    EXPECT_FALSE(one.in_parts());
    EXPECT_EQ(one.data(), memory.data());
    EXPECT_EQ(one.size(), memory.size());
    const sspan::message_data many{parts};
    EXPECT_TRUE(many.in_parts());
    EXPECT_EQ(many.parts().data(), parts.data());
    EXPECT_EQ(many.parts().size(), 2U);
    EXPECT_TRUE(many.empty());
    const sspan::const_message_data to_read{parts};
    EXPECT_TRUE(to_read.in_parts());
    EXPECT_EQ(to_read.parts().size(), 2U);
    EXPECT_FALSE(sspan::const_message_data{}.in_parts());
    EXPECT_EQ(sspan::const_message_data{many}.parts().data(), parts.data()) << "both views have the same parts";
    EXPECT_EQ(sspan::const_message_data{one}.data(), memory.data());
    const auto count = [](const sspan::const_message_data& data) { return data.parts().size(); };
    EXPECT_EQ(count({message_part::data("one"), message_part::data("two")}), 2U);
    EXPECT_TRUE(sspan::message_data{std::span<const message_part>{}}.in_parts())
        << "an empty list of parts is still a list";
}

TEST(fits, what_32_bits_can_count) {
    using sspan::detail::fits;
    EXPECT_TRUE(fits(0));
    EXPECT_TRUE(fits(0xFFFFFFFFU));
#if SIZE_MAX > 0xFFFFFFFF
    EXPECT_FALSE(fits(std::size_t{1} << 32));
    EXPECT_FALSE(fits(SIZE_MAX));
#endif
}

TEST(buffer_list, describes_all_in_their_order) {
    const std::span<std::byte> bytes{memory};
    buffer_list<4> list;
    const auto* descriptor = list.native();
    EXPECT_EQ(descriptor->ulVersion, static_cast<unsigned>(SECBUFFER_VERSION));
    EXPECT_EQ(descriptor->cBuffers, 0U);
    EXPECT_EQ(list.add(SECBUFFER_TOKEN, bytes), 0U);
    EXPECT_EQ(list.add(SECBUFFER_DATA, bytes.first(3)), 1U);
    EXPECT_EQ(list.add(SECBUFFER_EMPTY, {}), 2U);
    ASSERT_EQ(descriptor->cBuffers, 3U);
    EXPECT_EQ(descriptor->pBuffers, &list[0]);
    EXPECT_EQ(list[0].BufferType, static_cast<unsigned>(SECBUFFER_TOKEN));
    EXPECT_EQ(list[0].pvBuffer, memory.data());
    EXPECT_EQ(list[0].cbBuffer, memory.size());
    EXPECT_EQ(list[1].cbBuffer, 3U);
    EXPECT_EQ(list[2].BufferType, static_cast<unsigned>(SECBUFFER_EMPTY));
    EXPECT_EQ(list[2].pvBuffer, nullptr);
    static_assert(!std::is_copy_constructible_v<buffer_list<2>>);
    static_assert(!std::is_move_constructible_v<buffer_list<2>>);
}

TEST(overlap, is_a_byte_in_common) {
    const std::span<std::byte> all{memory};
    EXPECT_TRUE(overlap(all, all));
    EXPECT_TRUE(overlap(all, all.subspan(7, 1)));
    EXPECT_TRUE(overlap(all.subspan(7, 1), all));
    EXPECT_TRUE(overlap(all.first(9), all.last(8)));
    EXPECT_FALSE(overlap(all.first(8), all.last(8)));
    EXPECT_FALSE(overlap(all.last(8), all.first(8)));
    EXPECT_FALSE(overlap(all, all.subspan(7, 0))) << "an empty span shares nothing";
    EXPECT_FALSE(overlap({}, {}));
}

TEST(overlap, of_any_two) {
    const std::span<std::byte> all{memory};
    EXPECT_FALSE(any_overlap(all));
    EXPECT_FALSE(any_overlap(all.first(4), all.subspan(4, 4), all.subspan(8)));
    EXPECT_TRUE(any_overlap(all.first(5), all.subspan(4, 4), all.subspan(8)));
    EXPECT_TRUE(any_overlap(all.first(4), all.subspan(4, 5), all.subspan(8)));
    EXPECT_TRUE(any_overlap(all.first(4), all.subspan(4, 4), all.first(1)));
}

SecBuffer left(std::size_t size, void* where) {
    return {static_cast<ULONG>(size), SECBUFFER_TOKEN, where};
}

TEST(filled, is_the_front_of_what_was_given) {
    const std::span<std::byte> given{memory};
    std::span<std::byte> part;
    ASSERT_TRUE(filled(left(5, memory.data()), given, part));
    EXPECT_EQ(part.data(), memory.data());
    EXPECT_EQ(part.size(), 5U);
    ASSERT_TRUE(filled(left(16, memory.data()), given, part));
    EXPECT_EQ(part.size(), 16U);
}

TEST(filled, misuse_08_size_of_zero_is_nothing_whatever_the_pointer) {
    std::span<std::byte> part{memory};
    ASSERT_TRUE(filled(left(0, nullptr), memory, part));
    EXPECT_TRUE(part.empty());
    part = memory;
    ASSERT_TRUE(filled(left(0, &part), memory, part));
    EXPECT_TRUE(part.empty());
}

TEST(filled, misuse_05_refuses_more_than_was_given_and_other_memory) {
    const std::span<std::byte> given{memory.data(), 8};
    std::span<std::byte> part;
    EXPECT_FALSE(filled(left(9, memory.data()), given, part));
    EXPECT_FALSE(filled(left(4, nullptr), given, part));
    EXPECT_FALSE(filled(left(4, memory.data() + 1), given, part));
    EXPECT_TRUE(part.empty());
}

TEST(is_part, is_anywhere_inside_what_was_given) {
    const std::span<std::byte> given{memory.data() + 4, 8};
    std::uint32_t offset = 7;
    EXPECT_TRUE(is_part(left(3, memory.data() + 6), given, offset));
    EXPECT_EQ(offset, 2U);
    EXPECT_TRUE(is_part(left(8, memory.data() + 4), given, offset));
    EXPECT_EQ(offset, 0U);
    EXPECT_TRUE(is_part(left(0, nullptr), given, offset));
    EXPECT_EQ(offset, 0U);
}

TEST(is_part, refuses_what_begins_or_ends_outside) {
    const std::span<std::byte> given{memory.data() + 4, 8};
    std::uint32_t offset = 0;
    EXPECT_FALSE(is_part(left(2, memory.data() + 3), given, offset));
    EXPECT_FALSE(is_part(left(9, memory.data() + 4), given, offset));
    EXPECT_FALSE(is_part(left(2, memory.data() + 11), given, offset));
    EXPECT_FALSE(is_part(left(1, memory.data() + 12), given, offset));
    EXPECT_FALSE(is_part(left(1, nullptr), given, offset));
    EXPECT_FALSE(is_part(left(0xFFFFFFFFU, memory.data() + 4), given, offset));
}

TEST(is_front, begins_where_it_was_given_and_is_no_longer) {
    const std::span<std::byte> given{memory.data() + 4, 8};
    EXPECT_TRUE(is_front(left(8, memory.data() + 4), given));
    EXPECT_TRUE(is_front(left(0, nullptr), given));
    EXPECT_FALSE(is_front(left(9, memory.data() + 4), given));
    EXPECT_FALSE(is_front(left(1, memory.data() + 5), given));
    EXPECT_FALSE(is_front(left(1, nullptr), given));
}

TEST(is_whole, is_all_that_was_given) {
    const std::span<std::byte> given{memory.data() + 4, 8};
    EXPECT_TRUE(is_whole(left(8, memory.data() + 4), given));
    EXPECT_TRUE(is_whole(left(0, nullptr), {}));
    EXPECT_FALSE(is_whole(left(7, memory.data() + 4), given));
    EXPECT_FALSE(is_whole(left(8, memory.data() + 5), given));
}

} // namespace
