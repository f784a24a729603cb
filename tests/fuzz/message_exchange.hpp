// SPDX-License-Identifier: MIT
//
// Messages from one side to the other, through an attacker who can change them in any way, and the checks of each
// result.
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

/// A message on its way. Encrypted parts are still encrypted, and the last of them has the padding at its end. A
/// wrapped message is one part and has no token.
struct message {
    bool sealed = false;
    std::vector<part> parts;
    bytes token;
    std::uint32_t number = 0;

    [[nodiscard]] bytes in_one_piece() const;
    /// Returns true if the protected bytes of both messages are the same.
    [[nodiscard]] bool same_as(const message& other, bool readonly_is_covered) const;
};

/// A message that the sender has sent.
struct sent_message : message {
    std::size_t ordinal = 0;
    bytes plain; ///< plaintext of the encrypted parts, without padding
    sspan::quality_of_protection quality = sspan::quality_of_protection::encrypted;
};

class message_exchange {
public:
    /// Both sides required `required`.
    message_exchange(input& in, peers& ends, sspan::context_flags required, bool is_ntlm);
    /// One side sends, or the receiver gets a message.
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

    /// Checks the receiver's result for a message. `takes_form`: it accepts this form of message if it is the next one.
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
    std::optional<sspan::message_halves> halves_; ///< the receiver's halves, if it is split
    sspan::context_flags granted_;
    sspan::context_flags required_;
    sspan::context_sizes sizes_;
    bool is_ntlm_;
    bool undisturbed_ = true;
    std::vector<sent_message> history_;
    std::vector<message> reflections_; ///< the receiver's own messages, sent back to it
    std::set<std::size_t> taken_;
    std::size_t next_ = 0; ///< the ordinal after all accepted messages
    sspan::accept_options options_;
};

} // namespace fuzzing
