// SPDX-License-Identifier: MIT
//
// A peer, or an attacker between the two sides, sends other data than the next genuine message. The receiver must
// refuse it and leave no plaintext. It must accept the next genuine message.
#include "message_exchange.hpp"
#include "small_package.hpp"

namespace {

using namespace fuzzing;
using sspan::context_flags;

constexpr std::array packages{sspan::package::kerberos, sspan::package::ntlm, sspan::package::negotiate};

context_flags choose_flags(input& in) {
    constexpr std::array choices{
        sspan::message_protection,
        sspan::message_protection | context_flags::dce_style,
        context_flags::integrity,
        context_flags::integrity | context_flags::confidentiality,
        context_flags::integrity | context_flags::replay_detect,
        context_flags::integrity | context_flags::confidentiality | context_flags::datagram,
        sspan::message_protection | context_flags::datagram,
        context_flags::confidentiality,
        context_flags::none,
    };
    return in.pick(choices);
}

/// Chooses the package's behaviour: sizes, padding, accepted forms.
void choose_package(input& in, loopback::profile& profile) {
    profile.block_size = in.pick(std::array<ULONG, 4>{8, 0, 1, 16});
    profile.padding = in.number<ULONG>(0, 16);
    profile.pad_to_block = in.rarely();
    profile.max_signature = in.pick(std::array<ULONG, 4>{28, 40, 24, 0});
    profile.security_trailer = in.pick(std::array<ULONG, 4>{60, 76, 36, 0});
    profile.signature_shortfall = in.rarely() ? in.number<ULONG>(0, 20) : 0;
    profile.token_shortfall = in.rarely() ? in.number<ULONG>(0, 40) : 0;
    profile.stream = !in.flag();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    loopback::reset();
    keep_small();
    {
        input in{data, size};
        auto& options = loopback::configure();
        const auto package = in.pick(packages);
        if (in.flag()) {
            choose_package(in, options.kerberos);
            choose_package(in, options.negotiate);
            options.ntlm.stream = in.flag();
        }
        options.negotiate_winner = in.flag() ? loopback::package::ntlm : loopback::package::kerberos;
        if (in.rarely()) {
            options.unsupported_attributes = {SECPKG_ATTR_NEGOTIATION_INFO};
        }
        const auto require_flags = choose_flags(in);
        const auto request_flags = choose_flags(in);
        if (auto ends = establish(package, require_flags, request_flags)) {
            const bool is_ntlm =
                package == sspan::package::ntlm ||
                (package == sspan::package::negotiate && options.negotiate_winner == loopback::package::ntlm);
            message_exchange talk{in, *ends, require_flags, is_ntlm};
            while (in.more()) {
                talk.one_more();
            }
        }
    }
    require(loopback::live().none(), "no object is leaked");
    require(loopback::violations() == 0, "the package was not misused");
    return 0;
}
