// SPDX-License-Identifier: MIT
//
// Two sides that try to establish a context. An attacker between them can change their tokens in any way, or be one of
// the two.
#include "handshake_exchange.hpp"
#include "small_package.hpp"

namespace {

using namespace fuzzing;

/// Chooses the package's behaviour. No choice may make the library misuse the package.
void choose_package(input& in, loopback::options& options) {
    for (auto* const profile : {&options.kerberos, &options.ntlm, &options.negotiate}) {
        profile->legs = in.number(1U, 5U);
        profile->extended_error = in.flag();
    }
    for (auto* const side : {&options.client, &options.server}) {
        side->final_status = in.flag() ? SEC_I_COMPLETE_NEEDED : SEC_E_OK;
        side->continue_status = in.pick(std::array<SECURITY_STATUS, 3>{
            SEC_I_CONTINUE_NEEDED, SEC_I_COMPLETE_AND_CONTINUE, sspan::detail::sec_i::continue_needed_message_ok});
        side->fragment_size = in.rarely() ? in.number<ULONG>(1, 100) : 0;
        side->incomplete_credentials = in.rarely();
        side->deny_flags = in.rarely() ? in.any<ULONG>() : 0;
        side->add_flags = in.rarely() ? ULONG{ISC_RET_MUTUAL_AUTH} : 0;
    }
    options.dce_legs = in.number(1U, 4U);
    options.client_decides = in.flag();
    options.token_size = in.rarely() ? in.number(std::size_t{0}, std::size_t{3000}) : 0;
    options.when_done = in.flag() ? loopback::no_output::null_pointer : loopback::no_output::empty;
    options.when_failed = static_cast<loopback::no_output>(in.number(0, 2));
    options.stream_framing = in.flag();
    options.fall_back_to_ntlm = in.flag();
    options.negotiate_winner = in.flag() ? loopback::package::ntlm : loopback::package::kerberos;
    if (in.rarely()) {
        options.unsupported_attributes = {in.flag() ? ULONG{SECPKG_ATTR_SIZES} : ULONG{SECPKG_ATTR_NEGOTIATION_INFO}};
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    loopback::reset();
    keep_small();
    {
        input in{data, size};
        if (in.flag()) {
            choose_package(in, loopback::configure());
        }
        handshake_exchange talk{in};
        if (in.rarely()) {
            talk.establish();
        } else {
            for (int steps = 0; steps != 40 && !talk.is_over(); ++steps) {
                talk.one_more();
            }
        }
        talk.finish();
    }
    require(loopback::live().none(), "no object is leaked");
    for (const auto& violation : loopback::violation_list()) {
        require(false, violation.c_str());
    }
    return 0;
}
