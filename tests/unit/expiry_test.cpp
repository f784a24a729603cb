// SPDX-License-Identifier: MIT
//
// SSPI's times are local times, sspan's are UTC.
#include <sspan/expiry.hpp>

#include "conversation.hpp"
#include "fixture.hpp"
#include "profiles.hpp"

#include <sspan/attributes.hpp>
#include <sspan/os/time.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using time_point = std::chrono::system_clock::time_point;

/// Converts to SSPI's unit, 100 ns.
constexpr std::int64_t ticks(std::chrono::seconds span) {
    return span.count() * 10'000'000;
}
constexpr std::int64_t ticks_of(sys_seconds when) {
    return ticks(when - sys_days{std::chrono::January / 1 / 1601});
}
constexpr sys_seconds noon = sys_days{std::chrono::March / 28 / 2027} + 12h;

std::optional<time_point> converted(std::int64_t local) {
    TimeStamp stamp{};
    std::memcpy(&stamp, &local, sizeof stamp);
    return sspan::detail::to_time(stamp);
}

class expiry : public profile_test {};
INSTANTIATE_TEST_SUITE_P(each, expiry, each_profile(), name_of{});

TEST_P(expiry, is_utc_in_every_time_zone) {
    for (const auto offset :
         {0s, std::chrono::seconds{5h + 30min}, std::chrono::seconds{-9h}, std::chrono::seconds{14h}}) {
        loopback::configure().utc_offset = ticks(offset);
        loopback::configure().expiry = ticks_of(noon + offset);
        const auto pair = establish(GetParam());
        EXPECT_EQ(pair.client.expiry(), noon);
        EXPECT_EQ(pair.server.expiry(), noon);
        EXPECT_EQ(pair.client_credentials.expiry(), noon);
        EXPECT_EQ(pair.server_credentials.expiry(), noon);
    }
}

TEST_P(expiry, stays_when_the_clocks_change) {
    loopback::configure().utc_offset = ticks(1h);
    loopback::configure().expiry = ticks_of(noon + 1h);
    conversation talk{GetParam()};
    ASSERT_TRUE(succeeded(talk.run()));
    loopback::configure().utc_offset = ticks(2h); // summer
    loopback::configure().expiry = ticks_of(noon + 2h);
    auto client = std::move(talk.client).finish();
    const auto server = std::move(talk.server).finish();
    EXPECT_EQ(client.expiry(), noon);
    EXPECT_EQ(server.expiry(), noon);
    EXPECT_EQ(talk.outbound.expiry(), noon);
    const auto later = establish(GetParam());
    EXPECT_EQ(later.client.expiry(), noon);
    const auto moved = std::move(client);
    EXPECT_EQ(moved.expiry(), noon);
}

TEST_P(expiry, is_of_the_last_step) {
    conversation talk{GetParam()};
    loopback::configure().expiry = ticks_of(noon);
    talk.run_legs(1);
    loopback::configure().expiry = ticks_of(noon + 1min);
    ASSERT_TRUE(succeeded(talk.run()));
    EXPECT_EQ(std::move(talk.client).finish().expiry(), noon + 1min);
    EXPECT_EQ(std::move(talk.server).finish().expiry(), noon + 1min);
}

/// Returns all times of the objects after the package reported `told`.
std::vector<std::optional<time_point>> all_times(const profile& which, std::int64_t told) {
    loopback::configure().expiry = told;
    const auto pair = establish(which);
    return {pair.client.expiry(),
            pair.server.expiry(),
            pair.client_credentials.expiry(),
            pair.server_credentials.expiry(),
            sspan::query_lifespan(pair.client).expiry,
            sspan::query_password_expiry(pair.server)};
}

TEST_P(expiry, is_nothing_when_not_told) {
    for (const auto offset : {-12h, 0h, 14h}) {
        loopback::configure().utc_offset = ticks(offset);
        for (const std::int64_t unknown : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
                                           ticks_of(sys_days{std::chrono::December / 31 / 1969})}) {
            EXPECT_THAT(all_times(GetParam(), unknown), ::testing::Each(std::optional<time_point>{}));
        }
    }
    EXPECT_EQ(sspan::security_context{}.expiry(), std::nullopt);
    EXPECT_EQ(sspan::credentials{}.expiry(), std::nullopt);
}

TEST_P(expiry, is_never_in_a_distant_future_and_later_than_every_other_time) {
    for (const auto offset : {-12h, 0h, 14h}) {
        loopback::configure().utc_offset = ticks(offset);
        for (const std::int64_t distant : {std::numeric_limits<std::int64_t>::max(), std::int64_t{0x7FFFFF36D5969FFF},
                                           ticks_of(sys_days{std::chrono::January / 1 / 2100})}) {
            EXPECT_THAT(all_times(GetParam(), distant), ::testing::Each(std::optional{sspan::never}));
        }
    }
    EXPECT_LT(std::chrono::system_clock::now(), sspan::never);
    EXPECT_LT(sys_days{std::chrono::January / 1 / 2200}, sspan::never);
}

TEST(time, keeps_the_fraction_that_the_clock_can_hold) {
    loopback::reset();
    const auto told = converted(ticks_of(noon) + 12'345'678);
    EXPECT_EQ(told, noon + std::chrono::duration_cast<time_point::duration>(1'234'567'800ns));
}

TEST(time, is_nothing_when_the_offset_is_not_known) {
    loopback::reset();
    loopback::configure().utc_offset = ticks_of(noon); // the converted time is 0, as after a failed conversion
    EXPECT_FALSE(converted(ticks_of(noon)));
    loopback::reset();
}

TEST(time, goes_from_1970_to_2100) {
    loopback::reset();
    const auto start = ticks_of(sys_days{std::chrono::January / 1 / 1970});
    EXPECT_EQ(converted(start), time_point{});
    EXPECT_FALSE(converted(start - 1));
    EXPECT_FALSE(converted(1));
    const auto last = ticks_of(sys_days{std::chrono::January / 1 / 2100});
    EXPECT_EQ(converted(last - 10'000'000), sys_days{std::chrono::January / 1 / 2100} - 1s);
    EXPECT_NE(converted(last - 1), sspan::never);
    EXPECT_EQ(converted(last), sspan::never);
}

} // namespace
