"""Damaged frames by the million: cheap changes to the payloads of the vectors, and to what they have led to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from time import perf_counter

from drivers.api import Cut, Decoded, DecodeError, Driver, Frame, Measurement
from fuzz.corpus import Corpus, Origin
from fuzz.integrity import CHECKS, UNPROVEN, flipped
from fuzz.laws import Stuck, Tally, check_cut, check_measurements, name_of, watchdog
from gateway.conformance import Broken, whole_frames

Seeded = tuple[bytes, Origin]

LONGEST, LONGEST_TEXT = 512, 16 * 1024
"""Bytes of a payload; of one that is text."""
PIECE = 2048
"""Bytes that a line is read in at most."""
LEARNT = 256
"""Accepted payloads that are changed further."""
TWICE = 64
"""One frame in so many is read twice, and must say the same."""
EDGES = bytes((0, 1, 2, 3, 0x0D, 0x0A, 0x30, 0x55, 0x7E, 0x7F, 0x80, 0x81, 0xAA, 0xFD, 0xFE, 0xFF))
WORDS = (
    b"\x00", b"\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\x80\x00", b"\x00\x80",
    b"\x02\x01\x06", b"\x00\x00\xc0\x7f", b"\x7f\xc0\x00\x00", b"\x00\x00\x80\x7f", b"\xff\x80\x00\x00", b"\r", b"\n",
)  # fmt: skip
"""Inserted: edges of numbers, NaN and infinity, flags of an advert."""
TEXTS = (
    b"null", b"true", b"false", b"NaN", b"-Infinity", b"1e999", b"-1", b"1.5", b"-0", b'""', b"[]", b"{}", b"[{}]",
    b'"\\ud800"', b"\xff", b"9" * 30, b"9" * 5000, b"[" * 3000, b'{"a":' * 1500, b"," , b'"', b"}", b":", b"\x00",
)  # fmt: skip
"""Inserted where the payload is text, or put in the place of a value."""
VALUE = re.compile(rb'"[^"]*"|[-+.0-9eE]+|true|false|null')


def mutations(
    rng: Random, pool: list[Seeded], origins: list[Origin], seal: Callable[[bytes], bytes] | None = None
) -> Iterator[Seeded]:
    """Changed payloads without end. `pool` may grow meanwhile; `seal` computes a frame's check anew."""
    random, noise = rng.random, rng.randbytes(4096)
    text = any(origin.medium in ("mqtt", "keyboard") for origin in origins)
    words, longest = (TEXTS, LONGEST_TEXT) if text else (WORDS, LONGEST)
    while True:
        data, origin = pool[int(random() * len(pool))]
        again = True
        while again:
            again = random() < 0.25
            size = len(data)
            kind = int(random() * 16)
            if kind >= 14 or not size:  # bytes without sense
                start = int(random() * 4000)
                data = noise[start : start + int(random() * 48)]
            elif kind < 6 and text and random() < 0.7:  # another value
                found = VALUE.search(data, int(random() * size))
                if found is not None:
                    data = data[: found.start()] + words[int(random() * len(words))] + data[found.end() :]
            elif kind < 4:  # a byte changed
                made = bytearray(data)
                made[int(random() * size)] = int(random() * 256)
                data = bytes(made)
            elif kind < 6:  # a bit flipped
                made = bytearray(data)
                made[int(random() * size)] ^= 1 << int(random() * 8)
                data = bytes(made)
            elif kind == 6:  # an edge
                made = bytearray(data)
                made[int(random() * size)] = EDGES[int(random() * len(EDGES))]
                data = bytes(made)
            elif kind == 7:  # several bytes
                made = bytearray(data)
                for _ in range(2 + int(random() * 5)):
                    made[int(random() * size)] = int(random() * 256)
                data = bytes(made)
            elif kind == 8:  # cut behind
                data = data[: int(random() * size)]
            elif kind == 9:  # cut out
                start = int(random() * size)
                data = data[:start] + data[start + 1 + int(random() * 4) :]
            elif kind == 10:  # inserted
                at, start = int(random() * (size + 1)), int(random() * 4000)
                word = words[int(random() * len(words))] if random() < 0.5 else noise[start : start + 1 + start % 5]
                data = data[:at] + word + data[at:]
            elif kind == 11:  # the head of one, the tail of another
                other = pool[int(random() * len(pool))][0]
                data = data[: int(random() * size)] + other[int(random() * (len(other) + 1)) :]
            elif kind == 12:  # a length that lies: what is left behind some byte, or nearly
                made = bytearray(data)
                at = int(random() * min(size, 12))
                made[at] = (size - at - 3 + int(random() * 6)) & 255
                data = bytes(made)
            elif random() < 0.5:  # doubled
                data += data
            else:  # as it is
                again = False
        if seal is not None and random() < 0.5:
            data = seal(data)
        if random() < 0.125:
            origin = origins[int(random() * len(origins))]
        yield data[:longest], origin


Read = Callable[[bytes, Origin], list[Measurement]]


def exercise(driver: Driver, what: str, read: Read, corpus: Corpus, frames: int, seed: str) -> Tally:
    """Feed `read` with so many frames. Each must give what the driver declares, or a DecodeError, and in time."""
    tally, rng = Tally(), Random(f"{seed} {driver.name} {what}")
    pool = list(corpus.seeds)
    first = len(pool)
    check = CHECKS.get(driver.name)
    seal, holds = (None, None) if check is None else (check.seal, check.holds)
    refused, done = tally.refused, 0
    payload, origin = pool[0]
    limit = 0.0
    source = mutations(rng, pool, corpus.origins, seal)
    while done < frames and tally.goes_on:
        try:
            with watchdog(lambda: done):
                for payload, origin in islice(source, frames - done):
                    done += 1
                    made = None
                    started = perf_counter()
                    try:
                        made = read(payload, origin)
                    except DecodeError as error:
                        kind = type(error).__name__
                        refused[kind] = refused.get(kind, 0) + 1
                    took = perf_counter() - started
                    if took > limit:
                        limit = tally.clock(took, read, payload, origin)
                    if made is None:
                        continue
                    if made:
                        tally.said += 1
                        check_measurements(driver, made)
                        if holds is not None and not holds(payload):
                            raise Broken("believes a frame whose check does not hold")
                    if done % TWICE == 0:
                        if repr(read(payload, origin)) != repr(made):
                            raise Broken("says another thing the second time")
                        at = len(pool) if len(pool) < first + LEARNT else first + int(rng.random() * LEARNT)
                        pool[at : at + 1] = [(payload, origin)]
        except (Exception, Stuck) as error:  # noqa: BLE001 - this is what is looked for
            tally.fail(name_of(error), payload, origin)
            source = mutations(rng, pool, corpus.origins, seal)  # the other may be where it broke
    tally.calls[what] = done
    return tally


def without_context(driver: Driver) -> Read:
    """decode, and who sent it where many devices share a line."""
    decode, sender = driver.decode, driver.sender

    def read(payload: bytes, origin: Origin) -> list[Measurement]:
        return decode(Frame(origin.medium, "fuzz", origin.address, payload, -60, 0, 0, origin.port))

    def read_with_sender(payload: bytes, origin: Origin) -> list[Measurement]:
        try:
            who = sender(payload) if sender is not None else ""
        except DecodeError:
            who = ""
        if type(who) is not str:
            raise Broken(f"sender: {who!r}")
        return read(payload, origin)

    return read if sender is None else read_with_sender


def with_context(driver: Driver) -> Read:
    """decode_with, as the frame's origin is configured."""
    decode_with = driver.decode_with
    if decode_with is None:
        raise ValueError(f"{driver.name} takes no context")

    def read(payload: bytes, origin: Origin) -> list[Measurement]:
        frame = Frame(origin.medium, "fuzz", origin.address, payload, -60, 0, 0, origin.port)
        decoded = decode_with(frame, origin.context)
        if type(decoded) is not Decoded or (decoded.counter is not None and type(decoded.counter) is not int):
            raise Broken(f"no Decoded: {decoded!r}")
        return decoded.measurements

    return read


def stream(driver: Driver, corpus: Corpus, pieces: int, seed: str) -> Tally:
    """Feed the framer with so many pieces of a damaged stream. What it cuts is decoded."""
    tally, rng = Tally(), Random(f"{seed} {driver.name} framer")
    framer, decode = driver.framer, driver.decode
    if framer is None:
        return tally
    random = rng.random
    good = whole_frames(driver, corpus.vectors) or [b"\x00"]
    origin = corpus.seeds[0][1]
    pool = [*corpus.seeds, *((frame, origin) for frame in good)]
    state = piece = held = b""
    limit, done = 0.0, 0
    check = CHECKS.get(driver.name)

    def feed(piece: bytes, _origin: Origin) -> Cut:
        return framer(state, piece)

    source = mutations(rng, pool, corpus.origins, None if check is None else check.seal)
    while done < pieces and tally.goes_on:
        try:
            with watchdog(lambda: done):
                for payload, _ in islice(source, pieces - done):
                    done += 1
                    roll = random()
                    piece = held + (payload if roll < 0.7 else good[int(random() * len(good))])
                    held = b""
                    if roll < 0.45:  # the rest comes later
                        at = int(random() * (len(piece) + 1))
                        piece, held = piece[:at], piece[at:]
                    elif roll > 0.99:  # a flood
                        piece *= 1 + int(random() * 40)
                    piece = piece[:PIECE]
                    started = perf_counter()
                    cut = framer(state, piece)
                    took = perf_counter() - started
                    if took > limit:
                        limit = tally.clock(took, feed, piece, origin)
                    check_cut(len(state), len(piece), cut)
                    for frame in cut.frames:
                        try:
                            made = decode(Frame(origin.medium, "fuzz", "", frame, -60))
                        except DecodeError as error:
                            tally.refused[error.kind] = tally.refused.get(error.kind, 0) + 1
                            continue
                        tally.said += bool(made)
                        check_measurements(driver, made)
                        if made and check is not None and not check.holds(frame):
                            raise Broken("believes a frame whose check does not hold")
                    if done % TWICE == 0:
                        at = int(random() * (len(piece) + 1))
                        one = framer(state, piece[:at])
                        two = framer(one.state, piece[at:])
                        if (one.frames + two.frames, two.state) != (cut.frames, cut.state):
                            raise Broken(f"another split, other frames: after {len(state)} and {at} bytes")
                    state = b"" if done % 256 == 0 else cut.state
        except (Exception, Stuck) as error:  # noqa: BLE001 - this is what is looked for
            tally.fail(name_of(error), state + piece, origin)
            source = mutations(rng, pool, corpus.origins, None if check is None else check.seal)
            state = held = b""
    tally.calls["framer"] = done
    return tally


def damage(driver: Driver, corpus: Corpus, frames: int, seed: str) -> Tally:
    """Turn one to three bits of good frames. Nothing may be said unless the check, computed apart, happens to hold."""
    tally, rng = Tally(), Random(f"{seed} {driver.name} damage")
    check = CHECKS.get(driver.name)
    if check is None:
        return tally
    random, framer, origins = rng.random, driver.framer, corpus.origins
    reads = [without_context(driver)] + ([] if driver.decode_with is None else [with_context(driver)])
    frames_of_vectors = [frame for frame, _ in corpus.seeds] if framer is None else whole_frames(driver, corpus.vectors)
    good = []
    for frame in frames_of_vectors:
        if tally.goes_on and check.reach(frame) and _attempt(tally, reads[0], frame, origins[0]):
            good.append(frame)
            if not check.holds(frame):
                tally.fail("reads a frame of its vectors whose check does not hold", frame, origins[0])
    origin, refused, by_chance, done = origins[0], 0, 0, 0
    damaged = b""
    while done < frames and tally.goes_on:
        try:
            with watchdog(lambda: done):
                while done < frames:
                    origin = origins[int(random() * len(origins))]
                    frame = check.make(rng) if not good or random() < 0.5 else good[int(random() * len(good))]
                    if done % TWICE == 0 and _kind(reads[0], frame, origin) == "BadChecksum":
                        damaged = frame
                        raise Broken("refuses a good frame as damaged")
                    done += 1
                    reach = check.reach(frame)
                    bits = {reach[int(random() * len(reach))] for _ in range(1 + int(random() * 3))}
                    damaged = flipped(frame, bits)
                    holds = check.holds(damaged)
                    by_chance += holds
                    refused += not holds
                    for read in reads:
                        if _said(read, damaged, origin) and not holds:
                            raise Broken("believes a damaged frame")
                    for part in framer(b"", damaged).frames if framer is not None else ():
                        if _said(reads[0], part, origin) and not check.holds(part):
                            raise Broken("believes a part of a damaged frame")
        except (Exception, Stuck) as error:  # noqa: BLE001 - this is what is looked for
            done += 1
            tally.fail(name_of(error), damaged, origin)
    tally.calls |= {"damaged": done, "damaged_refused": refused, "damaged_valid": by_chance}
    return tally


def forge(driver: Driver, corpus: Corpus, frames: int, seed: str) -> Tally:
    """Turn one to three bits of encrypted frames. Who knows the key must not be told another thing as authentic."""
    tally, rng = Tally(), Random(f"{seed} {driver.name} forge")
    decode_with = driver.decode_with
    if decode_with is None or not driver.key_sizes:
        return tally
    random = rng.random
    known = []
    read = with_context(driver)
    for payload, origin in corpus.seeds:
        if len(origin.context.key) in UNPROVEN.get(driver.name, ()):
            continue
        if payload and tally.goes_on and _attempt(tally, read, payload, origin):
            decoded = decode_with(origin.frame(payload), origin.context)
            if decoded.counter is not None:
                known.append((payload, origin, decoded))
    refused, same, done = 0, 0, 0
    damaged, origin = corpus.seeds[0]
    while known and done < frames and tally.goes_on:
        try:
            with watchdog(lambda: done):
                while done < frames:
                    payload, origin, genuine = known[int(random() * len(known))]
                    done += 1
                    bits = {int(random() * 8 * len(payload)) for _ in range(1 + int(random() * 3))}
                    damaged = flipped(payload, bits)
                    try:
                        decoded = decode_with(origin.frame(damaged), origin.context)
                    except DecodeError:
                        refused += 1
                        continue
                    if decoded.counter is None or decoded == genuine:
                        same += 1  # damage outside of what is authenticated, or a frame that is no longer encrypted
                    else:
                        raise Broken(f"believes a forged frame: {decoded}")
        except (Exception, Stuck) as error:  # noqa: BLE001 - this is what is looked for
            tally.fail(name_of(error), damaged, origin)
    tally.calls |= {"forged": done, "forged_refused": refused, "forged_outside": same} if known else {}
    return tally


def _attempt(tally: Tally, read: Read, payload: bytes, origin: Origin) -> bool:
    """Whether a frame of the vectors gives anything."""
    try:
        with watchdog(lambda: 0):
            return _said(read, payload, origin)
    except (Exception, Stuck) as error:  # noqa: BLE001 - this is what is looked for
        tally.fail(name_of(error), payload, origin)
        return False


def _said(read: Read, payload: bytes, origin: Origin) -> bool:
    try:
        return bool(read(payload, origin))
    except DecodeError:
        return False


def _kind(read: Read, payload: bytes, origin: Origin) -> str:
    """Of the refusal; empty where there is none."""
    try:
        read(payload, origin)
    except DecodeError as error:
        return error.kind
    return ""
