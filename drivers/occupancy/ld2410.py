"""Hi-Link HLK-LD2410 (also B and C), a 24 GHz radar on a serial line: moving and still people up to 6 m.

Reports come unasked, about ten a second, 256000 baud:

    F4 F3 F2 F1 | length, 2 bytes LE | type 02 basic, 01 engineering | AA | target | 55 00 | F8 F7 F6 F5

`target`: state (0 nobody, 1 moving, 2 still, 3 both), moving distance (cm, 2 bytes LE) and energy, still distance and
energy, detection distance. An engineering report continues with the energy of each gate; C boards end it with a light
value and the output pin. Answers to commands (FD FC FB FA ... 04 03 02 01) come between reports and mean nothing here.
Source: Hi-Link, HLK-LD2410 serial communication protocol V1.02, section 2.3 (report layout, tables 8 to 13).
"""

from __future__ import annotations

from struct import Struct

from drivers.api import Cut, DecodeError, Driver, Frame, Measurement, SerialSettings, Truncated, Unsupported

REPORT, REPORT_END = b"\xf4\xf3\xf2\xf1", b"\xf8\xf7\xf6\xf5"
ANSWER, ANSWER_END = b"\xfd\xfc\xfb\xfa", b"\x04\x03\x02\x01"
BASIC, ENGINEERING = 0x02, 0x01
HEAD, TAIL = 0xAA, b"\x55\x00"
LONGEST = 128
"""Of the data between length and end; engineering reports have 35 to 45 bytes."""
_TARGET = Struct("<BHBHBH")


def decode(frame: Frame) -> list[Measurement]:
    """occupied, motion, and distances where there is a target; nothing for an answer to a command."""
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
    if state > 3:
        raise Unsupported(f"target state {state}")
    made = [Measurement("occupied", state != 0), Measurement("motion", bool(state & 1))]
    if state & 1:
        made.append(Measurement("moving_distance", moving_cm / 100, "m"))
    if state & 2:
        made.append(Measurement("still_distance", still_cm / 100, "m"))
    if state:
        made.append(Measurement("distance", detected_cm / 100, "m"))
    return made


def framer(state: bytes, data: bytes) -> Cut:
    """Cut reports and answers; after a broken frame the search goes on behind its first byte, so none is missed."""
    buffer = state + data
    frames: list[bytes] = []
    dropped: dict[str, int] = {}
    at = 0
    while len(buffer) - at >= 4:
        head = buffer[at : at + 4]
        if head not in (REPORT, ANSWER):
            skip = _next_head(buffer, at + 1)
            dropped["garbage"] = dropped.get("garbage", 0) + skip - at
            at = skip
            continue
        if len(buffer) - at < 6:
            break
        length = int.from_bytes(buffer[at + 4 : at + 6], "little")
        cause = ""
        if length > LONGEST:
            cause = "oversize"
        elif len(buffer) - at < length + 10:
            break
        elif buffer[at + 6 + length : at + 10 + length] != (REPORT_END if head == REPORT else ANSWER_END):
            cause = "unfinished"
        if cause:
            skip = _next_head(buffer, at + 1)
            dropped[cause] = dropped.get(cause, 0) + skip - at
            at = skip
            continue
        frames.append(buffer[at : at + length + 10])
        at += length + 10
    rest = buffer[at:]
    if rest and len(rest) < 4:
        keep = _next_head(rest, 0)
        if keep:
            dropped["garbage"] = dropped.get("garbage", 0) + keep
            rest = rest[keep:]
    return Cut(rest, frames, dropped)


def _next_head(buffer: bytes, at: int) -> int:
    """Where the next frame may begin, at or behind `at`: a whole head, or the start of one at the end."""
    found = [n for n in (buffer.find(REPORT, at), buffer.find(ANSWER, at)) if n >= 0]
    if found:
        return min(found)
    for start in range(max(at, len(buffer) - 3), len(buffer)):
        if REPORT.startswith(buffer[start:]) or ANSWER.startswith(buffer[start:]):
            return start
    return len(buffer)


DRIVER = Driver(
    name="ld2410",
    media=("serial:ld2410",),
    modality="radar",
    decode=decode,
    framer=framer,
    settings=SerialSettings(256_000),
    expect_s=0.1,
)
