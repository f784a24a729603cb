// SPDX-License-Identifier: MIT
//
// What the pages of one task each show: docs/sign-encrypt-wrap.md, which-package.md, channel-bindings.md, two-threads.md,
// another-process.md, acting-as-the-client.md. The tests run it over the loopback package.
#include <sspan/sspan.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <iostream>
#include <mutex>
#include <queue>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace tasks {

constexpr std::string_view wanted_text = "Pay 100 to Carol.";
const std::wstring target = L"HTTP/server.loopback.example"; // the loopback package's service

void expect(bool holds, const char* what) {
    if (!holds) {
        throw std::runtime_error{what};
    }
}

std::string to_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct both {
    sspan::client_context client;
    sspan::server_context server;
};

both establish(sspan::client_handshake client, sspan::server_handshake server) {
    for (auto token = client.step().token; !token.empty();) {
        token = server.step(token).token;
        token = token.empty() ? token : client.step(token).token;
    }
    return {std::move(client).finish(), std::move(server).finish()};
}

both establish(const sspan::client_options& client = {}, const sspan::server_options& server = {}) {
    return establish(sspan::client_handshake{sspan::credentials::outbound(sspan::package::kerberos), target, client},
                     sspan::server_handshake{sspan::credentials::inbound(sspan::package::kerberos), server});
}

bool fails_with(sspan::errc expected, const std::function<void()>& action) {
    try {
        action();
    } catch (const sspan::error& error) {
        return error.code() == expected;
    }
    return false;
}

// Sign, encrypt or wrap

void sign(sspan::security_context& sender, sspan::security_context& receiver) {
    const std::string message = "Pay 100 to Carol.";
    std::vector<std::byte> room(sender.sizes().max_signature);
    const auto signature = sender.sign(message, room); // send the message and the signature

    receiver.verify(message, signature); // throws message_altered
}

std::string wrap(sspan::security_context& sender, sspan::security_context& receiver) {
    sspan::message_frame frame{sender.sizes(), 1000};
    const auto wire = sender.wrap(frame, frame.assign("Pay 100 to Carol.")); // send this

    std::vector<std::byte> received(wire.begin(), wire.end());
    const auto message = receiver.unwrap(received).data; // a part of `received`
    return {reinterpret_cast<const char*>(message.data()), message.size()};
}

std::string encrypt(sspan::security_context& sender, sspan::security_context& receiver) {
    std::string message = "Pay 100 to Carol.";
    std::vector<std::byte> token_room(sender.sizes().security_trailer);
    std::vector<std::byte> padding_room(sender.sizes().block_size);
    const auto sent = sender.encrypt({.token = token_room, .data = message, .padding = padding_room});

    std::vector<std::byte> token{sent.token.begin(), sent.token.end()}; // as the receiver gets them
    std::vector<std::byte> data{sent.data.begin(), sent.data.end()};
    data.insert(data.end(), sent.padding.begin(), sent.padding.end());
    const auto opened = receiver.decrypt({.token = token, .data = data}).data;
    return {reinterpret_cast<const char*>(opened.data()), opened.size()};
}

void check_messages() {
    auto [client, server] = establish();
    sign(client, server);
    expect(wrap(client, server) == wanted_text, "wrap");
    expect(encrypt(server, client) == wanted_text, "encrypt");
}

// Which package

sspan::client_handshake handshake_without_ntlm(const std::wstring& service) {
    const auto credentials = sspan::credentials::outbound(sspan::package::negotiate, {.packages = L"!ntlm"});
    sspan::client_options options;
    options.ntlm = sspan::ntlm_use::refused;
    return sspan::client_handshake{credentials, service, options};
}

sspan::server_handshake handshake_of_a_server_without_ntlm(const sspan::credentials& credentials) {
    sspan::server_options options;
    options.ntlm = sspan::ntlm_use::refused;
    options.service_names = {L"HTTP/web.corp.example", L"HTTP/web"};
    return sspan::server_handshake{credentials, options};
}

void check_packages() {
    const auto inbound = sspan::credentials::inbound(sspan::package::negotiate);
    sspan::server_options options;
    options.ntlm = sspan::ntlm_use::refused;
    const auto [client, server] = establish(handshake_without_ntlm(target), sspan::server_handshake{inbound, options});
    expect(client.package() == sspan::security_package::kerberos, "kerberos");
    expect(fails_with(sspan::errc::wrong_principal,
                      [&] { establish(handshake_without_ntlm(target), handshake_of_a_server_without_ntlm(inbound)); }),
           "another service");
    expect(fails_with(sspan::errc::security_qos_failed,
                      [&] {
                          sspan::client_options without_ntlm;
                          without_ntlm.ntlm = sspan::ntlm_use::refused;
                          const auto ntlm = sspan::credentials::outbound(sspan::package::ntlm);
                          sspan::client_handshake handshake{ntlm, target, without_ntlm};
                          static_cast<void>(handshake.step());
                      }),
           "ntlm");
}

// Channel bindings

sspan::client_handshake handshake_inside_tls(const sspan::credentials& credentials, const std::wstring& service,
                                             std::span<const std::byte> certificate_hash) {
    auto options = sspan::client_options::authentication_only(); // TLS protects the messages
    options.bindings = sspan::channel_bindings::tls_server_end_point(certificate_hash);
    return sspan::client_handshake{credentials, service, options};
}

sspan::server_handshake handshake_inside_tls(const sspan::credentials& credentials,
                                             std::span<const std::byte> certificate_hash) {
    auto options = sspan::server_options::authentication_only();
    options.bindings = sspan::channel_bindings::tls_server_end_point(certificate_hash);
    return sspan::server_handshake{credentials, options};
}

void check_bindings() {
    const auto outbound = sspan::credentials::outbound(sspan::package::kerberos);
    const auto inbound = sspan::credentials::inbound(sspan::package::kerberos);
    const std::array<std::byte, 32> hash{std::byte{1}};
    const std::array<std::byte, 32> other{std::byte{2}};
    establish(handshake_inside_tls(outbound, target, hash), handshake_inside_tls(inbound, hash));
    expect(fails_with(
               sspan::errc::bad_bindings,
               [&] { establish(handshake_inside_tls(outbound, target, hash), handshake_inside_tls(inbound, other)); }),
           "another channel");
}

// Two threads

/// Stands for the program's own connection.
class connection {
public:
    void send(std::span<const std::byte> bytes) {
        const std::lock_guard lock{mutex_};
        sent_.emplace(bytes.begin(), bytes.end());
    }
    std::vector<std::byte> receive() {
        for (;;) {
            const std::lock_guard lock{mutex_};
            if (!sent_.empty()) {
                auto bytes = std::move(sent_.front());
                sent_.pop();
                return bytes;
            }
            std::this_thread::yield();
        }
    }

private:
    std::mutex mutex_;
    std::queue<std::vector<std::byte>> sent_;
};

std::size_t talk(sspan::security_context context, connection& out, connection& in, int messages) {
    const auto sizes = context.sizes();
    auto [sender, receiver] = std::move(context).split();

    std::future<void> sending = std::async( // its destructor waits, and `get` passes its exception on
        std::launch::async,
        [&out, messages, frame = sspan::message_frame{sizes, 1000}, half = std::move(sender)]() mutable {
            for (int i = 0; i != messages; ++i) {
                out.send(half.wrap(frame, frame.assign("Hello")));
            }
        });
    std::size_t received = 0;
    for (int i = 0; i != messages; ++i) {
        auto wire = in.receive();
        received += receiver.unwrap(wire).data.size(); // throws if a message was changed
    }
    sending.get();
    return received;
}

void check_threads() {
    auto [client, server] = establish();
    connection to_server;
    connection to_client;
    std::size_t by_server = 0;
    std::thread other{
        [&, half = std::move(server)]() mutable { by_server = talk(std::move(half), to_client, to_server, 100); }};
    const auto by_client = talk(std::move(client), to_server, to_client, 100);
    other.join();
    expect(by_client == 500 && by_server == 500, "two threads");
}

// Another process

/// What the two processes exchange, over a channel that nobody else can read.
struct parcel {
    std::vector<std::byte> packed;
    HANDLE token = nullptr; ///< A handle of the process that receives it.
    std::uint32_t granted = 0;
    std::uint32_t required = 0;
    std::wstring package;
};

parcel give_away(sspan::server_context context, const std::function<HANDLE(HANDLE)>& duplicate) {
    const auto exported = sspan::export_context(std::move(context)); // the context ends here
    const auto packed = exported.packed.get();
    return {.packed = {packed.begin(), packed.end()},
            .token = exported.token ? duplicate(exported.token.native_handle()) : nullptr,
            .granted = static_cast<std::uint32_t>(exported.granted),
            .required = static_cast<std::uint32_t>(exported.required),
            .package = exported.package};
}

sspan::server_context take_over(const parcel& received) {
    sspan::exported_context exported;
    exported.packed = sspan::secret_bytes{received.packed};
    exported.token = sspan::access_token::adopt(received.token);
    exported.granted = static_cast<sspan::context_flags>(received.granted);
    exported.required = static_cast<sspan::context_flags>(received.required);
    exported.is_server = true;
    exported.package = received.package;
    return sspan::import_context<sspan::server_context>(std::move(exported));
}

void check_transfer() {
    auto [client, server] = establish();
    expect(wrap(client, server) == wanted_text, "before");
    auto moved = take_over(give_away(std::move(server), [](HANDLE) -> HANDLE { return nullptr; }));
    expect(wrap(client, moved) == wanted_text, "after");
    expect(wrap(moved, client) == wanted_text, "back");
}

// Acting as the client

std::string read_as(const sspan::server_context& client, const std::function<std::string()>& read_file) {
    return sspan::run_as_client(client, read_file); // throws if the thread cannot act as the client
}

sspan::client_handshake next_server_as(const sspan::server_context& client, const std::wstring& next_service) {
    const auto credentials =
        sspan::run_as_client(client, [] { return sspan::credentials::outbound(sspan::package::kerberos); });
    return sspan::client_handshake{credentials, next_service};
}

void check_impersonation() {
    sspan::client_options options;
    options.require |= sspan::context_flags::delegate;
    const auto [client, server] = establish(options);
    expect(read_as(server, [] { return std::string{"content"}; }) == "content", "as the client");
    const auto next = establish(next_server_as(server, target),
                                sspan::server_handshake{sspan::credentials::inbound(sspan::package::kerberos)});
    expect(query_user_name(next.server) == query_user_name(server), "the second hop");
}

} // namespace tasks

int main() {
    int failed = 0;
    const std::array<std::pair<const char*, void (*)()>, 6> checks{
        {{"messages", tasks::check_messages},
         {"packages", tasks::check_packages},
         {"channel bindings", tasks::check_bindings},
         {"two threads", tasks::check_threads},
         {"another process", tasks::check_transfer},
         {"acting as the client", tasks::check_impersonation}}};
    for (const auto& [name, check] : checks) {
        try {
            check();
            std::cout << name << ": passed\n";
        } catch (const std::exception& error) {
            std::cout << name << ": FAILED: " << error.what() << '\n';
            ++failed;
        }
    }
    return failed;
}
