"""EM4100 cards as such: the five bytes of a tag id, or the 64 bits as they come off the air.

The air frame is nine 1 bits, ten rows of four data bits and an even parity bit, four even column parity bits and a 0.
Source: EM Microelectronic, EM4100 data sheet, memory array.
"""

from __future__ import annotations

from drivers.api import BadChecksum, DecodeError, Driver, Frame, Measurement, Truncated

HEADER = 0b1_1111_1111
ROWS = 10


def decode(frame: Frame) -> list[Measurement]:
    """One card number, `em4100:0F0368568B`."""
    data = frame.payload
    if len(data) == 5:
        number = data
    elif len(data) == 8:
        number = _from_air(int.from_bytes(data, "big"))
    elif len(data) < 8:
        raise Truncated(f"{len(data)} bytes; a tag id has 5, an air frame 8")
    else:
        raise DecodeError(f"{len(data)} bytes; a tag id has 5, an air frame 8")
    return [Measurement("badge", f"em4100:{number.hex().upper()}")]


def _from_air(bits: int) -> bytes:
    if bits >> 55 != HEADER:
        raise DecodeError("does not begin with nine 1 bits")
    if bits & 1:
        raise DecodeError("does not end with a 0 bit")
    number = columns = 0
    for row in range(ROWS):
        five = bits >> (50 - 5 * row) & 0b11111
        if five.bit_count() & 1:
            raise BadChecksum(f"parity of row {row + 1}")
        number = number << 4 | five >> 1
        columns ^= five >> 1
    if columns != bits >> 1 & 0b1111:
        raise BadChecksum("parity of the columns")
    return number.to_bytes(5, "big")


DRIVER = Driver(
    name="em4100",
    title="EM4100 card, tag id or 64 bits off the air",
    media=("em4100",),
    modality="badge",
    decode=decode,
    kinds=("badge",),
    checked="2026-11-26",
)
