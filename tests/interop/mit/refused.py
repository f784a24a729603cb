# SPDX-License-Identifier: MIT
#
# Cases of messages that were changed, or sent at the wrong time. The receiver must refuse each of them, and must then open the
# original message. Each function gets a bench with a new context, and the roles of the sender and the receiver.
import gssapi

import mirror
import tokens
from bench import QUALITIES, Halves, Signed, Whole, describe, expect, message_of, other, short

SIZE = 24  # size of the messages that are changed in every way
ALTERED = ('SEC_E_MESSAGE_ALTERED', 'SEC_E_INVALID_TOKEN')
TOGETHER = 48  # number of changed messages that are sent before the first result
MISUSED = (*ALTERED, 'SEC_E_OUT_OF_SEQUENCE')
QUALITY = ('SEC_E_QOP_NOT_SUPPORTED',)


def add_cases(bench, sender):
    receiver_is_sspan = bench.is_sspan(other(sender))
    ways = [('unwrap', whole)]
    if receiver_is_sspan or bench.dce:  # without DCE style, MIT joins the halves
        ways.append(('decrypt', bench.split))
    for sealed in bench.qualities:
        for name, way in ways:
            name = f'{name}, {QUALITIES[sealed]}'
            bench.case(f'{name}, misused', sender, misused_message, sealed, way)
            if receiver_is_sspan:
                bench.case(f'{name}, for all that may be required', sender, required_quality, sealed, way)
        if bench.thorough:
            for name, way in ways:
                name = f'{name}, {QUALITIES[sealed]}, every'
                bench.case(f'{name} bit flipped', sender, altered, sealed, flips(bench, sealed, way))
                bench.case(f'{name} extra count', sender, altered, sealed, extra_counts(bench, sealed, way))
                bench.case(f'{name} wrong length', sender, altered, sealed, lengths(bench, sealed, way))
            if len(ways) > 1:
                border_cases(bench, sender, sealed)
    bench.case('verify, misused', sender, misused_signature)
    if bench.thorough:
        bench.case('verify, every bit flipped and every wrong length', sender, altered, None, changes_of_signature(bench))
        if False not in bench.qualities:
            bench.case('integrity-only where there is no such thing', sender, integrity_only)


def border_cases(bench, sender, sealed):
    name = f'decrypt, {QUALITIES[sealed]}, every'
    bench.case(f'{name} wrong border', sender, altered, sealed, borders(bench, sealed))
    bench.case(f'{name} wrong length of a half', sender, altered, sealed, lengths_of_halves(bench, sealed))
    bench.case(f'{name} extra count, with the border for it', sender, altered, sealed,
               extra_counts(bench, sealed, shortened))
    if not bench.dce:
        bench.case(f'{name} wrong border, with the rotation for it', sender, altered, sealed, moved_borders(bench, sealed))
        bench.case(f'{name} rotation', sender, altered, sealed, rotations(bench, sealed))


def whole(message, sealed):
    return Whole(message)


# ---- a changed message, and then the original one --------------------------------------------------------------------
#
# A change has a name and a function. The function gets a message in the layout of Windows. It returns the message for the
# receiver, and the expected result:
#
#   refused    refused; the original message opens after it
#   divided    refused; it is the original message, divided at a wrong place, so the package may count it as received
#   opened     opened with the right data
#   either     refused, or opened with the right data


def message_size(bench, sealed):
    return bench.token_size(sealed) + SIZE


def flips(bench, sealed, way):
    def flip(message, bit):
        changed = tokens.flipped(message, bit)
        same = not bench.dce and tokens.means_the_same(message, changed)
        return 'opened' if same else 'refused', way(changed, sealed)

    return [(f'bit {bit % 8} of byte {bit // 8}', lambda message, bit=bit: flip(message, bit))
            for bit in range(8 * message_size(bench, sealed))]


def wrong_lengths(size):
    """Yields names, and functions that make content of this size longer or shorter."""
    for length in range(size):
        yield f'the first {length} bytes', lambda content, length=length: content[:length]
    for length in range(1, size):
        yield f'the last {length} bytes', lambda content, length=length: content[-length:]
    for more in (b'\0', b'\xff', bytes(12), bytes(16), bytes(28)):
        yield f'{len(more)} more at its end', lambda content, more=more: content + more
        yield f'{len(more)} more at its front', lambda content, more=more: more + content
    if size:
        yield 'twice', lambda content: content + content
        yield 'its end again', lambda content: content + content[-16:]


def lengths(bench, sealed, way):
    return [(name, lambda message, change=change: ('refused', way(change(message), sealed)))
            for name, change in wrong_lengths(message_size(bench, sealed))]


def lengths_of_halves(bench, sealed):
    def of_token(message, change):
        token, data = bench.split(message, sealed)
        return 'refused', Halves(change(token), data)

    def of_data(message, change):
        token, data = bench.split(message, sealed)
        return 'refused', Halves(token, change(data))

    return ([(f'token: {name}', lambda message, change=change: of_token(message, change))
             for name, change in wrong_lengths(bench.token_size(sealed))] +
            [(f'data: {name}', lambda message, change=change: of_data(message, change))
             for name, change in wrong_lengths(SIZE)] +
            [('data before token', lambda message: ('refused', Halves(*reversed(bench.split(message, sealed)))))])


def wrong_borders(bench, sealed):
    return (border for border in range(message_size(bench, sealed) + 1) if border != bench.token_size(sealed))


def borders(bench, sealed):
    def move(message, border):
        return 'divided', Halves(message[:border], message[border:])

    return [(f'{border} bytes of token', lambda message, border=border: move(message, border))
            for border in wrong_borders(bench, sealed)]


def moved_borders(bench, sealed):
    """Moves the border, and changes the rotation count so that the header agrees with the new border."""
    def move(message, border):
        moved = tokens.rotated(message, border - front)
        return 'divided', Halves(moved[:border], moved[border:])

    front = tokens.HEADER + (16 if sealed else 0)  # size of the part before the data, without rotation
    return [(f'{border} bytes of token', lambda message, border=border: move(message, border))
            for border in wrong_borders(bench, sealed) if border >= front]


def extra_counts(bench, sealed, way):
    """Changes the header's number of bytes between data and checksum."""
    right = bench.checksum if not sealed else 16 if bench.dce else 0

    def change(message, count):
        return 'refused', way(tokens.with_extra_count(message, count), sealed)

    return [(f'extra count {count}', lambda message, count=count: change(message, count))
            for count in (*range(message_size(bench, sealed) + 1), 255, 256, 32767, 65535) if count != right]


def shortened(message, sealed):
    """Divides the message where the changed extra count says that the data begin."""
    border = max(len(message) - SIZE, tokens.HEADER) + tokens.extra_count(message)
    return Halves(message[:border], message[border:])


def rotations(bench, sealed):
    def rotate(message, count):
        happens = 'opened' if count == tokens.rotation(message) else 'either'
        return happens, bench.split(tokens.rotated(message, count), sealed)

    return [(f'rotation count {count}', lambda message, count=count: rotate(message, count))
            for count in range(3 * message_size(bench, sealed))]


def altered(bench, sender, receiver, sealed, changes):
    """Tests all changes. `sealed` is the quality, or None for signatures."""
    bad = []
    for start in range(0, len(changes), TOGETHER):
        some = changes[start:start + TOGETHER]
        problems = make_changes(bench, sender, receiver, sealed, some)
        if problems:  # one failure may cause others, so test each change again with a new context
            alone = []
            for change in some:
                bench.establish()
                alone += make_changes(bench, sender, receiver, sealed, [change])
            bad += alone or problems
            bench.establish()
        if len(bad) > 4 * TOGETHER:
            bad.append('and perhaps more')
            break
    assert not bad, f'{len(bad)} of {len(changes)} changes failed. ' + '; '.join(bad[:3] + [
        problem.split(':')[0] for problem in bad[3:]])


def make_changes(bench, sender, receiver, sealed, changes):
    """Sends all messages before it waits for results. Returns the problems."""
    data, source, target = message_of(SIZE), bench.sides[sender], bench.sides[receiver]
    try:
        for _ in changes:
            source.post(*(('sign', data) if sealed is None else ('encrypt', sealed, data)))
        messages = [source.result() for _ in changes]
        if sealed is None:
            right = [Signed(data, signature) for signature in messages]
        else:
            messages = [b''.join(parts) for parts in messages]
            right = [bench.split(message, sealed) for message in messages]
        changed = [change(message) for (_, change), message in zip(changes, messages)]
        for (_, wrong), good in zip(changed, right):
            wrong.post(target)
            good.post(target)
        outcomes = [(outcome_of(target), outcome_of(target)) for _ in changes]
    except mirror.Broken as problem:
        return [f'one of {changes[0][0]} to {changes[-1][0]}: {problem}']
    problems = []
    for (name, _), (happens, wrong), good, message, outcomes in zip(changes, changed, right, messages, outcomes):
        try:
            check(happens, wrong, good, errors_of(bench, message, wrong), sealed, data, *outcomes)
        except AssertionError as problem:
            problems.append(f'{name}: {problem}')
    return problems


def outcome_of(side):
    """Returns the result of a posted call, or None and the error."""
    try:
        return side.result(), None
    except (mirror.Refused, gssapi.exceptions.GSSError) as problem:
        return None, problem


def check(happens, wrong, good, errors, sealed, data, outcome, outcome_of_good):
    opened, refusal = outcome
    if refusal is None:
        assert happens in ('opened', 'either'), f'it is taken as {taken(opened)}; right is {short(data)}'
        expect(opened, sealed, data, wrong.sent)
        assert outcome_of_good[1] is not None, 'the receiver accepts it, and then also the original message'
        return
    assert happens != 'opened', f'it is refused: {describe(refusal)}: {short(wrong.sent)}'
    check_refusal(refusal, wrong, errors)
    opened, refusal = outcome_of_good
    if refusal is None:
        assert sealed is None or opened == (sealed, data), f'the message itself is {taken(opened)} after it'
    else:
        assert happens == 'divided', f'it is refused, but so is the message itself after it: {describe(refusal)}'
        check_refusal(refusal, good, MISUSED)


def taken(opened):
    return short(opened[1]) if isinstance(opened, tuple) else 'good'


def check_refusal(refusal, message, errors):
    if isinstance(refusal, mirror.Refused):
        assert refusal.name in errors, f'sspan says {refusal.name}: {short(message.sent)}'
        assert refusal.left == message.sent or not any(refusal.left), f'left in the buffers: {short(refusal.left)}'


def errors_of(bench, message, changed):
    """Returns the errors that are correct for a changed message."""
    number = slice(8, 16)
    errors = ALTERED if message[number] == changed.header[number] else MISUSED
    if False not in bench.qualities and not tokens.is_sealed(changed.header):
        errors += QUALITY  # it looks like an integrity-only message, which the mirror does not support
    return errors


def refused(bench, receiver, message, errors):
    try:
        opened = message.open(bench.sides[receiver])
    except (mirror.Refused, gssapi.exceptions.GSSError) as refusal:
        check_refusal(refusal, message, errors)
    else:
        raise AssertionError(f'it is taken as {taken(opened)}')


# ---- a message at the wrong time or place ----------------------------------------------------------------------------


def required_quality(bench, sender, receiver, sealed, way):
    """The context requires confidentiality. So integrity only is enough only if the receiver asks for it."""
    data = message_of(SIZE)
    for least in mirror.LEAST:
        message = way(b''.join(bench.sides[sender].encrypt(sealed, data)), sealed)
        if sealed or least == 'integrity_only':
            expect(message.open(bench.sides[receiver], least=least), sealed, data, message.sent)
            continue
        try:
            message.open(bench.sides[receiver], least=least)
        except mirror.Refused as refusal:
            assert refusal.name in QUALITY, f'{least}: sspan says {refusal.name}'
            assert not any(refusal.left) or refusal.left == message.sent, f'left in the buffers: {short(refusal.left)}'
        else:
            raise AssertionError(f'it is enough for {least}')


def integrity_only(bench, sender, receiver):
    """sspan must report with one error, as sender and as receiver, that it has no such messages."""
    data = message_of(SIZE)
    source, target = bench.sides[sender], bench.sides[receiver]
    if bench.is_sspan(sender):
        attempts = [('wrap', lambda: source.wrap(False, data)), ('encrypt', lambda: source.encrypt(False, data))]
    else:
        plain, halves = Whole(source.wrap(False, data)), Halves(*source.encrypt(False, data))
        attempts = [(f'{name} for {least}', lambda message=message, least=least: message.open(target, least=least))
                    for least in mirror.LEAST
                    for name, message in (('unwrap', plain), ('unwrap, rotated', Whole(halves.sent)), ('decrypt', halves))]
    for name, attempt in attempts:
        try:
            attempt()
        except mirror.Refused as refusal:
            assert refusal.name in QUALITY, f'{name}: sspan says {refusal.name}'
        else:
            raise AssertionError(f'{name} succeeds')
    if bench.is_sspan(sender):
        message = source.wrap(True, data)
        expect(target.unwrap(message), True, data, message)


def misused(bench, sender, receiver, make, other_kinds):
    """`make` protects a message. Each of `other_kinds` makes something similar that is not such a message."""
    def opens(message):
        message.open(bench.sides[receiver])

    def refuse(end, message, why):
        try:
            refused(bench, end, message, MISUSED)
        except AssertionError as problem:
            raise AssertionError(f'{why}: {problem}') from problem

    first = make()
    opens(first)
    refuse(receiver, first, 'replayed')
    opens(make())
    refuse(receiver, first, 'replayed later')
    refuse(sender, make(), 'reflected')  # the receiver does not get it, so there is a gap before the next one
    bench.establish()
    refuse(receiver, first, 'of another context')
    make()
    refuse(receiver, make(), 'behind a gap')
    bench.establish()
    for kind in other_kinds:
        refuse(receiver, kind(), 'of another kind')
        bench.establish()
    opens(make())


def misused_message(bench, sender, receiver, sealed, way):
    data = message_of(SIZE)

    def make():
        return way(b''.join(bench.sides[sender].encrypt(sealed, data)), sealed)

    def signature():
        return way(bench.sides[sender].sign(data) + data, sealed)

    def signature_alone():
        return Whole(bench.sides[sender].sign(data))

    misused(bench, sender, receiver, make, (signature, signature_alone))


def misused_signature(bench, sender, receiver):
    data = message_of(SIZE)

    def make():
        return Signed(data, bench.sides[sender].sign(data))

    def message():
        return Signed(data, b''.join(bench.sides[sender].encrypt(True, data)))

    def token():
        return Signed(data, bench.sides[sender].encrypt(bench.qualities[-1], data)[0])

    misused(bench, sender, receiver, make, (message, token))


def changes_of_signature(bench):
    data = message_of(SIZE)
    size = tokens.HEADER + bench.checksum

    def of_signature(name, change):
        return f'signature: {name}', lambda signature: ('refused', Signed(data, change(signature)))

    def of_data(name, change):
        return f'data: {name}', lambda signature: ('refused', Signed(change(data), signature))

    def flip(bit):
        return f'bit {bit % 8} of byte {bit // 8}', lambda content: tokens.flipped(content, bit)

    return ([of_signature(*flip(bit)) for bit in range(8 * size)] + [of_data(*flip(bit)) for bit in range(8 * SIZE)] +
            [of_signature(*change) for change in wrong_lengths(size)] + [of_data(*change) for change in wrong_lengths(SIZE)])
