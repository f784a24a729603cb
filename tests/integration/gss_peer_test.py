# SPDX-License-Identifier: MIT
#
# Tests secure_echo with gss_peer, which uses only GSSAPI. Each program is the client and the server, with signed and sealed
# messages, with and without DCE style. run.sh sets up the realm and the environment.
import os
import unittest

import programs
from programs import PATIENCE

SERVICE = os.environ['SSPAN_SERVICE']
PEER = os.environ['SSPAN_GSS_PEER']
SIZES = (0, 1, 15, 16, 17, 255, 4096, 65536, 1 << 20)
GRANTED = ('mutual_auth', 'replay_detect', 'sequence_detect', 'confidentiality', 'integrity')
ALTERED = r'SEC_E_(MESSAGE_ALTERED|INVALID_TOKEN) \(0x\w+\)'
MESSAGE = 17  # size of a forged message in bytes


class Mode:
    """Tests of one KIND of message in one style. STYLE has the options that select the style."""
    KIND = 'sign'
    STYLE = ()

    @property
    def granted(self):
        return GRANTED + (('dce_style',) if self.STYLE else ())

    @property
    def done(self):
        return {'sign': 'signed', 'seal': 'sealed'}[self.KIND]

    @property
    def token_size(self):
        return 28 if self.KIND == 'sign' else 76 if self.STYLE else 60

    @property
    def forgeries(self):
        """Returns each kind of forgery with the error that rejects it."""
        forgeries = {'altered': ALTERED, 'shortened': ALTERED, 'moved': ALTERED, 'reflected': ALTERED,
                     'replayed': r'SEC_E_(OUT_OF_SEQUENCE|INVALID_TOKEN) \(0x\w+\)',
                     'late': r'SEC_E_OUT_OF_SEQUENCE \(0x80090310\)'}
        if self.KIND == 'seal':
            forgeries['unencrypted'] = r'SEC_E_QOP_NOT_SUPPORTED \(0x8009030A\)'
        return forgeries


class PeerServes(Mode):
    """The client is secure_echo."""

    def talk(self, *options, size=MESSAGE, forge=()):
        """Returns the exit status and the output of each side."""
        server = programs.Server(PEER, 'serve', *forge)
        try:
            status, printed, complaints = programs.run(
                'secure_echo', 'send', '--host', '127.0.0.1', '--port', str(server.port), '--target', SERVICE, '--kind',
                self.KIND, *self.STYLE, '--count', '3', '--size', str(size), *options)
            served = server.process.wait(PATIENCE)
            return status, printed + complaints, served, '\n'.join(server.lines())
        finally:
            server.stop()

    def expect(self, client_status, client_says, served, server_says, *options, **more):
        ended, printed, server_ended, said = self.talk(*options, **more)
        self.assertEqual((ended, server_ended), (client_status, served), f'{options} {more}\n{printed}{said}')
        self.assertRegex(printed, f'(?m)^{client_says}$')
        self.assertRegex(said, f'(?m)^{server_says}$')
        return said

    def test_every_size(self):
        for size in SIZES:
            said = self.expect(0, rf'{self.done} 3 messages of {size} bytes in \S+ s', 0, 'answered 3 messages', size=size)
            self.assertIn('the client is alice@SSPAN.TEST; granted: ' + ' '.join(self.granted) + '\n', said)

    def test_tampered_messages(self):
        for size in (0, MESSAGE):
            self.expect(3, r'tampered message rejected: SEC_E_MESSAGE_ALTERED \(0x8009030F\)', 3,
                        'rejected a message: GSS_S_BAD_SIG', '--tamper', size=size)

    def test_replayed_message(self):
        self.expect(3, r'replayed message rejected: SEC_E_OUT_OF_SEQUENCE \(0x80090310\)', 3,
                    'rejected a message: GSS_S_DUPLICATE_TOKEN', '--replay')

    def test_forged_answers(self):
        for how, why in self.forgeries.items():
            self.expect(3, f'rejected a message: {why}', 3, 'the client left', forge=('--forge', how))

    def test_answer_altered_at_an_edge(self):
        for byte in (0, self.token_size - 1, self.token_size, -1):
            self.expect(3, f'rejected a message: {ALTERED}', 3, 'the client left',
                        forge=('--forge', 'altered', '--byte', str(byte)))

    def test_altered_handshake(self):
        status, printed, _, said = self.talk(forge=('--forge', 'handshake'))
        self.assertEqual(status, 2, printed)
        self.assertRegex(printed, r'^no handshake: InitializeSecurityContext: SEC_E_\w+ \(0x8009')
        self.assertNotRegex(said, 'answered [1-9]')


class PeerSends(Mode):
    """The server is secure_echo."""

    @classmethod
    def setUpClass(cls):
        cls.server = programs.Server('secure_echo', 'serve', *cls.STYLE)
        cls.connections = 0

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def send(self, *options, sizes=(MESSAGE,)):
        type(self).connections += 1
        return programs.run(PEER, 'send', '--port', str(self.server.port), '--target', SERVICE + '@SSPAN.TEST', '--kind',
                            self.KIND, *self.STYLE, *options, *map(str, sizes))

    def expect_server_to_say(self, pattern):
        return self.server.wait_for(rf'^connection {self.connections}: {pattern}$').group(0)

    def test_every_size(self):
        sizes = SIZES + SIZES[::-1]
        status, printed, complaints = self.send(sizes=sizes)
        self.assertEqual((status, complaints), (0, ''), printed)
        self.assertIn(f'the server is {SERVICE}@SSPAN.TEST; granted: ' + ' '.join(self.granted) + '\n', printed)
        self.assertIn(f'{self.done} {len(sizes)} messages', printed)
        self.expect_server_to_say(f'authenticated .* with Kerberos; granted: {", ".join(self.granted)}')
        self.expect_server_to_say(f'answered {len(sizes)} messages')

    def expect_rejection(self, why, *options):
        status, printed, complaints = self.send(*options)
        self.assertEqual((status, complaints), (3, ''), f'{options}\n{printed}')
        self.assertRegex(printed, r'(?m)^the server rejected a forgery: 0x\w+$')
        code = printed.split()[-1]
        self.assertIn(f'({code})', self.expect_server_to_say(f'rejected a message: {why}'))

    def test_forged_messages(self):
        for how, why in self.forgeries.items():
            self.expect_rejection(why, '--forge', how)

    def test_message_altered_in_any_byte(self):
        for byte in range(self.token_size + MESSAGE):
            self.expect_rejection(ALTERED, '--forge', 'altered', '--byte', str(byte))

    def expect_no_handshake(self, why, statuses, *options):
        self.assertIn(self.send(*options)[0], statuses)
        self.expect_server_to_say(f'AcceptSecurityContext{why}: .*')

    def test_altered_handshake(self):
        self.expect_no_handshake('', (2,), '--forge', 'handshake')
        if self.STYLE:
            self.expect_no_handshake('', (5,), '--forge', 'third-leg')  # the client's handshake is already complete

    def test_less_protection_than_required(self):
        self.expect_no_handshake(' did not grant replay_detect, sequence_detect', (5,), '--undemanding')


class PeerAlone(unittest.TestCase):
    """Both sides are gss_peer. It works with itself, and rejects the same forgeries as secure_echo."""

    def talk(self, kind, *options, sizes=SIZES):
        """Returns the exit status of client and server, and the output of the server."""
        server = programs.Server(PEER, 'serve')
        try:
            status, printed, complaints = programs.run(PEER, 'send', '--port', str(server.port), '--target', SERVICE, '--kind',
                                                       kind, *options, *map(str, sizes))
            self.assertEqual(complaints, '', printed)
            return status, server.process.wait(PATIENCE), '\n'.join(server.lines())
        finally:
            server.stop()

    def test_every_mode(self):
        for kind in ('sign', 'seal'):
            for style in ((), ('--dce',)):
                ended = self.talk(kind, *style)
                self.assertEqual(ended[:2], (0, 0), f'{kind} {style}\n{ended[2]}')

    def test_forgeries(self):
        reasons = {'altered': 'GSS_S_BAD_SIG', 'shortened': r'GSS_S_\w+', 'moved': r'GSS_S_\w+', 'reflected': 'GSS_S_BAD_SIG',
                   'replayed': 'GSS_S_DUPLICATE_TOKEN', 'late': 'GSS_S_GAP_TOKEN', 'unencrypted': 'it is not encrypted'}
        for kind in ('sign', 'seal'):
            for style in ((), ('--dce',)):
                for how, why in reasons.items():
                    if (kind, how) != ('sign', 'unencrypted'):
                        ended = self.talk(kind, *style, '--forge', how, sizes=(MESSAGE,))
                        self.assertEqual(ended[:2], (3, 3), f'{kind} {style} {how}\n{ended[2]}')
                        self.assertRegex(ended[2], f'(?m)^rejected a message: {why}$')


for role in (PeerServes, PeerSends):
    for kind in ('sign', 'seal'):
        for style, options in (('Plain', ()), ('Dce', ('--dce',))):
            name = f'{role.__name__}{kind.capitalize()}{style}'
            globals()[name] = type(name, (role, unittest.TestCase), {'KIND': kind, 'STYLE': options})

if __name__ == '__main__':
    programs.main()
