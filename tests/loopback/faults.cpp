// SPDX-License-Identifier: MIT
#include "faults.hpp"

#include <algorithm>
#include <utility>

namespace loopback {

namespace {

constexpr std::size_t index_of(function which) {
    return static_cast<std::size_t>(which);
}

} // namespace

faults& faults::instance() {
    static faults only;
    return only;
}

fate faults::begin(function which, ULONG flags, const SecBufferDesc* buffers) {
    fate result;
    {
        const std::lock_guard lock{mutex_};
        const auto number = ++calls_[index_of(which)];
        auto& noted = records_[index_of(which)];
        noted.flags = flags;
        noted.count = 0;
        if (buffers != nullptr && buffers->pBuffers != nullptr) {
            noted.count = std::min<std::size_t>(buffers->cBuffers, seen_limit);
            for (std::size_t i = 0; i != noted.count; ++i) {
                const SecBuffer& buffer = buffers->pBuffers[i];
                noted.buffers[i] = {buffer.BufferType, buffer.cbBuffer, buffer.pvBuffer};
            }
        }
        for (const auto& next : orders_) {
            if (next.which != which || number < next.call || (number > next.call && !next.every_later_one)) {
                continue;
            }
            const auto take = [](auto& into, const auto& from) {
                if (from) {
                    into = from;
                }
            };
            take(result.instead, next.what.instead);
            take(result.afterwards, next.what.afterwards);
            take(result.hostile, next.what.hostile);
            result.actions.insert(result.actions.end(), next.what.actions.begin(), next.what.actions.end());
        }
    }
    if (!result.instead) {
        for (const auto& action : result.actions) { // without the lock: the action may call the package
            action();
        }
    }
    return result;
}

void faults::add(order next) {
    const std::lock_guard lock{mutex_};
    next.call += calls_[index_of(next.which)];
    orders_.push_back(std::move(next));
}

void faults::clear() {
    const std::lock_guard lock{mutex_};
    orders_.clear();
}

void faults::reset() {
    const std::lock_guard lock{mutex_};
    orders_.clear();
    records_ = {};
    for (auto& count : calls_) {
        count = 0;
    }
    wiped = 0;
}

std::size_t faults::calls(function which) const {
    return calls_[index_of(which)];
}

std::vector<seen_buffer> faults::last_buffers(function which) {
    const std::lock_guard lock{mutex_};
    const auto& noted = records_[index_of(which)];
    return {noted.buffers.begin(), noted.buffers.begin() + static_cast<std::ptrdiff_t>(noted.count)};
}

ULONG faults::last_flags(function which) {
    const std::lock_guard lock{mutex_};
    return records_[index_of(which)].flags;
}

falsifier::falsifier(const SecBufferDesc* buffers) noexcept {
    for (std::size_t i = 0; buffers != nullptr && i != std::min<std::size_t>(buffers->cBuffers, sizes_.size()); ++i) {
        sizes_[i] = buffers->pBuffers[i].cbBuffer;
        if (buffers->pBuffers[i].BufferType == SECBUFFER_STREAM) { // DATA becomes a part of it
            sizes_.fill(sizes_[i]);
            return;
        }
    }
}

void falsifier::apply(hostile_output how, SecBufferDesc* buffers) const noexcept {
    static std::array<std::byte, 64> elsewhere{};
    ULONG type = SECBUFFER_DATA;
    if (how == hostile_output::token_size || how == hostile_output::token_pointer ||
        how == hostile_output::token_empty) {
        type = SECBUFFER_TOKEN;
    } else if (how == hostile_output::padding_size || how == hostile_output::padding_pointer) {
        type = SECBUFFER_PADDING;
    }
    const bool pointer = how == hostile_output::token_pointer || how == hostile_output::padding_pointer ||
                         how == hostile_output::data_pointer;
    for (std::size_t i = 0; buffers != nullptr && i != std::min<std::size_t>(buffers->cBuffers, sizes_.size()); ++i) {
        SecBuffer& buffer = buffers->pBuffers[i];
        if (buffer.BufferType != type) {
            continue;
        }
        if (pointer) {
            buffer.pvBuffer = elsewhere.data();
        } else if (how == hostile_output::token_empty) {
            buffer.cbBuffer = 0;
        } else {
            buffer.cbBuffer = sizes_[i] + 1;
        }
        return;
    }
}

} // namespace loopback
