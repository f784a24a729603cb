// SPDX-License-Identifier: MIT
//
// Checking and opening messages: verify, decrypt, unwrap.
#pragma once

#include "bytes.hpp"
#include "context_accessors.hpp"
#include "detail/message_calls.hpp"
#include "detail/message_lists.hpp"
#include "detail/wrap_calls.hpp"
#include "error.hpp"
#include "message.hpp"
#include "message_part.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE {

/// The receiving functions of a context. `security_context` and `message_receiver` have them. Only one thread at a time
/// may call them, in the order in which the messages were sent.
///
/// A message must be unchanged and the next one from the peer. Otherwise the call fails with `message_altered`,
/// `out_of_sequence`, `invalid_token` or another error of the package. Close the connection then: with NTLM, all later
/// messages fail, too.
///
/// All functions fail with these errors:
/// - `invalid_handle` in the zero state;
/// - `qop_not_supported` if the handshake did not grant the protection;
/// - `invalid_parameter` if a size exceeds 32 bits, buffers overlap, or a list of parts is empty or longer than
///   `max_message_parts`;
/// - every status of the package other than SEC_E_OK.
///
/// The first three are checked before the package is called; all buffers are unchanged then. With `ec`, a failed
/// function returns an empty result.
template <class Base>
class message_receiving : public Base {
public:
    /// Checks that `signature` is the peer's signature of `message`. Both are only read. `signature` must be exactly as
    /// received. A message in parts must have the same parts as when it was signed.
    ///
    /// @return true if the signature is valid. It is never true together with an error.
    /// @note Calls VerifySignature.
    [[nodiscard]] bool verify(const const_message_data& message, const_bytes signature, const accept_options& options,
                              std::error_code& ec) noexcept {
        return detail::succeeded(call_verify(message, signature, options), ec);
    }
    void verify(const const_message_data& message, const_bytes signature, const accept_options& options = {}) {
        detail::throw_if(call_verify(message, signature, options), "VerifySignature");
    }

    /// Checks and decrypts `message.data` in place. `message.token` must be exactly as received; the package may
    /// overwrite it.
    ///
    /// Either `data` includes the padding, or `padding` is the memory directly behind `data`. A message in parts must
    /// have the same parts as when it was encrypted. Its last `message_part::data` includes the padding.
    /// @return the part of the data that is the message, and its protection. If the call fails after the package was
    ///   called, the data and `token` are zeros.
    /// @throws error `qop_not_supported` also for an authentic message that was not encrypted (see `accept_options`);
    ///   `invalid_parameter` also if `padding` is not directly behind `data`.
    /// @note Calls DecryptMessage.
    [[nodiscard]] decrypted_message decrypt(const encrypted_message& message, const accept_options& options,
                                            std::error_code& ec) noexcept {
        const auto opened = call_decrypt(message, options);
        return detail::succeeded(opened.status, ec) ? left(message.data, opened) : decrypted_message{};
    }
    [[nodiscard]] decrypted_message decrypt(const encrypted_message& message, const accept_options& options = {}) {
        const auto opened = call_decrypt(message, options);
        detail::throw_if(opened.status, "DecryptMessage");
        return left(message.data, opened);
    }

    /// Checks and decrypts a message in one piece, in place. `wrap` and gss_wrap make such messages.
    ///
    /// @return the part of `wire` that is the message, and its protection. If the call fails after the package was
    ///   called, `wire` is all zeros.
    /// @throws error as `decrypt`.
    /// @note Calls DecryptMessage with SECBUFFER_STREAM. For NTLM and in DCE style, it uses SECBUFFER_TOKEN and
    ///   SECBUFFER_DATA.
    [[nodiscard]] decrypted_message unwrap(mutable_bytes wire, const accept_options& options,
                                           std::error_code& ec) noexcept {
        const auto opened = call_unwrap(wire, options);
        return detail::succeeded(opened.status, ec) ? part_of(wire, opened) : decrypted_message{};
    }
    [[nodiscard]] decrypted_message unwrap(mutable_bytes wire, const accept_options& options = {}) {
        const auto opened = call_unwrap(wire, options);
        detail::throw_if(opened.status, "DecryptMessage");
        return part_of(wire, opened);
    }
    /// Unwraps a copy of `wire`. Copies twice and allocates twice.
    /// @throws as `unwrap`; std::bad_alloc before the package has seen the message.
    [[nodiscard]] unwrapped_copy unwrap_copy(const_bytes wire, const accept_options& options = {}) {
        detail::wiped_vector copy{wire.begin(), wire.end()};
        unwrapped_copy result;
        result.data.reserve(wire.size());
        const auto message = unwrap(copy, options);
        result.data.assign(message.data.begin(), message.data.end());
        result.quality = message.quality;
        return result;
    }

protected:
    message_receiving() noexcept = default;
    explicit message_receiving(std::shared_ptr<detail::established> state) noexcept : Base{std::move(state)} {}
    message_receiving(message_receiving&&) noexcept = default;
    message_receiving& operator=(message_receiving&&) noexcept = default;
    ~message_receiving() = default;

private:
    static decrypted_message part_of(std::span<std::byte> memory, const detail::opened_data& opened) noexcept {
        return {memory.subspan(opened.offset, opened.size), opened.quality};
    }
    /// Returns the decrypted part of the data; in a list, of the last part that was decrypted.
    static decrypted_message left(const message_data& data, const detail::opened_data& opened) noexcept {
        if (!data.in_parts()) {
            return {{data.data() + opened.offset, opened.size}, opened.quality};
        }
        for (std::size_t i = data.parts().size(); i-- != 0;) {
            if (data.parts()[i].writable()) {
                return part_of(data.parts()[i].writable_bytes(), opened);
            }
        }
        return {{}, opened.quality};
    }

    [[nodiscard]] errc call_verify(const const_message_data& message, std::span<const std::byte> signature,
                                   const accept_options& options) noexcept {
        auto* const context = this->state_.get();
        if (context == nullptr) {
            return errc::invalid_handle;
        }
        return message.in_parts()
                   ? context->verify(detail::parts_to_read{message.parts()}, signature, options.sequence_number)
                   : context->verify(detail::one_part_to_read{message}, signature, options.sequence_number);
    }
    [[nodiscard]] detail::opened_data call_decrypt(const encrypted_message& message,
                                                   const accept_options& options) noexcept {
        auto* const context = this->state_.get();
        if (context == nullptr) {
            return {errc::invalid_handle};
        }
        const auto& data = message.data;
        const auto padding = message.padding.size();
        if (padding != 0 && (data.in_parts() || message.padding.data() != data.data() + data.size())) {
            return {errc::invalid_parameter};
        }
        return data.in_parts() ? context->decrypt(detail::parts_to_change{data.parts()}, message.token, options)
                               : context->decrypt(detail::one_part_to_change{{data.data(), data.size() + padding}},
                                                  message.token, options);
    }
    [[nodiscard]] detail::opened_data call_unwrap(std::span<std::byte> wire, const accept_options& options) noexcept {
        auto* const context = this->state_.get();
        return context == nullptr ? detail::opened_data{errc::invalid_handle}
                                  : detail::wrap_calls::unwrap(*context, wire, options);
    }
};

/// The receiving half of a context that was `split`. One thread uses it while another thread uses the sending half.
class message_receiver : public message_receiving<context_accessors> {
public:
    /// Makes the zero state, which is also the state of a moved-from object.
    message_receiver() noexcept = default;

private:
    friend class security_context;
    explicit message_receiver(std::shared_ptr<detail::established> state) noexcept
        : message_receiving{std::move(state)} {}
};

} // namespace sspan::inline SSPAN_API_NAMESPACE
