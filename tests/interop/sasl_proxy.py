# SPDX-License-Identifier: MIT
#
# Stands between a client and the server at the given port, for one connection. It changes the last byte of the first buffer
# of a security layer that comes from the given side. Messages of LDAP begin with 0x30, the length of a buffer with zero.
import selectors
import socket
import sys

PATIENCE = 30


def main():
    port, victim = int(sys.argv[1]), sys.argv[2]
    with socket.create_server(('127.0.0.1', 0)) as listener:
        print('port', listener.getsockname()[1], flush=True)
        listener.settimeout(PATIENCE)
        client = listener.accept()[0]
    server = socket.create_connection(('127.0.0.1', port), PATIENCE)
    ways = selectors.DefaultSelector()
    ways.register(client, selectors.EVENT_READ, ('client', server))
    ways.register(server, selectors.EVENT_READ, ('server', client))
    while True:
        events = ways.select(PATIENCE)
        if not events:
            return
        for key, _ in events:
            side, other = key.data
            data = key.fileobj.recv(65536)
            if not data:
                return
            if side == victim and data[0] == 0:
                data = data[:-1] + bytes([data[-1] ^ 1])
                victim = None
                print('changed', flush=True)
            other.sendall(data)


main()
