// SPDX-License-Identifier: MIT
//
// What a test sees of the loopback package: settings, what is alive, what was misused, and faults to order.
// All state belongs to one engine; reset() brings it back to how the program started. Settings are read by every call,
// so change them while no other thread is inside one.
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

/// What one package offers and how it behaves.
struct profile {
    unsigned legs = 2; ///< handshake tokens in total, 1..8; the client sends the odd ones
    ULONG max_token = 0;
    ULONG max_signature = 0;
    ULONG security_trailer = 0;
    ULONG block_size = 0;
    ULONG signature_shortfall = 0;   ///< signatures are this much shorter than max_signature, though not below 24 bytes
    ULONG token_shortfall = 0;       ///< seal tokens are this much shorter than the trailer, though not below 36 bytes
    ULONG padding = 0;               ///< bytes of PADDING that a sealed message takes, at most block_size
    bool pad_to_block = false;       ///< instead of `padding`: 1..block_size bytes, filling the last block
    bool stream = true;              ///< decrypt takes SECBUFFER_STREAM
    bool extended_error = true;      ///< makes error tokens when asked; no evidence
    bool covers_readonly = false;    ///< the checksum covers READONLY parts, as NTLM's does; no evidence for Kerberos
    bool claims_mutual_auth = false; ///< NTLM's: reports MUTUAL_AUTH when asked, though it proves nothing
};

/// How one side's handshake steps end. Flag masks are in that side's own family: ISC_RET_ or ASC_RET_.
struct side {
    SECURITY_STATUS final_status = SEC_E_OK; ///< or SEC_I_COMPLETE_NEEDED
    /// Or SEC_I_COMPLETE_AND_CONTINUE, or 0x00090366, which allows messages before the end.
    SECURITY_STATUS continue_status = SEC_I_CONTINUE_NEEDED;
    ULONG deny_flags = 0;                ///< never granted, whatever was asked; takes effect on messages too
    ULONG add_flags = 0;                 ///< granted although nobody asked
    ULONG fragment_size = 0;             ///< tokens leave in pieces of this size, with SEC_I_MESSAGE_FRAGMENT; 0: whole
    bool incomplete_credentials = false; ///< SEC_I_INCOMPLETE_CREDENTIALS once, at the first step with an input token
                                         ///< (the first of all when legs is 1)
};

struct account {
    std::wstring user;
    std::wstring password;
    std::int64_t ticket_end = 0; ///< of its Kerberos tickets; 0: as `options::expiry`
};

/// What Kerberos makes of the logged-on user's ticket.
enum class ticket_state : unsigned char { good, none, expired, skewed_for_kdc, skewed_for_server };

/// What is left in the output TOKEN buffer by a step that has nothing to send.
enum class no_output { empty, null_pointer, untouched };

/// Which names SECPKG_ATTR_NATIVE_NAMES gives; the other is a null pointer.
enum class native_name { both, client, server };

struct options {
    // Who is who. Explicit credentials of any domain work for `accounts`; the logged-on user needs no password.
    std::wstring user = L"alice";
    std::wstring domain = L"LOOPBACK";
    std::vector<account> accounts{{L"alice", L"correct horse"}, {L"bob", L"battery staple"}};
    std::wstring service_name = L"HTTP/server.loopback.example"; ///< the server's own; NTLM checks no target name
    std::vector<std::wstring> other_services{L"HTTP/other.loopback.example"}; ///< known, but not the server's
    std::vector<std::wstring> unknown_domains;                                ///< nobody answers for these
    std::vector<std::wstring> denied_users;                                   ///< servers refuse them
    ticket_state ticket = ticket_state::good;
    bool has_service_ticket = false;   ///< so that the KDC is not asked for one
    bool kdc_answers = true;           ///< explicit logons, and tickets for services, need it
    bool server_has_other_key = false; ///< than the one that the ticket was made for
    std::uint64_t shared_secret = 0x6c6f6f706261636bU;

    // Packages.
    profile kerberos{2, 48000, 28, 60, 8, 0, 0, 0, false, true, true};
    profile ntlm{3, 2888, 16, 16, 0, 0, 0, 0, false, true, false, true, true};
    profile negotiate{2, 48256, 28, 60, 8, 0, 0, 0, false, true, true};
    unsigned dce_legs = 3;           ///< Kerberos in DCE style
    ULONG dce_security_trailer = 76; ///< Kerberos in DCE style
    package negotiate_winner = package::kerberos;
    bool fall_back_to_ntlm = false; ///< Negotiate takes NTLM when Kerberos does not know the target
    bool shows_ntlm = true;         ///< NTLM's tokens contain "NTLMSSP" and a zero, as MS-NLMP has it
    bool errors_show_ntlm = false;  ///< all error tokens do, which no package's do

    // Handshake.
    side client;
    side server;
    bool client_decides = true;  ///< what the client asks is granted; else only what the server asks, too
    std::size_t token_size = 0;  ///< handshake tokens are stretched to this many bytes
    bool stream_framing = false; ///< SEC_E_INCOMPLETE_MESSAGE for a truncated token, SECBUFFER_EXTRA for what follows
    ULONG extra_excess = 0;      ///< SECBUFFER_EXTRA claims so many bytes more than are left
    no_output when_done = no_output::empty;
    no_output when_failed = no_output::empty; ///< after a failure without an error token

    // Contexts.
    bool expired = false;                     ///< message calls say SEC_E_CONTEXT_EXPIRED
    std::int64_t expiry = 0x01DD000000000000; ///< reported everywhere, local time as Windows does
    std::int64_t start = 0;                   ///< of a context's life
    HANDLE access_token = nullptr;            ///< what SECPKG_ATTR_ACCESS_TOKEN lends
    /// What SECPKG_ATTR_SESSION_KEY tells and ExportSecurityContext packs instead of the truth, for a test to look for.
    std::vector<std::byte> planted_secret;
    std::int64_t utc_offset = 0; ///< of the local time, in 100 ns: what is now east of Greenwich is positive
    native_name native_names = native_name::both;
    std::optional<ULONG> negotiation_state;    ///< what SECPKG_ATTR_NEGOTIATION_INFO says, instead of the truth
    std::optional<std::wstring> told_target;   ///< what SECPKG_ATTR_CLIENT_SPECIFIED_TARGET says, instead of the truth
    bool target_is_null = false;               ///< it says a null pointer
    std::wstring told_package;                 ///< replaces the name there, unless empty; cut to that one's length
    std::vector<ULONG> unsupported_attributes; ///< QueryContextAttributes says SEC_E_UNSUPPORTED_FUNCTION
    bool upper_half_is_the_systems = false;    ///< of handles: Wine's secur32 keeps the package there
    bool credentials_outlive_contexts = false; ///< if true, freeing credentials before their contexts is a violation
    std::optional<SECURITY_IMPERSONATION_LEVEL> impersonation_level; ///< else as the granted flags say
    /// SetThreadToken lowers higher tokens to this level and says nothing, as without SeImpersonatePrivilege.
    std::optional<SECURITY_IMPERSONATION_LEVEL> highest_thread_level;
};

options& configure();

/// The environment variable that changes what reset() sets: one of "readonly", "stream", "mutual_auth", "client_decides",
/// each of which turns a behaviour round that programs must not rely on.
inline constexpr auto toggle_variable = "SSPAN_LOOPBACK_TOGGLE";

/// Forgets everything: objects, settings, faults, counts, violations, the calling thread's impersonation.
void reset();

/// For both sides at once: `isc_ret_flags` are ISC_RET_ bits and are translated for the server.
void deny_flags(ULONG isc_ret_flags);

/// What the program got from the package and has not given back.
struct live_counts {
    std::size_t credentials = 0;
    std::size_t contexts = 0;
    std::size_t package_blocks = 0; ///< SecPkgInfoW, alone, listed, or in an attribute
    std::size_t string_blocks = 0;
    std::size_t key_blocks = 0;
    std::size_t token_blocks = 0;          ///< handshake tokens by ..._ALLOCATE_MEMORY
    std::size_t identities = 0;            ///< from make_identity
    std::size_t thread_tokens = 0;         ///< handles of access tokens
    std::size_t impersonating_threads = 0; ///< threads that still carry a client's token
    [[nodiscard]] bool none() const noexcept;
};

[[nodiscard]] live_counts live();

/// Misuse that Windows would leave undefined, or leave unnoticed: a handle used after its end, overlapping buffers, a
/// null password, an ISC_ flag given to AcceptSecurityContext, ...
[[nodiscard]] std::size_t violations();
[[nodiscard]] std::vector<std::string> violation_list();

/// One for each call to the OS.
enum class function : unsigned char {
#define LOOPBACK_NAME(result, name, os_name, parameters) name,
    SSPAN_OS_CALLS(LOOPBACK_NAME)
#undef LOOPBACK_NAME
};
#define LOOPBACK_COUNT(result, name, os_name, parameters) +1
inline constexpr std::size_t function_count = 0 SSPAN_OS_CALLS(LOOPBACK_COUNT);
#undef LOOPBACK_COUNT

/// What `last_flags` of open_thread_token has beside the access asked for, if OpenAsSelf was TRUE.
inline constexpr ULONG as_self_flag = 0x80000000;
/// What `last_flags` of duplicate_token has beside the access asked for, if the new token is to be a primary one.
inline constexpr ULONG as_primary_flag = 0x80000000;

/// Calls since reset(), failed and injected ones included.
[[nodiscard]] std::size_t calls(function which);

// Faults. `nth` is counted from now; 1 is the next call. For the calls about tokens `status` is a Win32 error.

/// The nth call does nothing but return `status`.
void fail_at(function which, std::size_t nth, SECURITY_STATUS status);
/// So does every call from the nth on.
void fail_from(function which, std::size_t nth, SECURITY_STATUS status);
/// The nth call does its work; if that succeeds, `status` is returned for it: another success, since what a call that
/// says it failed has made would stay alive.
void return_after(function which, std::size_t nth, SECURITY_STATUS status);
/// `action` runs just before the nth call does its work.
void on_call(function which, std::size_t nth, std::function<void()> action);

/// A package that answers what no package may: the first buffer of the named type comes back one byte larger than it
/// was given, or pointing at memory that is not the caller's.
enum class hostile_output : unsigned char {
    token_size,
    padding_size,
    data_size,
    token_pointer,
    padding_pointer,
    data_pointer,
    token_empty, ///< and claims a success
};
/// The nth call does its work; if that succeeds, its outputs are falsified.
void hostile_at(function which, std::size_t nth, hostile_output how);
/// Forgets all faults ordered so far.
void clear_faults();

/// One buffer as it was handed in.
struct seen_buffer {
    ULONG type = 0;
    ULONG size = 0;
    const void* memory = nullptr;
};
/// The buffers of the last call (at most 8): a handshake step's outputs, a message call's buffers.
[[nodiscard]] std::vector<seen_buffer> last_buffers(function which);
/// The last call's flag word: requested context flags, credential use, quality of protection, attribute number.
[[nodiscard]] ULONG last_flags(function which);

/// Whether the calling thread is inside a call of the package: what it allocates there is not the library's.
[[nodiscard]] bool inside() noexcept;

/// A PSEC_WINNT_AUTH_IDENTITY_OPAQUE, as SspiEncodeStringsAsAuthIdentity makes it.
[[nodiscard]] void* make_identity(const std::wstring& user, const std::wstring& domain, const std::wstring& password);

/// What SetCredentialsAttributes was told last: the KDC proxy server of the credentials.
[[nodiscard]] std::wstring kdc_proxy(const CredHandle& credentials);

/// Bytes that secure_zero has wiped since reset().
[[nodiscard]] std::size_t wiped_bytes();

/// fail_fast() ends the process with this exit code, after "loopback: fail_fast" on stderr.
inline constexpr int fail_fast_exit_code = 134;

/// Whom the calling thread impersonates, as DOMAIN\user; empty for nobody.
[[nodiscard]] std::wstring current_thread_client();
/// The level of the calling thread's impersonation, if there is one.
[[nodiscard]] std::optional<SECURITY_IMPERSONATION_LEVEL> current_thread_level();
/// Makes the calling thread impersonate `client` without any context, for a test's "someone did so before".
void impersonate_on_thread(const std::wstring& client, SECURITY_IMPERSONATION_LEVEL level);
/// Ends it, or any impersonation on the calling thread.
void stop_impersonating_on_thread();
/// A primary token that stands for `client`, as OpenProcessToken returns one. close_handle closes it.
[[nodiscard]] HANDLE make_primary_token(const std::wstring& client);

} // namespace loopback
