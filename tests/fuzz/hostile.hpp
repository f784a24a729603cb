// SPDX-License-Identifier: MIT
//
// A hostile security package behind the seam: the fuzzer's input decides its answers. It obeys only the rules that a
// caller cannot verify: returned pointers are allocated, and failed calls create no objects. It ends the program if the
// caller frees something twice, or uses it after its end.
#pragma once

#include "input.hpp"
#include <sspan/os/api.hpp> // hostile*.cpp defines its functions

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <utility>

namespace hostile {

class package {
public:
    static package& instance();

    void begin(fuzzing::input& in);
    /// Ends the program if the caller has not freed something.
    void end();

    [[nodiscard]] fuzzing::input& in() { return *in_; }
    [[nodiscard]] SECURITY_STATUS status();
    [[nodiscard]] SECURITY_STATUS status_of_step();
    [[nodiscard]] DWORD win32_error();

    /// Makes a handle, valid or invalid. The package remembers its own valid handles.
    [[nodiscard]] SecHandle make_credentials() { return make_handle(credentials_); }
    [[nodiscard]] SecHandle make_context() { return make_handle(contexts_); }
    /// Makes a handle that is always valid.
    [[nodiscard]] SecHandle good_context() { return good_handle(contexts_); }
    [[nodiscard]] SecHandle good_credentials() { return good_handle(credentials_); }
    void use_credentials(const CredHandle* handle) const;
    void use_context(const CtxtHandle* handle) const;
    void end_credentials(const CredHandle* handle) { end_handle(credentials_, handle); }
    void end_context(const CtxtHandle* handle) { end_handle(contexts_, handle); }
    /// Sets the handle that a step returns. `given` is the context of a later step, null in the first step.
    void update_context(const CtxtHandle* given, CtxtHandle* updated, bool succeeded);

    /// Allocates memory for FreeContextBuffer. At that call its first `secret` bytes must be zeros.
    [[nodiscard]] void* allocate(std::size_t size, std::size_t secret = 0);
    [[nodiscard]] SEC_WCHAR* text();
    [[nodiscard]] SecPkgInfoW* infos(std::size_t count);
    [[nodiscard]] unsigned char* secret(ULONG& size);
    void free(void* memory);

    /// Fills the writable buffers, and falsifies the values that the caller reads.
    void answer(SecBufferDesc* buffers, bool writes_data);
    void falsify(SecBuffer& buffer);

    // Threads and their tokens. Client 0 is the process itself.
    [[nodiscard]] HANDLE make_token(unsigned client);
    [[nodiscard]] unsigned client_of(HANDLE token) const;
    void close(HANDLE token);
    [[nodiscard]] unsigned acts_as() const { return acts_as_; }
    void act_as(unsigned client) { acts_as_ = client; }
    /// The last attempt to revert has failed, so ending the process is right.
    bool revert_has_failed = false;
    std::jmp_buf* process_end = nullptr; ///< the target of fail_fast, which must not return
    bool process_has_ended = false;      ///< after that no call fails, so that everything can be freed
    void end_of_process();

    [[nodiscard]] void* make_identity();
    void free_identity(void* identity);

    std::size_t message_calls = 0;             ///< message calls by the library
    SECURITY_STATUS message_status = SEC_E_OK; ///< the status of the last message call
    std::span<std::byte> step_output;          ///< the output buffer of the last step
    std::size_t steps = 0;

private:
    using handles = std::set<std::pair<std::uintptr_t, std::uintptr_t>>;
    [[nodiscard]] SecHandle good_handle(handles& live);
    [[nodiscard]] SecHandle make_handle(handles& live);
    static void use(const handles& live, const SecHandle* handle);
    static void end_handle(handles& live, const SecHandle* handle);
    void write(SecBuffer& buffer);

    fuzzing::input* in_ = nullptr;
    std::uintptr_t last_id_ = 0;
    handles credentials_;
    handles contexts_;
    std::map<void*, std::size_t> blocks_; ///< number of secret bytes in each block
    std::map<HANDLE, unsigned> tokens_;
    std::set<void*> identities_;
    unsigned acts_as_ = 0;
};

} // namespace hostile
