# SPDX-License-Identifier: MIT
#
# Tests sealed_copy, also with an attacker between sender and receiver; inspect; the examples of the protocols; and the first
# program of the pages. run.sh sets up the realm and the environment.
import contextlib
import hashlib
import json
import os
import socket
import struct
import tempfile
import threading
import unittest
import unittest.mock

import programs
from programs import PATIENCE

SERVICE = os.environ['SSPAN_SERVICE']
MIB = 1 << 20
SIZES = (0, 1, MIB + 3)


def send(port, path, *options):
    return programs.run('sealed_copy', 'send', '--host', '127.0.0.1', '--port', str(port), '--target', SERVICE, '--file',
                        path, *options)


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


class Proxy:
    """Passes data between two sides. Calls `change(number, frame)` for each frame from the sender. `change` returns the frames
    to pass on, or None to cut the connection."""

    def __init__(self, port, change):
        self.change = change
        self.port_behind = port
        self.passed = 0
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', self.port_behind), PATIENCE) as there:
            here, _ = self.listener.accept()
            here.settimeout(PATIENCE)
            with here:
                back = threading.Thread(target=self.pass_back, args=(there, here))
                back.start()
                self.pass_on(here.makefile('rb'), there)
                back.join()

    def pass_on(self, source, there):
        with contextlib.suppress(OSError):
            while len(head := source.read(4)) == 4:
                frame = head + source.read(struct.unpack('>I', head)[0])
                frames = self.change(self.passed, frame)
                if frames is None:
                    break
                self.passed += 1
                for each in frames:
                    there.sendall(each)
        with contextlib.suppress(OSError):
            there.shutdown(socket.SHUT_WR)

    @staticmethod
    def pass_back(there, here):
        with contextlib.suppress(OSError):
            while some := there.recv(65536):
                here.sendall(some)
        with contextlib.suppress(OSError):
            here.shutdown(socket.SHUT_WR)  # only this direction: the sender may still send, and must not get a reset

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join()


def is_data(frame):
    return len(frame) > 100000


def once(condition, frames):
    """Returns a function `change` that changes only the first frame that satisfies the condition."""
    done = []

    def change(number, frame):
        if not done and condition(number, frame):
            done.append(True)
            return frames(frame)
        return [frame]
    return change


def flip(frame):
    return [frame[:1000] + bytes([frame[1000] ^ 4]) + frame[1001:]]


class Copies:
    """Tests for both styles. STYLE has the options that select the style."""
    STYLE = ()
    TOKENS = 1  # number of tokens that the sender sends in the handshake

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.incoming = os.path.join(cls.folder.name, 'incoming')
        os.mkdir(cls.incoming)
        cls.sources = {}
        for size in SIZES:
            cls.sources[size] = os.path.join(cls.folder.name, f'{size}.bin')
            with open(cls.sources[size], 'wb') as file:
                file.write(os.urandom(size))
        cls.receiver = programs.Server('sealed_copy', 'receive', '--directory', cls.incoming, '--timeout', '3', *cls.STYLE)
        cls.connections = 0

    @classmethod
    def tearDownClass(cls):
        cls.receiver.stop()
        cls.folder.cleanup()

    def send(self, path, *options, port=None):
        type(self).connections += 1
        return send(port or self.receiver.port, path, *self.STYLE, *options)

    def expect_said(self, pattern):
        self.receiver.wait_for(rf'^connection {self.connections}: .*{pattern}')

    @contextlib.contextmanager
    def nothing_new(self):
        before = {name: digest(os.path.join(self.incoming, name)) for name in os.listdir(self.incoming)}
        yield
        after = {name: digest(os.path.join(self.incoming, name)) for name in os.listdir(self.incoming)}
        self.assertEqual(after, before)

    def test_files_arrive_identical(self):
        for size, path in self.sources.items():
            with self.subTest(size=size):
                status, printed, complaints = self.send(path)
                self.assertEqual((status, complaints), (0, ''), printed)
                self.assertIn(f'sent {size}.bin: {size} bytes in ', printed)
                self.assertEqual(digest(os.path.join(self.incoming, f'{size}.bin')), digest(path))
                self.expect_said(f'received {size}.bin: {size} bytes')

    def test_names_that_are_not_ascii(self):
        name = 'grüße \U0001F3B5.bin'
        status, printed, complaints = self.send(self.sources[1], '--name', name)
        self.assertEqual((status, complaints), (0, ''), printed)
        self.assertEqual(digest(os.path.join(self.incoming, name)), digest(self.sources[1]))

    def expect_lost(self, change, status, complaint, said, size=MIB + 3):
        with self.nothing_new(), Proxy(self.receiver.port, change) as proxy:
            ended, printed, complaints = self.send(self.sources[size], '--name', 'lost', port=proxy.port)
            self.assertEqual(ended, status, printed + complaints)
            self.assertRegex(complaints, complaint)
            self.assertNotIn('sent ', printed)
            self.expect_said(said)
        self.assertEqual(self.send(self.sources[1], '--name', f'honest {self.connections}')[0], 0)

    def test_flipped_bit(self):
        self.expect_lost(once(lambda _, frame: is_data(frame), flip), 3,
                         r'^the receiver refuses: rejected a block: SEC_E_MESSAGE_ALTERED \(0x8009030F\)',
                         r'rejected a block: SEC_E_MESSAGE_ALTERED')

    def test_block_sent_twice(self):
        self.expect_lost(once(lambda _, frame: is_data(frame), lambda frame: [frame, frame]), 3,
                         '^the receiver refuses: rejected a block: SEC_E_', 'rejected a block: SEC_E_')

    def test_block_left_out(self):
        self.expect_lost(once(lambda _, frame: is_data(frame), lambda frame: []), 3,
                         '^the receiver refuses: rejected a block: SEC_E_', 'rejected a block: SEC_E_')

    def test_connection_cut_between_blocks(self):
        self.expect_lost(lambda number, frame: None if number > 4 and is_data(frame) else [frame], 5, '.',
                         'the peer closed the connection')

    def test_connection_cut_inside_a_block(self):
        first = self.TOKENS + 1  # after the tokens and the name of the file

        def change(number, frame):
            return [frame] if number < first + 1 else [frame[:5000]] if number == first + 1 else None
        self.expect_lost(change, 5, '.', 'the peer closed the connection in the middle of a message')

    def test_connection_cut_before_the_last_block(self):
        last = self.TOKENS + 1 + 5  # before it are five blocks of data
        self.expect_lost(lambda number, frame: None if number == last else [frame], 5, '.', 'the peer closed the connection')

    def test_silence(self):
        self.expect_lost(once(lambda number, frame: is_data(frame), lambda frame: threading.Event().wait(5) or []), 5, '.',
                         'the peer is silent')

    def test_refusal_comes_before_the_end_of_a_long_file(self):
        path = os.path.join(self.folder.name, 'long')
        with open(path, 'wb') as file:
            file.truncate(256 * MIB)
        with self.nothing_new(), Proxy(self.receiver.port, once(lambda _, frame: is_data(frame), flip)) as proxy:
            status, printed, complaints = self.send(path, port=proxy.port)
            self.assertEqual(status, 3, printed + complaints)
        self.assertLess(proxy.passed, 512)

    def test_files_that_are_there_are_kept(self):
        self.assertEqual(self.send(self.sources[MIB + 3], '--name', 'kept')[0], 0)
        with self.nothing_new():
            status, printed, complaints = self.send(self.sources[1], '--name', 'kept')
            self.assertEqual(status, 6, printed)
            self.assertRegex(complaints, '^the receiver refuses: there is a file of that name')

    def test_hostile_names(self):
        for name in ('../x', '..\\x', '/tmp/x', 'C:\\x', 'C:x', 'a:b', '..', '.', 'CON', 'nul.txt', 'a/b', 'x.', 'x ',
                     'a*', 'x' * 256):
            with self.subTest(name=name), self.nothing_new():
                status, printed, complaints = self.send(self.sources[1], '--name', name)
                self.assertEqual(status, 6, printed + complaints)
                self.assertRegex(complaints, '^the receiver refuses: the name is not that of a plain file')
        self.assertEqual(sorted(os.listdir(self.folder.name))[-1:], ['incoming'])

    def test_file_that_is_not_there(self):
        status, _, complaints = programs.run('sealed_copy', 'send', '--host', '127.0.0.1', '--port', '1', '--target', SERVICE,
                                             '--file', os.path.join(self.folder.name, 'none'))
        self.assertEqual(status, 6, complaints)


class CopiesInOrdinaryStyle(Copies, unittest.TestCase):
    pass


class CopiesInDceStyle(Copies, unittest.TestCase):
    STYLE = ('--dce',)
    TOKENS = 2


class Receivers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.source = os.path.join(self.folder.name, 'source')
        self.incoming = os.path.join(self.folder.name, 'incoming')
        os.mkdir(self.incoming)
        with open(self.source, 'wb') as file:
            file.write(os.urandom(MIB))

    def tearDown(self):
        self.folder.cleanup()

    @contextlib.contextmanager
    def receiver(self, *options):
        server = programs.Server('sealed_copy', 'receive', '--directory', self.incoming, '--connections', '1', *options)
        try:
            yield server
        finally:
            server.stop()

    def test_overwrite(self):
        with open(os.path.join(self.incoming, 'source'), 'w') as file:
            file.write('old')
        with self.receiver('--overwrite') as server:
            self.assertEqual(send(server.port, self.source)[0], 0)
            self.assertEqual(server.process.wait(PATIENCE), 0)
        self.assertEqual(os.listdir(self.incoming), ['source'])
        self.assertEqual(digest(os.path.join(self.incoming, 'source')), digest(self.source))

    def test_status_tells_of_failures(self):
        with self.receiver() as server:
            self.assertEqual(send(server.port, self.source, '--name', '..')[0], 6)
            self.assertEqual(server.process.wait(PATIENCE), 6)

    def test_disk_that_takes_no_more(self):
        limited = ['sh', '-c', 'ulimit -f 600; trap "" XFSZ; exec "$0" "$@"', *programs.RUNNER]
        with unittest.mock.patch.object(programs, 'RUNNER', limited):
            context = self.receiver()
            server = context.__enter__()
        try:
            status, printed, complaints = send(server.port, self.source)
            self.assertEqual(status, 6, printed + complaints)
            self.assertRegex(complaints, '^the receiver refuses: writing: ')
            self.assertEqual(server.process.wait(PATIENCE), 6)
        finally:
            context.__exit__(None, None, None)
        self.assertEqual(os.listdir(self.incoming), [])

    def test_no_handshake(self):
        with self.receiver('--dce') as server:
            self.assertIn(send(server.port, self.source)[0], (2, 5))  # 5 if the sender's handshake is already complete
            self.assertEqual(server.process.wait(PATIENCE), 2)
        with socket.socket() as reserved:
            reserved.bind(('127.0.0.1', 0))
            status, _, complaints = send(reserved.getsockname()[1], self.source)
        self.assertEqual(status, 2)
        self.assertRegex(complaints, '^no handshake: ')

    def test_garbage_instead_of_blocks(self):
        with self.receiver() as server:
            with socket.create_connection(('127.0.0.1', server.port), PATIENCE) as peer:
                peer.sendall(struct.pack('>I', 100) + bytes(100))
                with contextlib.suppress(ConnectionResetError):
                    while peer.recv(4096):
                        pass
            self.assertEqual(server.process.wait(PATIENCE), 2)
        self.assertEqual(os.listdir(self.incoming), [])

    def test_usage_errors_end_with_1(self):
        for options in ((), ('dance',), ('receive',), ('receive', '--port', '1'), ('send', '--port', '1'),
                        ('receive', '--port', '1', '--directory', '.', '--package', 'basic'),
                        ('receive', '--port', '1', '--directory', '.', '--timeout', '0'),
                        ('receive', '--port', '1', '--directory', '.', '--what')):
            status, _, complaints = programs.run('sealed_copy', *options)
            self.assertEqual(status, 1, options)
            self.assertIn('sealed_copy receive', complaints)

    def test_folder_that_is_not_there(self):
        status, _, complaints = programs.run('sealed_copy', 'receive', '--port', '0', '--directory', self.source)
        self.assertEqual(status, 6, complaints)


class FirstClientAndServer(unittest.TestCase):
    """The program of docs/first-client-and-server.md."""

    def test_both_sides_talk(self):
        status, printed, complaints = programs.run('first_client_and_server', SERVICE)
        self.assertEqual((status, complaints), (0, ''))
        self.assertIn('server: a client has logged on with kerberos', printed)
        self.assertIn('server: the client says: Pay 100 to Carol.', printed)
        self.assertIn('client: the server says: Done.', printed)

    def test_service_of_nobody(self):
        status, printed, complaints = programs.run('first_client_and_server', 'echo/nobody.sspan.test')
        self.assertEqual((status, printed), (1, ''))
        self.assertIn('client: InitializeSecurityContext: ', complaints)
        self.assertIn('server: the peer has closed the connection', complaints)


class Inspect(unittest.TestCase):
    def test_json(self):
        status, printed, complaints = programs.run('inspect', '--json', '--target', SERVICE)
        self.assertEqual((status, complaints), (0, ''))
        report = json.loads(printed)
        packages = {package['name']: package for package in report['packages']}
        self.assertIn('integrity', packages['Kerberos']['capabilities'])
        self.assertGreater(packages['Kerberos']['max_token'], 1000)
        handshakes = {handshake['package']: handshake for handshake in report['handshakes']}
        self.assertEqual(list(handshakes), ['Kerberos', 'Negotiate', 'NTLM'])
        for name in ('Kerberos', 'Negotiate'):
            self.assertTrue(handshakes[name]['established'])
            self.assertEqual(handshakes[name]['target'], SERVICE)
            self.assertEqual(len(handshakes[name]['token_bytes']), 2)
            for side in ('client', 'server'):
                told = handshakes[name][side]
                self.assertEqual(told['granted'], ['mutual_auth', 'replay_detect', 'sequence_detect', 'confidentiality',
                                                   'integrity'])
                self.assertGreaterEqual(told['sizes']['max_signature'], 28)
                self.assertEqual(told['negotiation_info']['package'], 'Kerberos')
                self.assertIsNone(told['user_name'])  # Wine does not report it
        self.assertFalse(handshakes['NTLM']['established'])
        self.assertRegex(handshakes['NTLM']['failed']['error'], r'^SEC_E_\w+ \(0x8009')

    def test_table(self):
        status, printed, complaints = programs.run('inspect', '--target', SERVICE)
        self.assertEqual((status, complaints), (0, ''))
        self.assertRegex(printed, r'(?m)^Kerberos +1 +16 +\d+ +integrity, privacy, ')
        self.assertRegex(printed, rf'(?m)^Kerberos with {SERVICE}: established; bytes of the tokens: \d+, \d+$')
        self.assertRegex(printed, r'(?m)^  granted +both +mutual_auth, ')
        self.assertRegex(printed, r'(?m)^  not told +both +.*user_name')
        self.assertRegex(printed, r'(?m)^NTLM.*: failed: \w+: SEC_E_')

    def test_target_of_nobody(self):
        status, printed, _ = programs.run('inspect')
        self.assertEqual(status, 0)
        self.assertRegex(printed, r'(?m)^Kerberos with host/localhost: failed: InitializeSecurityContext: SEC_E_')

    def test_usage(self):
        self.assertEqual(programs.run('inspect', '--what')[0], 1)
        status, printed, _ = programs.run('inspect', '--help')
        self.assertEqual(status, 0)
        self.assertIn('--json', printed)


class Programs(unittest.TestCase):
    def expect_usage(self, name, *command_lines):
        for options in (('--what',), *command_lines):
            status, printed, complaints = programs.run(name, *options)
            self.assertEqual((status, printed), (1, ''), options)
            self.assertRegex(complaints, rf'(?m)^{name} .*\n(.*\n)*Exit status: 0 done, 1 usage, 2 ')

    def expect_help(self, name):
        status, printed, complaints = programs.run(name, '--help')
        self.assertEqual((status, complaints), (0, ''))
        self.assertRegex(printed, rf'^{name} .*\n(.*\n)*Exit status: 0 done, 1 usage, 2 ')

    def expect_failure(self, name, *options, complaint='.'):
        status, printed, complaints = programs.run(name, *options)
        self.assertEqual((status, printed), (2, ''), complaints)
        self.assertRegex(complaints, complaint)

    @staticmethod
    @contextlib.contextmanager
    def nobody():
        """Yields a port at which no program listens."""
        with socket.socket() as reserved:
            reserved.bind(('127.0.0.1', 0))
            yield str(reserved.getsockname()[1])

    @staticmethod
    @contextlib.contextmanager
    def pretender(answer):
        """Yields the port of a server that answers the first data with these bytes, and closes the connection."""
        def serve(listener):
            with contextlib.suppress(OSError), listener.accept()[0] as peer:
                peer.settimeout(PATIENCE)
                peer.recv(65536)
                peer.sendall(answer)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):
                    pass
        with socket.create_server(('127.0.0.1', 0)) as listener:
            listener.settimeout(PATIENCE)
            thread = threading.Thread(target=serve, args=(listener,))
            thread.start()
            yield str(listener.getsockname()[1])
        thread.join()


class Http(Programs):
    HOST = 'server.sspan.test'

    def get(self, port):
        return '--host', self.HOST, '--address', '127.0.0.1', '--port', str(port)

    @contextlib.contextmanager
    def hello(self, *options):
        server = programs.Server('http_hello', *options, environment={'KRB5_KTNAME': os.environ['SSPAN_WEB_KEYTAB']})
        try:
            yield server
        finally:
            server.stop()

    def test_usage(self):
        self.expect_help('http_get')
        self.expect_help('http_hello')
        self.expect_usage('http_get', (), ('--host',), ('--host', 'h', '--port', 'x'), ('--host', 'h', '--what'))
        self.expect_usage('http_hello', (), ('--port', '65536'), ('--port', '0', '--connections', '-1'),
                          ('--port', '0', '--what'))

    def test_conversation(self):
        with self.hello('--connections', '2') as server:
            status, printed, complaints = programs.run('http_get', *self.get(server.port), '--path', '/page')
            self.assertEqual((status, complaints), (0, ''), printed)
            self.assertRegex(printed, rf'^authenticated HTTP/{self.HOST} with 2 requests: 200\nhello .')
            server.wait_for(r'^GET /page: 401, a token is needed$')
            server.wait_for(r'^GET /page: 200, .')
            status, printed, complaints = programs.run('http_get', *self.get(server.port), '--preemptive')
            self.assertEqual((status, complaints), (0, ''), printed)
            self.assertRegex(printed, rf'^authenticated HTTP/{self.HOST} with 1 requests: 200\nhello .')
            self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_server_of_another_name(self):
        with self.hello('--name', 'HTTP/other.sspan.test') as server:
            self.expect_failure('http_get', *self.get(server.port))
            server.wait_for(r'^GET /: 401, SEC_E_')
            self.assertFalse([line for line in server.lines() if ': 200' in line])

    def test_garbage(self):
        with self.hello('--connections', '2') as server:
            for garbage in (b'GET / HTTP/1.1\r\nAuthorization: Negotiate AAAA\r\n\r\n', b'\0\1\2\r\n\r\n'):
                with socket.create_connection(('127.0.0.1', server.port), PATIENCE) as peer:
                    peer.sendall(garbage)
                    peer.shutdown(socket.SHUT_WR)
                    answer = b''
                    with contextlib.suppress(ConnectionResetError):
                        while some := peer.recv(4096):
                            answer += some
                    self.assertNotIn(b' 200 ', answer)
            self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_peer_that_is_away(self):
        with self.nobody() as port:
            self.expect_failure('http_get', *self.get(port))

    def test_pretender(self):
        challenge = b'WWW-Authenticate: Negotiate AAAA\r\n'
        for field in (b'', challenge):
            with self.pretender(b'HTTP/1.1 200 OK\r\n' + field + b'Content-Length: 5\r\n\r\nhello') as port:
                self.expect_failure('http_get', *self.get(port), '--preemptive')


class LdapWhoami(Programs):
    def ask(self, port):
        return '--host', '127.0.0.1', '--port', port, '--target', SERVICE

    def test_usage(self):
        self.expect_help('ldap_whoami')
        self.expect_usage('ldap_whoami', (), ('--host', 'h'), ('--target', SERVICE), (*self.ask('x'),),
                          (*self.ask('1'), '--mechanism', 'plain'), (*self.ask('1'), '--what'))

    def test_peer_that_is_away(self):
        with self.nobody() as port:
            self.expect_failure('ldap_whoami', *self.ask(port))

    def test_pretender(self):
        refusal = b'\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00'  # invalid credentials
        success = refusal.replace(b'\x31', b'\x00')  # without the server's token
        for answer, complaint in ((b'', 'closed the connection'), (b'HTTP/1.1 400\r\n\r\n', '.'),
                                  (refusal, '^the server refuses the user'), (success, '.')):
            with self.subTest(answer=answer), self.pretender(answer) as port:
                self.expect_failure('ldap_whoami', *self.ask(port), complaint=complaint)


class NegotiateStream(Programs):
    TEXT = 'pay 100 to carol'

    @contextlib.contextmanager
    def server(self):
        server = programs.Server('negotiate_stream', 'server', port=('0',))
        try:
            yield server
        finally:
            server.stop()

    def ask(self, port, target=SERVICE):
        return 'client', '127.0.0.1', str(port), target, self.TEXT

    def expect_conversation(self, port):
        self.assertEqual(programs.run('negotiate_stream', *self.ask(port)),
                         (0, 'encrypted and signed: PAY 100 TO CAROL\n', ''))

    def test_usage(self):
        self.expect_usage('negotiate_stream', (), ('server',), ('client', '127.0.0.1'), ('dance', '1'))
        self.expect_failure('negotiate_stream', 'server', '65536', complaint='a port is a number up to 65535')

    def test_conversations(self):
        with self.server() as server:
            self.expect_conversation(server.port)
            self.expect_failure('negotiate_stream', *self.ask(server.port, os.environ['SSPAN_OTHER_SERVICE']))
            server.wait_for('SEC_E_')
            self.expect_conversation(server.port)

    def test_garbage(self):
        with self.server() as server:
            for garbage in (b'', b'\x16', b'\x16\x01\x00\xff\xff', b'GET / HTTP/1.1\r\n\r\n', b'\x16\x01\x00\x00\x04abcd'):
                with socket.create_connection(('127.0.0.1', server.port), PATIENCE) as peer:
                    peer.sendall(garbage)
                    peer.shutdown(socket.SHUT_WR)
                    with contextlib.suppress(ConnectionResetError):
                        while peer.recv(4096):
                            pass
            self.expect_conversation(server.port)

    def test_peer_that_is_away(self):
        with self.nobody() as port:
            self.expect_failure('negotiate_stream', *self.ask(port))

    def test_pretender(self):
        refusal = b'\x15\x01\x00\x00\x08' + bytes(6) + b'\x06\xfe'  # ERROR_TRUST_FAILURE, as .NET Framework writes it
        for answer, complaint in ((b'', 'closed the connection'), (b'\x14\x01\x00\x00\x00', '.'),
                                  (refusal, 'was refused by the peer: SEC_E_SECURITY_QOS_FAILED')):
            with self.subTest(answer=answer), self.pretender(answer) as port:
                self.expect_failure('negotiate_stream', *self.ask(port), complaint=complaint)


if __name__ == '__main__':
    programs.main()
