// SPDX-License-Identifier: MIT
//
// One step of a handshake, for both sides.
#pragma once

#include "../error.hpp"
#include "../flags.hpp"
#include "../handshake_base.hpp"
#include "../handshake_options.hpp"
#include "../handshake_step.hpp"
#include "../message_part.hpp"
#include "../os/handle.hpp"
#include "../os/time.hpp"
#include "first_token.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

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
    const bool contradict_each_other = (contains(require_ | request_, context_flags::no_integrity) &&
                                        (require_ & message_protection) != context_flags::none) ||
                                       (contains(require_ | request_, context_flags::confidentiality_only) &&
                                        contains(require_, context_flags::integrity));
    if (phase_ == phase::bad_arguments || contradict_each_other || !fits(input.size()) ||
        overlap(input, {output_.data(), output_.size()})) {
        return errc::invalid_parameter;
    }
    return {};
}

inline bool handshake::refuse_ntlm(const char* what) noexcept {
    reason_ = ntlm_ == ntlm_use::refused ? refusal_reason{what, ", which the options refuse", context_flags::none}
                                         : refusal_reason{what, ", which does not support ", require_ & never_ntlms};
    return true;
}

inline bool handshake::is_refused_ntlm(std::span<const std::byte> input) noexcept {
    if (may_use_ntlm()) {
        return false;
    }
    if (package_of_credentials_ == security_package::ntlm) {
        return refuse_ntlm(" would use NTLM");
    }
    return contains_ntlm(input) && refuse_ntlm(" was to take a token of NTLM");
}

inline bool handshake::makes_refused_ntlm(std::span<const std::byte> token, bool is_fragment) noexcept {
    if (may_use_ntlm()) {
        return false;
    }
    const bool found = ntlm_in_output_.finds(token);
    if (!is_fragment) {
        ntlm_in_output_.start_again();
    }
    return found && refuse_ntlm(" made a token of NTLM");
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
    reason_ = {};
    if (ec) {
        return {};
    }
    if (input.size() > limits_.max_token) {
        return fail(errc::invalid_token, {}, ec);
    }
    if (steps_ == limits_.max_steps) {
        return fail(errc::illegal_message, {}, ec);
    }
    if (is_refused_ntlm(input)) {
        return fail(errc::security_qos_failed, {}, ec);
    }
    if (package_of_credentials_ == security_package::kerberos && phase_ == phase::first_leg &&
        requested == &flag_row::asc_request && !may_be_kerberos(input)) {
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
        in.add(SECBUFFER_EMPTY, {}); // a stream package reports unused input here
    }
    if (bindings_) {
        in.add(SECBUFFER_CHANNEL_BINDINGS, bindings_.native());
    }
    auto* const has_input = speaks_first && !bindings_ ? nullptr : in.native();
    buffer_list<1> out;
    out.add(SECBUFFER_TOKEN, {output_.data(), output_.size()});
    auto credential = credentials_.native_handle();
    auto context = context_.get();
    ULONG attributes = 0;
    TimeStamp expiry{};
    const auto status = call(&credential, phase_ == phase::first_leg ? nullptr : &context, has_input,
                             to_bits(require_and_request, requested), &context, out.native(), &attributes, &expiry);
    if (status == static_cast<SECURITY_STATUS>(errc::incomplete_message)) {
        if (input.empty()) { // our own token does not fit
            return fail(errc::buffer_too_small, {}, ec);
        }
        if (incomplete_steps_ != limits_.max_incomplete_steps) {
            ++incomplete_steps_;
            return {{}, 0, handshake_state::incomplete_message};
        }
    }
    ++steps_;
    std::span<std::byte> token;
    const bool token_is_sound = filled(out[0], {output_.data(), output_.size()}, token);
    const auto given = from_bits(attributes, granted);
    if (status < 0) {
        // A package that fails without an error token may leave the size unchanged.
        const bool has_token =
            token_is_sound && contains(given, context_flags::extended_error) && token.size() != output_.size();
        if (has_token && makes_refused_ntlm(token, false)) {
            return fail(errc::security_qos_failed, {}, ec);
        }
        // Negotiate returns SEC_E_INVALID_HANDLE for a first token that it cannot read. The handles are valid.
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
        if (!filled(out[0], {output_.data(), output_.size()}, token)) {
            return fail(errc::internal_error, {}, ec);
        }
    }
    if (makes_refused_ntlm(token, status == sec_i::message_fragment)) {
        return fail(errc::security_qos_failed, {}, ec);
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

inline std::string handshake::how(const std::error_code& ec) const {
    std::string text;
    if (reason_.text != nullptr) {
        text = reason_.text;
        text += reason_.end;
        text += other_target_;
    } else if (ec == errc::buffer_too_small && culprit_ == function_) {
        text = " has a token of more than " + std::to_string(output_.size()) + " bytes";
    }
    if (reason_.flags != context_flags::none) {
        text += to_string(reason_.flags);
    }
    return text;
}

inline std::string handshake::explain(const std::error_code& ec) const {
    return ec ? culprit_ + how(ec) + ": " + ec.message() : std::string{};
}

inline void handshake::throw_failed(const std::error_code& ec, std::span<const std::byte> token) const {
    throw handshake_error{ec, culprit_, token, culprit_ + how(ec)};
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
