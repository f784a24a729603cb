// SPDX-License-Identifier: MIT
//
// The engine's state of each credential and each context.
#pragma once

#include "control.hpp"
#include "crypto.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace loopback {

enum class role : unsigned char { client, server };

// Statuses that WinPR 2 does not name.
inline constexpr SECURITY_STATUS sec_i_message_fragment = 0x00090364;
inline constexpr SECURITY_STATUS sec_i_continue_needed_message_ok = 0x00090366;
inline constexpr auto sec_e_invalid_parameter = static_cast<SECURITY_STATUS>(0x8009035D);

// The engine calculates with ISC_ bits, and translates to the server's bits at its interface.
inline constexpr ULONG isc_delegate = 0x1, isc_mutual_auth = 0x2, isc_replay_detect = 0x4, isc_sequence_detect = 0x8,
                       isc_confidentiality = 0x10, isc_use_session_key = 0x20, isc_allocate_memory = 0x100,
                       isc_dce_style = 0x200, isc_datagram = 0x400, isc_connection = 0x800, isc_extended_error = 0x4000,
                       isc_stream = 0x8000, isc_integrity = 0x10000, isc_identify = 0x20000;

[[nodiscard]] ULONG to_asc(ULONG isc) noexcept;
[[nodiscard]] ULONG to_isc(ULONG asc) noexcept;

struct credential {
    credential() = default;
    credential(const credential&) = delete;
    credential& operator=(const credential&) = delete;
    ~credential() { wipe(password.data(), password.size() * sizeof(char16_t)); }

    package pkg = package::kerberos;
    ULONG use = 0;
    std::u16string user;
    std::u16string domain;
    std::u16string password;
    bool explicit_identity = false; ///< false: the logged-on user, who needs no password
    bool no_network = false;        ///< acquired during impersonation below delegation: cannot reach a server
    bool allows_kerberos = true;
    bool allows_ntlm = true;
    bool names_ntlm = false; ///< the list of packages is only NTLM: Negotiate then sends NTLM's tokens without SPNEGO
    std::int64_t ticket_end = 0;
    std::u16string kdc_proxy;
};

/// One direction of message protection; only one thread at a time may be in it.
struct direction {
    mac_key mac{};
    cipher_key cipher{};
    std::uint64_t sequence = 0; ///< the next message's number
    std::uint64_t window = 0;   ///< receiving: bit n is set if message `sequence - 1 - n` was received
    std::uint64_t stream = 0;   ///< NTLM: the number of the key stream; one for all messages, but one for each datagram
    std::uint64_t position = 0; ///< NTLM: the used bytes of the key stream
    std::atomic<bool> busy{false};
};

enum class phase : unsigned char { in_progress, done, failed };

struct context {
    role side = role::client;
    std::shared_ptr<credential> owner;
    std::uintptr_t owner_id = 0;
    package offered = package::kerberos;
    package mechanism = package::kerberos;
    phase at = phase::in_progress;

    // The handshake.
    unsigned leg = 0; ///< the last token's number
    unsigned legs = 0;
    ULONG data_representation = 0;
    ULONG decided = 0;    ///< ISC_ bits that both sides want
    ULONG granted = 0;    ///< ISC_ bits in effect on this side
    ULONG attributes = 0; ///< the reported flags, in this side's family
    digest client_nonce{};
    digest server_nonce{};
    digest last_check{};
    bool has_bindings = false;
    digest bindings{};
    bool may_lack_bindings = false; ///< the server accepts a client without them
    bool nagged_for_credentials = false;
    std::vector<std::byte> fragments; ///< the rest of our token, not sent yet
    bool completion_due = false;      ///< CompleteAuthToken must be called with this buffer next
    bool nothing_to_complete = false;
    const void* incomplete_token = nullptr;
    std::size_t incomplete_size = 0;
    std::u16string user;
    std::u16string domain;
    std::u16string target;
    std::shared_ptr<void> imported_token; ///< from ImportSecurityContext; the context closes it
    std::int64_t ticket_end = 0;          ///< 0: as in the settings

    // Messages.
    bool keyed = false;
    digest session_key{};
    direction send;
    direction receive;

    [[nodiscard]] bool has(ULONG isc_flags) const noexcept { return (granted & isc_flags) == isc_flags; }
    [[nodiscard]] std::u16string client_name() const { return domain + u"\\" + user; }
};

} // namespace loopback
