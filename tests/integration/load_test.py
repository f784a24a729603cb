# SPDX-License-Identifier: MIT
#
# Tests secure_echo's server with hundreds of peers at once, most of them hostile. The server must serve the honest peers, keep
# its limits, and afterwards have the same threads, files and sockets as before. run.sh sets up the realm and the environment.
import collections
import concurrent.futures
import contextlib
import itertools
import os
import random
import re
import socket
import struct
import threading
import time
import unittest

import programs
from programs import PATIENCE

SERVICE = os.environ['SSPAN_SERVICE']
MIB = 1 << 20
GIB = 1 << 30
# Times in seconds.
HANDSHAKE = 10  # the server's limit for a handshake, if no option sets it
MESSAGE = 5  # the server's limit for an idle client, and for one message
LINGER = 1  # the server waits so long for a client to close the connection
SLACK = 5  # extra time for a busy machine
MOST_DATA = 8_000_000
MOST_TOKEN = 65536
THREAD = MIB * 5 // 4  # memory of one thread under Wine: 1 MiB, and its allocations


def number(value):
    return struct.pack('>I', value)


def receive_exactly(peer, size):
    received = bytearray()
    while len(received) < size:
        part = peer.recv(size - len(received))
        if not part:
            raise ConnectionError('the peer closed the connection')
        received += part
    return bytes(received)


def receive_token(peer):
    size = receive_exactly(peer, 4)
    return size + receive_exactly(peer, struct.unpack('>I', size)[0])


def receive_message(peer):
    header = receive_exactly(peer, 9)
    return header + receive_exactly(peer, sum(struct.unpack('>xII', header)))


def until_closed(peer):
    while peer.recv(65536):
        pass


def slowly(peer, data):
    """Sends single bytes with pauses, until the server ends the connection, or for one minute."""
    peer.settimeout(0.2)
    for byte in data[:300]:
        peer.sendall(bytes([byte]))
        with contextlib.suppress(TimeoutError):
            if not peer.recv(1):
                return


def claim(peer, header):
    """Sends a header, and then data as if the server had accepted the header."""
    peer.sendall(header)
    for _ in range(8):
        peer.sendall(bytes(MIB))
    until_closed(peer)


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    peer.close()


# ---- peers that have not authenticated themselves ----

def never_speaks(peer):
    until_closed(peer)


def speaks_slowly(peer):
    slowly(peer, number(60000) + bytes(60000))


def leaves_out_the_last_byte(peer):
    peer.sendall(number(MOST_TOKEN) + bytes(MOST_TOKEN - 1))
    until_closed(peer)


def sends_garbage(peer):
    peer.sendall(number(4096) + random.Random(peer.fileno()).randbytes(4096))
    until_closed(peer)


def claims_1_gib(peer):
    claim(peer, number(GIB))


def claims_4_gib(peer):
    claim(peer, number(4 * GIB - 1))


def closes_half(peer):
    peer.sendall(number(1000) + bytes(500))
    peer.shutdown(socket.SHUT_WR)
    until_closed(peer)


def resets(peer):
    peer.sendall(number(1000))
    reset(peer)


def resets_at_once(peer):
    reset(peer)


ENDED_BY_THE_CLOCK = (never_speaks, speaks_slowly, leaves_out_the_last_byte)
ENDED_AT_ONCE = (sends_garbage, claims_1_gib, claims_4_gib, closes_half, resets, resets_at_once)


def unknown_peer(port, behave):
    """Returns how long the server kept the connection."""
    start = time.monotonic()
    with socket.create_connection(('127.0.0.1', port), PATIENCE) as peer, contextlib.suppress(ConnectionError):
        behave(peer)
    return time.monotonic() - start


# ---- clients that have authenticated themselves; `message` is the next message of an honest client ----

def says_nothing_more(peer, _):
    until_closed(peer)


def sends_a_message_slowly(peer, message):
    slowly(peer, message)


def does_not_read(peer, message):
    peer.sendall(message)
    time.sleep(MESSAGE + LINGER + 1)


def claims_a_token_of_1_gib(peer, _):
    claim(peer, b'S' + number(GIB) + number(1))


def claims_data_of_4_gib(peer, _):
    claim(peer, b'E' + number(60) + number(4 * GIB - 1))


def sends_no_message(peer, _):
    peer.sendall(b'G')
    until_closed(peer)


def closes_half_after_the_handshake(peer, _):
    peer.shutdown(socket.SHUT_WR)
    until_closed(peer)


KNOWN_ENDED_BY_THE_CLOCK = (says_nothing_more, sends_a_message_slowly)
KNOWN_ENDED_AT_ONCE = (claims_a_token_of_1_gib, claims_data_of_4_gib, sends_no_message, closes_half_after_the_handshake)


def known_peer(listener, port, behave):
    """Relays the handshake of an honest client to the server, then behaves badly in its place. `behave` returns the answer for
    the client's message, if there is one. Returns the same as unknown_peer."""
    client, _ = listener.accept()
    with client, socket.socket() as peer:
        client.settimeout(PATIENCE)
        peer.settimeout(PATIENCE)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # a small buffer, so that the server notices a peer that does not read
        peer.connect(('127.0.0.1', port))
        peer.sendall(receive_token(client))
        client.sendall(receive_token(peer))
        start = time.monotonic()
        message = receive_message(client)
        with contextlib.suppress(ConnectionError):
            client.sendall(behave(peer, message) or b'')
        return time.monotonic() - start


def wine_server():
    """Returns the process id of the wineserver of this prefix."""
    prefix = f"WINEPREFIX={os.environ['WINEPREFIX']}".encode()
    for process in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError):  # the process has ended, or belongs to another user
            if 'wineserver' in os.readlink(f'/proc/{process}/exe'):
                with open(f'/proc/{process}/environ', 'rb') as file:
                    if prefix in file.read().split(b'\0'):
                        return int(process)
    raise AssertionError('no wineserver runs')


class Server(programs.Server):
    """Measures the server's threads, memory, files and sockets. A Wine process is also a process of Linux."""

    def __init__(self, *options):
        super().__init__('secure_echo', 'serve', *options)
        self.wine_server = wine_server()
        self.most_threads = 0
        self.watching = True
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()

    def status(self, name):
        with open(f'/proc/{self.process.pid}/status') as file:
            return int(re.search(rf'^{name}:\s+(\d+)', file.read(), re.MULTILINE).group(1))

    def threads(self):
        return self.status('Threads')

    def files(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def sockets(self):
        """Counts the sockets of the wineserver, which holds the sockets of all programs."""
        folder = f'/proc/{self.wine_server}/fd'
        count = 0
        for file in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # it was closed since listdir
                count += os.readlink(f'{folder}/{file}').startswith('socket:')
        return count

    def memory(self, name='VmRSS'):
        return self.status(name) * 1024

    def connections(self):
        """Counts the open connections at the server's end."""
        with open('/proc/net/tcp') as file:
            rows = [line.split() for line in itertools.islice(file, 1, None)]
        listening, no_owner = '0A', '0'
        return sum(row[1].endswith(f':{self.port:04X}') and row[3] != listening and row[9] != no_owner for row in rows)

    def watch(self):
        while self.watching and self.process.poll() is None:
            self.most_threads = max(self.most_threads, self.threads())
            time.sleep(0.02)

    def count(self, pattern):
        return sum(re.search(pattern, line) is not None for line in self.lines())

    def stop(self):
        self.watching = False
        self.watcher.join()
        super().stop()


class Load(unittest.TestCase):
    def start(self, *options):
        self.server = Server(*options)
        self.addCleanup(self.server.stop)
        self.expect_honest_clients_to_be_served(1)  # the first client makes the server load its libraries
        self.wait_until(lambda: self.server.connections() == 0)
        self.before = self.server.threads(), self.server.files()
        self.sockets_before = self.server.sockets()
        self.memory_before = self.server.memory()

    def pool(self):
        return concurrent.futures.ThreadPoolExecutor(max_workers=300)

    def wait_until(self, condition, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertTrue(condition())

    def client(self, *options, port=None):
        return programs.run('secure_echo', 'send', '--host', '127.0.0.1', '--port', str(port or self.server.port),
                            '--target', SERVICE, *options)

    def expect_honest_clients_to_be_served(self, how_many, port=None):
        status, printed, complaints = self.client('--at-once', str(how_many), '--count', '2', port=port)
        self.assertEqual((status, complaints), (0, ''))
        self.assertEqual(printed.count('signed 2 messages of 256 bytes'), how_many)

    def expect_all_to_be_over(self):
        def now():
            return self.server.threads(), self.server.files(), self.server.connections()
        with contextlib.suppress(AssertionError):
            self.wait_until(lambda: now() == (*self.before, 0), LINGER + SLACK)
        self.assertEqual(now(), (*self.before, 0))
        self.assertLess(self.server.sockets(), self.sockets_before + 8)  # Wine's services also open and close sockets
        self.expect_honest_clients_to_be_served(1)

    def expect_ends(self, lives, kinds, least, most):
        for kind in kinds:
            self.assertGreaterEqual(min(lives[kind]), least, kind)
            self.assertLessEqual(max(lives[kind]), most + SLACK, kind)

    def known_peers(self, pool, behaviours, *options):
        listener = socket.create_server(('127.0.0.1', 0), backlog=len(behaviours))
        listener.settimeout(PATIENCE)
        self.addCleanup(listener.close)
        lives = [(behave, pool.submit(known_peer, listener, self.server.port, behave)) for behave in behaviours]
        return lives, pool.submit(self.client, '--at-once', str(len(behaviours)), '--count', '1', *options,
                                  port=listener.getsockname()[1])

    def test_200_honest_clients_at_once(self):
        self.start()
        all_are_there = threading.Barrier(200)

        def waits_for_the_others(peer, message):
            all_are_there.wait(PATIENCE)
            threads.append(self.server.threads())
            peer.sendall(message)
            return receive_message(peer)

        threads = []
        with self.pool() as pool:
            lives, clients = self.known_peers(pool, [waits_for_the_others] * 200)
            for _, life in lives:
                life.result(PATIENCE)
            status, printed, complaints = clients.result(PATIENCE)
        self.assertEqual((status, complaints), (0, ''))
        self.assertEqual(printed.count('signed 1 messages of 256 bytes'), 200)
        self.assertGreaterEqual(max(threads), 200)
        self.expect_all_to_be_over()

    def test_200_hostile_peers_at_once(self):
        """With 21 hostile clients that have authenticated themselves, and 20 honest ones."""
        self.start('--timeout', str(MESSAGE), '--max-size', str(MOST_DATA))
        with self.pool() as pool:
            peers = [(behave, pool.submit(unknown_peer, self.server.port, behave))
                     for behave in ENDED_BY_THE_CLOCK * 40 + ENDED_AT_ONCE * 14]
            peers += self.known_peers(pool, (KNOWN_ENDED_BY_THE_CLOCK + KNOWN_ENDED_AT_ONCE) * 3)[0]
            peers += self.known_peers(pool, [does_not_read] * 3, '--size', str(MOST_DATA))[0]
            self.wait_until(lambda: self.server.threads() > 100)
            self.expect_honest_clients_to_be_served(20)
            self.assertTrue(any(not life.done() for _, life in peers))
            lives = collections.defaultdict(list)
            for behave, life in peers:
                lives[behave].append(life.result(PATIENCE))
        self.expect_ends(lives, ENDED_BY_THE_CLOCK, HANDSHAKE - 0.5, HANDSHAKE)
        self.expect_ends(lives, ENDED_AT_ONCE, 0, LINGER)
        self.expect_ends(lives, KNOWN_ENDED_BY_THE_CLOCK, MESSAGE - 0.5, MESSAGE)
        self.expect_ends(lives, KNOWN_ENDED_AT_ONCE, 0, LINGER)
        for complaint, count in ((rf'claims a length of {GIB} bytes; the limit is {MOST_TOKEN}', 14 + 3),
                                 (rf'claims a length of {4 * GIB - 1} bytes; the limit is {MOST_TOKEN}', 14),
                                 (rf'claims a length of {4 * GIB - 1} bytes; the limit is {MOST_DATA // 100}', 3),
                                 ('AcceptSecurityContext: SEC_E_', 14),
                                 ('receiving: the peer is silent or too slow', 3 * 40 + 2 * 3),
                                 ('sending: the peer is silent or too slow', 3)):
            self.assertEqual(self.server.count(complaint), count, complaint)
        held = 3 * 3 * MOST_DATA  # for each peer that does not read: a message, the answer, and space for growing buffers
        self.assertLess(self.server.memory('VmHWM'), self.memory_before + self.server.most_threads * THREAD + held)
        self.expect_all_to_be_over()

    def test_nothing_remains_of_hundreds_of_peers(self):
        self.start()

        def wave():
            with self.pool() as pool:
                for life in [pool.submit(unknown_peer, self.server.port, behave) for behave in ENDED_AT_ONCE * 33]:
                    life.result(PATIENCE)
            self.expect_all_to_be_over()
            return self.server.memory()

        first = wave()
        self.assertLess(max(wave() for _ in range(2)), first + 4 * MIB)

    def test_more_peers_than_there_may_be(self):
        self.start('--max-connections', '16', '--handshake-timeout', '1')
        with self.pool() as pool:
            lives = [pool.submit(unknown_peer, self.server.port, never_speaks) for _ in range(48)]
            self.wait_until(lambda: self.server.threads() >= 16)
            self.expect_honest_clients_to_be_served(32)
            for life in lives:
                life.result(PATIENCE)
        self.assertLessEqual(self.server.most_threads, self.before[0] + 16)
        self.expect_all_to_be_over()


if __name__ == '__main__':
    programs.main()
