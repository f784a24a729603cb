// SPDX-License-Identifier: MIT
//
// Messages from one thread to another, in order. `receive` waits for the next one. The lock also synchronizes
// everything else in the threads, so tests under ThreadSanitizer use threads/halves_test.cpp's channel.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace testing_support {

template <class Message>
class message_queue {
public:
    void send(Message message) {
        {
            const std::lock_guard lock{mutex_};
            messages_.push_back(std::move(message));
        }
        arrived_.notify_one();
    }
    Message receive() {
        std::unique_lock lock{mutex_};
        arrived_.wait(lock, [this] { return !messages_.empty(); });
        auto message = std::move(messages_.front());
        messages_.pop_front();
        return message;
    }

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Message> messages_;
};

} // namespace testing_support
