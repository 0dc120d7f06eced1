"""RDM6300, a 125 kHz reader on a serial line: EM4100 card numbers.

A frame is 14 bytes: 02, ten ASCII hex digits (version byte and 32-bit number), two of checksum (exclusive or of the
five bytes), 03. While a card is held the reader repeats its frame about every 65 ms. Source: RDM6300 data sheet.
"""

from __future__ import annotations

from drivers.api import BadChecksum, Cut, DecodeError, Driver, Frame, Measurement, SerialSettings, Truncated

STX, ETX = 0x02, 0x03
SIZE = 14
_HEX = frozenset(b"0123456789ABCDEFabcdef")


def decode(frame: Frame) -> list[Measurement]:
    """One card number, `em4100:0F0368568B`."""
    data = frame.payload
    if len(data) < SIZE:
        raise Truncated(f"{len(data)} of {SIZE} bytes")
    if len(data) > SIZE or data[0] != STX or data[-1] != ETX:
        raise DecodeError("not framed by 02 and 03")
    if not _HEX.issuperset(data[1:13]):
        raise DecodeError("not hexadecimal digits")
    number, checksum = bytes.fromhex(data[1:11].decode()), int(data[11:13], 16)
    computed = 0
    for byte in number:
        computed ^= byte
    if computed != checksum:
        raise BadChecksum(f"checksum {checksum:02X}, computed {computed:02X}")
    return [Measurement("badge", f"em4100:{number.hex().upper()}")]


def framer(state: bytes, data: bytes) -> Cut:
    """Cut at 02 ... 03; whatever cannot be part of a frame is dropped, and the next good frame is found."""
    buffer = state + data
    frames: list[bytes] = []
    garbage = 0
    at = 0
    while True:
        start = buffer.find(STX, at)
        if start < 0:
            garbage += len(buffer) - at
            return Cut(b"", frames, {"garbage": garbage} if garbage else {})
        garbage += start - at
        body = buffer[start + 1 : start + SIZE - 1]
        digits = next((n for n, byte in enumerate(body) if byte not in _HEX), len(body))
        if digits < SIZE - 2 and digits < len(body):  # something else stands where a digit should
            garbage += digits + 1
            at = start + 1 + digits
            continue
        if len(buffer) - start < SIZE:
            return Cut(buffer[start:], frames, {"garbage": garbage} if garbage else {})
        if buffer[start + SIZE - 1] != ETX:
            garbage += SIZE - 1
            at = start + SIZE - 1
            continue
        frames.append(buffer[start : start + SIZE])
        at = start + SIZE


DRIVER = Driver(
    name="rdm6300",
    media=("serial:rdm6300",),
    modality="badge",
    decode=decode,
    framer=framer,
    settings=SerialSettings(9600),
)
