// SPDX-License-Identifier: MIT
//
// What docs/from-sspi.md shows: SSPI's calls as programs make them, and the same with sspan.
#include <sspan/sspan.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#if defined(_WIN32) // WinPR's strings are not Windows'

namespace raw {

using bytes = std::vector<unsigned char>;

void send(const void* data, unsigned long size);
bytes receive();
[[noreturn]] void fail(SECURITY_STATUS status);

CredHandle acquire() {
    CredHandle credentials;
    TimeStamp expiry;
    SECURITY_STATUS status =
        AcquireCredentialsHandleW(nullptr, const_cast<SEC_WCHAR*>(L"Negotiate"), SECPKG_CRED_OUTBOUND, nullptr, nullptr,
                                  nullptr, nullptr, &credentials, &expiry);
    if (status != SEC_E_OK) {
        fail(status);
    }
    return credentials;
}

CredHandle acquire_for(std::wstring user, std::wstring domain, std::wstring password) {
    CredHandle credentials;
    TimeStamp expiry;
    SEC_WINNT_AUTH_IDENTITY_W identity{};
    identity.User = reinterpret_cast<unsigned short*>(user.data());
    identity.UserLength = static_cast<unsigned long>(user.size());
    identity.Domain = reinterpret_cast<unsigned short*>(domain.data());
    identity.DomainLength = static_cast<unsigned long>(domain.size());
    identity.Password = reinterpret_cast<unsigned short*>(password.data());
    identity.PasswordLength = static_cast<unsigned long>(password.size());
    identity.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    SECURITY_STATUS status =
        AcquireCredentialsHandleW(nullptr, const_cast<SEC_WCHAR*>(L"Negotiate"), SECPKG_CRED_OUTBOUND, nullptr,
                                  &identity, nullptr, nullptr, &credentials, &expiry);
    if (status != SEC_E_OK) {
        fail(status);
    }
    return credentials;
}

CtxtHandle connect(CredHandle credentials) {
    CtxtHandle context;
    TimeStamp expiry;
    unsigned long granted = 0;
    bytes made(12288);
    bytes received;
    bool first = true;
    for (;;) {
        SecBuffer in{static_cast<unsigned long>(received.size()), SECBUFFER_TOKEN, received.data()};
        SecBufferDesc input{SECBUFFER_VERSION, 1, &in};
        SecBuffer out{static_cast<unsigned long>(made.size()), SECBUFFER_TOKEN, made.data()};
        SecBufferDesc output{SECBUFFER_VERSION, 1, &out};
        SECURITY_STATUS status = InitializeSecurityContextW(
            &credentials, first ? nullptr : &context, const_cast<SEC_WCHAR*>(L"HTTP/web.corp.example"),
            ISC_REQ_MUTUAL_AUTH | ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY | ISC_REQ_SEQUENCE_DETECT, 0,
            SECURITY_NATIVE_DREP, first ? nullptr : &input, 0, &context, &output, &granted, &expiry);
        first = false;
        if (status != SEC_E_OK && status != SEC_I_CONTINUE_NEEDED) {
            fail(status);
        }
        if (out.cbBuffer != 0) {
            send(made.data(), out.cbBuffer);
        }
        if (status == SEC_E_OK) {
            return context;
        }
        received = receive();
    }
}

CtxtHandle accept(CredHandle credentials) {
    CtxtHandle context;
    TimeStamp expiry;
    unsigned long granted = 0;
    bytes made(12288);
    bool first = true;
    for (;;) {
        bytes received = receive();
        SecBuffer in{static_cast<unsigned long>(received.size()), SECBUFFER_TOKEN, received.data()};
        SecBufferDesc input{SECBUFFER_VERSION, 1, &in};
        SecBuffer out{static_cast<unsigned long>(made.size()), SECBUFFER_TOKEN, made.data()};
        SecBufferDesc output{SECBUFFER_VERSION, 1, &out};
        SECURITY_STATUS status = AcceptSecurityContext(&credentials, first ? nullptr : &context, &input,
                                                       ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY,
                                                       SECURITY_NATIVE_DREP, &context, &output, &granted, &expiry);
        first = false;
        if (status != SEC_E_OK && status != SEC_I_CONTINUE_NEEDED) {
            fail(status);
        }
        if (out.cbBuffer != 0) {
            send(made.data(), out.cbBuffer);
        }
        if (status == SEC_E_OK) {
            return context;
        }
    }
}

unsigned long room_for_a_signature(CtxtHandle context) {
    SecPkgContext_Sizes sizes;
    SECURITY_STATUS status = QueryContextAttributesW(&context, SECPKG_ATTR_SIZES, &sizes);
    if (status != SEC_E_OK) {
        fail(status);
    }
    return sizes.cbMaxSignature;
}

bytes sign(CtxtHandle context, SecPkgContext_Sizes sizes, std::string message) {
    bytes signature(sizes.cbMaxSignature);
    SecBuffer buffers[2] = {
        {static_cast<unsigned long>(message.size()), SECBUFFER_DATA, message.data()},
        {static_cast<unsigned long>(signature.size()), SECBUFFER_TOKEN, signature.data()},
    };
    SecBufferDesc list{SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = MakeSignature(&context, 0, &list, 0);
    if (status != SEC_E_OK) {
        fail(status);
    }
    signature.resize(buffers[1].cbBuffer);
    return signature;
}

void verify(CtxtHandle context, std::string message, bytes signature) {
    SecBuffer buffers[2] = {
        {static_cast<unsigned long>(message.size()), SECBUFFER_DATA, message.data()},
        {static_cast<unsigned long>(signature.size()), SECBUFFER_TOKEN, signature.data()},
    };
    SecBufferDesc list{SECBUFFER_VERSION, 2, buffers};
    unsigned long quality = 0;
    SECURITY_STATUS status = VerifySignature(&context, &list, 0, &quality);
    if (status != SEC_E_OK) {
        fail(status);
    }
}

void encrypt(CtxtHandle context, SecPkgContext_Sizes sizes, bytes data) {
    bytes token(sizes.cbSecurityTrailer);
    bytes padding(sizes.cbBlockSize);
    SecBuffer buffers[3] = {
        {static_cast<unsigned long>(token.size()), SECBUFFER_TOKEN, token.data()},
        {static_cast<unsigned long>(data.size()), SECBUFFER_DATA, data.data()},
        {static_cast<unsigned long>(padding.size()), SECBUFFER_PADDING, padding.data()},
    };
    SecBufferDesc list{SECBUFFER_VERSION, 3, buffers};
    SECURITY_STATUS status = EncryptMessage(&context, 0, &list, 0);
    if (status != SEC_E_OK) {
        fail(status);
    }
    for (const SecBuffer& buffer : buffers) {
        send(buffer.pvBuffer, buffer.cbBuffer);
    }
}

bytes decrypt(CtxtHandle context, bytes token, bytes data) {
    SecBuffer buffers[2] = {
        {static_cast<unsigned long>(token.size()), SECBUFFER_TOKEN, token.data()},
        {static_cast<unsigned long>(data.size()), SECBUFFER_DATA, data.data()},
    };
    SecBufferDesc list{SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = DecryptMessage(&context, &list, 0, nullptr);
    if (status != SEC_E_OK) {
        fail(status);
    }
    data.resize(buffers[1].cbBuffer);
    return data;
}

bytes sign_parts(CtxtHandle context, SecPkgContext_Sizes sizes, bytes header, bytes first, bytes second) {
    bytes signature(sizes.cbMaxSignature);
    SecBuffer buffers[4] = {
        {static_cast<unsigned long>(header.size()), SECBUFFER_DATA, header.data()},
        {static_cast<unsigned long>(first.size()), SECBUFFER_DATA, first.data()},
        {static_cast<unsigned long>(second.size()), SECBUFFER_DATA, second.data()},
        {static_cast<unsigned long>(signature.size()), SECBUFFER_TOKEN, signature.data()},
    };
    SecBufferDesc list{SECBUFFER_VERSION, 4, buffers};
    SECURITY_STATUS status = MakeSignature(&context, 0, &list, 0);
    if (status != SEC_E_OK) {
        fail(status);
    }
    signature.resize(buffers[3].cbBuffer);
    return signature;
}

void encrypt_parts(CtxtHandle context, SecPkgContext_Sizes sizes, bytes header, bytes first, bytes second) {
    bytes token(sizes.cbSecurityTrailer);
    SecBuffer buffers[4] = {
        {static_cast<unsigned long>(header.size()), SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, header.data()},
        {static_cast<unsigned long>(first.size()), SECBUFFER_DATA, first.data()},
        {static_cast<unsigned long>(second.size()), SECBUFFER_DATA, second.data()},
        {static_cast<unsigned long>(token.size()), SECBUFFER_TOKEN, token.data()},
    };
    SecBufferDesc list{SECBUFFER_VERSION, 4, buffers};
    SECURITY_STATUS status = EncryptMessage(&context, 0, &list, 0);
    if (status != SEC_E_OK) {
        fail(status);
    }
    send(token.data(), buffers[3].cbBuffer);
    for (int i = 0; i != 3; ++i) {
        send(buffers[i].pvBuffer, buffers[i].cbBuffer);
    }
}

bytes decrypt_stream(CtxtHandle context, bytes wire) {
    SecBuffer buffers[2] = {
        {static_cast<unsigned long>(wire.size()), SECBUFFER_STREAM, wire.data()},
        {0, SECBUFFER_DATA, nullptr},
    };
    SecBufferDesc list{SECBUFFER_VERSION, 2, buffers};
    unsigned long quality = 0;
    SECURITY_STATUS status = DecryptMessage(&context, &list, 0, &quality);
    if (status != SEC_E_OK) {
        fail(status);
    }
    const auto* const message = static_cast<unsigned char*>(buffers[1].pvBuffer);
    return {message, message + buffers[1].cbBuffer};
}

std::wstring name_of_the_client(CtxtHandle context) {
    SecPkgContext_NamesW names;
    SECURITY_STATUS status = QueryContextAttributesW(&context, SECPKG_ATTR_NAMES, &names);
    if (status != SEC_E_OK) {
        fail(status);
    }
    std::wstring user = names.sUserName;
    FreeContextBuffer(names.sUserName);
    return user;
}

void open_what_the_client_may_open();

void act_as_the_client(CtxtHandle context) {
    SECURITY_STATUS status = ImpersonateSecurityContext(&context);
    if (status != SEC_E_OK) {
        fail(status);
    }
    open_what_the_client_may_open();
    RevertSecurityContext(&context);
}

CredHandle credentials_of_the_client(CtxtHandle context) {
    CredHandle client;
    TimeStamp expiry;
    SECURITY_STATUS status = ImpersonateSecurityContext(&context);
    if (status != SEC_E_OK) {
        fail(status);
    }
    status = AcquireCredentialsHandleW(nullptr, const_cast<SEC_WCHAR*>(L"Kerberos"), SECPKG_CRED_OUTBOUND, nullptr,
                                       nullptr, nullptr, nullptr, &client, &expiry);
    RevertSecurityContext(&context);
    if (status != SEC_E_OK) {
        fail(status);
    }
    return client;
}

void export_to_another_process(CtxtHandle context) {
    SecBuffer packed{0, SECBUFFER_EMPTY, nullptr};
    HANDLE token = nullptr;
    SECURITY_STATUS status = ExportSecurityContext(&context, 0, &packed, &token);
    if (status != SEC_E_OK) {
        fail(status);
    }
    send(packed.pvBuffer, packed.cbBuffer);
    FreeContextBuffer(packed.pvBuffer);
    CloseHandle(token);
}

CtxtHandle import_in_the_other_process(bytes received) {
    SecBuffer packed{static_cast<unsigned long>(received.size()), SECBUFFER_TOKEN, received.data()};
    CtxtHandle context;
    SECURITY_STATUS status = ImportSecurityContextW(const_cast<SEC_WCHAR*>(L"Kerberos"), &packed, nullptr, &context);
    if (status != SEC_E_OK) {
        fail(status);
    }
    return context;
}

void free_all(CtxtHandle context, CredHandle credentials) {
    DeleteSecurityContext(&context);
    FreeCredentialsHandle(&credentials);
}

} // namespace raw

#endif

namespace with_sspan {

void send(std::span<const std::byte> token);
std::vector<std::byte> receive();
void open_what_the_client_may_open();

sspan::credentials acquire() {
    auto credentials = sspan::credentials::outbound(sspan::package::negotiate);
    return credentials;
}

sspan::credentials acquire_for(std::wstring_view user, std::wstring_view domain, std::wstring_view password) {
    const sspan::identity who{user, domain, password};
    auto credentials = sspan::credentials::outbound(sspan::package::negotiate, who, {.packages = L"!ntlm"});
    return credentials;
}

sspan::client_context connect(const sspan::credentials& credentials) {
    auto context = sspan::establish(sspan::client_handshake{credentials, L"HTTP/web.corp.example"}, send, receive);
    return context;
}

sspan::client_context connect_step_by_step(const sspan::credentials& credentials) {
    sspan::client_handshake handshake{credentials, L"HTTP/web.corp.example"};
    auto step = handshake.step();
    while (!step.done()) {
        if (!step.token.empty()) {
            send(step.token);
        }
        step = handshake.step(receive());
    }
    auto context = std::move(handshake).finish();
    if (!step.token.empty()) {
        send(step.token);
    }
    return context;
}

sspan::server_context accept(const sspan::credentials& credentials) {
    sspan::server_options options;
    options.service_names = {L"HTTP/web.corp.example", L"HTTP/web"};
    auto context = sspan::establish(sspan::server_handshake{credentials, options}, send, receive);
    return context;
}

sspan::server_context accept_step_by_step(const sspan::credentials& credentials, const sspan::server_options& options) {
    sspan::server_handshake handshake{credentials, options};
    auto step = handshake.step(receive());
    while (!step.done()) {
        if (!step.token.empty()) {
            send(step.token);
        }
        step = handshake.step(receive());
    }
    auto context = std::move(handshake).finish(); // throws: the client does not get the last token
    if (!step.token.empty()) {
        send(step.token);
    }
    return context;
}

sspan::client_options less_than_by_default() {
    sspan::client_options options;
    options.require = sspan::context_flags::integrity | sspan::context_flags::mutual_auth;
    options.request |= sspan::context_flags::sequence_detect;
    return options;
}

void sizes(const sspan::security_context& context, std::size_t limit_of_the_protocol) {
    const auto sizes = context.sizes();
    const auto room_for_a_signature = sizes.max_signature;
    const auto longest_payload = sspan::max_payload(sizes, limit_of_the_protocol);
    static_cast<void>(room_for_a_signature + longest_payload);
}

void sign(sspan::security_context& context, const std::string& message) {
    std::vector<std::byte> buffer(context.sizes().max_signature);
    const auto signature = context.sign(message, buffer);
    send(signature);
}

void verify(sspan::security_context& context, const std::string& message, std::span<const std::byte> signature) {
    context.verify(message, signature);
}

void encrypt(sspan::security_context& context, std::vector<std::byte>& data) {
    std::vector<std::byte> token(context.sizes().security_trailer);
    std::vector<std::byte> padding(context.sizes().block_size);
    const auto sealed = context.encrypt({.token = token, .data = data, .padding = padding});
    for (const auto part : sealed.in_wire_order()) {
        send(part);
    }
}

void sign_parts(sspan::security_context& context, std::span<const std::byte> header, std::span<const std::byte> first,
                std::span<const std::byte> second) {
    using sspan::message_part;
    std::vector<std::byte> room(context.sizes().max_signature);
    const auto signature = context.sign(
        {message_part::readonly_with_checksum(header), message_part::data(first), message_part::data(second)}, room);
    send(signature);
}

void encrypt_parts(sspan::security_context& context, std::span<const std::byte> header, std::span<std::byte> first,
                   std::span<std::byte> second) {
    using sspan::message_part;
    std::vector<std::byte> token(context.sizes().security_trailer);
    const std::array parts{message_part::readonly_with_checksum(header), message_part::data(first),
                           message_part::data(second)};
    const auto sealed = context.encrypt({.token = token, .data = parts});
    send(sealed.token);
    for (const auto& part : parts) {
        send(part.bytes());
    }
}

void decrypt_parts(sspan::security_context& context, std::span<const std::byte> header, std::span<std::byte> token,
                   std::span<std::byte> first, std::span<std::byte> second) {
    using sspan::message_part;
    const auto opened = context.decrypt({.token = token,
                                         .data = {message_part::readonly_with_checksum(header),
                                                  message_part::data(first), message_part::data(second)}});
    static_cast<void>(opened.data); // what is left of `second`
}

void decrypt(sspan::security_context& context, std::vector<std::byte>& token, std::vector<std::byte>& data) {
    const auto opened = context.decrypt({.token = token, .data = data});
    const std::span<std::byte> message = opened.data;
    static_cast<void>(message);
}

void decrypt_what_was_only_signed(sspan::security_context& context, std::vector<std::byte>& wire) {
    const auto opened = context.unwrap(wire, {.minimum = sspan::minimum_protection::integrity_only});
    const bool was_encrypted = opened.quality == sspan::quality_of_protection::encrypted;
    static_cast<void>(was_encrypted);
}

void in_one_piece(sspan::security_context& context, std::string_view line, std::vector<std::byte>& wire) {
    sspan::message_frame frame{context.sizes(), 4096};
    send(context.wrap(frame, frame.assign(line)));

    const auto opened = context.unwrap(wire);
    static_cast<void>(opened.data);
}

void attributes(const sspan::server_context& context) {
    const std::wstring user = sspan::query_user_name(context);
    const auto package = sspan::to_string(context.package());
    const auto any_other = sspan::query_attribute<SecPkgContext_Sizes>(context);
    static_cast<void>(user.size() + package.size() + any_other.cbMaxToken);
}

void act_as_the_client(const sspan::server_context& context) {
    sspan::run_as_client(context, [] { open_what_the_client_may_open(); });
}

void act_as_the_client_in_a_scope(const sspan::server_context& context) {
    const sspan::impersonation_guard as_client{context};
    open_what_the_client_may_open();
}

void ask_the_backend_as_the_client(const sspan::server_context& context) {
    const auto client =
        sspan::run_as_client(context, [] { return sspan::credentials::outbound(sspan::package::kerberos); });
    auto backend = sspan::establish(sspan::client_handshake{client, L"db/backend.corp.example"}, send, receive);
    static_cast<void>(backend.granted());
}

/// What the program sends beside the packed bytes, in a form of its own.
struct fields {
    std::uint32_t granted;
    std::uint32_t required;
    bool is_server;
    std::wstring package;
    HANDLE token;
};

#if defined(_WIN32) // where there are processes to hand a context to

void send_fields(const fields& all);

void export_to_another_process(sspan::server_context context, HANDLE other_process) {
    auto exported = sspan::export_context(std::move(context));
    HANDLE token_there = nullptr; // a handle of the other process
    if (exported.token && !::DuplicateHandle(::GetCurrentProcess(), exported.token.native_handle(), other_process,
                                             &token_there, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
        throw std::system_error{static_cast<int>(::GetLastError()), std::system_category(), "DuplicateHandle"};
    }
    send(exported.packed.get());
    send_fields({static_cast<std::uint32_t>(exported.granted), static_cast<std::uint32_t>(exported.required),
                 exported.is_server, exported.package, token_there});
}

#endif

sspan::server_context import_in_the_other_process(std::span<const std::byte> packed, const fields& received) {
    sspan::exported_context exported;
    exported.packed = sspan::secret_bytes{packed};
    exported.token = sspan::access_token::adopt(received.token);
    exported.granted = static_cast<sspan::context_flags>(received.granted);
    exported.required = static_cast<sspan::context_flags>(received.required);
    exported.is_server = received.is_server;
    exported.package = received.package;
    auto context = sspan::import_context<sspan::server_context>(std::move(exported));
    return context;
}

HRESULT without_exceptions(sspan::security_context& context, const std::string& message,
                           std::span<const std::byte> signature) noexcept {
    std::error_code ec;
    if (!context.verify(message, signature, {}, ec)) {
        return sspan::to_hresult(ec);
    }
    return 0;
}

} // namespace with_sspan
