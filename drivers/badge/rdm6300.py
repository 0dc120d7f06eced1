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
    end = 0
    for found in _FRAME.finditer(buffer):
        frames.append(found[0])
        end = found.end()
    begun = _BEGUN.search(buffer, end)
    rest = begun[0] if begun else b""
    garbage = len(buffer) - SIZE * len(frames) - len(rest)
    return Cut(rest, frames, {"garbage": garbage} if garbage else {})


DRIVER = Driver(
    name="rdm6300",
    media=("serial:rdm6300",),
    modality="badge",
    decode=decode,
    framer=framer,
    settings=SerialSettings(9600),
)
