// SPDX-License-Identifier: MIT
//
// Copies a file to another machine. Both sides know who the other is, nobody reads the file on its way, and it arrives
// whole and unchanged or not at all.
//
// Wire format: the handshake's tokens, then wrapped messages, each with its length in front. A message's first byte
// says what it is. The receiver begins with 'R' (ready), and the sender with 'H': size (64-bit big-endian), name. Then
// 'D' with data, and 'E' for the end; so a connection that is cut off is noticed. The receiver answers 'K' (kept), or
// 'X' and why not.
#include "arguments.hpp"
#include "net.hpp"
#include "new_file.hpp"
#include "text.hpp"
#include "wire.hpp"

#include <sspan/sspan.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace {

constexpr std::string_view usage =
    R"(sealed_copy receive --port N --directory DIR   take files; port 0 stands for a free one
    --bind ADDRESS      listen there (127.0.0.1)
    --connections N     end after N connections
    --from NAME         take files of this user only
sealed_copy send --host H --port N --target SPN --file PATH
both:
    --package NAME      Kerberos
    --dce               three-legged handshake, and message format, of DCE RPC
    --timeout SECONDS   how long the peer may be silent (30)
A file that is there already is never replaced, and a copy that was cut off begins anew.
Exit status: 0 done, 1 usage, 2 no handshake, 3 a message was rejected, 4 the receiver refused the file,
5 the connection was lost or the peer broke the protocol, 6 the file cannot be read or written.)";

enum exit_status { done = 0, bad_usage = 1, no_handshake = 2, rejected = 3, refused = 4, lost = 5, bad_file = 6 };

enum class kind : std::uint8_t { ready = 'R', header = 'H', data = 'D', end = 'E', kept = 'K', not_kept = 'X' };

constexpr std::size_t block_size = std::size_t{256} << 10;

struct options {
    std::wstring package;
    bool dce = false;
    std::chrono::seconds timeout{};
    unsigned port = 0;
    std::string bind;
    unsigned connections = 0; // 0: no limit
    std::filesystem::path directory;
    std::wstring from;
    std::string host;
    std::wstring target;
    std::filesystem::path file;
};

/// The receiver's "no".
struct refusal : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void print(std::ostream& stream, const std::string& line) {
    stream << line + '\n' << std::flush;
}

template <class Wanted>
Wanted wanted_of(const options& chosen) {
    Wanted wanted;
    if (chosen.dce) {
        wanted.require |= sspan::context_flags::dce_style;
    }
    return wanted;
}

/// An established connection, and the memory for its messages.
class sealed_connection {
public:
    sealed_connection(net::connection& peer, sspan::security_context& context)
        : peer_{&peer}, context_{&context}, frame_{context.sizes(), 1 + block_size} {}

    /// Where the next message's content is to be put.
    std::span<std::byte> content() { return frame_.payload().subspan(1); }
    /// Sends a message with the first `size` bytes of `content()`.
    void send(kind what, std::size_t size) {
        frame_.payload()[0] = static_cast<std::byte>(what);
        const auto wrapped = context_->wrap(frame_, 1 + size);
        length_.clear();
        wire::append_number(length_, wrapped.size());
        peer_->send(length_);
        peer_->send(wrapped);
    }
    void send(kind what, std::string_view text = {}) {
        const auto size = std::min(text.size(), content().size());
        std::ranges::copy(std::as_bytes(std::span{text.substr(0, size)}), content().begin());
        send(what, size);
    }

    struct message {
        kind what{};
        std::span<const std::byte> content; ///< until the next one
    };
    message receive() {
        peer_->receive(received_, wire::receive_length(*peer_));
        const auto opened = context_->unwrap(received_);
        if (opened.data.empty()) {
            throw std::runtime_error{"the peer sent an empty message"};
        }
        return {static_cast<kind>(opened.data[0]), opened.data.subspan(1)};
    }

private:
    net::connection* peer_;
    sspan::security_context* context_;
    sspan::message_frame frame_;
    std::vector<std::byte> length_;
    std::vector<std::byte> received_;
};

std::string text_of(std::span<const std::byte> bytes) {
    std::string text;
    for (const auto byte : bytes) {
        text += static_cast<char>(byte);
    }
    return text;
}

// ---- the sender -----------------------------------------------------------------------------------------------------

/// A line on a terminal that says how far we are; elsewhere, nothing.
class progress {
public:
    explicit progress(std::uintmax_t total) : total_{total} {}
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress() {
        if (drawn_) {
            std::cerr << '\n';
        }
    }

    void show(std::uintmax_t sent) {
        using namespace std::chrono_literals;
        const auto now = clock::now();
        if (!is_terminal_ || (sent != total_ && now - last_ < 100ms)) {
            return;
        }
        last_ = now;
        const double seconds = std::chrono::duration<double>(now - start_).count();
        const double rate = seconds > 0 ? static_cast<double>(sent) / seconds : 0;
        const double part = total_ != 0 ? static_cast<double>(sent) / static_cast<double>(total_) : 1;
        const double left = rate > 0 ? static_cast<double>(total_ - sent) / rate : 0;
        constexpr std::size_t width = 30;
        const auto filled = static_cast<std::size_t>(part * width);
        std::array<char, 160> line{};
        std::snprintf(line.data(), line.size(), "\r[%s%s] %3.0f%%  %llu bytes  %.1f MiB/s  %.0f s left   ",
                      std::string(filled, '#').c_str(), std::string(width - filled, '.').c_str(), part * 100,
                      static_cast<unsigned long long>(sent), rate / (1 << 20), left);
        std::cerr << line.data() << std::flush;
        drawn_ = true;
    }

private:
    using clock = std::chrono::steady_clock;
#if defined(_WIN32)
    bool is_terminal_ = ::_isatty(2) != 0;
#else
    bool is_terminal_ = ::isatty(2) != 0;
#endif
    bool drawn_ = false;
    std::uintmax_t total_;
    clock::time_point start_ = clock::now();
    clock::time_point last_{};
};

std::uintmax_t send_content(sealed_connection& to, std::ifstream& file, std::uintmax_t size) {
    progress bar{size};
    std::uintmax_t sent = 0;
    while (sent != size) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uintmax_t>(size - sent, block_size));
        const auto block = to.content().first(wanted);
        if (!file.read(reinterpret_cast<char*>(block.data()), static_cast<std::streamsize>(wanted))) {
            throw files::error{std::make_error_code(std::errc::io_error), "reading the file"};
        }
        to.send(kind::data, wanted);
        sent += wanted;
        bar.show(sent);
    }
    return sent;
}

int send_file(const options& chosen) {
    std::ifstream file{chosen.file, std::ios::binary};
    if (!file) {
        throw files::error{std::make_error_code(std::errc::no_such_file_or_directory), "opening the file"};
    }
    const auto size = std::filesystem::file_size(chosen.file);
    const auto name = text::to_utf8(chosen.file.filename().wstring());

    const auto credentials = sspan::credentials::outbound(chosen.package);
    auto peer = net::connect(chosen.host, chosen.port, chosen.timeout);
    sspan::client_handshake handshake{credentials, chosen.target, wanted_of<sspan::client_options>(chosen)};
    auto context = wire::establish(std::move(handshake), peer);
    sealed_connection to{peer, context};

    std::string header;
    for (int shift = 56; shift >= 0; shift -= 8) {
        header += static_cast<char>((static_cast<std::uint64_t>(size) >> shift) & 0xFF);
    }
    to.send(kind::header, header + name);
    const auto expect = [&to](kind what) {
        const auto answer = to.receive();
        if (answer.what == kind::not_kept) {
            throw refusal{text_of(answer.content)};
        }
        if (answer.what != what) {
            throw std::runtime_error{"the peer sent something unexpected"};
        }
    };
    expect(kind::ready);
    const auto start = std::chrono::steady_clock::now();
    std::uintmax_t sent = 0;
    try {
        sent = send_content(to, file, size);
        to.send(kind::end);
    } catch (const std::system_error&) { // the receiver may have said why it is not listening any more
        expect(kind::kept);
        throw;
    }
    expect(kind::kept);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%.3f", time.count());
    print(std::cout, "copied " + std::to_string(sent) + " bytes in " + seconds.data() + " s");
    return done;
}

// ---- the receiver ---------------------------------------------------------------------------------------------------

/// Takes a file's data, and gives it its name when all of them are there.
void take_content(sealed_connection& from, std::uint64_t size, files::new_file& file) {
    std::uint64_t taken = 0;
    for (;;) {
        const auto block = from.receive();
        if (block.what == kind::end && taken == size) {
            file.keep();
            return;
        }
        if (block.what != kind::data || block.content.empty() || block.content.size() > size - taken) {
            throw std::runtime_error{"the peer sent something unexpected"};
        }
        file.write(block.content);
        taken += block.content.size();
    }
}

std::string take_file(const options& chosen, sealed_connection& from) {
    const auto header = from.receive();
    constexpr std::size_t size_length = 8;
    if (header.what != kind::header || header.content.size() < size_length) {
        throw std::runtime_error{"the peer sent something unexpected"};
    }
    std::uint64_t size = 0;
    for (const auto byte : header.content.first(size_length)) {
        size = (size << 8) | std::to_integer<std::uint64_t>(byte);
    }
    const auto name = text_of(header.content.subspan(size_length));
    try {
        if (!files::is_plain_name(name)) {
            throw refusal{"a file cannot be named like that"};
        }
        const auto path = chosen.directory / std::filesystem::path{text::to_wide(name)};
        if (std::filesystem::exists(path)) {
            throw refusal{"there is such a file already"};
        }
        files::new_file file{path};
        take_content(from, size, file);
    } catch (const refusal& no) {
        from.send(kind::not_kept, no.what());
        throw;
    } catch (const files::error& no) {
        from.send(kind::not_kept, no.what());
        throw;
    } catch (const std::invalid_argument&) { // not UTF-8
        from.send(kind::not_kept, "a file cannot be named like that");
        throw;
    }
    from.send(kind::kept);
    return "kept " + name + ", " + std::to_string(size) + " bytes";
}

int receive_files(const options& chosen) {
    const auto credentials = sspan::credentials::inbound(chosen.package);
    const net::listener listener{chosen.bind, chosen.port};
    print(std::cout, "listening on port " + listener.port());
    for (unsigned number = 1; chosen.connections == 0 || number <= chosen.connections; ++number) {
        const auto label = "connection " + std::to_string(number) + ": ";
        try {
            auto peer = listener.accept(chosen.timeout);
            sspan::server_handshake handshake{credentials, wanted_of<sspan::server_options>(chosen)};
            auto context = wire::establish(std::move(handshake), peer);
            sealed_connection from{peer, context};
            if (!chosen.from.empty() && sspan::query_user_name(context) != chosen.from) {
                from.send(kind::not_kept, "not from you");
                throw refusal{"somebody else than expected"};
            }
            from.send(kind::ready);
            print(std::cout, label + take_file(chosen, from));
            peer.finish();
        } catch (const std::exception& error) { // of this connection alone
            print(std::cout, label + error.what());
        }
    }
    return done;
}

int run(const std::vector<std::string>& words) {
    arguments::reader read{words};
    const auto action = read.action();
    if (action == "--help") {
        print(std::cout, std::string{usage});
        return done;
    }
    options chosen;
    chosen.package = text::to_wide(read.value("--package", "Kerberos"));
    chosen.dce = read.flag("--dce");
    chosen.timeout = std::chrono::seconds{std::max(1U, read.number("--timeout", 86'400, "30"))};
    chosen.port = read.number("--port", 65'535);
    if (action == "receive") {
        chosen.bind = read.value("--bind", "127.0.0.1");
        chosen.connections = read.number("--connections", 1'000'000, "0");
        chosen.directory = text::to_wide(read.value("--directory"));
        chosen.from = text::to_wide(read.value("--from", ""));
        read.finish();
        return receive_files(chosen);
    }
    if (action == "send") {
        chosen.host = read.value("--host");
        chosen.target = text::to_wide(read.value("--target"));
        chosen.file = text::to_wide(read.value("--file"));
        read.finish();
        return send_file(chosen);
    }
    throw arguments::error{"what to do: receive or send?"};
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
        print(std::cerr, error.what() + std::string{"\n\n"} + std::string{usage});
        return bad_usage;
    } catch (const refusal& error) {
        print(std::cerr, std::string{"the receiver refused the file: "} + error.what());
        return refused;
    } catch (const files::error& error) {
        print(std::cerr, error.what());
        return bad_file;
    } catch (const std::filesystem::filesystem_error& error) {
        print(std::cerr, error.what());
        return bad_file;
    } catch (const sspan::error& error) {
        print(std::cerr, error.what());
        const std::string_view function = error.function();
        return function == "EncryptMessage" || function == "DecryptMessage" ? rejected : no_handshake;
    } catch (const std::exception& error) {
        print(std::cerr, error.what());
        return lost;
    }
}
