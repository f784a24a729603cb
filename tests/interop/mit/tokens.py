# SPDX-License-Identifier: MIT
#
# Per-message tokens of Kerberos (RFC 4121): a header of 16 bytes and a body. The rotation count in the header is not protected,
# so an attacker can rotate the body and change the count.
import struct

HEADER = 16
SEALED = 2
WRAP_TOKEN = b'\x05\x04'
MIC_TOKEN = b'\x04\x04'

# For each key type: its number, and the length of its checksum (RFC 3962 and RFC 8009).
KEY_TYPES = {
    'aes256-cts-hmac-sha1-96': (18, 12),
    'aes128-cts-hmac-sha256-128': (19, 16),
    'aes256-cts-hmac-sha384-192': (20, 24),
}


def is_sealed(message):
    return len(message) > 2 and bool(message[2] & SEALED)


def extra_count(message):
    return struct.unpack_from('>H', message, 4)[0]


def with_extra_count(message, count):
    return message[:4] + struct.pack('>H', count) + message[6:]


def rotation(message):
    return struct.unpack_from('>H', message, 6)[0]


def rotated(message, count):
    """Returns the same message with another rotation count (RFC 4121, 4.2.5)."""
    header, body = message[:HEADER], message[HEADER:]
    left = rotation(message) % len(body)
    body = body[left:] + body[:left]
    right = count % len(body)
    body = body[len(body) - right:] + body[:len(body) - right]
    return header[:6] + struct.pack('>H', count) + header[8:] + body


def token_size(sealed, checksum):
    """Returns how many bytes a message is longer than its data."""
    return HEADER + 16 + 16 + checksum if sealed else HEADER + checksum


def windows_rotation(sealed, checksum):
    """Returns the count that moves the data to the end. Everything else is before the data: this is the token."""
    return 16 + checksum if sealed else checksum


def flipped(message, bit):
    changed = bytearray(message)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def means_the_same(message, changed):
    """Returns True if only the rotation count differs, and both counts have the same effect."""
    return (message[:6] + message[8:] == changed[:6] + changed[8:] and
            (rotation(message) - rotation(changed)) % (len(message) - HEADER) == 0)
