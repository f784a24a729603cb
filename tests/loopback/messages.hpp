// SPDX-License-Identifier: MIT
//
// The checked buffers of a message call, and the two ways to protect them. Nothing here allocates.
#pragma once

#include "state.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace loopback {

enum class operation : unsigned char { sign, verify, encrypt, decrypt };

struct message_buffers {
    std::span<SecBuffer> all;
    SecBuffer* token = nullptr;
    SecBuffer* padding = nullptr;
    SecBuffer* stream = nullptr;
    SecBuffer* data = nullptr; ///< the last DATA buffer that is not read-only
    std::size_t data_count = 0;
    bool covers_readonly = false;

    [[nodiscard]] std::span<std::byte> token_bytes() const noexcept;

    /// Calls `visit(std::span<std::byte>, bool ciphered)` for each checked DATA buffer, in order.
    template <class Visit>
    void each_checked(Visit visit) const {
        for (const SecBuffer& buffer : all) {
            const ULONG type = buffer.BufferType & ~static_cast<ULONG>(SECBUFFER_ATTRMASK);
            const bool readonly = (buffer.BufferType & static_cast<ULONG>(SECBUFFER_READONLY)) != 0;
            if (type == SECBUFFER_DATA && (!readonly || covers_readonly)) {
                visit(std::span{static_cast<std::byte*>(buffer.pvBuffer), buffer.cbBuffer},
                      (buffer.BufferType & static_cast<ULONG>(SECBUFFER_ATTRMASK)) == 0);
            }
        }
    }
    [[nodiscard]] std::uint64_t checked_size() const noexcept;
    [[nodiscard]] std::uint64_t ciphered_size() const noexcept;
};

/// Reads and checks the list. Returns a description of the error, or nullptr.
const char* read_message(operation what, SecBufferDesc* list, message_buffers& buffers) noexcept;

/// The sizes that a package writes in one call, in bytes.
struct message_rules {
    std::size_t signature_size = 0;
    std::size_t token_size = 0;    ///< token of a sealed message
    std::size_t checksum_size = 0; ///< checksum of a message that is only signed
    std::size_t filler_size = 0;   ///< EC of a sealed Kerberos message
    std::size_t padding_size = 0;
};

namespace kerberos {
SECURITY_STATUS sign(context& ctx, const message_buffers& buffers, const message_rules& rules) noexcept;
SECURITY_STATUS verify(context& ctx, const message_buffers& buffers, ULONG& quality) noexcept;
SECURITY_STATUS encrypt(context& ctx, ULONG quality, const message_buffers& buffers,
                        const message_rules& rules) noexcept;
SECURITY_STATUS decrypt(context& ctx, const message_buffers& buffers, ULONG& quality) noexcept;
} // namespace kerberos

namespace ntlm {
/// Uses the program's number for a datagram. Each datagram has its own key stream.
void number_datagram(const context& ctx, direction& way, ULONG number) noexcept;
SECURITY_STATUS sign(context& ctx, const message_buffers& buffers) noexcept;
SECURITY_STATUS verify(context& ctx, const message_buffers& buffers) noexcept;
SECURITY_STATUS encrypt(context& ctx, const message_buffers& buffers) noexcept;
SECURITY_STATUS decrypt(context& ctx, const message_buffers& buffers) noexcept;
} // namespace ntlm

} // namespace loopback
