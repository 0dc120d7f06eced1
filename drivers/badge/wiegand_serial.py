"""Bridges that put Wiegand messages on a serial line, and a reader module that has both outputs.

    wiegand_decimal  ten decimal digits, CR, LF: the bits without parity as one number (S4A Wiegand converters)
    wiegand_comma    facility in three digits, comma, number in five: a line of its own
    wiegand_hex      the bits without parity, hexadecimal: a line of its own
    wiegand_bits     the message as 0 and 1, parity included: a line of its own (26, 34 or 37 bits)
    reader7941       7941D, 7941E: 02, length (all bytes), type, number, exclusive or from length to number, 03

Who drops bits, drops the card's identity: a number alone does not say whether 26 or 34 bits stood behind it. Without a
profile (`w26`, `w34`, `w37`: what all cards of this reader are) such a read is told as `wiegand-part:<hex>`, a form
that no whole card has. It must be refused as ambiguous, and cannot be enrolled. The same is true of an EM4100 card
whose version byte is missing, `em4100-part:<hex>`, and of the first stage of a longer UID, `iso14443-part:<hex>`.

"A line of its own" means LF, text, CR, as a sketch's println makes it. The LF that ended the line before shows that
nothing is missing in front, so the first line after the port was opened is not read: had it lost its head, it would be
another card. Only the ten digits, of which there are never more or less, need no LF before them: keys that the S4A
converter sends bare may stand there.

Sources: S4A, Wiegand-Ethernet bidirectional converter manual, section 3.2 (its example 1E256 is 0000123478); 7941D and
7941E reader module descriptions, UART output (examples 02 0A 02 2E 00 B6 D7 B5 F2 03, 02 09 02 04 2E 53 82 F0 03). They
do not say in which order a MIFARE card's UID comes; as the Wiegand output of the same module it is taken first byte
first. None of these lines but the last two carries a check: a flipped bit in a digit is another card.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial, reduce
from operator import xor
from typing import NamedTuple

from drivers.api import (
    BadChecksum,
    Context,
    Cut,
    Decoded,
    DecodeError,
    Driver,
    Frame,
    Measurement,
    SerialSettings,
    Truncated,
    Unsupported,
)

NUMBERS: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "w26": (26, (8, 16)),
    "w34": (34, (16, 16)),
    "w37": (37, (35,)),
}
"""Profile -> bits of the message, and bits of each number in it."""
_FIELDS = dict(NUMBERS.values())
RANDOM_UID, CASCADE_TAG = 0x08, 0x88
EM4100, MIFARE = 0x02, (0x01, 0x03)
"""Types of card of the 7941; MIFARE 1K and 4K."""


class _Line(NamedTuple):
    """How one bridge writes."""

    frame: re.Pattern[bytes]
    begun: re.Pattern[bytes]
    """What may go on when more bytes come."""
    broken: re.Pattern[bytes]
    """A frame that broke off."""


def _own_line(text: bytes, begun: bytes) -> _Line:
    """A line with its LF in front; `begun` is any beginning of `text`."""
    return _Line(re.compile(rb"\n(" + text + rb")\r"), re.compile(rb"\n" + begun + rb"\Z"), re.compile(rb"\n" + begun))


DECIMAL = _Line(
    re.compile(rb"([0-9]{10})\r\n"), re.compile(rb"(?:[0-9]{10}\r|[0-9]{1,10})\Z"), re.compile(rb"[0-9]+\r?")
)
COMMA = _own_line(rb"[0-9]{3},[0-9]{5}", rb"[0-9]{0,3}(?:(?<=[0-9]{3}),[0-9]{0,5})?")
HEX = _own_line(rb"[0-9A-Fa-f]{1,16}", rb"[0-9A-Fa-f]{0,16}")
BITS = _own_line(rb"[01]{1,64}", rb"[01]{0,64}")


def _text(line: _Line, frame: Frame) -> bytes:
    found = line.frame.fullmatch(frame.payload)
    if found is None:
        if line.begun.fullmatch(frame.payload):
            raise Truncated("the line ends early")
        raise DecodeError("not a line of this bridge")
    return found[1]


def _card(length: int, data: int) -> str:
    """The card of a message of `length` bits whose bits without parity are `data`."""
    fields = []
    for size in reversed(_FIELDS[length]):
        fields.append(data & ((1 << size) - 1))
        data >>= size
    if data:
        raise DecodeError(f"more than a card of {length} bits can hold")
    return ":".join((f"wiegand{length}", *map(str, reversed(fields))))


def _number(line: _Line, base: int, frame: Frame, profile: str = "") -> list[Measurement]:
    """A card as the profile cuts it, or a part of one."""
    data = int(_text(line, frame), base)
    if profile not in NUMBERS:
        return [Measurement("badge", f"wiegand-part:{data:x}")]
    return [Measurement("badge", _card(NUMBERS[profile][0], data))]


def _number_with(line: _Line, base: int, frame: Frame, context: Context) -> Decoded:
    return Decoded(_number(line, base, frame, context.profile))


def _comma(frame: Frame) -> list[Measurement]:
    facility, number = map(int, _text(COMMA, frame).split(b","))
    if facility > 0xFF or number > 0xFFFF:
        raise DecodeError("more than a card of 26 bits can hold")
    return [Measurement("badge", f"wiegand26:{facility}:{number}")]


def _bits(frame: Frame) -> list[Measurement]:
    """Even parity over the first half and odd over the second, as these three lengths have it."""
    text = _text(BITS, frame)
    length, half = len(text), (len(text) + 1) // 2
    if length not in _FIELDS:
        raise Unsupported(f"{length} bits")
    if text[:half].count(b"1") & 1 or not text[-half:].count(b"1") & 1:
        raise BadChecksum("parity")
    return [Measurement("badge", _card(length, int(text[1:-1], 2)))]


def _cut(line: _Line, state: bytes, data: bytes) -> Cut:
    """Cut whole frames and keep one that has begun at the end."""
    buffer = state + data
    frames: list[bytes] = []
    dropped: dict[str, int] = {}
    end = 0
    for found in line.frame.finditer(buffer):
        _drop(line, dropped, buffer[end : found.start()])
        frames.append(found[0])
        end = found.end()
    begun = line.begun.search(buffer, end)
    rest = begun[0] if begun else b""
    _drop(line, dropped, buffer[end : len(buffer) - len(rest)])
    return Cut(rest, frames, dropped)


def _drop(line: _Line, dropped: dict[str, int], lost: bytes) -> None:
    unfinished = sum(len(found[0]) for found in line.broken.finditer(lost))
    for cause, size in (("unfinished", unfinished), ("garbage", len(lost) - unfinished)):
        if size:
            dropped[cause] = dropped.get(cause, 0) + size


def _decode_7941(frame: Frame) -> list[Measurement]:
    """An EM4100 card with or without its version byte, or the UID of a MIFARE card."""
    data = frame.payload
    if len(data) < 9:
        raise Truncated(f"{len(data)} bytes")
    if data[0] != 2 or data[-1] != 3 or data[1] != len(data) or len(data) > 10:
        raise DecodeError("not 02, the length, and 03 at the end")
    if reduce(xor, data[1:-1]):
        raise BadChecksum(f"checksum {data[-2]:02x}")
    kind, number = data[2], data[3:-2]
    text = number.hex().upper()
    if kind == EM4100:
        return [Measurement("badge", f"em4100:{text}" if len(number) == 5 else f"em4100-part:{text}")]
    if kind not in MIFARE or len(number) != 4:
        raise Unsupported(f"type {kind:02x} with {len(number)} bytes")
    if number[0] == RANDOM_UID:
        raise Unsupported("random UID")
    return [Measurement("badge", f"iso14443-part:{text}" if number[0] == CASCADE_TAG else f"iso14443:{text}")]


def _cut_7941(state: bytes, data: bytes) -> Cut:
    """Cut frames that hold together; where one does not, the next 02 may begin one, be it inside."""
    buffer = state + data
    frames: list[bytes] = []
    end, at, rest = 0, buffer.find(2), len(buffer)
    garbage = 0
    while at >= 0:
        size = buffer[at + 1] if at + 1 < len(buffer) else 10
        candidate = buffer[at : at + size]
        if size not in (9, 10):
            following = at + 1
        elif len(candidate) < size:
            rest = min(rest, at)  # the rest of it may come, unless a whole frame follows
            following = at + 1
        elif candidate[-1] == 3 and not reduce(xor, candidate[1:-1]):
            garbage += at - end
            frames.append(candidate)
            end = following = at + size
            rest = len(buffer)
        else:
            following = at + 1
        at = buffer.find(2, following)
    garbage += rest - end
    return Cut(buffer[rest:], frames, {"garbage": garbage} if garbage else {})


def _bridge(
    name: str,
    title: str,
    line: _Line,
    decode: Callable[[Frame], list[Measurement]],
    decode_with: Callable[[Frame, Context], Decoded] | None = None,
    profiles: tuple[str, ...] = (),
) -> Driver:
    return Driver(
        name=name,
        title=title,
        media=(f"serial:{name}",),
        modality="badge",
        decode=decode,
        decode_with=decode_with,
        profiles=profiles,
        framer=partial(_cut, line),
        settings=SerialSettings(9600),
        kinds=("badge",),
        checked="2026-11-26",
    )


DRIVERS = (
    _bridge(
        "wiegand_decimal",
        "S4A Wiegand converter and alike, ten decimal digits a line",
        DECIMAL,
        partial(_number, DECIMAL, 10),
        partial(_number_with, DECIMAL, 10),
        ("w26", "w34"),
    ),
    _bridge("wiegand_comma", "Wiegand bridge, facility and number with a comma a line", COMMA, _comma),
    _bridge(
        "wiegand_hex",
        "Wiegand bridge, hexadecimal digits a line",
        HEX,
        partial(_number, HEX, 16),
        partial(_number_with, HEX, 16),
        ("w26", "w34", "w37"),
    ),
    _bridge("wiegand_bits", "Wiegand bridge, bits as 0 and 1 a line", BITS, _bits),
    Driver(
        name="reader7941",
        title="7941D, 7941E reader module (Wiegand or UART), on its UART",
        media=("serial:reader7941",),
        modality="badge",
        decode=_decode_7941,
        framer=_cut_7941,
        settings=SerialSettings(9600),
        kinds=("badge",),
        checked="2026-11-26",
    ),
)
