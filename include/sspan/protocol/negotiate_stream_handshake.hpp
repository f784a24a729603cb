// SPDX-License-Identifier: MIT
//
// The handshake of NegotiateStream (MS-NNS), for both sides.
#pragma once

#include "../bytes.hpp"
#include "../client_context.hpp"
#include "../credentials.hpp"
#include "../detail/nns_records.hpp"
#include "../detail/token_exchange.hpp"
#include "../error.hpp"
#include "../flags.hpp"
#include "../handshake.hpp"
#include "../handshake_step.hpp"
#include "../package.hpp" // detail::without_bad_alloc
#include "../server_context.hpp"
#include "negotiate_stream_channel.hpp"
#include "negotiate_stream_options.hpp"
#include "negotiate_stream_record.hpp"

#include <algorithm> // std::ranges::copy
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits> // std::is_same_v
#include <utility>
#include <vector>

namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream {

/// The common part of `client` and `server`. Only one thread at a time may use it.
template <class Handshake>
class handshake_side {
public:
    handshake_side(const handshake_side&) = delete;
    handshake_side& operator=(const handshake_side&) = delete;

    /// Takes the peer's record, header and payload, and makes the next one. A client's first step takes an empty record.
    ///
    /// @throws handshake_error as the `step` and `finish` of `client_handshake` and `server_handshake`. Its `token()` is
    ///   the error record for the peer; send it unless it is empty. Also:
    ///   - `illegal_message` for a malformed record, and for a record out of turn;
    ///   - the peer's reason, if the peer has sent an error record (see `refused_by_peer`): `security_qos_failed` if it
    ///     requires more protection, another target or another impersonation level;
    ///   - `buffer_too_small` if our token exceeds 65,535 bytes;
    ///   - `unsupported_function` without encryption if the platform does not tell whether NTLM is at work;
    ///   - `invalid_parameter` for flags that change the format of messages;
    ///   - `no_context` after a failure and after the end. Then the step changes nothing.
    /// With `ec`, a failed step returns the error record.
    [[nodiscard]] record_step step(const_bytes record, std::error_code& ec) & noexcept {
        ec.clear();
        exchange_.begin_call();
        refused_by_peer_ = false;
        if (state_ == state::over) {
            exchange_.refuse(errc::no_context, " is over", ec);
            return {};
        }
        const std::span<const std::byte> given = record;
        if (has_bad_flags_) {
            return fail(errc::invalid_parameter, " was given flags that change the format of messages", ec);
        }
        const bool begins = state_ == state::first && is_client;
        if (begins && !given.empty()) {
            return fail(errc::illegal_message, " was given a record before its first one", ec);
        }
        std::span<const std::byte> token;
        bool peer_is_done = false;
        if (!begins) {
            detail::nns_header header;
            if (given.size() < handshake_header_size ||
                !detail::read_nns_header(given.first<handshake_header_size>(), header) ||
                header.size != given.size() - handshake_header_size) {
                return fail(errc::illegal_message, " was given a malformed record", ec);
            }
            token = given.subspan(handshake_header_size);
            if (header.id == detail::nns_id::error) {
                state_ = state::over;
                context_ = {};
                refused_by_peer_ = true;
                exchange_.refuse(detail::read_nns_error(token), " was refused by the peer", ec);
                return {};
            }
            peer_is_done = header.id == detail::nns_id::done;
        }
        if (state_ == state::waiting_for_peer) { // like .NET, ignores what a done record contains
            return peer_is_done && context_ ? finished({}) : fail(errc::illegal_message, out_of_turn, ec);
        }
        state_ = state::later;
        const auto taken = exchange_.step(token, ec);
        if (ec) {
            return fail(ec);
        }
        if (!taken.done()) {
            return peer_is_done || taken.token.empty()
                       ? fail(errc::illegal_message, out_of_turn, ec)
                       : record_step{make_record(detail::nns_id::in_progress, taken.token, ec)};
        }
        const auto last = taken.token;
        context_ = exchange_.finish(ec);
        if (ec) {
            return fail(ec);
        }
        const bool form_is_unknown = context_.package() == security_package::not_told &&
                                     !contains(context_.granted(), context_flags::confidentiality);
        if (form_is_unknown) { // messages of NTLM without encryption are different
            return fail(errc::unsupported_function, " cannot know whether NTLM is used", ec);
        }
        if constexpr (!is_client) {
            return finished(make_record(detail::nns_id::done, last, ec));
        } else {
            const auto answer =
                last.empty() ? std::span<const std::byte>{} : make_record(detail::nns_id::done, last, ec);
            if (peer_is_done || ec) {
                return finished(answer);
            }
            state_ = state::waiting_for_peer;
            return {answer};
        }
    }
    [[nodiscard]] record_step step(const_bytes record) & {
        std::error_code ec;
        const auto result = step(record, ec);
        if (ec) {
            exchange_.throw_failed(ec, result.record);
        }
        return result;
    }
    [[nodiscard]] record_step step(const_bytes record, std::error_code& ec) && = delete; // the record would dangle
    [[nodiscard]] record_step step(const_bytes record) && = delete;

    /// Returns true if the error of the last step came from the peer.
    [[nodiscard]] bool refused_by_peer() const noexcept { return refused_by_peer_; }
    /// Returns what `what()` of the throwing form says. `ec` is the error of the last `step`.
    [[nodiscard]] std::string explain(const std::error_code& ec) const { return exchange_.explain(ec); }

protected:
    using context = typename detail::token_exchange<Handshake>::context;

    handshake_side(const char* own_name, Handshake handshake, context_flags flags)
        : exchange_{own_name, std::move(handshake)},
          has_bad_flags_{(flags & detail::nns_refused_flags) != context_flags::none},
          record_(handshake_header_size + detail::nns_longest_payload) {}
    handshake_side(handshake_side&&) noexcept = default;
    handshake_side& operator=(handshake_side&&) noexcept = default;
    ~handshake_side() = default;

    [[nodiscard]] channel<context> finish(std::error_code& ec) noexcept {
        exchange_.begin_call();
        const bool is_over = std::exchange(is_done_, false);
        return detail::without_bad_alloc<channel<context>>(ec, [&]() -> channel<context> {
            const bool has_room = max_payload(context_.sizes(), detail::nns_longest_message) != 0;
            if (!detail::succeeded(!is_over || !context_ ? errc::no_context
                                   : has_room            ? errc{}
                                                         : errc::internal_error,
                                   ec)) {
                return {};
            }
            return channel<context>{std::move(context_)};
        });
    }
    [[nodiscard]] channel<context> finish() {
        std::error_code ec;
        auto made = finish(ec);
        exchange_.throw_if(ec);
        return made;
    }

private:
    static constexpr bool is_client = std::is_same_v<Handshake, client_handshake>;
    static constexpr const char* out_of_turn = " was given a record out of turn";

    enum class state { first, later, waiting_for_peer, over };

    /// Makes a record in `record_`.
    [[nodiscard]] std::span<const std::byte> make_record(detail::nns_id id, std::span<const std::byte> payload,
                                                         std::error_code& ec) noexcept {
        if (record_.empty() || payload.size() > detail::nns_longest_payload) {
            return record_.empty() ? fail(errc::invalid_handle, " was moved from", ec).record
                                   : fail(errc::buffer_too_small, " has a token that exceeds a record", ec).record;
        }
        std::ranges::copy(detail::make_nns_header({id, payload.size()}), record_.begin());
        std::ranges::copy(payload, record_.begin() + static_cast<std::ptrdiff_t>(handshake_header_size));
        return std::span<const std::byte>{record_}.first(handshake_header_size + payload.size());
    }
    record_step finished(std::span<const std::byte> record) noexcept {
        is_done_ = state_ != state::over;
        state_ = state::over;
        return {record, is_done_};
    }
    record_step fail(errc code, const char* reason, std::error_code& ec) noexcept {
        exchange_.refuse(code, reason, ec);
        return fail(ec);
    }
    /// Makes the record that tells the peer `reason`.
    record_step fail(const std::error_code& reason) noexcept {
        state_ = state::over;
        context_ = {};
        std::error_code none;
        return {record_.empty() ? std::span<const std::byte>{}
                                : make_record(detail::nns_id::error, detail::make_nns_error(reason), none)};
    }

    detail::token_exchange<Handshake> exchange_;
    context context_;
    bool has_bad_flags_;
    std::vector<std::byte> record_; // empty when moved from
    state state_ = state::first;
    bool is_done_ = false;
    bool refused_by_peer_ = false;
};

/// The client's side. It begins: `step()`, without a record.
class client : public handshake_side<client_handshake> {
public:
    /// `target` is the service's principal name, such as L"HOST/files.corp.example".
    client(const credentials& creds, std::wstring_view target, const client_options& options = {})
        : handshake_side{"sspan::negotiate_stream::client", client_handshake{creds, target, completed(options)},
                         options.handshake.require | options.handshake.request} {}

    using handshake_side::step;
    /// Makes the first record.
    [[nodiscard]] record_step step() & { return step(const_bytes{}); }
    [[nodiscard]] record_step step() && = delete;

    /// Returns the channel after a step that was `done`.
    /// @throws error `no_context` otherwise; `insufficient_memory`; `internal_error` for a package without room for data.
    [[nodiscard]] channel<client_context> finish(std::error_code& ec) && noexcept { return handshake_side::finish(ec); }
    [[nodiscard]] channel<client_context> finish() && { return handshake_side::finish(); }
    channel<client_context> finish(std::error_code& ec) & = delete; // use std::move: the handshake is used up
    channel<client_context> finish() & = delete;

private:
    static sspan::client_options completed(const client_options& options) {
        auto handshake = options.handshake;
        handshake.require |= detail::flags_of(options.protection) | context_flags::sequence_detect;
        if (options.impersonation == impersonation_level::delegation) {
            handshake.require |= context_flags::delegate;
        } else if (options.impersonation != impersonation_level::impersonation) {
            handshake.request |= context_flags::identify;
        }
        return handshake;
    }
};

/// The server's side. The client begins.
class server : public handshake_side<server_handshake> {
public:
    explicit server(const credentials& creds, const server_options& options = {})
        : handshake_side{"sspan::negotiate_stream::server", server_handshake{creds, completed(options)},
                         options.handshake.require | options.handshake.request} {}

    /// Returns the channel after a step that was `done`.
    /// @throws error `no_context` otherwise; `insufficient_memory`; `internal_error` for a package without room for data.
    [[nodiscard]] channel<server_context> finish(std::error_code& ec) && noexcept { return handshake_side::finish(ec); }
    [[nodiscard]] channel<server_context> finish() && { return handshake_side::finish(); }
    channel<server_context> finish(std::error_code& ec) & = delete; // use std::move: the handshake is used up
    channel<server_context> finish() & = delete;

private:
    static sspan::server_options completed(const server_options& options) {
        auto handshake = options.handshake;
        handshake.require |= detail::flags_of(options.protection);
        handshake.request |= message_protection; // what the client requests is granted
        return handshake;
    }
};

} // namespace sspan::inline SSPAN_API_NAMESPACE::negotiate_stream
