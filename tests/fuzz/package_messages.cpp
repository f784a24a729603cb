// SPDX-License-Identifier: MIT
//
// Messages, over a hostile package.
#include "package_calls.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace fuzzing {

namespace {

constexpr std::size_t most_bytes = 64;
/// The target allocates no more than this, whatever size the package reports.
constexpr std::size_t most_room = 256;

hostile::package& here() {
    return hostile::package::instance();
}

std::size_t room_for(input& in, std::uint32_t size) {
    const auto enough = std::min<std::size_t>(size, most_room);
    return in.rarely() ? in.number(std::size_t{0}, enough) : enough + in.number(std::size_t{0}, std::size_t{2});
}

/// Parts for one message. The input decides which of them are writable.
struct parts {
    explicit parts(input& in) : contents(in.number(std::size_t{0}, std::size_t{3}) + 1) {
        for (auto& content : contents) {
            content = in.sized(most_bytes);
            writable.push_back(!in.rarely());
            list.push_back(writable.back() ? sspan::message_part::data(content)
                                           : sspan::message_part::readonly_with_checksum(content));
            to_sign.push_back(writable.back() ? sspan::message_part::data(content)
                                              : sspan::message_part::readonly(content));
        }
        before = contents;
    }
    std::vector<bytes> contents;
    std::vector<bytes> before;
    std::vector<bool> writable;
    std::vector<sspan::message_part> list;
    std::vector<sspan::message_part> to_sign;
};

} // namespace

sspan::protect_options package_calls::protection() {
    return {in_->flag() ? sspan::quality_of_protection::encrypted : sspan::quality_of_protection::integrity_only,
            in_->any<std::uint8_t>()};
}

sspan::accept_options package_calls::acceptance() {
    return {in_->pick(std::array{sspan::minimum_protection::as_required, sspan::minimum_protection::encrypted,
                                 sspan::minimum_protection::integrity_only}),
            in_->any<std::uint8_t>()};
}

template <class Context>
void package_calls::sign(Context& context) {
    const parts message{*in_};
    bytes signature(room_for(*in_, context.sizes().max_signature));
    const auto options = protection();
    std::error_code ec;
    const auto written = context.sign(message.to_sign, signature, options, ec);
    require(ec || here().message_status == SEC_E_OK, "a message call succeeds only with SEC_E_OK");
    require(lies_in(written, signature) && written.empty() == static_cast<bool>(ec), "a signature lies in its buffer");
    require(message.contents == message.before, "signing does not change the message");
    touch(written);
}

template <class Context>
void package_calls::encrypt(Context& context) {
    const parts message{*in_};
    bytes token(room_for(*in_, context.sizes().security_trailer));
    bytes padding(room_for(*in_, context.sizes().block_size));
    const auto options = protection();
    const auto calls = here().message_calls;
    std::error_code ec;
    const auto written = context.encrypt({.token = token, .data = message.list, .padding = padding}, options, ec);
    require(ec || here().message_status == SEC_E_OK, "a message call succeeds only with SEC_E_OK");
    require(lies_in(written.token, token) && lies_in(written.padding, padding),
            "token and padding lie in their buffers");
    require(written.token.empty() == static_cast<bool>(ec), "the result is a token or an error");
    require(written.padding.size() <= context.sizes().block_size, "the padding is at most the block size");
    require(calls != here().message_calls || message.contents == message.before,
            "a refused call does not change the buffers");
    touch(written.token);
    touch(written.padding);
}

template <class Context>
void package_calls::wrap(Context& context) {
    const auto plain = in_->sized(most_bytes);
    const auto options = protection();
    const auto sizes = context.sizes();
    if (std::max(sizes.security_trailer, sizes.block_size) > most_room) {
        return; // too large for the target's memory
    }
    std::error_code ec;
    auto framed = sizes;
    framed.security_trailer = in_->rarely() ? in_->number(0U, 100U) : sizes.security_trailer; // as for another context
    sspan::message_frame frame{framed, plain.size() + in_->number(0U, 2U)};
    std::ranges::copy(plain, frame.payload().begin());
    const auto size = in_->rarely() ? in_->number(std::size_t{0}, std::size_t{100}) : plain.size();
    const auto calls = here().message_calls;
    const auto wire = context.wrap(frame, size, options, ec);
    require(ec || here().message_status == SEC_E_OK, "a message call succeeds only with SEC_E_OK");
    require(wire.empty() == static_cast<bool>(ec), "the result is a message or an error");
    const bool asked = calls != here().message_calls;
    require(!ec || !asked || all_zero(frame.payload().first(size)), "a failure leaves no plaintext");
    require(asked || std::ranges::equal(frame.payload().first(plain.size()), plain),
            "a refused call does not change the buffers");
    touch(wire);
}

template <class Context>
void package_calls::verify(Context& context) {
    const parts message{*in_};
    const auto signature = in_->sized(most_bytes);
    const auto before = copy_of(signature);
    const auto options = acceptance();
    const auto calls = here().message_calls;
    std::error_code ec;
    const bool right = context.verify(message.to_sign, signature, options, ec);
    require(ec || here().message_status == SEC_E_OK, "a message call succeeds only with SEC_E_OK");
    require(right != static_cast<bool>(ec), "the result is true or an error");
    require(!right || calls != here().message_calls, "no signature is accepted without a call of the package");
    require(message.contents == message.before && signature == before, "verifying does not change the message");
}

template <class Context>
void package_calls::decrypt(Context& context) {
    parts message{*in_};
    auto token = in_->sized(most_bytes);
    const auto token_before = token;
    const auto options = acceptance();
    const auto calls = here().message_calls;
    std::error_code ec;
    const auto opened = context.decrypt({.token = token, .data = message.list}, options, ec);
    require(ec || here().message_status == SEC_E_OK, "a message call succeeds only with SEC_E_OK");
    const bool asked = calls != here().message_calls;
    bytes* last = nullptr;
    for (std::size_t i = 0; i != message.contents.size(); ++i) {
        last = message.writable[i] ? &message.contents[i] : last;
        if (!asked || !message.writable[i]) {
            require(message.contents[i] == message.before[i], "read-only parts and refused messages are unchanged");
        } else {
            require(!ec || all_zero(message.contents[i]), "a failure leaves no plaintext");
        }
    }
    require(!ec || (asked ? all_zero(token) : token == token_before),
            "a failed call leaves a zeroed token, a refused call the original");
    require(!ec || opened.data.data() == nullptr, "a failure returns no data");
    require(ec || asked, "no message is opened without a call of the package");
    require(opened.data.empty() || (last != nullptr && lies_in(opened.data, *last)),
            "the plaintext is in the last part");
    touch(opened.data);
}

template <class Context>
void package_calls::unwrap(Context& context) {
    auto wire = in_->sized(most_bytes);
    const auto before = wire;
    const auto options = acceptance();
    const auto calls = here().message_calls;
    std::error_code ec;
    const auto opened =
        on_either(ec, [&] { return context.unwrap(wire, options, ec); }, [&] { return context.unwrap(wire, options); });
    require(ec || here().message_status == SEC_E_OK, "a message call succeeds only with SEC_E_OK");
    const bool asked = calls != here().message_calls;
    require(!ec || all_zero(wire) || (!asked && wire == before), "a failure leaves no plaintext");
    require(!ec || opened.data.data() == nullptr, "a failure returns no data");
    require(ec || (asked && lies_in(opened.data, wire)), "the plaintext is in the message");
    touch(opened.data);
}

void package_calls::protect() {
    const auto which = in_->number(0, 2);
    const auto make = [&](auto& context) {
        which == 0 ? sign(context) : which == 1 ? encrypt(context) : wrap(context);
    };
    in_->rarely() ? make(halves_.sender) : make(any_context());
}

void package_calls::accept() {
    const auto which = in_->number(0, 2);
    const auto open = [&](auto& context) {
        which == 0 ? verify(context) : which == 1 ? decrypt(context) : unwrap(context);
    };
    in_->rarely() ? open(halves_.receiver) : open(any_context());
}

} // namespace fuzzing
