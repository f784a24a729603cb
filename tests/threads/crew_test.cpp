// SPDX-License-Identifier: MIT
//
// The threads of secure_echo: their number is limited, and ended threads leave nothing behind.
#include "programs/threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

TEST(crew, runs_as_many_tasks_at_once_as_there_may_be) {
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    std::atomic<int> done = 0;
    {
        threads::crew crew{3};
        for (int number = 0; number < 60; ++number) {
            crew.run([&] {
                const int now = ++running;
                for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {
                }
                std::this_thread::sleep_for(std::chrono::milliseconds{5});
                --running;
                ++done;
            });
        }
    }
    EXPECT_EQ(done, 60) << "the destructor waits for all tasks";
    EXPECT_EQ(most, 3);
}

TEST(crew, what_a_task_holds_has_gone_when_its_place_is_free) {
    threads::crew crew{1};
    auto held = std::make_shared<int>(0);
    const std::weak_ptr<int> alive = held;
    crew.run([held = std::move(held)] { EXPECT_EQ(*held, 0); });
    bool gone = false;
    crew.run([&] { gone = alive.expired(); });
    crew.run([] {});
    EXPECT_TRUE(gone);
}

TEST(crew, task_that_throws_ends_alone) {
    std::atomic<int> done = 0;
    {
        threads::crew crew{1};
        crew.run([] { throw std::runtime_error{"it"}; });
        crew.run([&] { ++done; });
    }
    EXPECT_EQ(done, 1);
}

#if defined(__linux__)
/// Returns the used address space in MiB. A thread that was not joined keeps its stack.
long taken() {
    std::ifstream file{"/proc/self/statm"};
    long pages = 0;
    file >> pages;
    return pages / 256;
}

TEST(crew, threads_that_have_ended_leave_nothing) {
    threads::crew crew{2};
    crew.run([] {});
    const auto before = taken();
    for (int number = 0; number < 300; ++number) {
        crew.run([] {});
    }
    EXPECT_LT(taken(), before + 300) << "a stack has 8 MiB";
}
#endif

} // namespace
