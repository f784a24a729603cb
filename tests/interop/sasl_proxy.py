# SPDX-License-Identifier: MIT
#
# A proxy between LDAP clients and the server at a port. It flips one bit of one buffer of a security layer.
#
#   sasl_proxy.py PORT [SIDE BUFFER BYTE]
#
# SIDE is the sender of the buffer: client, server, or nobody. BUFFER counts this side's buffers from 0. BYTE is an index into
# the buffer, which begins with its length; -1 is its last byte. Without these arguments, the first line of each connection has
# them. With these arguments, there is only one connection. Prints its port, and "changed" for each flipped bit.
import contextlib
import socket
import sys
import threading

PATIENCE = 60  # longer than the limit of the clients


def receive(source, size):
    data = source.read(size)
    if len(data) != size:
        raise EOFError
    return data


def receive_unit(source):
    """Receives a message of LDAP, which begins with 0x30, or a buffer, whose length begins with zero. Returns whether it is a
    buffer, and its bytes."""
    head = receive(source, 2)
    if head[0] == 0:
        head += receive(source, 2)
        return True, head + receive(source, int.from_bytes(head, 'big'))
    if head[1] < 0x80:
        return False, head + receive(source, head[1])
    head += receive(source, head[1] & 0x7F)
    return False, head + receive(source, int.from_bytes(head[2:], 'big'))


def pass_on(source, to, buffer, byte):
    with contextlib.suppress(OSError, EOFError):
        count = 0
        while True:
            is_buffer, unit = receive_unit(source)
            if is_buffer:
                if count == buffer:
                    unit = bytearray(unit)
                    unit[byte] ^= 4
                    print('changed', flush=True)
                count += 1
            to.sendall(unit)
    with contextlib.suppress(OSError):
        to.shutdown(socket.SHUT_RDWR)  # this also ends the other direction


def serve(client, port, plan):
    with client, socket.create_connection(('127.0.0.1', port), PATIENCE) as server:
        client.settimeout(PATIENCE)
        from_client, from_server = client.makefile('rb'), server.makefile('rb')
        side, buffer, byte = plan or from_client.readline(100).decode().split()
        ways = [threading.Thread(target=pass_on, daemon=True,
                                 args=(source, to, int(buffer) if side == name else None, int(byte)))
                for name, source, to in (('client', from_client, server), ('server', from_server, client))]
        for way in ways:
            way.start()
        for way in ways:
            way.join()


def main():
    port, plan = int(sys.argv[1]), sys.argv[2:]
    with socket.create_server(('127.0.0.1', 0)) as listener:
        print('port', listener.getsockname()[1], flush=True)
        if plan:
            listener.settimeout(PATIENCE)
            serve(listener.accept()[0], port, plan)
        while not plan:
            threading.Thread(target=serve, daemon=True, args=(listener.accept()[0], port, plan)).start()


main()
