// SPDX-License-Identifier: MIT
#include "greeter.hpp"

#include <iostream>

int main() try {
    const greeter server{sspan::credentials::inbound(sspan::package::negotiate)};
    std::cout << (server.has_client() ? "a client" : "no client") << '\n';
} catch (const sspan::error& error) {
    std::cout << error.what() << '\n';
    return 1;
}
