// SPDX-License-Identifier: MIT
//
// Copies files to another machine. Both sides are authenticated. Nobody else can read a file, or change, repeat or
// drop a part of it unnoticed. The folder sealed_copy has the parts of the program.
// Run: a receiver and a sender, as the usage shows. They print:
//
//   > sealed_copy receive --port 4711 --directory incoming
//   listening on port 4711
//   connection 1: authenticated a client (the package does not report its name); package: kerberos; granted: ...
//   connection 1: received report.pdf: 3000000 bytes
//
//   > sealed_copy send --host 127.0.0.1 --port 4711 --target echo/server.sspan.test --file report.pdf
//   authenticated to echo/server.sspan.test; package: kerberos; granted: mutual_auth, replay_detect, ...
//   sent report.pdf: 3000000 bytes in 0.332 s
#include "console.hpp"
#include "net.hpp"
#include "sealed_copy/blocks.hpp"
#include "sealed_copy/file_name.hpp"
#include "sealed_copy/new_file.hpp"
#include "sealed_copy/progress.hpp"

#include <gsl/util>
#include <sspan/sspan.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

constexpr std::string_view usage = R"(sealed_copy receive --port N --directory DIR [options]   take files, one at a time
    --bind ADDRESS        listen there (127.0.0.1); port 0 stands for a free one
    --connections N       end after N connections, with the status of the last one that failed
    --overwrite           replace files that are there already
sealed_copy send --host H --port N --target SPN --file PATH [options]   send one file
    --name NAME           the file's name at the receiver (the same name)
both:
    --package kerberos|negotiate|ntlm   (kerberos)
    --dce                 use DCE style: three tokens, and another message format
    --timeout SECONDS     the limit for the handshake, and for each block (30)
Exit status: 0 the receiver has confirmed the file, 1 usage, 2 no handshake (or the receiver cannot start),
3 a block was rejected, 5 the connection was lost or the peer broke the protocol, 6 a file cannot be read or written, or
is refused.)";

enum exit_status { done = 0, no_handshake = 2, block_rejected = 3, connection_lost = 5, file_failed = 6 };

struct options {
    std::string host;
    unsigned port = 0;
    std::wstring target;
    std::filesystem::path path; // the file to send, or the directory
    std::string name;
    unsigned connections = 0; // 0: no limit
    files::if_there_is_one then = files::if_there_is_one::fail;
    std::wstring_view package;
    bool dce = false;
    std::chrono::seconds timeout{};
};

struct failure : std::runtime_error {
    failure(exit_status its_status, const std::string& what) : std::runtime_error{what}, status{its_status} {}
    exit_status status;
};

exit_status status_of(const std::exception& error) {
    if (const auto* known = dynamic_cast<const failure*>(&error)) {
        return known->status;
    }
    if (dynamic_cast<const blocks::rejected*>(&error) != nullptr) {
        return block_rejected;
    }
    return dynamic_cast<const files::error*>(&error) != nullptr ? file_failed : connection_lost;
}

/// Receives a block of this kind. If the receiver refuses instead, throws its reason.
std::span<std::byte> expect(blocks::kind expected, blocks::channel& sealed) {
    const auto received = sealed.receive();
    if (received.kind == blocks::kind::refused) {
        const auto reason = blocks::to_string(received.content);
        const bool known = !reason.empty() && (reason[0] == block_rejected || reason[0] == file_failed);
        throw failure{known ? static_cast<exit_status>(reason[0]) : connection_lost,
                      "the receiver refuses: " + console::to_utf8(console::to_wide(reason.substr(known ? 1 : 0)))};
    }
    if (received.kind != expected) {
        throw std::runtime_error{"unexpected block type"};
    }
    return received.content;
}

/// Reports a failure to the sender, if the connection is still there.
void refuse(exit_status status, std::string_view reason, blocks::channel& sealed, const std::string& label) {
    try {
        const auto content = static_cast<char>(status) + std::string{reason};
        sealed.send(blocks::kind::refused, std::as_bytes(std::span{content}));
    } catch (const std::exception& error) {
        console::print(label + "the sender cannot be told: " + error.what());
    }
}

/// Runs `body`, and reports its failure as a failed handshake.
template <class Body>
auto or_no_handshake(Body body) {
    try {
        return body();
    } catch (const std::exception& error) {
        throw failure{no_handshake, std::string{"no handshake: "} + error.what()};
    }
}

// ---- the handshake --------------------------------------------------------------------------------------------------

template <class Handshake>
auto establish(Handshake handshake, net::connection& peer) {
    return sspan::establish(
        std::move(handshake), [&peer](std::span<const std::byte> token) { peer.send_frame(token); },
        [&peer] { return peer.receive_frame(sspan::handshake_limits{}.max_token); });
}

sspan::client_options wanted_by_client(const options& chosen) {
    sspan::client_options wanted;
    if (chosen.package == sspan::package::ntlm) {
        // NTLM cannot prove who the server is. A user who chooses NTLM by name accepts that. With Negotiate, which may
        // fall back to NTLM, the handshake fails instead.
        wanted.require &= ~sspan::context_flags::mutual_auth;
    }
    if (chosen.dce) {
        wanted.require |= sspan::context_flags::dce_style;
    }
    return wanted;
}

/// A server accepts DCE style only if it asks for it. With --dce every client must use it, otherwise each client
/// chooses.
sspan::server_options wanted_by_server(const options& chosen) {
    sspan::server_options wanted;
    (chosen.dce ? wanted.require : wanted.request) |= sspan::context_flags::dce_style;
    return wanted;
}

std::string client_name(const sspan::server_context& context) {
    std::error_code ec;
    const auto name = sspan::query_user_name(context, ec);
    return ec ? "a client (the package does not report its name)" : console::to_utf8(name);
}

std::string describe(const sspan::security_context& context) {
    return std::string{"package: "}.append(to_string(context.package())) + "; granted: " + to_string(context.granted());
}

// ---- the receiver ---------------------------------------------------------------------------------------------------

void receive_file(const options& chosen, blocks::channel& sealed, const std::string& label) {
    const auto header = expect(blocks::kind::file, sealed);
    std::uint64_t size = 0;
    if (header.size() < sizeof size) {
        throw std::runtime_error{"the peer announced no file"};
    }
    for (const auto byte : header.first(sizeof size)) {
        size = (size << 8) | std::to_integer<std::uint64_t>(byte);
    }
    const auto name = blocks::to_string(header.subspan(sizeof size));
    if (!file_name::is_plain(name)) {
        throw files::error{"the name is not that of a plain file"};
    }
    std::error_code ignored; // `publish` reports it
    const auto there_already = std::filesystem::symlink_status(chosen.path / files::path(name), ignored);
    if (chosen.then == files::if_there_is_one::fail && std::filesystem::exists(there_already)) {
        throw files::error{"there is a file of that name"};
    }
    files::new_file file{chosen.path};
    sealed.send(blocks::kind::accepted);

    for (std::uint64_t received = 0;;) {
        const auto next = sealed.receive();
        if (next.kind == blocks::kind::end && received == size) {
            break;
        }
        if (next.kind != blocks::kind::data || next.content.empty() || next.content.size() > size - received) {
            throw std::runtime_error{"the peer sends another size than it announced"};
        }
        file.write(next.content);
        received += next.content.size();
    }
    file.publish(files::path(name), chosen.then);
    console::print(label + "received " + name + ": " + std::to_string(size) + " bytes");
    sealed.send(blocks::kind::accepted);
}

void serve_one(const options& chosen, const sspan::credentials& credentials, net::connection& peer,
               const std::string& label) {
    const auto ended = gsl::finally([&peer] { peer.finish(); });
    auto context = or_no_handshake(
        [&] { return establish(sspan::server_handshake{credentials, wanted_by_server(chosen)}, peer); });
    console::print(label + "authenticated " + client_name(context) + "; " + describe(context));
    blocks::channel sealed{peer, context, chosen.timeout};
    try {
        receive_file(chosen, sealed, label);
    } catch (const std::exception& error) {
        if (const auto status = status_of(error); status != connection_lost) {
            refuse(status, error.what(), sealed, label);
        }
        throw;
    }
}

int serve(const options& chosen) {
    std::error_code ec;
    if (!std::filesystem::is_directory(chosen.path, ec)) {
        throw files::error{"--directory: there is no such directory"};
    }
    const auto credentials = or_no_handshake([&] { return sspan::credentials::inbound(chosen.package); });
    const auto listener = or_no_handshake([&] { return net::listener{chosen.host, chosen.port}; });
    console::print("listening on port " + listener.port());
    auto status = done;
    for (unsigned number = 1; chosen.connections == 0 || number <= chosen.connections; ++number) {
        const auto label = "connection " + std::to_string(number) + ": ";
        try {
            auto peer = listener.accept(chosen.timeout);
            serve_one(chosen, credentials, peer, label);
        } catch (const std::exception& error) { // ends this connection only
            console::print(label + error.what());
            status = status_of(error);
        }
    }
    return status;
}

// ---- the sender -----------------------------------------------------------------------------------------------------

/// Sends the whole file, which must have `size` bytes.
void send_content(std::ifstream& file, std::uint64_t size, blocks::channel& sealed) {
    progress::bar bar{size};
    for (std::uint64_t sent = 0; sent < size;) {
        bar.show(sent);
        if (sealed.has_input()) { // only a refusal can arrive now
            expect(blocks::kind::refused, sealed);
        }
        const auto piece =
            sealed.room().first(static_cast<std::size_t>(std::min<std::uint64_t>(blocks::most_content, size - sent)));
        if (!file.read(reinterpret_cast<char*>(piece.data()), static_cast<std::streamsize>(piece.size()))) {
            throw files::error{"reading the file: it has become shorter, or cannot be read"};
        }
        sealed.send(blocks::kind::data, piece.size());
        sent += piece.size();
    }
    if (file.peek() != std::ifstream::traits_type::eof()) {
        throw files::error{"reading the file: it has become longer"};
    }
}

int send(const options& chosen) {
    std::error_code ec;
    const std::uint64_t size = std::filesystem::file_size(chosen.path, ec);
    if (ec) { // it does not exist, or is not a file
        throw files::error{"opening the file", ec};
    }
    std::ifstream file;
    file.rdbuf()->pubsetbuf(nullptr, 0); // no buffer: the file is read directly into the frame
    file.open(chosen.path, std::ios::binary);
    if (!file.is_open()) {
        throw files::error{"opening the file", {errno, std::generic_category()}};
    }

    const auto credentials = or_no_handshake([&] { return sspan::credentials::outbound(chosen.package); });
    auto peer = or_no_handshake([&] { return net::connect(chosen.host, chosen.port, chosen.timeout); });
    auto context = or_no_handshake(
        [&] { return establish(sspan::client_handshake{credentials, chosen.target, wanted_by_client(chosen)}, peer); });
    console::print("authenticated to " + console::to_utf8(chosen.target) + "; " + describe(context));

    const auto start = std::chrono::steady_clock::now();
    blocks::channel sealed{peer, context, chosen.timeout};
    std::vector<std::byte> header;
    for (unsigned shift = 64; shift != 0;) {
        shift -= 8;
        header.push_back(static_cast<std::byte>((size >> shift) & 0xFF));
    }
    std::ranges::copy(std::as_bytes(std::span{chosen.name}), std::back_inserter(header));
    sealed.send(blocks::kind::file, header);
    expect(blocks::kind::accepted, sealed);
    send_content(file, size, sealed);
    sealed.send(blocks::kind::end);
    expect(blocks::kind::accepted, sealed);

    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%.3f", time.count());
    console::print("sent " + chosen.name + ": " + std::to_string(size) + " bytes in " + seconds.data() + " s");
    return done;
}

int run(console::arguments read) {
    const auto action = read.action();
    if (action != "receive" && action != "send") {
        throw console::usage_error{"the command is missing: receive or send"};
    }
    options chosen;
    chosen.port = read.number("--port", 65535);
    constexpr std::array packages{sspan::package::kerberos, sspan::package::negotiate, sspan::package::ntlm};
    chosen.package = packages.at(read.choice("--package", {"kerberos", "negotiate", "ntlm"}));
    chosen.dce = read.flag("--dce");
    chosen.timeout = std::chrono::seconds{read.number("--timeout", 86'400, "30")};
    if (chosen.timeout == std::chrono::seconds{}) {
        throw console::usage_error{"--timeout: must not be 0"};
    }
    if (action == "receive") {
        chosen.host = read.value("--bind", "127.0.0.1");
        chosen.path = files::path(read.value("--directory"));
        chosen.connections = read.number("--connections", 1'000'000, "0");
        chosen.then = read.flag("--overwrite") ? files::if_there_is_one::replace : files::if_there_is_one::fail;
        read.finish();
        return serve(chosen);
    }
    chosen.host = read.value("--host");
    chosen.target = console::to_wide(read.value("--target"));
    chosen.path = files::path(read.value("--file"));
    chosen.name = read.value("--name", files::name(chosen.path));
    read.finish();
    return send(chosen);
}

} // namespace

int main(int argc, char** argv) try {
    const net::library sockets;
    return run(console::arguments{argc, argv});
} catch (const std::exception& error) {
    return console::report(error, usage, status_of(error));
}
