// SPDX-License-Identifier: MIT
//
// A program that another program controls: it establishes a Kerberos context with sspan, protects and opens messages on
// command, and returns the results. Another GSS-API library can check them.
//
//   mirror PORT   listens on loopback, on a free port if PORT is 0; serves one connection after another
//
// Each connection is one context. A command is a letter, the length of its payload and the payload. An answer has the
// same form. Lengths are 32-bit big-endian numbers. "sized" below means a length and then that many bytes. The
// commands:
//
//   C  style, target          begins as a client                       state, token
//   S  style                  begins as a server                       state, token (empty)
//   T  token                  takes a token of the handshake           state, token
//   Z                         sizes                                    max_token, max_signature, block_size,
//                                                                      security_trailer
//   W  quality, data          wraps                                    message
//   U  least, message         unwraps                                  quality, data
//   N  quality, parts, data   encrypts                                 sized token, sized data, padding
//   D  least, parts, sized token, data   decrypts                      quality, data
//   I  parts, data            signs                                    signature
//   V  parts, sized signature, data      verifies                      nothing
//   Q                         ends the program; there is no answer
//
// style: 0 Kerberos, 1 Kerberos in DCE style, 2 Negotiate. state: 1 when the handshake is complete, else 0. quality: 0
// encrypted, 1 integrity_only. least: 0 as_required, 1 encrypted, 2 integrity_only. parts: the number of buffers that
// hold the data. Each is one byte.
//
// The letter of an answer is K if the command succeeded. It is E if sspan refused: the payload is the error's name,
// sized, and the bytes in the buffers that the call may write to. It is G if a call wrote outside its buffers, or broke
// another promise: the payload is a sentence. It is B if the command itself was wrong.
#include "console.hpp"
#include "net.hpp"
#include "programs/session.hpp"

#include <sspan/sspan.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using bytes = std::vector<std::byte>;

constexpr std::chrono::seconds patience{60};
constexpr std::size_t most_payload = std::size_t{8} << 20;

// ---- errors ---------------------------------------------------------------------------------------------------------

struct bad_command : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The error if sspan has broken a promise.
struct broken_promise : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void promised(bool kept, const std::string& otherwise) {
    if (!kept) {
        throw broken_promise{otherwise};
    }
}

/// The error if sspan has refused, with the buffers' contents after the call.
struct refusal {
    std::string name;
    bytes left;
};

// ---- numbers and bytes ----------------------------------------------------------------------------------------------

void append(bytes& out, std::span<const std::byte> more) {
    out.insert(out.end(), more.begin(), more.end());
}

void append_number(bytes& out, std::size_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        out.push_back(static_cast<std::byte>((number >> shift) & 0xFF));
    }
}

void append_sized(bytes& out, std::span<const std::byte> more) {
    append_number(out, more.size());
    append(out, more);
}

std::size_t number_from(std::span<const std::byte, 4> raw) {
    std::size_t number = 0;
    for (const auto byte : raw) {
        number = (number << 8) | std::to_integer<std::size_t>(byte);
    }
    return number;
}

/// The payload of a command, read from its front.
class payload {
public:
    explicit payload(std::span<const std::byte> rest) : rest_{rest} {}

    std::span<const std::byte> take(std::size_t size) {
        if (size > rest_.size()) {
            throw bad_command{"the payload is too short"};
        }
        const auto front = rest_.first(size);
        rest_ = rest_.subspan(size);
        return front;
    }
    std::span<const std::byte> take_sized() { return take(number_from(take(4).first<4>())); }
    std::span<const std::byte> take_rest() { return take(rest_.size()); }
    std::size_t take_choice(std::size_t most) {
        const auto choice = std::to_integer<std::size_t>(take(1)[0]);
        if (choice > most) {
            throw bad_command{"there is no such choice"};
        }
        return choice;
    }

private:
    std::span<const std::byte> rest_;
};

// ---- buffers --------------------------------------------------------------------------------------------------------

/// A buffer of exactly the requested size, with guard bytes on both sides.
class guarded {
public:
    explicit guarded(std::size_t size) : memory_(size + 2 * guard, filler) {}
    explicit guarded(std::span<const std::byte> content) : guarded{content.size()} {
        std::ranges::copy(content, span().begin());
    }

    [[nodiscard]] std::span<std::byte> span() { return std::span{memory_}.subspan(guard, memory_.size() - 2 * guard); }

    /// Throws if a guard byte was changed.
    void check(const std::string& name) const {
        const std::span<const std::byte> all{memory_};
        for (const auto side : {all.first(guard), all.last(guard)}) {
            promised(std::ranges::count(side, filler) == std::ptrdiff_t{guard},
                     "bytes " + std::string{side.data() == all.data() ? "before " : "behind "} + name +
                         " were overwritten");
        }
    }
    /// Throws if a guard byte or the content was changed.
    void check_unchanged(const std::string& name, std::span<const std::byte> content) {
        check(name);
        promised(std::ranges::equal(span(), content), name + " was changed, which the call may only read");
    }
    /// Throws unless `part` lies inside the buffer.
    void check_part(const std::string& name, std::span<const std::byte> part) {
        const auto whole = span();
        promised(part.empty() || (part.data() >= whole.data() && part.size() <= whole.size() &&
                                  part.data() + part.size() <= whole.data() + whole.size()),
                 "the result is not a part of " + name);
    }

private:
    static constexpr std::size_t guard = 256;
    static constexpr std::byte filler{0xA5};

    bytes memory_;
};

/// Returns the same bytes as `count` buffers of nearly the same size.
template <class Buffer, class Byte>
std::vector<Buffer> in_parts(std::span<Byte> whole, std::size_t count) {
    std::vector<Buffer> parts;
    for (std::size_t left = count; left != 0; --left) {
        const auto part = whole.first(whole.size() / left);
        parts.push_back(Buffer::data(part));
        whole = whole.subspan(part.size());
    }
    return parts;
}

// ---- one connection -------------------------------------------------------------------------------------------------

class mirror {
public:
    bytes obey(char command, payload in) {
        switch (command) {
        case 'C':
            return begin_as_client(in);
        case 'S':
            return begin_as_server(in);
        case 'T':
            return step(in.take_rest());
        case 'Z':
            return tell_sizes();
        case 'W':
            return wrap(in);
        case 'U':
            return unwrap(in);
        case 'N':
            return encrypt(in);
        case 'D':
            return decrypt(in);
        case 'I':
            return sign(in);
        case 'V':
            return verify(in);
        default:
            throw bad_command{"there is no such command"};
        }
    }

private:
    static constexpr std::size_t most_parts = 255;

    static sspan::quality_of_protection quality(payload& in) {
        return in.take_choice(1) == 0 ? sspan::quality_of_protection::encrypted
                                      : sspan::quality_of_protection::integrity_only;
    }
    static sspan::accept_options least(payload& in) {
        constexpr std::array<sspan::minimum_protection, 3> choices{sspan::minimum_protection::as_required,
                                                                   sspan::minimum_protection::encrypted,
                                                                   sspan::minimum_protection::integrity_only};
        return {.minimum = choices.at(in.take_choice(choices.size() - 1))};
    }
    static std::byte letter(sspan::quality_of_protection quality) {
        promised(quality == sspan::quality_of_protection::encrypted ||
                     quality == sspan::quality_of_protection::integrity_only,
                 "the quality has no value of its type");
        return quality == sspan::quality_of_protection::encrypted ? std::byte{0} : std::byte{1};
    }
    /// Throws if `ec` is an error.
    static void succeeded(const std::error_code& ec, bytes left = {}) {
        if (ec) {
            throw refusal{session::symbol(ec), std::move(left)};
        }
    }

    struct style {
        std::wstring_view package;
        bool dce;
    };
    static style chosen_style(payload& in) {
        constexpr std::array<style, 3> styles{
            {{sspan::package::kerberos, false}, {sspan::package::kerberos, true}, {sspan::package::negotiate, false}}};
        return styles.at(in.take_choice(styles.size() - 1));
    }
    bytes begin_as_client(payload in) {
        const auto [package, dce] = chosen_style(in);
        const auto target = in.take_rest();
        const std::string_view name{reinterpret_cast<const char*>(target.data()), target.size()}; // char may alias
        require_new();
        credentials_ = sspan::credentials::outbound(package);
        client_.emplace(credentials_, console::to_wide(name), session::wanted_by_client(package, dce));
        return step({});
    }
    bytes begin_as_server(payload in) {
        const auto [package, dce] = chosen_style(in);
        require_new();
        credentials_ = sspan::credentials::inbound(package);
        server_.emplace(credentials_, session::wanted_by_server(dce));
        return {std::byte{0}};
    }
    void require_new() const {
        if (client_ || server_ || established_) {
            throw bad_command{"there is a handshake already"};
        }
    }
    bytes step(std::span<const std::byte> token) {
        if (client_) {
            return step(*client_, token);
        }
        if (server_) {
            return step(*server_, token);
        }
        throw bad_command{"there is no handshake"};
    }
    template <class Handshake>
    bytes step(Handshake& handshake, std::span<const std::byte> token) {
        const auto taken = handshake.step(token);
        bytes answer{taken.done() ? std::byte{1} : std::byte{0}};
        append(answer, taken.token);
        if (taken.done()) {
            established_.emplace(std::move(handshake).finish());
        }
        return answer;
    }

    /// Returns the context. It is in the zero state before the handshake is complete.
    sspan::security_context& context() { return established_ ? *established_ : established_.emplace(); }

    [[nodiscard]] bytes tell_sizes() {
        const auto sizes = context().sizes();
        bytes answer;
        for (const auto size : {sizes.max_token, sizes.max_signature, sizes.block_size, sizes.security_trailer}) {
            append_number(answer, size);
        }
        return answer;
    }

    bytes wrap(payload in) {
        const sspan::protect_options options{.quality = quality(in)};
        const auto data = in.take_rest();
        sspan::message_frame frame{context().sizes(), data.size()};
        std::ranges::copy(data, frame.payload().begin());
        std::error_code ec;
        const auto wire = context().wrap(frame, data.size(), options, ec);
        promised(wire.size() <= sspan::max_wrapped_size(context().sizes(), data.size()),
                 "a wrapped message is longer than max_wrapped_size");
        succeeded(ec, {frame.payload().begin(), frame.payload().end()});
        return {wire.begin(), wire.end()};
    }
    bytes unwrap(payload in) {
        const auto options = least(in);
        guarded wire{in.take_rest()};
        std::error_code ec;
        const auto message = context().unwrap(wire.span(), options, ec);
        wire.check("the message");
        wire.check_part("the message", message.data);
        promised(!ec || message.data.empty(), "unwrap returned data and an error");
        succeeded(ec, {wire.span().begin(), wire.span().end()});
        bytes answer{letter(message.quality)};
        append(answer, message.data);
        return answer;
    }

    bytes encrypt(payload in) {
        const sspan::protect_options options{.quality = quality(in)};
        const auto count = in.take_choice(most_parts);
        guarded data{in.take_rest()};
        guarded token{context().sizes().security_trailer};
        guarded padding{context().sizes().block_size};
        std::error_code ec;
        const auto made = call_encrypt(data.span(), count, token.span(), padding.span(), options, ec);
        data.check("the data");
        token.check("the token");
        padding.check("the padding");
        token.check_part("the token", made.token);
        padding.check_part("the padding", made.padding);
        promised(!ec || (made.token.empty() && made.padding.empty()), "encrypt returned a message and an error");
        succeeded(ec, {data.span().begin(), data.span().end()});
        bytes answer;
        append_sized(answer, made.token);
        append_sized(answer, data.span());
        append(answer, made.padding);
        return answer;
    }
    sspan::encrypted_message call_encrypt(std::span<std::byte> data, std::size_t count, std::span<std::byte> token,
                                          std::span<std::byte> padding, const sspan::protect_options& options,
                                          std::error_code& ec) {
        if (count != 1) {
            return context().encrypt(
                {.token = token, .data = in_parts<sspan::message_part>(data, count), .padding = padding}, options, ec);
        }
        const auto made = context().encrypt({.token = token, .data = data, .padding = padding}, options, ec);
        promised(ec || (made.data.data() == data.data() && made.data.size() == data.size()),
                 "encrypt returned other data than it was given");
        return made;
    }

    bytes decrypt(payload in) {
        const auto options = least(in);
        const auto count = in.take_choice(most_parts);
        guarded token{in.take_sized()};
        guarded data{in.take_rest()};
        std::error_code ec;
        sspan::decrypted_message message;
        if (count == 1) {
            message = context().decrypt({.token = token.span(), .data = data.span()}, options, ec);
        } else {
            const auto opened = context().decrypt(
                {.token = token.span(), .data = in_parts<sspan::message_part>(data.span(), count)}, options, ec);
            message = {data.span(), opened.quality}; // `opened` is the last part; there is no padding
            promised(ec || count == 0 || opened.data.size() == (data.span().size() + count - 1) / count,
                     "decrypt has shortened the last part");
        }
        token.check("the token");
        data.check("the data");
        data.check_part("the data", message.data);
        promised(!ec || count != 1 || message.data.empty(), "decrypt returned data and an error");
        bytes left{token.span().begin(), token.span().end()};
        append(left, data.span());
        succeeded(ec, std::move(left));
        bytes answer{letter(message.quality)};
        append(answer, message.data);
        return answer;
    }

    bytes sign(payload in) {
        const auto count = in.take_choice(most_parts);
        const auto content = in.take_rest();
        guarded data{content};
        guarded signature{context().sizes().max_signature};
        std::error_code ec;
        const auto written =
            count == 1 ? context().sign(data.span(), signature.span(), {}, ec)
                       : context().sign(in_parts<sspan::message_part>(data.span(), count), signature.span(), {}, ec);
        signature.check("the signature");
        data.check_unchanged("the signed message", content);
        signature.check_part("the signature", written);
        promised(!ec || written.empty(), "sign returned a signature and an error");
        succeeded(ec);
        return {written.begin(), written.end()};
    }
    bytes verify(payload in) {
        const auto count = in.take_choice(most_parts);
        const auto received = in.take_sized();
        const auto content = in.take_rest();
        guarded signature{received};
        guarded data{content};
        std::error_code ec;
        const bool good =
            count == 1 ? context().verify(data.span(), signature.span(), {}, ec)
                       : context().verify(in_parts<sspan::message_part>(data.span(), count), signature.span(), {}, ec);
        signature.check_unchanged("the signature", received);
        data.check_unchanged("the message", content);
        promised(good == !ec, "verify returned the opposite of its error");
        succeeded(ec);
        return {};
    }

    sspan::credentials credentials_;
    std::optional<sspan::client_handshake> client_;
    std::optional<sspan::server_handshake> server_;
    std::optional<sspan::security_context> established_;
};

bytes text_bytes(std::string_view text) {
    bytes out;
    std::ranges::transform(text, std::back_inserter(out), [](char letter) { return static_cast<std::byte>(letter); });
    return out;
}

/// Returns the letter and the payload of the answer to one command.
std::pair<char, bytes> answer(mirror& self, char command, std::span<const std::byte> given) {
    try {
        return {'K', self.obey(command, payload{given})};
    } catch (const refusal& refused) {
        bytes content;
        append_sized(content, text_bytes(refused.name));
        append(content, refused.left);
        return {'E', content};
    } catch (const sspan::error& failed) {
        bytes content;
        append_sized(content, text_bytes(session::symbol(failed.code())));
        return {'E', content};
    } catch (const broken_promise& broken) {
        return {'G', text_bytes(broken.what())};
    } catch (const std::exception& problem) { // also for a name that is not UTF-8
        return {'B', text_bytes(problem.what())};
    }
}

/// @return true if the program must continue.
bool serve(net::connection& peer) {
    mirror self;
    bytes given;
    std::array<std::byte, 5> head{};
    for (peer.allow(patience); peer.receive_or_end(head); peer.allow(patience)) {
        const auto size = number_from(std::span{head}.last<4>());
        if (size > most_payload) {
            throw std::runtime_error{"a command claims " + std::to_string(size) + " bytes"};
        }
        peer.receive(given, size);
        const auto command = std::to_integer<char>(head[0]);
        if (command == 'Q') {
            return false;
        }
        const auto [letter, content] = answer(self, command, given);
        bytes out{static_cast<std::byte>(letter)};
        append_sized(out, content);
        peer.send(out);
    }
    return true;
}

int run(std::span<const std::string> arguments) {
    unsigned port = 0;
    constexpr unsigned most_port = 65'535;
    const auto* text = arguments.size() == 1 ? arguments[0].data() : "";
    const auto* end = text + std::string_view{text}.size();
    if (const auto [stop, problem] = std::from_chars(text, end, port);
        problem != std::errc{} || stop != end || port > most_port) {
        std::cerr << "usage: mirror PORT\n";
        return 1;
    }
    const net::library sockets;
    const net::listener listener{"127.0.0.1", port};
    std::cout << "listening on port " << listener.port() << '\n' << std::flush;
    for (bool more = true; more;) {
        try {
            auto peer = listener.accept(patience);
            more = serve(peer);
        } catch (const std::exception& problem) { // ends this connection only
            std::cout << problem.what() << '\n' << std::flush;
        }
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(console::words(argc, argv));
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
