// SPDX-License-Identifier: MIT
#include "message_exchange.hpp"

#include "surface.hpp"

#include <algorithm>
#include <iterator>

namespace fuzzing {

namespace {

using loopback::function;
using sspan::context_flags;
using sspan::errc;

constexpr std::size_t most_bytes = 96;

std::vector<sspan::message_part> to_sign(const std::vector<part>& parts) {
    std::vector<sspan::message_part> list;
    list.reserve(parts.size());
    for (const auto& [kind, content] : parts) {
        list.push_back(kind == part_kind::data ? sspan::message_part::data(content)
                       : kind == part_kind::readonly_with_checksum
                           ? sspan::message_part::readonly_with_checksum(content)
                           : sspan::message_part::readonly(content));
    }
    return list;
}

std::vector<sspan::message_part> to_change(std::vector<part>& parts) {
    std::vector<sspan::message_part> list;
    list.reserve(parts.size());
    for (auto& [kind, content] : parts) {
        list.push_back(kind == part_kind::data ? sspan::message_part::data(content)
                       : kind == part_kind::readonly_with_checksum
                           ? sspan::message_part::readonly_with_checksum(content)
                           : sspan::message_part::readonly(content));
    }
    return list;
}

/// Returns the encrypted parts, joined.
bytes data_of(const std::vector<part>& parts) {
    bytes data;
    for (const auto& [kind, content] : parts) {
        if (kind == part_kind::data) {
            data.insert(data.end(), content.begin(), content.end());
        }
    }
    return data;
}

part* last_data(std::vector<part>& parts) {
    part* last = nullptr;
    for (auto& each : parts) {
        last = each.kind == part_kind::data ? &each : last;
    }
    return last;
}

bool is_one_piece(const message& what) {
    return what.sealed && what.parts.size() == 1 && what.parts.front().kind == part_kind::data;
}

bool same_parts(const std::vector<part>& left, const std::vector<part>& right) {
    return std::ranges::equal(left, right, [](const part& l, const part& r) { return l.content == r.content; });
}

std::size_t calls_now(function which) {
    return loopback::calls(which);
}

} // namespace

bytes message::in_one_piece() const {
    bytes whole = token;
    for (const auto& each : parts) {
        whole.insert(whole.end(), each.content.begin(), each.content.end());
    }
    whole.shrink_to_fit();
    return whole;
}

bool message::same_as(const message& other, bool readonly_is_covered) const {
    if (is_one_piece(*this) && is_one_piece(other)) { // the token contains its own length
        return in_one_piece() == other.in_one_piece();
    }
    const auto covered = [readonly_is_covered](const message& of) {
        std::vector<std::pair<std::byte, bool>> list;
        for (const auto& [kind, content] : of.parts) {
            if (kind != part_kind::readonly || readonly_is_covered) {
                std::ranges::transform(content, std::back_inserter(list), [&](std::byte byte) {
                    return std::pair{byte, of.sealed && kind == part_kind::data};
                });
            }
        }
        return list;
    };
    return sealed == other.sealed && token == other.token && covered(*this) == covered(other);
}

message_exchange::message_exchange(input& in, peers& ends, context_flags required, bool is_ntlm)
    : in_{&in}, sender_{&ends.client}, receiver_{&ends.server}, required_{required}, is_ntlm_{is_ntlm} {
    if (in.flag()) {
        std::swap(sender_, receiver_);
    }
    granted_ = receiver_->granted();
    sizes_ = receiver_->sizes();
    if (in.flag()) {
        halves_ = std::move(*receiver_).split();
    }
}

void message_exchange::one_more() {
    options_.minimum =
        in_->pick(std::array{sspan::minimum_protection::as_required, sspan::minimum_protection::integrity_only,
                             sspan::minimum_protection::encrypted});
    const auto kind = in_->number(0, 7);
    if (kind < 3) {
        send(*sender_, true);
    } else if (kind == 3 && in_->flag()) {
        halves_ ? send(halves_->sender, false) : send(*receiver_, false);
    } else {
        const auto what = choose();
        options_.sequence_number = in_->rarely() ? in_->any<std::uint32_t>() : what.number;
        const auto give = [&](auto& receiver) {
            if (!what.sealed) {
                verify(receiver, what);
            } else if (is_one_piece(what) && (what.token.empty() || in_->flag())) {
                unwrap(receiver, what);
            } else {
                decrypt(receiver, what);
            }
        };
        halves_ ? give(halves_->receiver) : give(*receiver_);
    }
}

std::vector<part> message_exchange::choose_parts() {
    std::vector<part> parts(in_->flag() ? in_->number(1U, 4U) : 1U);
    for (auto& each : parts) {
        each.content = in_->sized(most_bytes);
        each.kind = in_->pick(std::array{part_kind::data, part_kind::readonly_with_checksum, part_kind::readonly});
    }
    parts.front().kind = part_kind::data;
    return parts;
}

template <class Sender>
void message_exchange::send(Sender& from, bool to_the_receiver) {
    sent_message next;
    next.number = in_->number(0U, 3U);
    next.sealed = in_->flag();
    next.quality =
        in_->rarely() ? sspan::quality_of_protection::integrity_only : sspan::quality_of_protection::encrypted;
    next.ordinal = history_.size();
    std::error_code ec;
    if (!next.sealed) {
        sign(from, next, ec);
    } else if (in_->flag()) {
        wrap(from, next, ec);
    } else {
        encrypt(from, next, ec);
    }
    if (!ec && to_the_receiver) {
        history_.push_back(std::move(next));
    } else if (!ec) {
        reflections_.push_back(std::move(next));
    }
}

template <class Sender>
void message_exchange::sign(Sender& from, sent_message& next, std::error_code& ec) {
    next.parts = choose_parts();
    const auto before = next.parts;
    const sspan::protect_options options{.sequence_number = next.number};
    bytes room(from.sizes().max_signature + in_->number(0U, 1U), std::byte{0xEE});
    if (in_->rarely() && !room.empty()) {
        room.pop_back();
        room.shrink_to_fit();
    }
    const auto list = to_sign(next.parts);
    const auto written = on_either(
        *in_, ec, [&] { return from.sign(list, room, options, ec); }, [&] { return from.sign(list, room, options); });
    require(lies_in(written, room) && written.empty() == static_cast<bool>(ec), "a signature lies in its buffer");
    require(same_parts(before, next.parts), "signing does not change the message");
    if (room.size() < from.sizes().max_signature) {
        require(static_cast<bool>(ec) &&
                    std::ranges::all_of(room, [](std::byte byte) { return byte == std::byte{0xEE}; }),
                "a buffer that is too small is refused");
    }
    next.token = copy_of(written);
}

template <class Sender>
void message_exchange::encrypt(Sender& from, sent_message& next, std::error_code& ec) {
    next.parts = choose_parts();
    next.plain = data_of(next.parts);
    const auto before = next.parts;
    const sspan::protect_options options{next.quality, next.number};
    const auto sizes = from.sizes();
    bytes token(sizes.security_trailer + in_->number(0U, 1U));
    bytes padding(sizes.block_size + in_->number(0U, 1U));
    const auto list = to_change(next.parts);
    const auto calls = calls_now(function::encrypt_message);
    const auto written = on_either(
        *in_, ec, [&] { return from.encrypt({.token = token, .data = list, .padding = padding}, options, ec); },
        [&] { return from.encrypt({.token = token, .data = list, .padding = padding}, options); });
    require(lies_in(written.token, token) && lies_in(written.padding, padding),
            "token and padding lie in their buffers");
    require(written.padding.size() <= sizes.block_size, "the padding is at most the block size");
    require(written.token.empty() == static_cast<bool>(ec), "the result is a token or an error");
    if (calls == calls_now(function::encrypt_message)) {
        require(same_parts(before, next.parts) && all_zero(token) && all_zero(padding),
                "a refused call does not change the buffers");
    }
    next.token = copy_of(written.token);
    auto& last = last_data(next.parts)->content;
    last.insert(last.end(), written.padding.begin(), written.padding.end());
}

template <class Sender>
void message_exchange::wrap(Sender& from, sent_message& next, std::error_code& ec) {
    next.plain = in_->sized(most_bytes);
    const sspan::protect_options options{next.quality, next.number};
    bytes wire;
    if (in_->flag()) {
        try {
            wire = from.wrap_copy(next.plain, options);
        } catch (const sspan::error& failure) {
            ec = failure.code();
        }
    } else {
        sspan::message_frame frame{from.sizes(), next.plain.size() + in_->number(0U, 1U)};
        std::ranges::copy(next.plain, frame.payload().begin());
        const auto calls = calls_now(function::encrypt_message);
        wire = copy_of(from.wrap(frame, next.plain.size(), options, ec));
        const auto payload = frame.payload().first(next.plain.size());
        if (calls == calls_now(function::encrypt_message)) {
            require(std::ranges::equal(payload, next.plain), "a refused call does not change the buffers");
        } else {
            require(!ec || all_zero(payload), "no plaintext is left in the frame");
        }
    }
    require(wire.empty() == static_cast<bool>(ec), "the result is a wrapped message or an error");
    next.parts = {{part_kind::data, std::move(wire)}};
}

message message_exchange::choose() {
    message what;
    const auto from = in_->number(0, 7);
    if (from < 5 && next_ < history_.size()) {
        what = history_[next_];
    } else if (from < 6 && !history_.empty()) {
        what = in_->pick(history_);
    } else if (from == 6 && !reflections_.empty()) {
        what = in_->pick(reflections_);
    } else {
        what.sealed = in_->flag();
        what.token = in_->sized(most_bytes);
        what.parts = choose_parts();
    }
    for (auto changes = in_->number(0, 2); changes != 0; --changes) {
        change(what);
    }
    return what;
}

void message_exchange::change(message& what) {
    switch (in_->number(0, 4)) {
    case 0:
    case 1:
        change(what.token);
        break;
    case 2:
    case 3:
        change(what.parts[in_->number(std::size_t{0}, what.parts.size() - 1)].content);
        break;
    default: // the end of the token
        auto& data = what.parts.front().content;
        const auto size = in_->number(std::size_t{0}, data.size());
        what.token.insert(what.token.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
        data.erase(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
        break;
    }
    what.token.shrink_to_fit();
}

void message_exchange::change(bytes& what) {
    const auto at = in_->number(std::size_t{0}, what.size());
    const auto rest = static_cast<std::ptrdiff_t>(at);
    switch (in_->number(0, 4)) {
    case 0:
    case 1:
        if (at != what.size()) {
            what[at] ^= std::byte{1} << in_->number(0, 7);
        }
        break;
    case 2:
        what.resize(at);
        break;
    case 3:
        what.insert(what.begin() + rest, in_->any<std::uint8_t>() == 0 ? std::byte{0} : std::byte{0x41});
        break;
    default: {
        const auto others = in_->some(what.size() - at);
        std::ranges::copy(others, what.begin() + rest);
        break;
    }
    }
    what.shrink_to_fit();
}

template <class Receiver>
void message_exchange::verify(Receiver& receiver, const message& what) {
    const message given{what.sealed, what.parts, what.token, what.number}; // a copy for comparison
    const auto list = to_sign(given.parts);
    const auto calls = calls_now(function::verify_signature);
    std::error_code ec;
    const bool taken = on_either(
        *in_, ec, [&] { return receiver.verify(list, given.token, options_, ec); },
        [&] {
            receiver.verify(list, given.token, options_);
            return true;
        });
    require(taken != static_cast<bool>(ec), "the result is true or an error");
    require(same_parts(given.parts, what.parts) && given.token == what.token, "verifying does not change the message");
    judge(what, calls != calls_now(function::verify_signature), ec, true);
}

template <class Receiver>
void message_exchange::decrypt(Receiver& receiver, const message& what) {
    auto given = what;
    std::span<std::byte> token{given.token};
    auto* const last = last_data(given.parts);
    const bool overlapping = in_->rarely() && last != nullptr && !last->content.empty();
    if (overlapping) {
        token = std::span{last->content}.last(in_->number(std::size_t{1}, last->content.size()));
    }
    const auto calls = calls_now(function::decrypt_message);
    std::error_code ec;
    sspan::decrypted_message opened;
    if (is_one_piece(given) && in_->flag()) {
        auto& data = given.parts.front().content;
        const auto whole = on_either(
            *in_, ec, [&] { return receiver.decrypt({.token = token, .data = data}, options_, ec); },
            [&] { return receiver.decrypt({.token = token, .data = data}, options_); });
        opened = {whole.data, whole.quality};
    } else {
        const auto list = to_change(given.parts);
        opened = on_either(
            *in_, ec, [&] { return receiver.decrypt({.token = token, .data = list}, options_, ec); },
            [&] { return receiver.decrypt({.token = token, .data = list}, options_); });
    }
    const bool asked = calls != calls_now(function::decrypt_message);
    require(!(asked && overlapping), "overlapping buffers are refused");
    for (std::size_t i = 0; i != given.parts.size(); ++i) {
        const auto& content = given.parts[i].content;
        if (!asked || given.parts[i].kind != part_kind::data) {
            require(content == what.parts[i].content, "read-only parts and refused messages are unchanged");
        } else if (ec) {
            require(all_zero(content), "a message that is not authentic leaves no plaintext");
        }
    }
    if (ec) {
        require(opened.data.data() == nullptr, "a failure returns no data");
        require(!asked || all_zero(token), "the token of a message that is not authentic is zeroed");
        require(asked || given.token == what.token, "a refused token is unchanged");
    } else {
        require(last != nullptr && lies_in(opened.data, last->content), "the plaintext lies in the last part");
        auto plain = given.parts;
        last_data(plain)->content = copy_of(opened.data);
        check_opened(what, data_of(plain), opened.quality);
    }
    const auto* const sent = find(what);
    judge(what, asked, ec, sent != nullptr && sent->token == what.token);
}

template <class Receiver>
void message_exchange::unwrap(Receiver& receiver, const message& what) {
    auto wire = what.in_one_piece();
    const auto calls = calls_now(function::decrypt_message);
    std::error_code ec;
    const auto opened = on_either(
        *in_, ec, [&] { return receiver.unwrap(wire, options_, ec); }, [&] { return receiver.unwrap(wire, options_); });
    const bool asked = calls != calls_now(function::decrypt_message);
    if (ec) {
        require(opened.data.data() == nullptr, "a failure returns no data");
        // A message that is too short for a token is also zeroed, without a call of the package.
        require(all_zero(wire) || (!asked && wire == what.in_one_piece()), "a failure leaves no plaintext");
    } else {
        require(lies_in(opened.data, wire), "the plaintext lies in the message");
        check_opened(what, opened.data, opened.quality);
    }
    // The form is fixed with the context. If the package refuses a stream, no message can be opened.
    const auto& settings = loopback::configure();
    const bool told = settings.unsupported_attributes.empty(); // otherwise NTLM also gets a stream
    const bool streams = settings.kerberos.stream && settings.negotiate.stream;
    judge(what, asked, ec, is_ntlm_ ? told || settings.ntlm.stream : streams);
}

void message_exchange::check_opened(const message& what, std::span<const std::byte> plain,
                                    sspan::quality_of_protection quality) const {
    const auto* const sent = find(what);
    require(sent != nullptr, "every decrypted message was sent");
    require(same(plain, sent->plain), "the decrypted data equals the encrypted data");
    require(quality == quality_of(*sent), "the reported quality equals the sent quality");
}

void message_exchange::judge(const message& what, bool package_was_asked, const std::error_code& ec, bool takes_form) {
    const auto* const sent = find(what);
    if (sent != nullptr && package_was_asked && takes_form && must_be_taken(*sent)) {
        require(is_good_enough(*sent) ? !ec : ec == errc::qop_not_supported, "the genuine next message is accepted");
    }
    if (!ec) {
        require(package_was_asked && sent != nullptr, "every accepted message was sent");
        require(may_be_taken(*sent), "every accepted message is the next one");
        require(is_good_enough(*sent), "every accepted message has the required protection");
    } else if (package_was_asked) {
        undisturbed_ = false;
    }
    const bool used_up = !ec || (ec == errc::qop_not_supported && package_was_asked && sent != nullptr &&
                                 may_be_taken(*sent) && !is_good_enough(*sent));
    if (used_up) {
        taken_.insert(sent->ordinal);
        next_ = std::max(next_, sent->ordinal + 1);
    }
}

const sent_message* message_exchange::find(const message& what) const {
    const auto found =
        std::ranges::find_if(history_, [&](const sent_message& sent) { return sent.same_as(what, is_ntlm_); });
    return found == history_.end() ? nullptr : &*found;
}

bool message_exchange::may_be_taken(const sent_message& sent) const {
    if (is_ntlm_ && contains(granted_, context_flags::datagram)) {
        return sent.number == options_.sequence_number;
    }
    if (is_ntlm_ || contains(granted_, context_flags::sequence_detect)) {
        return sent.ordinal == next_;
    }
    return !contains(granted_, context_flags::replay_detect) || !taken_.contains(sent.ordinal);
}

bool message_exchange::must_be_taken(const sent_message& sent) const {
    const bool numbered = is_ntlm_ && contains(granted_, context_flags::datagram);
    return may_be_taken(sent) && (numbered || (sent.ordinal == next_ && (undisturbed_ || !is_ntlm_)));
}

sspan::quality_of_protection message_exchange::quality_of(const sent_message& sent) const {
    const bool encrypted = contains(granted_, context_flags::confidentiality) &&
                           (is_ntlm_ || sent.quality == sspan::quality_of_protection::encrypted);
    return encrypted ? sspan::quality_of_protection::encrypted : sspan::quality_of_protection::integrity_only;
}

bool message_exchange::is_good_enough(const sent_message& sent) const {
    const bool must_be_encrypted = options_.minimum == sspan::minimum_protection::encrypted ||
                                   (options_.minimum == sspan::minimum_protection::as_required &&
                                    contains(required_, context_flags::confidentiality));
    return !sent.sealed || !must_be_encrypted || quality_of(sent) == sspan::quality_of_protection::encrypted;
}

} // namespace fuzzing
