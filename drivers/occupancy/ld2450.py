"""Hi-Link HLK-LD2450, a 24 GHz radar on a serial line: where up to three people are, and how fast they move.

Reports come unasked, ten a second, 256000 baud:

    AA FF 03 00 | three targets | 55 CC

A target: x (mm, to the side), y (mm, away from the radar), speed (cm/s), each 2 bytes LE with a sign of its own kind
(top bit 1 positive, 0 negative, the rest is the amount), and the distance resolution (mm, unsigned). Eight bytes of 0:
no target. Answers to commands (FD FC FB FA | length, 2 bytes LE | ... | 04 03 02 01) come between reports and mean
nothing here. Source: Hi-Link, LD2450 serial port communication protocol V1.03, section 2.3 (reports) and 2.1, 2.2
(answers), as open parsers quote it.
"""

from __future__ import annotations

from struct import Struct

from drivers.api import DecodeError, Driver, Frame, Measurement, SerialSettings, Truncated
from drivers.framing import between_marks

REPORT, REPORT_END = b"\xaa\xff\x03\x00", b"\x55\xcc"
ANSWER, ANSWER_END = b"\xfd\xfc\xfb\xfa", b"\x04\x03\x02\x01"
TARGETS = 3
REPORT_SIZE = 30
LONGEST = 64
"""Bytes of a frame; the longest answer (the zones) has 42."""
_TARGET = Struct("<HHHH")
_ENDS = {REPORT: REPORT_END, ANSWER: ANSWER_END}


def decode(frame: Frame) -> list[Measurement]:
    """occupied, count, and one `target` for each that is there; nothing for an answer to a command."""
    data = frame.payload
    if len(data) < 6:
        raise Truncated(f"{len(data)} bytes")
    end = _ENDS.get(data[:4])
    if end is None:
        raise DecodeError("neither a report nor an answer")
    size = _size(data)
    if len(data) < size:
        raise Truncated(f"{len(data)} of {size} bytes")
    if len(data) > size or not data.endswith(end):
        raise DecodeError("does not end where it should")
    if end == ANSWER_END:
        return []
    targets = [
        Measurement("target", [_signed(x) / 1000, _signed(y) / 1000, _signed(speed) / 100], channel=number)
        for number, (x, y, speed, resolution) in enumerate(_TARGET.iter_unpack(data[4:-2]), 1)
        if x or y or speed or resolution
    ]
    return [Measurement("occupied", bool(targets)), Measurement("count", len(targets)), *targets]


def _signed(raw: int) -> int:
    return raw & 0x7FFF if raw & 0x8000 else -raw


def _size(data: bytes) -> int:
    """Of the frame that begins here, by what its first six bytes say."""
    return REPORT_SIZE if data.startswith(REPORT) else 10 + int.from_bytes(data[4:6], "little")


DRIVER = Driver(
    name="ld2450",
    title="Hi-Link HLK-LD2450, radar that tracks three people",
    media=("serial:ld2450",),
    modality="radar",
    decode=decode,
    framer=between_marks(_ENDS, _size, LONGEST),
    settings=SerialSettings(256_000),
    expect_s=0.1,
    kinds=("occupied", "count", "target"),
    checked="2026-11-26",
)
