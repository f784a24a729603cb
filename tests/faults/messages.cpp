// SPDX-License-Identifier: MIT
#include "scenario.hpp"

#include "unit/messages.hpp"

#include <sspan/message_frame.hpp>
#include <sspan/message_part.hpp>
#include <sspan/security_context.hpp>
#include <sspan/server_context.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

namespace faults {

namespace {

using sspan::quality_of_protection;

constexpr std::size_t message_size = 40;

/// The common part of all steps on messages. A message cannot be received twice. If the package advances its sequence
/// number but reports failure, the receiver sees a gap.
template <class Sender, class Receiver>
class exchange : public scenario {
protected:
    exchange(const profile& which, Sender& sender, Receiver& receiver)
        : which_{which}, sender_{sender}, receiver_{receiver} {}

    void sign() {
        sends(add("sign", [this](auto&... ec) { signature_ = sender_.sign(message_, room_, {}, ec...); })).prepare =
            [this] {
                room_.assign(sender_.sizes().max_signature, std::byte{0xEE});
                signature_ = {};
            };
        steps.back().holds = [this] { return !signature_.empty(); };
        steps.back().holds_after_failure = [this] { return signature_.empty() && message_ == plain_; };

        receives(add(
                     "verify", [this](std::error_code& ec) { right_ = receiver_.verify(message_, signature_, {}, ec); },
                     [this] { receiver_.verify(message_, signature_), right_ = true; }))
            .prepare = [this] { right_ = false; };
        steps.back().holds = [this] { return right_; };
        steps.back().holds_after_failure = [this] { return !right_; };
    }

    void encrypt(const sspan::protect_options& protection, const sspan::accept_options& acceptance) {
        sends(add("encrypt", [this, protection](auto&... ec) {
            sealed_ = sender_.encrypt({.token = token_, .data = data_, .padding = padding_}, protection, ec...);
        })).prepare = [this] {
            data_ = plain_;
            token_.assign(sender_.sizes().security_trailer, std::byte{0xEE});
            padding_.assign(sender_.sizes().block_size + 1U, std::byte{0xEE});
            sealed_ = {};
        };
        steps.back().holds = [this] { return sealed_.data.size() == plain_.size() && !sealed_.token.empty(); };
        steps.back().holds_after_failure = [this] {
            return sealed_.data.empty() && sealed_.token.empty() && sealed_.padding.empty();
        };

        opens(add("decrypt", [this, acceptance](auto&... ec) {
            opened_ = receiver_.decrypt({.token = wire_token_, .data = wire_}, acceptance, ec...);
        })).prepare = [this] {
            wire_ = copy_of(sealed_.data);
            wire_.insert(wire_.end(), sealed_.padding.begin(), sealed_.padding.end());
            wire_token_ = copy_of(sealed_.token);
            opened_ = {};
        };
    }

    /// `first`: the receiver does not know yet which form the package accepts.
    void wrap(bool first) {
        sends(add("wrap", [this](auto&... ec) { wrapped_ = sender_.wrap(*frame_, message_size, {}, ec...); })).prepare =
            [this] {
                std::ranges::copy(plain_, frame_->payload().begin());
                wrapped_ = {};
            };
        steps.back().holds = [this] { return wrapped_.size() > message_size; };
        steps.back().holds_after_failure = [this] { return wrapped_.empty() && all_zero(frame_->payload()); };

        opens(add("unwrap", [this](auto&... ec) { opened_ = receiver_.unwrap(wire_, {}, ec...); })).prepare = [this] {
            wire_ = copy_of(wrapped_);
            wire_token_.clear();
            opened_ = {};
        };
        if (first) {
        }
    }

    void frame() {
        add("message_frame", [this] { frame_.emplace(sender_.sizes(), message_size); }).constructs = true;
    }

    static step& sends(step& which) {
        which.after_odd_success = after::stop; // the peer waits for the lost message
        which.allocates_nothing = true;
        return which;
    }
    static step& receives(step& which) {
        which.after_odd_success = after::go_on; // the message is used up
        which.allocates_nothing = true;
        return which;
    }
    step& opens(step& which) {
        which.holds = [this] { return std::ranges::equal(opened_.data, plain_); };
        which.holds_after_failure = [this] { // no plaintext is left
            return opened_.data.empty() && opened_.quality == quality_of_protection::integrity_only &&
                   all_zero(wire_) && all_zero(wire_token_);
        };
        return receives(which);
    }

    profile which_;
    Sender& sender_;
    Receiver& receiver_;
    const bytes plain_ = numbered(message_size);
    bytes message_ = plain_;

private:
    bytes room_;
    std::span<std::byte> signature_;
    bool right_ = false;
    bytes data_;
    bytes token_;
    bytes padding_;
    sspan::encrypted_message sealed_;
    bytes wire_;
    bytes wire_token_;
    sspan::decrypted_message opened_;
    std::optional<sspan::message_frame> frame_;
    std::span<const std::byte> wrapped_;
};

struct both_contexts {
    explicit both_contexts(const profile& which) : pair{establish(which)} {}
    established pair;
};

class messages final : both_contexts, public exchange<sspan::security_context, sspan::server_context> {
public:
    explicit messages(const profile& which) : both_contexts{which}, exchange{which, pair.client, pair.server} {
        sign();
        encrypt({}, {});
        if (which.package != sspan::package::ntlm) { // NTLM encrypts even this
            encrypt({quality_of_protection::integrity_only}, {sspan::minimum_protection::integrity_only});
        }
        frame();
        wrap(true);
        wrap(false);

        // Functions that copy have only the throwing form.
        sends(add("wrap_copy", [this] { copy_ = sender_.wrap_copy(message_); })).prepare = [this] { copy_.clear(); };
        steps.back().holds = [this] { return copy_.size() > message_size; };
        steps.back().holds_after_failure = [this] { return copy_.empty() && message_ == plain_; };
        copies(steps.back());
        receives(add("unwrap_copy", [this] { plain_copy_ = receiver_.unwrap_copy(copy_); })).prepare = [this] {
            plain_copy_ = {};
        };
        steps.back().holds = [this] { return plain_copy_.data == plain_; };
        steps.back().holds_after_failure = [this] { return plain_copy_.data.empty(); };
        copies(steps.back());
    }

private:
    static void copies(step& which) {
        which.allocates_nothing = false;
        which.constructs = true;
    }

    bytes copy_;
    sspan::unwrapped_copy plain_copy_;
};

class halves final : both_contexts, public exchange<sspan::message_sender, sspan::message_receiver> {
public:
    explicit halves(const profile& which) : both_contexts{which}, exchange{which, client_.sender, server_.receiver} {
        split(pair.client, client_);
        split(pair.server, server_);
        sign();
        encrypt({}, {});
        frame();
        wrap(true);
        wrap(false);
    }

private:
    template <class Context>
    void split(Context& context, sspan::message_halves& into) {
        auto& added = add("split", [&](auto&... ec) { into = std::move(context).split(ec...); });
        added.holds = [&] { return into.sender && into.receiver && !context; };
        added.holds_after_failure = [&] { return !into.sender && !into.receiver && context; };
    }

    sspan::message_halves client_;
    sspan::message_halves server_;
};

/// Messages in three parts. The checksum does not cover one of them.
class parts final : both_contexts, public scenario {
public:
    explicit parts(const profile& which) : both_contexts{which} {
        auto& sign =
            signs(add("sign", [this](auto&... ec) { signature_ = pair.client.sign(to_sign(), room_, {}, ec...); }));
        sign.prepare = [this] {
            room_.assign(pair.client.sizes().max_signature, std::byte{0xEE});
            signature_ = {};
        };
        sign.holds = [this] { return !signature_.empty(); };
        sign.holds_after_failure = [this] { return signature_.empty(); };
        sign.after_odd_success = after::stop;

        auto& verify = signs(add(
            "verify", [this](std::error_code& ec) { right_ = pair.server.verify(to_sign(), signature_, {}, ec); },
            [this] { pair.server.verify(to_sign(), signature_), right_ = true; }));
        verify.prepare = [this] { right_ = false; };
        verify.holds = [this] { return right_; };
        verify.holds_after_failure = [this] { return !right_; };
        verify.after_odd_success = after::go_on;

        auto& encrypt = signs(add("encrypt", [this](auto&... ec) {
            sealed_ = pair.client.encrypt({.token = token_, .data = to_seal(), .padding = padding_}, {}, ec...);
        }));
        encrypt.prepare = [this] {
            first_ = plain_;
            last_ = plain_;
            token_.assign(pair.client.sizes().security_trailer, std::byte{0xEE});
            padding_.assign(pair.client.sizes().block_size + 1U, std::byte{0xEE});
            sealed_ = {};
        };
        encrypt.holds = [this] { return !sealed_.token.empty() && first_ != plain_ && last_ != plain_; };
        encrypt.holds_after_failure = [this] { return sealed_.token.empty() && sealed_.padding.empty(); };
        encrypt.after_odd_success = after::stop;

        auto& decrypt = signs(add("decrypt", [this](auto&... ec) {
            opened_ = pair.server.decrypt({.token = wire_token_, .data = to_open()}, {}, ec...);
        }));
        decrypt.prepare = [this] {
            wire_first_ = first_;
            wire_last_ = last_;
            wire_last_.insert(wire_last_.end(), sealed_.padding.begin(), sealed_.padding.end());
            wire_token_ = copy_of(sealed_.token);
            opened_ = {};
        };
        decrypt.holds = [this] { return wire_first_ == plain_ && std::ranges::equal(opened_.data, plain_); };
        decrypt.holds_after_failure = [this] {
            return opened_.data.empty() && all_zero(wire_first_) && all_zero(wire_last_) && all_zero(wire_token_);
        };
        decrypt.after_odd_success = after::go_on;
    }

private:
    static step& signs(step& which) {
        which.allocates_nothing = true;
        return which;
    }
    [[nodiscard]] std::array<sspan::message_part, 3> to_sign() const {
        return {sspan::message_part::readonly_with_checksum(header_), sspan::message_part::data(plain_),
                sspan::message_part::readonly(header_)};
    }
    [[nodiscard]] std::array<sspan::message_part, 3> to_seal() {
        return {sspan::message_part::data(first_), sspan::message_part::readonly_with_checksum(header_),
                sspan::message_part::data(last_)};
    }
    [[nodiscard]] std::array<sspan::message_part, 3> to_open() {
        return {sspan::message_part::data(wire_first_), sspan::message_part::readonly_with_checksum(header_),
                sspan::message_part::data(wire_last_)};
    }

    const bytes header_ = numbered(8);
    const bytes plain_ = numbered(message_size);
    bytes room_;
    std::span<std::byte> signature_;
    bool right_ = false;
    bytes first_;
    bytes last_;
    bytes token_;
    bytes padding_;
    sspan::encrypted_message sealed_;
    bytes wire_first_;
    bytes wire_last_;
    bytes wire_token_;
    sspan::decrypted_message opened_;
};

} // namespace

std::unique_ptr<scenario> messages_scenario(const profile& which) {
    return std::make_unique<messages>(which);
}
std::unique_ptr<scenario> parts_scenario(const profile& which) {
    return std::make_unique<parts>(which);
}
std::unique_ptr<scenario> halves_scenario(const profile& which) {
    return std::make_unique<halves>(which);
}

} // namespace faults
