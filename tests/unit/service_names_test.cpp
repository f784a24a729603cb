// SPDX-License-Identifier: MIT
//
// A server that accepts only some services.
#include <sspan/detail/client_target.hpp>

#include "allocation.hpp"
#include "conversation.hpp"
#include "profiles.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::string_literals;
using namespace testing_support;
using loopback::calls;
using loopback::function;
using sspan::errc;

constexpr ULONG client_specified_target = 27;
constexpr const char* call_name = "AcceptSecurityContext";

sspan::server_options server_of(std::vector<std::wstring> names) {
    sspan::server_options options;
    options.service_names = std::move(names);
    return options;
}

class service_names : public surface_test {
protected:
    /// Runs a handshake and returns the result of the server's finish.
    static outcome finish_with(std::vector<std::wstring> names) {
        conversation talk{which_profile().package, which_profile().client_options(), server_of(std::move(names)),
                          which_surface()};
        EXPECT_TRUE(succeeded(talk.run()));
        const auto contexts = loopback::live().contexts;
        const auto result = finish_outcome(talk.server, which_surface());
        EXPECT_EQ(loopback::live().contexts, contexts - 1) << "finish ends the server's context";
        return result;
    }
    static ::testing::AssertionResult refused(const outcome& result) {
        if (result.what.find("service_names") == std::string::npos) {
            return ::testing::AssertionFailure() << result.what;
        }
        return failed_with(result, errc::wrong_principal, call_name);
    }
};
INSTANTIATE_TEST_SUITE_P(each, service_names, each_profile_and_surface(), name_of{});

TEST_P(service_names, have_the_clients_target_among_them) {
    EXPECT_TRUE(succeeded(finish_with({service()})));
    EXPECT_TRUE(succeeded(finish_with({L"HTTP/a", L"HTTP/b", service()})));
    EXPECT_TRUE(succeeded(finish_with({L"http/SERVER.loopback.EXAMPLE"}))) << "case is ignored";
    EXPECT_TRUE(refused(finish_with({L"HTTP/a", L"HTTP/b"})));
    EXPECT_TRUE(refused(finish_with({service() + L"x"})));
    EXPECT_TRUE(refused(finish_with({service().substr(0, service().size() - 1)})));
    EXPECT_TRUE(refused(finish_with({L"CIFS/server.loopback.example"})));
}

TEST_P(service_names, are_compared_exactly_but_for_the_case_of_ascii) {
    loopback::configure().told_target = L"HTTP/\u00FCber.example";
    EXPECT_TRUE(succeeded(finish_with({L"http/\u00FCBER.example"})));
    EXPECT_TRUE(refused(finish_with({L"HTTP/\u00DCber.example"})));
    loopback::configure().told_target = L"HTTP/[host]";
    EXPECT_TRUE(succeeded(finish_with({L"HTTP/[host]"})));
    EXPECT_TRUE(refused(finish_with({L"HTTP/{host}"}))) << "not letters, although their codes differ by 32";
}

TEST_P(service_names, of_kerberos_may_go_on_with_a_realm) {
    loopback::configure().told_target = L"HTTP/server.example@REALM.EXAMPLE";
    if (which_profile().package == sspan::package::ntlm) {
        EXPECT_TRUE(refused(finish_with({L"HTTP/server.example"})));
    } else {
        EXPECT_TRUE(succeeded(finish_with({L"HTTP/server.example"})));
    }
    EXPECT_TRUE(succeeded(finish_with({L"HTTP/server.example@REALM.EXAMPLE"})));
    EXPECT_TRUE(refused(finish_with({L"HTTP/server.example@OTHER.EXAMPLE"})));
    EXPECT_TRUE(refused(finish_with({L"HTTP/server"})));
    EXPECT_TRUE(refused(finish_with({L"HTTP/server.example@REALM"})));
    EXPECT_TRUE(refused(finish_with({L"HTTP/server.example@"})));
    for (const auto* const told : {L"HTTP/server.example@", L"HTTP/server.example@a@b", L"HTTP/server.example@a/b",
                                   L"HTTP/server.examples@a", L"@a"}) {
        loopback::configure().told_target = told;
        EXPECT_TRUE(refused(finish_with({L"HTTP/server.example"}))) << std::wstring{told}.size();
    }
}

TEST_P(service_names, of_a_package_that_may_be_ntlm_go_on_with_no_realm) {
    loopback::configure().told_target = L"HTTP/server.example@REALM.EXAMPLE";
    loopback::configure().unsupported_attributes.push_back(12); // SECPKG_ATTR_NEGOTIATION_INFO
    conversation talk{which_profile().package, without_mutual_auth(), server_of({L"HTTP/server.example"}),
                      which_surface()};
    ASSERT_TRUE(succeeded(talk.run()));
    const auto result = finish_outcome(talk.server, which_surface());
    EXPECT_TRUE(which_profile().package == sspan::package::kerberos ? succeeded(result) : refused(result));
}

TEST_P(service_names, need_a_target) {
    const auto none = "AcceptSecurityContext was not given the client's target, which service_names need: SEC_E_WRONG"s;
    loopback::configure().told_target = L"";
    EXPECT_EQ(finish_with({service()}).what.substr(0, none.size()), none);
    loopback::configure().target_is_null = true;
    EXPECT_EQ(finish_with({service()}).what.substr(0, none.size()), none);
}

TEST_P(service_names, error_has_the_clients_target_and_no_control_characters) {
    loopback::configure().told_target = L"HTTP/x\n\u00FC\x7F~ y";
    const auto told =
        "AcceptSecurityContext was given a token for none of service_names, but for HTTP/x???~ y: SEC_E_"s;
    EXPECT_EQ(finish_with({service()}).what.substr(0, told.size()), told);
    loopback::configure().told_target = std::wstring(300, L'a');
    const auto text = finish_with({service()}).what;
    EXPECT_NE(text.find(" " + std::string(255, 'a') + ": SEC_E_"), std::string::npos);
}

TEST_P(service_names, need_a_package_that_tells_the_target) {
    loopback::configure().unsupported_attributes.push_back(client_specified_target);
    EXPECT_TRUE(failed_with(finish_with({service()}), errc::unsupported_function, "QueryContextAttributes"));
}

TEST_P(service_names, that_are_none_are_not_asked_for) {
    loopback::configure().unsupported_attributes.push_back(client_specified_target);
    EXPECT_TRUE(succeeded(finish_with({})));
}

TEST_P(service_names, that_are_no_names_are_refused_before_any_call) {
    std::vector<std::wstring> wrong{L"", L"HTTP/a\0b"s, L"\0"s};
    if constexpr (sizeof(wchar_t) > 2) {
        wrong.emplace_back(1, static_cast<wchar_t>(0xD800));
    }
    for (const auto& name : wrong) {
        conversation talk{which_profile().package, which_profile().client_options(), server_of({service(), name}),
                          which_surface()};
        ASSERT_TRUE(succeeded(talk.leg()));
        EXPECT_TRUE(failed_with(talk.leg(), errc::invalid_parameter, call_name));
    }
    EXPECT_EQ(calls(function::accept_security_context), 0U);
}

TEST_P(service_names, lack_of_memory_for_them_shows_in_the_constructor) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    const auto inbound = sspan::credentials::inbound(which_profile().package);
    const auto options = server_of({service(), service()});
    const auto with_failing_allocations = [&](const sspan::server_options& chosen) {
        std::size_t nth = 1;
        for (std::optional<sspan::server_handshake> server; !server; ++nth) {
            allocation::fail_at(nth);
            try {
                server.emplace(inbound, chosen);
            } catch (const std::bad_alloc&) {
                EXPECT_FALSE(server);
            }
            allocation::fail_at(0);
        }
        return nth;
    };
    EXPECT_EQ(with_failing_allocations(options), with_failing_allocations({}) + 3) << "the list and two names";
}

TEST_P(service_names, take_no_memory_in_finish) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    conversation talk{which_profile().package, which_profile().client_options(), server_of({service()})};
    ASSERT_TRUE(succeeded(talk.run()));
    std::error_code ec;
    const auto before = allocation::count();
    const auto context = std::move(talk.server).finish(ec);
    EXPECT_EQ(allocation::count(), before);
    EXPECT_TRUE(context);
}

} // namespace
