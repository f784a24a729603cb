// SPDX-License-Identifier: MIT
//
// Usage: overhead OPERATION hand-written|checked|throwing|error_code COUNT. It makes COUNT calls in a row, and run.sh
// counts their instructions. `overhead cost` prints the allocations, copies and queries of a message. `overhead
// threads` prints the gain of a second thread.
#include <sspan/client_context.hpp>

#include "checked.h"
#include "hand_written.h"
#include "nothing.h"

#include <algorithm> // std::max
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <span>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace {

unsigned long allocations = 0;

constexpr std::size_t size = 256;
constexpr auto all = sspan::context_flags::integrity | sspan::context_flags::confidentiality;

/// The memory of one message, and both ways to protect it.
struct subject {
    CtxtHandle handle{1, 1};
    sspan::client_context context{sspan::client_context::adopt(handle, all)};
    std::array<std::byte, size> data{};
    std::array<std::byte, nothing_token> token{};
    std::array<std::byte, 1> padding{};
    sspan::message_frame frame{context.sizes(), size};
    std::array<unsigned char, nothing_token + size + 1> hand_frame{};
    std::array<std::byte, nothing_token + size> wire{};
    std::size_t written = 0; // keeps the results in use

    checked_context careful{handle, 1, 1, 1, {4096, nothing_token, 0, nothing_token}, 0};

    /// Makes `count` messages in a row. The choice is made once, outside the measured loop.
    void run(std::string_view what, std::string_view form, long count);
};

void check(SECURITY_STATUS status) {
    if (status != SEC_E_OK) {
        std::abort();
    }
}

/// Repeats `message`. It is not inlined, so that every form has the same code around it.
template <class Message>
[[gnu::noinline]] void repeat(long count, Message message) {
    for (long i = 0; i != count; ++i) {
        message();
    }
}

void subject::run(std::string_view what, std::string_view form, long count) {
    ULONG token_size = nothing_token;
    ULONG padding_size = 1;
    ULONG data_size = size;
    std::size_t token_length = nothing_token;
    std::size_t padding_length = 1;
    std::size_t data_length = size;
    unsigned char* out = nullptr;
    std::error_code ec; // one for all messages
    const auto is = [&](std::string_view operation, std::string_view its_form) {
        return what == operation && form == its_form;
    };
    if (is("sign", "hand-written")) {
        repeat(count, [&] { check(hand_sign(&handle, data.data(), size, token.data(), &token_size)); });
    } else if (is("verify", "hand-written")) {
        repeat(count, [&] { check(hand_verify(&handle, data.data(), size, token.data(), nothing_token)); });
    } else if (is("encrypt", "hand-written")) {
        repeat(count, [&] {
            padding_size = 1;
            check(hand_encrypt(&handle, data.data(), size, token.data(), &token_size, padding.data(), &padding_size));
        });
    } else if (is("decrypt", "hand-written")) {
        repeat(count, [&] { check(hand_decrypt(&handle, data.data(), &data_size, token.data(), nothing_token)); });
    } else if (is("wrap", "hand-written")) {
        repeat(count, [&] { check(hand_wrap(&handle, hand_frame.data(), nothing_token, size, 1, &out, &data_size)); });
    } else if (is("unwrap", "hand-written")) {
        repeat(count, [&] { check(hand_unwrap(&handle, wire.data(), wire.size(), &out, &data_size)); });
    } else if (is("sign", "checked")) {
        repeat(count, [&] { check(checked_sign(&careful, data.data(), size, token.data(), &token_length)); });
    } else if (is("verify", "checked")) {
        repeat(count, [&] { check(checked_verify(&careful, data.data(), size, token.data(), nothing_token)); });
    } else if (is("encrypt", "checked")) {
        repeat(count, [&] {
            padding_length = 1;
            check(checked_encrypt(&careful, data.data(), size, token.data(), &token_length, padding.data(),
                                  &padding_length));
        });
    } else if (is("decrypt", "checked")) {
        repeat(count, [&] {
            void* opened = data.data();
            check(checked_decrypt(&careful, &opened, &data_length, token.data(), nothing_token));
        });
    } else if (is("wrap", "checked")) {
        repeat(count, [&] {
            check(checked_wrap(&careful, hand_frame.data(), nothing_token, size, size, 1, &out, &data_length));
        });
    } else if (is("unwrap", "checked")) {
        repeat(count, [&] {
            void* opened = nullptr;
            check(checked_unwrap(&careful, wire.data(), wire.size(), &opened, &data_length));
        });
    } else if (is("sign", "throwing")) {
        repeat(count, [&] { written += context.sign(data, token).size(); });
    } else if (is("verify", "throwing")) {
        repeat(count, [&] { context.verify(data, token); });
    } else if (is("encrypt", "throwing")) {
        repeat(count,
               [&] { written += context.encrypt({.token = token, .data = data, .padding = padding}).token.size(); });
    } else if (is("decrypt", "throwing")) {
        repeat(count, [&] { written += context.decrypt({.token = token, .data = data}).data.size(); });
    } else if (is("wrap", "throwing")) {
        repeat(count, [&] { written += context.wrap(frame, size).size(); });
    } else if (is("unwrap", "throwing")) {
        repeat(count, [&] { written += context.unwrap(wire).data.size(); });
    } else if (is("sign", "error_code")) {
        repeat(count, [&] { written += context.sign(data, token, {}, ec).size(); });
    } else if (is("verify", "error_code")) {
        repeat(count, [&] { written += context.verify(data, token, {}, ec) ? 1U : 0U; });
    } else if (is("encrypt", "error_code")) {
        repeat(count, [&] {
            written += context.encrypt({.token = token, .data = data, .padding = padding}, {}, ec).token.size();
        });
    } else if (is("decrypt", "error_code")) {
        repeat(count, [&] { written += context.decrypt({.token = token, .data = data}, {}, ec).data.size(); });
    } else if (is("wrap", "error_code")) {
        repeat(count, [&] { written += context.wrap(frame, size, {}, ec).size(); });
    } else if (is("unwrap", "error_code")) {
        repeat(count, [&] { written += context.unwrap(wire, {}, ec).data.size(); });
    } else {
        std::abort();
    }
    if (ec) {
        std::abort();
    }
    written += token_size + data_size;
}

/// Prints the cost of one message of each kind in each form, after a first message.
void print_cost() {
    subject with;
    unsigned long allocated = 0;
    unsigned long queried = 0;
    unsigned long copied = 0;
    for (const std::string_view what : {"sign", "verify", "encrypt", "decrypt", "wrap", "unwrap"}) {
        for (const std::string_view form : {"throwing", "error_code"}) {
            with.run(what, form, 1);
            const auto allocations_before = allocations;
            const auto queries_before = nothing_queries;
            with.run(what, form, 1);
            allocated += allocations - allocations_before;
            queried += nothing_queries - queries_before;
            const void* const given = what == "wrap"     ? with.frame.payload().data()
                                      : what == "unwrap" ? with.wire.data() + nothing_token
                                                         : with.data.data();
            copied += nothing_data != given ? 1U : 0U;
        }
    }
    std::printf("per message: %lu heap allocations, %lu copies of the payload, %lu queries of sizes\n", allocated,
                copied, queried);
}

/// Returns the time of both functions together; with `apart`, each runs in its own thread.
template <class One, class Other>
double seconds_of(bool apart, One one, Other other) {
    const auto start = std::chrono::steady_clock::now();
    if (apart) {
        std::thread beside{other};
        one();
        beside.join();
    } else {
        one();
        other();
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Returns the best of several attempts: the speed of two threads divided by the speed of one. Other programs on the
/// machine lower it.
template <class One, class Other>
double gain_of_two_threads(One one, Other other) {
    double gain = 0;
    for (int i = 0; i != 7; ++i) {
        const auto together = seconds_of(false, one, other);
        gain = std::max(gain, together / seconds_of(true, one, other));
    }
    return gain;
}

/// Prints the gain when one thread signs while another verifies, over one context.
void print_threads() {
    constexpr long count = 20'000'000;
    auto context = sspan::client_context::adopt(CtxtHandle{1, 1}, all);
    auto halves = std::move(context).split();
    const auto sign = [&] {
        std::array<std::byte, size> data{};
        std::array<std::byte, nothing_token> token{};
        repeat(count, [&] { static_cast<void>(halves.sender.sign(data, token)); });
    };
    const auto verify = [&] {
        std::array<std::byte, size> data{};
        std::array<std::byte, nothing_token> token{};
        repeat(count, [&] { halves.receiver.verify(data, token); });
    };
    const auto loop = [] {
        volatile std::uint64_t sum = 0;
        repeat(40 * count, [&] { sum = sum + 1; });
    };
    std::printf("two threads: %.2f times the messages of one over one context, two plain loops: %.2f\n",
                gain_of_two_threads(sign, verify), gain_of_two_threads(loop, loop));
}

} // namespace

void* operator new(std::size_t bytes) {
    ++allocations;
    if (void* memory = std::malloc(bytes); memory != nullptr) {
        return memory;
    }
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view{argv[1]} == "cost") {
        print_cost();
        return 0;
    }
    if (argc == 2 && std::string_view{argv[1]} == "threads") {
        print_threads();
        return 0;
    }
    if (argc != 4) {
        return 1;
    }
    subject with;
    with.run(argv[1], argv[2], std::atol(argv[3]));
    return with.written == 0 ? 1 : 0;
}
