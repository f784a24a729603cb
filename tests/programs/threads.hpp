// SPDX-License-Identifier: MIT
//
// A thread for each task, and a bound on how many there are.
#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

namespace threads {

/// Its destructor waits for the tasks. One thread uses it.
class crew {
public:
    explicit crew(unsigned most) : most_{most} {}

    /// Runs `task` in a thread of its own. Waits first while there are as many tasks as there may be. What the task
    /// throws ends it alone, and nobody hears of it. Throws std::system_error when the system has no more threads.
    template <class Task>
    void run(Task task) {
        std::unique_lock lock{mutex_};
        ended_.wait(lock, [this] { return running_ < most_; });
        workers_.remove_if([](const worker& other) { return other.ended || !other.thread.joinable(); });
        auto& self = workers_.emplace_back();
        self.thread = std::jthread{[this, &self, task = std::move(task)]() mutable {
            run_and_free(std::move(task));
            const std::lock_guard guard{mutex_};
            self.ended = true;
            --running_;
            ended_.notify_one();
        }};
        ++running_; // the task's end waits for the lock
    }

private:
    struct worker {
        bool ended = false;
        std::jthread thread;
    };

    /// What the task holds, its connection for example, has gone when its place becomes free.
    template <class Task>
    static void run_and_free(Task task) noexcept {
        try {
            task();
        } catch (...) { // it had its chance to report
        }
    }

    unsigned most_;
    unsigned running_ = 0;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::list<worker> workers_; // last, so that the threads end first
};

} // namespace threads
