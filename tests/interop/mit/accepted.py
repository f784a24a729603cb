# SPDX-License-Identifier: MIT
#
# Cases of valid messages. Each function gets a bench with a new context, and the roles of the sender and the receiver.
import itertools
import random

import mirror
import tokens
from bench import QUALITIES, Halves, Whole, describe, expect, message_of, short

SIZES = (0, 1, 15, 16, 17, 255, 4096, 65536, 1 << 20)
FEW_SIZES = (0, 17, 65536)


def add_cases(bench, sender):
    first_sizes = SIZES if bench.thorough else FEW_SIZES
    for sealed, size in itertools.product(bench.qualities, first_sizes):
        name = f'{QUALITIES[sealed]}, {size} bytes'
        bench.case(f'wrap, first message, {name}', sender, one_message, wrapped, sealed, size)
        bench.case(f'encrypt, first message, {name}', sender, one_message, encrypted, sealed, size)
        bench.case(f'encrypt, then unwrap, first message, {name}', sender, one_message, joined, sealed, size)
        if bench.dce:
            bench.case(f'wrap, then decrypt, first message, {name}', sender, one_message, divided, sealed, size)
    for size in first_sizes:
        bench.case(f'sign, first message, {size} bytes', sender, one_message, signed, None, size)
    for way in (wrapped, encrypted, joined, signed):
        bench.case(f'{way.__name__}, later messages of all sizes, in both directions', sender, conversation, way)
    bench.case('400 messages of all kinds', sender, long_conversation)
    bench.case('one context after another, each in another style', sender, alternating_styles)
    for sealed in bench.qualities:
        bench.case(f'data that look like their header, {QUALITIES[sealed]}', sender, data_like_the_header, sealed)
    for parts in (2, 3, 16):
        bench.case(f'sign, {parts} parts', sender, signed_in_parts, parts)
        for sealed in bench.qualities:
            bench.case(f'encrypt, {QUALITIES[sealed]}, {parts} parts', sender, encrypted_in_parts, sealed, parts)
    if bench.is_sspan(sender):
        bench.case('sizes', sender, sizes)
    elif bench.style == 'plain':
        for sealed in bench.qualities:
            rotation_cases(bench, sender, sealed)


def rotation_cases(bench, sender, sealed):
    name = f'unwrap, {QUALITIES[sealed]}'
    for size in (0, 1, 17, 255):
        body = bench.token_size(sealed) - tokens.HEADER + size
        for count in sorted({0, 1, 12, 16, 28, 32, 40, body - 1, body, body + 5, 3 * body + 12, 65535}):
            for order in ('first', 'later'):
                bench.case(f'{name}, {size} bytes, rotation count {count}, {order} message', sender, rotated, sealed, size,
                           count, order == 'later')
    for size in (65536, 1 << 20):
        bench.case(f'{name}, {size} bytes, rotation count 65535', sender, rotated, sealed, size, 65535, False)


# ---- ways of a message ----------------------------------------------------------------------------------------------


def wrapped(bench, sender, receiver, sealed, data):
    message = sender.wrap(sealed, data)
    expect(receiver.unwrap(message), sealed, data, message)


def encrypted(bench, sender, receiver, sealed, data):
    message = Halves(*sender.encrypt(sealed, data))
    check_layout(bench, sealed, data, message)
    expect(message.open(receiver), sealed, data, message.sent)


def joined(bench, sender, receiver, sealed, data):
    message = Halves(*sender.encrypt(sealed, data)).sent
    expect(receiver.unwrap(message), sealed, data, message)


def divided(bench, sender, receiver, sealed, data):
    message = sender.wrap(sealed, data)
    expect(bench.split(message, sealed).open(receiver), sealed, data, message)


def signed(bench, sender, receiver, _, data):
    signature = sender.sign(data)
    size = tokens.HEADER + bench.checksum
    assert len(signature) == size, f'the signature has {len(signature)} bytes, not {size}'
    assert signature[:2] == tokens.MIC_TOKEN, f'this is not a signature: {signature.hex()}'
    receiver.verify(data, signature)


def check_layout(bench, sealed, data, message):
    """Checks the layout of Windows: the second part has the length of the plaintext."""
    token, header = message.token, message.token[:tokens.HEADER].hex()
    size = bench.token_size(sealed)
    assert len(token) == size, f'the token has {len(token)} bytes, not {size}: {short(token)}'
    assert len(message.data) == len(data), f'{len(data)} bytes of data became {len(message.data)}'
    assert token[:2] == tokens.WRAP_TOKEN and token[3] == 0xFF, f'this is not a header: {header}'
    assert tokens.is_sealed(token) == sealed, f'the header is of the other quality: {header}'
    rotation = tokens.windows_rotation(sealed, bench.checksum)
    assert tokens.rotation(token) == rotation, f'the rotation count is not {rotation}: {header}'
    extra = bench.checksum if not sealed else 16 if bench.dce else 0
    assert tokens.extra_count(token) == extra, f'the extra count is not {extra}: {header}'
    assert sealed or message.data == data, 'the data of an integrity-only message were changed'


# ---- cases ----------------------------------------------------------------------------------------------------------


def one_message(bench, sender, receiver, way, sealed, size):
    way(bench, bench.sides[sender], bench.sides[receiver], sealed, message_of(size))


def conversation(bench, sender, receiver, way):
    """In each turn one direction seals, and the other one uses integrity only."""
    for turn, (size, sealed) in enumerate(itertools.product(SIZES + SIZES[::-1], bench.qualities)):
        answer = not sealed if False in bench.qualities else True
        for source, target, quality in ((sender, receiver, sealed), (receiver, sender, answer)):
            try:
                way(bench, bench.sides[source], bench.sides[target], quality, message_of(size, turn))
            except Exception as problem:
                raise AssertionError(f'message {turn}, from the {source}, {QUALITIES[quality]}, {size} bytes: '
                                     f'{describe(problem)}') from problem


def long_conversation(bench, sender, receiver):
    chance = random.Random(1)
    for turn in range(400):
        way = chance.choice((wrapped, encrypted, joined, signed))
        sealed, size = chance.choice(bench.qualities), chance.randrange(300)
        source, target = chance.choice(((sender, receiver), (receiver, sender)))
        try:
            way(bench, bench.sides[source], bench.sides[target], sealed, message_of(size, turn))
        except Exception as problem:
            raise AssertionError(f'message {turn}, {way.__name__}, from the {source}, {QUALITIES[sealed]}, {size} bytes: '
                                 f'{describe(problem)}') from problem


def alternating_styles(bench, sender, receiver):
    """Checks that a context does not change the behaviour of the next one."""
    style = bench.style
    try:
        for bench.style in 2 * bench.styles:
            bench.establish()
            for way, sealed in itertools.product((wrapped, encrypted, joined), bench.qualities):
                way(bench, bench.sides[sender], bench.sides[receiver], sealed, message_of(100))
                way(bench, bench.sides[receiver], bench.sides[sender], sealed, message_of(100))
    finally:
        bench.style = style


def data_like_the_header(bench, sender, receiver, sealed):
    """A sealed message has a copy of its header after the data. Here the data also end with such a copy."""
    source, target = bench.sides[sender], bench.sides[receiver]
    for size in range(80):
        last = source.wrap(sealed, b'')
        expect(target.unwrap(last), sealed, b'', last)
        number = int.from_bytes(last[8:16], 'big') + 1
        header = last[:6] + bytes(2) + number.to_bytes(8, 'big')
        wrapped(bench, source, target, sealed, (header * 5)[80 - size:])
        header = header[:8] + (number + 1).to_bytes(8, 'big')
        encrypted(bench, source, target, sealed, (header * 5)[80 - size:])


def signed_in_parts(bench, sender, receiver, parts):
    """The signature of data in parts must be the same as the signature of the data in one piece."""
    source, target = bench.sides[sender], bench.sides[receiver]
    for size in (0, 1, parts, 1000):
        data = message_of(size)
        signature = source.sign(data, parts=parts) if bench.is_sspan(sender) else source.sign(data)
        target.verify(data, signature)
        if bench.is_sspan(receiver):
            target.verify(data, source.sign(data), parts=parts)


def encrypted_in_parts(bench, sender, receiver, sealed, parts):
    """sspan must accept data in parts, as if they were one piece, or fail and not count the message."""
    source, target = bench.sides[sender], bench.sides[receiver]
    for size in (parts, 1000):
        data = message_of(size)
        if bench.is_sspan(sender):
            message = unless_unsupported(source.encrypt, sealed, data, parts=parts)
            if message:
                expect(target.decrypt(*message), sealed, data, b''.join(message))
        if bench.is_sspan(receiver):
            message = Halves(*source.encrypt(sealed, data))
            opened = unless_unsupported(target.decrypt, *message, parts=parts) or message.open(target)
            expect(opened, sealed, data, message.sent)
    wrapped(bench, source, target, sealed, b'the next one')


def unless_unsupported(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except mirror.Refused as refusal:
        if refusal.name != 'SEC_E_UNSUPPORTED_FUNCTION':
            raise
        return None


def rotated(bench, sender, receiver, sealed, size, count, later):
    source, target = bench.sides[sender], bench.sides[receiver]
    for number in range(2 if later else 0):
        wrapped(bench, source, target, sealed, message_of(40, number))
        wrapped(bench, target, source, sealed, message_of(40, number))
    data = message_of(size)
    message = Whole(tokens.rotated(source.wrap(sealed, data), count))
    expect(message.open(target), sealed, data, message.sent)


def sizes(bench, sender, receiver):
    side = bench.sides[sender]
    _, signature, block, trailer = side.sizes()
    assert signature >= tokens.HEADER + bench.checksum, f'max_signature is {signature}'
    assert trailer >= bench.token_size(True), f'security_trailer is {trailer}'
    assert len(side.encrypt(True, b'123')[1]) == 3, f'there is padding; block_size is {block}'
