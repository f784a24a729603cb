// SPDX-License-Identifier: MIT
//
// The package that is at work in a context.
#include <sspan/detail/negotiated.hpp>

#include "unit/conversation.hpp"
#include "unit/profiles.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>

namespace {

using namespace testing_support;
using sspan::context_flags;
using sspan::security_package;

constexpr ULONG negotiation_info_attribute = 12;

class package_at_work : public profile_test {
protected:
    /// The context's package, as the loopback package reports it.
    static security_package expected() {
        return GetParam().package == sspan::package::ntlm ? security_package::ntlm : security_package::kerberos;
    }
};
INSTANTIATE_TEST_SUITE_P(each, package_at_work, each_profile(), name_of{});

TEST_P(package_at_work, is_told_by_the_context_and_its_halves) {
    auto pair = establish(GetParam());
    EXPECT_EQ(pair.client.package(), expected());
    EXPECT_EQ(pair.server.package(), expected());
    auto moved = std::move(pair.client);
    EXPECT_EQ(pair.client.package(), security_package::not_told);
    const auto halves = std::move(moved).split();
    EXPECT_EQ(halves.sender.package(), expected());
    EXPECT_EQ(halves.receiver.package(), expected());
    EXPECT_EQ(sspan::message_sender{}.package(), security_package::not_told);
    EXPECT_EQ(sspan::message_receiver{}.package(), security_package::not_told);
}

TEST_P(package_at_work, is_what_the_credentials_are_for_where_the_package_does_not_tell) {
    loopback::configure().unsupported_attributes.push_back(negotiation_info_attribute);
    const bool chooses = GetParam().package == sspan::package::negotiate;
    auto pair = establish(GetParam().package, without_mutual_auth());
    EXPECT_EQ(pair.client.package(), chooses ? security_package::not_told : expected());
    EXPECT_EQ(pair.server.package(), chooses ? security_package::not_told : expected());
    const auto told = context_flags::integrity | context_flags::mutual_auth | context_flags::delegate;
    const auto adopted = sspan::client_context::adopt(pair.client.release(), told);
    EXPECT_EQ(adopted.package(), security_package::not_told) << "an adopted context has no credentials";
    EXPECT_EQ(adopted.granted(), context_flags::integrity) << "it may be NTLM";
}

TEST_P(package_at_work, is_told_by_an_adopted_context) {
    auto pair = establish(GetParam());
    const auto adopted = sspan::client_context::adopt(pair.client.release(), context_flags::none);
    EXPECT_EQ(adopted.package(), expected());
}

TEST_P(package_at_work, may_be_one_without_a_name_here) {
    loopback::configure().told_package = L"DPA";
    EXPECT_EQ(establish(GetParam()).client.package(), security_package::other);
}

TEST_P(package_at_work, is_not_told_by_a_guess) {
    for (const ULONG guess : {2U, 4U, 5U}) { // IN_PROGRESS, TRY_MULTICRED, and an unknown state
        loopback::configure().negotiation_state = guess;
        auto pair = establish(GetParam().package, without_mutual_auth());
        const auto adopted = sspan::client_context::adopt(pair.client.release(), context_flags::none);
        EXPECT_EQ(adopted.package(), security_package::not_told);
    }
    for (const ULONG known : {0U, 1U, 3U}) { // COMPLETE, OPTIMISTIC after a success, DIRECT
        loopback::configure().negotiation_state = known;
        EXPECT_EQ(establish(GetParam().package, without_mutual_auth()).client.package(), expected());
    }
}

using package_of_negotiate = loopback_test;

TEST_F(package_of_negotiate, is_the_one_that_it_has_chosen) {
    loopback::configure().negotiate_winner = loopback::package::ntlm;
    const auto pair = establish(sspan::package::negotiate, without_mutual_auth());
    EXPECT_EQ(pair.client.package(), security_package::ntlm);
    EXPECT_EQ(pair.server.package(), security_package::ntlm);
}

} // namespace
