"""The radio of a busy office as a list: adverts in the order in which receivers hear them. Standard library only.

Three of four adverts are of strangers (phones, laptops, earbuds with fresh random payloads); one is of an enrolled tag
that stays in a zone for about eighteen seconds and moves on. A tag is heard by its zone's receiver and by the next one,
15 dB weaker. The peer runs in a virtual environment of its own and gets the very same list.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

SECOND = 1_000_000_000
START = 1_795_564_800 * SECOND
"""2026-11-25 00:00 UTC."""
RECEIVERS = 4
STAY_S = (16.0, 20.0)
NAMESPACE = bytes(range(16))
SERVICE = "0000{}-0000-1000-8000-00805f9b34fb"


class Heard(NamedTuple):
    """One advert at one receiver."""

    receiver: int
    address: str
    manufacturer: dict[int, bytes]
    service: dict[str, bytes]
    rssi: int
    at: int
    """Office time, ns."""
    tag: int
    """Number of the enrolled tag; -1: a stranger."""


def tag_name(number: int) -> str:
    """What an enrolled tag calls itself; every fifth speaks Eddystone-UID."""
    if number % 5 == 4:
        return f"eddystone-uid:{NAMESPACE[:10].hex()}:{number:012x}"
    h = NAMESPACE.hex()
    return f"ibeacon:{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}:{number}:7"


def crowd(count: int, *, tags: int = 300, strangers: float = 0.75, seed: int = 1) -> list[Heard]:
    """`count` adverts of which a share is of strangers. Each tag advertises once a second of office time."""
    rng = Random(seed)
    own = _own(rng, tags)
    pairs = (1 - strangers) / (1 + strangers)  # a tag's advert is heard twice, a stranger's once
    heard: list[Heard] = []
    while len(heard) < count:
        if rng.random() < pairs:
            heard.extend(next(own))
        else:
            heard.append(_stranger(rng, heard[-1].at if heard else START))
    return heard[:count]


def _own(rng: Random, tags: int) -> Iterator[tuple[Heard, Heard]]:
    zone = [rng.randrange(RECEIVERS) for _ in range(tags)]
    until = [rng.uniform(0, STAY_S[1]) for _ in range(tags)]
    for second in range(1_000_000):
        for number in range(tags):
            if second > until[number]:
                zone[number] = rng.choice([z for z in range(RECEIVERS) if z != zone[number]])
                until[number] = second + rng.uniform(*STAY_S)
            at = START + second * SECOND + number * SECOND // tags
            here, beside = zone[number], (zone[number] + 1) % RECEIVERS
            yield (
                _tag(number, here, round(rng.gauss(-60, 3)), at),
                _tag(number, beside, round(rng.gauss(-75, 3)), at),
            )


def _tag(number: int, receiver: int, rssi: int, at: int) -> Heard:
    address = f"C0:FF:EE:00:{number >> 8:02X}:{number & 255:02X}"
    if number % 5 == 4:
        service = {SERVICE.format("feaa"): b"\x00\xee" + NAMESPACE[:10] + number.to_bytes(6, "big") + b"\0\0"}
        return Heard(receiver, address, {}, service, rssi, at, number)
    data = b"\x02\x15" + NAMESPACE + struct.pack(">HHb", number, 7, -59)
    return Heard(receiver, address, {0x004C: data}, {}, rssi, at, number)


def _stranger(rng: Random, at: int) -> Heard:
    address = ":".join(f"{byte:02X}" for byte in rng.randbytes(6))
    receiver, rssi, kind = rng.randrange(RECEIVERS), -50 - rng.randrange(45), rng.random()
    manufacturer: dict[int, bytes] = {}
    service: dict[str, bytes] = {}
    if kind < 0.53:
        manufacturer = {0x004C: bytes((0x10, 5)) + rng.randbytes(5)}
    elif kind < 0.73:
        manufacturer = {0x004C: bytes((0x12, 0x19)) + rng.randbytes(25)}
    elif kind < 0.91:
        manufacturer = {0x0006: bytes((1, 9, 0x20, 2)) + rng.randbytes(23)}
    else:
        service = {SERVICE.format("fe2c"): rng.randbytes(3)}
    return Heard(receiver, address, manufacturer, service, rssi, at, -1)
