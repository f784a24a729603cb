// SPDX-License-Identifier: MIT
//
// The common part of the two sides of a SASL exchange: the handshake, then the messages that choose a layer.
#pragma once

#include "../bytes.hpp"
#include "../credentials.hpp"
#include "../error.hpp"
#include "../flags.hpp"
#include "../handshake.hpp"
#include "../message.hpp"
#include "../message_frame.hpp"
#include "../os/secret.hpp"
#include "../os/text.hpp"
#include "../protocol/sasl_options.hpp"
#include "sasl_layers.hpp"
#include "token_exchange.hpp"

#include <algorithm> // std::min
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// The flags that a program may add. Others are the mechanism's, or change the format of messages.
inline constexpr context_flags sasl_extra_flags =
    context_flags::delegate | context_flags::mutual_auth | context_flags::identify | context_flags::extended_error |
    context_flags::unverified_target_name | context_flags::allow_non_user_logons |
    context_flags::allow_missing_bindings | context_flags::proxy_bindings;

/// Returns the flags that the layers of `bits` need. Sequence detection also refuses replays.
[[nodiscard]] constexpr context_flags flags_of_layers(std::uint8_t bits) noexcept {
    auto flags = context_flags::none;
    if ((bits & 6) != 0) {
        flags |= context_flags::integrity | context_flags::sequence_detect;
    }
    if ((bits & 4) != 0) {
        flags |= context_flags::confidentiality;
    }
    return flags;
}

/// Returns the layers that a context with these flags supports.
[[nodiscard]] constexpr std::uint8_t layers_of_flags(context_flags granted) noexcept {
    if (!contains(granted, flags_of_layers(2))) {
        return 1;
    }
    return contains(granted, flags_of_layers(4)) ? 7 : 3;
}

/// Returns the handshake's options that the options of either side determine. `Handshake` is `sspan::client_options` or
/// `sspan::server_options`.
template <class Handshake, class Options>
[[nodiscard]] Handshake handshake_options_of(const Options& options) {
    const auto bits = static_cast<std::uint8_t>(options.layers);
    Handshake handshake;
    handshake.require = options.require | flags_of_layers(weakest_layer(bits));
    handshake.request = options.request | flags_of_layers(bits);
    handshake.bindings = options.bindings;
    handshake.limits = options.limits;
    handshake.ntlm = options.ntlm;
    if (options.mechanism == sasl::mechanism::gssapi) { // the choice of a layer is signed
        handshake.require |= context_flags::integrity;
    }
    return handshake;
}

/// The base of `sasl::client` and `sasl::server`. Only one thread at a time may use it.
template <class Handshake>
class sasl_exchange {
public:
    using context_type = typename token_exchange<Handshake>::context;

    sasl_exchange(const sasl_exchange&) = delete;
    sasl_exchange& operator=(const sasl_exchange&) = delete;

    /// Returns what `what()` of the throwing form says. `ec` is the error of the last `step`.
    [[nodiscard]] std::string explain(const std::error_code& ec) const { return exchange_.explain(ec); }

protected:
    enum class phase : std::uint8_t { bad_arguments, first, handshake, token_sent, layers, done, over };

    /// `own_name`, a string literal, names the class.
    template <class Options>
    sasl_exchange(const char* own_name, Handshake handshake, const credentials& creds, const Options& options)
        : exchange_{own_name, std::move(handshake)}, max_token_{options.limits.max_token},
          max_receive_{options.max_buffer}, max_send_{options.max_send}, mechanism_{options.mechanism},
          acceptable_{static_cast<std::uint8_t>(options.layers)} {
        // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): of a std::wstring, so there is a zero
        const bool has_package = !creds || is_name(creds.package().data(), sasl::package_of(options.mechanism));
        if (!has_package || acceptable_ == 0 || acceptable_ > 7 || max_send_ == 0 || max_receive_ == 0 ||
            max_receive_ > sasl_longest_buffer ||
            ((options.require | options.request) & ~sasl_extra_flags) != context_flags::none) {
            refuse_arguments();
        }
    }
    sasl_exchange(sasl_exchange&&) noexcept = default;
    sasl_exchange& operator=(sasl_exchange&&) noexcept = default;
    ~sasl_exchange() = default;

    /// Makes every step fail with `invalid_parameter`.
    void refuse_arguments() noexcept { phase_ = phase::bad_arguments; }

    /// Calls `body(ec)` unless the exchange is over or complete. A failed body ends the exchange.
    template <class Step, class Body>
    [[nodiscard]] Step run(Body body, std::error_code& ec) noexcept {
        exchange_.begin_call();
        if (phase_ == phase::bad_arguments || phase_ == phase::over || phase_ == phase::done) {
            ec = phase_ == phase::bad_arguments ? errc::invalid_parameter
                 : phase_ == phase::over        ? errc::no_context
                                                : errc::illegal_message;
            return {};
        }
        const auto step = without_bad_alloc<Step>(ec, [&] { return body(ec); });
        if (ec) {
            phase_ = phase::over;
            context_ = {};
        }
        return step;
    }

    void fail(errc code, const char* reason, std::error_code& ec) noexcept { exchange_.refuse(code, reason, ec); }

    /// Takes one step of the handshake. When it is complete, `context_` is set. Returns our token; after a failure, the
    /// token that tells the peer the reason.
    std::span<const std::byte> take_token(std::span<const std::byte> token, std::error_code& ec) noexcept {
        if (token.empty() && phase_ != phase::first) { // only a client's first step has none
            fail(errc::invalid_token, " was given an empty token", ec);
            return {};
        }
        phase_ = phase::handshake;
        const handshake_step taken = exchange_.step(token, ec);
        if (!ec && taken.done()) {
            context_ = exchange_.finish(ec);
        }
        return ec && taken.done() ? std::span<const std::byte>{} : taken.token;
    }

    /// Makes a message that is signed, but not encrypted.
    std::span<const std::byte> protect(std::span<const std::byte> plain, std::error_code& ec) {
        const auto sizes = context_.sizes();
        exchange_.blame("EncryptMessage");
        if (sspan::max_payload(sizes, longest_message) < plain.size()) {
            ec = errc::internal_error;
            return {};
        }
        frame_.emplace(sizes, plain.size());
        return context_.wrap(*frame_, frame_->assign(plain), {.quality = quality_of_protection::integrity_only}, ec);
    }

    /// Opens a message that is at least signed. The result is valid until the next call.
    std::span<const std::byte> open(std::span<const std::byte> wire, std::error_code& ec) {
        if (wire.size() > max_token_) {
            fail(errc::invalid_token, " was given a message that is too long", ec);
            return {};
        }
        exchange_.blame("DecryptMessage");
        opened_.assign(wire.begin(), wire.end());
        return context_.unwrap(opened_, {.minimum = minimum_protection::integrity_only}, ec).data;
    }

    /// Decides on `layer`, one bit, and on the longest buffer that the peer receives.
    void choose(std::uint8_t layer, std::uint32_t peer_max, std::error_code& ec) noexcept {
        chosen_ = layer;
        capacity_ = 0;
        if (layer == 1) {
            return;
        }
        capacity_ = sspan::max_payload(context_.sizes(), std::min<std::uint32_t>(peer_max, max_send_));
        if (sspan::max_payload(context_.sizes(), max_send_) == 0) {
            fail(errc::invalid_parameter, " may not send a message: max_send of the options is too small", ec);
        } else if (capacity_ == 0) {
            fail(errc::illegal_message, " was given a maximum in which no message fits", ec);
        }
    }

    /// Takes the flags of the context for the layer, as SPNEGO does. The handshake has refused a layer that is weaker than
    /// the acceptable ones. A stronger one is used: the peer uses it, too.
    void choose_spnego_layer(std::error_code& ec) noexcept {
        const auto granted = strongest_layer(layers_of_flags(context_.granted()));
        if (granted == 2 && context_.package() == security_package::ntlm) {
            // A layer that is only signed has another format there, and `wrap` always encrypts.
            fail(errc::unsupported_function, " cannot use NTLM with integrity only", ec);
        } else {
            choose(granted, sasl::default_max_buffer, ec);
            if (capacity_ != 0) { // Cyrus SASL counts the payload only; `choose` has checked the two sizes
                max_receive_ += context_.sizes().security_trailer + context_.sizes().block_size;
            }
        }
    }

    /// `Channel` makes the result of its arguments: context, layer, longest buffer to receive, frame, largest payload.
    template <class Channel, class Make>
    [[nodiscard]] Channel finish_as(Make make, std::error_code& ec) noexcept {
        exchange_.begin_call();
        return without_bad_alloc<Channel>(ec, [&]() -> Channel {
            if (phase_ != phase::done || !context_) {
                ec = phase_ == phase::done ? errc::invalid_handle : errc::no_context;
                phase_ = phase::over;
                return {};
            }
            phase_ = phase::over;
            message_frame frame{
                chosen_ == 1 ? context_sizes{} : context_.sizes(), capacity_, {.front = sasl_prefix_size}};
            return make(std::move(context_), chosen_, max_receive_, std::move(frame), capacity_);
        });
    }

    token_exchange<Handshake> exchange_;
    context_type context_;
    std::optional<message_frame> frame_; // of our message about the layers
    wiped_vector opened_;
    std::size_t max_token_;
    std::size_t capacity_ = 0;
    std::uint32_t max_receive_;
    std::uint32_t max_send_;
    sasl::mechanism mechanism_;
    std::uint8_t acceptable_;
    std::uint8_t chosen_ = 1;
    phase phase_ = phase::first;
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
