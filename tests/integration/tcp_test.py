# SPDX-License-Identifier: MIT
#
# Tests tcp_client and tcp_server with a proxy that changes frames, and with wrong peers. run.sh sets up the realm.
import contextlib
import os
import socket
import struct
import unittest
import unittest.mock

import programs
from examples_test import Proxy, once
from programs import PATIENCE

SERVICE = os.environ['SSPAN_SERVICE']
ORDER = 'Pay 100 to Carol.'
SIGNED = struct.pack('>I', len(ORDER)) + ORDER.encode()


def send(port, *messages, target=SERVICE):
    return programs.run('tcp_client', '127.0.0.1', str(port), target, *messages)


class Tcp(unittest.TestCase):
    def setUp(self):
        self.server = programs.Server('tcp_server', port=('0',))

    def tearDown(self):
        self.server.stop()

    def test_signed_messages_get_sealed_answers(self):
        status, printed, complaints = send(self.server.port, ORDER, 'Thank you.')
        self.assertEqual((status, complaints), (0, ''))
        lines = printed.splitlines()
        self.assertRegex(lines[0], f'^authenticated to {SERVICE} with kerberos; granted: mutual_auth, ')
        self.assertEqual(lines[1:], [f'signed: {ORDER}', f'decrypted: accepted: {ORDER}', 'signed: Thank you.',
                                     'decrypted: accepted: Thank you.'])
        self.server.wait_for(f'signed: {ORDER}')
        self.server.wait_for('signed: Thank you.')

    def expect_refusal(self, change):
        """Expects that the server rejects the message. The client gets no answer."""
        with Proxy(self.server.port, change) as proxy:
            status, printed, complaints = send(proxy.port, ORDER)
        self.assertEqual((status, 'decrypted' in printed), (2, False), printed + complaints)
        self.assertNotIn('signed', ''.join(self.server.lines()))
        self.assertEqual(send(self.server.port, ORDER)[0], 0)

    def test_changed_message(self):
        self.expect_refusal(once(lambda _, frame: frame == SIGNED, lambda frame: [frame.replace(b'100', b'900')]))
        self.server.wait_for(r'^VerifySignature: SEC_E_MESSAGE_ALTERED \(0x8009030F\)')

    def test_repeated_message(self):
        frames = []

        def repeat(_, frame):
            if frames or frame == SIGNED:
                frames.append(frame)
            return [frame] if len(frames) != 2 else [frame, *frames]
        with Proxy(self.server.port, repeat) as proxy:
            send(proxy.port, ORDER)
        self.server.wait_for('^VerifySignature: SEC_E_')
        self.assertEqual(''.join(self.server.lines()).count('signed:'), 1)

    def test_messages_are_readable_and_answers_are_not(self):
        sent = []
        with Proxy(self.server.port, lambda _, frame: sent.append(frame) or [frame]) as proxy:
            with unittest.mock.patch.object(Proxy, 'pass_back', staticmethod(self.pass_back)):
                self.answers = b''
                self.assertEqual(send(proxy.port, ORDER)[0], 0)
        self.assertIn(SIGNED, sent)
        self.assertNotIn(b'accepted', self.answers)

    def pass_back(self, there, here):
        with contextlib.suppress(OSError):
            while some := there.recv(65536):
                self.answers += some
                here.sendall(some)

    def test_server_of_another_name(self):
        status, printed, complaints = send(self.server.port, ORDER, target=os.environ['SSPAN_OTHER_SERVICE'])
        self.assertEqual((status, 'signed' in printed), (2, False), complaints)

    def test_hostile_client_does_not_stop_the_others(self):
        for sent, complaint in ((b'GET / HTTP/1.1\r\n\r\n', 'the peer claims a length of 1195725856 bytes'),
                                (struct.pack('>I', 100) + bytes(100), r'^AcceptSecurityContext: SEC_E_\w+ \(0x8009')):
            with socket.create_connection(('127.0.0.1', self.server.port), PATIENCE) as peer:
                peer.sendall(sent)
                self.server.wait_for(complaint)
                self.assertEqual(send(self.server.port, ORDER)[0], 0)

    def test_usage(self):
        for name, options in (('tcp_client', ()), ('tcp_client', ('h', '1', 't')), ('tcp_server', ()), ('tcp_server', ('1', '2', '3'))):
            status, _, complaints = programs.run(name, *options)
            self.assertEqual(status, 1)
            self.assertIn(name + ' ', complaints)


if __name__ == '__main__':
    programs.main()
