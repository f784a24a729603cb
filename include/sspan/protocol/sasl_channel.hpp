// SPDX-License-Identifier: MIT
//
// The buffers that SASL's security layer sends: a length of four bytes and one wrapped message (RFC 4422, 3.7).
#pragma once

#include "../bytes.hpp"
#include "../client_context.hpp"
#include "../detail/sasl_layers.hpp"
#include "../error.hpp"
#include "../message.hpp"
#include "../message_frame.hpp"
#include "../message_receiver.hpp"
#include "../message_sender.hpp"
#include "../security_context.hpp"
#include "../server_context.hpp"
#include "sasl_options.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE {

namespace detail {

/// The base of the channel and its halves: a context or a half of one.
template <class Context>
class buffer_protection {
public:
    /// Returns the layer. It is `none` in the zero state.
    [[nodiscard]] sasl::layer protection() const noexcept { return context_ ? layer_ : sasl::layer::none; }
    /// Returns false in the zero state.
    explicit operator bool() const noexcept { return static_cast<bool>(context_); }

protected:
    buffer_protection() noexcept = default;
    buffer_protection(Context context, sasl::layer which) noexcept : context_{std::move(context)}, layer_{which} {}

    /// Returns the reason not to use the layer, or errc{}.
    [[nodiscard]] errc refusal() const noexcept {
        return !context_ ? errc::invalid_handle : layer_ == sasl::layer::none ? errc::qop_not_supported : errc{};
    }

    Context context_;
    sasl::layer layer_ = sasl::layer::none;
};

} // namespace detail

namespace sasl {

/// The size of the length in front of each message.
inline constexpr std::size_t prefix_size = detail::sasl_prefix_size;

/// The sending functions of a channel. Only one thread at a time may call them.
///
/// With `layer::none` they fail with `qop_not_supported`: the bytes are sent as they are.
template <class Base>
class buffer_sending : public Base {
public:
    /// Returns the size of the largest payload of one buffer. It is 0 with `layer::none`.
    [[nodiscard]] std::size_t max_payload() const noexcept { return this->context_ ? max_payload_ : 0; }
    /// Returns the memory for the next payload: `max_payload()` bytes. `wrap` overwrites it.
    [[nodiscard]] std::span<std::byte> payload() & noexcept { return frame_.payload(); }
    [[nodiscard]] std::span<std::byte> payload() && = delete;

    /// Copies `payload` into the memory for the next payload: `channel.wrap(channel.assign(text))`.
    /// @return its size in bytes.
    /// @throws error as `message_frame::assign`; `qop_not_supported`.
    [[nodiscard]] std::size_t assign(const_bytes payload, std::error_code& ec) noexcept {
        if (!detail::succeeded(this->refusal(), ec)) {
            return 0;
        }
        return frame_.assign(payload, ec);
    }
    [[nodiscard]] std::size_t assign(const_bytes payload) {
        std::error_code ec;
        const auto size = assign(payload, ec);
        detail::throw_if(ec, "sspan::message_frame::assign");
        return size;
    }

    /// Protects the first `size` bytes of the payload in place. If the package fails, the payload is overwritten with
    /// zeros.
    ///
    /// @return the length and the message as one range. Send it before the next use of the channel.
    /// @throws error `buffer_too_small` if `size` exceeds `max_payload()`; `qop_not_supported` with `layer::none`;
    ///   `invalid_handle` in the zero state; others from the package.
    /// @note Calls EncryptMessage.
    [[nodiscard]] std::span<const std::byte> wrap(std::size_t size, std::error_code& ec) & noexcept {
        if (!detail::succeeded(this->refusal(), ec)) {
            return {};
        }
        const auto quality = this->layer_ == layer::confidentiality ? quality_of_protection::encrypted
                                                                    : quality_of_protection::integrity_only;
        const auto message = this->context_.wrap(frame_, size, {.quality = quality}, ec);
        if (ec) [[unlikely]] {
            return {};
        }
        // `max_payload` was computed from the peer's limit, which has 24 bits.
        return frame_.prepend(detail::to_sasl_number(static_cast<std::uint32_t>(message.size())), ec);
    }
    [[nodiscard]] std::span<const std::byte> wrap(std::size_t size) & {
        std::error_code ec;
        const auto wire = wrap(size, ec);
        detail::throw_if(ec, "EncryptMessage");
        return wire;
    }
    [[nodiscard]] std::span<const std::byte> wrap(std::size_t size, std::error_code& ec) && = delete;
    [[nodiscard]] std::span<const std::byte> wrap(std::size_t size) && = delete;

protected:
    buffer_sending() = default;
    template <class... Arguments>
    buffer_sending(message_frame frame, std::size_t max_payload, Arguments&&... arguments) noexcept
        : Base{std::forward<Arguments>(arguments)...}, frame_{std::move(frame)}, max_payload_{max_payload} {}

    message_frame frame_{{}, 0}; // its capacity is `max_payload_`
    std::size_t max_payload_ = 0;
};

/// The receiving functions of a channel. Only one thread at a time may call them.
///
/// After a failure, close the connection. With `layer::none` they fail with `qop_not_supported`: the peer sends the bytes
/// as they are.
template <class Base>
class buffer_receiving : public Base {
public:
    /// Returns the size of the longest message that `length` accepts.
    [[nodiscard]] std::size_t max_buffer() const noexcept { return this->context_ ? max_buffer_ : 0; }

    /// Returns the number of bytes that follow the length `prefix`. Receive so many and `unwrap` them.
    /// @throws error `illegal_message` if the length is 0 or exceeds `max_buffer()`; `qop_not_supported` with
    ///   `layer::none`; `invalid_handle` in the zero state.
    [[nodiscard]] std::size_t length(std::span<const std::byte, prefix_size> prefix,
                                     std::error_code& ec) const noexcept {
        if (!detail::succeeded(this->refusal(), ec)) {
            return 0;
        }
        const std::size_t size = detail::from_sasl_number(prefix);
        return detail::succeeded(size == 0 || size > max_buffer_ ? errc::illegal_message : errc{}, ec) ? size : 0;
    }
    [[nodiscard]] std::size_t length(std::span<const std::byte, prefix_size> prefix) const {
        std::error_code ec;
        const auto size = length(prefix, ec);
        detail::throw_if(ec, "sspan::sasl::channel::length");
        return size;
    }

    /// Checks a message and decrypts it in place. `wire` does not include the length.
    ///
    /// @return the payload, a part of `wire`. It may be empty. If the package fails, `wire` is all zeros.
    /// @throws error `message_altered`, `out_of_sequence`, `invalid_token` and others from the package;
    ///   `qop_not_supported` for a message that is only signed if the layer is `confidentiality`, and with
    ///   `layer::none`; `illegal_message` if `wire` exceeds `max_buffer()`; `invalid_handle` in the zero state.
    /// @note Calls DecryptMessage.
    [[nodiscard]] std::span<std::byte> unwrap(mutable_bytes wire, std::error_code& ec) noexcept {
        const auto refused = this->refusal();
        if (!detail::succeeded(refused == errc{} && wire.size() > max_buffer_ ? errc::illegal_message : refused, ec)) {
            return {};
        }
        const auto minimum =
            this->layer_ == layer::confidentiality ? minimum_protection::encrypted : minimum_protection::integrity_only;
        return this->context_.unwrap(wire, {.minimum = minimum}, ec).data;
    }
    [[nodiscard]] std::span<std::byte> unwrap(mutable_bytes wire) {
        std::error_code ec;
        const auto data = unwrap(wire, ec);
        detail::throw_if(ec, "DecryptMessage");
        return data;
    }

protected:
    buffer_receiving() = default;
    template <class... Arguments>
    explicit buffer_receiving(std::size_t max_buffer, Arguments&&... arguments) noexcept
        : Base{std::forward<Arguments>(arguments)...}, max_buffer_{max_buffer} {}

    std::size_t max_buffer_ = 0;
};

template <class Context>
class channel;

/// The sending half of a channel that was `split`. One thread uses it while another thread uses the receiving half.
class sender : public buffer_sending<detail::buffer_protection<message_sender>> {
public:
    /// Makes the zero state.
    sender() = default;

private:
    template <class Context>
    friend class channel;
    sender(message_frame frame, std::size_t max_payload, message_sender half, layer which) noexcept
        : buffer_sending{std::move(frame), max_payload, std::move(half), which} {}
};

/// The receiving half of a channel that was `split`.
class receiver : public buffer_receiving<detail::buffer_protection<message_receiver>> {
public:
    /// Makes the zero state.
    receiver() = default;

private:
    template <class Context>
    friend class channel;
    receiver(std::size_t max_buffer, message_receiver half, layer which) noexcept
        : buffer_receiving{max_buffer, std::move(half), which} {}
};

/// The two halves of a channel. The context is deleted after both have been destroyed.
struct channel_halves {
    sasl::sender sender;
    sasl::receiver receiver;
};

/// An authenticated connection. It owns the context. `client::finish` and `server::finish` return it.
///
/// Each buffer on the wire is a length of four bytes and one message. `wrap` makes both. Receivers read four bytes, pass
/// them to `length`, read so many bytes, and `unwrap` them. No function allocates.
///
/// The end of the connection is not protected: the program's own protocol must show that nothing is missing.
template <class Context>
class channel : public buffer_receiving<buffer_sending<detail::buffer_protection<Context>>> {
    using base = buffer_receiving<buffer_sending<detail::buffer_protection<Context>>>;

public:
    /// Makes the zero state.
    channel() = default;

    /// Returns the context, for the peer's name, for attributes and for impersonation.
    [[nodiscard]] const Context& context() const& noexcept { return this->context_; }
    [[nodiscard]] const Context& context() const&& = delete;

    /// Divides the channel into halves for two threads. Allocates nothing.
    /// @throws error `invalid_handle` in the zero state.
    [[nodiscard]] channel_halves split(std::error_code& ec) && noexcept {
        auto halves = std::move(this->context_).split(ec);
        if (ec) {
            return {};
        }
        return {sender{std::move(this->frame_), this->max_payload_, std::move(halves.sender), this->layer_},
                receiver{this->max_buffer_, std::move(halves.receiver), this->layer_}};
    }
    [[nodiscard]] channel_halves split() && {
        std::error_code ec;
        auto halves = std::move(*this).split(ec);
        detail::throw_if(ec, "sspan::sasl::channel::split");
        return halves;
    }

private:
    friend class client;
    friend class server;
    channel(Context context, layer which, std::size_t max_buffer, message_frame frame, std::size_t max_payload) noexcept
        : base{max_buffer, std::move(frame), max_payload, std::move(context), which} {}
};

/// What `client::finish` returns.
using client_channel = channel<client_context>;
/// What `server::finish` returns.
using server_channel = channel<server_context>;

} // namespace sasl

} // namespace sspan::inline SSPAN_API_NAMESPACE
