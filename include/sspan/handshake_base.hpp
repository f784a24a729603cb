// SPDX-License-Identifier: MIT
//
// What the two sides of a handshake have in common.
#pragma once

#include "channel_bindings.hpp"
#include "credentials.hpp"
#include "detail/established.hpp"
#include "detail/first_token.hpp"
#include "detail/negotiated.hpp"
#include "error.hpp"
#include "flags.hpp"
#include "handshake_step.hpp"
#include "message_part.hpp"
#include "os/handle.hpp"
#include "os/text.hpp"
#include "os/time.hpp"
#include "security_context.hpp"

#include <algorithm> // std::max
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// What both sides have in common. One thread's.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): a platform's handle may keep two cache lines apart
class handshake {
public:
    handshake(const handshake&) = delete;
    handshake& operator=(const handshake&) = delete;

    /// What was asked for, as `require`, and has not been granted (yet). `sequence_detect` satisfies `replay_detect`.
    [[nodiscard]] context_flags missing() const noexcept { return unsatisfied(require_, granted_); }
    /// What has been granted so far, by the package's word: not before `finish` is NTLM's mutual_auth taken away.
    [[nodiscard]] context_flags granted() const noexcept { return granted_; }

protected:
    /// `function`, a string literal, is what a step calls.
    template <class Options>
    handshake(const char* function, const credentials& creds, const Options& options)
        : function_{function}, credentials_{creds}, is_kerberos_{are_kerberos(creds)}, require_{options.require},
          request_{options.request}, bindings_{options.bindings}, limits_{options.limits},
          output_(std::max<std::size_t>(creds.max_token(), longest_token)), result_{std::make_shared<established>()} {}
    handshake(handshake&&) noexcept = default;
    handshake& operator=(handshake&&) noexcept = default;
    ~handshake() = default;

    /// `call` is InitializeSecurityContext or AcceptSecurityContext without the parameters that are the same for both.
    template <class Call>
    handshake_step step(std::span<const std::byte> input, flag_column requested, flag_column granted, Call call,
                        std::error_code& ec) noexcept;

    /// Every step will say `invalid_parameter`.
    void refuse_arguments() noexcept { phase_ = phase::bad_arguments; }
    security_context finish(bool is_server, std::error_code& ec) noexcept;
    [[noreturn]] void throw_failed(const std::error_code& ec, std::span<const std::byte> token) const;
    [[noreturn]] void throw_unfinished(const std::error_code& ec) const;

private:
    /// What Windows lets a Kerberos token grow to, whatever cbMaxToken says. 65,536 would be 0 in 16 bits.
    static constexpr std::size_t longest_token = 65'535;

    /// Whether it cannot be NTLM that they are used with: Negotiate may choose that.
    static bool are_kerberos(const credentials& creds) noexcept {
        // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): of a std::wstring, so there is a zero
        return creds && is_name(creds.package().data(), package::kerberos);
    }
    /// What has been granted that makes the context weaker, or gives its messages another form, and that this side has
    /// not asked for.
    [[nodiscard]] context_flags unwanted() const noexcept {
        return granted_ & (context_flags::null_session | context_flags::dce_style) & ~(require_ | request_);
    }

    enum class phase { bad_arguments, first_leg, later_leg, complete, over };

    /// Why the package is not called with this; the handshake stays as it is.
    [[nodiscard]] std::error_code refusal(std::span<const std::byte> input, flag_column requested,
                                          flag_column granted) const noexcept;
    handshake_step fail(std::error_code reason, std::span<const std::byte> token, std::error_code& ec) noexcept;

    const char* function_;
    const char* culprit_ = function_;
    credentials credentials_;
    bool is_kerberos_;
    context_handle context_;
    context_flags require_;
    context_flags request_;
    context_flags granted_ = context_flags::none;
    channel_bindings bindings_;
    handshake_limits limits_;
    std::uint32_t steps_ = 0;
    std::uint32_t incomplete_steps_ = 0;
    optional_time expiry_;
    phase phase_ = phase::first_leg;
    std::vector<std::byte> output_; // empty when moved from
    std::shared_ptr<established>
        result_; // allocated beforehand: no peer is lost for want of memory when all else is done
};

inline std::error_code handshake::refusal(std::span<const std::byte> input, flag_column requested,
                                          flag_column granted) const noexcept {
    if (output_.empty() || !credentials_ || (bindings_ && bindings_.native().empty())) {
        return errc::invalid_handle;
    }
    if (phase_ == phase::over) {
        return errc::no_context;
    }
    if (phase_ == phase::complete) {
        return errc::illegal_message;
    }
    if (!contains(known_flags(requested), require_ | request_) || !contains(known_flags(granted), require_)) {
        return errc::unsupported_function;
    }
    if (phase_ == phase::bad_arguments || !fits(input.size()) || overlap(input, output_)) {
        return errc::invalid_parameter;
    }
    return {};
}

inline handshake_step handshake::fail(std::error_code reason, std::span<const std::byte> token,
                                      std::error_code& ec) noexcept {
    phase_ = phase::over;
    context_.reset();
    ec = reason;
    return {token, 0, handshake_state::continue_needed};
}

template <class Call>
handshake_step handshake::step(std::span<const std::byte> input, flag_column requested, flag_column granted, Call call,
                               std::error_code& ec) noexcept {
    ec = refusal(input, requested, granted);
    culprit_ = function_;
    if (ec) {
        return {};
    }
    if (input.size() > limits_.max_token) {
        return fail(errc::invalid_token, {}, ec);
    }
    if (steps_ == limits_.max_steps) {
        return fail(errc::illegal_message, {}, ec);
    }
    if (is_kerberos_ && phase_ == phase::first_leg && requested == &flag_row::asc_request && !may_be_kerberos(input)) {
        return fail(errc::invalid_token, {}, ec);
    }
    const auto require_and_request = require_ | request_;
    const bool speaks_first = requested == &flag_row::isc_request && phase_ == phase::first_leg && input.empty();
    const bool may_leave_some = !speaks_first && contains(require_and_request, context_flags::stream);
    buffer_list<3> in;
    if (!speaks_first) {
        in.add(SECBUFFER_TOKEN, input);
    }
    if (may_leave_some) {
        in.add(SECBUFFER_EMPTY, {}); // where a stream package says how much it has left
    }
    if (bindings_) {
        in.add(SECBUFFER_CHANNEL_BINDINGS, bindings_.native());
    }
    auto* const has_input = speaks_first && !bindings_ ? nullptr : in.native();
    buffer_list<1> out;
    out.add(SECBUFFER_TOKEN, output_);
    auto credential = credentials_.native_handle();
    auto context = context_.get();
    ULONG attributes = 0;
    TimeStamp expiry{};
    const auto status = call(&credential, phase_ == phase::first_leg ? nullptr : &context, has_input,
                             to_bits(require_and_request, requested), &context, out.native(), &attributes, &expiry);
    if (status == static_cast<SECURITY_STATUS>(errc::incomplete_message)) {
        if (input.empty()) { // it is our own token that does not fit
            return fail(errc::buffer_too_small, {}, ec);
        }
        if (incomplete_steps_ != limits_.max_incomplete_steps) {
            ++incomplete_steps_;
            return {{}, 0, handshake_state::incomplete_message};
        }
    }
    ++steps_;
    std::span<std::byte> token;
    const bool token_is_sound = filled(out[0], output_, token);
    const auto given = from_bits(attributes, granted);
    if (status < 0) {
        // A package that fails without an error token may leave the size as it was.
        const bool has_token =
            token_is_sound && contains(given, context_flags::extended_error) && token.size() != output_.size();
        // Negotiate says SEC_E_INVALID_HANDLE of a first token that it cannot read. The handles are sound.
        const bool cannot_read = requested == &flag_row::asc_request && phase_ == phase::first_leg &&
                                 status == static_cast<SECURITY_STATUS>(errc::invalid_handle);
        return fail(cannot_read ? make_error_code(errc::invalid_token) : failure(status),
                    has_token ? token : std::span<std::byte>{}, ec);
    }
    phase_ = phase::later_leg;
    if (context_handle updated{context}; updated) {
        static_cast<void>(context_.release()); // the package has updated it
        context_ = std::move(updated);
    } else {
        return fail(errc::internal_error, {}, ec);
    }
    if (!token_is_sound) {
        return fail(errc::internal_error, {}, ec);
    }
    granted_ = given;
    if (status == sec_i::complete_needed || status == sec_i::complete_and_continue) {
        if (!succeeded(api::complete_auth_token(&context, out.native()), ec)) {
            culprit_ = "CompleteAuthToken";
            return fail(ec, {}, ec);
        }
        if (!filled(out[0], output_, token)) {
            return fail(errc::internal_error, {}, ec);
        }
    }
    const SecBuffer rest = may_leave_some ? in[1] : SecBuffer{};
    const bool has_rest = rest.BufferType == SECBUFFER_EXTRA && rest.cbBuffer <= input.size();
    const auto used = input.size() - (has_rest ? rest.cbBuffer : 0);
    switch (status) {
    case sec_i::ok:
    case sec_i::complete_needed:
        phase_ = phase::complete;
        expiry_ = to_time(expiry);
        return {token, used, handshake_state::complete};
    case sec_i::continue_needed:
    case sec_i::complete_and_continue:
    case sec_i::continue_needed_message_ok:
        return {token, used, handshake_state::continue_needed};
    case sec_i::incomplete_credentials:
        return {token, 0, handshake_state::incomplete_credentials};
    case sec_i::message_fragment:
        return {token, used, handshake_state::message_fragment};
    default: // neither "done" nor "go on": stop
        return fail({static_cast<int>(status), category()}, {}, ec);
    }
}

inline security_context handshake::finish(bool is_server, std::error_code& ec) noexcept {
    ec.clear();
    culprit_ = function_;
    if (output_.empty()) {
        ec = errc::invalid_handle;
    } else if (phase_ != phase::complete) {
        ec = errc::no_context;
    }
    phase_ = phase::over;
    auto context = std::move(context_);
    if (ec) {
        return {};
    }
    auto state = std::move(result_);
    establish(*state, std::move(context), granted_, ec);
    if (ec) {
        culprit_ = "QueryContextAttributes";
        return {};
    }
    if (state->package.is_told ? state->package.is_ntlm : !is_kerberos_) { // NTLM may be at work
        granted_ &= ~never_ntlms;
    }
    state->granted = granted_;
    if ((missing() | unwanted()) != context_flags::none) {
        ec = errc::security_qos_failed;
        return {};
    }
    state->credentials = credentials_.state_;
    state->required = require_;
    state->expiry = expiry_;
    state->is_server = is_server;
    return security_context{std::move(state)};
}

inline void handshake::throw_failed(const std::error_code& ec, std::span<const std::byte> token) const {
    if (ec == errc::buffer_too_small) {
        throw handshake_error{ec, culprit_, token,
                              culprit_ + (" has a token of more than " + std::to_string(output_.size()) + " bytes")};
    }
    throw handshake_error{ec, culprit_, token};
}

class weaker_than_asked : public error {
public:
    weaker_than_asked(std::error_code code, const char* function, const std::string& how)
        : error{code, function, std::string{function} + how} {}
};

inline void handshake::throw_unfinished(const std::error_code& ec) const {
    if (ec == errc::security_qos_failed && culprit_ == function_) {
        throw weaker_than_asked{ec, culprit_,
                                missing() != context_flags::none ? " did not grant " + to_string(missing())
                                                                 : " granted " + to_string(unwanted())};
    }
    throw error{ec, culprit_};
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
