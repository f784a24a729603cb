// SPDX-License-Identifier: MIT
#include "handshake_token.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace loopback {

namespace {

constexpr std::array magic{std::byte{'L'}, std::byte{'B'}, std::byte{'K'}, std::byte{'1'}};
constexpr std::array ntlm_signature{std::byte{'N'}, std::byte{'T'}, std::byte{'L'}, std::byte{'M'},
                                    std::byte{'S'}, std::byte{'S'}, std::byte{'P'}, std::byte{0}};
constexpr std::size_t check_size = sizeof(digest);
constexpr std::size_t length_offset = magic.size();
constexpr std::size_t prefix_size = length_offset + sizeof(std::uint32_t);

class writer {
public:
    void bytes(std::span<const std::byte> more) { std::ranges::copy(more, std::back_inserter(out)); }
    template <class Integer>
    void number(Integer value) {
        std::array<std::byte, sizeof(Integer)> little{};
        store_little(little.data(), value);
        bytes(little);
    }
    void text(const std::u16string& text) {
        number(static_cast<std::uint16_t>(text.size()));
        for (const char16_t unit : text) {
            number(static_cast<std::uint16_t>(unit));
        }
    }
    std::vector<std::byte> out;
};

class reader {
public:
    explicit reader(std::span<const std::byte> from) : rest_(from) {}

    template <std::size_t Size>
    void bytes(std::array<std::byte, Size>& into) {
        if (enough(Size)) {
            std::copy_n(rest_.begin(), Size, into.begin());
            rest_ = rest_.subspan(Size);
        }
    }
    template <class Integer>
    Integer number() {
        std::array<std::byte, sizeof(Integer)> little{};
        bytes(little);
        return load_little<Integer>(little.data());
    }
    std::u16string text() {
        std::u16string result;
        for (std::size_t count = number<std::uint16_t>(); count != 0 && good; --count) {
            result += static_cast<char16_t>(number<std::uint16_t>());
        }
        return result;
    }
    bool good = true;

private:
    bool enough(std::size_t size) { return good = good && rest_.size() >= size; }
    std::span<const std::byte> rest_;
};

digest keyed_check(std::span<const std::byte> covered, const mac_key& key) {
    return siphash(key).update(covered).finish();
}

} // namespace

std::vector<std::byte> encode(const handshake_token& token, const mac_key& key, std::size_t size) {
    writer write;
    write.bytes(magic);
    write.number(std::uint32_t{0}); // placeholder for the length
    write.number(static_cast<std::uint8_t>(token.kind));
    write.number(static_cast<std::uint8_t>(token.leg));
    write.number(static_cast<std::uint8_t>(token.legs));
    write.number(static_cast<std::uint8_t>(token.offered));
    write.number(static_cast<std::uint8_t>(token.mechanism));
    write.number(static_cast<std::uint8_t>(token.has_bindings ? 1 : 0));
    write.number(static_cast<std::uint8_t>(token.shows_ntlm ? 1 : 0));
    if (token.shows_ntlm) {
        write.bytes(ntlm_signature);
    }
    write.number(token.flags);
    write.number(token.status);
    write.bytes(token.bindings);
    write.bytes(token.nonce);
    write.bytes(token.previous);
    write.bytes(token.proof);
    write.text(token.user);
    write.text(token.domain);
    write.text(token.target);
    if (write.out.size() + check_size < size) {
        write.out.resize(size - check_size, std::byte{0xF1});
    }
    store_little(write.out.data() + length_offset, static_cast<std::uint32_t>(write.out.size() + check_size));
    write.bytes(keyed_check(write.out, key));
    return write.out;
}

decoded decode(std::span<const std::byte> bytes, const mac_key& key, handshake_token& token, std::size_t& used) {
    const auto start = std::min(bytes.size(), magic.size());
    if (!std::equal(magic.begin(), magic.begin() + static_cast<std::ptrdiff_t>(start), bytes.begin())) {
        return decoded::invalid;
    }
    if (bytes.size() < prefix_size) {
        return decoded::incomplete;
    }
    const std::size_t length = load_little<std::uint32_t>(bytes.data() + length_offset);
    if (length < prefix_size + check_size) {
        return decoded::invalid;
    }
    if (length > bytes.size()) {
        return decoded::incomplete;
    }
    const auto covered = bytes.first(length - check_size);
    if (!same_bytes(bytes.subspan(length - check_size, check_size), keyed_check(covered, key))) {
        return decoded::invalid;
    }
    reader read(covered.subspan(prefix_size));
    token.kind = static_cast<token_kind>(read.number<std::uint8_t>());
    token.leg = read.number<std::uint8_t>();
    token.legs = read.number<std::uint8_t>();
    token.offered = static_cast<package>(read.number<std::uint8_t>());
    token.mechanism = static_cast<package>(read.number<std::uint8_t>());
    token.has_bindings = read.number<std::uint8_t>() != 0;
    token.shows_ntlm = read.number<std::uint8_t>() != 0;
    if (auto signature = ntlm_signature; token.shows_ntlm) {
        read.bytes(signature);
    }
    token.flags = read.number<std::uint32_t>();
    token.status = read.number<std::uint32_t>();
    read.bytes(token.bindings);
    read.bytes(token.nonce);
    read.bytes(token.previous);
    read.bytes(token.proof);
    token.user = read.text();
    token.domain = read.text();
    token.target = read.text();
    used = length;
    return read.good ? decoded::whole : decoded::invalid;
}

digest check_of(std::span<const std::byte> token) {
    digest result{};
    std::copy_n(token.end() - static_cast<std::ptrdiff_t>(check_size), check_size, result.begin());
    return result;
}

void toggle_check(std::span<std::byte> token) {
    for (auto& byte : token.last(check_size)) {
        byte = ~byte;
    }
}

} // namespace loopback
