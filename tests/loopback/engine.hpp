// SPDX-License-Identifier: MIT
//
// The security package itself: SSPI's functions with SSPI's types. The fronts (seam and DLL) call it. Credentials and
// contexts are looked up by number. Numbers are never reused, so a stale handle is always detected.
#pragma once

#include "control.hpp"
#include "state.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace loopback {

struct handshake_token;
struct message_buffers;
struct message_rules;
enum class operation : unsigned char;

enum class block : unsigned char { package_info, string, key, token, identity };

/// One handshake step's arguments, the same for both sides.
struct step_arguments {
    CredHandle* credential;
    CtxtHandle* context;
    const SEC_WCHAR* target; ///< for the client only
    ULONG request;
    ULONG data_representation;
    SecBufferDesc* input;
    CtxtHandle* new_context;
    SecBufferDesc* output;
    ULONG* attributes;
    TimeStamp* expiry;
};

class engine {
public:
    static engine& instance();

    // Packages and credentials.
    SECURITY_STATUS enumerate(ULONG* count, SecPkgInfoW** packages);
    SECURITY_STATUS query_package(const SEC_WCHAR* name, SecPkgInfoW** info);
    SECURITY_STATUS free_buffer(void* memory);
    SECURITY_STATUS acquire(const SEC_WCHAR* principal, const SEC_WCHAR* name, ULONG use, const void* auth_data,
                            CredHandle* handle, TimeStamp* expiry);
    SECURITY_STATUS free_credentials(const CredHandle* handle);
    SECURITY_STATUS query_credentials(const CredHandle* handle, ULONG attribute, void* buffer);
    SECURITY_STATUS set_credentials(const CredHandle* handle, ULONG attribute, const void* buffer, ULONG size);
    void free_identity(void* identity);

    // Contexts.
    SECURITY_STATUS step(role side, const step_arguments& arguments);
    SECURITY_STATUS complete(const CtxtHandle* handle, const SecBufferDesc* token);
    SECURITY_STATUS delete_context(const CtxtHandle* handle);
    SECURITY_STATUS query_context(const CtxtHandle* handle, ULONG attribute, void* buffer);
    SECURITY_STATUS export_context(const CtxtHandle* handle, ULONG flags, SecBuffer* packed, HANDLE* token);
    SECURITY_STATUS import_context(const SEC_WCHAR* name, const SecBuffer* packed, HANDLE token, CtxtHandle* handle);
    SECURITY_STATUS query_token(const CtxtHandle* handle, HANDLE* token);
    SECURITY_STATUS impersonate(const CtxtHandle* handle);
    SECURITY_STATUS revert(const CtxtHandle* handle);

    // Messages. These functions allocate only for reports of misuse.
    SECURITY_STATUS sign(const CtxtHandle* handle, ULONG quality, SecBufferDesc* message, ULONG number);
    SECURITY_STATUS verify(const CtxtHandle* handle, SecBufferDesc* message, ULONG* quality, ULONG number);
    SECURITY_STATUS encrypt(const CtxtHandle* handle, ULONG quality, SecBufferDesc* message, ULONG number);
    SECURITY_STATUS decrypt(const CtxtHandle* handle, SecBufferDesc* message, ULONG* quality, ULONG number);

    // Functions for control.hpp.
    [[nodiscard]] void* make_identity(std::u16string_view user, std::u16string_view domain,
                                      std::u16string_view password);
    [[nodiscard]] std::u16string kdc_proxy(const CredHandle* handle);
    options settings;
    void reset();
    [[nodiscard]] live_counts live();
    void violation(std::string what);
    [[nodiscard]] std::vector<std::string> violations();

    /// The profile that sets the sizes of a context's messages.
    [[nodiscard]] const profile& message_profile(const context& of) const noexcept;
    [[nodiscard]] const profile& profile_of(package pkg) const noexcept;
    [[nodiscard]] mac_key secret() const noexcept;

private:
    engine();
    struct outcome;
    struct step_buffers;

    template <class Object>
    using table = std::unordered_map<std::uintptr_t, std::shared_ptr<Object>>;

    [[nodiscard]] std::shared_ptr<credential> find_credential(const CredHandle* handle, std::string_view caller);
    [[nodiscard]] std::shared_ptr<context> find_context(const CtxtHandle* handle, std::string_view caller);
    [[nodiscard]] std::shared_ptr<context> find_for_message(const CtxtHandle* handle, operation what,
                                                            SecBufferDesc* list, message_buffers& buffers,
                                                            SECURITY_STATUS& status);
    [[nodiscard]] message_rules rules_for(const context& ctx, const message_buffers& buffers) const noexcept;
    [[nodiscard]] bool is_marked(const SecHandle& handle, std::uintptr_t mark) const noexcept;
    [[nodiscard]] std::uintptr_t next_id() noexcept;

    [[nodiscard]] void* allocate(block kind, std::size_t size);
    [[nodiscard]] SEC_WCHAR* allocate_string(std::u16string_view text);
    [[nodiscard]] unsigned char* allocate_bytes(std::span<const std::byte> bytes);
    [[nodiscard]] SecPkgInfoW* allocate_infos(const package* packages, std::size_t count);

    // The stages of one handshake step.
    SECURITY_STATUS first_context(role side, const step_arguments& arguments, std::shared_ptr<context>& made);
    SECURITY_STATUS known_context(role side, const step_arguments& arguments, std::shared_ptr<context>& found);
    SECURITY_STATUS read_buffers(role side, const step_arguments& arguments, step_buffers& buffers);
    SECURITY_STATUS read_bindings(const SecBuffer& buffer, digest& bindings);
    [[nodiscard]] bool flags_fit(role side, ULONG request);
    SECURITY_STATUS go_on(context& ctx, const step_arguments& arguments, const step_buffers& buffers);
    SECURITY_STATUS hand_out(context& ctx, outcome& result, ULONG asked, SecBuffer& output);
    [[nodiscard]] bool hand_out_error(const outcome& result, SecBuffer& output) const;

    // The meaning of a step, without buffers.
    [[nodiscard]] outcome advance(context& ctx, ULONG asked, std::span<const std::byte> input);
    [[nodiscard]] outcome first_leg(context& ctx, ULONG asked);
    [[nodiscard]] SECURITY_STATUS take(context& ctx, ULONG asked, const handshake_token& token);
    [[nodiscard]] SECURITY_STATUS take_from_client(context& ctx, ULONG asked, const handshake_token& token);
    [[nodiscard]] SECURITY_STATUS choose_mechanism(context& ctx, ULONG asked) const;
    [[nodiscard]] SECURITY_STATUS ask_kdc(const credential& who, bool target_is_known) const;
    void make_token(context& ctx, outcome& result);
    void make_error_token(const context& ctx, const handshake_token* answered, const digest& check, outcome& result);
    void grant(context& ctx, ULONG asked) const;
    void derive_keys(context& ctx) const;
    [[nodiscard]] digest make_nonce() noexcept;
    [[nodiscard]] digest proof_of(std::u16string_view user, std::u16string_view password, bool logged_on) const;
    [[nodiscard]] const side& side_of(const context& ctx) const noexcept;

    std::mutex mutex_;
    table<credential> credentials_;
    table<context> contexts_;
    struct owned_block {
        block kind;
        std::size_t size;
    };
    std::unordered_map<void*, owned_block> blocks_;
    std::vector<std::string> violations_;
    std::uintptr_t last_id_ = 0;
    std::atomic<std::uint64_t> nonces_{0};
};

[[nodiscard]] std::optional<package> package_named(std::u16string_view name);
/// Takes memory that FreeContextBuffer frees.
[[nodiscard]] void* take_memory(std::size_t size) noexcept;
void give_memory_back(void* memory) noexcept;
void set_time(TimeStamp* time, std::int64_t value) noexcept;
void set_handle(SecHandle& handle, std::uintptr_t id, bool is_context) noexcept;

} // namespace loopback
