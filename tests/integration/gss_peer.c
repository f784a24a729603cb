// SPDX-License-Identifier: MIT
//
// A peer for secure_echo that shares no code with it and knows GSSAPI only. One connection, on loopback:
//
//   gss_peer serve --port N [options]                                      answers messages; port 0: a free one
//   gss_peer send --port N --target PRINCIPAL --kind sign|seal [options] SIZE...   a message of each size
//     --dce           (send) asks for DCE style; a server goes by what its client has asked for
//     --undemanding   (send) asks for no protection at all
//     --forge HOW     "handshake" and "third-leg" alter that token. Of the messages the one after the last size, or after
//                     the first answer, is altered, shortened, moved (by a byte, the border of token and data is),
//                     replayed, late (one is left out before it), reflected or unencrypted
//     --byte N        the one to be altered, of token and data together; negative: from their end (-1)
//
// The wire format stands in tests/programs/messages.hpp. Whatever is not exactly GSS_S_COMPLETE, or is sealed but not encrypted, is
// not accepted. Exit status: 0 done, 1 usage, 2 no handshake, 3 a message was rejected, here or there, 4 a forgery was
// accepted, 5 the connection was lost or the peer broke the protocol.
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum exit_status { done, bad_usage, no_handshake, message_rejected, forgery_accepted, connection_lost };

enum { seconds_to_live = 30, length_limit = 16 << 20 };

enum forgery {
    honest,
    handshake,
    third_leg,
    altered, // the first of those of messages
    shortened,
    moved,
    replayed,
    late,
    reflected,
    unencrypted,
    forgeries
};
static const char* const forgery_names[forgeries] = {"honest", "handshake", "third-leg", "altered",   "shortened",
                                                     "moved",  "replayed",  "late",      "reflected", "unencrypted"};

struct options {
    uint16_t port;
    const char* target;
    char kind;
    int dce;
    int undemanding;
    enum forgery forge;
    long byte;
};

struct bytes {
    unsigned char* at;
    size_t size;
};

struct message {
    char kind; // 'S', 'E', or '!' with a status only
    uint32_t status;
    struct bytes token;
    struct bytes data;
};

struct session {
    const struct options* chosen;
    int connection;
    gss_ctx_id_t context;
    int dce;
    int tokens_sent;
};

// ---- failures and memory --------------------------------------------------------------------------------------------

static enum exit_status status_on_failure = no_handshake;

static _Noreturn void fail(const char* what) {
    fprintf(stderr, "%s%s\n", status_on_failure == no_handshake ? "no handshake: " : "", what);
    exit((int)status_on_failure);
}

static _Noreturn void fail_in_system(const char* what) {
    char line[200];
    snprintf(line, sizeof line, "%s: %s", what, strerror(errno));
    fail(line);
}

static void require_success(const char* call, OM_uint32 major, OM_uint32 minor) {
    if (major == GSS_S_COMPLETE) {
        return;
    }
    char line[500] = "";
    const struct {
        OM_uint32 code;
        int type;
    } statuses[] = {{major, GSS_C_GSS_CODE}, {minor, GSS_C_MECH_CODE}};
    size_t used = (size_t)snprintf(line, sizeof line, "%s", call);
    for (size_t i = 0; i != 2 && used < sizeof line; ++i) {
        OM_uint32 ignored = 0;
        OM_uint32 more = 0;
        gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
        gss_display_status(&ignored, statuses[i].code, statuses[i].type, GSS_C_NO_OID, &more, &text);
        used += (size_t)snprintf(line + used, sizeof line - used, ": %.*s", (int)text.length, (const char*)text.value);
        gss_release_buffer(&ignored, &text);
    }
    fail(line);
}

static struct bytes new_bytes(size_t size) {
    const struct bytes made = {malloc(size != 0 ? size : 1), size};
    if (made.at == NULL) {
        fail("no memory");
    }
    return made;
}

static struct bytes copy_of(const void* at, size_t size) {
    const struct bytes copy = new_bytes(size);
    if (size != 0) {
        memcpy(copy.at, at, size);
    }
    return copy;
}

static struct bytes joined(struct bytes first, struct bytes second) {
    const struct bytes both = new_bytes(first.size + second.size);
    memcpy(both.at, first.at, first.size);
    memcpy(both.at + first.size, second.at, second.size);
    return both;
}

/// The same memory, in GSSAPI's words.
static gss_buffer_desc as_buffer(struct bytes bytes) {
    const gss_buffer_desc buffer = {bytes.size, bytes.at};
    return buffer;
}

/// A copy of what the mechanism has made, which goes back to it.
static struct bytes taken(gss_buffer_t made) {
    const struct bytes copy = copy_of(made->value, made->length);
    OM_uint32 ignored = 0;
    gss_release_buffer(&ignored, made);
    return copy;
}

static void release(struct message* message) {
    free(message->token.at);
    free(message->data.at);
    const struct message nothing = {0};
    *message = nothing;
}

// ---- the connection and the wire format -----------------------------------------------------------------------------

static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in address = {0};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// Messages go out in pieces, at once.
static int without_delay(int connection) {
    const int on = 1;
    if (setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        fail_in_system("setsockopt");
    }
    return connection;
}

static int connect_to(uint16_t port) {
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in address = loopback(port);
    if (connection < 0 || connect(connection, (const struct sockaddr*)&address, sizeof address) != 0) {
        fail_in_system("connecting");
    }
    return without_delay(connection);
}

static int accept_one(uint16_t port) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(port);
    socklen_t size = sizeof address;
    if (listener < 0 || bind(listener, (const struct sockaddr*)&address, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr*)&address, &size) != 0) {
        fail_in_system("listening");
    }
    printf("listening on port %u\n", (unsigned)ntohs(address.sin_port));
    const int connection = accept(listener, NULL, NULL);
    if (connection < 0) {
        fail_in_system("accepting");
    }
    close(listener);
    return without_delay(connection);
}

static void send_bytes(int connection, struct bytes bytes) {
    for (size_t sent = 0; sent != bytes.size;) {
        const ssize_t some = send(connection, bytes.at + sent, bytes.size - sent, MSG_NOSIGNAL);
        if (some < 0) {
            fail_in_system("sending");
        }
        sent += (size_t)some;
    }
}

/// @return 0 when the connection ends before the first byte.
static int receive_bytes_or_end(int connection, struct bytes bytes) {
    for (size_t received = 0; received != bytes.size;) {
        const ssize_t some = recv(connection, bytes.at + received, bytes.size - received, 0);
        if (some < 0) {
            fail_in_system("receiving");
        }
        if (some == 0 && received == 0) {
            return 0;
        }
        if (some == 0) {
            fail("the peer closed the connection in the middle of a message");
        }
        received += (size_t)some;
    }
    return 1;
}

static void receive_bytes(int connection, struct bytes bytes) {
    if (!receive_bytes_or_end(connection, bytes)) {
        fail("the peer closed the connection");
    }
}

static void put_number(unsigned char* at, size_t number) {
    const uint32_t big_endian = htonl((uint32_t)number);
    memcpy(at, &big_endian, sizeof big_endian);
}

static uint32_t receive_number(int connection) {
    uint32_t big_endian = 0;
    const struct bytes bytes = {(unsigned char*)&big_endian, sizeof big_endian};
    receive_bytes(connection, bytes);
    return ntohl(big_endian);
}

static struct bytes receive_sized(int connection, size_t size) {
    if (size > length_limit) {
        fail("the peer claims a length beyond the limit");
    }
    const struct bytes bytes = new_bytes(size);
    receive_bytes(connection, bytes);
    return bytes;
}

static void send_token(int connection, const gss_buffer_desc* token) {
    unsigned char length[4];
    put_number(length, token->length);
    const struct bytes head = {length, sizeof length};
    const struct bytes body = {token->value, token->length};
    send_bytes(connection, head);
    send_bytes(connection, body);
}

static void send_message(int connection, const struct message* message) {
    unsigned char head[9] = {(unsigned char)message->kind};
    put_number(head + 1, message->kind == '!' ? message->status : message->token.size);
    put_number(head + 5, message->data.size);
    const struct bytes first = {head, message->kind == '!' ? 5 : sizeof head};
    send_bytes(connection, first);
    send_bytes(connection, message->token);
    send_bytes(connection, message->data);
}

/// @return 0 when the peer has closed the connection after its last message.
static int receive_message(int connection, struct message* message) {
    release(message);
    const struct bytes kind = {(unsigned char*)&message->kind, 1};
    if (!receive_bytes_or_end(connection, kind)) {
        return 0;
    }
    if (message->kind == '!') {
        message->status = receive_number(connection);
        return 1;
    }
    if (message->kind != 'S' && message->kind != 'E') {
        fail("the peer sent something that is not a message");
    }
    const size_t token_size = receive_number(connection);
    const size_t data_size = receive_number(connection);
    message->token = receive_sized(connection, token_size);
    message->data = receive_sized(connection, data_size);
    return 1;
}

// ---- the handshake --------------------------------------------------------------------------------------------------

/// `offset` is that of a byte; a negative one is counted from the end.
static void alter(struct bytes first, struct bytes second, long offset) {
    const size_t size = first.size + second.size;
    const size_t at = offset < 0 ? size - (size_t)-offset : (size_t)offset;
    if (at >= size) {
        fail("there is no such byte to be altered");
    }
    *(at < first.size ? first.at + at : second.at + (at - first.size)) ^= 1;
}

static void send_handshake(struct session* session, gss_buffer_t token) {
    if (token->length != 0) {
        const enum forgery forge = session->chosen->forge;
        if (forge == (session->tokens_sent == 0 ? handshake : third_leg)) {
            const struct bytes whole = {token->value, token->length};
            const struct bytes nothing = {NULL, 0};
            alter(whole, nothing, session->chosen->byte);
        }
        send_token(session->connection, token);
        ++session->tokens_sent;
    }
    OM_uint32 ignored = 0;
    gss_release_buffer(&ignored, token);
}

/// Says who the peer is and what was granted.
static void describe(struct session* session) {
    static const struct {
        OM_uint32 flag;
        const char* name;
    } flags[] = {{GSS_C_MUTUAL_FLAG, "mutual_auth"},       {GSS_C_REPLAY_FLAG, "replay_detect"},
                 {GSS_C_SEQUENCE_FLAG, "sequence_detect"}, {GSS_C_CONF_FLAG, "confidentiality"},
                 {GSS_C_INTEG_FLAG, "integrity"},          {GSS_C_DCE_STYLE, "dce_style"},
                 {GSS_C_DELEG_FLAG, "delegate"},           {GSS_C_ANON_FLAG, "anonymous"}};
    OM_uint32 minor = 0;
    OM_uint32 granted = 0;
    int is_client = 0;
    gss_name_t client = GSS_C_NO_NAME;
    gss_name_t server = GSS_C_NO_NAME;
    const OM_uint32 major =
        gss_inquire_context(&minor, session->context, &client, &server, NULL, NULL, &granted, &is_client, NULL);
    require_success("gss_inquire_context", major, minor);
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    require_success("gss_display_name", gss_display_name(&minor, is_client ? server : client, &text, NULL), minor);
    printf("the %s is %.*s; granted:", is_client ? "server" : "client", (int)text.length, (const char*)text.value);
    for (size_t i = 0; i != sizeof flags / sizeof flags[0]; ++i) {
        if ((granted & flags[i].flag) != 0) {
            printf(" %s", flags[i].name);
        }
    }
    printf("\n");
    session->dce = (granted & GSS_C_DCE_STYLE) != 0;
    gss_release_buffer(&minor, &text);
    gss_release_name(&minor, &client);
    gss_release_name(&minor, &server);
}

static void establish_as_client(struct session* session) {
    const struct options* chosen = session->chosen;
    OM_uint32 wanted = 0;
    if (!chosen->undemanding) {
        wanted = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG;
    }
    if (chosen->dce) {
        wanted |= GSS_C_DCE_STYLE;
    }
    OM_uint32 minor = 0;
    OM_uint32 major = 0;
    gss_name_t name = GSS_C_NO_NAME;
    const struct bytes target = copy_of(chosen->target, strlen(chosen->target));
    gss_buffer_desc text = as_buffer(target);
    major = gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, &name);
    require_success("gss_import_name", major, minor);
    free(target.at);

    struct bytes received = {NULL, 0};
    do {
        gss_buffer_desc input = as_buffer(received);
        gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
        major = gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &session->context, name, gss_mech_krb5, wanted, 0,
                                     NULL, &input, NULL, &output, NULL, NULL);
        send_handshake(session, &output);
        free(received.at);
        received.at = NULL;
        if (major == GSS_S_CONTINUE_NEEDED) {
            received = receive_sized(session->connection, receive_number(session->connection));
        }
    } while (major == GSS_S_CONTINUE_NEEDED);
    require_success("gss_init_sec_context", major, minor);
    gss_release_name(&minor, &name);
    describe(session);
}

static void establish_as_server(struct session* session) {
    OM_uint32 minor = 0;
    OM_uint32 major = 0;
    do {
        const struct bytes received = receive_sized(session->connection, receive_number(session->connection));
        gss_buffer_desc input = as_buffer(received);
        gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
        major = gss_accept_sec_context(&minor, &session->context, GSS_C_NO_CREDENTIAL, &input,
                                       GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &output, NULL, NULL, NULL);
        const OM_uint32 why = minor;
        send_handshake(session, &output);
        minor = why;
        free(received.at);
    } while (major == GSS_S_CONTINUE_NEEDED);
    require_success("gss_accept_sec_context", major, minor);
    describe(session);
}

// ---- messages -------------------------------------------------------------------------------------------------------

/// The message that says `data`: of the given kind; encrypted, if it is a sealed one and is to be.
static struct message protect(const struct session* session, char kind, struct bytes data, int encrypt) {
    struct message made = {.kind = kind};
    OM_uint32 minor = 0;
    OM_uint32 major = 0;
    int encrypted = encrypt;
    gss_buffer_desc plain = as_buffer(data);
    gss_buffer_desc whole = GSS_C_EMPTY_BUFFER;
    if (kind == 'S') {
        major = gss_get_mic(&minor, session->context, GSS_C_QOP_DEFAULT, &plain, &whole);
        require_success("gss_get_mic", major, minor);
        made.token = taken(&whole);
        made.data = copy_of(data.at, data.size);
    } else {
        made.data = copy_of(data.at, data.size);
        gss_iov_buffer_desc parts[] = {{GSS_IOV_BUFFER_TYPE_HEADER | GSS_IOV_BUFFER_FLAG_ALLOCATE, GSS_C_EMPTY_BUFFER},
                                       {GSS_IOV_BUFFER_TYPE_DATA, as_buffer(made.data)}};
        major = gss_wrap_iov(&minor, session->context, encrypt, GSS_C_QOP_DEFAULT, &encrypted, parts, 2);
        require_success("gss_wrap_iov", major, minor);
        made.token = copy_of(parts[0].buffer.value, parts[0].buffer.length);
        gss_release_iov_buffer(&minor, parts, 2);
    }
    if (encrypted != encrypt) {
        fail("a message was not encrypted as it was to be");
    }
    return made;
}

struct verdict {
    OM_uint32 major;
    int encrypted;
    struct bytes data; // of an authentic message, to be freed
};

static struct verdict check(const struct session* session, const struct message* message) {
    struct verdict found = {.encrypted = 1};
    OM_uint32 minor = 0;
    gss_buffer_desc token = as_buffer(message->token);
    gss_buffer_desc data = as_buffer(message->data);
    if (message->kind == 'S') {
        found.major = gss_verify_mic(&minor, session->context, &data, &token, NULL);
        found.data = copy_of(data.value, data.length);
    } else {
        const struct bytes header = copy_of(message->token.at, message->token.size);
        found.data = copy_of(message->data.at, message->data.size);
        gss_iov_buffer_desc parts[] = {{GSS_IOV_BUFFER_TYPE_HEADER, as_buffer(header)},
                                       {GSS_IOV_BUFFER_TYPE_DATA, as_buffer(found.data)}};
        found.major = gss_unwrap_iov(&minor, session->context, &found.encrypted, NULL, parts, 2);
        found.data.size = parts[1].buffer.length;
        free(header.at);
    }
    return found;
}

/// Whether the peer's message is authentic and as secret as it says. What it says goes to `data`; why not, to
/// `reason`, in SSPI's words.
static int accepts(const struct session* session, const struct message* message, struct bytes* data, uint32_t* reason) {
    static const struct {
        const char* name;
        OM_uint32 major;
        uint32_t reason;
    } reasons[] = {
        {"GSS_S_BAD_SIG", GSS_S_BAD_SIG, 0x8009030F},     {"GSS_S_DUPLICATE_TOKEN", GSS_S_DUPLICATE_TOKEN, 0x80090310},
        {"GSS_S_OLD_TOKEN", GSS_S_OLD_TOKEN, 0x80090310}, {"GSS_S_UNSEQ_TOKEN", GSS_S_UNSEQ_TOKEN, 0x80090310},
        {"GSS_S_GAP_TOKEN", GSS_S_GAP_TOKEN, 0x80090310}, {"GSS_S_DEFECTIVE_TOKEN", GSS_S_DEFECTIVE_TOKEN, 0x80090308}};
    const struct verdict found = check(session, message);
    if (found.major == GSS_S_COMPLETE && found.encrypted) {
        *data = found.data;
        return 1;
    }
    free(found.data.at);
    if (found.major == GSS_S_COMPLETE) {
        *reason = 0x8009030A;
        printf("rejected a message: it is not encrypted\n");
        return 0;
    }
    *reason = 0x80090308;
    for (size_t i = 0; i != sizeof reasons / sizeof reasons[0]; ++i) {
        if (found.major == reasons[i].major) {
            *reason = reasons[i].reason;
            printf("rejected a message: %s\n", reasons[i].name);
            return 0;
        }
    }
    printf("rejected a message: status %#x\n", (unsigned)found.major);
    return 0;
}

/// A message that says `data` and must not be accepted. `sent` and `received` are the last honest ones.
static struct message forged(const struct session* session, char kind, struct bytes data, const struct message* sent,
                             const struct message* received) {
    const enum forgery how = session->chosen->forge;
    if (how == late) {
        struct message left_out = protect(session, kind, data, 1);
        release(&left_out);
    }
    if (how == replayed || how == reflected) {
        const struct message* original = how == replayed ? sent : received;
        const struct message again = {.kind = kind,
                                      .token = copy_of(original->token.at, original->token.size),
                                      .data = copy_of(original->data.at, original->data.size)};
        return again;
    }
    if (how == unencrypted && kind == 'S') {
        fail("a signed message is not encrypted anyway");
    }
    struct message made = protect(session, kind, data, how != unencrypted);
    if (how == altered) {
        alter(made.token, made.data, session->chosen->byte);
    }
    if (how == moved) {
        struct bytes* first = &made.token;
        struct bytes* second = &made.data;
        if (first->size == 0) {
            fail("there is no byte to be moved");
        }
        const struct bytes border = {first->at + first->size - 1, 1};
        const struct bytes longer = joined(border, *second);
        --first->size;
        free(second->at);
        *second = longer;
    }
    if (how == shortened) {
        --(made.data.size != 0 ? &made.data : &made.token)->size;
    }
    return made;
}

// ---- the two sides --------------------------------------------------------------------------------------------------

static enum exit_status serve(struct session* session) {
    const enum forgery forge = session->chosen->forge;
    establish_as_server(session);
    status_on_failure = connection_lost;
    struct message received = {0};
    struct message answer = {0};
    enum exit_status status = done;
    unsigned count = 0;
    while (status == done && receive_message(session->connection, &received)) {
        struct bytes data = {NULL, 0};
        struct message refusal = {.kind = '!'};
        if (received.kind == '!') {
            fail("a client sends no status");
        }
        if (!accepts(session, &received, &data, &refusal.status)) {
            send_message(session->connection, &refusal);
            status = message_rejected;
        } else if (forge >= altered && count == 1) {
            struct message last = forged(session, received.kind, data, &answer, &received);
            send_message(session->connection, &last);
            release(&last);
            status = receive_message(session->connection, &received) ? forgery_accepted : message_rejected;
            printf(status == forgery_accepted ? "THE CLIENT WENT ON\n" : "the client left\n");
        } else {
            release(&answer);
            answer = protect(session, received.kind, data, 1);
            send_message(session->connection, &answer);
            ++count;
        }
        free(data.at);
    }
    printf("answered %u messages\n", count);
    release(&received);
    release(&answer);
    return status;
}

static struct bytes numbered(size_t size, unsigned first) {
    const struct bytes made = new_bytes(size);
    for (size_t i = 0; i != size; ++i) {
        made.at[i] = (unsigned char)(first + i * 31);
    }
    return made;
}

static enum exit_status send_messages(struct session* session, char* const* sizes, unsigned count) {
    const struct options* chosen = session->chosen;
    establish_as_client(session);
    status_on_failure = connection_lost;
    struct message sent = {0};
    struct message received = {0};
    enum exit_status status = done;
    for (unsigned i = 0; i != count && status == done; ++i) {
        const struct bytes data = numbered(strtoul(sizes[i], NULL, 10), i);
        struct bytes echo = {NULL, 0};
        uint32_t reason = 0;
        release(&sent);
        sent = protect(session, chosen->kind, data, 1);
        send_message(session->connection, &sent);
        if (!receive_message(session->connection, &received)) {
            fail("the server closed the connection");
        }
        if (received.kind == '!') {
            printf("the server rejected a message: 0x%08X\n", (unsigned)received.status);
            status = message_rejected;
        } else if (!accepts(session, &received, &echo, &reason)) {
            status = message_rejected;
        } else if (received.kind != chosen->kind || echo.size != data.size ||
                   memcmp(echo.at, data.at, data.size) != 0) {
            fail("the server answered something else than it was sent");
        }
        free(echo.at);
        free(data.at);
    }
    if (status == done) {
        printf("%s %u messages\n", chosen->kind == 'S' ? "signed" : "sealed", count);
    }
    if (status == done && chosen->forge >= altered) {
        const struct bytes data = numbered(17, 0);
        struct message last = forged(session, chosen->kind, data, &sent, &received);
        send_message(session->connection, &last);
        release(&last);
        free(data.at);
        if (!receive_message(session->connection, &received)) {
            fail("the server closed the connection without an answer to a forgery");
        }
        status = received.kind == '!' ? message_rejected : forgery_accepted;
        if (status == message_rejected) {
            printf("the server rejected a forgery: 0x%08X\n", (unsigned)received.status);
        } else {
            printf("THE SERVER ACCEPTED A FORGERY\n");
        }
    }
    release(&sent);
    release(&received);
    return status;
}

// ---- the command line -----------------------------------------------------------------------------------------------

static _Noreturn void fail_usage(void) {
    fprintf(stderr, "usage: gss_peer serve --port N [options]\n"
                    "       gss_peer send --port N --target PRINCIPAL --kind sign|seal [options] SIZE...\n"
                    "options: --dce --undemanding --forge HOW --byte N\n");
    exit(bad_usage);
}

static long number(const char* text, long least, long most) {
    char* end = NULL;
    const long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < least || value > most) {
        fail_usage();
    }
    return value;
}

static enum forgery forgery_name(const char* text) {
    for (int i = honest + 1; i != forgeries; ++i) {
        if (strcmp(text, forgery_names[i]) == 0) {
            return (enum forgery)i;
        }
    }
    fail_usage();
}

static char kind_name(const char* text) {
    if (strcmp(text, "sign") != 0 && strcmp(text, "seal") != 0) {
        fail_usage();
    }
    return strcmp(text, "sign") == 0 ? 'S' : 'E';
}

int main(int argc, char** argv) {
    struct options chosen = {.byte = -1};
    const struct option names[] = {{"port", required_argument, NULL, 'p'},
                                   {"target", required_argument, NULL, 't'},
                                   {"kind", required_argument, NULL, 'k'},
                                   {"forge", required_argument, NULL, 'f'},
                                   {"byte", required_argument, NULL, 'b'},
                                   {"dce", no_argument, &chosen.dce, 1},
                                   {"undemanding", no_argument, &chosen.undemanding, 1},
                                   {0}};
    for (int name = 0; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (name) {
        case 0:
            break;
        case 'p':
            chosen.port = (uint16_t)number(optarg, 0, UINT16_MAX);
            break;
        case 't':
            chosen.target = optarg;
            break;
        case 'k':
            chosen.kind = kind_name(optarg);
            break;
        case 'f':
            chosen.forge = forgery_name(optarg);
            break;
        case 'b':
            chosen.byte = number(optarg, -length_limit, length_limit);
            break;
        default:
            fail_usage();
        }
    }
    const char* action = optind < argc ? argv[optind++] : "";
    const int serves = strcmp(action, "serve") == 0;
    if (!serves && (strcmp(action, "send") != 0 || chosen.target == NULL || chosen.kind == 0)) {
        fail_usage();
    }
    for (int i = optind; i < argc; ++i) {
        number(argv[i], 0, length_limit);
    }

    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(seconds_to_live);
    struct session session = {.chosen = &chosen, .context = GSS_C_NO_CONTEXT};
    session.connection = serves ? accept_one(chosen.port) : connect_to(chosen.port);
    const enum exit_status status =
        serves ? serve(&session) : send_messages(&session, argv + optind, (unsigned)(argc - optind));
    OM_uint32 ignored = 0;
    gss_delete_sec_context(&ignored, &session.context, GSS_C_NO_BUFFER);
    close(session.connection);
    return (int)status;
}
