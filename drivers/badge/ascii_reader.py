"""125 kHz readers that write a card's number on a serial line in ASCII: RDM6300, ID-12LA and ID-20LA.

A frame is 02, ten hex digits (version byte and 32-bit number of an EM4100 card), two of checksum (exclusive or of the
five bytes), and an end. The RDM6300 ends with 03 and repeats the frame about every 65 ms while a card is held; the
ID-12LA ends with CR, LF, 03 and writes once a tap. Sources: RDM6300 (RDM630) data sheet, output data format; ID
Innovations, ID-2/12/20 LA series data sheet X1 (2013-04-11), section 4, page 4.
"""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

from drivers.api import BadChecksum, Cut, DecodeError, Driver, Frame, Measurement, SerialSettings, Truncated


class _Form(NamedTuple):
    """How one reader writes."""

    size: int
    """Bytes of a frame."""
    frame: re.Pattern[bytes]
    begun: re.Pattern[bytes]
    """A frame of which the end has not come yet."""
    broken: re.Pattern[bytes]
    """A frame that broke off."""


def _form(end: bytes) -> _Form:
    """Of the reader that ends its frames with `end`."""
    part = b""  # what there may be of the end before its last byte
    for byte in reversed(end[:-1]):
        part = b"(?:" + re.escape(bytes((byte,))) + part + b")?"
    started = rb"\x02(?:[0-9A-Fa-f]{12}" + part + rb"|[0-9A-Fa-f]{0,11})"
    return _Form(
        13 + len(end),
        re.compile(rb"\x02([0-9A-Fa-f]{10})([0-9A-Fa-f]{2})" + re.escape(end)),
        re.compile(started + rb"\Z"),
        re.compile(started),
    )


def _decode(form: _Form, frame: Frame) -> list[Measurement]:
    """One card number, `em4100:0F0368568B`."""
    if len(frame.payload) < form.size:
        raise Truncated(f"{len(frame.payload)} of {form.size} bytes")
    found = form.frame.fullmatch(frame.payload)
    if found is None:
        raise DecodeError("not 02, twelve hexadecimal digits and this reader's end")
    number = bytes.fromhex(found[1].decode())
    computed = number[0] ^ number[1] ^ number[2] ^ number[3] ^ number[4]
    if computed != int(found[2], 16):
        raise BadChecksum(f"checksum {int(found[2], 16):02X}, computed {computed:02X}")
    return [Measurement("badge", f"em4100:{number.hex().upper()}")]


def _cut(form: _Form, state: bytes, data: bytes) -> Cut:
    """Cut whole frames and keep one that has begun at the end; 02 stands nowhere else, so none can hide another."""
    buffer = state + data
    frames: list[bytes] = []
    dropped: dict[str, int] = {}
    end = 0
    for found in form.frame.finditer(buffer):
        _drop(form, dropped, buffer[end : found.start()])
        frames.append(found[0])
        end = found.end()
    begun = form.begun.search(buffer, end)
    rest = begun[0] if begun else b""
    _drop(form, dropped, buffer[end : len(buffer) - len(rest)])
    return Cut(rest, frames, dropped)


def _drop(form: _Form, dropped: dict[str, int], lost: bytes) -> None:
    """Count what lies between frames: frames that broke off, and what began none."""
    unfinished = sum(len(found[0]) for found in form.broken.finditer(lost))
    for cause, size in (("unfinished", unfinished), ("garbage", len(lost) - unfinished)):
        if size:
            dropped[cause] = dropped.get(cause, 0) + size


def _driver(name: str, title: str, end: bytes) -> Driver:
    form = _form(end)
    return Driver(
        name=name,
        title=title,
        media=(f"serial:{name}",),
        modality="badge",
        decode=partial(_decode, form),
        framer=partial(_cut, form),
        settings=SerialSettings(9600),
        kinds=("badge",),
        checked="2026-11-26",
    )


DRIVERS = (
    _driver("rdm6300", "RDM6300 (RDM630), 125 kHz badge reader", b"\x03"),
    _driver("id12la", "ID Innovations ID-12LA, ID-20LA, 125 kHz badge reader", b"\r\n\x03"),
)
