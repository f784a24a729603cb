# SPDX-License-Identifier: MIT
#
# Tests second_hop with the loopback package, in three processes, each with its own secur32. run.sh registers the package.
import unittest

import programs

MIDDLE = 'HTTP/server.loopback.example'
BACKEND = 'HTTP/other.loopback.example'
PACKAGE = ('--package', 'Loopback')


class SecondHop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.backend = programs.Server('second_hop', 'backend', *PACKAGE, environment={'LOOPBACK_SERVICE': BACKEND})
        cls.server = programs.Server('second_hop', 'server', *PACKAGE, '--backend-host', '127.0.0.1', '--backend-port',
                                     str(cls.backend.port), '--backend-target', BACKEND,
                                     environment={'LOOPBACK_USER': 'service', 'LOOPBACK_SERVICE': MIDDLE})

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.backend.stop()

    def ask(self, user, *options):
        return programs.run('second_hop', 'client', *PACKAGE, '--host', '127.0.0.1', '--port', str(self.server.port),
                            '--target', MIDDLE, *options, environment={'LOOPBACK_USER': user})

    def test_the_backend_sees_the_client(self):
        for user in ('carol', 'dave'):
            status, printed, complaints = self.ask(user)
            self.assertEqual((status, printed.split('\n')[0], complaints),
                             (0, f'the backend knows you as LOOPBACK\\{user}', ''))
            self.backend.wait_for(rf'^the backend was asked by LOOPBACK\\{user}')
        self.assertNotIn('service', ''.join(self.backend.lines()))

    def test_without_delegation_nobody_is_asked(self):
        status, printed, _ = self.ask('erin', '--no-delegation')
        self.assertEqual(status, 2)
        self.assertRegex(printed, r'^the server could not ask for you: InitializeSecurityContext: '
                                  r'SEC_E_NO_CREDENTIALS \(0x8009030E\)')
        self.assertNotIn('erin', ''.join(self.backend.lines()))

    def test_a_backend_of_another_name_is_not_believed(self):
        impostor = programs.Server('second_hop', 'server', *PACKAGE, '--backend-host', '127.0.0.1', '--backend-port',
                                   str(self.backend.port), '--backend-target', MIDDLE,
                                   environment={'LOOPBACK_SERVICE': MIDDLE})
        try:
            status, printed, _ = programs.run(
                'second_hop', 'client', *PACKAGE, '--host', '127.0.0.1', '--port', str(impostor.port), '--target', MIDDLE,
                environment={'LOOPBACK_USER': 'frank'})
        finally:
            impostor.stop()
        self.assertEqual(status, 2)
        self.assertRegex(printed, r'^the server could not ask for you: ')
        self.assertNotIn('frank', ''.join(self.backend.lines()))


class CommandLine(unittest.TestCase):
    def test_what_is_not_understood_is_said(self):
        for options in ((), ('client',), ('client', '--port', '1', '--host', 'h'), ('backend', '--port', '65536'),
                        ('backend', '--port', '1', '--what'), ('server', '--port', '1')):
            status, _, complaints = programs.run('second_hop', *options)
            self.assertEqual(status, 1, options)
            self.assertIn('second_hop backend --port N', complaints)


if __name__ == '__main__':
    programs.main()
