// SPDX-License-Identifier: MIT
//
// overhead OPERATION hand-written|checked|throwing|error_code COUNT: so many calls in a row, for overhead.sh to count their
// instructions. `overhead cost` prints what a message costs besides.
#include <sspan/security_context.hpp>

#include "checked.h"
#include "hand_written.h"
#include "nothing.h"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <span>
#include <string_view>
#include <system_error>

namespace {

unsigned long allocations = 0;

constexpr std::size_t size = 256;
constexpr auto all = sspan::context_flags::integrity | sspan::context_flags::confidentiality;

/// The memory of one message, and both ways to protect it.
struct subject {
    CtxtHandle handle{1, 1};
    sspan::security_context context{sspan::security_context::adopt(handle, all)};
    std::array<std::byte, size> data{};
    std::array<std::byte, nothing_token> token{};
    std::array<std::byte, 1> padding{};
    sspan::message_frame frame{context.sizes(), size};
    std::array<unsigned char, nothing_token + size + 1> hand_frame{};
    std::array<std::byte, nothing_token + size> wire{};
    std::size_t written = 0; // so that no result is unused

    checked_context careful{handle, 1, 1, 1, {4096, nothing_token, 0, nothing_token}};

    void hand_written(std::string_view what);
    void checked(std::string_view what);
    void throwing(std::string_view what);
    void error_code(std::string_view what, std::error_code& ec);
};

void subject::hand_written(std::string_view what) {
    ULONG token_size = nothing_token;
    ULONG padding_size = 1;
    ULONG data_size = size;
    unsigned char* out = nullptr;
    SECURITY_STATUS status{};
    if (what == "sign") {
        status = hand_sign(&handle, data.data(), size, token.data(), &token_size);
    } else if (what == "verify") {
        status = hand_verify(&handle, data.data(), size, token.data(), nothing_token);
    } else if (what == "encrypt") {
        status = hand_encrypt(&handle, data.data(), size, token.data(), &token_size, padding.data(), &padding_size);
    } else if (what == "decrypt") {
        status = hand_decrypt(&handle, data.data(), &data_size, token.data(), nothing_token);
    } else if (what == "wrap") {
        status = hand_wrap(&handle, hand_frame.data(), nothing_token, size, 1, &out, &data_size);
    } else {
        status = hand_unwrap(&handle, wire.data(), wire.size(), &out, &data_size);
    }
    if (status != SEC_E_OK) {
        std::abort();
    }
    written += token_size + data_size;
}

void subject::checked(std::string_view what) {
    std::size_t token_size = nothing_token;
    std::size_t padding_size = 1;
    std::size_t data_size = size;
    unsigned char* out = nullptr;
    void* opened = data.data();
    SECURITY_STATUS status{};
    if (what == "sign") {
        status = checked_sign(&careful, data.data(), size, token.data(), &token_size);
    } else if (what == "verify") {
        status = checked_verify(&careful, data.data(), size, token.data(), nothing_token);
    } else if (what == "encrypt") {
        status = checked_encrypt(&careful, data.data(), size, token.data(), &token_size, padding.data(), &padding_size);
    } else if (what == "decrypt") {
        status = checked_decrypt(&careful, &opened, &data_size, token.data(), nothing_token);
    } else if (what == "wrap") {
        status = checked_wrap(&careful, hand_frame.data(), nothing_token, size, size, 1, &out, &data_size);
    } else {
        status = checked_unwrap(&careful, wire.data(), wire.size(), &opened, &data_size);
    }
    if (status != SEC_E_OK) {
        std::abort();
    }
    written += token_size + data_size;
}

void subject::throwing(std::string_view what) {
    if (what == "sign") {
        written += context.sign(data, token).size();
    } else if (what == "verify") {
        context.verify(data, token);
    } else if (what == "encrypt") {
        written += context.encrypt(data, token, padding).token.size();
    } else if (what == "decrypt") {
        written += context.decrypt(data, token).data.size();
    } else if (what == "wrap") {
        written += context.wrap(frame, size).size();
    } else {
        written += context.unwrap(wire).data.size();
    }
}

void subject::error_code(std::string_view what, std::error_code& ec) {
    if (what == "sign") {
        written += context.sign(data, token, ec).size();
    } else if (what == "verify") {
        written += context.verify(data, token, ec) ? 1U : 0U;
    } else if (what == "encrypt") {
        written += context.encrypt(data, token, padding, ec).token.size();
    } else if (what == "decrypt") {
        written += context.decrypt(data, token, ec).data.size();
    } else if (what == "wrap") {
        written += context.wrap(frame, size, ec).size();
    } else {
        written += context.unwrap(wire, ec).data.size();
    }
    if (ec) {
        std::abort();
    }
}

void run(subject& with, std::string_view what, std::string_view form, long count) {
    std::error_code ec; // one for all messages
    for (long i = 0; i != count; ++i) {
        if (form == "hand-written") {
            with.hand_written(what);
        } else if (form == "checked") {
            with.checked(what);
        } else if (form == "throwing") {
            with.throwing(what);
        } else {
            with.error_code(what, ec);
        }
    }
}

/// One message of each kind in each form, once all is warm.
void print_cost() {
    subject with;
    unsigned long allocated = 0;
    unsigned long queried = 0;
    unsigned long copied = 0;
    for (const std::string_view what : {"sign", "verify", "encrypt", "decrypt", "wrap", "unwrap"}) {
        for (const std::string_view form : {"throwing", "error_code"}) {
            run(with, what, form, 1);
            const auto allocations_before = allocations;
            const auto queries_before = nothing_queries;
            run(with, what, form, 1);
            allocated += allocations - allocations_before;
            queried += nothing_queries - queries_before;
            const void* const given = what == "wrap"     ? with.frame.payload().data()
                                      : what == "unwrap" ? with.wire.data() + nothing_token
                                                         : with.data.data();
            copied += nothing_data != given ? 1U : 0U;
        }
    }
    std::printf("heap allocations per message: %lu\npayload copies per message: %lu\nsize queries per message: %lu\n",
                allocated, copied, queried);
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
    if (argc != 4) {
        return 1;
    }
    subject with;
    run(with, argv[1], argv[2], std::atol(argv[3]));
    return with.written == 0 && std::string_view{argv[1]} != "verify" ? 1 : 0;
}
