# SPDX-License-Identifier: MIT
#
# secure_echo's server among hundreds of peers at once, most of them hostile: it serves the honest ones meanwhile, keeps
# to its bounds, and is afterwards as it was before. run.sh sets up the realm and says where everything is.
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
# In seconds.
HANDSHAKE = 10  # how long it may take the server's clients, as the server has it when nobody says anything
MESSAGE = 5  # how long they may be idle, and how long a message may take
LINGER = 1  # how long the server waits for them to end the connection, too
SLACK = 5  # what a busy machine may add
MOST_DATA = 8_000_000
MOST_TOKEN = 65536
THREAD = MIB * 5 // 4  # what one costs under Wine: 1 MiB, and what it has allocated


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
    """A byte now and then, until the server ends the connection: for a minute at most."""
    peer.settimeout(0.2)
    for byte in data[:300]:
        peer.sendall(bytes([byte]))
        with contextlib.suppress(TimeoutError):
            if not peer.recv(1):
                return


def claim(peer, header):
    """Goes on as if the server believed it."""
    peer.sendall(header)
    for _ in range(8):
        peer.sendall(bytes(MIB))
    until_closed(peer)


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    peer.close()


# ---- peers that nobody knows ----

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
    """@return for how long the server put up with it."""
    start = time.monotonic()
    with socket.create_connection(('127.0.0.1', port), PATIENCE) as peer, contextlib.suppress(ConnectionError):
        behave(peer)
    return time.monotonic() - start


# ---- clients that have authenticated themselves; `message` is what an honest one would send next ----

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
    """Has an honest client, which takes it for the server, do the handshake. `behave` returns what the client is to get
    for its message, if anything. @return as unknown_peer."""
    client, _ = listener.accept()
    with client, socket.socket() as peer:
        client.settimeout(PATIENCE)
        peer.settimeout(PATIENCE)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that the server notices who does not read
        peer.connect(('127.0.0.1', port))
        peer.sendall(receive_token(client))
        client.sendall(receive_token(peer))
        start = time.monotonic()
        message = receive_message(client)
        with contextlib.suppress(ConnectionError):
            client.sendall(behave(peer, message) or b'')
        return time.monotonic() - start


def wine_server():
    """Its process: the one of this prefix."""
    prefix = f"WINEPREFIX={os.environ['WINEPREFIX']}".encode()
    for process in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError):  # it has ended, or is not ours
            if 'wineserver' in os.readlink(f'/proc/{process}/exe'):
                with open(f'/proc/{process}/environ', 'rb') as file:
                    if prefix in file.read().split(b'\0'):
                        return int(process)
    raise AssertionError('there is no wineserver')


class Server(programs.Server):
    """Knows what its process has taken of the system: under Wine it is one of the system's, too."""

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
        """The server's are among those that Wine's own server holds for all programs."""
        folder = f'/proc/{self.wine_server}/fd'
        count = 0
        for file in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                count += os.readlink(f'{folder}/{file}').startswith('socket:')
        return count

    def memory(self, name='VmRSS'):
        return self.status(name) * 1024

    def connections(self):
        """How many somebody holds an end of that is the server's."""
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
        self.expect_honest_clients_to_be_served(1)  # which loads what the server needs
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
        self.assertLess(self.server.sockets(), self.sockets_before + 8)  # Wine's services come and go
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
        """18 more that have authenticated themselves, and in between 20 honest ones."""
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
        held = 3 * 3 * MOST_DATA  # for who does not read: a message, the answer, and room to grow
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
