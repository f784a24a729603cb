// SPDX-License-Identifier: MIT
//
// Copies one file after another to another machine, over connections on which both sides know each other and nobody else
// can read, change, repeat or leave out anything.
#include "arguments.hpp"
#include "blocks.hpp"
#include "file_name.hpp"
#include "net.hpp"
#include "new_file.hpp"
#include "progress.hpp"
#include "session.hpp"
#include "text.hpp"
#include "wire.hpp"

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
#include <vector>

namespace {

constexpr std::string_view usage = R"(sealed_copy receive --port N --directory DIR [options]   take files, one at a time
    --bind ADDRESS        listen there (127.0.0.1); port 0 stands for a free one
    --connections N       end after N connections, with the status of the last one that failed
    --overwrite           replace files that are there already
sealed_copy send --host H --port N --target SPN --file PATH [options]   send one file
    --name NAME           what the receiver is to call it (as it is called here)
both:
    --package kerberos|negotiate|ntlm   (kerberos)
    --dce                 three-legged handshake, and message format, of DCE RPC
    --timeout SECONDS     how long the handshake, and each block, may take the peer (30)
Exit status: 0 the file has arrived and the receiver has said so, 1 usage, 2 no handshake (or the receiver cannot start),
3 a block was rejected, 5 the connection was lost or the peer broke the protocol, 6 a file cannot be read or written, or
is not wanted.)";

enum exit_status {
    done = 0,
    bad_usage = 1,
    no_handshake = 2,
    block_rejected = 3,
    connection_lost = 5,
    file_failed = 6
};

struct options {
    std::string host;
    unsigned port = 0;
    std::wstring target;
    std::filesystem::path path; // of the file to send, or of the directory
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

void print(const std::string& line) {
    std::cout << line + '\n' << std::flush;
}

/// Of the kind that has to come now. Throws what the receiver says if it refuses.
std::span<std::byte> expect(blocks::kind expected, blocks::channel& sealed) {
    const auto received = sealed.receive();
    if (received.kind == blocks::kind::refused) {
        const auto reason = blocks::to_string(received.content);
        const bool known = !reason.empty() && (reason[0] == block_rejected || reason[0] == file_failed);
        throw failure{known ? static_cast<exit_status>(reason[0]) : connection_lost,
                      "the receiver refuses: " + text::to_utf8(text::to_wide(reason.substr(known ? 1 : 0)))};
    }
    if (received.kind != expected) {
        throw std::runtime_error{"the peer sent a block that was not to come"};
    }
    return received.content;
}

/// Tells the sender. If it has gone, that is one more line of what went wrong.
void refuse(exit_status status, std::string_view reason, blocks::channel& sealed, const std::string& label) {
    try {
        const auto content = static_cast<char>(status) + std::string{reason};
        sealed.send(blocks::kind::refused, std::as_bytes(std::span{content}));
    } catch (const std::exception& error) {
        print(label + "the sender cannot be told: " + error.what());
    }
}

/// Runs `body`, without which there is no handshake.
template <class Body>
auto or_no_handshake(Body body) {
    try {
        return body();
    } catch (const std::exception& error) {
        throw failure{no_handshake, std::string{"no handshake: "} + error.what()};
    }
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
    std::error_code ignored; // `publish` finds out
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
            throw std::runtime_error{"what the peer sends is not the file that it has announced"};
        }
        file.write(next.content);
        received += next.content.size();
    }
    file.publish(files::path(name), chosen.then);
    print(label + "received " + name + ": " + std::to_string(size) + " bytes");
    sealed.send(blocks::kind::accepted);
}

void serve_one(const options& chosen, const sspan::credentials& credentials, net::connection& peer,
               const std::string& label) {
    const auto ended = gsl::finally([&peer] { peer.finish(); });
    auto context = or_no_handshake([&] {
        return wire::establish(sspan::server_handshake{credentials, session::wanted_by_server(chosen.dce)}, peer);
    });
    print(label + "authenticated " + session::client_name(context) + " with " +
          session::describe(context, chosen.package));
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
    print("listening on port " + listener.port());
    auto status = done;
    for (unsigned number = 1; chosen.connections == 0 || number <= chosen.connections; ++number) {
        const auto label = "connection " + std::to_string(number) + ": ";
        try {
            auto peer = listener.accept(chosen.timeout);
            serve_one(chosen, credentials, peer, label);
        } catch (const std::exception& error) { // of this connection alone
            print(label + error.what());
            status = status_of(error);
        }
    }
    return status;
}

// ---- the sender -----------------------------------------------------------------------------------------------------

/// Sends what `file` has from its begin to its end, which must be `size` bytes.
void send_content(std::ifstream& file, std::uint64_t size, blocks::channel& sealed) {
    progress::bar bar{size};
    for (std::uint64_t sent = 0; sent < size;) {
        bar.show(sent);
        if (sealed.has_input()) { // the receiver has nothing to say now but why it refuses
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
    if (ec) { // it is not there, or no file
        throw files::error{"opening the file", ec};
    }
    std::ifstream file;
    file.rdbuf()->pubsetbuf(nullptr, 0); // no copy on the way into the frame
    file.open(chosen.path, std::ios::binary);
    if (!file.is_open()) {
        throw files::error{"opening the file", {errno, std::generic_category()}};
    }

    const auto credentials = or_no_handshake([&] { return sspan::credentials::outbound(chosen.package); });
    auto peer = or_no_handshake([&] { return net::connect(chosen.host, chosen.port, chosen.timeout); });
    auto context = or_no_handshake([&] {
        const auto wanted = session::wanted_by_client(chosen.package, chosen.dce);
        return wire::establish(sspan::client_handshake{credentials, chosen.target, wanted}, peer);
    });
    print("authenticated to " + text::to_utf8(chosen.target) + " with " + session::describe(context, chosen.package));

    const auto start = std::chrono::steady_clock::now();
    blocks::channel sealed{peer, context, chosen.timeout};
    std::vector<std::byte> header;
    wire::append_number(header, static_cast<std::size_t>(size >> 32));
    wire::append_number(header, static_cast<std::size_t>(size & 0xFFFFFFFF));
    std::ranges::copy(std::as_bytes(std::span{chosen.name}), std::back_inserter(header));
    sealed.send(blocks::kind::file, header);
    expect(blocks::kind::accepted, sealed);
    send_content(file, size, sealed);
    sealed.send(blocks::kind::end);
    expect(blocks::kind::accepted, sealed);

    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%.3f", time.count());
    print("sent " + chosen.name + ": " + std::to_string(size) + " bytes in " + seconds.data() + " s");
    return done;
}

int run(const std::vector<std::string>& words) {
    arguments::reader read{words};
    const auto action = read.action();
    if (action == "--help") {
        print(std::string{usage});
        return done;
    }
    if (action != "receive" && action != "send") {
        throw arguments::error{"what to do: receive or send?"};
    }
    options chosen;
    chosen.port = read.number("--port", 65535);
    chosen.package = arguments::package_name(read.value("--package", "kerberos"));
    chosen.dce = read.flag("--dce");
    chosen.timeout = std::chrono::seconds{read.number("--timeout", 86'400, "30")};
    if (chosen.timeout == std::chrono::seconds{}) {
        throw arguments::error{"--timeout: 0 would be without end"};
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
    chosen.target = text::to_wide(read.value("--target"));
    chosen.path = files::path(read.value("--file"));
    chosen.name = read.value("--name", files::name(chosen.path));
    read.finish();
    return send(chosen);
}

} // namespace

int main(int argc, char** argv) {
#if defined(_WIN32)
    ::SetConsoleOutputCP(CP_UTF8);
#endif
    try {
        const net::library sockets;
        return run(text::arguments(argc, argv));
    } catch (const arguments::error& error) {
        std::cerr << error.what() << "\n\n" << usage << '\n';
        return bad_usage;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return status_of(error);
    }
}
