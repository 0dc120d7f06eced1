"""ID-12LA and ID-20LA, 125 kHz readers on a serial line: EM4100 card numbers, once a tap.

A frame is 16 bytes: 02, ten ASCII hex digits, two of checksum (exclusive or of the five bytes), CR, LF, 03.
Source: ID Innovations, ID-2LA/12LA/20LA data sheet, output data structure ASCII.
"""

from __future__ import annotations

from drivers.api import BadChecksum, Cut, DecodeError, Driver, Frame, Measurement, SerialSettings, Truncated

START, END = b"\x02", b"\r\n\x03"
DIGITS = 12
SIZE = len(START) + DIGITS + len(END)
_HEX = frozenset(b"0123456789ABCDEFabcdef")


def decode(frame: Frame) -> list[Measurement]:
    """One card number, `em4100:0F0368568B`."""
    data = frame.payload
    if len(data) < SIZE:
        raise Truncated(f"{len(data)} of {SIZE} bytes")
    digits = data[1 : 1 + DIGITS]
    if len(data) > SIZE or not data.startswith(START) or not data.endswith(END):
        raise DecodeError("not framed by 02 and 0D 0A 03")
    if not _HEX.issuperset(digits):
        raise DecodeError("not hexadecimal digits")
    *number, checksum = bytes.fromhex(digits.decode())
    computed = number[0] ^ number[1] ^ number[2] ^ number[3] ^ number[4]
    if computed != checksum:
        raise BadChecksum(f"checksum {checksum:02X}, computed {computed:02X}")
    return [Measurement("badge", f"em4100:{bytes(number).hex().upper()}")]


def framer(state: bytes, data: bytes) -> Cut:
    """Cut from each 02; a candidate that breaks the form is dropped up to where it breaks."""
    rest = state + data
    frames: list[bytes] = []
    dropped = 0
    while rest:
        if not rest.startswith(START):
            skip = rest.find(START)
            skip = len(rest) if skip < 0 else skip
        elif (skip := _break(rest)) == SIZE:
            frames.append(rest[:SIZE])
            rest = rest[SIZE:]
            continue
        elif skip < 0:
            break
        dropped += skip
        rest = rest[skip:]
    return Cut(rest, frames, {"garbage": dropped} if dropped else {})


def _break(candidate: bytes) -> int:
    """Where a candidate stops being a frame; SIZE for a whole frame; -1 when it is good so far but short."""
    for at, byte in enumerate(candidate[1:SIZE], start=1):
        fits = byte in _HEX if at <= DIGITS else byte == END[at - DIGITS - 1]
        if not fits:
            return at
    return SIZE if len(candidate) >= SIZE else -1


DRIVER = Driver(
    name="id12la",
    media=("serial:id12la",),
    modality="badge",
    decode=decode,
    framer=framer,
    settings=SerialSettings(9600),
)
