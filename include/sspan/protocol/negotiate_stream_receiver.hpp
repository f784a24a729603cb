// SPDX-License-Identifier: MIT
//
// Receiving the data records of NegotiateStream.
#pragma once

#include "../bytes.hpp"
#include "../detail/nns_protection.hpp"
#include "../error.hpp"
#include "../message.hpp"
#include "../message_receiver.hpp"
#include "../os/secret.hpp"
#include "negotiate_stream_sender.hpp"

#include <algorithm> // std::min
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream {

/// The receiving functions of a channel. Only one thread at a time may call them. After a failure, close the connection.
template <class Base>
class record_receiving : public Base {
public:
    /// Returns the number of bytes that follow the four bytes of `prefix`. Receive so many and `unwrap` them.
    /// @throws error `illegal_message` if the size is below 5 or above 65,536; `invalid_handle` in the zero state.
    [[nodiscard]] std::size_t length(std::span<const std::byte, prefix_size> prefix,
                                     std::error_code& ec) const noexcept {
        std::uint32_t size = 0;
        for (std::size_t i = prefix.size(); i-- != 0;) {
            size = (size << 8) | std::to_integer<std::uint32_t>(prefix[i]);
        }
        return detail::succeeded(refusal(size), ec) ? size : 0;
    }
    [[nodiscard]] std::size_t length(std::span<const std::byte, prefix_size> prefix) const {
        std::error_code ec;
        const auto size = length(prefix, ec);
        detail::throw_if(ec, "sspan::negotiate_stream::channel::length");
        return size;
    }

    /// Checks a message, and decrypts it in place. `message` does not include its size.
    ///
    /// @return the data, a part of `message`. If it is empty, receive the next record. If the package fails, `message`
    ///   is all zeros.
    /// @throws error `message_altered`, `out_of_sequence`, `invalid_token` and others from the package;
    ///   `qop_not_supported` for a message that is not encrypted although `protection()` is `encrypt_and_sign`;
    ///   `illegal_message` for a size that `length` refuses; `invalid_handle` in the zero state.
    /// @note Calls DecryptMessage. For NTLM without encryption, it calls VerifySignature.
    [[nodiscard]] std::span<std::byte> unwrap(mutable_bytes message, std::error_code& ec) noexcept {
        if (!detail::succeeded(refusal(message.size()), ec)) {
            return {};
        }
        if (this->is_signature_and_data()) {
            return verified(message, ec);
        }
        const auto minimum = this->is_encrypted() ? minimum_protection::encrypted : minimum_protection::integrity_only;
        return this->context_.unwrap(message, {.minimum = minimum}, ec).data;
    }
    [[nodiscard]] std::span<std::byte> unwrap(mutable_bytes message) {
        std::error_code ec;
        const auto data = unwrap(message, ec);
        detail::throw_if(ec, "sspan::negotiate_stream::channel::unwrap");
        return data;
    }

protected:
    record_receiving() = default;
    template <class... Arguments>
    explicit record_receiving(Arguments&&... arguments) : Base{std::forward<Arguments>(arguments)...} {}

private:
    [[nodiscard]] errc refusal(std::size_t size) const noexcept {
        return !this->context_                                                             ? errc::invalid_handle
               : size < detail::nns_shortest_message || size > detail::nns_longest_message ? errc::illegal_message
                                                                                           : errc{};
    }
    [[nodiscard]] std::span<std::byte> verified(std::span<std::byte> message, std::error_code& ec) noexcept {
        const auto signature = std::min<std::size_t>(detail::ntlm_signature_size, message.size());
        const auto data = message.subspan(signature);
        if (signature < detail::ntlm_signature_size) {
            ec = errc::invalid_token;
        } else if (this->context_.verify(data, message.first(signature), {}, ec)) {
            return data;
        }
        detail::secure_zero(message);
        return {};
    }
};

/// The receiving half of a channel that was `split`.
class receiver : public record_receiving<detail::nns_protection<message_receiver>> {
public:
    /// Makes the zero state.
    receiver() = default;

private:
    template <class Context>
    friend class channel;
    explicit receiver(message_receiver half) noexcept : record_receiving{std::move(half)} {}
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream
