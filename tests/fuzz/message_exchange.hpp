// SPDX-License-Identifier: MIT
//
// Messages from one side to the other, through the hands of somebody who may do with them as he likes; and what must
// come of each.
#pragma once

#include <sspan/message_frame.hpp>
#include <sspan/security_context.hpp>

#include "input.hpp"
#include "loopback/control.hpp"
#include "peers.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace fuzzing {

enum class part_kind : std::uint8_t { data, readonly_with_checksum, readonly };

struct part {
    part_kind kind = part_kind::data;
    bytes content;
};

/// As it is on its way: what is to be decrypted still is, and the last such part has the padding at its end. A wrapped
/// message is one part and has no token.
struct message {
    bool sealed = false;
    std::vector<part> parts;
    bytes token;
    std::uint32_t number = 0;

    [[nodiscard]] bytes in_one_piece() const;
    /// Whether they are the same to somebody who looks at what is protected only.
    [[nodiscard]] bool same_as(const message& other, bool readonly_is_covered) const;
};

/// A message that the sender has really sent.
struct sent_message : message {
    std::size_t ordinal = 0;
    bytes plain; ///< of the parts to decrypt, without padding
    sspan::quality_of_protection quality = sspan::quality_of_protection::encrypted;
};

class message_exchange {
public:
    /// `required` by both sides.
    message_exchange(input& in, peers& ends, sspan::context_flags required, bool is_ntlm);
    /// Somebody sends, or the receiver is given something.
    void one_more();

private:
    template <class Sender>
    void send(Sender& from, bool to_the_receiver);
    template <class Sender>
    void sign(Sender& from, sent_message& next, std::error_code& ec);
    template <class Sender>
    void encrypt(Sender& from, sent_message& next, std::error_code& ec);
    template <class Sender>
    void wrap(Sender& from, sent_message& next, std::error_code& ec);
    [[nodiscard]] std::vector<part> choose_parts();

    [[nodiscard]] message choose();
    void change(message& what);
    void change(bytes& what);
    template <class Receiver>
    void verify(Receiver& receiver, const message& what);
    template <class Receiver>
    void decrypt(Receiver& receiver, const message& what);
    template <class Receiver>
    void unwrap(Receiver& receiver, const message& what);

    /// What the receiver said to a message. `takes_form`: it takes such a message, if it is the next one.
    void judge(const message& what, bool package_was_asked, const std::error_code& ec, bool takes_form);
    void check_opened(const message& what, std::span<const std::byte> plain,
                      sspan::quality_of_protection quality) const;
    [[nodiscard]] const sent_message* find(const message& what) const;
    [[nodiscard]] bool may_be_taken(const sent_message& sent) const;
    [[nodiscard]] bool must_be_taken(const sent_message& sent) const;
    [[nodiscard]] sspan::quality_of_protection quality_of(const sent_message& sent) const;
    [[nodiscard]] bool is_good_enough(const sent_message& sent) const;

    input* in_;
    sspan::security_context* sender_;
    sspan::security_context* receiver_;
    std::optional<sspan::message_halves> halves_; ///< of the receiver, perhaps
    sspan::context_flags granted_;
    sspan::context_flags required_;
    sspan::context_sizes sizes_;
    bool is_ntlm_;
    bool undisturbed_ = true;
    std::vector<sent_message> history_;
    std::vector<message> reflections_; ///< of the receiver's own
    std::set<std::size_t> taken_;
    std::size_t next_ = 0; ///< the ordinal behind all that were taken
    sspan::accept_options options_;
};

} // namespace fuzzing
