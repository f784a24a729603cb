// SPDX-License-Identifier: MIT
#include "package_calls.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace fuzzing {

using sspan::context_flags;
using sspan::errc;

void package_calls::one_more() {
    using call = void (package_calls::*)();
    constexpr std::array<call, 15> calls{
        &package_calls::acquire,   &package_calls::adopt,       &package_calls::start_handshake,
        &package_calls::step,      &package_calls::finish,      &package_calls::protect,
        &package_calls::accept,    &package_calls::ask_context, &package_calls::enumerate,
        &package_calls::hand_over, &package_calls::impersonate, &package_calls::ask_credentials,
        &package_calls::halve,     &package_calls::establish,   &package_calls::accept,
    };
    (this->*in_->pick(calls))();
}

context_flags package_calls::flags() {
    return in_->flag() ? sspan::message_protection
                       : static_cast<context_flags>(in_->number<std::uint32_t>(0, 0x1FFFFF));
}

void package_calls::enumerate() {
    std::error_code ec;
    if (in_->flag()) {
        const auto list =
            on_either(ec, [&] { return sspan::enumerate_packages(ec); }, [] { return sspan::enumerate_packages(); });
        require(list.empty() || !ec, "a failure returns no list");
    } else {
        const auto name = in_->text(8);
        const auto info =
            on_either(ec, [&] { return sspan::query_package(name, ec); }, [&] { return sspan::query_package(name); });
        require(info.name.empty() || !ec, "a failure returns no value");
    }
}

void package_calls::acquire() {
    client_handshake_.reset();
    server_handshake_.reset();
    const std::wstring name = in_->flag() ? L"Negotiate" : in_->text(8);
    std::error_code ec;
    std::optional<sspan::identity> who;
    try {
        if (in_->flag()) {
            who.emplace(in_->text(8), in_->text(8), in_->text(8));
        } else if (in_->flag()) {
            who = sspan::identity::adopt(hostile::package::instance().make_identity());
        }
    } catch (const sspan::error& failure) {
        require(failure.code() == errc::invalid_parameter, "only invalid text is refused");
    }
    using sspan::credentials;
    const auto packages = in_->flag() ? in_->text(8) : std::wstring{};
    const sspan::credential_options options{packages,
                                            in_->flag() ? sspan::autologon::allowed : sspan::autologon::restricted};
    if (in_->rarely()) {
        const auto raw = hostile::package::instance().good_credentials();
        credentials_ = on_either(
            ec, [&] { return credentials::adopt(raw, name, ec); }, [&] { return credentials::adopt(raw, name); });
    } else if (in_->flag()) {
        credentials_ = on_either(
            ec,
            [&] {
                return who ? credentials::inbound(name, *who, options, ec) : credentials::inbound(name, options, ec);
            },
            [&] { return who ? credentials::inbound(name, *who, options) : credentials::inbound(name, options); });
    } else {
        credentials_ = on_either(
            ec,
            [&] {
                return who ? credentials::outbound(name, *who, options, ec) : credentials::outbound(name, options, ec);
            },
            [&] { return who ? credentials::outbound(name, *who, options) : credentials::outbound(name, options); });
    }
    require(static_cast<bool>(credentials_) != static_cast<bool>(ec), "the result is credentials or an error");
    require(!credentials_ || credentials_.max_token() != 0, "the longest token is not zero");
}

void package_calls::ask_credentials() {
    std::error_code ec;
    const auto name = on_either(
        ec, [&] { return sspan::query_user_name(credentials_, ec); },
        [&] { return sspan::query_user_name(credentials_); });
    require(name.empty() || !ec, "a failure returns no value");
    const auto proxy = in_->text(20);
    on_either(
        ec,
        [&] {
            sspan::set_kdc_proxy(credentials_, proxy, ec);
            return true;
        },
        [&] {
            sspan::set_kdc_proxy(credentials_, proxy);
            return true;
        });
}

void package_calls::start_handshake() {
    const auto bindings = in_->flag() ? bindings_of(in_->some(8)) : sspan::channel_bindings{};
    const sspan::handshake_limits limits{in_->flag() ? std::size_t{100} : in_->number(std::size_t{0}, std::size_t{64}),
                                         in_->number(0U, 16U)};
    const auto require_flags = in_->flag() ? context_flags::none : flags();
    if (in_->flag()) {
        const sspan::client_options options{require_flags, flags(), bindings, limits};
        client_handshake_.emplace(credentials_, in_->text(8), options);
    } else {
        const sspan::server_options options{require_flags, flags(), bindings, limits};
        server_handshake_.emplace(credentials_, options);
    }
}

void package_calls::step() {
    if (in_->flag()) {
        step(client_handshake_);
    } else {
        step(server_handshake_);
    }
}

template <class Handshake>
void package_calls::step(std::optional<Handshake>& handshake) {
    if (!handshake) {
        return;
    }
    const auto token = in_->sized(80);
    auto& package = hostile::package::instance();
    const auto steps = package.steps;
    std::error_code ec;
    sspan::handshake_step taken;
    if (in_->flag()) {
        taken = handshake->step(token, ec);
        require(lies_in(taken.token, package.step_output) || taken.token.empty(),
                "a returned token lies in the library's buffer");
        touch(taken.token);
    } else {
        try {
            taken = handshake->step(token);
            require(lies_in(taken.token, package.step_output), "a returned token lies in the library's buffer");
            touch(taken.token);
        } catch (const sspan::handshake_error& failure) {
            ec = failure.code();
            require(failure.token().size() <= std::max<std::size_t>(credentials_.max_token(), 65'535),
                    "an error token is within the limit");
            touch(failure.token());
        }
    }
    require(taken.used <= token.size(), "a step uses at most the whole input");
    require(steps != package.steps || ec, "a step without a call of the package is an error");
    if (ec && steps != package.steps) {
        require(handshake->step(token, ec).token.empty() && ec == errc::no_context, "a failure ends the handshake");
    }
}

void package_calls::finish() {
    std::error_code ec;
    if (in_->flag() && client_handshake_) {
        const auto missing = client_handshake_->missing();
        client_ = on_either(
            ec, [&] { return std::move(*client_handshake_).finish(ec); },
            [&] { return std::move(*client_handshake_).finish(); });
        require(missing == context_flags::none || ec, "an established context has all required flags");
        require(static_cast<bool>(client_) != static_cast<bool>(ec), "the result is a context or an error");
        client_handshake_.reset();
    } else if (server_handshake_) {
        const auto missing = server_handshake_->missing();
        server_ = on_either(
            ec, [&] { return std::move(*server_handshake_).finish(ec); },
            [&] { return std::move(*server_handshake_).finish(); });
        require(missing == context_flags::none || ec, "an established context has all required flags");
        require(static_cast<bool>(server_) != static_cast<bool>(ec), "the result is a context or an error");
        server_handshake_.reset();
    }
}

void package_calls::establish() {
    std::error_code ec;
    const auto send = [](std::span<const std::byte> token) { touch(token); };
    const auto send_or_fail = [&](std::span<const std::byte> token, std::error_code& failure) {
        touch(token);
        failure = in_->rarely() ? make_error_code(errc::illegal_message) : std::error_code{};
    };
    const auto receive = [&] { return in_->some(32); };
    const auto receive_or_fail = [&](std::error_code& failure) {
        failure = in_->rarely() ? make_error_code(errc::illegal_message) : std::error_code{};
        return in_->some(32);
    };
    const sspan::server_options options{in_->flag() ? context_flags::none : flags(), flags(), {}, {}};
    sspan::server_handshake handshake{credentials_, options};
    server_ = on_either(
        ec, [&] { return sspan::establish(std::move(handshake), send_or_fail, receive_or_fail, ec); },
        [&] { return sspan::establish(std::move(handshake), send, receive); });
    require(static_cast<bool>(server_) != static_cast<bool>(ec), "the result is a context or an error");
}

void package_calls::adopt() {
    const auto raw = hostile::package::instance().good_context();
    const auto granted = flags() | context_flags::integrity | context_flags::confidentiality;
    std::error_code ec;
    if (in_->flag()) {
        client_ = on_either(
            ec, [&] { return sspan::client_context::adopt(raw, granted, ec); },
            [&] { return sspan::client_context::adopt(raw, granted); });
    } else {
        server_ = on_either(
            ec, [&] { return sspan::server_context::adopt(raw, granted, ec); },
            [&] { return sspan::server_context::adopt(raw, granted); });
    }
}

template <class Told>
void package_calls::ask(Told (*with_code)(const sspan::security_context&, std::error_code&) noexcept,
                        Told (*throwing)(const sspan::security_context&)) {
    const auto& context = any_context();
    std::error_code ec;
    const auto told = on_either(ec, [&] { return with_code(context, ec); }, [&] { return throwing(context); });
    require(context || ec, "a query without a context is an error");
    if constexpr (requires { told.empty(); }) {
        require(!ec || told.empty(), "a failure returns no value");
    }
}

template <class Structure>
void package_calls::ask_raw() {
    const auto& context = any_context();
    std::error_code ec;
    const auto told = on_either(
        ec, [&] { return sspan::query_attribute<Structure>(context, ec); },
        [&] { return sspan::query_attribute<Structure>(context); });
    require(context || ec, "a query without a context is an error");
    if constexpr (requires { told.pPac; }) { // the caller frees the memory that SSPI gives to it
        const sspan::context_memory<void> owner{told.pPac};
    } else if constexpr (requires { told.MarshalledTargetInfo; }) {
        const sspan::context_memory<unsigned char> owner{told.MarshalledTargetInfo};
    }
}

void package_calls::ask_context() {
    switch (in_->number(0, 14)) {
    case 0:
        return ask<std::wstring>(sspan::query_user_name, sspan::query_user_name);
    case 1:
        return ask<std::wstring>(sspan::query_authority, sspan::query_authority);
    case 2:
        return ask<std::wstring>(sspan::query_client_specified_target, sspan::query_client_specified_target);
    case 3:
        return ask<sspan::native_names>(sspan::query_native_names, sspan::query_native_names);
    case 4:
        return ask<sspan::key_info>(sspan::query_key_info, sspan::query_key_info);
    case 5:
        return ask<sspan::secret_bytes>(sspan::query_session_key, sspan::query_session_key);
    case 6:
        return ask_raw<SecPkgContext_TargetInformation>();
    case 7:
        return ask<sspan::package_info>(sspan::query_package_info, sspan::query_package_info);
    case 8:
        return ask<sspan::negotiation_info>(sspan::query_negotiation_info, sspan::query_negotiation_info);
    case 9:
        return ask_raw<sspan::detail::SecPkgContext_DceInfo>();
    case 10:
        return ask<sspan::lifespan>(sspan::query_lifespan, sspan::query_lifespan);
    case 11:
        return ask<std::optional<std::chrono::system_clock::time_point>>(sspan::query_password_expiry,
                                                                         sspan::query_password_expiry);
    case 12:
        return ask<context_flags>(sspan::query_flags, sspan::query_flags);
    case 13:
        return ask_raw<SecPkgContext_AccessToken>();
    default:
        return ask_raw<sspan::detail::SecPkgContext_LastClientTokenStatus>();
    }
}

void package_calls::hand_over() {
    std::error_code ec;
    if (in_->flag()) {
        const bool was = static_cast<bool>(client_);
        const auto exported = on_either(
            ec, [&] { return sspan::export_context(std::move(client_), ec); },
            [&] { return sspan::export_context(std::move(client_)); });
        require(ec ? static_cast<bool>(client_) == was : !client_,
                "an exported context is gone; after a failure it stays");
        require(exported.packed.empty() == static_cast<bool>(ec), "the result is bytes or an error");
    } else {
        sspan::exported_context exported;
        exported.package = in_->text(8);
        exported.packed = sspan::secret_bytes{in_->some(16)};
        exported.granted = flags();
        exported.required = in_->flag() ? context_flags::none : flags();
        exported.is_server = !in_->rarely();
        server_ = on_either(
            ec, [&] { return sspan::import_context<sspan::server_context>(std::move(exported), ec); },
            [&] { return sspan::import_context<sspan::server_context>(std::move(exported)); });
        require(static_cast<bool>(server_) != static_cast<bool>(ec), "the result is a context or an error");
        require(ec || exported.packed.empty(), "exported bytes are used only once");
    }
}

void package_calls::ask_token() {
    std::error_code ec;
    const bool is_primary = on_either(ec, [&] { return token_.is_primary(ec); }, [&] { return token_.is_primary(); });
    require(!ec || !is_primary, "a failure returns no value");
    const auto level = on_either(ec, [&] { return token_.level(ec); }, [&] { return token_.level(); });
    require(!ec || level == sspan::impersonation_level::anonymous, "a failure returns no value");
    const auto wanted = static_cast<sspan::impersonation_level>(in_->number(0, 3));
    auto other = on_either(ec, [&] { return token_.duplicate(wanted, ec); }, [&] { return token_.duplicate(wanted); });
    require(static_cast<bool>(other) != static_cast<bool>(ec), "the result is a token or an error");
    const auto primary = on_either(ec, [&] { return token_.to_primary(ec); }, [&] { return token_.to_primary(); });
    require(static_cast<bool>(primary) != static_cast<bool>(ec), "the result is a token or an error");
    if (other && in_->flag()) {
        token_ = std::move(other);
    }
}

void package_calls::impersonate() {
    auto& package = hostile::package::instance();
    std::error_code ec;
    if (in_->flag()) {
        token_ = on_either(
            ec, [&] { return sspan::query_security_context_token(server_, ec); },
            [&] { return sspan::query_security_context_token(server_); });
        require(static_cast<bool>(token_) != static_cast<bool>(ec), "the result is a token or an error");
        return ask_token();
    }
    const bool by_token = in_->flag();
    const auto before = package.acts_as();
    const sspan::impersonation_options options{static_cast<sspan::impersonation_level>(in_->number(0, 3)), nullptr,
                                               nullptr};
    const bool reverts_early = in_->flag();
    // The guard is not on the stack, so that the stack holds no rest of it when the process "ends".
    alignas(sspan::impersonation_guard) static std::byte memory[sizeof(sspan::impersonation_guard)];
    std::jmp_buf end;
    package.process_end = &end;
    auto* const guard = reinterpret_cast<sspan::impersonation_guard*>(memory);
    if (setjmp(end) == 0) {
        std::error_code failed;
        if (by_token) {
            ::new (static_cast<void*>(memory)) sspan::impersonation_guard{token_, options, failed};
        } else {
            ::new (static_cast<void*>(memory)) sspan::impersonation_guard{server_, options, failed};
        }
        require(guard->active() != static_cast<bool>(failed), "the thread acts as the client, or there is an error");
        require(failed || guard->level() >= options.require, "the level is at least the required one");
        if (reverts_early && (guard->revert(failed) || !guard->active())) {
            require(!guard->active() && package.acts_as() == before, "the thread acts as before");
        }
        std::destroy_at(guard);
        require(package.acts_as() == before, "the thread acts as before");
    } else {
        package.process_has_ended = true;
        std::destroy_at(guard); // frees its reference to the context
        package.process_has_ended = false;
        static_cast<void>(token_.release());
        package.end_of_process();
    }
    package.process_end = nullptr;
}

void package_calls::halve() {
    std::error_code ec;
    auto halves =
        on_either(ec, [&] { return std::move(client_).split(ec); }, [&] { return std::move(client_).split(); });
    require(static_cast<bool>(halves.sender) != static_cast<bool>(ec) && !client_,
            "the context is split, or the result is an error");
    halves_.sender = std::move(halves.sender);
    if (in_->flag()) { // otherwise the halves belong to different contexts
        halves_.receiver = std::move(halves.receiver);
    }
}

} // namespace fuzzing
