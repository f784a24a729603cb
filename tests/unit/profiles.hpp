// SPDX-License-Identifier: MIT
//
// The three packages with message protection, for tests of each of them.
#pragma once

#include "fixture.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

namespace testing_support {

struct profile {
    const char* name;
    std::wstring_view package;
    bool mutual_auth; ///< NTLM never proves the server's identity
    loopback::profile loopback::options::* member;

    [[nodiscard]] loopback::profile& settings() const { return loopback::configure().*member; }
    [[nodiscard]] sspan::client_options client_options() const {
        return mutual_auth ? sspan::client_options{} : without_mutual_auth();
    }
};

inline const profile kerberos{"Kerberos", sspan::package::kerberos, true, &loopback::options::kerberos};
inline const profile ntlm{"NTLM", sspan::package::ntlm, false, &loopback::options::ntlm};
inline const profile negotiate{"Negotiate", sspan::package::negotiate, true, &loopback::options::negotiate};
inline const std::array profiles{kerberos, ntlm, negotiate};

inline void PrintTo(const profile& which, std::ostream* out) {
    *out << which.name;
}

inline established establish(const profile& which) {
    return establish(which.package, which.client_options());
}

/// The two forms of every function that can fail.
enum class surface { error_code, exception };
inline constexpr std::array surfaces{surface::error_code, surface::exception};

inline void PrintTo(surface which, std::ostream* out) {
    *out << (which == surface::error_code ? "error_code" : "exception");
}

class profile_test : public loopback_test, public ::testing::WithParamInterface<profile> {};
class surface_test : public loopback_test, public ::testing::WithParamInterface<std::tuple<profile, surface>> {
protected:
    [[nodiscard]] static const profile& which_profile() { return std::get<0>(GetParam()); }
    [[nodiscard]] static surface which_surface() { return std::get<1>(GetParam()); }
};

inline auto each_profile() {
    return ::testing::ValuesIn(profiles);
}
inline auto each_profile_and_surface() {
    return ::testing::Combine(::testing::ValuesIn(profiles), ::testing::ValuesIn(surfaces));
}

struct name_of {
    std::string operator()(const ::testing::TestParamInfo<profile>& info) const { return info.param.name; }
    std::string operator()(const ::testing::TestParamInfo<surface>& info) const {
        return info.param == surface::error_code ? "error_code" : "exception";
    }
    std::string operator()(const ::testing::TestParamInfo<std::tuple<profile, surface>>& info) const {
        return std::get<0>(info.param).name +
               std::string{std::get<1>(info.param) == surface::error_code ? "_error_code" : "_exception"};
    }
};

/// The result of a call, on either surface.
struct outcome {
    std::error_code code;
    std::string what;     ///< text of the exception, if any
    std::string function; ///< function in the exception, if any
};

/// Calls `with_code(ec)` or `throwing()`, depending on `which`.
template <class WithCode, class Throwing>
outcome outcome_of(surface which, WithCode with_code, Throwing throwing) {
    outcome result;
    if (which == surface::error_code) {
        result.code = sspan::errc::no_spm; // a success must clear it
        with_code(result.code);
    } else {
        try {
            throwing();
        } catch (const sspan::error& failure) {
            result = {failure.code(), failure.what(), failure.function()};
        }
    }
    return result;
}

/// Calls `call(ec)` or `call()`, as `which` says. Use it if both are written alike:
/// `outcome_of(which, [&](auto&... ec) { context.sign(message, room, {}, ec...); })`.
template <class Call>
outcome outcome_of(surface which, Call call) {
    return outcome_of(which, [&](std::error_code& ec) { call(ec); }, [&] { call(); });
}

/// Succeeds if the error is `code`, and, on the throwing surface, if the exception names `function`.
inline ::testing::AssertionResult failed_with(const outcome& result, std::error_code code, std::string_view function) {
    if (result.code != code) {
        return ::testing::AssertionFailure() << "expected " << code.message() << ", got " << result.code.message();
    }
    if (!result.what.empty() && (!std::string_view{result.what}.starts_with(function) || result.function != function)) {
        return ::testing::AssertionFailure() << "blames " << result.function << ", says " << result.what;
    }
    return ::testing::AssertionSuccess();
}

inline ::testing::AssertionResult succeeded(const outcome& result) {
    if (result.code) {
        return ::testing::AssertionFailure() << result.code.message() << ' ' << result.what;
    }
    return ::testing::AssertionSuccess();
}

#if SIZE_MAX > 0xFFFFFFFF
/// A span that is too large for SSPI, which would see size 0. It has no memory: it overlaps nothing and cannot be read.
inline std::span<std::byte> more_than_4_gib() {
    return {reinterpret_cast<std::byte*>(std::uintptr_t{1} << 48), std::size_t{1} << 32};
}
#endif

/// A status as the library reports it.
inline std::error_code sspi_code(SECURITY_STATUS status) {
    return {static_cast<int>(status), sspan::category()};
}
inline SECURITY_STATUS sspi_status(unsigned value) {
    return static_cast<SECURITY_STATUS>(value);
}

/// Every failure that SSPI names, and some without a name.
inline const std::vector<SECURITY_STATUS>& all_failures() {
    static const std::vector<SECURITY_STATUS> list{
#define SSPAN_ROW(name, value, symbol, meaning) static_cast<SECURITY_STATUS>(value),
        SSPAN_SEC_E(SSPAN_ROW)
#undef SSPAN_ROW
            sspi_status(0xC000006DU), // STATUS_LOGON_FAILURE
        sspi_status(0xC000000DU),     // STATUS_INVALID_PARAMETER
        sspi_status(0x80070005U),     // HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED)
        sspi_status(0x800903FFU),     // in SSPI's range, without a name
    };
    return list;
}

/// Every success code of SSPI except SEC_E_OK.
inline const std::vector<SECURITY_STATUS>& all_informational() {
    static const std::vector<SECURITY_STATUS> list = [] {
        std::vector<SECURITY_STATUS> rows{
#define SSPAN_ROW(name, value, symbol, meaning) static_cast<SECURITY_STATUS>(value),
            SSPAN_SEC_I(SSPAN_ROW)
#undef SSPAN_ROW
        };
        std::erase(rows, SECURITY_STATUS{SEC_E_OK});
        return rows;
    }();
    return list;
}

} // namespace testing_support
