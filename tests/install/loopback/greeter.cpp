// SPDX-License-Identifier: MIT
#include "greeter.hpp"

#include <string>
#include <utility>

std::vector<std::byte> greeter::take(std::span<const std::byte> token) {
    const auto step = handshake_.step(token);
    std::vector<std::byte> answer{step.token.begin(), step.token.end()};
    if (step.done()) {
        client_.emplace(std::move(handshake_).finish());
    }
    return answer;
}

std::vector<std::byte> greeter::greeting() {
    std::string text = "Hello ";
    for (const wchar_t letter : sspan::query_user_name(client_.value())) {
        text += letter < 0x80 ? static_cast<char>(letter) : '?';
    }
    sspan::message_frame frame{client_->sizes(), text.size()};
    const auto sealed = client_->wrap(frame, frame.assign(text));
    return {sealed.begin(), sealed.end()};
}
