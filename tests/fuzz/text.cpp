// SPDX-License-Identifier: MIT
//
// Text, names, times, flags and channel bindings with any content.
#include <sspan/channel_bindings.hpp>
#include <sspan/detail/first_token.hpp>
#include <sspan/flags.hpp>
#include <sspan/identity.hpp>
#include <sspan/os/text.hpp>
#include <sspan/os/time.hpp>

#include "input.hpp"
#include "loopback/control.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace fuzzing;
using sspan::detail::os_string;

constexpr auto is_surrogate = [](wchar_t unit) { return unit >= 0xD800 && unit < 0xE000; };

std::optional<sspan::channel_bindings> adopt(std::span<const std::byte> structure) {
    try {
        return sspan::channel_bindings::adopt(structure);
    } catch (const sspan::error& failure) {
        require(failure.code() == sspan::errc::invalid_parameter, "bindings are refused as an invalid parameter");
        return std::nullopt;
    }
}

/// Checks the structure with 64-bit numbers, which cannot overflow here.
bool is_sound(std::span<const std::byte> structure) {
    SEC_CHANNEL_BINDINGS header{};
    if (structure.size() < sizeof header) {
        return false;
    }
    std::memcpy(&header, structure.data(), sizeof header);
    const auto inside = [&](std::uint64_t offset, std::uint64_t size) {
        return size == 0 || (offset >= sizeof header && offset + size <= structure.size());
    };
    return header.cbApplicationDataLength != 0 && inside(header.dwInitiatorOffset, header.cbInitiatorLength) &&
           inside(header.dwAcceptorOffset, header.cbAcceptorLength) &&
           inside(header.dwApplicationDataOffset, header.cbApplicationDataLength);
}

/// Reads bindings as a package does.
void read_parts(std::span<const std::byte> structure) {
    SEC_CHANNEL_BINDINGS header{};
    std::memcpy(&header, structure.data(), sizeof header);
    const auto read = [&](std::size_t offset, std::size_t size) {
        touch(size == 0 ? std::span<const std::byte>{} : std::span{structure.data() + offset, size});
    };
    read(header.dwInitiatorOffset, header.cbInitiatorLength);
    read(header.dwAcceptorOffset, header.cbAcceptorLength);
    read(header.dwApplicationDataOffset, header.cbApplicationDataLength);
}

void try_bindings(input& in) {
    if (in.flag()) {
        auto data = in.some(255);
        data.push_back(std::byte{'.'}); // at least one byte
        const auto made =
            in.flag() ? sspan::channel_bindings::application_data(data) : sspan::channel_bindings::tls_unique(data);
        require(adopt(made.native()).has_value(), "the library's own bindings can be adopted");
        require(lies_in(made.native().last(data.size()), made.native()) && same(made.native().last(data.size()), data),
                "bindings contain their data");
    }
    SEC_CHANNEL_BINDINGS header{};
    for (auto* field : {&header.cbInitiatorLength, &header.dwInitiatorOffset, &header.cbAcceptorLength,
                        &header.dwAcceptorOffset, &header.cbApplicationDataLength, &header.dwApplicationDataOffset}) {
        *field = in.flag() ? in.number<std::uint32_t>(0, 64) : in.any<std::uint32_t>();
    }
    const auto head = std::as_bytes(std::span{&header, 1});
    bytes structure{head.begin(), head.end()};
    const auto more = in.some(64);
    structure.insert(structure.end(), more.begin(), more.end());
    structure.resize(in.rarely() ? in.number(std::size_t{0}, structure.size()) : structure.size());
    structure.shrink_to_fit();
    const auto adopted = adopt(structure);
    require(adopted.has_value() == is_sound(structure),
            "bindings are adopted if they have data and their parts lie inside");
    if (adopted) {
        require(same(adopted->native(), structure), "adopted bindings are unchanged");
        read_parts(adopted->native());
    }
}

void try_text_to_os(input& in) {
    const auto text = in.text(40);
    const bool valid = std::ranges::none_of(
        text, [](wchar_t unit) { return is_surrogate(unit) || static_cast<std::uint32_t>(unit) > 0x10FFFF; });
    os_string units;
    require(sspan::detail::to_os(text, units) == valid, "text is converted exactly if it is valid Unicode");
    os_string name;
    const bool is_name = valid && text.find(L'\0') == std::wstring::npos;
    require(sspan::detail::to_os_name(text, name) == is_name, "a name contains no zero");
    if (is_name) {
        require(sspan::detail::from_os(name.data()) == text, "a converted name converts back");
    }
    try {
        const auto domain = in.text(8);
        // Without a backslash, find returns npos, which is -1.
        const auto user = text.substr(domain.empty() ? text.find(L'\\') + 1 : 0);
        os_string user_units;
        const sspan::identity who{text, domain, text};
        require(valid, "an identity is valid Unicode");
        const auto status = who.with_native([&](void* native) {
            const auto& os = *static_cast<SEC_WINNT_AUTH_IDENTITY_W*>(native);
            require(sspan::detail::to_os(user, user_units) && os.UserLength + 1 == user_units.size() &&
                        os.User[os.UserLength] == 0,
                    "the user's name follows the domain and ends in a zero");
            require(os.Password[os.PasswordLength] == 0, "the password ends in a zero");
            touch(std::as_bytes(std::span{os.Domain, os.DomainLength + std::size_t{1}}));
            return SECURITY_STATUS{7};
        });
        require(status == 7, "the callback's status is returned");
    } catch (const sspan::error& failure) { // the domain may be the reason
        require(failure.code() == sspan::errc::invalid_parameter, "invalid Unicode is refused");
    }
}

void try_text_from_os(input& in) {
    os_string units;
    for (auto size = in.number(0, 40); size != 0; --size) {
        units.push_back(in.rarely()
                            ? in.any<SEC_WCHAR>()
                            : static_cast<SEC_WCHAR>(in.pick(std::array{0x61, 0x41, 0xD800, 0xDBFF, 0xDC00, 0})));
    }
    units.push_back(0);
    units.shrink_to_fit();
    const auto text = sspan::detail::from_os(units.data());
    const auto length = static_cast<std::size_t>(std::ranges::find(units, SEC_WCHAR{0}) - units.begin());
    const auto pairs = static_cast<std::size_t>(
        std::ranges::count_if(text, [](wchar_t unit) { return static_cast<std::uint32_t>(unit) > 0xFFFF; }));
    require(text.size() + pairs == length, "the whole text of the OS is converted");
    if (std::ranges::none_of(text, is_surrogate)) {
        os_string back;
        require(sspan::detail::to_os(text, back) && std::ranges::equal(back, std::span{units}.first(length + 1)),
                "text of the OS converts back");
    }
}

void try_name(input& in) {
    const auto lower = [](std::wstring text) {
        for (auto& unit : text) {
            unit = unit >= L'A' && unit <= L'Z' ? static_cast<wchar_t>(unit + 32) : unit;
        }
        return text;
    };
    const std::wstring_view name = in.pick(std::array<std::wstring_view, 3>{L"NTLM", L"Negotiate", L""});
    std::wstring text{name.substr(0, in.number(std::size_t{0}, name.size()))};
    for (auto& unit : text) {
        unit = in.flag() ? static_cast<wchar_t>(unit ^ 32) : unit;
        unit = in.rarely() ? in.any<std::uint16_t>() : unit;
    }
    text += in.text(2);
    os_string units;
    if (sspan::detail::to_os_name(text, units)) {
        units.shrink_to_fit();
        require(sspan::detail::is_name(units.data(), name) == (lower(text) == lower(std::wstring{name})),
                "names are compared without case");
    }
}

void try_first_token(input& in) {
    constexpr std::array identifier{std::byte{0x06}, std::byte{9},    std::byte{0x2A}, std::byte{0x86},
                                    std::byte{0x48}, std::byte{0x86}, std::byte{0xF7}, std::byte{0x12},
                                    std::byte{0x01}, std::byte{0x02}, std::byte{0x02}};
    auto token = in.some(24);
    if (!token.empty() && in.flag()) {
        token[0] = std::byte{0x60};
    }
    if (in.flag()) { // Kerberos, or a similar token
        const auto at = in.number(std::size_t{0}, std::min<std::size_t>(8, token.size()));
        token.insert(token.begin() + static_cast<std::ptrdiff_t>(at), identifier.begin(), identifier.end());
        if (in.rarely()) {
            token[in.number(std::size_t{0}, token.size() - 1)] ^= std::byte{1};
        }
    }
    const bool may_be = sspan::detail::may_be_kerberos(token);
    require(!may_be || !token.empty(), "an empty token is not Kerberos");
    constexpr std::size_t longest_header = 6;
    if (may_be && token.front() == std::byte{0x60} && token.size() >= longest_header + identifier.size() + 1) {
        const std::span front{token.data(), longest_header + identifier.size() + 1};
        const std::array other{std::byte{0x06}, std::byte{10}, std::byte{0x2A}, std::byte{0x86}};
        require(!std::ranges::search(front, identifier).empty() || !std::ranges::search(front, other).empty(),
                "a whole header names Kerberos");
    }
}

void try_numbers(input& in) {
    loopback::configure().utc_offset = in.number<std::int64_t>(-14, 14) * 36'000'000'000;
    const auto told =
        in.flag() ? in.any<std::int64_t>() : in.number<std::int64_t>(116'444'736'000'000'000, 157'469'184'000'000'000);
    TimeStamp stamp{};
    std::memcpy(&stamp, &told, sizeof told);
    const auto time = sspan::detail::to_time(stamp);
    require(time.has_value() == (told >= 116'444'736'000'000'000), "a time before 1970 is empty");
    require((time == sspan::never) == (told >= 157'469'184'000'000'000), "a time from 2100 on is never");
    loopback::configure().utc_offset = 0;

    const std::error_code code{in.any<std::int32_t>(), sspan::category()};
    require(code.message().find("(0x") != std::string::npos, "an error's text contains its value");
    require(code == code.default_error_condition(), "an error equals its own condition");

    using row = sspan::detail::flag_row;
    const auto bits = in.any<std::uint32_t>();
    for (const auto column : {&row::isc_request, &row::isc_granted, &row::asc_request, &row::asc_granted}) {
        const auto flags = sspan::detail::from_bits(bits, column);
        require((sspan::detail::to_bits(flags, column) & ~bits) == 0, "flags contain no bits beyond the given ones");
        static_cast<void>(sspan::to_string(flags));
    }
    try_first_token(in);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{data, size};
    using trial = void (*)(input&);
    in.pick(std::array<trial, 5>{try_bindings, try_text_to_os, try_text_from_os, try_name, try_numbers})(in);
    return 0;
}
