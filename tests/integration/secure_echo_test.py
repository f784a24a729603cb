# SPDX-License-Identifier: MIT
#
# Tests secure_echo with hostile peers, and with clients that cannot log on. run.sh sets up the realm and the environment.
import contextlib
import os
import socket
import struct
import threading
import unittest

import programs
from programs import PATIENCE

SERVICE = os.environ['SSPAN_SERVICE']
PASSWORD = os.environ['SSPAN_PASSWORD']
MOST_TOKEN = 65536
USER = os.environ.get('SSPAN_USER', 'alice')
# Kerberos of Wine and of WinPR asks for the ticket already here, and returns one status for all failures.
DENIED = r'^AcquireCredentialsHandle: (NTSTATUS \(0xC0000001\)|SEC_E_NO_CREDENTIALS)'


def length(number):
    return struct.pack('>I', number)


def run(*arguments, password=None):
    return programs.run('secure_echo', *arguments, password=password)


def client(port, *options, target=SERVICE, password=None):
    return run('send', '--host', '127.0.0.1', '--port', str(port), '--target', target, *options, password=password)


def Server(*options):
    return programs.Server('secure_echo', 'serve', *options)


def port_of(connection):
    return connection.getsockname()[1]


class HostileClients(unittest.TestCase):
    """The connection must fail with an error that has the reason. The server must continue."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server('--handshake-timeout', '3')
        cls.connections = 0

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @contextlib.contextmanager
    def connection(self):
        with socket.create_connection(('127.0.0.1', self.server.port), PATIENCE) as peer:
            yield peer

    def expect(self, sent, complaint, close=False):
        with self.connection() as peer:
            type(self).connections += 1
            number = self.connections
            peer.sendall(sent)
            if close:
                peer.shutdown(socket.SHUT_WR)
            self.server.wait_for(rf'^connection {number}: .*{complaint}')
            with contextlib.suppress(ConnectionResetError):
                while peer.recv(4096):
                    pass
        self.expect_honest_client_to_be_served()

    def expect_honest_client_to_be_served(self):
        status, printed, complaints = client(self.server.port, '--count', '2')
        type(self).connections += 1
        self.assertEqual((status, complaints), (0, ''))
        self.assertIn('signed 2 messages of 256 bytes', printed)

    def test_garbage_for_a_length(self):
        self.expect(b'GET / HTTP/1.1\r\n\r\n', 'the peer claims a length of 1195725856 bytes')

    def test_length_of_4_gib(self):
        self.expect(length(0xFFFFFFFF), 'the peer claims a length of 4294967295 bytes; the limit is 65536')

    def test_length_just_over_the_limit(self):
        self.expect(length(MOST_TOKEN + 1), 'the peer claims a length of 65537 bytes')

    def test_length_at_the_limit_and_nothing_behind_it(self):
        self.expect(length(MOST_TOKEN), 'the peer closed the connection', close=True)

    def test_empty_token(self):
        self.expect(length(0), 'the peer sent an empty token')

    def test_garbage_for_a_token(self):
        self.expect(length(100) + bytes(range(100)), r'AcceptSecurityContext: SEC_E_\w+ \(0x8009')

    def test_large_garbage_for_a_token(self):
        self.expect(length(MOST_TOKEN) + bytes(MOST_TOKEN), r'AcceptSecurityContext: ')

    def test_close_at_once(self):
        self.expect(b'', 'the peer closed the connection', close=True)

    def test_close_inside_a_length(self):
        self.expect(b'\0\0', 'the peer closed the connection', close=True)

    def test_close_inside_a_token(self):
        self.expect(length(100) + bytes(50), 'the peer closed the connection in the middle of a message', close=True)

    def test_silence(self):
        self.expect(b'', 'the peer is silent or too slow')

    def test_silence_inside_a_token(self):
        self.expect(length(100) + bytes(50), 'the peer is silent')


class HostileServers(unittest.TestCase):
    """The client must report the reason, and end with status 2: no handshake."""

    def expect(self, answer, complaint, *options):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            def serve():
                peer, _ = listener.accept()
                with peer, contextlib.suppress(ConnectionResetError, BrokenPipeError):
                    peer.settimeout(PATIENCE)
                    peer.recv(65536)
                    if answer is None:
                        peer.recv(1)  # returns when the client's time limit ends the connection
                    else:
                        peer.sendall(answer)
            thread = threading.Thread(target=serve)
            thread.start()
            status, printed, complaints = client(port_of(listener), *options)
            thread.join()
        self.assertEqual(status, 2, printed + complaints)
        self.assertRegex(complaints, f'^no handshake: .*{complaint}')
        self.assertNotIn('authenticated', printed)

    def test_garbage_for_a_length(self):
        self.expect(b'HTTP/1.1 400\r\n\r\n', 'the peer claims a length of 1213486160 bytes')

    def test_garbage_for_a_token(self):
        self.expect(length(40) + bytes(40), r'InitializeSecurityContext: SEC_E_\w+ \(0x8009')

    def test_empty_token(self):
        self.expect(length(0), 'the peer sent an empty token')

    def test_close_at_once(self):
        self.expect(b'', 'closed the connection')

    def test_silence(self):
        self.expect(None, 'the peer is silent', '--timeout', '2')


class LogOn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_explicit_credentials(self):
        status, printed, complaints = client(self.server.port, '--user', USER, '--domain', 'SSPAN.TEST', '--count',
                                             '1', password=PASSWORD + '\n')
        self.assertEqual((status, complaints), (0, ''))
        self.assertIn('signed 1 messages', printed)

    def expect_refusal(self, pattern, *options, **more):
        status, printed, complaints = client(self.server.port, *options, **more)
        self.assertEqual(status, 2, printed + complaints)
        self.assertRegex(complaints, pattern)
        self.assertNotIn('authenticated', printed)

    def test_wrong_password(self):
        self.expect_refusal(DENIED, '--user', USER, '--domain', 'SSPAN.TEST', password='wrong\n')

    def test_unknown_user(self):
        self.expect_refusal(DENIED, '--user', 'mallory', '--domain', 'SSPAN.TEST', password='wrong\n')

    def test_unknown_target(self):
        self.expect_refusal(r'^no handshake: InitializeSecurityContext: SEC_E_\w+ \(0x8009', target='echo/nowhere.sspan.test')

    def test_target_that_the_server_is_not(self):
        self.expect_refusal(r'^no handshake: ', target=os.environ['SSPAN_OTHER_SERVICE'])

    def test_ntlm_is_accepted_by_not_asking_who_the_server_is(self):
        server = Server()
        try:
            status, printed, _ = client(server.port)
            self.assertEqual(status, 0, printed)
            self.assertIn('mutual_auth', printed)
            status, printed, _ = client(server.port, '--accept-ntlm')
            self.assertEqual(status, 0, printed)
            self.assertNotIn('mutual_auth', printed)
        finally:
            server.stop()

    def test_dce_style_that_the_client_has_not_asked_for(self):
        server = Server('--dce')
        try:
            self.assertIn(client(server.port)[0], (2, 5))  # 5 if the client's handshake is already complete
            server.wait_for('^connection 1: AcceptSecurityContext did not grant dce_style: SEC_E_SECURITY_QOS_FAILED')
        finally:
            server.stop()

    def test_nobody_listens(self):
        with socket.socket() as reserved:
            reserved.bind(('127.0.0.1', 0))
            status, _, complaints = client(port_of(reserved))
        self.assertEqual(status, 2)
        self.assertRegex(complaints, '^no handshake: ')


class CommandLine(unittest.TestCase):
    def test_usage_errors_end_with_1(self):
        for options in (['dance'], ['serve'], ['send', '--port', '1'], ['serve', '--port', '65536'],
                        ['serve', '--port', '1', '--package', 'basic'], ['serve', '--port', '1', '--unknown']):
            status, _, complaints = run(*options)
            self.assertEqual(status, 1, options)
            self.assertIn('secure_echo serve', complaints)

    def test_server_ends_after_its_connections(self):
        server = Server('--connections', '2')
        try:
            for _ in range(2):
                self.assertEqual(client(server.port, '--count', '3', '--kind', 'seal')[0], 0)
            self.assertEqual(server.process.wait(PATIENCE), 0)
        finally:
            server.stop()

    def test_message_sizes(self):
        server = Server('--max-size', '16000000')
        try:
            for size in (0, 1, 16, 65536, 16000000):
                for kind in ('sign', 'seal'):
                    status, printed, complaints = client(server.port, '--count', '1', '--kind', kind, '--size', str(size))
                    self.assertEqual((status, complaints), (0, ''), (kind, size, printed))
        finally:
            server.stop()

    def test_message_longer_than_there_may_be(self):
        server = Server('--max-size', '1000')
        try:
            for kind in ('sign', 'seal'):
                self.assertEqual(client(server.port, '--count', '1', '--kind', kind, '--size', '1000')[0], 0)
                self.assertEqual(client(server.port, '--count', '1', '--kind', kind, '--size', '1002')[0], 5)
            server.wait_for('^connection 2: the peer claims a length of 1002 bytes; the limit is 100[01]')
            server.wait_for('^connection 4: the peer claims a length of 1002 bytes; the limit is 100[01]')
        finally:
            server.stop()


if __name__ == '__main__':
    programs.main()
