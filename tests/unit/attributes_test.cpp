// SPDX-License-Identifier: MIT
#include <sspan/attributes.hpp>

#include "allocation.hpp"
#include "conversation.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using loopback::calls;
using loopback::function;
using loopback::live;
using sspan::errc;

/// An attribute's structure that a program defines itself.
struct raw_expiry {
    TimeStamp end;
};

} // namespace

template <>
inline constexpr std::uint32_t sspan::attribute_number<raw_expiry> = SECPKG_ATTR_PASSWORD_EXPIRY;

namespace {

constexpr const char* query = "QueryContextAttributes";

/// One function of attributes.hpp, with any result type.
struct attribute {
    ULONG number;
    std::function<outcome(surface, const sspan::security_context&)> ask;
    bool points; ///< the structure has pointers, which must not be null
};

/// `ask(context, ec...)` calls the function with these arguments. `value` gets the last result.
template <class Ask, class Value>
attribute made_of(ULONG number, Ask ask, Value& value, bool points = true) {
    return {number,
            [ask, &value](surface which, const sspan::security_context& context) {
                value = Value{};
                return outcome_of(which, [&](auto&... ec) { value = ask(context, ec...); });
            },
            points};
}

#define SSPAN_ASK(function) [](auto&&... arguments) { return sspan::function(arguments...); }

class attributes : public surface_test {
protected:
    outcome user_name(const sspan::security_context& context) { return ask(SECPKG_ATTR_NAMES, context); }
    outcome negotiation_info(const sspan::security_context& context) {
        return ask(SECPKG_ATTR_NEGOTIATION_INFO, context);
    }
    outcome ask(ULONG number, const sspan::security_context& context) {
        const auto found = std::ranges::find(all, number, &attribute::number);
        return found->ask(which_surface(), context);
    }

    std::wstring name;
    sspan::negotiation_info info;
    sspan::lifespan lifespan;
    std::optional<std::chrono::system_clock::time_point> password_expiry;
    sspan::key_info keys;
    std::wstring authority;
    sspan::secret_bytes session_key;
    sspan::package_info package;
    sspan::native_names names;
    sspan::context_flags flags{};
    std::wstring client_target;

    const std::vector<attribute> all{
        made_of(SECPKG_ATTR_NAMES, SSPAN_ASK(query_user_name), name),
        made_of(SECPKG_ATTR_NEGOTIATION_INFO, SSPAN_ASK(query_negotiation_info), info),
        made_of(SECPKG_ATTR_LIFESPAN, SSPAN_ASK(query_lifespan), lifespan, false),
        made_of(SECPKG_ATTR_PASSWORD_EXPIRY, SSPAN_ASK(query_password_expiry), password_expiry, false),
        made_of(SECPKG_ATTR_KEY_INFO, SSPAN_ASK(query_key_info), keys),
        made_of(SECPKG_ATTR_AUTHORITY, SSPAN_ASK(query_authority), authority),
        made_of(SECPKG_ATTR_SESSION_KEY, SSPAN_ASK(query_session_key), session_key),
        made_of(SECPKG_ATTR_PACKAGE_INFO, SSPAN_ASK(query_package_info), package),
        made_of(SECPKG_ATTR_NATIVE_NAMES, SSPAN_ASK(query_native_names), names),
        made_of(SECPKG_ATTR_FLAGS, SSPAN_ASK(query_flags), flags, false),
        made_of(SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, SSPAN_ASK(query_client_specified_target), client_target),
    };
};
INSTANTIATE_TEST_SUITE_P(each, attributes, each_profile_and_surface(), name_of{});

TEST_P(attributes, native_name_that_the_package_does_not_give_is_empty) {
    const auto pair = establish(which_profile());
    for (const auto given : {loopback::native_name::client, loopback::native_name::server}) {
        loopback::configure().native_names = given;
        names = {};
        ASSERT_TRUE(succeeded(ask(SECPKG_ATTR_NATIVE_NAMES, pair.client)));
        const bool has_client = given == loopback::native_name::client;
        EXPECT_EQ(names.client, has_client ? L"LOOPBACK\\alice" : L"");
        EXPECT_EQ(names.server, has_client ? std::wstring{} : service());
    }
}

TEST_P(attributes, user_name_is_the_clients_on_both_sides) {
    const auto pair = establish(which_profile());
    for (const sspan::security_context* side :
         std::initializer_list<const sspan::security_context*>{&pair.client, &pair.server}) {
        ASSERT_TRUE(succeeded(user_name(*side)));
        EXPECT_EQ(name, L"LOOPBACK\\alice");
        EXPECT_EQ(loopback::last_flags(function::query_context_attributes), static_cast<ULONG>(SECPKG_ATTR_NAMES));
    }
    EXPECT_EQ(live().string_blocks, 0U);
}

TEST_P(attributes, user_name_that_is_not_ascii_arrives_whole) {
    loopback::configure().user = L"al\u00EF\u4E16\U0001F511";
    const auto pair = establish(which_profile());
    ASSERT_TRUE(succeeded(user_name(pair.server)));
    EXPECT_EQ(name, L"LOOPBACK\\al\u00EF\u4E16\U0001F511");
}

TEST_P(attributes, negotiation_info_is_the_package_at_work) {
    const auto pair = establish(which_profile());
    ASSERT_TRUE(succeeded(negotiation_info(pair.client)));
    EXPECT_EQ(info.package.name, which_profile().package == sspan::package::ntlm ? L"NTLM" : L"Kerberos");
    EXPECT_EQ(info.state, sspan::negotiation_state::complete);
    EXPECT_GT(info.package.max_token, 0U);
    EXPECT_EQ(live().package_blocks, 0U);
}

TEST_P(attributes, all_have_the_values_of_the_package) {
    using namespace std::chrono_literals;
    using std::chrono::sys_days;
    const auto of_year = [](int year) { return sys_days{std::chrono::year{year} / 1 / 1}; };
    const auto ticks = [](auto when) {
        return std::chrono::floor<std::chrono::seconds>(when - sys_days{std::chrono::year{1601} / 1 / 1}).count() *
               10'000'000;
    };
    loopback::configure().utc_offset = 3600LL * 10'000'000;
    loopback::configure().start = ticks(of_year(2026) + 1h);
    loopback::configure().expiry = ticks(of_year(2027) + 1h);
    const auto pair = establish(which_profile());
    for (const auto& each : all) {
        ASSERT_TRUE(succeeded(each.ask(which_surface(), pair.server))) << each.number;
        EXPECT_EQ(loopback::last_flags(function::query_context_attributes), each.number);
    }
    EXPECT_EQ(name, L"LOOPBACK\\alice");
    EXPECT_EQ(lifespan.start, of_year(2026));
    EXPECT_EQ(lifespan.expiry, of_year(2027));
    EXPECT_EQ(password_expiry, of_year(2027));
    EXPECT_EQ(keys.signature_algorithm, L"SipHash");
    EXPECT_EQ(keys.encrypt_algorithm, L"SipHash stream");
    EXPECT_EQ(keys.key_size, 128U);
    EXPECT_EQ(keys.signature_algorithm_id, 0x1234U);
    EXPECT_EQ(keys.encrypt_algorithm_id, 0x5678U);
    EXPECT_EQ(authority, L"LOOPBACK");
    EXPECT_FALSE(session_key.empty());
    EXPECT_EQ(package.name, info.package.name) << "for Negotiate, the chosen package";
    EXPECT_EQ(names.client, L"LOOPBACK\\alice");
    EXPECT_EQ(names.server, service());
    EXPECT_EQ(flags, pair.server.granted());
    EXPECT_EQ(client_target, service());
    EXPECT_EQ(live().string_blocks + live().package_blocks + live().key_blocks, 0U);
}

// The loopback package checks that its copy is wiped.
TEST_P(attributes, session_key_is_the_same_on_both_sides_and_wiped) {
    const auto pair = establish(which_profile());
    ASSERT_TRUE(succeeded(ask(SECPKG_ATTR_SESSION_KEY, pair.client)));
    const auto of_client = copy_of(session_key.get());
    ASSERT_TRUE(succeeded(ask(SECPKG_ATTR_SESSION_KEY, pair.server)));
    EXPECT_EQ(copy_of(session_key.get()), of_client);
    const auto wiped = loopback::wiped_bytes();
    session_key = {};
    EXPECT_GE(loopback::wiped_bytes(), wiped + of_client.size());
}

TEST_P(attributes, flags_are_read_by_their_side) {
    const auto pair = establish(which_profile());
    ASSERT_TRUE(succeeded(ask(SECPKG_ATTR_FLAGS, pair.client)));
    EXPECT_EQ(flags & sspan::message_protection, sspan::message_protection);
    EXPECT_FALSE(pair.client.is_server());
    ASSERT_TRUE(succeeded(ask(SECPKG_ATTR_FLAGS, pair.server)));
    EXPECT_EQ(flags & sspan::message_protection, sspan::message_protection);
    EXPECT_TRUE(pair.server.is_server());
}

/// Queries a raw structure, on this surface.
template <class Structure>
outcome ask_raw(surface which, const sspan::security_context& context, Structure& told) {
    return outcome_of(which, [&](auto&... ec) { told = sspan::query_attribute<Structure>(context, ec...); });
}

TEST_P(attributes, raw_structures_are_asked_for_by_their_number) {
    const auto pair = establish(which_profile());
    const auto number_for = [&](auto told) {
        EXPECT_TRUE(succeeded(ask_raw(which_surface(), pair.server, told)));
        return loopback::last_flags(function::query_context_attributes);
    };
    EXPECT_EQ(number_for(SecPkgContext_Sizes{}), static_cast<ULONG>(SECPKG_ATTR_SIZES));
    EXPECT_EQ(number_for(SecPkgContext_Lifespan{}), static_cast<ULONG>(SECPKG_ATTR_LIFESPAN));
    EXPECT_EQ(number_for(SecPkgContext_Flags{}), static_cast<ULONG>(SECPKG_ATTR_FLAGS));
    EXPECT_EQ(number_for(SecPkgContext_PasswordExpiry{}), static_cast<ULONG>(SECPKG_ATTR_PASSWORD_EXPIRY));
    EXPECT_EQ(number_for(SecPkgContext_AccessToken{}), static_cast<ULONG>(SECPKG_ATTR_ACCESS_TOKEN));
    EXPECT_EQ(number_for(sspan::detail::SecPkgContext_LastClientTokenStatus{}),
              static_cast<ULONG>(SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS));
}

TEST_P(attributes, raw_pointers_are_the_callers_to_free) {
    const auto pair = establish(which_profile());
    sspan::detail::SecPkgContext_DceInfo dce{};
    ASSERT_TRUE(succeeded(ask_raw(which_surface(), pair.server, dce)));
    EXPECT_EQ(dce.AuthzSvc, 1U);
    SecPkgContext_TargetInformation target{};
    ASSERT_TRUE(succeeded(ask_raw(which_surface(), pair.client, target)));
    EXPECT_EQ(target.MarshalledTargetInfoLength, service().size() * 2);
    sspan::detail::SecPkgContext_ClientSpecifiedTarget specified{};
    ASSERT_TRUE(succeeded(ask_raw(which_surface(), pair.server, specified)));
    EXPECT_EQ(sspan::detail::from_os(specified.sTargetName), service());
    EXPECT_EQ(live().string_blocks + live().key_blocks, 3U);
    {
        const sspan::context_memory<void> privileges{dce.pPac};
        const sspan::context_memory<unsigned char> information{target.MarshalledTargetInfo};
        const sspan::context_memory<SEC_WCHAR> target_name{specified.sTargetName};
        EXPECT_EQ(sspan::detail::from_os(static_cast<const SEC_WCHAR*>(privileges.get())), L"LOOPBACK\\alice");
    }
    EXPECT_EQ(live().string_blocks + live().key_blocks, 0U);
}

TEST_P(attributes, lent_access_token_stays_the_packages) {
    auto pair = establish(which_profile());
    int token = 0;
    loopback::configure().access_token = &token;
    SecPkgContext_AccessToken lent{};
    ASSERT_TRUE(succeeded(ask_raw(which_surface(), pair.server, lent)));
    EXPECT_EQ(lent.AccessToken, &token);
    pair.server = {};
    EXPECT_EQ(calls(function::close_handle), 0U);
}

TEST_P(attributes, program_adds_a_pair_of_its_own) {
    const auto pair = establish(which_profile());
    loopback::configure().expiry = 0x01DD000000000000;
    raw_expiry told{};
    ASSERT_TRUE(succeeded(ask_raw(which_surface(), pair.client, told)));
    EXPECT_EQ(loopback::last_flags(function::query_context_attributes),
              static_cast<ULONG>(SECPKG_ATTR_PASSWORD_EXPIRY));
    std::int64_t ticks = 0;
    std::memcpy(&ticks, &told, sizeof ticks);
    EXPECT_EQ(ticks, 0x01DD000000000000);
}

TEST_P(attributes, raw_structure_that_is_not_offered_is_unsupported) {
    const auto pair = establish(which_profile());
    loopback::configure().unsupported_attributes = {SECPKG_ATTR_FLAGS};
    SecPkgContext_Flags told{};
    EXPECT_TRUE(failed_with(ask_raw(which_surface(), pair.client, told), errc::unsupported_function, query));
    EXPECT_EQ(told.Flags, 0U);
    SecPkgContext_Lifespan life{};
    EXPECT_TRUE(failed_with(ask_raw(which_surface(), sspan::security_context{}, life), errc::invalid_handle, query));
}

TEST_P(attributes, each_failure_arrives_and_frees_nothing) {
    const auto pair = establish(which_profile());
    const auto freed = calls(function::free_context_buffer);
    for (const auto& each : all) {
        for (const auto status : all_failures()) {
            loopback::fail_at(function::query_context_attributes, 1, status);
            EXPECT_TRUE(failed_with(each.ask(which_surface(), pair.server), sspi_code(status), query));
        }
    }
    EXPECT_TRUE(name.empty());
    EXPECT_TRUE(info.package.name.empty());
    EXPECT_TRUE(session_key.empty());
    EXPECT_EQ(calls(function::free_context_buffer), freed);
}

TEST_P(attributes, what_the_package_does_not_offer_is_unsupported) {
    const auto pair = establish(which_profile());
    for (const auto& each : all) {
        loopback::configure().unsupported_attributes = {each.number};
        EXPECT_TRUE(failed_with(each.ask(which_surface(), pair.server), errc::not_supported, query)) << each.number;
    }
}

TEST_P(attributes, success_without_a_value_is_an_internal_error) {
    const auto pair = establish(which_profile());
    for (const auto& each : all) {
        loopback::fail_at(function::query_context_attributes, 1, SEC_E_OK); // returns success without any effect
        const auto result = each.ask(which_surface(), pair.server);
        EXPECT_TRUE(each.points ? failed_with(result, errc::internal_error, query) : succeeded(result)) << each.number;
    }
}

TEST_P(attributes, zero_state_is_refused_before_the_call) {
    const sspan::client_context zero;
    const auto before = calls(function::query_context_attributes);
    for (const auto& each : all) {
        EXPECT_TRUE(failed_with(each.ask(which_surface(), zero), errc::invalid_handle, query));
    }
    EXPECT_EQ(calls(function::query_context_attributes), before);
}

TEST_P(attributes, misuse_06_lack_of_memory_leaks_nothing) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    const auto pair = establish(which_profile());
    std::size_t failures = 0;
    for (const auto& each : all) {
        for (std::size_t nth = 1; nth < 100; ++nth, ++failures) {
            allocation::fail_at(nth);
            const auto result = each.ask(which_surface(), pair.server);
            allocation::fail_at(0);
            EXPECT_EQ(live().string_blocks + live().package_blocks + live().key_blocks, 0U) << each.number;
            if (!result.code) {
                break;
            }
            EXPECT_EQ(result.code, errc::insufficient_memory);
        }
    }
    EXPECT_GE(failures, 8U);
}

} // namespace
