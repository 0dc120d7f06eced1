"""Hi-Link HLK-LD2410 (also B and C), a 24 GHz radar on a serial line: moving and still people up to 6 m.

Reports come unasked, about ten a second, 256000 baud:

    F4 F3 F2 F1 | length, 2 bytes LE | type 02 basic, 01 engineering | AA | target | 55 00 | F8 F7 F6 F5

`target`: state (0 nobody, 1 moving, 2 still, 3 both), moving distance (cm, 2 bytes LE) and energy, still distance and
energy, detection distance. While the module sets its thresholds by itself (states 4 to 6: at work, done, failed) it
looks for nobody, so such a report says nothing. An engineering report continues with the highest moving gate and the
highest still gate, the energy of each gate, and bytes that V1.02 calls reserved: on B and C boards a light value of
0 to 255 and the output pin, 0 or 1. Answers to commands (FD FC FB FA ... 04 03 02 01) come between reports and mean
nothing here. The B board's Bluetooth is for its maker's app and is not read.
Sources: Hi-Link, HLK-LD2410 serial communication protocol V1.02, section 2.3 (reports) and 2.1, 2.2 (answers);
HLK-LD2410B V1.06 and LD2410C V1.00, the same sections (light and output), as open parsers quote them; the states from 4
on are from open parsers of firmware 2.44.
"""

from __future__ import annotations

from struct import Struct

from drivers.api import DecodeError, Driver, Frame, Measurement, SerialSettings, Truncated, Unsupported
from drivers.framing import between_marks

REPORT, REPORT_END = b"\xf4\xf3\xf2\xf1", b"\xf8\xf7\xf6\xf5"
ANSWER, ANSWER_END = b"\xfd\xfc\xfb\xfa", b"\x04\x03\x02\x01"
BASIC, ENGINEERING = 0x02, 0x01
HEAD, TAIL = 0xAA, b"\x55\x00"
LONGEST = 138
"""Bytes of a frame; engineering reports have 45, the longest answer 38."""
THRESHOLDS = range(4, 7)
"""Target states while the module sets its thresholds."""
_TARGET = Struct("<BHBHBH")
_GATES = 9
"""Of each energy list; boards send all of them also when fewer are in use."""
_ENDS = {REPORT: REPORT_END, ANSWER: ANSWER_END}


def decode(frame: Frame) -> list[Measurement]:
    """occupied, motion, distances where there is a target, light; nothing for an answer to a command."""
    data = frame.payload
    if len(data) < 10:
        raise Truncated(f"{len(data)} bytes")
    length = int.from_bytes(data[4:6], "little")
    if len(data) < length + 10:
        raise Truncated(f"{len(data)} of {length + 10} bytes")
    if len(data) > length + 10:
        raise DecodeError("longer than it says")
    if data.startswith(ANSWER) and data.endswith(ANSWER_END):
        return []
    if not data.startswith(REPORT) or not data.endswith(REPORT_END):
        raise DecodeError("not framed as a report")
    return _report(data[6 : 6 + length])


def _report(body: bytes) -> list[Measurement]:
    if len(body) < 2 + _TARGET.size + 2:
        raise Truncated(f"{len(body)} bytes of report")
    if body[0] not in (BASIC, ENGINEERING):
        raise Unsupported(f"report type {body[0]:02x}")
    if body[1] != HEAD or not body.endswith(TAIL):
        raise DecodeError("report without its marks")
    if body[0] == BASIC and len(body) != 2 + _TARGET.size + 2:
        raise DecodeError(f"a basic report has 13 bytes, not {len(body)}")
    state, moving_cm, _moving_energy, still_cm, _still_energy, detected_cm = _TARGET.unpack_from(body, 2)
    light = _light(body[2 + _TARGET.size : -2]) if body[0] == ENGINEERING else []
    if state in THRESHOLDS:
        return light
    if state > 3:
        raise Unsupported(f"target state {state}")
    made = [Measurement("occupied", state != 0), Measurement("motion", bool(state & 1))]
    if state & 1:
        made.append(Measurement("moving_distance", moving_cm / 100, "m"))
    if state & 2:
        made.append(Measurement("still_distance", still_cm / 100, "m"))
    if state:
        made.append(Measurement("distance", detected_cm / 100, "m"))
    return made + light


def _light(extra: bytes) -> list[Measurement]:
    """The light value behind the gates; older boards have other bytes there, so the pin must be a pin's."""
    if len(extra) < 2:
        raise Truncated(f"{len(extra)} bytes of gates")
    gates = extra[0] + 1 + extra[1] + 1
    if len(extra) < 2 + gates:
        raise Truncated(f"{len(extra) - 2} of {gates} gates")
    if len(extra) in (4 + gates, 4 + 2 * _GATES) and extra[-1] <= 1:
        return [Measurement("light_level", extra[-2])]
    return []


def _size(head: bytes) -> int:
    return 10 + int.from_bytes(head[4:6], "little")


DRIVER = Driver(
    name="ld2410",
    title="Hi-Link HLK-LD2410 (B, C), presence radar",
    media=("serial:ld2410",),
    modality="radar",
    decode=decode,
    framer=between_marks(_ENDS, _size, LONGEST),
    settings=SerialSettings(256_000),
    expect_s=0.1,
    kinds=("occupied", "motion", "moving_distance", "still_distance", "distance", "light_level"),
    checked="2026-11-26",
)
