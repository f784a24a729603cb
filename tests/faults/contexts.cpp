// SPDX-License-Identifier: MIT
#include "scenario.hpp"

#include "unit/messages.hpp"

#include <sspan/access_token.hpp>
#include <sspan/attributes.hpp>
#include <sspan/impersonation.hpp>
#include <sspan/transfer.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace faults {

namespace {

/// Returns true for attributes that a context does not need: its package and its expiry.
bool is_dispensable(const call& which) {
    return which.which == function::query_context_attributes &&
           (which.flags == SECPKG_ATTR_NEGOTIATION_INFO || which.flags == SECPKG_ATTR_LIFESPAN);
}

using sspan::errc;

class attributes final : public scenario {
public:
    explicit attributes(const profile& which) : pair_{establish(which)} {
        constexpr auto empty = [](const auto& value) { return value.empty(); };
        const auto& client = pair_.client;
        const auto& server = pair_.server;

#define SSPAN_ASK(function) #function, [](auto&&... arguments) { return sspan::function(arguments...); }
        query(server, SSPAN_ASK(query_user_name), empty);
        query(
            server, SSPAN_ASK(query_lifespan), [](const auto& life) { return !life.start && !life.expiry; },
            points_to::nothing);
        query(server, SSPAN_ASK(query_password_expiry), [](const auto& expiry) { return !expiry; }, points_to::nothing);
        query(server, SSPAN_ASK(query_key_info),
              [](const auto& info) { return info.signature_algorithm.empty() && info.encrypt_algorithm.empty(); });
        query(server, SSPAN_ASK(query_authority), empty);
        query(client, SSPAN_ASK(query_session_key), empty);
        query(client, SSPAN_ASK(query_package_info), [](const auto& info) { return info.name.empty(); });
        query(client, SSPAN_ASK(query_negotiation_info), [](const auto& info) { return info.package.name.empty(); });
        query(client, SSPAN_ASK(query_native_names),
              [](const auto& names) { return names.client.empty() && names.server.empty(); });
        query(
            client, SSPAN_ASK(query_flags), [](auto flags) { return flags == sspan::context_flags::none; },
            points_to::nothing);
        query(server, SSPAN_ASK(query_client_specified_target), empty);
#undef SSPAN_ASK
        query(
            server, "query_attribute",
            [](const auto& context, auto&... ec) {
                return sspan::query_attribute<SecPkgContext_Flags>(context, ec...);
            },
            [](const auto& told) { return told.Flags == 0; }, points_to::nothing);

        adopt("security_context::adopt", pair_.client);
        adopt("server_context::adopt", pair_.server);
    }

private:
    /// Says whether the attribute's structure has a pointer, which must not be null.
    enum class points_to : unsigned char { something, nothing };

    template <class Context, class Ask, class IsNothing>
    void query(const Context& context, const char* name, Ask ask, IsNothing is_nothing,
               points_to what = points_to::something) {
        using value = decltype(ask(context));
        const auto told = std::make_shared<value>();
        auto& added = add(name, [=, &context](auto&... ec) { *told = ask(context, ec...); });
        added.prepare = [told] { *told = value{}; };
        added.holds = [=] { return !is_nothing(*told); };
        added.holds_after_failure = [=] { return is_nothing(*told); };
        added.differs = [=](const call& which, const fault& wrong) -> std::optional<expectation> {
            if (which.which == function::query_context_attributes && wrong.how == fault::kind::lies &&
                what == points_to::nothing) {
                return expectation{{}, after::go_on, [=] { return is_nothing(*told); }};
            }
            return std::nullopt;
        };
    }

    template <class Context>
    void adopt(const char* name, Context& context) {
        auto& added = add(name, [&context](auto&... ec) {
            const auto granted = context.granted();
            context = Context::adopt(context.release(), granted, ec...);
        });
        const auto contexts = std::make_shared<std::size_t>(0);
        added.prepare = [contexts] { *contexts = loopback::live().contexts; };
        added.holds = [&context] { return context && context.sizes().max_signature != 0; };
        added.holds_after_failure = [&context, contexts] { // the handle was deleted
            return !context && loopback::live().contexts == *contexts - 1;
        };
        added.after_failure = after::stop;
        added.differs = [&context](const call& which, const fault& wrong) -> std::optional<expectation> {
            if (is_dispensable(which)) {
                return expectation{};
            }
            if (which.which == function::query_context_attributes && wrong.how == fault::kind::lies) {
                return expectation{
                    {}, after::go_on, [&context] { return context && context.sizes().max_signature == 0; }};
            }
            return std::nullopt;
        };
    }

    established pair_;
};

class transfer final : public scenario {
public:
    explicit transfer(const profile& which) : pair_{establish(which)} {
        auto& token = add("query_security_context_token",
                          [this](auto&... ec) { token_ = sspan::query_security_context_token(pair_.server, ec...); });
        token.prepare = [this] { token_ = {}; };
        token.holds = [this] { return static_cast<bool>(token_); };
        token.holds_after_failure = [this] { return !token_ && loopback::live().thread_tokens == 0; };
        token.allocates_nothing = true;
        ask_token("access_token::is_primary", [](const sspan::access_token& of, auto&... ec) {
            return !of.is_primary(ec...) && (true && ... && !ec);
        });
        ask_token("access_token::level", [](const sspan::access_token& of, auto&... ec) {
            return of.level(ec...) == sspan::impersonation_level::impersonation;
        });
        make_token("access_token::duplicate", [](const sspan::access_token& of, auto&... ec) {
            return of.duplicate(sspan::impersonation_level::identification, ec...);
        });
        make_token("access_token::to_primary",
                   [](const sspan::access_token& of, auto&... ec) { return of.to_primary(ec...); });
        give_and_take(pair_.server, [](auto&&... arguments) {
            return sspan::import_context<sspan::server_context>(std::forward<decltype(arguments)>(arguments)...);
        });
        give_and_take(pair_.client, [](auto&&... arguments) {
            return sspan::import_context<sspan::client_context>(std::forward<decltype(arguments)>(arguments)...);
        });

        auto& works = add(
            "they talk",
            [this](std::error_code& ec) {
                signature_ = pair_.client.sign(message_, room_, {}, ec);
                right_ = !ec && pair_.server.verify(message_, signature_, {}, ec);
            },
            [this] {
                signature_ = pair_.client.sign(message_, room_);
                pair_.server.verify(message_, signature_);
                right_ = true;
            });
        works.prepare = [this] {
            room_.assign(pair_.client.sizes().max_signature, std::byte{0});
            right_ = false;
        };
        works.holds = [this] { return right_; };
        works.holds_after_failure = [this] { return !right_; };
        works.after_failure = after::stop; // one side may have advanced its sequence number
        works.after_odd_success = after::stop;
        works.allocates_nothing = true;
    }

private:
    template <class Ask>
    void ask_token(const char* name, Ask ask) {
        auto& added = add(name, [this, ask](auto&... ec) { right_ = ask(token_, ec...); });
        added.prepare = [this] { right_ = false; };
        added.holds = [this] { return right_; };
        added.holds_after_failure = [this] { return !right_; };
        added.allocates_nothing = true;
    }

    template <class Make>
    void make_token(const char* name, Make make) {
        auto& added = add(name, [this, make](auto&... ec) { made_ = make(token_, ec...); });
        added.prepare = [this] { made_ = {}; };
        added.holds = [this] { return made_ && loopback::live().thread_tokens == 2; };
        added.holds_after_failure = [this] { return !made_ && loopback::live().thread_tokens == 1; };
        added.allocates_nothing = true;
    }

    template <class Context, class Import>
    void give_and_take(Context& context, Import import) {
        auto& given = add("export_context", [this, &context](auto&... ec) {
            exported_ = sspan::export_context(std::move(context), ec...);
        });
        given.prepare = [this] { exported_ = {}; };
        given.holds = [this, &context] { return !exported_.packed.empty() && !context; };
        given.holds_after_failure = [this, &context] { // the context is unchanged, and nothing else exists
            return exported_.packed.empty() && !exported_.token && context && loopback::live().key_blocks == 0;
        };

        auto& taken = add("import_context",
                          [this, &context, import](auto&... ec) { context = import(std::move(exported_), ec...); });
        taken.holds = [this, &context] {
            return context && context.sizes().max_signature != 0 && exported_.packed.empty() && !exported_.token;
        };
        // Only the other side's context exists, and the import can be repeated.
        taken.holds_after_failure = [this, &context] {
            return !context && loopback::live().contexts == 1 && !exported_.packed.empty();
        };
        taken.differs = [this, &context](const call& which, const fault& wrong) -> std::optional<expectation> {
            if (is_dispensable(which)) {
                return expectation{};
            }
            if (which.which == function::query_context_attributes && wrong.how == fault::kind::lies) {
                return up_to_the_package(); // sizes of zero
            }
            const bool is_imported =
                (which.which == function::query_context_attributes && wrong.how == fault::kind::fails) ||
                (which.which == function::import_security_context && !wrong.instead());
            if (is_imported) { // the exported data is used up
                const auto nothing_is_left = [this, &context] {
                    return !context && loopback::live().contexts == 1 && exported_.packed.empty() && !exported_.token;
                };
                return expectation{sspi_code(wrong.status), after::stop, nothing_is_left};
            }
            return std::nullopt;
        };
    }

    established pair_;
    std::wstring_view package_;
    sspan::access_token token_;
    sspan::access_token made_;
    sspan::exported_context exported_;
    const bytes message_ = numbered(40);
    bytes room_;
    std::span<std::byte> signature_;
    bool right_ = false;
};

/// Two clients, one inside the other; then the inner one again, by its access token. If the end of a guard fails, the
/// process ends, so revert_death_test.cpp tests that.
class impersonation final : public scenario {
public:
    explicit impersonation(const profile& which)
        : alice_{establish(which)}, bob_{of_bob(which)}, token_{sspan::query_security_context_token(bob_.server)} {
        start("the outer guard", alice_.server, outer_, L"", L"LOOPBACK\\alice");
        start("the inner guard", bob_.server, inner_, L"LOOPBACK\\alice", L"LOOPBACK\\bob");
        revert("the inner guard's revert", inner_, L"LOOPBACK\\alice", {5, 3});
        start("the guard over a token", token_, inner_, L"LOOPBACK\\alice", L"LOOPBACK\\bob");
        revert("its revert", inner_, L"LOOPBACK\\alice", {9, 7});
        revert("the outer guard's revert", outer_, L"", {11, 10});
    }

private:
    static established of_bob(const profile& which) {
        auto outbound = sspan::credentials::outbound(which.package, {L"bob", L"LOOPBACK", L"battery staple"});
        auto inbound = sspan::credentials::inbound(which.package);
        sspan::client_handshake client{outbound, service(), which.client_options()};
        sspan::server_handshake server{inbound};
        testing_support::run(client, server);
        auto client_context = std::move(client).finish();
        auto server_context = std::move(server).finish();
        return {std::move(outbound), std::move(inbound), std::move(client_context), std::move(server_context)};
    }

    using guard = std::optional<sspan::impersonation_guard>;

    template <class Client>
    void start(const char* name, const Client& context, guard& which, std::wstring_view before,
               std::wstring_view after) {
        auto& added = add(
            name,
            [&context, &which](std::error_code& ec) { which.emplace(context, sspan::impersonation_options{}, ec); },
            [&context, &which] { which.emplace(context); });
        added.prepare = [&which] { which.reset(); };
        added.holds = [&which, after] { return which->active() && loopback::current_thread_client() == after; };
        added.holds_after_failure = [&which, before] {
            return (!which || !which->active()) && loopback::current_thread_client() == before;
        };
        added.allocates_nothing = true;
        added.differs = [before](const call& called, const fault& wrong) -> std::optional<expectation> {
            if (called.which != function::open_thread_token) {
                return std::nullopt;
            }
            if (wrong.status == ERROR_ACCESS_DENIED) { // sspan then asks again as the client
                return expectation{{}, after::go_on};
            }
            const bool is_first = !before.empty() ? called.nth % 2 == 1 : called.nth == 1;
            if (is_first && wrong.status == ERROR_NO_TOKEN) { // sspan restores the token that the system reports
                return expectation{{}, before.empty() ? after::go_on : after::stop};
            }
            if (!is_first && wrong.status == ERROR_CANT_OPEN_ANONYMOUS) {
                return expectation{errc::bad_impersonation_level, after::retry};
            }
            return std::nullopt;
        };
    }

    /// The last calls that look for the client. Later calls check the restored token.
    struct look {
        std::size_t open;
        std::size_t id;
    };

    void revert(const char* name, guard& which, std::wstring_view after, look first) {
        auto& added = add(
            name, [&which](std::error_code& ec) { static_cast<void>(which->revert(ec)); },
            [&which] { which->revert(); });
        added.holds = [&which, after] { return !which->active() && loopback::current_thread_client() == after; };
        added.holds_after_failure = [&which] { return which->active(); };
        added.allocates_nothing = true;
        const auto holds = added.holds;
        added.differs = [holds, first, &which](const call& called, const fault& wrong) -> std::optional<expectation> {
            const bool opens = called.which == function::open_thread_token;
            const auto is_active = [&which] { return which->active(); };
            if (opens && wrong.status == ERROR_ACCESS_DENIED) { // sspan then asks again as the client
                return expectation{{}, after::go_on, holds};
            }
            if (called.nth > (opens ? first.open : first.id) &&
                (opens || called.which == function::query_token_id)) { // the check of the restored token
                const bool is_lost = wrong.status == ERROR_NO_TOKEN && (opens || called.nth == first.id + 1);
                return expectation{is_lost ? make_error_code(errc::internal_error) : win32_code(wrong.status),
                                   after::retry, is_active, false, "OpenThreadToken"};
            }
            switch (called.which) {
            case function::revert_security_context: // SetThreadToken then restores the thread
                return expectation{{}, after::go_on, holds};
            // The search for the client; its failure is reported after the thread is restored.
            case function::open_thread_token:
            case function::query_token_id: {
                const auto code = wrong.status == ERROR_NO_TOKEN || wrong.status == ERROR_CANT_OPEN_ANONYMOUS
                                      ? make_error_code(errc::no_impersonation_token)
                                      : win32_code(wrong.status);
                return expectation{code, after::retry, holds, false, "OpenThreadToken"};
            }
            default:
                return std::nullopt;
            }
        };
    }

    static std::error_code win32_code(SECURITY_STATUS status) {
        return sspi_code(sspi_status(0x80070000U | static_cast<unsigned>(status)));
    }

    established alice_;
    established bob_;
    sspan::access_token token_;
    guard outer_; // the inner guard is destroyed first
    guard inner_;
};

} // namespace

std::unique_ptr<scenario> attributes_scenario(const profile& which) {
    return std::make_unique<attributes>(which);
}
std::unique_ptr<scenario> transfer_scenario(const profile& which) {
    return std::make_unique<transfer>(which);
}
std::unique_ptr<scenario> impersonation_scenario(const profile& which) {
    return std::make_unique<impersonation>(which);
}

} // namespace faults
