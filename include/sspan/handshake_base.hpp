// SPDX-License-Identifier: MIT
//
// What the two sides of a handshake have in common.
#pragma once

#include "channel_bindings.hpp"
#include "credentials.hpp"
#include "detail/established.hpp"
#include "detail/negotiated.hpp"
#include "detail/ntlm_token.hpp"
#include "error.hpp"
#include "flags.hpp"
#include "handshake_options.hpp"
#include "handshake_step.hpp"
#include "message_part.hpp"
#include "os/handle.hpp"
#include "os/text.hpp"
#include "os/time.hpp"
#include "package.hpp"
#include "security_context.hpp"

#include <algorithm> // std::max
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
        : function_{function}, credentials_{creds}, package_of_credentials_{package_of(creds)},
          require_{options.require}, request_{options.request}, bindings_{options.bindings}, limits_{options.limits},
          ntlm_{options.ntlm}, output_(std::max<std::size_t>(creds.max_token(), longest_token)),
          result_{std::make_shared<established>()} {}
    handshake(handshake&&) noexcept = default;
    handshake& operator=(handshake&&) noexcept = default;
    ~handshake() { context_.reset(); }

    /// `call` is InitializeSecurityContext or AcceptSecurityContext without the parameters that are the same for both.
    template <class Call>
    handshake_step step(std::span<const std::byte> input, flag_column requested, flag_column granted, Call call,
                        std::error_code& ec) noexcept;

    /// `finish` will compare the client's target with these.
    void expect_targets(std::vector<os_string> names) noexcept { service_names_ = std::move(names); }
    /// Every step will say `invalid_parameter`.
    void refuse_arguments() noexcept { phase_ = phase::bad_arguments; }
    security_context finish(bool is_server, std::error_code& ec) noexcept;
    [[noreturn]] void throw_failed(const std::error_code& ec, std::span<const std::byte> token) const;
    [[noreturn]] void throw_unfinished(const std::error_code& ec) const;

private:
    /// What Windows lets a Kerberos token grow to, whatever cbMaxToken says. 65,536 would be 0 in 16 bits.
    static constexpr std::size_t longest_token = 65'535;

    /// The one package that they can be used for. Of Negotiate, and of packages that sspan does not know, it is not told:
    /// they may use NTLM.
    static security_package package_of(const credentials& creds) noexcept {
        // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): of a std::wstring, so there is a zero
        const auto named = creds ? package_named(creds.package().data()) : security_package::not_told;
        return named == security_package::other ? security_package::not_told : named;
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
    /// Whether the peer's token has NTLM in it, or the credentials can be used for nothing else, and NTLM is refused.
    [[nodiscard]] bool is_refused_ntlm(std::span<const std::byte> input) noexcept;
    /// Whether one of our tokens is NTLM's, and NTLM is refused. A token may come in fragments.
    [[nodiscard]] bool makes_refused_ntlm(std::span<const std::byte> token, bool is_fragment) noexcept;
    handshake_step fail(std::error_code reason, std::span<const std::byte> token, std::error_code& ec) noexcept;

    context_handle context_; ///< The first that is assigned and, by the destructor, freed: before the credentials.
    const char* function_;
    const char* culprit_ = function_;
    const char* reason_ = nullptr; ///< For what(), behind the culprit: why sspan itself has refused.
    credentials credentials_;
    security_package package_of_credentials_;
    context_flags require_;
    context_flags request_;
    context_flags granted_ = context_flags::none;
    channel_bindings bindings_;
    handshake_limits limits_;
    ntlm_use ntlm_;
    ntlm_search ntlm_in_output_;
    std::vector<os_string> service_names_; ///< zero-terminated; a server's
    std::uint32_t steps_ = 0;
    std::uint32_t incomplete_steps_ = 0;
    optional_time expiry_;
    phase phase_ = phase::first_leg;
    std::vector<std::byte> output_; // empty when moved from
    std::shared_ptr<established>
        result_; // allocated beforehand: no peer is lost for want of memory when all else is done
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
