// SPDX-License-Identifier: MIT
//
// The protected connection after the handshake of NegotiateStream.
#pragma once

#include "../client_context.hpp"
#include "../detail/nns_protection.hpp"
#include "../error.hpp"
#include "../server_context.hpp"
#include "negotiate_stream_receiver.hpp"
#include "negotiate_stream_sender.hpp"

#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream {

/// The two halves of a channel. The context is deleted after both have been destroyed.
struct channel_halves {
    negotiate_stream::sender sender;
    negotiate_stream::receiver receiver;
};

/// An authenticated connection. It owns the context. `client::finish` and `server::finish` return it.
///
/// Each record is a size of four bytes and one message. `wrap` makes both. Receivers read four bytes, pass them to
/// `length`, read so many bytes, and `unwrap` them. No function allocates.
///
/// The end of the connection is not protected: the program's own protocol must show that nothing is missing.
template <class Context>
class channel : public record_receiving<record_sending<detail::nns_protection<Context>>> {
    using base = record_receiving<record_sending<detail::nns_protection<Context>>>;

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
        return {sender{std::move(this->frame_), std::move(this->signed_), this->max_payload_, std::move(halves.sender)},
                receiver{std::move(halves.receiver)}};
    }
    [[nodiscard]] channel_halves split() && {
        std::error_code ec;
        auto halves = std::move(*this).split(ec);
        detail::throw_if(ec, "sspan::negotiate_stream::channel::split");
        return halves;
    }

private:
    template <class Handshake>
    friend class handshake_side;
    explicit channel(Context context) : base{std::move(context)} {}
};

/// What `client::finish` returns.
using client_channel = channel<client_context>;
/// What `server::finish` returns.
using server_channel = channel<server_context>;

} // namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream
