// SPDX-License-Identifier: MIT
#include <sspan/buffer.hpp>

#include "profiles.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace {

using sspan::buffer;
using sspan::buffer_list;
using sspan::detail::any_overlap;
using sspan::detail::filled;
using sspan::detail::filled_part;
using sspan::detail::overlap;

std::array<std::byte, 16> memory{};

TEST(buffer, misuse_09_each_role_has_its_type_and_its_whole_memory) {
    struct role {
        buffer made;
        unsigned type;
    };
    const std::span<std::byte> bytes{memory};
    const std::span<const std::byte> constant{memory};
    for (const auto& [made, type] :
         {role{buffer::data(bytes), SECBUFFER_DATA}, role{buffer::data(constant), SECBUFFER_DATA},
          role{buffer::token(bytes), SECBUFFER_TOKEN}, role{buffer::token(constant), SECBUFFER_TOKEN},
          role{buffer::padding(bytes), SECBUFFER_PADDING}}) {
        EXPECT_EQ(made.native().BufferType, type);
        EXPECT_EQ(made.native().cbBuffer, memory.size());
        EXPECT_EQ(made.native().pvBuffer, memory.data());
    }
    const auto empty = buffer::empty().native();
    EXPECT_EQ(empty.BufferType, static_cast<unsigned>(SECBUFFER_EMPTY));
    EXPECT_EQ(empty.cbBuffer, 0U);
    EXPECT_EQ(empty.pvBuffer, nullptr);
}

TEST(buffer, fits_what_32_bits_can_count) {
    EXPECT_TRUE(buffer::fits(0));
    EXPECT_TRUE(buffer::fits(0xFFFFFFFFU));
#if SIZE_MAX > 0xFFFFFFFF
    EXPECT_FALSE(buffer::fits(std::size_t{1} << 32));
    EXPECT_FALSE(buffer::fits(SIZE_MAX));
#endif
}

TEST(buffer_list, describes_all_in_their_order) {
    const std::span<std::byte> bytes{memory};
    buffer_list list{buffer::token(bytes), buffer::data(bytes.first(3)), buffer::empty()};
    const auto* descriptor = list.native();
    EXPECT_EQ(descriptor->ulVersion, static_cast<unsigned>(SECBUFFER_VERSION));
    ASSERT_EQ(descriptor->cBuffers, 3U);
    EXPECT_EQ(descriptor->pBuffers, &list[0]);
    EXPECT_EQ(list[0].BufferType, static_cast<unsigned>(SECBUFFER_TOKEN));
    EXPECT_EQ(list[1].cbBuffer, 3U);
    EXPECT_EQ(list[2].BufferType, static_cast<unsigned>(SECBUFFER_EMPTY));
    list.drop_last();
    EXPECT_EQ(descriptor->cBuffers, 2U);
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

TEST(filled_part, is_anywhere_inside_what_was_given) {
    const std::span<std::byte> given{memory.data() + 4, 8};
    std::span<std::byte> part;
    ASSERT_TRUE(filled_part(left(3, memory.data() + 6), given, part));
    EXPECT_EQ(part.data(), memory.data() + 6);
    EXPECT_EQ(part.size(), 3U);
    ASSERT_TRUE(filled_part(left(8, memory.data() + 4), given, part));
    EXPECT_EQ(part.size(), 8U);
    ASSERT_TRUE(filled_part(left(0, nullptr), given, part));
    EXPECT_TRUE(part.empty());
}

TEST(filled_part, refuses_what_begins_or_ends_outside) {
    const std::span<std::byte> given{memory.data() + 4, 8};
    std::span<std::byte> part;
    EXPECT_FALSE(filled_part(left(2, memory.data() + 3), given, part));
    EXPECT_FALSE(filled_part(left(9, memory.data() + 4), given, part));
    EXPECT_FALSE(filled_part(left(2, memory.data() + 11), given, part));
    EXPECT_FALSE(filled_part(left(1, memory.data() + 12), given, part));
    EXPECT_FALSE(filled_part(left(1, nullptr), given, part));
    EXPECT_FALSE(filled_part(left(0xFFFFFFFFU, memory.data() + 4), given, part));
    EXPECT_TRUE(part.empty());
}

#if SIZE_MAX > 0xFFFFFFFF
TEST(buffer_death_test, of_more_than_32_bits_is_a_broken_contract) {
    EXPECT_DEATH(static_cast<void>(buffer::data(testing_support::more_than_4_gib())), "");
}
#endif

} // namespace
