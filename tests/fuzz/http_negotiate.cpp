// SPDX-License-Identifier: MIT
//
// A client and a server of HTTP with Negotiate. An attacker between them changes fields, adds others, or is one of the
// two. No side may accept a token that the other side has not made.
#include <sspan/protocol/http_negotiate.hpp>

#include "input.hpp"
#include "loopback/control.hpp"
#include "small_package.hpp"
#include "surface.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace fuzzing;
using namespace sspan::http_negotiate;
using sspan::detail::find_negotiate;

constexpr std::array<std::string_view, 12> phrases{
    "Negotiate", "Negotiate ", "negotiate YWJj", R"(Basic realm="x, Negotiate\")", ", ", ",", "=", "\"", "NTLM", "a=b",
    " ",         "AAAA"};

/// Returns field values of any content.
std::string some_text(input& in) {
    std::string text;
    for (auto parts = in.number(0, 4); parts != 0; --parts) {
        if (in.flag()) {
            text += in.pick(phrases);
        } else {
            const auto part = in.some(20);
            std::ranges::transform(part, std::back_inserter(text),
                                   [](std::byte byte) { return std::to_integer<char>(byte); });
        }
    }
    return text;
}

/// Checks that decoded base64 encodes to the same text, and that views lie inside their fields.
void check_parsers(const std::string& value) {
    bytes data;
    if (sspan::detail::decode_base64(value, data)) {
        std::string again;
        sspan::detail::append_base64(data, again);
        require(again == value, "base64 has one form");
    }
    const std::array values{std::string_view{value}};
    const auto found = find_negotiate(values);
    require(found.token.empty() || lies_in(std::as_bytes(std::span{found.token}), std::as_bytes(std::span{value})),
            "the token is a part of the field");
    require(found.token.empty() || found.offered, "a token is an offer");
    sspan::detail::http_challenge given;
    if (sspan::detail::read_credentials(value, given)) {
        require(!given.scheme.empty(), "credentials have a scheme");
    }
}

/// Returns the fields that arrive instead of the sent one.
std::vector<std::string> arriving(input& in, std::string_view sent) {
    std::vector<std::string> fields;
    if (!sent.empty() && !in.rarely()) {
        fields.emplace_back(sent);
    }
    if (in.rarely() && !fields.empty()) {
        auto& field = fields.front();
        const auto place = in.number(std::size_t{0}, field.size() - 1);
        if (in.flag()) {
            field[place] = static_cast<char>(in.any<std::uint8_t>());
        } else {
            field.resize(place);
        }
    }
    while (in.rarely()) {
        fields.insert(fields.begin() + static_cast<std::ptrdiff_t>(in.number(std::size_t{0}, fields.size())),
                      some_text(in));
        check_parsers(fields.front());
    }
    return fields;
}
std::vector<std::string_view> views_of(const std::vector<std::string>& fields) {
    return {fields.begin(), fields.end()};
}

class exchange {
public:
    exchange(input& in, std::wstring_view package, const client_options& for_client, const server_options& for_server)
        : in_{&in}, requires_mutual_{contains(for_client.handshake.require, sspan::context_flags::mutual_auth)},
          client_{sspan::credentials::outbound(package), loopback::configure().service_name, for_client},
          server_{sspan::credentials::inbound(package), for_server} {}

    void run() {
        std::error_code ec;
        std::string sent;
        if (in_->flag()) {
            sent = on_either(*in_, ec, [&] { return client_.begin(ec); }, [&] { return client_.begin(); });
        }
        for (int requests = 0; requests != 12 && !ec; ++requests) {
            from_client_.push_back(sent);
            const auto challenge = answer(arriving(*in_, sent));
            from_server_.push_back(challenge);
            const auto status = in_->rarely() ? in_->number(0U, 600U) : server_.context() ? 200U : 401U;
            const auto fields = arriving(*in_, challenge);
            const auto values = views_of(fields);
            const auto step = on_either(
                *in_, ec, [&] { return client_.take_answer(status, values, ec); },
                [&] { return client_.take_answer(status, values); });
            require(!ec || step.credentials.empty(), "a failure returns no token");
            if (!ec && step.state == client_state::authenticated) {
                const auto token = find_negotiate(values).token;
                require(status >= 200 && status != 401, "the answer is final");
                require(!requires_mutual_ || token.empty() || was_sent(from_server_, token),
                        "the token was made by the server");
                break;
            }
            sent = step.credentials;
        }
        std::error_code unfinished;
        const auto context = std::move(client_).finish(unfinished);
        require(static_cast<bool>(context) != static_cast<bool>(unfinished), "the result is a context or an error");
        require(!ec || !context, "after a failure there is no context");
        require(!context || !requires_mutual_ || contains(context.granted(), sspan::context_flags::mutual_auth),
                "the context has all required flags");
    }

private:
    [[nodiscard]] std::string answer(const std::vector<std::string>& fields) {
        const auto values = views_of(fields);
        std::error_code ec;
        const auto step = on_either(
            *in_, ec, [&] { return server_.take_request(values, ec); }, [&] { return server_.take_request(values); });
        require(static_cast<bool>(ec) == (step.state == server_state::rejected), "a rejection has an error");
        require(static_cast<bool>(server_.context()) == (step.state == server_state::authenticated),
                "only an authenticated request has a client");
        if (step.state == server_state::authenticated && !values.empty()) {
            require(was_sent(from_client_, find_negotiate(values).token), "the token was made by the client");
        }
        require(step.state == server_state::authenticated || server_.challenge().starts_with("Negotiate"),
                "every refusal has a challenge");
        return std::string{server_.challenge()};
    }
    [[nodiscard]] static bool was_sent(const std::vector<std::string>& fields, std::string_view token) {
        return std::ranges::any_of(fields, [&](std::string_view field) {
            const std::array values{field};
            return !token.empty() && find_negotiate(values).token == token;
        });
    }

    input* in_;
    bool requires_mutual_;
    client client_;
    server server_;
    std::vector<std::string> from_client_;
    std::vector<std::string> from_server_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    loopback::reset();
    keep_small();
    {
        input in{data, size};
        auto& options = loopback::configure();
        for (auto* const profile : {&options.kerberos, &options.ntlm, &options.negotiate}) {
            profile->legs = in.number(1U, 6U);
        }
        options.negotiate_winner = in.flag() ? loopback::package::ntlm : loopback::package::kerberos;
        options.server_has_other_key = in.rarely();
        client_options for_client;
        server_options for_server;
        if (in.flag()) {
            for_client.handshake.require = sspan::context_flags::none;
        }
        if (in.rarely()) {
            for_client.handshake.ntlm = for_server.handshake.ntlm = sspan::ntlm_use::refused;
        }
        if (in.rarely()) {
            for_client.max_header = in.number(std::size_t{0}, std::size_t{1000});
            for_server.max_header = in.number(std::size_t{0}, std::size_t{1000});
        }
        for_server.scope = in.flag() ? authentication_scope::connection : authentication_scope::request;
        check_parsers(some_text(in));
        exchange talk{in,
                      in.pick(std::array{sspan::package::negotiate, sspan::package::kerberos, sspan::package::ntlm}),
                      for_client, for_server};
        talk.run();
    }
    require(loopback::live().none(), "no object is leaked");
    for (const auto& violation : loopback::violation_list()) {
        require(false, violation.c_str());
    }
    return 0;
}
