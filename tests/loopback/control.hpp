// SPDX-License-Identifier: MIT
//
// How tests see and control the loopback package: settings, live objects, misuse, and ordered faults. All state belongs
// to one engine; reset() restores the state at the program's start. Every call reads the settings, so change them only
// while no other thread is inside a call.
#pragma once

#include <sspan/os/calls.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace loopback {

enum class package : unsigned char { kerberos = 1, ntlm = 2, negotiate = 3 };

/// The offers and the behaviour of one package.
struct profile {
    unsigned legs = 2; ///< handshake tokens in total, 1..8; the client sends the odd ones
    ULONG max_token = 0;
    ULONG max_signature = 0;
    ULONG security_trailer = 0;
    ULONG block_size = 0;
    ULONG signature_shortfall = 0;   ///< signatures are this much shorter than max_signature, though not below 24 bytes
    ULONG token_shortfall = 0;       ///< seal tokens are this much shorter than the trailer, though not below 36 bytes
    ULONG padding = 0;               ///< bytes of PADDING that a sealed message takes, at most block_size
    bool pad_to_block = false;       ///< replaces `padding`: 1..block_size bytes that fill the last block
    bool stream = true;              ///< decrypt takes SECBUFFER_STREAM
    bool extended_error = true;      ///< makes error tokens on request; no evidence
    bool covers_readonly = false;    ///< the checksum covers READONLY parts, as NTLM's does; no evidence for Kerberos
    bool claims_mutual_auth = false; ///< as NTLM: reports MUTUAL_AUTH on request, without any proof
};

/// The results of one side's handshake steps. Flag masks are in that side's own family: ISC_RET_ or ASC_RET_.
struct side {
    SECURITY_STATUS final_status = SEC_E_OK; ///< alternative: SEC_I_COMPLETE_NEEDED
    /// Alternatives: SEC_I_COMPLETE_AND_CONTINUE, and 0x00090366, which allows messages before the end.
    SECURITY_STATUS continue_status = SEC_I_CONTINUE_NEEDED;
    ULONG deny_flags = 0;                ///< never granted, even if requested; messages obey this, too
    ULONG add_flags = 0;                 ///< granted even without a request
    ULONG fragment_size = 0;             ///< tokens leave in pieces of this size, with SEC_I_MESSAGE_FRAGMENT; 0: whole
    bool incomplete_credentials = false; ///< SEC_I_INCOMPLETE_CREDENTIALS once, at the first step with an input token
                                         ///< (the first of all when legs is 1)
};

struct account {
    std::wstring user;
    std::wstring password;
    std::int64_t ticket_end = 0; ///< end of the Kerberos tickets; 0: as `options::expiry`
};

/// The state of the logged-on user's Kerberos ticket.
enum class ticket_state : unsigned char { good, none, expired, skewed_for_kdc, skewed_for_server };

/// The content of the output TOKEN buffer after a step without a token.
enum class no_output { empty, null_pointer, untouched };

/// The names in SECPKG_ATTR_NATIVE_NAMES. A missing name is a null pointer.
enum class native_name { both, client, server };

struct options {
    // Names. Explicit credentials of any domain work for `accounts`; the logged-on user needs no password.
    std::wstring user = L"alice";
    std::wstring domain = L"LOOPBACK";
    std::vector<account> accounts{{L"alice", L"correct horse"}, {L"bob", L"battery staple"}};
    std::wstring service_name = L"HTTP/server.loopback.example";              ///< NTLM does not check the target name
    std::vector<std::wstring> other_services{L"HTTP/other.loopback.example"}; ///< known, but not the server's
    std::vector<std::wstring> unknown_domains;                                ///< no KDC answers for these domains
    std::vector<std::wstring> denied_users;                                   ///< servers refuse them
    ticket_state ticket = ticket_state::good;
    bool has_service_ticket = false;   ///< if true, the KDC is not asked for one
    bool kdc_answers = true;           ///< needed for explicit logons, and for service tickets
    bool server_has_other_key = false; ///< the ticket is for another key than the server's
    std::uint64_t shared_secret = 0x6c6f6f706261636bU;

    // Packages.
    profile kerberos{2, 48000, 28, 60, 8, 0, 0, 0, false, true, true};
    profile ntlm{3, 2888, 16, 16, 0, 0, 0, 0, false, true, false, true, true};
    profile negotiate{2, 48256, 28, 60, 8, 0, 0, 0, false, true, true};
    unsigned dce_legs = 3;           ///< Kerberos in DCE style
    ULONG dce_security_trailer = 76; ///< Kerberos in DCE style
    package negotiate_winner = package::kerberos;
    bool fall_back_to_ntlm = false; ///< Negotiate uses NTLM if Kerberos does not know the target
    bool shows_ntlm = true;         ///< NTLM's tokens contain "NTLMSSP" and a zero, as in MS-NLMP
    bool errors_show_ntlm = false;  ///< all error tokens contain it, unlike those of any real package

    // Handshake.
    side client;
    side server;
    /// Grants all flags that the client requests. If false, grants only those that the server requests, too.
    bool client_decides = true;
    std::size_t token_size = 0; ///< handshake tokens are filled up to this many bytes
    /// Returns SEC_E_INCOMPLETE_MESSAGE for a truncated token, and SECBUFFER_EXTRA for data after a token.
    bool stream_framing = false;
    ULONG extra_excess = 0; ///< SECBUFFER_EXTRA reports this many bytes more than are left
    no_output when_done = no_output::empty;
    no_output when_failed = no_output::empty; ///< after a failure without an error token

    // Contexts.
    bool expired = false;                     ///< message calls return SEC_E_CONTEXT_EXPIRED
    std::int64_t expiry = 0x01DD000000000000; ///< reported for all objects, in local time, as by Windows
    std::int64_t start = 0;                   ///< start of a context's life
    HANDLE access_token = nullptr;            ///< the handle in SECPKG_ATTR_ACCESS_TOKEN
    /// Replaces the session key in SECPKG_ATTR_SESSION_KEY and in exported contexts, so that a test can search memory
    /// for it.
    std::vector<std::byte> planted_secret;
    std::int64_t utc_offset = 0; ///< local time minus UTC, in 100 ns; positive east of Greenwich
    native_name native_names = native_name::both;
    std::optional<ULONG> negotiation_state;  ///< replaces the state in SECPKG_ATTR_NEGOTIATION_INFO
    std::optional<std::wstring> told_target; ///< replaces the name in SECPKG_ATTR_CLIENT_SPECIFIED_TARGET
    bool target_is_null = false;             ///< this attribute returns a null pointer
    /// Replaces the package's name in SECPKG_ATTR_NEGOTIATION_INFO, unless empty. It is cut to the real name's length.
    std::wstring told_package;
    std::vector<ULONG> unsupported_attributes; ///< QueryContextAttributes returns SEC_E_UNSUPPORTED_FUNCTION
    /// The system uses the upper half of handles. Wine's secur32 stores the package there.
    bool upper_half_is_the_systems = false;
    bool credentials_outlive_contexts = false; ///< if true, freeing credentials before their contexts is a violation
    std::optional<SECURITY_IMPERSONATION_LEVEL> impersonation_level; ///< if unset, the granted flags decide
    /// SetThreadToken silently lowers higher tokens to this level, as Windows does without SeImpersonatePrivilege.
    std::optional<SECURITY_IMPERSONATION_LEVEL> highest_thread_level;
};

options& configure();

/// The environment variable that changes the settings of reset(). Its value is one of "readonly", "stream",
/// "mutual_auth", "client_decides". Each inverts a behaviour that programs must not rely on.
inline constexpr auto toggle_variable = "SSPAN_LOOPBACK_TOGGLE";

/// Clears everything: objects, settings, faults, counts, violations, the calling thread's impersonation.
void reset();

/// Sets `deny_flags` of both sides. `isc_ret_flags` are ISC_RET_ bits; they are translated for the server.
void deny_flags(ULONG isc_ret_flags);

/// The objects that the program got from the package and has not returned.
struct live_counts {
    std::size_t credentials = 0;
    std::size_t contexts = 0;
    std::size_t package_blocks = 0; ///< SecPkgInfoW: one, a list, or in an attribute
    std::size_t string_blocks = 0;
    std::size_t key_blocks = 0;
    std::size_t token_blocks = 0;          ///< handshake tokens with ..._ALLOCATE_MEMORY
    std::size_t identities = 0;            ///< from make_identity
    std::size_t thread_tokens = 0;         ///< handles of access tokens
    std::size_t impersonating_threads = 0; ///< threads that still have a client's token
    [[nodiscard]] bool none() const noexcept;
};

[[nodiscard]] live_counts live();

/// The number of misuses. Windows does not report them, or its behaviour is undefined: a handle used after its end,
/// overlapping buffers, a null password, an ISC_ flag in AcceptSecurityContext, ...
[[nodiscard]] std::size_t violations();
[[nodiscard]] std::vector<std::string> violation_list();

/// The functions of the seam, one for each call to the OS.
enum class function : unsigned char {
#define LOOPBACK_NAME(result, name, os_name, parameters) name,
    SSPAN_OS_CALLS(LOOPBACK_NAME)
#undef LOOPBACK_NAME
};
#define LOOPBACK_COUNT(result, name, os_name, parameters) +1
inline constexpr std::size_t function_count = 0 SSPAN_OS_CALLS(LOOPBACK_COUNT);
#undef LOOPBACK_COUNT

/// `last_flags` of open_thread_token is the requested access, with this bit if OpenAsSelf was TRUE.
inline constexpr ULONG as_self_flag = 0x80000000;
/// `last_flags` of duplicate_token is the requested access, with this bit for a primary token.
inline constexpr ULONG as_primary_flag = 0x80000000;

/// The number of calls since reset(), including failed and injected ones.
[[nodiscard]] std::size_t calls(function which);

// Faults. `nth` counts from now; 1 is the next call. For functions about tokens, `status` is a Win32 error.

/// The nth call only returns `status`.
void fail_at(function which, std::size_t nth, SECURITY_STATUS status);
/// The nth call and all later calls only return `status`.
void fail_from(function which, std::size_t nth, SECURITY_STATUS status);
/// Runs the nth call and, if it succeeds, returns `status` instead. `status` must be a success code; otherwise the
/// created object would leak.
void return_after(function which, std::size_t nth, SECURITY_STATUS status);
/// Runs `action` just before the nth call does its work.
void on_call(function which, std::size_t nth, std::function<void()> action);

/// The forbidden results of a hostile package: the first buffer of the named type comes back one byte larger, or with a
/// pointer to memory that is not the caller's.
enum class hostile_output : unsigned char {
    token_size,
    padding_size,
    data_size,
    token_pointer,
    padding_pointer,
    data_pointer,
    token_empty, ///< with a success code
};
/// Runs the nth call and, if it succeeds, falsifies its outputs.
void hostile_at(function which, std::size_t nth, hostile_output how);
/// Removes all ordered faults.
void clear_faults();

/// One buffer as the caller passed it.
struct seen_buffer {
    ULONG type = 0;
    ULONG size = 0;
    const void* memory = nullptr;
};
/// The buffers of the last call (at most 8): the outputs of a handshake step, or the buffers of a message call.
[[nodiscard]] std::vector<seen_buffer> last_buffers(function which);
/// The last call's flag word: requested context flags, credential use, quality of protection, attribute number.
[[nodiscard]] ULONG last_flags(function which);

/// Returns true if the calling thread is inside a call of the package. Its allocations are then not the library's.
[[nodiscard]] bool inside() noexcept;

/// A PSEC_WINNT_AUTH_IDENTITY_OPAQUE, as SspiEncodeStringsAsAuthIdentity makes it.
[[nodiscard]] void* make_identity(const std::wstring& user, const std::wstring& domain, const std::wstring& password);

/// The KDC proxy server that SetCredentialsAttributes set last.
[[nodiscard]] std::wstring kdc_proxy(const CredHandle& credentials);

/// The number of bytes that secure_zero has wiped since reset().
[[nodiscard]] std::size_t wiped_bytes();

/// fail_fast() ends the process with this exit code, after "loopback: fail_fast" on stderr.
inline constexpr int fail_fast_exit_code = 134;

/// The client that the calling thread impersonates, as DOMAIN\user; empty without impersonation.
[[nodiscard]] std::wstring current_thread_client();
/// The level of the calling thread's impersonation; empty without impersonation.
[[nodiscard]] std::optional<SECURITY_IMPERSONATION_LEVEL> current_thread_level();
/// Makes the calling thread impersonate `client` without a context, as other code may have done before.
void impersonate_on_thread(const std::wstring& client, SECURITY_IMPERSONATION_LEVEL level);
/// Ends any impersonation on the calling thread.
void stop_impersonating_on_thread();
/// A primary token that stands for `client`, as OpenProcessToken returns one. close_handle closes it.
[[nodiscard]] HANDLE make_primary_token(const std::wstring& client);

} // namespace loopback
