# SPDX-License-Identifier: MIT
#
# A side of a context is MIT's library in this process, or sspan in a mirror. Both have these functions, here with their
# results:
#
#   begin_as_client(target, style) begin_as_server(style) step(token)      complete?, token
#   wrap(sealed, data)             message                unwrap(message)  sealed?, data
#   encrypt(sealed, data)          token, data            decrypt(token, data)  sealed?, data
#   sign(data)                     signature              verify(data, signature)
#
# post(function, arguments...) starts one of these functions. result() waits for the function that was posted first.
import collections

import gssapi
from gssapi.raw import (IOV, IOVBufferType, inquire_sec_context_by_oid, unwrap_iov, wrap_iov)

import tokens

KERBEROS = gssapi.OID.from_int_seq('1.2.840.113554.1.2.2')
PRINCIPAL = gssapi.OID.from_int_seq('1.2.840.113554.1.2.2.1')
SESSION_KEY = gssapi.OID.from_int_seq('1.2.840.113554.1.2.2.5.5')  # GSS_C_INQ_SSPI_SESSION_KEY
Flag = gssapi.RequirementFlag
WANTED = (Flag.mutual_authentication | Flag.replay_detection | Flag.out_of_sequence_detection | Flag.confidentiality |
          Flag.integrity)


class Mit:
    """A context of MIT's library. Its session key must have this type."""

    def __init__(self, key_type):
        self.number, self.checksum = tokens.KEY_TYPES[key_type]
        self.context = None
        self.dce = False
        self.done = collections.deque()

    def close(self):
        self.context = None

    def begin_as_client(self, target, style):
        self.dce = style == 'dce'
        self.context = gssapi.SecurityContext(name=gssapi.Name(target, PRINCIPAL), mech=KERBEROS, usage='initiate',
                                              flags=WANTED | (Flag.dce_style if self.dce else 0))
        return self.step(None)

    def begin_as_server(self, style):
        self.dce = style == 'dce'
        self.context = gssapi.SecurityContext(creds=gssapi.Credentials(usage='accept'), usage='accept')

    def step(self, token):
        answer = self.context.step(token)
        if self.context.complete:
            granted = self.context.actual_flags
            assert granted & WANTED == WANTED, f'MIT has granted {granted} only'
            assert bool(granted & Flag.dce_style) == self.dce, f'MIT has granted {granted}'
            oid = inquire_sec_context_by_oid(self.context, SESSION_KEY)[1]
            assert oid[-1] == self.number, f'the key has the type {oid[-1]}, not {self.number}'
        return self.context.complete, answer or b''

    def wrap(self, sealed, data):
        if self.dce:
            return b''.join(self.encrypt(sealed, data))
        made = self.context.wrap(data, sealed)
        assert made.encrypted == sealed
        return made.message

    def unwrap(self, message):
        if self.dce:
            token = self.token_size(tokens.is_sealed(message))
            return self.decrypt(message[:token], message[token:])
        opened = self.context.unwrap(bytes(bytearray(message)))  # a copy, because MIT rotates the message in place
        return opened.encrypted, opened.message

    def token_size(self, sealed):
        return tokens.token_size(sealed, self.checksum) + (16 if sealed and self.dce else 0)

    def encrypt(self, sealed, data):
        """Returns token and data in the layout of Windows."""
        if self.dce:
            parts = IOV(IOVBufferType.header, data, std_layout=False)
            assert wrap_iov(self.context, parts, sealed) == sealed
            return parts[0].value, parts[1].value or b''
        message = tokens.rotated(self.context.wrap(data, sealed).message,
                                 tokens.windows_rotation(sealed, self.checksum))
        return message[:self.token_size(sealed)], message[self.token_size(sealed):]

    def decrypt(self, token, data):
        if not self.dce:
            return self.unwrap(token + data)
        parts = IOV((IOVBufferType.header, False, token), (IOVBufferType.data, False, data), std_layout=False)
        opened = unwrap_iov(self.context, parts)
        return opened.encrypted, parts[1].value or b''

    def sign(self, data):
        return self.context.get_signature(data)

    def verify(self, data, signature):
        self.context.verify_signature(data, signature)
        return True

    def post(self, function, *arguments):
        """Like `post` of a mirror. The call runs now, and `result` returns its result."""
        try:
            self.done.append((getattr(self, function)(*arguments), None))
        except gssapi.exceptions.GSSError as problem:
            self.done.append((None, problem))

    def result(self):
        value, problem = self.done.popleft()
        if problem is not None:
            raise problem
        return value


def establish(client, server, target, style):
    """Passes tokens between the sides until both are complete."""
    complete, token = client.begin_as_client(target, style)
    server.begin_as_server(style)
    done = {client: complete, server: False}
    turn, other = server, client
    while token:
        assert not done[turn], 'there is a token for a side that is complete'
        done[turn], token = turn.step(token)
        turn, other = other, turn
    assert all(done.values()), 'a side waits for a token, but there is none'
