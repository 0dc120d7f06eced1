"""The frames of an RDM6300 125 kHz reader, encode only.

Data sheet: 9600 baud 8N1; a frame is STX (0x02), ten upper-case hex digits (one version byte, four bytes of card
number), two hex digits of checksum (exclusive-or of the five bytes), ETX (0x03): 14 bytes. While a card is held before
the coil the reader repeats the frame about every 65 ms.
"""

from __future__ import annotations

from functools import reduce
from operator import xor

REPEAT_S = 0.065
"""Between two frames of one card that is held, device time."""


def checksum(tag: bytes) -> int:
    """Exclusive-or of the five bytes of a card number."""
    return reduce(xor, tag, 0)


def frame(tag: bytes) -> bytes:
    """One frame. `tag` is the five bytes of an EM4100 card; ValueError otherwise."""
    if len(tag) != 5:
        raise ValueError(f"an EM4100 card has 5 bytes, not {len(tag)}")
    return b"\x02" + f"{tag.hex().upper()}{checksum(tag):02X}".encode("ascii") + b"\x03"
