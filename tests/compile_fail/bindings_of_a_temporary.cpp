// expect: (deleted|use of deleted)
// SPDX-License-Identifier: MIT
//
// A view of channel bindings that no longer exist.
#include <sspan/channel_bindings.hpp>

std::size_t program(std::span<const std::byte> exported) {
#if defined(MUST_FAIL)
    const auto native = sspan::channel_bindings::tls_exporter(exported).native();
#else
    const auto bindings = sspan::channel_bindings::tls_exporter(exported);
    const auto native = bindings.native();
#endif
    return native.size();
}
