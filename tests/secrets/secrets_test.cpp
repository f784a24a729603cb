// SPDX-License-Identifier: MIT
//
// After the owners of a secret are destroyed, the secret must not be in the process's memory: not in freed blocks, not
// on the stack. While the owners live, the same search finds the secret, so it would also find a leftover.
#include "memory_scan.hpp"

#include "loopback/crypto.hpp"
#include "unit/allocation.hpp"
#include "unit/fixture.hpp"
#include "unit/profiles.hpp"

#include <sspan/attributes.hpp>
#include <sspan/credentials.hpp>
#include <sspan/handshake.hpp>
#include <sspan/identity.hpp>
#include <sspan/message_frame.hpp>
#include <sspan/secret_bytes.hpp>
#include <sspan/transfer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace testing_support;
using secrets::needle;

// Large enough that small allocations do not reuse a freed block at once.
constexpr std::size_t secret_size = 1024;

/// Random bytes. `forget` wipes the test's own copy.
class secret {
public:
    secret() {
        for (auto& byte : bytes_) {
            byte = static_cast<std::byte>(random_() & 0xFFU);
        }
        known_.add(bytes_);
    }
    [[nodiscard]] std::span<std::byte> bytes() noexcept { return bytes_; }
    [[nodiscard]] const needle& known() const noexcept { return known_; }
    void forget() noexcept { secrets::wipe(bytes_); }

private:
    std::random_device random_;
    std::vector<std::byte> bytes_ = std::vector<std::byte>(secret_size);
    needle known_;
};

/// A secret as text. Each character takes 20 bits, so two characters are eight bytes, in UTF-16 and in UTF-32.
class password {
public:
    password() {
        constexpr std::size_t characters = secret_size / 4;
        text_.reserve(2 * characters);
        std::vector<std::uint16_t> utf16;
        utf16.reserve(2 * characters);
        for (std::size_t i = 0; i != characters; ++i) {
            const auto high = static_cast<std::uint16_t>(0xD800U + (random_() & 0x3FFU));
            const auto low = static_cast<std::uint16_t>(0xDC00U + (random_() & 0x3FFU));
            utf16.push_back(high);
            utf16.push_back(low);
            if constexpr (sizeof(wchar_t) == sizeof(std::uint16_t)) {
                text_ += static_cast<wchar_t>(high);
                text_ += static_cast<wchar_t>(low);
            } else {
                text_ += static_cast<wchar_t>(0x10000U + ((high - 0xD800U) << 10) + (low - 0xDC00U));
            }
        }
        known_.add(std::as_bytes(std::span{utf16}));
        known_.add(std::as_bytes(std::span{text_}));
        secrets::wipe(std::as_writable_bytes(std::span{utf16}));
    }
    [[nodiscard]] const std::wstring& text() const noexcept { return text_; }
    [[nodiscard]] const needle& known() const noexcept { return known_; }
    void forget() noexcept { secrets::wipe(std::as_writable_bytes(std::span{text_})); }

private:
    std::random_device random_;
    std::wstring text_;
    needle known_;
};

template <class Secret>
::testing::AssertionResult is_somewhere(const Secret& which) {
    return secrets::find_in_memory(which.known()).empty() ? ::testing::AssertionFailure() << "the secret was not found"
                                                          : ::testing::AssertionSuccess();
}

template <class Secret>
::testing::AssertionResult is_nowhere(const Secret& which) {
    const auto found = secrets::find_in_memory(which.known());
    if (found.empty()) {
        return ::testing::AssertionSuccess();
    }
    ::testing::AssertionResult result = ::testing::AssertionFailure();
    for (const auto& place : found) {
        result << place << '\n';
    }
    return result;
}

class secrets_in_memory : public loopback_test {
protected:
    static void TearDownTestSuite() {
        std::printf("each search has looked at %zu KiB\n", secrets::searched_bytes() / 1024);
    }
};

// The search itself.

TEST_F(secrets_in_memory, what_the_test_has_wiped_is_nowhere) {
    secret key;
    EXPECT_TRUE(is_somewhere(key));
    key.forget();
    EXPECT_TRUE(is_nowhere(key));
    password word;
    EXPECT_TRUE(is_somewhere(word));
    word.forget();
    EXPECT_TRUE(is_nowhere(word));
}

TEST_F(secrets_in_memory, what_a_plain_vector_leaves_behind_is_found) {
    secret key;
    {
        bytes plain(secret_size);
        loopback::copy_secret(key.bytes(), plain.data()); // compilers remove stores to memory that is freed next
    }
    key.forget();
    EXPECT_TRUE(is_somewhere(key));
}

TEST_F(secrets_in_memory, what_is_on_the_stack_is_found) {
    secret key;
    std::array<std::byte, secret_size> local{};
    std::ranges::copy(key.bytes(), local.begin());
    key.forget();
    EXPECT_TRUE(is_somewhere(key));
    secrets::wipe(local);
    EXPECT_TRUE(is_nowhere(key));
}

TEST_F(secrets_in_memory, eight_bytes_suffice) {
    secret key;
    const bytes part = copy_of(key.bytes().last(needle::window));
    key.forget();
    EXPECT_TRUE(is_somewhere(key));
}

// Identities.

TEST_F(secrets_in_memory, of_an_identity) {
    password word;
    auto who = std::make_optional<sspan::identity>(L"alice", L"LOOPBACK", word.text());
    word.forget();
    EXPECT_TRUE(is_somewhere(word));
    who.reset();
    EXPECT_TRUE(is_nowhere(word));
}

TEST_F(secrets_in_memory, of_an_identity_that_was_moved) {
    password word;
    {
        sspan::identity who{L"alice", L"LOOPBACK", word.text()};
        word.forget();
        const sspan::identity moved{std::move(who)};
        EXPECT_TRUE(is_somewhere(word));
    }
    EXPECT_TRUE(is_nowhere(word));
}

TEST_F(secrets_in_memory, of_an_identity_that_another_was_assigned_to) {
    password word;
    sspan::identity who{L"alice", L"LOOPBACK", word.text()};
    word.forget();
    EXPECT_TRUE(is_somewhere(word));
    who = sspan::identity{L"bob", L"LOOPBACK", L"battery staple"};
    EXPECT_TRUE(is_nowhere(word));
}

TEST_F(secrets_in_memory, of_user_and_domain_too) {
    for (const bool is_user : {true, false}) {
        password word;
        auto who = std::make_optional<sspan::identity>(is_user ? std::wstring_view{word.text()} : L"alice",
                                                       is_user ? L"LOOPBACK" : std::wstring_view{word.text()}, L"");
        word.forget();
        EXPECT_TRUE(is_somewhere(word));
        who.reset();
        EXPECT_TRUE(is_nowhere(word));
    }
}

TEST_F(secrets_in_memory, of_an_identity_that_could_not_be_made) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    // The allocation for the password fails when the secret is already stored as the user's name.
    password word;
    allocation::fail_at(3);
    EXPECT_THROW((sspan::identity{word.text(), L"LOOPBACK", L"x"}), std::bad_alloc);
    allocation::fail_at(0);
    if constexpr (sizeof(wchar_t) > 2) { // the error of invalid UTF-16 shows at the end
        std::wstring wrong;
        wrong.reserve(word.text().size() + 1);
        wrong = word.text();
        wrong += static_cast<wchar_t>(0xD800);
        EXPECT_THROW((sspan::identity{L"alice", L"LOOPBACK", wrong}), sspan::error);
        secrets::wipe(std::as_writable_bytes(std::span{wrong}));
    }
    EXPECT_TRUE(is_somewhere(word));
    word.forget();
    EXPECT_TRUE(is_nowhere(word));
}

TEST_F(secrets_in_memory, of_an_identity_that_was_logged_on_with) {
    for (const bool is_opaque : {false, true}) {
        password word;
        {
            auto who = std::make_optional(
                is_opaque ? sspan::identity::adopt(loopback::make_identity(L"alice", L"LOOPBACK", word.text()))
                          : sspan::identity{L"alice", L"LOOPBACK", word.text()});
            word.forget();
            const auto outbound = sspan::credentials::outbound(sspan::package::ntlm, *who);
            who.reset();
            const auto inbound = sspan::credentials::inbound(sspan::package::ntlm);
            sspan::client_handshake client{outbound, service(), without_mutual_auth()};
            sspan::server_handshake server{inbound};
            EXPECT_THROW(testing_support::run(client, server), sspan::handshake_error); // this is not alice's password
            EXPECT_TRUE(is_somewhere(word)) << "the package still has it";
        }
        EXPECT_TRUE(is_nowhere(word)) << "opaque: " << is_opaque;
    }
}

TEST_F(secrets_in_memory, of_an_opaque_identity) {
    password word;
    auto who = std::make_optional(sspan::identity::adopt(loopback::make_identity(L"alice", L"LOOPBACK", word.text())));
    word.forget();
    sspan::identity moved{*std::move(who)};
    who.reset();
    EXPECT_TRUE(is_somewhere(word));
    moved = sspan::identity{L"bob", L"LOOPBACK", L"battery staple"};
    EXPECT_TRUE(is_nowhere(word));
}

// Keys.

TEST_F(secrets_in_memory, of_secret_bytes) {
    secret key;
    {
        sspan::secret_bytes first{key.bytes()};
        const sspan::secret_bytes second{std::move(first)};
        first = sspan::secret_bytes{key.bytes()};
        key.forget();
        EXPECT_TRUE(is_somewhere(key));
        first = sspan::secret_bytes{key.bytes()};
    }
    EXPECT_TRUE(is_nowhere(key));
}

/// Makes the package return this secret as a key.
void plant(secret& key) {
    auto& planted = loopback::configure().planted_secret;
    planted.resize(key.bytes().size());
    loopback::copy_secret(key.bytes(), planted.data());
    key.forget();
}
void dig_up() {
    secrets::wipe(loopback::configure().planted_secret);
    loopback::configure().planted_secret.clear();
}

TEST_F(secrets_in_memory, of_a_session_key) {
    const auto pair = establish();
    secret key;
    plant(key);
    auto told = std::make_optional(sspan::query_session_key(pair.client));
    EXPECT_EQ(told->size(), secret_size);
    dig_up();
    EXPECT_TRUE(is_somewhere(key));
    told.reset();
    EXPECT_TRUE(is_nowhere(key));
}

TEST_F(secrets_in_memory, of_a_session_key_that_there_was_no_memory_for) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    const auto pair = establish();
    secret key;
    plant(key);
    std::error_code ec;
    allocation::fail_at(1);
    EXPECT_TRUE(sspan::query_session_key(pair.client, ec).empty());
    allocation::fail_at(0);
    EXPECT_EQ(ec, sspan::errc::insufficient_memory);
    EXPECT_TRUE(is_somewhere(key));
    dig_up();
    EXPECT_TRUE(is_nowhere(key));
}

TEST_F(secrets_in_memory, of_an_exported_context) {
    auto pair = establish();
    secret key;
    plant(key);
    auto exported = std::make_optional(sspan::export_context(std::move(pair.server)));
    dig_up();
    EXPECT_TRUE(is_somewhere(key));
    std::error_code ec;
    EXPECT_FALSE(sspan::import_context<sspan::server_context>(std::move(*exported), ec));
    EXPECT_EQ(ec, sspan::errc::invalid_token); // not a context, but the package has read it
    exported.reset();
    EXPECT_TRUE(is_nowhere(key));
}

TEST_F(secrets_in_memory, of_a_context_whose_export_failed) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    auto pair = establish();
    for (const bool without_memory : {true, false}) {
        secret key;
        plant(key);
        std::error_code ec;
        if (without_memory) {
            allocation::fail_at(1);
        } else {
            loopback::return_after(loopback::function::export_security_context, 1, SEC_I_CONTEXT_EXPIRED);
        }
        EXPECT_TRUE(sspan::export_context(std::move(pair.server), ec).packed.empty());
        allocation::fail_at(0);
        EXPECT_TRUE(ec);
        EXPECT_TRUE(is_somewhere(key));
        dig_up();
        EXPECT_TRUE(is_nowhere(key));
    }
}

// Plaintext.

class plaintext_in_memory : public secrets_in_memory, public ::testing::WithParamInterface<profile> {
protected:
    void SetUp() override {
        secrets_in_memory::SetUp();
        pair = establish(GetParam());
    }
    void TearDown() override {
        pair = {};
        secrets_in_memory::TearDown();
    }
    /// Makes a frame with this text, and wipes the test's own copy.
    std::unique_ptr<sspan::message_frame> filled_with(secret& text) const {
        auto frame = std::make_unique<sspan::message_frame>(pair.client.sizes(), secret_size);
        std::ranges::copy(text.bytes(), frame->payload().begin());
        text.forget();
        // The copy leaves its last bytes in registers, which a later call may save on the stack. This copy overwrites
        // them with zeros.
        std::vector<std::byte> zeros(secret_size);
        std::memmove(zeros.data(), text.bytes().data(), zeros.size());
        return frame;
    }

    established pair;
};
INSTANTIATE_TEST_SUITE_P(each, plaintext_in_memory, ::testing::Values(kerberos, ntlm), name_of{});

TEST_P(plaintext_in_memory, of_a_message_frame) {
    secret text;
    auto frame = filled_with(text);
    EXPECT_TRUE(is_somewhere(text));
    frame.reset();
    EXPECT_TRUE(is_nowhere(text));
}

TEST_P(plaintext_in_memory, of_a_message_frame_that_was_moved_and_assigned_to) {
    secret text;
    auto frame = filled_with(text);
    sspan::message_frame moved{std::move(*frame)};
    frame.reset();
    EXPECT_TRUE(is_somewhere(text));
    moved = sspan::message_frame{pair.client.sizes(), secret_size};
    EXPECT_TRUE(is_nowhere(text));
}

TEST_P(plaintext_in_memory, of_a_wrapped_message) {
    secret text;
    auto frame = filled_with(text);
    EXPECT_TRUE(is_somewhere(text));
    const auto wire = pair.client.wrap(*frame, secret_size);
    EXPECT_TRUE(is_nowhere(text)) << "the text was encrypted in place";
    auto received = copy_of(wire);
    const auto opened = pair.server.unwrap(received);
    EXPECT_TRUE(is_somewhere(text));
    secrets::wipe(opened.data);
    EXPECT_TRUE(is_nowhere(text));
}

TEST_P(plaintext_in_memory, of_a_message_that_was_not_wrapped) {
    for (const auto status : {SEC_E_ENCRYPT_FAILURE, SEC_I_CONTEXT_EXPIRED}) {
        secret text;
        auto frame = filled_with(text);
        loopback::fail_at(loopback::function::encrypt_message, 1, status);
        std::error_code ec;
        EXPECT_TRUE(pair.client.wrap(*frame, secret_size, {}, ec).empty());
        EXPECT_TRUE(is_nowhere(text));
    }
}

TEST_P(plaintext_in_memory, of_copies) {
    secret text;
    auto wire = pair.client.wrap_copy(text.bytes());
    EXPECT_TRUE(is_somewhere(text));
    text.forget();
    EXPECT_TRUE(is_nowhere(text));
    auto opened = pair.server.unwrap_copy(wire);
    EXPECT_TRUE(is_somewhere(text));
    secrets::wipe(opened.data);
    EXPECT_TRUE(is_nowhere(text));
}

TEST_P(plaintext_in_memory, of_copies_that_there_was_no_memory_for) {
    SSPAN_SKIP_WHERE_EMPTY_STRINGS_ALLOCATE();
    for (std::size_t nth = 1; nth <= 2; ++nth) {
        secret text;
        allocation::fail_at(nth);
        EXPECT_THROW(static_cast<void>(pair.client.wrap_copy(text.bytes())), std::bad_alloc);
        allocation::fail_at(0);
        EXPECT_TRUE(is_somewhere(text));
        text.forget();
        EXPECT_TRUE(is_nowhere(text));
    }
    secret text;
    auto wire = pair.client.wrap_copy(text.bytes());
    text.forget();
    allocation::fail_at(2);
    EXPECT_THROW(static_cast<void>(pair.server.unwrap_copy(wire)), std::bad_alloc);
    allocation::fail_at(0);
    EXPECT_TRUE(is_nowhere(text));
    EXPECT_NO_THROW(static_cast<void>(pair.server.unwrap_copy(wire))) << "the package had not received it";
}

TEST_P(plaintext_in_memory, of_a_message_that_was_decrypted_and_refused) {
    for (const bool in_one_piece : {true, false}) {
        pair = establish(GetParam());
        secret text;
        bytes data = copy_of(text.bytes());
        text.forget();
        bytes token(pair.client.sizes().security_trailer);
        bytes padding(pair.client.sizes().block_size + 1U);
        EXPECT_TRUE(is_somewhere(text));
        // The package fails after it has decrypted the message.
        loopback::return_after(loopback::function::decrypt_message, 1, SEC_I_CONTEXT_EXPIRED);
        std::error_code ec;
        if (in_one_piece) {
            auto frame = sspan::message_frame{pair.client.sizes(), secret_size};
            std::ranges::copy(data, frame.payload().begin());
            secrets::wipe(data);
            auto received = copy_of(pair.client.wrap(frame, secret_size));
            EXPECT_TRUE(pair.server.unwrap(received, {}, ec).data.empty());
        } else {
            const auto sent = pair.client.encrypt({.token = token, .data = data, .padding = padding});
            bytes received = copy_of(sent.data);
            received.insert(received.end(), sent.padding.begin(), sent.padding.end());
            EXPECT_TRUE(pair.server.decrypt({.token = sent.token, .data = received}, {}, ec).data.empty());
        }
        EXPECT_EQ(ec.value(), SEC_I_CONTEXT_EXPIRED);
        EXPECT_TRUE(is_nowhere(text));
    }
}

} // namespace
