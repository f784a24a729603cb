// SPDX-License-Identifier: MIT
//
// A server that greets each client by name, in a sealed message.
#pragma once

#include <sspan/sspan.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

class greeter {
public:
    explicit greeter(const sspan::credentials& credentials) : handshake_{credentials} {}

    /// Takes the client's next token and returns the answer, which may be empty.
    std::vector<std::byte> take(std::span<const std::byte> token);
    [[nodiscard]] bool has_client() const { return client_.has_value(); }
    std::vector<std::byte> greeting();

private:
    sspan::server_handshake handshake_;
    std::optional<sspan::server_context> client_;
};
