# SPDX-License-Identifier: MIT
#
# Starts and controls the program mirror. mirror.cpp describes the commands.
import collections
import contextlib
import os
import re
import socket
import struct
import subprocess
import tempfile
import time

PATIENCE = 60
STYLES = ('plain', 'dce', 'negotiate')
LEAST = {'as_required': 0, 'encrypted': 1, 'integrity_only': 2}


class Refused(Exception):
    """A call of sspan's has failed. `name` is the name of the error. `left` is the content of the buffers after the call."""

    def __init__(self, name, left):
        super().__init__(f'sspan says {name}')
        self.name = name.split()[0]
        self.left = left


class Broken(Exception):
    """A call did not behave as sspan documents it, or the mirror does not answer."""


def sized(content):
    return struct.pack('>I', len(content)) + content


def cut(content):
    """Returns the sized content at the front, and the rest."""
    size = struct.unpack_from('>I', content)[0]
    return content[4:4 + size], content[4 + size:]


class Program:
    """A program mirror. `connect` starts it, and starts it again if it has ended."""

    def __init__(self, command, environment=None):
        self.command = command
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.log = None

    def start(self):
        # The output goes to a file, because services that Wine starts would keep a pipe open.
        self.log = tempfile.NamedTemporaryFile('r')
        with open(self.log.name, 'w') as output:
            self.process = subprocess.Popen([*self.command, '0'], stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT, env=self.environment)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r'^listening on port (\d+)', self.says(), re.M)
            if found:
                self.port = int(found.group(1))
                return
            time.sleep(0.02)
        raise Broken(f'the mirror does not start: {self.says()}')

    def says(self):
        self.log.seek(0)
        return self.log.read()

    def connect(self):
        if self.process is None or self.process.poll() is not None:
            self.stop()
            self.start()
        return socket.create_connection(('127.0.0.1', self.port), PATIENCE)

    def obituary(self):
        """Returns the reason why there is no answer."""
        try:
            status = self.process.wait(1)
        except subprocess.TimeoutExpired:
            return 'the mirror has closed the connection: ' + self.says()[-300:]
        return f'the mirror has ended with status {status}: {self.says()[-3000:]}'

    def end(self):
        """Asks the program to end. Returns its exit status and its output. The status is None if it did not end."""
        if self.process is not None:
            with contextlib.suppress(OSError), self.connect() as connection:
                connection.sendall(b'Q' + sized(b''))
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(PATIENCE), self.says()
        return None, ''

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.log.close()
            self.process = None


class Mirror:
    """One context of sspan in the mirror."""

    def __init__(self, program):
        self.program = program
        self.connection = program.connect()
        self.posted = collections.deque()
        self.waiting = None

    def close(self):
        self.connection.close()

    def receive(self, size):
        content = bytearray()
        while len(content) < size:
            some = self.connection.recv(min(size - len(content), 1 << 20))
            if not some:
                raise ConnectionError
            content += some
        return bytes(content)

    def send(self, command, payload):
        try:
            self.connection.sendall(command.encode() + sized(payload))
        except OSError:
            raise Broken(f'{command} cannot be sent: {self.program.obituary()}') from None

    def raw_answer(self):
        """Receives the next answer. Returns its letter and its payload."""
        try:
            letter, size = struct.unpack('>cI', self.receive(5))
            return letter.decode(), self.receive(size)
        except TimeoutError:
            raise Broken(f'no answer in {PATIENCE} seconds') from None
        except ConnectionError:
            raise Broken(f'no answer: {self.program.obituary()}') from None

    def answer(self):
        letter, answer = self.raw_answer()
        if letter == 'E':
            name, left = cut(answer)
            raise Refused(name.decode(), left)
        if letter != 'K':
            raise Broken(answer.decode())
        return answer

    def ask(self, command, payload=b'', meaning=bytes):
        """Sends a command. Returns `meaning` of its answer. Within `post`, `result` returns it later."""
        self.send(command, payload)
        if self.waiting is None:
            return meaning(self.answer())
        self.waiting.append(meaning)
        return None

    def post(self, function, *arguments):
        """Sends the command of a function of this class, without waiting. Several functions can be posted."""
        self.waiting = self.posted
        try:
            getattr(self, function)(*arguments)
        finally:
            self.waiting = None

    def result(self):
        """Returns the result of the oldest posted function that has none yet."""
        return self.posted.popleft()(self.answer())

    # The functions of all sides of a context; see sides.py.

    def begin_as_client(self, target, style):
        return self.ask('C', bytes([STYLES.index(style)]) + target.encode(), flag_and_rest)

    def begin_as_server(self, style):
        self.ask('S', bytes([STYLES.index(style)]))

    def step(self, token):
        return self.ask('T', token, flag_and_rest)

    def sizes(self):
        """Returns max_token, max_signature, block_size, security_trailer."""
        return self.ask('Z', b'', lambda answer: struct.unpack('>4I', answer))

    def wrap(self, sealed, data):
        return self.ask('W', bytes([not sealed]) + data)

    def unwrap(self, message, least='integrity_only'):
        return self.ask('U', bytes([LEAST[least]]) + message, quality_and_data)

    def encrypt(self, sealed, data, parts=1):
        return self.ask('N', bytes([not sealed, parts]) + data, token_and_data)

    def decrypt(self, token, data, least='integrity_only', parts=1):
        return self.ask('D', bytes([LEAST[least], parts]) + sized(token) + data, quality_and_data)

    def sign(self, data, parts=1):
        return self.ask('I', bytes([parts]) + data)

    def verify(self, data, signature, parts=1):
        return self.ask('V', bytes([parts]) + sized(signature) + data, lambda answer: True)


def flag_and_rest(answer):
    return answer[0] == 1, answer[1:]


def quality_and_data(answer):
    return answer[0] == 0, answer[1:]


def token_and_data(answer):
    token, rest = cut(answer)
    data, padding = cut(rest)
    return token, data + padding
