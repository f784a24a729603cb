// SPDX-License-Identifier: MIT
//
// The common part of the two substitutes for Windows, Wine and WinPR. Their packages accept only one SECBUFFER_DATA,
// and ignore some requests.
#pragma once

#include "platform.hpp"

#include <cstddef>
#include <cstring> // std::memcpy
#include <memory>
#include <new> // std::nothrow
#include <span>

namespace sspan::inline SSPAN_API_NAMESPACE::detail {

/// Returns true if an identity has a list of packages.
[[nodiscard]] inline bool has_package_list(const void* auth_data) noexcept {
    const void* const volatile given = auth_data; // g++ 12 would warn about the second copy
    SEC_WINNT_AUTH_IDENTITY_EXW identity{};
    if (given == nullptr) {
        return false;
    }
    std::memcpy(&identity.Version, given, sizeof identity.Version); // the other structure begins with a pointer
    if (identity.Version != SEC_WINNT_AUTH_IDENTITY_VERSION) {
        return false;
    }
    std::memcpy(&identity, given, sizeof identity);
    return identity.PackageListLength != 0;
}

/// Returns true if the input of a step has channel bindings.
[[nodiscard]] inline bool has_bindings(const SecBufferDesc* input) noexcept {
    for (ULONG i = 0; input != nullptr && i != input->cBuffers; ++i) {
        if (input->pBuffers[i].BufferType == SECBUFFER_CHANNEL_BINDINGS) {
            return true;
        }
    }
    return false;
}

// The packages ignore these flags, or use them without reporting them. WinPR's Kerberos omits integrity for the first
// one.
/// ISC_REQ_NO_INTEGRITY and ISC_REQ_UNVERIFIED_TARGET_NAME.
inline constexpr ULONG unheeded_by_initialize = 0x00800000 | 0x20000000;
/// ASC_REQ_ALLOW_MISSING_BINDINGS and ASC_REQ_PROXY_BINDINGS.
inline constexpr ULONG unheeded_by_accept = 0x10000000 | 0x04000000;

/// The buffers of a message by type. Data includes all parts that the package protects.
class message_parts {
public:
    explicit message_parts(const SecBufferDesc& message) noexcept : message_{message} {
        for (ULONG i = 0; i != message_.cBuffers; ++i) {
            auto& buffer = message_.pBuffers[i];
            switch (buffer.BufferType) {
            case SECBUFFER_TOKEN:
                token = &buffer;
                break;
            case SECBUFFER_STREAM:
                stream = &buffer;
                break;
            case SECBUFFER_PADDING:
                buffer.cbBuffer = 0; // the packages never pad
                break;
            case SECBUFFER_DATA:
                data = &buffer;
                size_ += buffer.cbBuffer;
                ++count_;
                break;
            case SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM:
                has_header = true;
                break;
            default:
                break;
            }
        }
    }
    message_parts(const message_parts&) = delete;
    message_parts& operator=(const message_parts&) = delete;
    ~message_parts() {
        for (std::size_t i = 0; gathered_ && i != size_; ++i) {
            static_cast<volatile std::byte*>(gathered_.get())[i] = std::byte{};
        }
    }

    /// Copies the data into one piece. @return false if there is not enough memory.
    [[nodiscard]] bool gather() noexcept {
        if (count_ < 2) {
            return true;
        }
        gathered_.reset(new (std::nothrow) std::byte[size_ + 1]);
        if (gathered_) {
            each_part([](std::byte* piece, SecBuffer& part) { std::memcpy(piece, part.pvBuffer, part.cbBuffer); });
        }
        return gathered_ != nullptr;
    }
    /// Copies the piece back into the parts.
    void scatter() noexcept {
        if (gathered_) {
            each_part([](std::byte* piece, SecBuffer& part) { std::memcpy(part.pvBuffer, piece, part.cbBuffer); });
        }
    }

    /// Returns the data in one piece.
    [[nodiscard]] std::span<std::byte> piece() const noexcept {
        auto* const only = data != nullptr ? static_cast<std::byte*>(data->pvBuffer) : nullptr;
        return {gathered_ ? gathered_.get() : only, size_};
    }

    SecBuffer* token = nullptr;
    SecBuffer* stream = nullptr;
    SecBuffer* data = nullptr; ///< The last part.
    bool has_header = false;   ///< True if a part is in the clear, but covered by the token.

private:
    template <class Copy>
    void each_part(Copy copy) noexcept {
        auto* piece = gathered_.get();
        for (ULONG i = 0; i != message_.cBuffers; ++i) {
            auto& part = message_.pBuffers[i];
            if (part.BufferType == SECBUFFER_DATA && part.cbBuffer != 0) {
                copy(piece, part);
                piece += part.cbBuffer;
            }
        }
    }

    SecBufferDesc message_;
    std::size_t size_ = 0;
    std::size_t count_ = 0;
    std::unique_ptr<std::byte[]> gathered_;
};

/// Returns a buffer for one piece of memory.
[[nodiscard]] inline SecBuffer one_buffer(ULONG type, std::span<const std::byte> bytes) noexcept {
    return {static_cast<ULONG>(bytes.size()), type, const_cast<std::byte*>(bytes.data())};
}

} // namespace sspan::inline SSPAN_API_NAMESPACE::detail
