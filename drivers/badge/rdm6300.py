"""RDM6300, a 125 kHz reader on a serial line: EM4100 card numbers.

A frame is 14 bytes: 02, ten ASCII hex digits (version byte and 32-bit number), two of checksum (exclusive or of the
five bytes), 03. While a card is held the reader repeats its frame about every 65 ms. Source: RDM6300 (RDM630) data
sheet, output data format.
"""

from __future__ import annotations

import re

from drivers.api import BadChecksum, Cut, DecodeError, Driver, Frame, Measurement, SerialSettings, Truncated

SIZE = 14
_FRAME = re.compile(rb"\x02([0-9A-Fa-f]{10})([0-9A-Fa-f]{2})\x03")
_BEGUN = re.compile(rb"\x02[0-9A-Fa-f]{0,12}\Z")
_UNFINISHED = re.compile(rb"\x02[0-9A-Fa-f]{0,12}")


def decode(frame: Frame) -> list[Measurement]:
    """One card number, `em4100:0F0368568B`."""
    if len(frame.payload) < SIZE:
        raise Truncated(f"{len(frame.payload)} of {SIZE} bytes")
    found = _FRAME.fullmatch(frame.payload)
    if found is None:
        raise DecodeError("not 02, twelve hexadecimal digits and 03")
    number = bytes.fromhex(found[1].decode())
    computed = number[0] ^ number[1] ^ number[2] ^ number[3] ^ number[4]
    if computed != int(found[2], 16):
        raise BadChecksum(f"checksum {int(found[2], 16):02X}, computed {computed:02X}")
    return [Measurement("badge", f"em4100:{number.hex().upper()}")]


def framer(state: bytes, data: bytes) -> Cut:
    """Cut whole frames and keep one that has begun at the end; 02 stands nowhere else, so none can hide another."""
    buffer = state + data
    frames: list[bytes] = []
    dropped: dict[str, int] = {}
    end = 0
    for found in _FRAME.finditer(buffer):
        _drop(dropped, buffer[end : found.start()])
        frames.append(found[0])
        end = found.end()
    begun = _BEGUN.search(buffer, end)
    rest = begun[0] if begun else b""
    _drop(dropped, buffer[end : len(buffer) - len(rest)])
    return Cut(rest, frames, dropped)


def _drop(dropped: dict[str, int], lost: bytes) -> None:
    """Count what lies between frames: frames that broke off, and what began none."""
    unfinished = sum(len(found[0]) for found in _UNFINISHED.finditer(lost))
    for cause, size in (("unfinished", unfinished), ("garbage", len(lost) - unfinished)):
        if size:
            dropped[cause] = dropped.get(cause, 0) + size


DRIVER = Driver(
    name="rdm6300",
    media=("serial:rdm6300",),
    modality="badge",
    decode=decode,
    framer=framer,
    settings=SerialSettings(9600),
)
