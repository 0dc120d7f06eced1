"""ID-12LA and ID-20LA, 125 kHz readers on a serial line: EM4100 card numbers, once a tap.

A frame is 16 bytes: 02, ten ASCII hex digits, two of checksum (exclusive or of the five bytes), CR, LF, 03.
Source: ID Innovations, ID-2/12/20 LA series data sheet X1 (2013-04-11), section 4, page 4.
"""

from __future__ import annotations

import re

from drivers.api import BadChecksum, Cut, DecodeError, Driver, Frame, Measurement, SerialSettings, Truncated

SIZE = 16
_FRAME = re.compile(rb"\x02([0-9A-Fa-f]{10})([0-9A-Fa-f]{2})\r\n\x03")
_BEGUN = re.compile(rb"\x02(?:[0-9A-Fa-f]{0,12}|[0-9A-Fa-f]{12}\r\n?)\Z")
_UNFINISHED = re.compile(rb"\x02(?:[0-9A-Fa-f]{12}\r\n?|[0-9A-Fa-f]{0,12})")


def decode(frame: Frame) -> list[Measurement]:
    """One card number, `em4100:0F0368568B`."""
    if len(frame.payload) < SIZE:
        raise Truncated(f"{len(frame.payload)} of {SIZE} bytes")
    found = _FRAME.fullmatch(frame.payload)
    if found is None:
        raise DecodeError("not 02, twelve hexadecimal digits, CR, LF and 03")
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
    name="id12la",
    media=("serial:id12la",),
    modality="badge",
    decode=decode,
    framer=framer,
    settings=SerialSettings(9600),
)
