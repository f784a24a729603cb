// SPDX-License-Identifier: MIT
#include <sspan/transfer.hpp>

#include "allocation.hpp"
#include "conversation.hpp"
#include "profiles.hpp"

#include <sspan/attributes.hpp>
#include <sspan/impersonation.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace {

using namespace std::string_view_literals;
using namespace testing_support;
using loopback::calls;
using loopback::function;
using loopback::live;
using sspan::context_flags;
using sspan::errc;
using sspan::exported_context;

constexpr const char* exporting = "ExportSecurityContext";
constexpr const char* importing = "ImportSecurityContext";

template <class Context>
outcome export_it(surface form, Context& context, exported_context& exported) {
    return outcome_of(form, [&](auto&... ec) { exported = sspan::export_context(std::move(context), ec...); });
}

outcome import_it(surface form, exported_context& exported, sspan::client_context& context) {
    return outcome_of(
        form, [&](auto&... ec) { context = sspan::import_context<sspan::client_context>(std::move(exported), ec...); });
}
outcome import_it(surface form, exported_context& exported, sspan::server_context& context) {
    return outcome_of(
        form, [&](auto&... ec) { context = sspan::import_context<sspan::server_context>(std::move(exported), ec...); });
}

/// Returns the context that another process received.
exported_context received(std::wstring_view package, std::span<const std::byte> packed,
                          context_flags granted = context_flags::integrity) {
    exported_context made;
    made.packed = sspan::secret_bytes{packed};
    made.granted = granted;
    made.required = granted;
    made.is_server = true;
    made.package = package;
    return made;
}

class transfer : public surface_test {
protected:
    /// Exports the context and imports it again.
    template <class Context>
    static void move_over(Context& context) {
        const auto package = sspan::query_package_info(context).name;
        const auto granted = context.granted();
        const bool is_server = context.is_server();
        const auto expiry = context.expiry();
        const auto tokens = live().thread_tokens;
        exported_context exported;
        ASSERT_TRUE(succeeded(export_it(which_surface(), context, exported)));
        EXPECT_FALSE(context);
        EXPECT_FALSE(exported.packed.empty());
        EXPECT_EQ(static_cast<bool>(exported.token), is_server);
        EXPECT_EQ(exported.granted, granted);
        EXPECT_EQ(exported.is_server, is_server);
        EXPECT_EQ(exported.package, package);
        ASSERT_TRUE(succeeded(import_it(which_surface(), exported, context)));
        EXPECT_TRUE(context);
        EXPECT_TRUE(exported.packed.empty()) << "used once";
        EXPECT_FALSE(exported.token);
        EXPECT_EQ(live().thread_tokens, tokens + (is_server ? 1U : 0U)) << "the context owns it";
        EXPECT_EQ(context.expiry(), expiry);
        EXPECT_EQ(context.granted(), granted);
        EXPECT_EQ(context.is_server(), is_server);
    }
};
INSTANTIATE_TEST_SUITE_P(each, transfer, each_profile_and_surface(), name_of{});

TEST_P(transfer, both_sides_go_on_where_they_were) {
    auto pair = establish(which_profile());
    expect_working(pair.client, pair.server);
    move_over(pair.server);
    expect_working(pair.client, pair.server);
    move_over(pair.client);
    expect_working(pair.client, pair.server);
    expect_working(pair.server, pair.client);
    EXPECT_EQ(live().contexts, 2U);
    EXPECT_EQ(live().key_blocks, 0U) << "the package's copy is wiped and freed";
}

TEST_P(transfer, context_stays_while_a_guard_acts_for_its_client) {
    auto pair = establish(which_profile());
    exported_context exported;
    {
        const sspan::impersonation_guard as_client{pair.server};
        EXPECT_TRUE(failed_with(export_it(which_surface(), pair.server, exported), errc::not_owner, exporting));
        EXPECT_TRUE(pair.server);
    }
    EXPECT_TRUE(succeeded(export_it(which_surface(), pair.server, exported)));
}

TEST_P(transfer, import_that_is_believed_less_than_it_requires_is_refused) {
    const bool is_ntlm = which_profile().package == sspan::package::ntlm;
    auto pair = establish(which_profile());
    exported_context exported;
    ASSERT_TRUE(succeeded(export_it(which_surface(), pair.server, exported)));
    exported.granted |= context_flags::mutual_auth; // the exporter's package did not report that it is NTLM
    exported.required |= context_flags::mutual_auth;
    sspan::server_context imported;
    const auto result = import_it(which_surface(), exported, imported);
    EXPECT_TRUE(is_ntlm ? failed_with(result, errc::security_qos_failed, "QueryContextAttributes") : succeeded(result));
}

TEST_P(transfer, imported_server_can_impersonate) {
    auto pair = establish(which_profile());
    move_over(pair.server);
    const sspan::impersonation_guard as_client{pair.server};
    EXPECT_EQ(loopback::current_thread_client(), L"LOOPBACK\\alice");
}

/// Opens a signed message of the client at the server.
std::error_code open_signed(established& pair) {
    auto message = to_bytes("only signed");
    bytes token(pair.client.sizes().security_trailer);
    bytes padding(pair.client.sizes().block_size + 1U);
    const auto sent = pair.client.encrypt({.token = token, .data = message, .padding = padding},
                                          {.quality = sspan::quality_of_protection::integrity_only});
    bytes wire = copy_of(sent.data);
    wire.insert(wire.end(), sent.padding.begin(), sent.padding.end());
    std::error_code ec;
    const auto opened = pair.server.decrypt({.token = sent.token, .data = wire}, {}, ec);
    EXPECT_EQ(opened.data.empty(), static_cast<bool>(ec));
    return ec;
}

TEST_P(transfer, imported_context_requires_what_the_exported_one_required) {
    if (which_profile().package == sspan::package::ntlm) {
        GTEST_SUCCEED() << "NTLM encrypts even this";
        return;
    }
    sspan::server_options lenient;
    lenient.require &= ~context_flags::confidentiality;
    lenient.request |= context_flags::confidentiality;
    for (const bool strict : {true, false}) {
        auto pair = establish(which_profile().package, which_profile().client_options(),
                              strict ? sspan::server_options{} : lenient);
        move_over(pair.server);
        EXPECT_EQ(open_signed(pair), strict ? make_error_code(errc::qop_not_supported) : std::error_code{});
    }
}

TEST_P(transfer, client_is_not_imported_as_a_server) {
    auto pair = establish(which_profile());
    exported_context exported;
    ASSERT_TRUE(succeeded(export_it(which_surface(), pair.client, exported)));
    sspan::server_context server;
    EXPECT_TRUE(failed_with(import_it(which_surface(), exported, server), errc::invalid_parameter, importing));
    EXPECT_EQ(calls(function::import_security_context), 0U);
    ASSERT_TRUE(succeeded(import_it(which_surface(), exported, pair.client)));
    EXPECT_FALSE(pair.client.is_server());
    expect_working(pair.client, pair.server);
}

TEST_P(transfer, server_is_not_imported_as_a_client) {
    auto pair = establish(which_profile());
    exported_context exported;
    ASSERT_TRUE(succeeded(export_it(which_surface(), pair.server, exported)));
    sspan::client_context client;
    EXPECT_TRUE(failed_with(import_it(which_surface(), exported, client), errc::invalid_parameter, importing));
    EXPECT_EQ(calls(function::import_security_context), 0U);
    ASSERT_TRUE(succeeded(import_it(which_surface(), exported, pair.server)));
    EXPECT_TRUE(pair.server.is_server());
    expect_working(pair.client, pair.server);
}

TEST_P(transfer, import_that_is_not_told_what_is_required_is_refused) {
    auto pair = establish(which_profile());
    exported_context exported;
    ASSERT_TRUE(succeeded(export_it(which_surface(), pair.server, exported)));
    exported_context refilled;
    refilled.packed = std::move(exported.packed);
    refilled.granted = context_flags::integrity;
    refilled.is_server = true;
    refilled.package = exported.package;
    EXPECT_TRUE(failed_with(import_it(which_surface(), refilled, pair.server), errc::invalid_parameter, importing));
}

TEST_P(transfer, bytes_are_used_once_and_wiped) {
    auto pair = establish(which_profile());
    exported_context exported;
    ASSERT_TRUE(succeeded(export_it(which_surface(), pair.server, exported)));
    const auto size = exported.packed.size();
    const auto wiped = loopback::wiped_bytes();
    ASSERT_TRUE(succeeded(import_it(which_surface(), exported, pair.server)));
    EXPECT_GE(loopback::wiped_bytes() - wiped, size);
    sspan::server_context second;
    EXPECT_TRUE(failed_with(import_it(which_surface(), exported, second), errc::invalid_parameter, importing));
    EXPECT_EQ(calls(function::import_security_context), 1U);
}

TEST_P(transfer, failed_import_leaves_what_was_exported) {
    auto pair = establish(which_profile());
    exported_context exported;
    ASSERT_TRUE(succeeded(export_it(which_surface(), pair.server, exported)));
    loopback::fail_at(function::import_security_context, 1, SEC_E_INSUFFICIENT_MEMORY);
    EXPECT_TRUE(failed_with(import_it(which_surface(), exported, pair.server), errc::insufficient_memory, importing));
    ASSERT_TRUE(succeeded(import_it(which_surface(), exported, pair.server)));
    expect_working(pair.client, pair.server);
}

TEST_P(transfer, package_that_does_not_name_itself_is_not_exported) {
    auto pair = establish(which_profile());
    loopback::fail_at(function::query_context_attributes, 1, SEC_E_UNSUPPORTED_FUNCTION);
    exported_context exported;
    EXPECT_TRUE(failed_with(export_it(which_surface(), pair.server, exported), errc::unsupported_function,
                            "QueryContextAttributes"));
    EXPECT_EQ(calls(function::export_security_context), 0U);
    expect_working(pair.client, pair.server);
}

TEST_P(transfer, each_failure_of_the_export_leaves_the_context) {
    auto pair = establish(which_profile());
    for (const auto status : all_failures()) {
        loopback::fail_at(function::export_security_context, 1, status);
        exported_context exported;
        EXPECT_TRUE(failed_with(export_it(which_surface(), pair.server, exported), sspi_code(status), exporting));
        EXPECT_TRUE(exported.packed.empty());
        EXPECT_FALSE(exported.token);
    }
    expect_working(pair.client, pair.server);
}

TEST_P(transfer, export_without_bytes_is_an_internal_error) {
    auto pair = establish(which_profile());
    loopback::fail_at(function::export_security_context, 1, SEC_E_OK); // returns success without any effect
    exported_context exported;
    EXPECT_TRUE(failed_with(export_it(which_surface(), pair.server, exported), errc::internal_error, exporting));
    expect_working(pair.client, pair.server);
}

TEST_P(transfer, lack_of_memory_leaves_the_context_and_no_copy_of_the_keys) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    auto pair = establish(which_profile());
    exported_context exported;
    allocation::fail_at(1);
    const auto result = export_it(which_surface(), pair.server, exported);
    allocation::fail_at(0);
    EXPECT_EQ(result.code, errc::insufficient_memory);
    EXPECT_EQ(live().key_blocks, 0U);
    expect_working(pair.client, pair.server);
}

TEST_P(transfer, zero_state_cannot_be_exported) {
    sspan::client_context zero;
    exported_context exported;
    EXPECT_TRUE(failed_with(export_it(which_surface(), zero, exported), errc::invalid_handle, exporting));
    EXPECT_EQ(calls(function::export_security_context), 0U);
}

TEST_P(transfer, each_failure_of_the_import_leaves_nothing) {
    auto exported = received(which_profile().package, bytes(100));
    const auto before = calls(function::delete_security_context);
    for (const auto status : all_failures()) {
        loopback::fail_at(function::import_security_context, 1, status);
        sspan::server_context context;
        EXPECT_TRUE(failed_with(import_it(which_surface(), exported, context), sspi_code(status), importing));
        EXPECT_FALSE(context);
    }
    EXPECT_EQ(calls(function::delete_security_context), before);
}

TEST_P(transfer, misuse_06_import_whose_sizes_cannot_be_had_is_deleted) {
    auto pair = establish(which_profile());
    exported_context exported;
    ASSERT_TRUE(succeeded(export_it(which_surface(), pair.server, exported)));
    loopback::fail_at(function::query_context_attributes, 1, SEC_E_INSUFFICIENT_MEMORY);
    sspan::server_context context;
    EXPECT_TRUE(failed_with(import_it(which_surface(), exported, context), errc::insufficient_memory,
                            "QueryContextAttributes"));
    EXPECT_EQ(live().contexts, 1U) << "only the client's context is left";
}

TEST_P(transfer, altered_bytes_are_refused) {
    auto pair = establish(which_profile());
    exported_context exported;
    ASSERT_TRUE(succeeded(export_it(which_surface(), pair.server, exported)));
    auto packed = copy_of(exported.packed.get());
    packed[packed.size() / 2] ^= std::byte{1};
    exported.packed = sspan::secret_bytes{packed};
    sspan::server_context context;
    EXPECT_TRUE(failed_with(import_it(which_surface(), exported, context), errc::invalid_token, importing));
}

TEST_P(transfer, bad_arguments_are_refused_before_any_call) {
    sspan::server_context context;
    const auto refused = [&](exported_context exported) {
        return failed_with(import_it(which_surface(), exported, context), errc::invalid_parameter, importing);
    };
    EXPECT_TRUE(refused(received(L"Kerb\0eros"sv, bytes(100))));
    EXPECT_TRUE(refused(received(L"Kerberos", {})));
    EXPECT_TRUE(refused({}));
    auto wants_more = received(L"Kerberos", bytes(100));
    wants_more.required = context_flags::confidentiality;
    EXPECT_TRUE(refused(std::move(wants_more)));
    EXPECT_EQ(calls(function::import_security_context), 0U);
}

} // namespace
