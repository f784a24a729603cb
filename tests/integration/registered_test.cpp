// SPDX-License-Identifier: MIT
//
// The library on the system's own secur32, with the loopback package as a registered package: real thread tokens, and
// contexts that move between real processes. run.sh registers the package.
#include <sspan/sspan.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

using bytes = std::vector<std::byte>;
using sspan::context_flags;
using sspan::errc;
using sspan::impersonation_guard;
using sspan::impersonation_level;

constexpr auto package = L"Loopback";
constexpr auto service = L"HTTP/server.loopback.example";

sspan::identity alice() {
    return {L"alice", L"LOOPBACK", L"correct horse"};
}
sspan::identity bob() {
    return {L"bob", L"LOOPBACK", L"battery staple"};
}

bytes to_bytes(const std::string& text) {
    const auto view = std::as_bytes(std::span{text});
    return {view.begin(), view.end()};
}

bytes copy_of(std::span<const std::byte> part) {
    return {part.begin(), part.end()};
}

/// Both sides of a context, and their credentials.
struct conversation {
    explicit conversation(const sspan::identity& who, context_flags extra = context_flags::none)
        : outbound{sspan::credentials::outbound(package, who)}, inbound{sspan::credentials::inbound(package)} {
        sspan::client_options options;
        options.require |= extra;
        sspan::client_handshake client_side{outbound, service, options};
        sspan::server_handshake server_side{inbound};
        for (auto token = client_side.step().token; !token.empty();) {
            token = server_side.step(token).token;
            token = token.empty() ? token : client_side.step(token).token;
        }
        client = std::move(client_side).finish();
        server = std::move(server_side).finish();
    }

    sspan::credentials outbound;
    sspan::credentials inbound;
    sspan::client_context client;
    sspan::server_context server;
};

/// The thread's impersonation token, as the system reports it.
struct thread_token {
    std::uint64_t number = 0; ///< the same for every handle of the same token
    SECURITY_IMPERSONATION_LEVEL level = SecurityAnonymous;
    friend bool operator==(const thread_token&, const thread_token&) = default;
};

std::optional<thread_token> current_token() {
    HANDLE raw = nullptr;
    if (!::OpenThreadToken(::GetCurrentThread(), TOKEN_QUERY, TRUE, &raw)) {
        EXPECT_EQ(::GetLastError(), static_cast<DWORD>(ERROR_NO_TOKEN));
        return std::nullopt;
    }
    const auto token = sspan::access_token::adopt(raw);
    TOKEN_STATISTICS statistics{};
    DWORD written = 0;
    EXPECT_TRUE(
        ::GetTokenInformation(token.native_handle(), TokenStatistics, &statistics, sizeof statistics, &written));
    return thread_token{(static_cast<std::uint64_t>(static_cast<std::uint32_t>(statistics.TokenId.HighPart)) << 32) |
                            statistics.TokenId.LowPart,
                        statistics.ImpersonationLevel};
}

TEST(registered, package_is_one_of_the_systems) {
    const auto info = sspan::query_package(package);
    EXPECT_EQ(info.name, package);
    EXPECT_EQ(info.max_token, 48000U);
    bool listed = false;
    for (const auto& each : sspan::enumerate_packages()) {
        listed = listed || each.name == package;
    }
    EXPECT_TRUE(listed);
}

TEST(registered, messages_go_both_ways) {
    conversation talk{alice()};
    EXPECT_EQ(sspan::query_user_name(talk.server), L"LOOPBACK\\alice");
    EXPECT_EQ(sspan::query_negotiation_info(talk.server).package.name, package);
    const auto message = to_bytes("to be protected");
    bytes signature(talk.client.sizes().max_signature);
    EXPECT_NO_THROW(talk.server.verify(message, talk.client.sign(message, signature)));

    const auto wire = talk.server.wrap_copy(message);
    const auto opened = talk.client.unwrap_copy(wire);
    EXPECT_EQ(opened.data, message);
    EXPECT_EQ(opened.quality, sspan::quality_of_protection::encrypted);
    auto altered = talk.server.wrap_copy(message);
    altered.back() ^= std::byte{1};
    EXPECT_THROW(static_cast<void>(talk.client.unwrap_copy(altered)), sspan::error);
}

TEST(registered, session_key_is_the_same_on_both_sides) {
    conversation talk{alice()};
    const auto clients = sspan::query_session_key(talk.client);
    const auto servers = sspan::query_session_key(talk.server);
    EXPECT_EQ(copy_of(clients.get()), copy_of(servers.get()));
}

TEST(registered, guard_puts_a_real_token_on_the_thread) {
    conversation talk{alice()};
    {
        const impersonation_guard as_client{talk.server};
        const auto token = current_token();
        ASSERT_TRUE(token);
        EXPECT_EQ(token->level, SecurityImpersonation);
        EXPECT_EQ(as_client.level(), impersonation_level::impersonation);
    }
    EXPECT_FALSE(current_token());
}

TEST(registered, nested_guards_restore_each_other) {
    conversation first{alice()};
    conversation second{bob()};
    const impersonation_guard outer{first.server};
    const auto before = current_token();
    {
        const impersonation_guard inner{second.server};
        EXPECT_NE(current_token(), before);
    }
    EXPECT_EQ(current_token(), before);
}

TEST(registered, early_revert_ends_it) {
    conversation talk{alice()};
    impersonation_guard as_client{talk.server};
    as_client.revert();
    EXPECT_FALSE(current_token());
}

TEST(registered, exception_ends_it) {
    conversation talk{alice()};
    try {
        sspan::run_as_client(talk.server, [] {
            EXPECT_TRUE(current_token());
            throw std::runtime_error{"work failed"};
        });
        ADD_FAILURE() << "no exception was thrown";
    } catch (const std::runtime_error&) {
        EXPECT_FALSE(current_token());
    }
}

TEST(registered, client_that_allows_identification_only_is_refused) {
    conversation talk{alice(), context_flags::identify};
    std::error_code ec;
    const impersonation_guard as_client{talk.server, {}, ec};
    EXPECT_EQ(ec, errc::bad_impersonation_level);
    EXPECT_FALSE(as_client.active());
    EXPECT_FALSE(current_token());
    const impersonation_guard only_looking{talk.server, {.require = impersonation_level::identification}};
    EXPECT_EQ(current_token()->level, SecurityIdentification);
}

TEST(registered, two_threads_act_as_two_clients_at_once) {
    conversation first{alice()};
    conversation second{bob()};
    const auto work = [](const sspan::server_context& context) {
        for (int i = 0; i != 200; ++i) {
            const impersonation_guard as_client{context};
            const auto token = current_token();
            std::this_thread::yield();
            EXPECT_EQ(current_token(), token);
        }
        EXPECT_FALSE(current_token());
    };
    std::thread other{[&] { work(second.server); }};
    work(first.server);
    other.join();
}

TEST(registered, access_token_outlives_the_context_and_serves_another_thread) {
    sspan::access_token token;
    {
        conversation talk{alice()};
        token = sspan::query_security_context_token(talk.server);
    }
    std::thread{[&] {
        {
            const impersonation_guard as_client{token};
            EXPECT_EQ(as_client.level(), impersonation_level::impersonation);
            token = {}; // the thread still refers to it
            EXPECT_TRUE(current_token());
        }
        EXPECT_FALSE(current_token());
    }}.join();
}

TEST(registered, guard_over_a_token_restores_the_outer_client) {
    conversation first{alice()};
    conversation second{bob()};
    const auto token = sspan::query_security_context_token(second.server);
    const impersonation_guard outer{first.server};
    const auto before = current_token();
    sspan::run_as_client(token, [&] { EXPECT_NE(current_token(), before); });
    EXPECT_EQ(current_token(), before);
}

TEST(registered, token_is_duplicated_up_to_its_level) {
    conversation talk{alice()};
    const auto token = sspan::query_security_context_token(talk.server);
    EXPECT_FALSE(token.is_primary());
    ASSERT_EQ(token.level(), impersonation_level::impersonation);
    const auto only_looking = token.duplicate(impersonation_level::identification);
    EXPECT_EQ(only_looking.level(), impersonation_level::identification);
    std::error_code ec;
    EXPECT_FALSE(token.duplicate(impersonation_level::delegation, ec));
    EXPECT_EQ(ec, errc::bad_impersonation_level);
    EXPECT_FALSE(only_looking.to_primary(ec));
    EXPECT_EQ(ec, errc::bad_impersonation_level);
    const impersonation_guard refused{only_looking, {}, ec};
    EXPECT_EQ(ec, errc::bad_impersonation_level);
    EXPECT_FALSE(current_token());
    const impersonation_guard looking{only_looking, {.require = impersonation_level::identification}};
    EXPECT_EQ(current_token()->level, SecurityIdentification);
}

TEST(registered, primary_token_has_no_level_and_is_not_for_threads) {
    conversation talk{alice()};
    const auto primary = sspan::query_security_context_token(talk.server).to_primary();
    EXPECT_TRUE(primary.is_primary());
    std::error_code ec;
    static_cast<void>(primary.level(ec));
    EXPECT_EQ(ec, errc::bad_token_type);
    const impersonation_guard refused{primary, {}, ec};
    EXPECT_EQ(ec, errc::bad_token_type);
    EXPECT_FALSE(current_token());
    EXPECT_EQ(primary.duplicate(impersonation_level::delegation).level(), impersonation_level::delegation);
}

TEST(registered, process_starts_with_a_primary_token) {
    conversation talk{alice()};
    const auto primary = sspan::query_security_context_token(talk.server).to_primary();
    std::wstring line = L"cmd.exe /c exit 7";
    STARTUPINFOW start{};
    start.cb = sizeof start;
    PROCESS_INFORMATION made{};
    ASSERT_TRUE(::CreateProcessAsUserW(primary.native_handle(), nullptr, line.data(), nullptr, nullptr, FALSE, 0,
                                       nullptr, nullptr, &start, &made))
        << ::GetLastError();
    ::WaitForSingleObject(made.hProcess, INFINITE);
    DWORD status = 0;
    EXPECT_TRUE(::GetExitCodeProcess(made.hProcess, &status));
    EXPECT_EQ(status, 7U);
    ::CloseHandle(made.hThread);
    ::CloseHandle(made.hProcess);
}

TEST(registered, credentials_of_an_impersonated_client_reach_no_server_without_delegation) {
    conversation talk{alice()};
    const impersonation_guard as_client{talk.server};
    const auto hers = sspan::credentials::outbound(package);
    EXPECT_EQ(sspan::query_user_name(hers), L"LOOPBACK\\alice");
    sspan::client_handshake onward{hers, service};
    std::error_code ec;
    static_cast<void>(onward.step({}, ec));
    EXPECT_EQ(ec, errc::no_credentials);
}

TEST(registered, credentials_of_a_delegated_client_name_the_client_further_on) {
    conversation talk{bob(), context_flags::delegate};
    const auto backend = sspan::credentials::inbound(package);
    const impersonation_guard as_client{talk.server, {.require = impersonation_level::delegation}};
    const auto his = sspan::credentials::outbound(package);
    sspan::client_handshake onward{his, service};
    sspan::server_handshake accepting{backend};
    for (auto token = onward.step().token; !token.empty();) {
        token = accepting.step(token).token;
        token = token.empty() ? token : onward.step(token).token;
    }
    static_cast<void>(std::move(onward).finish());
    EXPECT_EQ(sspan::query_user_name(std::move(accepting).finish()), L"LOOPBACK\\bob");
}

// ---- another process ------------------------------------------------------------------------------------------------

struct pipe {
    pipe() {
        SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
        HANDLE from = nullptr;
        HANDLE to = nullptr;
        EXPECT_TRUE(::CreatePipe(&from, &to, &inherited, 0));
        read = sspan::detail::token_handle{from};
        write = sspan::detail::token_handle{to};
    }
    sspan::detail::token_handle read; // closes any handle
    sspan::detail::token_handle write;
};

void send(HANDLE to, std::span<const std::byte> data) {
    const auto size = static_cast<std::uint32_t>(data.size());
    DWORD written = 0;
    EXPECT_TRUE(::WriteFile(to, &size, sizeof size, &written, nullptr));
    EXPECT_TRUE(::WriteFile(to, data.data(), size, &written, nullptr));
}

bytes receive(HANDLE from) {
    const auto fill = [from](void* memory, std::size_t size) {
        for (auto* next = static_cast<std::byte*>(memory); size != 0;) {
            DWORD got = 0;
            if (!::ReadFile(from, next, static_cast<DWORD>(size), &got, nullptr) || got == 0) {
                return false;
            }
            next += got;
            size -= got;
        }
        return true;
    };
    std::uint32_t size = 0;
    bytes data;
    if (fill(&size, sizeof size)) {
        data.resize(size);
        fill(data.data(), size);
    }
    return data;
}

/// A new process of this program, with the command `task`.
struct child {
    explicit child(const std::wstring& task) {
        std::array<wchar_t, 1024> self{};
        EXPECT_NE(::GetModuleFileNameW(nullptr, self.data(), static_cast<DWORD>(self.size())), 0U);
        auto line = L"\"" + std::wstring{self.data()} + L"\" " + task;
        STARTUPINFOW start{};
        start.cb = sizeof start;
        start.dwFlags = STARTF_USESTDHANDLES;
        start.hStdInput = in.read.get();
        start.hStdOutput = out.write.get();
        start.hStdError = out.write.get();
        PROCESS_INFORMATION made{};
        EXPECT_TRUE(::CreateProcessW(nullptr, line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &start, &made));
        process = sspan::detail::token_handle{made.hProcess};
        ::CloseHandle(made.hThread);
        in.read.reset();
        out.write.reset(); // so that reading ends with the child
    }
    DWORD wait() {
        in.write.reset();
        ::WaitForSingleObject(process.get(), INFINITE);
        DWORD status = 0;
        EXPECT_TRUE(::GetExitCodeProcess(process.get(), &status));
        return status;
    }
    pipe in;
    pipe out;
    sspan::detail::token_handle process;
};

/// The other process's work: it imports the context, checks a message, acts as the client, and answers.
int import_and_answer() {
    const auto in = ::GetStdHandle(STD_INPUT_HANDLE);
    const auto out = ::GetStdHandle(STD_OUTPUT_HANDLE);
    sspan::exported_context received;
    received.packed = sspan::secret_bytes{receive(in)};
    received.is_server = true;
    received.package = package;
    HANDLE token = nullptr;
    std::memcpy(&received.granted, receive(in).data(), sizeof received.granted);
    std::memcpy(&received.required, receive(in).data(), sizeof received.required);
    std::memcpy(&token, receive(in).data(), sizeof token);
    received.token = sspan::access_token::adopt(token);
    auto context = sspan::import_context<sspan::server_context>(std::move(received));
    const auto message = receive(in);
    context.verify(message, receive(in));
    const impersonation_guard as_client{context};
    if (!current_token() || sspan::query_user_name(context) != L"LOOPBACK\\alice") {
        return 1;
    }
    bytes signature(context.sizes().max_signature);
    send(out, context.sign(message, signature));
    return 0;
}

TEST(registered, context_moves_to_another_process) {
    conversation talk{alice()};
    const auto message = to_bytes("for the process that takes over");
    bytes signature(talk.client.sizes().max_signature);
    talk.server.verify(message, talk.client.sign(message, signature)); // the sequence numbers are then not zero

    child other{L"--import"};
    const auto exported = sspan::export_context(std::move(talk.server));
    HANDLE token = nullptr;
    ASSERT_TRUE(::DuplicateHandle(::GetCurrentProcess(), exported.token.native_handle(), other.process.get(), &token, 0,
                                  FALSE, DUPLICATE_SAME_ACCESS));
    send(other.in.write.get(), exported.packed.get());
    send(other.in.write.get(), std::as_bytes(std::span{&exported.granted, 1}));
    send(other.in.write.get(), std::as_bytes(std::span{&exported.required, 1}));
    send(other.in.write.get(), std::as_bytes(std::span{&token, 1}));
    send(other.in.write.get(), message);
    send(other.in.write.get(), talk.client.sign(message, signature));
    const auto answer = receive(other.out.read.get());
    EXPECT_EQ(other.wait(), 0U);
    EXPECT_NO_THROW(talk.client.verify(message, answer));
}

/// Tests a guard whose RevertSecurityContext fails: SetThreadToken must restore the thread.
int fail_to_revert() {
    conversation talk{alice()};
    {
        sspan::impersonation_options options;
        options.on_revert_failure = [](const std::error_code& ec) noexcept {
            std::fprintf(stderr, "ends with %x\n", static_cast<unsigned>(ec.value()));
            std::fflush(stderr);
        };
        const impersonation_guard as_client{talk.server, options};
        ::_putenv("LOOPBACK_CANNOT_REVERT=1");
    }
    std::fprintf(stderr, "%s\n", current_token() ? "went on as the wrong user" : "as before");
    std::fflush(stderr);
    return 0;
}

TEST(registered, failed_revert_is_made_good) {
    child other{L"--fail-to-revert"};
    std::string said;
    for (char letter = 0;;) {
        DWORD got = 0;
        if (!::ReadFile(other.out.read.get(), &letter, 1, &got, nullptr) || got == 0) {
            break;
        }
        said += letter;
    }
    EXPECT_EQ(other.wait(), 0U);
    EXPECT_NE(said.find("as before"), std::string::npos) << said;
    EXPECT_EQ(said.find("ends with"), std::string::npos) << said;
}

} // namespace

int main(int argc, char** argv) {
    const std::string task = argc > 1 ? argv[1] : "";
    if (task == "--import") {
        return import_and_answer();
    }
    if (task == "--fail-to-revert") {
        return fail_to_revert();
    }
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
