// SPDX-License-Identifier: MIT
//
// Millions of messages through one context of a real package. All must be correct, and the memory must not grow.
#include "kerberos.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>

#if defined(_WIN32)
#include <psapi.h>
#else
#include <fstream>
#include <unistd.h>
#endif

namespace {

using namespace integration;

std::size_t resident_bytes() {
#if defined(_WIN32)
    PROCESS_MEMORY_COUNTERS counters{};
    return ::GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters) ? counters.WorkingSetSize : 0;
#else
    std::size_t whole = 0;
    std::size_t resident = 0;
    std::ifstream{"/proc/self/statm"} >> whole >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
#endif
}

TEST(soak, ten_million_messages_through_one_context) {
    const auto wanted = variable("SSPAN_MESSAGES");
    const std::size_t count = wanted.empty() ? 10'000'000 : std::stoul(wanted);
    constexpr std::size_t size = 64;
    constexpr std::size_t one_in = 16; // messages that are sealed, because sealing takes longer
    const std::size_t settled = count / 10;

    auto pair = establish(style::dce);
    sspan::message_frame frame{pair.client.sizes(), size};
    bytes message = numbered(size);
    bytes signature(pair.client.sizes().max_signature);
    bytes wire;
    wire.reserve(1024);
    std::size_t before = 0;
    for (std::size_t i = 0; i != count; ++i) {
        message[i % size] ^= std::byte{0x5A};
        std::error_code ec;
        if (i % one_in == 0) {
            std::ranges::copy(message, frame.payload().begin());
            const auto sent = pair.client.wrap(frame, size, {}, ec);
            wire.assign(sent.begin(), sent.end());
            // Wine knows the length of a received token only after this side has wrapped a message.
            const auto token = sent.size() - size;
            const auto opened = pair.server.decrypt(
                {.token = std::span{wire}.first(token), .data = std::span{wire}.subspan(token)}, {}, ec);
            ASSERT_FALSE(ec) << i << ": " << ec.message();
            ASSERT_TRUE(std::ranges::equal(opened.data, message)) << i;
        } else {
            const auto written = pair.client.sign(message, signature, {}, ec);
            ASSERT_TRUE(!ec && pair.server.verify(message, written, {}, ec)) << i << ": " << ec.message();
        }
        if (i == settled) {
            before = resident_bytes();
        }
    }
    const auto after = resident_bytes();
    std::cout << count << " messages; resident " << before / 1024 << " KiB after a tenth, " << after / 1024
              << " KiB at the end\n";
    ASSERT_GT(before, 0U);
    EXPECT_LT(after, before + std::size_t{1024} * 1024);
}

} // namespace
