"""EnOcean radio through a USB 300, TCM 310 or another ESP3 gateway: PIRs, contacts, rockers, room sensors.

An ESP3 packet, 57600 baud:

    55 | data length, 2 bytes | optional length | type | CRC8 of these four | data | optional data | CRC8 of both

A radio telegram (type 1, RADIO_ERP1) has as data: RORG, the sensor's bytes, the sender's id (4 bytes), status. What the
bytes mean is the sensor's equipment profile (EEP), which no telegram says: without it there is `sender` and `rorg`.
A teach-in telegram (the LRN bit of 1BS and 4BS is 0; UTE) carries no data and never gives more than these two.
Optional data (subtelegrams, destination, dBm, security level) is not read.
Source: EnOcean Serial Protocol 3 (ESP3) V1.27, chapters on the packet, on RADIO_ERP1 and on CRC8.
"""

from __future__ import annotations

import re

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
from drivers.occupancy.enocean_esp3.profiles import MODALITIES, PROFILES, Telegram

SYNC = 0x55
HEAD = 6
"""Bytes of a packet before its data."""
LONGEST = 256
"""Bytes of a packet that the framer waits for; a radio telegram has at most 35, longer ones are remote management."""
RADIO_ERP1 = 0x01
HIGHEST_SECURITY = 4
"""Of the optional data: decrypted and authenticated."""
SILENT_TYPES = frozenset((0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0B, 0x0C, 0x11))
"""Valid packets that measure nothing: responses, copies of telegrams, events, commands, remote management."""
RPS, ONE_BS, FOUR_BS, VLD = 0xF6, 0xD5, 0xA5, 0xD2
_SENSOR_BYTES = {RPS: 1, ONE_BS: 1, FOUR_BS: 4}
LEARN = 0x08
"""The LRN bit of the last data byte: 0 in a teach-in telegram."""


def _crc8_table() -> bytes:
    """x^8 + x^2 + x + 1, as ESP3 2.3 has it."""
    made = bytearray()
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value << 1) ^ 0x07 if value & 0x80 else value << 1
            value &= 0xFF
        made.append(value)
    return bytes(made)


_CRC8 = _crc8_table()


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def decode(frame: Frame) -> list[Measurement]:
    """`sender` and `rorg` of a radio telegram; nothing for other valid packets."""
    telegram = _telegram(frame.payload)
    return [] if telegram is None else _identity(telegram)


def decode_with(frame: Frame, context: Context) -> Decoded:
    """And what the equipment profile says, unless it is a teach-in telegram or one of another profile."""
    telegram = _telegram(frame.payload)
    if telegram is None:
        return Decoded([])
    read = PROFILES.get(context.profile)
    made = _identity(telegram)
    if read is not None and context.profile.startswith(f"{telegram.rorg:02X}-") and not _teaches(telegram):
        made += read(telegram)
    return Decoded(made)


def sender_of(payload: bytes) -> str:
    """The id that a source puts into `Frame.address`, `0512ABCD`; empty for what is no telegram. Raises DecodeError."""
    telegram = _telegram(payload)
    return "" if telegram is None else telegram.sender.hex().upper()


def _identity(telegram: Telegram) -> list[Measurement]:
    return [Measurement("sender", telegram.sender.hex().upper()), Measurement("rorg", f"{telegram.rorg:02X}")]


def _teaches(telegram: Telegram) -> bool:
    return telegram.rorg in (ONE_BS, FOUR_BS) and not telegram.data[-1] & LEARN


def _telegram(packet: bytes) -> Telegram | None:
    """None for a packet that is none."""
    if len(packet) < HEAD:
        raise Truncated(f"{len(packet)} bytes")
    if packet[0] != SYNC:
        raise DecodeError("does not begin with 55")
    if _crc8(packet[1:5]) != packet[5]:
        raise BadChecksum(f"header checksum {packet[5]:02X}, computed {_crc8(packet[1:5]):02X}")
    length, size = int.from_bytes(packet[1:3], "big"), _size(packet)
    if len(packet) < size:
        raise Truncated(f"{len(packet)} of {size} bytes")
    if len(packet) > size:
        raise DecodeError("longer than it says")
    if not length:
        raise Unsupported("a packet without data")
    if _crc8(packet[HEAD:-1]) != packet[-1]:
        raise BadChecksum(f"data checksum {packet[-1]:02X}, computed {_crc8(packet[HEAD:-1]):02X}")
    if packet[4] in SILENT_TYPES:
        return None
    if packet[4] != RADIO_ERP1:
        raise Unsupported(f"packet type {packet[4]:02X}")
    data = packet[HEAD : HEAD + length]
    wanted = _SENSOR_BYTES.get(data[0])
    if length < 6 or (wanted is not None and length < 6 + wanted):
        raise Truncated(f"{length} bytes of a radio telegram {data[0]:02X}")
    if wanted is not None and length > 6 + wanted:
        raise DecodeError(f"{length} bytes are too many for a radio telegram {data[0]:02X}")
    return Telegram(data[0], data[1:-5], data[-5:-1], data[-1])


def _size(head: bytes) -> int:
    """Of the packet that begins with these six bytes."""
    return HEAD + int.from_bytes(head[1:3], "big") + head[3] + 1


# --- cutting the byte stream ---

_HEAD = re.compile(rb"(?=\x55(.{5}))", re.DOTALL)
_HEAD_BEGUN = re.compile(rb"\x55.{0,4}\Z", re.DOTALL)


def _heads(buffer: bytes) -> list[int]:
    """Where a packet's first six bytes stand, their checksum being right. Noise has them once in millions of bytes."""
    return [
        found.start()
        for found in _HEAD.finditer(buffer)
        if _crc8(found[1][:4]) == found[1][4] and found[1][:2] != b"\x00\x00"
    ]


def _regular(packet: bytes) -> bool:
    """A telegram to everybody, as nearly all are, with the optional data of ESP3: its end is surely its own."""
    return packet[3:5] == b"\x07\x01" and packet[-7:-3] == b"\xff\xff\xff\xff" and packet[-2] <= HIGHEST_SECURITY


def framer(state: bytes, data: bytes) -> Cut:
    """Cut packets whose checksums hold. One reaches at most to the next head, so a broken one never hides a good one.

    A head is known when its six bytes are there. Where the last five bytes of a packet may begin one, a regular packet
    is handed on at once; any other waits until that is known, for it may be a broken one that is right by chance with
    the start of the next. (A regular one that lost its last byte or three is so once in 256 times: nobody can tell.)
    """
    buffer = state + data
    heads = _heads(buffer)
    frames: list[bytes] = []
    dropped: dict[str, int] = {}
    at = 0
    for start, following in zip(heads, (*heads[1:], None), strict=False):
        if start < at:  # it began in the end of a regular packet
            continue
        _drop(dropped, "garbage", start - at)
        size = _size(buffer[start : start + HEAD])
        end = start + size
        packet = buffer[start:end]
        near = len(buffer) - _begun(buffer[start + 1 :]) if following is None else following
        if size > LONGEST:
            cause = "oversize"
        elif following is not None and following + HEAD <= end:
            cause = "unfinished"
        elif len(packet) < size:
            return Cut(buffer[start:], frames, dropped)  # the rest of it may come
        elif _crc8(packet[HEAD:-1]) != packet[-1]:
            cause = "BadChecksum"
        elif near >= end or _regular(packet):
            frames.append(packet)
            at = end
            continue
        elif following is None:
            return Cut(buffer[start:], frames, dropped)
        else:
            cause = "unfinished"
        _drop(dropped, cause, min(near, end) - start)
        _drop(dropped, "garbage", max(0, near - end))
        at = near
    rest = _begun(buffer[at:])
    _drop(dropped, "garbage", len(buffer) - at - rest)
    return Cut(buffer[len(buffer) - rest :], frames, dropped)


def _drop(dropped: dict[str, int], cause: str, size: int) -> None:
    if size:
        dropped[cause] = dropped.get(cause, 0) + size


def _begun(buffer: bytes) -> int:
    """How many bytes at the end may be the start of a head."""
    found = _HEAD_BEGUN.search(buffer, max(0, len(buffer) - HEAD + 1))
    return len(found[0]) if found else 0


DRIVER = Driver(
    name="enocean_esp3",
    title="EnOcean sensors and switches, through an ESP3 gateway (USB 300, TCM 310)",
    media=("serial:enocean_esp3",),
    modality="environment",
    decode=decode,
    decode_with=decode_with,
    profiles=tuple(PROFILES),
    profile_modality=MODALITIES,
    sender=sender_of,
    framer=framer,
    settings=SerialSettings(57_600),
    kinds=(
        "sender",
        "rorg",
        "motion",
        "opening",
        "vibration",
        "button",
        "voltage",
        "illuminance",
        "temperature",
        "humidity",
        "co2",
    ),
    checked="2026-11-26",
)
"""`expect_s` stays None: rockers and contacts are silent by design, and PIRs differ; office.yaml says it by device."""
