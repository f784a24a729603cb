// SPDX-License-Identifier: MIT
//
// The inner half of a handshake step: turns, identities, granted flags and keys.
#include "handshake_outcome.hpp"
#include "handshake_token.hpp"
#include "text.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace loopback {

namespace {

constexpr ULONG message_flags = isc_replay_detect | isc_sequence_detect | isc_confidentiality | isc_integrity;
constexpr ULONG client_flags = isc_delegate | isc_mutual_auth | isc_dce_style | isc_identify;

/// Adds integrity: replay detection, sequence detection and sealing need a check of each message.
constexpr ULONG with_implied(ULONG flags) {
    return (flags & (message_flags & ~isc_integrity)) != 0 ? flags | isc_integrity : flags;
}

ULONG decide(ULONG client, ULONG server, package mechanism, unsigned legs) {
    ULONG flags = with_implied(client) & (client_flags | isc_datagram | with_implied(server));
    flags &= mechanism == package::ntlm ? message_flags | isc_identify | isc_datagram : message_flags | client_flags;
    if (legs == 1) { // the server sends no token
        flags &= ~isc_mutual_auth;
    }
    if ((flags & isc_mutual_auth) == 0) {
        flags &= ~isc_delegate;
    }
    return flags;
}

bool known_service(const options& settings, std::u16string_view target) {
    const auto is_target = [target](const std::wstring& name) { return same_name(to_utf16(name), target); };
    return is_target(settings.service_name) || std::ranges::any_of(settings.other_services, is_target);
}

/// Returns the time in SSPI's units, as if the local time were UTC.
std::int64_t time_now() {
    constexpr std::int64_t unix_epoch = 116444736000000000;
    using ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
    return unix_epoch + std::chrono::duration_cast<ticks>(std::chrono::system_clock::now().time_since_epoch()).count();
}

const account* find_account(const options& settings, std::u16string_view user) {
    const auto found = std::ranges::find_if(
        settings.accounts, [user](const account& entry) { return same_name(to_utf16(entry.user), user); });
    return found == settings.accounts.end() ? nullptr : &*found;
}

} // namespace

const side& engine::side_of(const context& ctx) const noexcept {
    return ctx.side == role::client ? settings.client : settings.server;
}

digest engine::make_nonce() noexcept {
    return siphash(secret()).update(0x6e6f6e6365U).update(nonces_++).finish();
}

digest engine::proof_of(std::u16string_view user, std::u16string_view password, bool logged_on) const {
    siphash hash(secret());
    hash.update(logged_on ? 1U : 2U);
    const auto add = [&hash](std::u16string_view text) {
        hash.update(text.size());
        for (const char16_t unit : text) {
            hash.update(std::uint64_t{unit});
        }
    };
    std::u16string folded{user};
    std::ranges::transform(folded, folded.begin(), [](char16_t unit) {
        return unit >= u'A' && unit <= u'Z' ? static_cast<char16_t>(unit + (u'a' - u'A')) : unit;
    });
    add(folded);
    add(logged_on ? std::u16string_view{} : password);
    return hash.finish();
}

void engine::grant(context& ctx, ULONG asked) const {
    const auto& how = side_of(ctx);
    ULONG flags = ctx.decided | (asked & (isc_use_session_key | isc_connection | isc_allocate_memory));
    if (settings.stream_framing) {
        flags |= asked & isc_stream;
    }
    if (profile_of(ctx.offered).extended_error) {
        flags |= asked & isc_extended_error;
    }
    if (ctx.mechanism == package::ntlm && settings.ntlm.claims_mutual_auth) {
        flags |= asked & isc_mutual_auth;
    }
    if (ctx.side == role::server) {
        flags = to_asc(flags);
    }
    ctx.attributes = (flags | how.add_flags) & ~how.deny_flags;
    ctx.granted = ctx.side == role::client ? ctx.attributes : to_isc(ctx.attributes);
}

void engine::derive_keys(context& ctx) const {
    ctx.session_key =
        siphash(secret()).update(ctx.client_nonce).update(ctx.server_nonce).update(std::uint64_t{ctx.legs}).finish();
    const auto part = [&ctx](std::uint64_t label) { return siphash(ctx.session_key).update(label).finish(); };
    const auto fill = [&part](direction& way, std::uint64_t label) {
        way.mac = part(label);
        const auto low = part(label + 1);
        const auto high = part(label + 2);
        std::ranges::copy(low, way.cipher.begin());
        std::ranges::copy(high, way.cipher.begin() + static_cast<std::ptrdiff_t>(low.size()));
    };
    const bool client = ctx.side == role::client;
    fill(client ? ctx.send : ctx.receive, 0x10);
    fill(client ? ctx.receive : ctx.send, 0x20);
    ctx.keyed = true;
}

SECURITY_STATUS engine::choose_mechanism(context& ctx, ULONG asked) const {
    const credential& who = *ctx.owner;
    const bool known = known_service(settings, ctx.target);
    const bool chooses = ctx.offered == package::negotiate;
    if (chooses) {
        const bool falls_back = settings.fall_back_to_ntlm && !known;
        ctx.mechanism = who.allows_kerberos && !falls_back ? settings.negotiate_winner : package::ntlm;
    }
    const bool needs_logon = (who.use & SECPKG_CRED_AUTOLOGON_RESTRICTED) != 0 && !who.explicit_identity;
    if (who.no_network || needs_logon || (chooses && ctx.mechanism == package::ntlm && !who.allows_ntlm)) {
        return SEC_E_NO_CREDENTIALS;
    }
    if (chooses && ctx.mechanism == package::ntlm && who.names_ntlm) {
        ctx.offered = package::ntlm; // tokens without SPNEGO around them
    }
    auto legs = profile_of(ctx.mechanism == package::ntlm ? package::ntlm : ctx.offered).legs;
    if (ctx.offered == package::negotiate && ctx.mechanism == package::ntlm) {
        legs += legs % 2; // the last token is the server's: it reports success
    }
    ctx.legs = std::clamp(legs, 1U, 8U);
    if (ctx.mechanism == package::ntlm) {
        return SEC_E_OK;
    }
    if ((asked & isc_dce_style) != 0) {
        ctx.legs = std::clamp(settings.dce_legs, 1U, 8U);
    }
    return ask_kdc(who, known);
}

/// Asks the KDC for a ticket, as Kerberos does now. A wrong password fails here.
SECURITY_STATUS engine::ask_kdc(const credential& who, bool target_is_known) const {
    const bool has_ticket = !who.explicit_identity && settings.has_service_ticket;
    const auto is_domain = [&who](const std::wstring& name) { return same_name(to_utf16(name), who.domain); };
    if ((!settings.kdc_answers && !has_ticket) || std::ranges::any_of(settings.unknown_domains, is_domain)) {
        return SEC_E_NO_AUTHENTICATING_AUTHORITY;
    }
    if (!who.explicit_identity) { // no evidence for the statuses of a bad ticket
        switch (settings.ticket) {
        case ticket_state::none:
            return SEC_E_NO_CREDENTIALS;
        case ticket_state::expired:
            return SEC_E_CONTEXT_EXPIRED;
        case ticket_state::skewed_for_kdc:
            return SEC_E_TIME_SKEW;
        case ticket_state::good:
        case ticket_state::skewed_for_server:
            break;
        }
    } else {
        const auto* entry = find_account(settings, who.user);
        if (entry == nullptr || to_utf16(entry->password) != who.password) {
            return SEC_E_LOGON_DENIED;
        }
        if (who.ticket_end != 0 && who.ticket_end < time_now()) {
            return SEC_E_CONTEXT_EXPIRED;
        }
    }
    return target_is_known ? SEC_E_OK : SEC_E_TARGET_UNKNOWN;
}

engine::outcome engine::first_leg(context& ctx, ULONG asked) {
    outcome result;
    result.status = choose_mechanism(ctx, asked);
    if (result.status < 0) {
        return result;
    }
    if (ctx.legs == 1 && settings.client.incomplete_credentials && !std::exchange(ctx.nagged_for_credentials, true)) {
        result.status = SEC_I_INCOMPLETE_CREDENTIALS;
        return result;
    }
    ctx.user = ctx.owner->user;
    ctx.domain = ctx.owner->domain;
    ctx.decided = decide(asked, message_flags, ctx.mechanism, ctx.legs);
    ctx.client_nonce = make_nonce();
    make_token(ctx, result);
    return result;
}

void engine::make_token(context& ctx, outcome& result) {
    const bool client = ctx.side == role::client;
    handshake_token token;
    token.leg = ++ctx.leg;
    token.legs = ctx.legs;
    token.offered = ctx.offered;
    token.mechanism = ctx.mechanism;
    // The token that SPNEGO adds at the end contains no NTLM message.
    token.shows_ntlm = settings.shows_ntlm && token.mechanism == package::ntlm && token.leg <= settings.ntlm.legs;
    token.flags = ctx.decided;
    token.previous = ctx.last_check;
    if (client) {
        const credential& who = *ctx.owner;
        token.nonce = ctx.client_nonce;
        token.has_bindings = ctx.has_bindings;
        token.bindings = ctx.bindings;
        token.user = who.user;
        token.domain = who.domain;
        token.target = ctx.target;
        token.proof = proof_of(who.user, who.password, !who.explicit_identity);
    } else {
        if (token.leg == 2) {
            ctx.server_nonce = make_nonce();
        }
        token.nonce = ctx.server_nonce;
    }
    result.token = encode(token, secret(), settings.token_size);
    ctx.last_check = check_of(result.token);
    if (ctx.leg == 2 || ctx.legs == 1) {
        derive_keys(ctx);
    }
    if (ctx.leg == ctx.legs) {
        ctx.at = phase::done;
    }
}

void engine::make_error_token(const context& ctx, const handshake_token* answered, const digest& check,
                              outcome& result) {
    handshake_token token;
    token.kind = token_kind::error;
    token.shows_ntlm = settings.errors_show_ntlm;
    token.offered = ctx.offered;
    token.mechanism = ctx.mechanism;
    const auto status = result.status == SEC_E_INVALID_HANDLE ? SEC_E_INVALID_TOKEN : result.status;
    token.status = static_cast<std::uint32_t>(status);
    if (answered != nullptr) {
        token.leg = answered->leg + 1;
        token.legs = answered->legs;
        token.previous = check;
    }
    result.token = encode(token, secret(), 0);
}

engine::outcome engine::advance(context& ctx, ULONG asked, std::span<const std::byte> input) {
    outcome result;
    const bool client = ctx.side == role::client;
    if (client && ctx.leg == 0) {
        if (!input.empty()) {
            result.status = SEC_E_INVALID_TOKEN;
            return result;
        }
        return first_leg(ctx, asked);
    }
    handshake_token token;
    const auto read = decode(input, secret(), token, result.used);
    if (read == decoded::incomplete && settings.stream_framing) {
        result.status = SEC_E_INCOMPLETE_MESSAGE;
        return result;
    }
    const auto& how = side_of(ctx);
    if (how.incomplete_credentials && (!client || ctx.legs > 1) && !std::exchange(ctx.nagged_for_credentials, true)) {
        result.status = SEC_I_INCOMPLETE_CREDENTIALS;
        result.used = input.size();
        return result;
    }
    digest check{};
    bool peer_failed = false;
    if (read == decoded::whole) {
        check = check_of(input.first(result.used));
        peer_failed = token.kind == token_kind::error;
        result.status = take(ctx, asked, token);
    } else {
        // Windows' Negotiate returns another status for a first token that it cannot read.
        const bool strange = !client && ctx.leg == 0 && ctx.offered == package::negotiate && !input.empty();
        result.status = strange ? SEC_E_INVALID_HANDLE : SEC_E_INVALID_TOKEN;
    }
    if (result.status < 0) {
        const bool tells = (asked & isc_extended_error) != 0 && profile_of(ctx.offered).extended_error;
        if (tells && !peer_failed) {
            make_error_token(ctx, read == decoded::whole ? &token : nullptr, check, result);
        }
        return result;
    }
    ctx.leg = token.leg;
    ctx.last_check = check;
    if (ctx.leg == 2 || ctx.legs == 1) {
        derive_keys(ctx);
    }
    if (ctx.leg == ctx.legs) {
        ctx.at = phase::done;
    } else {
        make_token(ctx, result);
    }
    return result;
}

SECURITY_STATUS engine::take(context& ctx, ULONG asked, const handshake_token& token) {
    if (token.kind == token_kind::error) {
        const bool ours = same_bytes(token.previous, ctx.last_check) || same_bytes(token.previous, digest{});
        const auto status = static_cast<SECURITY_STATUS>(token.status);
        return ours && status < 0 ? status : SEC_E_INVALID_TOKEN;
    }
    if (token.kind != token_kind::step || token.leg != ctx.leg + 1 || !same_bytes(token.previous, ctx.last_check) ||
        token.legs == 0 || token.legs > 8 || token.leg > token.legs) {
        return SEC_E_INVALID_TOKEN;
    }
    if (ctx.side == role::server) {
        return take_from_client(ctx, asked, token);
    }
    if (token.offered != ctx.offered || token.mechanism != ctx.mechanism || token.legs != ctx.legs) {
        return SEC_E_INVALID_TOKEN;
    }
    ctx.server_nonce = token.nonce;
    ctx.decided = token.flags;
    return SEC_E_OK;
}

SECURITY_STATUS engine::take_from_client(context& ctx, ULONG asked, const handshake_token& token) {
    if (token.leg == 1) {
        // Negotiate also accepts tokens of its packages without SPNEGO around them.
        if (ctx.owner->pkg != package::negotiate && token.offered != ctx.owner->pkg) {
            return SEC_E_INVALID_TOKEN;
        }
        const bool is_ntlm = token.mechanism == package::ntlm;
        if (ctx.owner->pkg == package::negotiate && !(is_ntlm ? ctx.owner->allows_ntlm : ctx.owner->allows_kerberos)) {
            return SEC_E_INVALID_TOKEN; // no evidence for the status
        }
        ctx.offered = token.offered;
        ctx.mechanism = token.mechanism;
        ctx.legs = token.legs;
        ctx.client_nonce = token.nonce;
        ctx.user = token.user;
        ctx.domain = token.domain;
        ctx.target = token.target;
        ctx.decided = decide(token.flags, settings.client_decides ? message_flags : asked, ctx.mechanism, ctx.legs);
    } else if (token.offered != ctx.offered || token.mechanism != ctx.mechanism || token.legs != ctx.legs ||
               !same_bytes(token.nonce, ctx.client_nonce) || token.user != ctx.user) {
        return SEC_E_INVALID_TOKEN;
    }
    if (ctx.has_bindings) {
        const bool same = token.has_bindings && same_bytes(token.bindings, ctx.bindings);
        if (!same && (token.has_bindings || !ctx.may_lack_bindings)) {
            return SEC_E_BAD_BINDINGS;
        }
    }
    const bool kerberos = ctx.mechanism != package::ntlm;
    if (kerberos && (settings.server_has_other_key || !same_name(token.target, to_utf16(settings.service_name)))) {
        return SEC_E_LOGON_DENIED; // the ticket is for another key
    }
    if (kerberos && settings.ticket == ticket_state::skewed_for_server) {
        return SEC_E_TIME_SKEW;
    }
    const bool last_from_client = token.leg + 1 >= token.legs;
    if (kerberos ? token.leg == 1 : last_from_client) {
        const auto* entry = find_account(settings, token.user);
        const bool logged_on = same_bytes(token.proof, proof_of(token.user, {}, true));
        const bool knows_password =
            entry != nullptr && same_bytes(token.proof, proof_of(token.user, to_utf16(entry->password), false));
        const auto is_user = [&token](const std::wstring& name) { return same_name(to_utf16(name), token.user); };
        if ((!logged_on && !knows_password) || std::ranges::any_of(settings.denied_users, is_user)) {
            return SEC_E_LOGON_DENIED;
        }
    }
    return SEC_E_OK;
}

} // namespace loopback
