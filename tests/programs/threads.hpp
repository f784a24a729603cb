// SPDX-License-Identifier: MIT
//
// A thread for each task, with a limit on their number.
#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

namespace threads {

/// Threads for tasks. Only one thread may use a crew. The destructor waits for the tasks.
class crew {
public:
    explicit crew(unsigned most) : most_{most} {}

    /// Runs `task` in a new thread. Waits while the maximum number of tasks is running. An exception of the task is
    /// ignored. Throws std::system_error if the system has no more threads.
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
        ++running_; // before the task can end: its end needs the lock
    }

private:
    struct worker {
        bool ended = false;
        std::jthread thread;
    };

    /// Destroys the task, with its connection for example, before its place becomes free.
    template <class Task>
    static void run_and_free(Task task) noexcept {
        try {
            task();
        } catch (...) { // the task reports its own errors
        }
    }

    unsigned most_;
    unsigned running_ = 0;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::list<worker> workers_; // last, so that the threads end first
};

} // namespace threads
