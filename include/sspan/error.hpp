// SPDX-License-Identifier: MIT
//
// Errors: `errc` names SSPI's failures, `category()` describes them, `error` is thrown.
#pragma once

#include "os/status_codes.hpp"

#include <cstddef>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits> // std::true_type

namespace sspan::inline SSPAN_API_NAMESPACE {

/// SSPI's failures with SSPI's values: SEC_E_MESSAGE_ALTERED is `errc::message_altered`.
///
/// Packages may return other values, for example NTSTATUS values. These become a `std::error_code` of `category()` with
/// that value.
enum class errc : int {
#define SSPAN_ROW(name, value, symbol, meaning) name = static_cast<int>(value),
    SSPAN_SEC_E(SSPAN_ROW)
#undef SSPAN_ROW
        not_supported = unsupported_function, ///< SEC_E_NOT_SUPPORTED, which has the same value.
    no_spm = internal_error,                  ///< SEC_E_NO_SPM, which has the same value.

    /// HRESULT_FROM_WIN32(ERROR_BAD_IMPERSONATION_LEVEL)
    bad_impersonation_level = static_cast<int>(0x80070542),
    /// HRESULT_FROM_WIN32(ERROR_CANT_OPEN_ANONYMOUS)
    cannot_open_anonymous = static_cast<int>(0x80070543),
    /// HRESULT_FROM_WIN32(ERROR_NO_IMPERSONATION_TOKEN)
    no_impersonation_token = static_cast<int>(0x8007051D),
    /// HRESULT_FROM_WIN32(ERROR_BAD_TOKEN_TYPE)
    bad_token_type = static_cast<int>(0x80070545),
};

namespace detail {

inline std::string hexadecimal(unsigned value) {
    std::string text = "0x";
    for (int shift = 28; shift >= 0; shift -= 4) {
        text += "0123456789ABCDEF"[(value >> shift) & 0xF];
    }
    return text;
}

class category_type final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "sspi"; }

    [[nodiscard]] std::string message(int status) const override {
        std::string_view symbol = "unknown status";
        std::string_view meaning = "SSPI's headers do not name this value";
        switch (static_cast<unsigned>(status)) {
#define SSPAN_ROW(name, value, row_symbol, row_meaning)                                                                \
    case value:                                                                                                        \
        symbol = row_symbol;                                                                                           \
        meaning = row_meaning;                                                                                         \
        break;
            SSPAN_SEC_E(SSPAN_ROW)
            SSPAN_SEC_I(SSPAN_ROW)
            SSPAN_ROW(bad_impersonation_level, 0x80070542, "ERROR_BAD_IMPERSONATION_LEVEL",
                      "the client allows less than the impersonation level that is required")
            SSPAN_ROW(cannot_open_anonymous, 0x80070543, "ERROR_CANT_OPEN_ANONYMOUS",
                      "the thread acts as an anonymous client already, and that token cannot be opened or restored")
            SSPAN_ROW(no_impersonation_token, 0x8007051D, "ERROR_NO_IMPERSONATION_TOKEN",
                      "the thread did not act as the client any more: its work has changed the thread's token")
            SSPAN_ROW(bad_token_type, 0x80070545, "ERROR_BAD_TOKEN_TYPE",
                      "an impersonation token was needed, and this is a primary token")
#undef SSPAN_ROW
        default:
            if ((static_cast<unsigned>(status) >> 16) == 0x8007) { // HRESULT_FROM_WIN32
                symbol = "Win32 error";
                meaning = "the low 16 bits are the code that GetLastError returned";
            } else if ((static_cast<unsigned>(status) >> 28) == 0xC) {
                symbol = "NTSTATUS";
                meaning = "the package failed with a status of the kernel's family";
            }
            break;
        }
        return std::string{symbol} + " (" + hexadecimal(static_cast<unsigned>(status)) + "): " + std::string{meaning};
    }

    [[nodiscard]] std::error_condition default_error_condition(int status) const noexcept override {
        switch (static_cast<errc>(status)) {
        case errc::insufficient_memory:
            return std::errc::not_enough_memory;
        case errc::invalid_handle:
        case errc::invalid_parameter:
            return std::errc::invalid_argument;
        case errc::unsupported_function:
            return std::errc::function_not_supported;
        case errc::buffer_too_small:
            return std::errc::no_buffer_space;
        case errc::message_altered:
        case errc::illegal_message:
        case errc::invalid_token:
            return std::errc::bad_message;
        case errc::out_of_sequence:
            return std::errc::protocol_error;
        case errc::logon_denied:
        case errc::not_owner:
        case errc::bad_impersonation_level:
        case errc::cannot_open_anonymous:
            return std::errc::permission_denied;
        default:
            return {status, *this};
        }
    }
};

} // namespace detail

/// The category of SSPI's statuses. `message` returns the symbol, the value and one sentence, the same on every
/// platform.
[[nodiscard]] inline const std::error_category& category() noexcept {
    // This object is never destroyed, because code may use errors while the program exits.
    alignas(detail::category_type) static std::byte memory[sizeof(detail::category_type)];
    static const std::error_category* const instance = ::new (memory) detail::category_type;
    return *instance;
}

/// Converts `code` to a std::error_code of `category()`.
[[nodiscard]] inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), category()};
}

/// Returns the HRESULT that SSPI returned for `code`, and S_OK for no error. For other categories and for unexpected
/// success codes, it returns E_FAIL.
[[nodiscard]] inline HRESULT to_hresult(const std::error_code& code) noexcept {
    if (!code) {
        return 0;
    }
    return code.category() == category() && code.value() < 0 ? code.value() : static_cast<HRESULT>(0x80004005U);
}

/// The exception of all throwing functions, apart from std::bad_alloc and std::length_error.
class error : public std::system_error {
public:
    /// `function`, a string literal, names the failed function. `what()` begins with it.
    error(std::error_code code, const char* function) : error{code, function, function} {}

    /// Returns the name of the SSPI function that failed, or that a refused argument was meant for. If there is no such
    /// function, it returns the name of the sspan function.
    [[nodiscard]] const char* function() const noexcept { return function_; }

protected:
    /// `what()` begins with `description`, which begins with `function`.
    error(std::error_code code, const char* function, const std::string& description)
        : std::system_error{code, description}, function_{function} {}

private:
    const char* function_;
};

namespace detail {

/// Converts any status, even one without a name.
inline errc to_errc(SECURITY_STATUS status) noexcept {
    return static_cast<errc>(status);
}

/// SEC_E_ and NTSTATUS values are negative; every other status is a success.
inline std::error_code failure(SECURITY_STATUS status) noexcept {
    return status < 0 ? std::error_code{static_cast<int>(status), category()} : std::error_code{};
}

/// Sets `ec` for a call that succeeds only with SEC_E_OK. @return true for SEC_E_OK.
inline bool succeeded(SECURITY_STATUS status, std::error_code& ec) noexcept {
    if (status != 0) {
        ec.assign(static_cast<int>(status), category());
    } else if (ec) { // the message path does not write to a clear `ec`
        ec.clear();
    }
    return status == 0;
}

inline bool succeeded(errc status, std::error_code& ec) noexcept {
    return succeeded(static_cast<SECURITY_STATUS>(status), ec);
}

/// Converts a GetLastError value to an HRESULT. A function that the system does not have becomes
/// `unsupported_function`.
inline std::error_code win32_failure(DWORD code) noexcept {
    if (code == ERROR_CALL_NOT_IMPLEMENTED) {
        return {static_cast<int>(errc::unsupported_function), category()};
    }
    return code == 0 ? std::error_code{}
                     : std::error_code{static_cast<int>(0x80070000U | (code & 0xFFFFU)), category()};
}

inline void throw_if(const std::error_code& code, const char* function) {
    if (code) {
        throw error{code, function};
    }
}

/// For message calls, which create a std::error_code only for failures.
inline void throw_if(errc status, const char* function) {
    if (status != errc{}) {
        throw error{make_error_code(status), function};
    }
}

} // namespace detail

} // namespace sspan::inline SSPAN_API_NAMESPACE

template <>
struct std::is_error_code_enum<sspan::errc> : std::true_type {};
