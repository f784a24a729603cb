// SPDX-License-Identifier: MIT
//
// The headers, with other definitions and includes around them, as users may have. CMakeLists.txt compiles this file
// several times.
#if defined(WINDOWS_FIRST)
#include <windows.h>
#endif

#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/protocol/negotiate_stream.hpp>
#include <sspan/protocol/sasl.hpp>
#include <sspan/sspan.hpp>

#if defined(_WIN32)
#if defined(LEAN) != defined(WIN32_LEAN_AND_MEAN)
#error "sspan has changed WIN32_LEAN_AND_MEAN"
#endif
#if !defined(WINDOWS_FIRST) && (defined(min) || defined(max))
#error "sspan has left min or max"
#endif
#endif

#if defined(WINDOWS_LAST)
#include <winsock2.h> // fails if the first Winsock was included before

#include <windows.h>
#endif

#if defined(CXX23)
#if defined(_MSVC_LANG)
static_assert(_MSVC_LANG > 202002L);
#else
static_assert(__cplusplus > 202002L);
#endif
#endif

std::size_t use(sspan::security_context& context, std::span<std::byte> room) {
    const auto limit = sspan::max_payload(context.sizes(), 4096);
    return context.sign("text", room).size() + limit + sspan::enumerate_packages().size();
}
