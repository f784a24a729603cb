// SPDX-License-Identifier: MIT
#include <sspan/identity.hpp>

#include "allocation.hpp"
#include "fixture.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using namespace std::string_view_literals;
using sspan::errc;
using sspan::identity;

static_assert(!std::is_copy_constructible_v<identity>);
static_assert(!std::is_copy_assignable_v<identity>);
static_assert(!std::is_default_constructible_v<identity>);
static_assert(std::is_nothrow_move_constructible_v<identity>);
static_assert(std::is_nothrow_move_assignable_v<identity>);

class identity_test : public testing_support::loopback_test {};

template <class Unit>
std::u16string text(const Unit* units, ULONG length) {
    std::u16string copy;
    for (ULONG i = 0; i != length; ++i) {
        copy += static_cast<char16_t>(units[i]);
    }
    EXPECT_EQ(units[length], 0) << "no terminating zero";
    return copy;
}

/// Returns the structure that the package gets. Its pointers point into `who`.
template <class Structure = SEC_WINNT_AUTH_IDENTITY_W>
Structure native(const identity& who) {
    Structure copy{};
    static_cast<void>(who.with_native([&copy](void* auth_data) {
        void* volatile given = auth_data; // avoids a warning: the object has another type
        copy = *static_cast<Structure*>(given);
        return SEC_E_OK;
    }));
    return copy;
}

TEST_F(identity_test, gives_the_package_what_it_was_given) {
    const identity who{L"al\u00EFce", L"LOOPBACK", L"p\u00E4ss\u4E16 word"};
    const auto os = native(who);
    EXPECT_EQ(text(os.User, os.UserLength), u"al\u00EFce");
    EXPECT_EQ(text(os.Domain, os.DomainLength), u"LOOPBACK");
    EXPECT_EQ(text(os.Password, os.PasswordLength), u"p\u00E4ss\u4E16 word");
    EXPECT_EQ(os.Flags, static_cast<unsigned>(SEC_WINNT_AUTH_IDENTITY_UNICODE));
    EXPECT_TRUE(who);
}

TEST_F(identity_test, text_beyond_16_bits_becomes_two_units) {
    const identity who{L"\U0001F511", L"", L"x"};
    const auto os = native(who);
    EXPECT_EQ(text(os.User, os.UserLength), u"\U0001F511");
    EXPECT_EQ(os.UserLength, 2U);
}

TEST_F(identity_test, user_of_a_domain_is_split_at_the_first_backslash) {
    const struct {
        std::wstring_view given_user;
        std::wstring_view given_domain;
        std::u16string_view user;
        std::u16string_view domain;
    } rows[]{
        {L"LOOPBACK\\alice", L"", u"alice", u"LOOPBACK"},
        {L".\\alice", L"", u"alice", u"."},
        {L"LOOPBACK\\al\\ice", L"", u"al\\ice", u"LOOPBACK"},
        {L"LOOPBACK\\alice@elsewhere", L"", u"alice@elsewhere", u"LOOPBACK"},
        {L"\\alice", L"", u"alice", u""},
        {L"LOOPBACK\\", L"", u"", u"LOOPBACK"},
        {L"alice@loopback.example", L"", u"alice@loopback.example", u""},
        {L"LOOPBACK/alice", L"", u"LOOPBACK/alice", u""},
        {L"LOOPBACK\\alice", L"OTHER", u"LOOPBACK\\alice", u"OTHER"},
    };
    for (const auto& row : rows) {
        const identity who{row.given_user, row.given_domain, L"x"};
        const auto os = native(who);
        EXPECT_EQ(text(os.User, os.UserLength), row.user);
        EXPECT_EQ(text(os.Domain, os.DomainLength), row.domain);
    }
}

TEST_F(identity_test, password_with_a_zero_inside_keeps_its_length) {
    const identity who{L"alice", L"", L"one\0two"sv};
    const auto os = native(who);
    EXPECT_EQ(text(os.Password, os.PasswordLength), u"one\0two"sv);
}

TEST_F(identity_test, trap_empty_password_is_a_pointer_to_an_empty_string) {
    const identity who{L"", L"", L""};
    const auto os = native(who);
    ASSERT_NE(os.User, nullptr);
    ASSERT_NE(os.Domain, nullptr);
    ASSERT_NE(os.Password, nullptr);
    EXPECT_EQ(text(os.Password, os.PasswordLength), u"");
    EXPECT_TRUE(who) << "a user without a name, but not moved from";
}

TEST_F(identity_test, moved_from_names_nobody) {
    identity first{L"alice", L"LOOPBACK", L"correct horse"};
    const auto* password = native(first).Password;
    identity second{std::move(first)};
    EXPECT_FALSE(first);
    EXPECT_EQ(native(first).PasswordLength, 0U);
    EXPECT_EQ(native(first).UserLength, 0U);
    EXPECT_TRUE(second);
    EXPECT_EQ(native(second).Password, password) << "the secret was copied";
    first = std::move(second);
    EXPECT_TRUE(first);
    EXPECT_FALSE(second);
    EXPECT_EQ(text(native(first).Password, native(first).PasswordLength), u"correct horse");
}

/// The size in bytes, as UTF-16 with a zero.
std::size_t size_of(std::wstring_view ascii) {
    return (ascii.size() + 1) * 2;
}

TEST_F(identity_test, every_byte_is_wiped_before_it_is_freed) {
    const auto before = loopback::wiped_bytes();
    {
        const identity who{L"alice", L"LOOPBACK", L"correct horse"};
        const identity split{L"LOOPBACK\\alice", L"", L"correct horse"};
        EXPECT_EQ(loopback::wiped_bytes(), before) << "an intermediate copy was made";
    }
    EXPECT_GE(loopback::wiped_bytes() - before,
              2 * (size_of(L"alice") + size_of(L"LOOPBACK") + size_of(L"correct horse")));
}

TEST_F(identity_test, assigning_wipes_what_was_there) {
    identity who{L"alice", L"", L"correct horse"};
    const auto before = loopback::wiped_bytes();
    who = identity{L"bob", L"", L"battery staple"};
    EXPECT_GE(loopback::wiped_bytes() - before, size_of(L"alice") + size_of(L"correct horse"));
}

TEST_F(identity_test, constructor_that_fails_wipes_what_it_had) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    const auto before = loopback::wiped_bytes();
    for (std::size_t nth = 1; nth <= 3; ++nth) {
        EXPECT_THROW(
            {
                allocation::fail_at(nth);
                identity(L"alice", L"LOOPBACK", L"correct horse");
            },
            std::bad_alloc);
    }
    allocation::fail_at(0);
    EXPECT_GE(loopback::wiped_bytes() - before, 2 * size_of(L"alice") + size_of(L"LOOPBACK"));
}

TEST_F(identity_test, text_without_a_utf16_form_is_refused) {
    if constexpr (sizeof(wchar_t) > 2) {
        for (const auto unit : {0x110000L, 0xD800L, 0xDFFFL}) {
            const std::wstring broken(1, static_cast<wchar_t>(unit));
            const auto expect_refused = [](auto make) {
                try {
                    make();
                    ADD_FAILURE() << "accepted";
                } catch (const sspan::error& refused) {
                    EXPECT_EQ(refused.code(), errc::invalid_parameter);
                    EXPECT_STREQ(refused.function(), "AcquireCredentialsHandle");
                }
            };
            expect_refused([&] { identity(broken, L"", L""); });
            expect_refused([&] { identity(L"", broken, L""); });
            expect_refused([&] { identity(L"", L"", broken); });
        }
    } else { // every unit is valid as UTF-16
        const identity who{std::wstring(1, static_cast<wchar_t>(0xD800)), L"", L""};
        EXPECT_EQ(native(who).UserLength, 1U);
    }
}

/// Returns the structure that the package gets with a list of packages. Its pointers point into both arguments.
sspan::detail::SEC_WINNT_AUTH_IDENTITY_EXW native_with_list(const identity* who,
                                                            const sspan::detail::os_string& packages) {
    sspan::detail::SEC_WINNT_AUTH_IDENTITY_EXW copy{};
    static_cast<void>(sspan::detail::auth_data::with(who, packages, [&copy](void* auth_data) {
        void* volatile given = auth_data; // avoids a warning: the object has another type
        copy = *static_cast<sspan::detail::SEC_WINNT_AUTH_IDENTITY_EXW*>(given);
        return SEC_E_OK;
    }));
    EXPECT_EQ(copy.Version, 0x200U);
    EXPECT_EQ(copy.Length, sizeof copy);
    return copy;
}
sspan::detail::os_string not_ntlm() {
    sspan::detail::os_string list;
    EXPECT_TRUE(sspan::detail::to_os(L"!ntlm", list));
    return list;
}

TEST_F(identity_test, list_of_packages_takes_the_larger_structure) {
    const identity who{L"alice", L"LOOPBACK", L"correct horse"};
    const auto list = not_ntlm();
    const auto os = native_with_list(&who, list);
    EXPECT_EQ(text(os.User, os.UserLength), u"alice");
    EXPECT_EQ(text(os.Domain, os.DomainLength), u"LOOPBACK");
    EXPECT_EQ(text(os.Password, os.PasswordLength), u"correct horse");
    EXPECT_EQ(text(os.PackageList, os.PackageListLength), u"!ntlm");
    EXPECT_EQ(os.Flags, static_cast<unsigned>(SEC_WINNT_AUTH_IDENTITY_UNICODE));
}

TEST_F(identity_test, logged_on_user_has_no_names_beside_a_list) {
    const auto list = not_ntlm();
    const auto os = native_with_list(nullptr, list);
    EXPECT_EQ(os.User, nullptr);
    EXPECT_EQ(os.Domain, nullptr);
    EXPECT_EQ(os.Password, nullptr);
    EXPECT_EQ(os.UserLength + os.DomainLength + os.PasswordLength, 0U);
    EXPECT_EQ(text(os.PackageList, os.PackageListLength), u"!ntlm");
    EXPECT_EQ(os.Flags, static_cast<unsigned>(SEC_WINNT_AUTH_IDENTITY_UNICODE));
    const auto status = sspan::detail::auth_data::with(nullptr, {}, [](void* auth_data) {
        EXPECT_EQ(auth_data, nullptr) << "without a list";
        return SEC_E_NO_CREDENTIALS;
    });
    EXPECT_EQ(status, SEC_E_NO_CREDENTIALS);
}

TEST_F(identity_test, identity_only_is_a_flag_of_either_structure) {
    constexpr auto both = static_cast<unsigned>(SEC_WINNT_AUTH_IDENTITY_UNICODE | SEC_WINNT_AUTH_IDENTITY_ONLY);
    const identity who{L"alice", L"", L"x", {.content = sspan::identity_content::identity_only}};
    EXPECT_EQ(native(who).Flags, both);
    EXPECT_EQ(native_with_list(&who, not_ntlm()).Flags, both);
}

TEST_F(identity_test, opaque_one_is_lent_and_freed_once) {
    void* const opaque = loopback::make_identity(L"alice", L"LOOPBACK", L"correct horse");
    {
        auto who = identity::adopt(opaque);
        EXPECT_TRUE(who);
        const auto moved = std::move(who);
        EXPECT_FALSE(who);
        const auto status = moved.with_native([opaque](void* auth_data) {
            EXPECT_EQ(auth_data, opaque);
            return SEC_E_NO_CREDENTIALS;
        });
        EXPECT_EQ(status, SEC_E_NO_CREDENTIALS);
        EXPECT_EQ(loopback::live().identities, 1U);
    }
    EXPECT_EQ(loopback::calls(loopback::function::free_auth_identity), 1U);
    EXPECT_FALSE(identity::adopt(nullptr));
}

} // namespace
