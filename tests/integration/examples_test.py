# SPDX-License-Identifier: MIT
#
# sealed_copy and inspect with the system's Kerberos and a real KDC. run.sh sets up the realm.
import contextlib
import json
import os
import socket
import struct
import tempfile
import threading
import unittest

import programs

SERVICE = os.environ['SSPAN_SERVICE']
BLOCK = 256 << 10


def windows(path):
    return 'Z:' + path.replace('/', '\\')


class Proxy:
    """Between a sender and a receiver. `change(index, frame)` sees each frame of the sender's, counted from 0, and
    returns what is to be passed on, or None to cut the connection."""

    def __init__(self, port, change):
        self.change = change
        self.target = port
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(('127.0.0.1', self.target))
        client.settimeout(programs.PATIENCE)
        server.settimeout(programs.PATIENCE)
        back = threading.Thread(target=self.copy_back, args=(server, client), daemon=True)
        back.start()
        with client.makefile('rb') as stream:
            for index in range(1 << 30):
                head = stream.read(4)
                if len(head) < 4:
                    break
                frame = self.change(index, stream.read(struct.unpack('>I', head)[0]))
                if frame is None:
                    break
                try:
                    server.sendall(head + frame)
                except OSError:
                    break
        for end in (server, client):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        back.join()
        server.close()
        client.close()

    @staticmethod
    def copy_back(server, client):
        try:
            while data := server.recv(65536):
                client.sendall(data)
        except OSError:
            pass
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)

    def close(self):
        self.thread.join(programs.PATIENCE)
        self.listener.close()


class SealedCopy(unittest.TestCase):
    DCE = ()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.inbox = os.path.join(self.folder.name, 'inbox')
        os.mkdir(self.inbox)
        self.receiver = programs.Server('sealed_copy', 'receive', '--directory', windows(self.inbox), '--timeout', '20',
                                        *self.DCE)

    def tearDown(self):
        self.receiver.stop()
        self.folder.cleanup()

    def make(self, name, size):
        path = os.path.join(self.folder.name, name)
        with open(path, 'wb') as file:
            file.write(os.urandom(size))
        return path

    def send(self, path, port=None, *options):
        return programs.run('sealed_copy', 'send', '--host', '127.0.0.1', '--port', str(port or self.receiver.port),
                            '--target', SERVICE, '--file', windows(path), *self.DCE, *options)

    def assert_arrived(self, path):
        with open(path, 'rb') as sent, open(os.path.join(self.inbox, os.path.basename(path)), 'rb') as kept:
            self.assertEqual(sent.read(), kept.read())

    def test_files_arrive(self):
        for size in (0, 1, BLOCK, 4 * BLOCK + 3):
            path = self.make(f'file of {size}.bin', size)
            status, printed, complaints = self.send(path)
            self.assertEqual((status, complaints), (0, ''), printed)
            self.assertRegex(printed, rf'^copied {size} bytes in ')
            self.assert_arrived(path)
            self.receiver.wait_for(rf'kept file of {size}.bin, {size} bytes')

    def test_an_altered_block_leaves_no_file(self):
        first_block = 2 + len(self.DCE)  # after the client's tokens and the header

        def change(index, frame):
            return frame[:-1] + bytes([frame[-1] ^ 1]) if index == first_block + 1 else frame

        proxy = Proxy(self.receiver.port, change)
        try:
            status, _, complaints = self.send(self.make('altered', 3 * BLOCK), proxy.port)
        finally:
            proxy.close()
        self.assertNotEqual(status, 0, complaints)
        self.receiver.wait_for(r'DecryptMessage: SEC_E_MESSAGE_ALTERED')
        self.assertEqual(os.listdir(self.inbox), [])

    def test_a_connection_that_is_cut_leaves_no_file(self):
        first_block = 2 + len(self.DCE)
        for cut_at in (first_block, first_block + 2, first_block + 3):  # the last one is the end
            proxy = Proxy(self.receiver.port, lambda index, frame, at=cut_at: None if index == at else frame)
            try:
                status, _, complaints = self.send(self.make(f'cut at {cut_at}', 3 * BLOCK), proxy.port)
            finally:
                proxy.close()
            self.assertNotEqual(status, 0, complaints)
        self.receiver.wait_for(r'^connection 3: the peer closed the connection')
        self.assertEqual(os.listdir(self.inbox), [])

    def test_a_dropped_block_leaves_no_file(self):
        first_block = 2 + len(self.DCE)
        dropped = []

        def change(index, frame):  # the same block twice in the place of two
            if index == first_block:
                dropped.append(frame)
            return dropped[0] if index == first_block + 1 else frame

        proxy = Proxy(self.receiver.port, change)
        try:
            status, _, complaints = self.send(self.make('repeated', 3 * BLOCK), proxy.port)
        finally:
            proxy.close()
        self.assertNotEqual(status, 0, complaints)
        self.receiver.wait_for(r'^connection 1: DecryptMessage: SEC_E_')
        self.assertEqual(os.listdir(self.inbox), [])

    def test_a_file_that_is_there_is_never_replaced(self):
        path = self.make('same', 100)
        self.assertEqual(self.send(path)[0], 0)
        with open(path, 'wb') as file:
            file.write(b'other')
        status, _, complaints = self.send(path)
        self.assertEqual((status, complaints), (4, 'the receiver refused the file: there is such a file already\n'))
        with open(os.path.join(self.inbox, 'same'), 'rb') as kept:
            self.assertEqual(len(kept.read()), 100)

    def test_a_file_that_is_not_there(self):
        status, _, complaints = self.send(os.path.join(self.folder.name, 'nothing'))
        self.assertEqual(status, 6)
        self.assertRegex(complaints, '^opening the file')


class SealedCopyInDceStyle(SealedCopy):
    DCE = ('--dce',)


class Inspect(unittest.TestCase):
    def test_json(self):
        status, printed, complaints = programs.run('inspect', '--json', '--target', SERVICE)
        self.assertEqual((status, complaints), (0, ''))
        packages = {package['name']: package for package in json.loads(printed)['packages']}
        kerberos = packages['Kerberos']
        self.assertEqual(kerberos['rpc_id'], 16)
        self.assertIn('mutual_auth', kerberos['capabilities'])
        self.assertIn('confidentiality', kerberos['handshake']['granted'])
        self.assertEqual(kerberos['handshake']['sizes']['handshake_token'], kerberos['max_token'])
        self.assertEqual(kerberos['handshake']['client']['negotiation_info']['package'], 'Kerberos')

        self.assertNotIn('handshake', packages['Schannel'])

    def test_table(self):
        status, printed, _ = programs.run('inspect', '--target', SERVICE)
        self.assertEqual(status, 0)
        self.assertRegex(printed, r'(?m)^Kerberos$')
        self.assertRegex(printed, r'(?m)^  handshake\.granted {27}mutual_auth, replay_detect, sequence_detect, '
                                  r'confidentiality, integrity$')

    def test_failure_names_the_call(self):
        status, printed, _ = programs.run('inspect', '--json', '--target', 'no/such.service')
        self.assertEqual(status, 0)
        kerberos = next(p for p in json.loads(printed)['packages'] if p['name'] == 'Kerberos')
        self.assertEqual(kerberos['handshake']['failed'], 'InitializeSecurityContext')
        self.assertRegex(kerberos['handshake']['error'], r'^[A-Z_]+ \(0x[0-9A-F]{8}\)$')

    def test_usage(self):
        for options in (('--what',), ('--target',)):
            self.assertEqual(programs.run('inspect', *options)[0], 1)


if __name__ == '__main__':
    programs.main()
