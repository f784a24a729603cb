# SPDX-License-Identifier: MIT
#
# Tests sspan with MIT's GSS-API library: each opens the messages of the other one.
#
#   judge.py [OPTION...] KEY_TYPE SERVICE   runs all cases with session keys of this type; the service must have this type
#     --mirror COMMAND   the command that starts a mirror, without the port. With one mirror, sspan talks to MIT; with two
#                        mirrors, they talk to each other, in both roles; with no mirror, MIT talks to itself, which
#                        proves that the cases are correct
#     --style STYLE      plain, dce or negotiate; may be given several times
#     --sealed-only      a mirror has no integrity-only messages
#
# Prints a line that begins with FAILED for each failed case. The last line says how many cases passed.
import argparse
import contextlib
import shlex
import sys
import time

import accepted
import mirror
import refused
import tokens
from bench import Bench, Report


def cases_of_a_mirror(report, program, name):
    """Sends wrong commands and tokens to a mirror."""
    def garbled_commands():
        for letter, payload in (('?', b''), ('C', b''), ('C', b'\x07'), ('C', b'\x00\xff\xfe'), ('T', b'x'), ('W', b''),
                                ('D', b'\x00\x01\x00\x00\xff\xff')):
            with contextlib.closing(mirror.Mirror(program)) as side:
                side.send(letter, payload)
                answer = side.raw_answer()
                assert answer[0] == 'B', f'to {letter} {payload.hex()} it says {answer}'

    def no_context():
        with contextlib.closing(mirror.Mirror(program)) as side:
            for name, call in (('wrap', lambda: side.wrap(True, b'x')), ('unwrap', lambda: side.unwrap(b'x')),
                               ('encrypt', lambda: side.encrypt(True, b'x')), ('decrypt', lambda: side.decrypt(b'x', b'x')),
                               ('sign', lambda: side.sign(b'x')), ('verify', lambda: side.verify(b'x', b'x'))):
                try:
                    call()
                except mirror.Refused as refusal:
                    assert refusal.name == 'SEC_E_INVALID_HANDLE', f'{name}: sspan says {refusal.name}'
                else:
                    raise AssertionError(f'{name} succeeds')

    def garbage_for_a_token():
        for token in (b'x', bytes(40), b'\x60\x82\xff\xff' + bytes(60), b'NTLMSSP\0' + bytes(60)):
            with contextlib.closing(mirror.Mirror(program)) as side:
                side.begin_as_server('plain')
                try:
                    side.step(token)
                except mirror.Refused:
                    continue
                raise AssertionError(f'it takes {token.hex()}')

    report.case(f'{name}: commands that are wrong', garbled_commands)
    report.case(f'{name}: messages without a context', no_context)
    report.case(f'{name}: tokens that are not the peer\'s', garbage_for_a_token)


def ends_well(program):
    """Checks the exit status. With LeakSanitizer it is not 0 if there is a leak."""
    status, said = program.end()
    assert status == 0, f'its status is {status}; it said {said[-3000:]}'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--mirror', action='append', default=[])
    parser.add_argument('--style', choices=mirror.STYLES, action='append', required=True)
    parser.add_argument('--sealed-only', action='store_true')
    parser.add_argument('key_type', choices=tokens.KEY_TYPES)
    parser.add_argument('service')
    options = parser.parse_args()

    programs = [mirror.Program(shlex.split(command)) for command in options.mirror]
    first, second = [*programs, None, None][:2]
    report = Report()
    began = time.monotonic()
    try:
        if len(programs) == 1:
            cases_of_a_mirror(report, first, options.key_type)
        alike = options.mirror[:1] == options.mirror[1:2]  # both sides are the same mirror, or both are MIT
        ends = [(first, second)] if alike else [(first, second), (second, first)]
        for style in options.style:
            for client, server in ends:
                bench = Bench(report, options.service, options.key_type, style, options.style, options.sealed_only,
                              {'client': client, 'server': server})
                for sender in bench.makers:
                    accepted.add_cases(bench, sender)
                    refused.add_cases(bench, sender)
        for number, program in enumerate(programs, 1):
            report.case(f'{options.key_type}: mirror {number} ends', ends_well, program)
    finally:
        for program in programs:
            program.stop()
    print(f'{options.key_type} took {time.monotonic() - began:.0f} s', file=sys.stderr)
    print(f'{report.passed} passed, {report.failed} failed')
    sys.exit(report.failed != 0)


if __name__ == '__main__':
    main()
