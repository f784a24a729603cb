// SPDX-License-Identifier: MIT
//
// A security package, behind the seam, that answers what it likes: the fuzzer's input says what. It keeps to what no
// caller could check, which is that memory it says to be allocated is, and that a call that failed has made nothing. It
// ends the program when something is given back twice, or used when it is gone.
#pragma once

#include "input.hpp"
#include <sspan/os/api.hpp> // its functions are defined in hostile*.cpp

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
    /// Ends the program if something has not been given back.
    void end();

    [[nodiscard]] fuzzing::input& in() { return *in_; }
    [[nodiscard]] SECURITY_STATUS status();
    [[nodiscard]] SECURITY_STATUS status_of_step();
    [[nodiscard]] DWORD win32_error();

    /// A handle for the library to have, or one that is none. Which of them are its own is remembered.
    [[nodiscard]] SecHandle make_credentials() { return make_handle(credentials_); }
    [[nodiscard]] SecHandle make_context() { return make_handle(contexts_); }
    /// One that is certainly good.
    [[nodiscard]] SecHandle good_context() { return good_handle(contexts_); }
    [[nodiscard]] SecHandle good_credentials() { return good_handle(credentials_); }
    void use_credentials(const CredHandle* handle) const;
    void use_context(const CtxtHandle* handle) const;
    void end_credentials(const CredHandle* handle) { end_handle(credentials_, handle); }
    void end_context(const CtxtHandle* handle) { end_handle(contexts_, handle); }
    /// A step's answer to the context it was given, if any.
    void update_context(const CtxtHandle* given, CtxtHandle* updated, bool succeeded);

    /// Memory for FreeContextBuffer. `secret` bytes at its front must be zeros by then.
    [[nodiscard]] void* allocate(std::size_t size, std::size_t secret = 0);
    [[nodiscard]] SEC_WCHAR* text();
    [[nodiscard]] SecPkgInfoW* infos(std::size_t count);
    [[nodiscard]] unsigned char* secret(ULONG& size);
    void free(void* memory);

    /// Fills what it may write, and falsifies what the caller will look at.
    void answer(SecBufferDesc* buffers, bool writes_data);
    void falsify(SecBuffer& buffer);

    // Threads and their tokens. Client 0 is the process itself.
    [[nodiscard]] HANDLE make_token(unsigned client);
    [[nodiscard]] unsigned client_of(HANDLE token) const;
    void close(HANDLE token);
    [[nodiscard]] unsigned acts_as() const { return acts_as_; }
    void act_as(unsigned client) { acts_as_ = client; }
    /// The last attempt to act as before has failed, so ending the process is right.
    bool revert_has_failed = false;
    std::jmp_buf* process_end = nullptr; ///< where fail_fast goes, which must not return
    bool process_has_ended = false;      ///< so nothing fails any more: what the process held is given back
    void end_of_process();

    [[nodiscard]] void* make_identity();
    void free_identity(void* identity);

    std::size_t message_calls = 0;             ///< that the library has made
    SECURITY_STATUS message_status = SEC_E_OK; ///< of the last of them
    std::span<std::byte> step_output;          ///< that the last step was given
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
    std::map<void*, std::size_t> blocks_; ///< and how many bytes of each are a secret
    std::map<HANDLE, unsigned> tokens_;
    std::set<void*> identities_;
    unsigned acts_as_ = 0;
};

} // namespace hostile
