# SPDX-License-Identifier: MIT
#
# Runs the examples and the programs of tests/programs. run.sh sets the environment.
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

RUNNER = os.environ['SSPAN_RUNNER'].split()
BUILD = os.environ['SSPAN_BUILD']
SUFFIX = os.environ.get('SSPAN_SUFFIX', '.exe')
PATIENCE = 60

# Windows programs write to files, not to pipes. Wine may start services with a program, and they would keep a pipe open.


def command(name, *arguments):
    """Returns the command for a program. An absolute path means a native program."""
    if os.path.isabs(name):
        return [name, *arguments]
    folder = 'tests/programs' if name == 'secure_echo' else 'examples'
    return [*RUNNER, os.path.join(BUILD, folder, name + SUFFIX), *arguments]


def run(name, *arguments, password=None, environment=None):
    """Runs a program to its end. Returns its status, its standard output and its standard error."""
    ended = run_once(name, *arguments, password=password, environment=environment)
    if RUNNER and ended == (1, '', ''):  # Wine did not start it, because a program with status 1 prints its usage
        ended = run_once(name, *arguments, password=password, environment=environment)
    return ended


def run_once(name, *arguments, password=None, environment=None):
    with tempfile.TemporaryFile('w+') as printed, tempfile.TemporaryFile('w+') as complaints:
        source = {'stdin': subprocess.DEVNULL} if password is None else {'input': password}
        done = subprocess.run(command(name, *arguments), **source, stdout=printed, stderr=complaints, text=True,
                              timeout=PATIENCE, env={**os.environ, **(environment or {})})
        printed.seek(0)
        complaints.seek(0)
        return done.returncode, printed.read(), complaints.read()


class Server:
    """A program that listens on a free port. `port` has the arguments that select a free port."""

    def __init__(self, name, *arguments, port=('--port', '0'), environment=None):
        self.log = tempfile.NamedTemporaryFile('r')
        with open(self.log.name, 'w') as output:
            self.process = subprocess.Popen(command(name, *arguments, *port), stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT,
                                            env={**os.environ, **(environment or {})})
        self.port = int(self.wait_for(r'^listening on port (\d+)').group(1))

    def lines(self):
        self.log.seek(0)
        return self.log.read().splitlines()

    def wait_for(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            found = next(filter(None, (re.search(pattern, line) for line in self.lines())), None)
            if found:
                return found
            if ended:
                break
            time.sleep(0.05)
        raise AssertionError(f'the server did not say {pattern}, but {self.lines()}')

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def main():
    result = unittest.main(module='__main__', exit=False).result
    bad = len(result.failures) + len(result.errors)
    print(f'{result.testsRun - bad} passed, {bad} failed')
    sys.exit(bad != 0)
