// SPDX-License-Identifier: MIT
//
// Sending the data records of NegotiateStream: a size of four bytes and one message (MS-NNS 2.2.2).
#pragma once

#include "../bytes.hpp"
#include "../detail/nns_protection.hpp"
#include "../error.hpp"
#include "../message.hpp"
#include "../message_frame.hpp"
#include "../message_sender.hpp"
#include "../os/secret.hpp"

#include <algorithm> // std::min, std::ranges::copy
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream {

/// The size of the number in front of each message.
inline constexpr std::size_t prefix_size = detail::nns_prefix_size;

/// The sending functions of a channel. Only one thread at a time may call them.
template <class Base>
class record_sending : public Base {
public:
    /// Returns the size of the largest payload of one record: 0xFC00, as in .NET, or less if the package adds more than
    /// 1,024 bytes. It is 0 in the zero state.
    [[nodiscard]] std::size_t max_payload() const noexcept { return this->context_ ? max_payload_ : 0; }
    /// Returns the memory for the next payload: `max_payload()` bytes. `wrap` overwrites it.
    [[nodiscard]] std::span<std::byte> payload() & noexcept {
        return signed_.empty() ? frame_.payload()
                               : std::span{signed_}.subspan(prefix_size + detail::ntlm_signature_size);
    }
    [[nodiscard]] std::span<std::byte> payload() && = delete;

    /// Copies `data` into the memory for the next payload: `channel.wrap(channel.assign(text))`.
    /// @return its size in bytes.
    /// @throws error `buffer_too_small` if it exceeds `max_payload()`; `invalid_handle` in the zero state.
    [[nodiscard]] std::size_t assign(const_bytes data, std::error_code& ec) noexcept {
        const auto refused = !this->context_              ? errc::invalid_handle
                             : data.size() > max_payload_ ? errc::buffer_too_small
                                                          : errc{};
        if (!detail::succeeded(refused, ec)) {
            return 0;
        }
        if (!data.empty()) {
            std::memmove(payload().data(), data.data(), data.size()); // it may be a part of the last record
        }
        return data.size();
    }
    [[nodiscard]] std::size_t assign(const_bytes data) {
        std::error_code ec;
        const auto size = assign(data, ec);
        detail::throw_if(ec, "sspan::negotiate_stream::channel::assign");
        return size;
    }

    /// Protects the first `size` bytes of the payload in place. If the package fails, the payload is overwritten with
    /// zeros.
    ///
    /// @return the record. Send it before the next use of the channel.
    /// @throws error `buffer_too_small` if `size` exceeds `max_payload()`; `invalid_handle` in the zero state; others
    ///   from the package.
    /// @note Calls EncryptMessage. For NTLM without encryption, it calls MakeSignature.
    [[nodiscard]] std::span<const std::byte> wrap(std::size_t size, std::error_code& ec) & noexcept {
        const auto refused = !this->context_       ? errc::invalid_handle
                             : size > max_payload_ ? errc::buffer_too_small
                                                   : errc{};
        if (!detail::succeeded(refused, ec)) {
            return {};
        }
        if (!signed_.empty()) {
            return sign(size, ec);
        }
        const auto quality =
            this->is_encrypted() ? quality_of_protection::encrypted : quality_of_protection::integrity_only;
        const auto message = this->context_.wrap(frame_, size, {.quality = quality}, ec);
        return ec ? std::span<const std::byte>{} : frame_.prepend(little_endian(message.size()), ec);
    }
    [[nodiscard]] std::span<const std::byte> wrap(std::size_t size) & {
        std::error_code ec;
        const auto record = wrap(size, ec);
        detail::throw_if(ec, "sspan::negotiate_stream::channel::wrap");
        return record;
    }
    [[nodiscard]] std::span<const std::byte> wrap(std::size_t size, std::error_code& ec) && = delete;
    [[nodiscard]] std::span<const std::byte> wrap(std::size_t size) && = delete;

protected:
    record_sending() = default;
    template <class... Arguments>
    record_sending(message_frame frame, detail::wiped_vector in_clear, std::size_t max_payload,
                   Arguments&&... arguments) noexcept
        : Base{std::forward<Arguments>(arguments)...}, frame_{std::move(frame)}, signed_{std::move(in_clear)},
          max_payload_{max_payload} {}
    template <class Context>
    explicit record_sending(Context context) : Base{std::move(context)} {
        const auto sizes = this->context_.sizes();
        if (this->is_signature_and_data()) {
            max_payload_ = detail::nns_most_data;
            signed_.resize(prefix_size + detail::ntlm_signature_size + max_payload_);
        } else {
            max_payload_ =
                std::min<std::size_t>(detail::nns_most_data, sspan::max_payload(sizes, detail::nns_longest_message));
            frame_ = message_frame{sizes, max_payload_, {.front = prefix_size}};
        }
    }

    message_frame frame_{{}, 0};
    detail::wiped_vector signed_; ///< Size, signature and data; empty if there is a frame.
    std::size_t max_payload_ = 0;

private:
    static std::array<std::byte, prefix_size> little_endian(std::size_t size) noexcept {
        return {static_cast<std::byte>(size), static_cast<std::byte>(size >> 8), static_cast<std::byte>(size >> 16),
                static_cast<std::byte>(size >> 24)};
    }
    [[nodiscard]] std::span<const std::byte> sign(std::size_t size, std::error_code& ec) noexcept {
        std::array<std::byte, 64> room{}; // NTLM's `max_signature` is 16
        const auto signature = this->context_.sign(payload().first(size), room, {}, ec);
        if (!ec && signature.size() != detail::ntlm_signature_size) {
            ec = errc::internal_error;
        }
        if (ec) {
            detail::secure_zero(payload());
            return {};
        }
        std::ranges::copy(little_endian(signature.size() + size), signed_.begin());
        std::ranges::copy(signature, signed_.begin() + static_cast<std::ptrdiff_t>(prefix_size));
        return std::span<const std::byte>{signed_}.first(prefix_size + signature.size() + size);
    }
};

template <class Context>
class channel;

/// The sending half of a channel that was `split`. One thread uses it while another thread uses the receiving half.
class sender : public record_sending<detail::nns_protection<message_sender>> {
public:
    /// Makes the zero state.
    sender() = default;

private:
    template <class Context>
    friend class channel;
    sender(message_frame frame, detail::wiped_vector in_clear, std::size_t max_payload, message_sender half) noexcept
        : record_sending{std::move(frame), std::move(in_clear), max_payload, std::move(half)} {}
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream
