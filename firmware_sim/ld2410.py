"""The frames of a Hi-Link HLK-LD2410 24 GHz presence radar, encode only.

Serial protocol manual V1.02: 256000 baud 8N1, little-endian, about ten reports a second. A report is F4 F3 F2 F1,
length, 02 (basic) or 01 (engineering), AA, target state, moving distance (cm) and energy, still distance and energy,
detection distance, in engineering mode gate counts and energies, 55 00, F8 F7 F6 F5. Commands and their
acknowledgements stand between FD FC FB FA and 04 03 02 01; the acknowledgement's word is the command's plus 0x0100.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

INTERVAL_S = 0.1
"""Between two reports, device time."""
GATES = 9
"""Distance gates 0 to 8, of 0.75 m each."""

REPORT_HEAD, REPORT_TAIL = bytes.fromhex("f4f3f2f1"), bytes.fromhex("f8f7f6f5")
COMMAND_HEAD, COMMAND_TAIL = bytes.fromhex("fdfcfbfa"), bytes.fromhex("04030201")

ENABLE_CONFIGURATION = 0x00FF
END_CONFIGURATION = 0x00FE
ENGINEERING_ON = 0x0062
ENGINEERING_OFF = 0x0063
READ_FIRMWARE = 0x00A0

_ANSWERS = {
    ENABLE_CONFIGURATION: bytes.fromhex("01004000"),  # protocol version 1, buffer 64 bytes
    END_CONFIGURATION: b"",
    ENGINEERING_ON: b"",
    ENGINEERING_OFF: b"",
    READ_FIRMWARE: bytes.fromhex("0001020116240622"),  # V1.02.22062416
}


class Target(IntEnum):
    """Target state of a report."""

    NONE = 0
    MOVING = 1
    STILL = 2
    BOTH = 3


class Seen(NamedTuple):
    """What the radar makes of the room: distances in cm, energies 0 to 100."""

    target: Target
    moving_cm: int = 0
    moving_energy: int = 0
    still_cm: int = 0
    still_energy: int = 0

    @property
    def detection_cm(self) -> int:
        """Distance of the nearest target."""
        match self.target:
            case Target.NONE:
                return 0
            case Target.MOVING:
                return self.moving_cm
            case Target.STILL:
                return self.still_cm
            case Target.BOTH:
                return min(self.moving_cm, self.still_cm)


NOBODY = Seen(Target.NONE)


def basic(seen: Seen) -> bytes:
    """A report as the module sends it after power-up."""
    return _report(0x02, _target_data(seen))


def engineering(seen: Seen, moving: Sequence[int], still: Sequence[int], *, light: int = 0, out: bool = False) -> bytes:
    """A report in engineering mode: energies of all gates, then the light sensor (0 to 255) and the OUT pin."""
    if len(moving) != GATES or len(still) != GATES:
        raise ValueError(f"an LD2410 has {GATES} gates, not {len(moving)} and {len(still)}")
    gates = bytes((GATES - 1, GATES - 1, *moving, *still))
    return _report(0x01, _target_data(seen) + gates + bytes((light, out)))


def acknowledgement(command: int, *, failed: bool = False) -> bytes:
    """The module's answer to a command word; the values that some answers carry are those of a factory-new module."""
    value = b"" if failed else _ANSWERS.get(command, b"")
    body = (command | 0x0100).to_bytes(2, "little") + int(failed).to_bytes(2, "little") + value
    return COMMAND_HEAD + len(body).to_bytes(2, "little") + body + COMMAND_TAIL


def commands(stream: bytes) -> tuple[list[int], bytes]:
    """Command words of what a host wrote, in order, and the rest that may still become one."""
    words: list[int] = []
    while (start := stream.find(COMMAND_HEAD)) >= 0:
        stream = stream[start:]
        length = int.from_bytes(stream[4:6], "little")
        end = 6 + length + len(COMMAND_TAIL)
        if len(stream) < 6:
            return words, stream
        if not 2 <= length <= 64:
            stream = stream[4:]
            continue
        if len(stream) < end:
            return words, stream
        if stream[end - 4 : end] == COMMAND_TAIL:
            words.append(int.from_bytes(stream[6:8], "little"))
            stream = stream[end:]
        else:
            stream = stream[4:]
    return words, stream[-3:]


def _target_data(seen: Seen) -> bytes:
    return (
        bytes((seen.target,))
        + seen.moving_cm.to_bytes(2, "little")
        + bytes((seen.moving_energy,))
        + seen.still_cm.to_bytes(2, "little")
        + bytes((seen.still_energy,))
        + seen.detection_cm.to_bytes(2, "little")
    )


def _report(kind: int, data: bytes) -> bytes:
    inside = bytes((kind, 0xAA)) + data + b"\x55\x00"
    return REPORT_HEAD + len(inside).to_bytes(2, "little") + inside + REPORT_TAIL
