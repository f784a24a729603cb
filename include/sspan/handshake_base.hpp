// SPDX-License-Identifier: MIT
//
// The common part of the two sides of a handshake.
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
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// The base of `client_handshake` and `server_handshake`. Only one thread at a time may use it.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): a platform's handle may keep two cache lines apart
class handshake {
public:
    handshake(const handshake&) = delete;
    handshake& operator=(const handshake&) = delete;

    /// Returns the flags of `require` that have not been granted yet. `sequence_detect` satisfies `replay_detect`.
    [[nodiscard]] context_flags missing() const noexcept { return unsatisfied(require_, granted_); }
    /// Returns the flags that the package has granted so far. Only `finish` removes flags that NTLM grants without
    /// support.
    [[nodiscard]] context_flags granted() const noexcept { return granted_; }
    /// Returns what `what()` of the throwing form says: the function, the reason if this library itself refused, and the
    /// meaning of `ec`. `ec` is the error of the last `step` or `finish`.
    [[nodiscard]] std::string explain(const std::error_code& ec) const;

protected:
    /// `function`, a string literal, names the function that a step calls.
    template <class Options>
    handshake(const char* function, const credentials& creds, const Options& options)
        : function_{function}, credentials_{creds}, package_of_credentials_{package_of(creds)},
          require_{options.require}, request_{options.request}, bindings_{options.bindings}, limits_{options.limits},
          ntlm_{options.ntlm}, output_(std::max<std::size_t>(creds.max_token(), longest_token)),
          result_{std::make_shared<established>()} {}
    handshake(handshake&&) noexcept = default;
    handshake& operator=(handshake&&) noexcept = default;
    ~handshake() { context_.reset(); }

    /// `call` calls InitializeSecurityContext or AcceptSecurityContext. It adds the parameters that differ between the
    /// two.
    template <class Call>
    handshake_step step(std::span<const std::byte> input, flag_column requested, flag_column granted, Call call,
                        std::error_code& ec) noexcept;

    /// Sets the names that `finish` compares with the client's target.
    void expect_targets(std::vector<os_string> names) noexcept { service_names_ = std::move(names); }
    /// Makes every step fail with `invalid_parameter`.
    void refuse_arguments() noexcept { phase_ = phase::bad_arguments; }
    security_context finish(bool is_server, std::error_code& ec) noexcept;
    [[noreturn]] void throw_failed(const std::error_code& ec, std::span<const std::byte> token) const;
    [[noreturn]] void throw_unfinished(const std::error_code& ec) const;

private:
    template <class Handshake>
    friend class token_exchange;

    /// Why this library itself refuses. The flags, if any, end the sentence.
    struct refusal_reason {
        const char* text = nullptr;
        const char* end = "";
        context_flags flags = context_flags::none;
    };
    /// Returns what follows the function in `what()`.
    [[nodiscard]] std::string how(const std::error_code& ec) const;

    /// The longest Kerberos token that Windows allows, regardless of cbMaxToken. 65,536 would be 0 in 16 bits.
    static constexpr std::size_t longest_token = 65'535;

    static security_package package_of(const credentials& creds) noexcept {
        // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): of a std::wstring, so there is a zero
        return creds ? only_package_of(creds.package().data()) : security_package::not_told;
    }
    /// Returns the granted flags that this side did not request, and that weaken the context or change its message
    /// format.
    [[nodiscard]] context_flags unwanted() const noexcept {
        return granted_ & (context_flags::null_session | context_flags::dce_style) & ~(require_ | request_);
    }

    enum class phase { bad_arguments, first_leg, later_leg, complete, over };

    /// Returns the reason not to call the package; the handshake does not change.
    [[nodiscard]] std::error_code refusal(std::span<const std::byte> input, flag_column requested,
                                          flag_column granted) const noexcept;
    /// Returns false if the options refuse NTLM, or require what NTLM does not support.
    [[nodiscard]] bool may_use_ntlm() const noexcept {
        return ntlm_ == ntlm_use::allowed && (require_ & never_ntlms) == context_flags::none;
    }
    /// Sets the reason of a refusal. @return true.
    bool refuse_ntlm(const char* what) noexcept;
    /// Returns true if NTLM is refused and occurs. Either the peer's token contains it, or the credentials can only be
    /// used for it.
    [[nodiscard]] bool is_refused_ntlm(std::span<const std::byte> input) noexcept;
    /// Returns true if NTLM is refused and one of our tokens contains NTLM. A token may come in fragments.
    [[nodiscard]] bool makes_refused_ntlm(std::span<const std::byte> token, bool is_fragment) noexcept;
    handshake_step fail(std::error_code reason, std::span<const std::byte> token, std::error_code& ec) noexcept;

    context_handle context_; ///< First: moves and the destructor delete it before they free the credentials.
    const char* function_;
    const char* culprit_ = function_;
    refusal_reason reason_;
    std::string other_target_; ///< The client's target, if it is none of `service_names_`.
    credentials credentials_;
    security_package package_of_credentials_;
    context_flags require_;
    context_flags request_;
    context_flags granted_ = context_flags::none;
    channel_bindings bindings_;
    handshake_limits limits_;
    ntlm_use ntlm_;
    ntlm_search ntlm_in_output_;
    std::vector<os_string> service_names_; ///< Zero-terminated; only for servers.
    std::uint32_t steps_ = 0;
    std::uint32_t incomplete_steps_ = 0;
    optional_time expiry_;
    phase phase_ = phase::first_leg;
    std::vector<std::byte> output_;       // memory for tokens; empty when moved from
    std::shared_ptr<established> result_; // allocated early, so that `finish` needs no memory
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
