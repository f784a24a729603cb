# SPDX-License-Identifier: MIT
#
# Helpers for the cases: the two sides of a context, messages, and a report.
import random
from typing import NamedTuple

import gssapi

import mirror
import sides
import tokens

QUALITIES = {True: 'sealed', False: 'integrity-only'}


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def case(self, name, function, *arguments):
        try:
            function(*arguments)
        except Exception as problem:  # any exception fails the case; the next case must still run
            self.failed += 1
            print(f'FAILED {name}: {describe(problem)[:600]}', flush=True)
        else:
            self.passed += 1


def describe(problem):
    if isinstance(problem, gssapi.exceptions.GSSError):
        return 'MIT says ' + ' '.join(str(problem).split())
    return str(problem) if isinstance(problem, (AssertionError, mirror.Broken, mirror.Refused)) else repr(problem)


def short(content):
    return content.hex() if len(content) <= 200 else f'{content[:100].hex()}... ({len(content)} bytes)'


def message_of(size, number=0):
    return random.Random(f'{size} {number}').randbytes(size)


# ---- forms of a received message: in one piece, in two parts, or with a signature -------------------------------------


class Whole(NamedTuple):
    message: bytes

    @property
    def sent(self):
        return self.message

    header = sent

    def open(self, side, **options):
        return side.unwrap(self.message, **options)

    def post(self, side):
        side.post('unwrap', self.message)


class Halves(NamedTuple):
    token: bytes
    data: bytes

    @property
    def sent(self):
        return self.token + self.data

    header = sent

    def open(self, side, **options):
        return side.decrypt(self.token, self.data, **options)

    def post(self, side):
        side.post('decrypt', self.token, self.data)


class Signed(NamedTuple):
    data: bytes
    signature: bytes
    sent = b''  # the call writes to no buffer

    @property
    def header(self):
        return self.signature

    def open(self, side):
        return side.verify(self.data, self.signature)

    def post(self, side):
        side.post('verify', self.data, self.signature)


class Bench:
    """Makes the two sides of a context, many times, with keys of one type and in one style."""

    def __init__(self, report, service, key_type, style, styles, sealed_only, makers):
        self.report, self.service, self.key_type, self.style, self.styles = report, service, key_type, style, styles
        self.qualities = (True,) if sealed_only else (True, False)
        self.checksum = tokens.KEY_TYPES[key_type][1]
        self.makers = makers  # for client and server: a mirror.Program, or None for MIT
        self.sides = {}

    def establish(self):
        """Closes the last context and makes a new one."""
        self.close()
        for role, maker in self.makers.items():
            self.sides[role] = sides.Mit(self.key_type) if maker is None else mirror.Mirror(maker)
        sides.establish(self.sides['client'], self.sides['server'], self.service, self.style)

    def close(self):
        while self.sides:
            self.sides.popitem()[1].close()

    def kind(self, role):
        return 'MIT' if self.makers[role] is None else 'sspan'

    def is_sspan(self, role):
        return self.makers[role] is not None

    def case(self, name, sender, function, *arguments):
        receiver = other(sender)
        self.report.case(f'{self.key_type}, {self.style}, {self.kind(sender)} as {sender} to {self.kind(receiver)}: {name}',
                         self.run, function, sender, arguments)

    def run(self, function, sender, arguments):
        try:
            self.establish()
            function(self, sender, other(sender), *arguments)
        finally:
            self.close()

    @property
    def dce(self):
        return self.style == 'dce'

    @property
    def thorough(self):
        """Tells whether all cases run. Two mirrors, or another package, would repeat many of the cases with MIT."""
        return None in self.makers.values() and self.style != 'negotiate'

    # ---- sizes ------------------------------------------------------------------------------------------------------

    def token_size(self, sealed):
        return tokens.token_size(sealed, self.checksum) + (16 if sealed and self.dce else 0)

    def split(self, message, sealed):
        border = self.token_size(sealed)
        return Halves(message[:border], message[border:])


def other(role):
    return 'server' if role == 'client' else 'client'


def expect(opened, sealed, data, what):
    """Checks `opened`, the result of a side that opened the message `what`."""
    assert opened[1] == data, f'the data are {short(opened[1])}, not {short(data)}; the message: {short(what)}'
    assert opened[0] == sealed, f'it is called {QUALITIES[opened[0]]}: {short(what)}'
