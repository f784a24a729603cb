// SPDX-License-Identifier: MIT
//
// A small LDAP server for OpenLDAP's clients. The arguments are the offered layers, as the protocol's bits, and the
// longest buffer that it receives. It prints its port, and serves one connection after the other until it is ended.
//
// The answer to "Who am I?" contains the results of the exchange: the layer, the requested identity, whether the
// client's maximum is smaller than the server's, and the number of received buffers. A search returns one entry: a
// text, whose size is the name of the search's base, and the size of the request.
#include "ldap.hpp"

#include <sspan/sspan.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace sasl = sspan::sasl;
using ldap::bytes;

constexpr unsigned char insufficient_rights = 50;

struct service {
    sspan::credentials kerberos = sspan::credentials::inbound(sspan::package::kerberos);
    sspan::credentials negotiate = sspan::credentials::inbound(sspan::package::negotiate);
    sasl::layer layers = sasl::layer::confidentiality;
    std::uint32_t max_buffer = sasl::default_max_buffer;
};

template <class Number>
Number number_in(std::string_view text) {
    Number value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

class connection {
public:
    connection(net::connection peer, const service& ours) : stream_{std::move(peer)}, service_{ours} {}

    void serve() {
        while (const auto request = stream_.receive_message()) {
            switch (request->operation.type) {
            case ldap::bind_request:
                bind(*request);
                break;
            case ldap::extended_request:
                answer(*request, ldap::extended_response, ldap::success, {},
                       ldap::element(ldap::response_value, description()));
                break;
            case ldap::search_request:
                search(*request);
                break;
            default:
                return;
            }
        }
    }

private:
    void send(const ldap::message& request, const bytes& operation) {
        stream_.send(element(ldap::sequence, {ldap::number(ldap::integer, request.id), operation}));
    }
    void answer(const ldap::message& request, ldap::tag type, unsigned char code, std::string_view text,
                const bytes& more = {}) {
        send(request,
             element(type, {ldap::number(ldap::enumerated, code), ldap::element(ldap::octet_string, std::string_view{}),
                            ldap::element(ldap::octet_string, text), more}));
    }

    void bind(const ldap::message& request) {
        auto fields = request.fields();
        static_cast<void>(fields.next());
        static_cast<void>(fields.next());
        ldap::reader choice{fields.next().content};
        const auto mechanism = ldap::to_text(choice.next().content);
        const auto response = choice.at_end() ? std::span<const std::byte>{} : choice.next().content;
        if (!server_) {
            const auto which =
                mechanism == to_string(sasl::mechanism::gssapi) ? sasl::mechanism::gssapi : sasl::mechanism::gss_spnego;
            server_.emplace(
                which == sasl::mechanism::gssapi ? service_.kerberos : service_.negotiate,
                sasl::server_options{.mechanism = which, .layers = service_.layers, .max_buffer = service_.max_buffer});
        }
        sasl::server_step taken;
        try {
            taken = server_->step(response);
        } catch (const sspan::error& failure) {
            server_.reset();
            answer(request, ldap::bind_response, ldap::invalid_credentials, failure.what());
            return;
        }
        const auto challenge = taken.challenge ? ldap::element(ldap::server_credentials, *taken.challenge) : bytes{};
        if (!taken.done) {
            answer(request, ldap::bind_response, ldap::sasl_bind_in_progress, {}, challenge);
            return;
        }
        identity_ = server_->authorization_identity();
        auto channel = std::move(*server_).finish();
        if (!identity_.empty() && identity_ != "u:alice") {
            server_.reset();
            answer(request, ldap::bind_response, insufficient_rights, "nobody may act as " + identity_);
            return;
        }
        answer(request, ldap::bind_response, ldap::success, {}, challenge);
        stream_.protect(std::move(channel));
        server_.reset();
    }

    [[nodiscard]] std::string description() {
        const auto& channel = stream_.channel();
        const auto& context = channel.context();
        const bool has_own_maximum =
            channel.max_payload() != 0 &&
            channel.max_payload() < sspan::max_payload(context.sizes(), sasl::default_max_buffer);
        return std::string{to_string(channel.protection())} + ", " + (identity_.empty() ? "nobody" : identity_) +
               (has_own_maximum ? ", small buffers" : "");
    }

    void search(const ldap::message& request) {
        const auto base = ldap::to_text(request.fields().next().content);
        const std::string text(number_in<std::size_t>(std::string_view{base}.substr(base.find('=') + 1)), 'x');
        const auto attribute = [](std::string_view name, std::string_view value) {
            constexpr auto set = static_cast<ldap::tag>(0x31);
            return element(ldap::sequence, {ldap::element(ldap::octet_string, name),
                                            element(set, {ldap::element(ldap::octet_string, value)})});
        };
        send(request,
             element(ldap::search_entry,
                     {ldap::element(ldap::octet_string, base),
                      element(ldap::sequence,
                              {attribute("description", text), attribute("size", std::to_string(request.memory.size())),
                               attribute("fits", stream_.largest() <= service_.max_buffer ? "yes" : "no")})}));
        answer(request, ldap::search_done, ldap::success, {});
    }

    ldap::stream<sasl::server_channel> stream_;
    const service& service_;
    std::optional<sasl::server> server_;
    std::string identity_;
};

} // namespace

int main(int argc, char** argv) {
    try {
        const net::library sockets;
        service ours;
        ours.layers = sasl::layer{number_in<std::uint8_t>(argc > 1 ? argv[1] : "")};
        ours.max_buffer = number_in<std::uint32_t>(argc > 2 ? argv[2] : "");
        const net::listener listener{"127.0.0.1", 0};
        std::cout << "port " << listener.port() << std::endl; // NOLINT(performance-avoid-endl): a script waits for it
        for (;;) {
            try {
                connection{listener.accept(ldap::patience), ours}.serve();
            } catch (const std::exception& failure) {
                std::cout << failure.what() << std::endl; // NOLINT(performance-avoid-endl)
            }
        }
    } catch (const std::exception& failure) {
        std::cerr << failure.what() << '\n';
        return 1;
    }
}
