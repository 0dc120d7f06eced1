"""The frames of a Hi-Link HLK-LD2450 24 GHz tracking radar, encode only.

Serial protocol manual V1.03: 256000 baud 8N1, little-endian, ten reports a second. A report is AA FF 03 00, three
targets of x and y (mm), speed (cm/s) and distance resolution (mm), then 55 CC. The top bit of x, y and speed is set
for positive values and the other bits are the amount; a place without a target is eight bytes of 0. Acknowledgements
stand between FD FC FB FA and 04 03 02 01; their word is the command's plus 0x0100.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

INTERVAL_S = 0.1
"""Between two reports, device time."""
TARGETS = 3
"""At most in a report."""
MOST = 0x7FFF
"""Largest amount of a coordinate or a speed."""

ENABLE_CONFIGURATION = 0x00FF
END_CONFIGURATION = 0x00FE
SINGLE_TARGET = 0x0080
MULTI_TARGET = 0x0090
READ_FIRMWARE = 0x00A0

_ANSWERS = {
    ENABLE_CONFIGURATION: bytes.fromhex("01004000"),  # protocol version 1, buffer 64 bytes
    READ_FIRMWARE: bytes.fromhex("0000020116240622"),  # V1.02.22062416
}


class Target(NamedTuple):
    """One person as the radar sees it; a speed is negative for one that comes nearer."""

    x_mm: int
    y_mm: int
    speed_cm_s: int = 0
    resolution_mm: int = 360


def report(targets: Sequence[Target] = ()) -> bytes:
    """What the module sends by itself."""
    if len(targets) > TARGETS:
        raise ValueError(f"an LD2450 tracks {TARGETS} targets, not {len(targets)}")
    return b"\xaa\xff\x03\x00" + b"".join(map(_target, targets)) + bytes(8 * (TARGETS - len(targets))) + b"\x55\xcc"


def acknowledgement(command: int, *, failed: bool = False) -> bytes:
    """The module's answer to a command word."""
    value = b"" if failed else _ANSWERS.get(command, b"")
    body = (command | 0x0100).to_bytes(2, "little") + int(failed).to_bytes(2, "little") + value
    return b"\xfd\xfc\xfb\xfa" + len(body).to_bytes(2, "little") + body + b"\x04\x03\x02\x01"


def _target(seen: Target) -> bytes:
    values = (seen.x_mm, seen.y_mm, seen.speed_cm_s)
    return b"".join(map(_signed, values)) + seen.resolution_mm.to_bytes(2, "little")


def _signed(value: int) -> bytes:
    if abs(value) > MOST:
        raise ValueError(f"{value} has more than 15 bits")
    return (value | 0x8000 if value >= 0 else -value).to_bytes(2, "little")
