// SPDX-License-Identifier: MIT
//
// Both sides of a context in one process, in the environment of world.hpp.
#pragma once

#include "kerberos_facts.hpp"
#include "world.hpp"

#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace integration {

using bytes = std::vector<std::byte>;

enum class style { plain, dce };

inline std::string name_of(style which) {
    return which == style::dce ? "dce_style" : "plain";
}

/// Returns the styles that the package offers.
inline std::vector<style> every_style() {
    return facts.offers_dce_style ? std::vector{style::plain, style::dce} : std::vector{style::plain};
}

inline std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

inline std::wstring wide(std::string_view ascii) {
    return {ascii.begin(), ascii.end()};
}

inline std::wstring service() {
    return world::service();
}

inline bytes numbered(std::size_t size) {
    bytes result(size);
    for (std::size_t i = 0; i != size; ++i) {
        result[i] = static_cast<std::byte>(i * 31 + 7);
    }
    return result;
}

inline bytes copy_of(std::span<const std::byte> part) {
    return {part.begin(), part.end()};
}

inline bool all_zero(std::span<const std::byte> part) {
    return std::ranges::all_of(part, [](std::byte byte) { return byte == std::byte{0}; });
}

struct pair_of_contexts {
    sspan::client_context client;
    sspan::server_context server;
};

/// The wishes of both sides. Both request everything except `without`.
struct wishes {
    sspan::client_options client;
    sspan::server_options server;

    explicit wishes(style which, sspan::context_flags without = sspan::context_flags::none) {
        const auto more = which == style::dce ? sspan::context_flags::dce_style : sspan::context_flags::none;
        client.require = (client.require | more) & ~without;
        server.require = (server.require | more) & ~without;
    }
};

/// The default change of a token on its way: none.
inline constexpr auto untouched = [](bytes&) {};

template <class OnTheWay = decltype(untouched)>
pair_of_contexts establish(const sspan::credentials& outbound, const sspan::credentials& inbound,
                           std::wstring_view target, const wishes& wanted, OnTheWay on_the_way = untouched) {
    sspan::client_handshake client{outbound, target, wanted.client};
    sspan::server_handshake server{inbound, wanted.server};
    for (auto token = copy_of(client.step().token); !token.empty();) {
        on_the_way(token);
        token = copy_of(server.step(token).token);
        if (!token.empty()) {
            on_the_way(token);
            token = copy_of(client.step(token).token);
        }
    }
    auto context = std::move(client).finish();
    return {std::move(context), std::move(server).finish()};
}

/// Establishes a context with the realm's ticket and key.
inline pair_of_contexts establish(style which, sspan::context_flags without = sspan::context_flags::none) {
    static const auto outbound = sspan::credentials::outbound(sspan::package::kerberos);
    static const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    return establish(outbound, inbound, service(), wishes{which, without});
}

inline bytes sign(sspan::security_context& sender, std::span<const std::byte> message) {
    bytes signature(sender.sizes().max_signature);
    return copy_of(sender.sign(message, signature));
}

/// A protected message with its own memory.
struct sealed {
    bytes token; ///< The token or the signature; empty if the message is in one piece.
    bytes data;
};

inline sealed encrypt(sspan::security_context& sender, std::span<const std::byte> message,
                      const sspan::protect_options& options = {}) {
    sealed result{{}, copy_of(message)};
    bytes token(sender.sizes().security_trailer);
    bytes padding(sender.sizes().block_size);
    const auto made = sender.encrypt({.token = token, .data = result.data, .padding = padding}, options);
    result.token = copy_of(made.token);
    result.data.insert(result.data.end(), made.padding.begin(), made.padding.end());
    return result;
}

/// Expects that the package refuses, with this function and this status.
template <class Attempt>
void expect_refusal(const refusal& expected, Attempt attempt) {
    try {
        attempt();
        ADD_FAILURE() << "was not refused";
    } catch (const sspan::error& refused) {
        EXPECT_STREQ(refused.function(), expected.function);
        EXPECT_EQ(refused.code(), expected.code) << refused.what();
        EXPECT_TRUE(std::string_view{refused.what()}.starts_with(expected.function)) << refused.what();
        if (const auto* step = dynamic_cast<const sspan::handshake_error*>(&refused)) {
            const bool is_server = std::string_view{expected.function} == "AcceptSecurityContext";
            EXPECT_EQ(!step->token().empty(), is_server && facts.makes_error_tokens);
        }
    }
}

/// Expects that the handshake fails because the package does not grant `flag`, and that the error names the flag.
template <class Attempt>
void expect_not_granted(const std::string& flag, Attempt attempt) {
    try {
        attempt();
        ADD_FAILURE() << flag << " was granted";
    } catch (const sspan::error& refused) {
        EXPECT_EQ(refused.code(), sspan::errc::security_qos_failed);
        EXPECT_NE(std::string_view{refused.what()}.find("did not grant " + flag + ":"), std::string_view::npos)
            << refused.what();
    }
}

} // namespace integration
