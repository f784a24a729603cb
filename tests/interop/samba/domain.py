# SPDX-License-Identifier: MIT
#
# domain.py FOLDER PASSWORD: makes a Samba domain with the user alice in a new folder. It needs root's rights.
#
# The port of Samba's LDAP server is fixed. So the domain controller runs in a network namespace, and this program relays to it
# from two free ports of 127.0.0.1. It prints "ready", the port of the KDC, the port of the LDAP server, and alice's SID in
# hexadecimal digits. It ends when its input ends. So does Samba, even if this program is killed.
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

REALM = 'AD.SSPAN.TEST'
KDC_PORT, LDAP_PORT = 88, 389
CLONE_NEWNET = 0x40000000
PATIENCE = 120


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode:
        sys.exit(f'{command[0]} {command[1]}: {done.stdout}{done.stderr}')
    return done.stdout


def enter_new_network():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        print('cannot make a network namespace:', os.strerror(ctypes.get_errno()), flush=True)
        sys.exit(1)
    run('ip', 'link', 'set', 'lo', 'up')


def provision(folder, password):
    """Makes the domain. Samba writes only to the folder. Returns the name of the configuration file."""
    places = {
        'pid directory': 'run', 'ncalrpc dir': 'run/ncalrpc', 'winbindd socket directory': 'run/winbindd',
        'ntp signd socket directory': 'run/ntp', 'usershare path': 'run/shares'}
    values = {name: f'{folder}/{place}' for name, place in places.items()}
    for place in values.values():
        os.makedirs(place, exist_ok=True)
    values |= {'interfaces': 'lo', 'bind interfaces only': 'yes', 'server services': 'ldap, kdc', 'log file': f'{folder}/log'}
    run('samba-tool', 'domain', 'provision', '--quiet', '--configfile=/dev/null', f'--targetdir={folder}',
        f'--realm={REALM}', '--domain=AD', '--host-name=dc', '--host-ip=127.0.0.1', f'--adminpass={password}',
        '--dns-backend=NONE', *(f'--option={name}={value}' for name, value in values.items()))
    return f'{folder}/etc/smb.conf'


def add_names(folder, configuration, password):
    """Adds the user, and the name of the server for clients on this machine. Returns the user's SID."""
    database = [f'--configfile={configuration}', '-H', f'{folder}/private/sam.ldb']
    run('samba-tool', 'spn', 'add', 'ldap/localhost', 'DC$', *database)
    run('samba-tool', 'user', 'create', 'alice', password, *database)
    shown = run('samba-tool', 'user', 'show', 'alice', '--attributes=objectSid', *database)
    sid = next(line.split()[1] for line in shown.splitlines() if line.startswith('objectSid:'))
    _, revision, authority, *rest = sid.split('-')
    return (struct.pack('>BBHI', int(revision), len(rest), 0, int(authority)) +
            struct.pack(f'<{len(rest)}I', *map(int, rest)))


def wait_until_reachable(samba, port):
    for _ in range(PATIENCE * 10):
        if samba.poll() is not None:
            sys.exit('samba has ended')
        try:
            socket.create_connection(('127.0.0.1', port), PATIENCE).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f'samba does not listen on port {port}')


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        try:
            end.shutdown(how)
        except OSError:
            pass


def relay(listener, port):
    while True:
        outside = listener.accept()[0]
        inside = socket.create_connection(('127.0.0.1', port))
        for pair in ((outside, inside), (inside, outside)):
            threading.Thread(target=copy, args=pair, daemon=True).start()


def main():
    folder, password = sys.argv[1:]
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    ways = [(socket.create_server(('127.0.0.1', 0)), port) for port in (KDC_PORT, LDAP_PORT)]
    enter_new_network()
    os.mkdir(folder, 0o700)
    samba = None
    try:
        configuration = provision(folder, password)
        sid = add_names(folder, configuration, password)
        samba = subprocess.Popen(
            ['samba', '--interactive', '--model=single', '--debug-stdout', f'--configfile={configuration}'],
            stdin=subprocess.PIPE)
        for listener, port in ways:
            wait_until_reachable(samba, port)
            threading.Thread(target=relay, args=(listener, port), daemon=True).start()
        print('ready', *(listener.getsockname()[1] for listener, _ in ways), sid.hex(), flush=True)
        sys.stdin.read()
    finally:
        if samba:
            samba.stdin.close()
            try:
                samba.wait(10)
            except subprocess.TimeoutExpired:
                samba.kill()
        shutil.rmtree(folder)


main()
