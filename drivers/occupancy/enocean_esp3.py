"""EnOcean radio through a USB 300, TCM 310 or another ESP3 gateway: PIRs, contacts, rockers, room sensors.

An ESP3 packet, 57600 baud:

    55 | data length, 2 bytes | optional length | type | CRC8 of these four | data | optional data | CRC8 of both

A radio telegram (type 1, RADIO_ERP1) has as data: RORG, the sensor's bytes, the sender's id (4 bytes), status. What the
bytes mean is the sensor's equipment profile (EEP), which no telegram says: without it there is `sender` and `rorg`.
A teach-in telegram (the LRN bit of 1BS and 4BS is 0; UTE) carries no data and never gives more than these two.
Optional data (subtelegrams, destination, dBm, security level) is not read.
Sources: EnOcean Serial Protocol 3 (ESP3) V1.27, chapters on the packet, on RADIO_ERP1 and on CRC8; EnOcean Equipment
Profiles (EEP) 2.6.x, each profile under its own name, as the tables of open libraries quote them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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
T21, NU = 0x20, 0x10
"""Status of a rocker's telegram: of a two-rocker module; a button's (and not the energy bow's alone)."""


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


class Telegram(NamedTuple):
    """A radio telegram, of whatever profile."""

    rorg: int
    data: bytes
    """The sensor's bytes, DB_n first."""
    sender: bytes
    status: int


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


# --- equipment profiles ---

_Read = Callable[[Telegram], list[Measurement]]


class _Field(NamedTuple):
    """A linear value of a 4BS telegram: raw `first`..`last` is `low`..`high`; anything else is an error code."""

    kind: str
    unit: str
    at: int
    """Bits from the start of DB_3."""
    bits: int
    first: int
    last: int
    low: float
    high: float
    when: tuple[int, int] | None = None
    """(bit of DB_0, its value) that says that the sensor has this value."""


def _linear(fields: tuple[_Field, ...], telegram: Telegram) -> list[Measurement]:
    whole = int.from_bytes(telegram.data, "big")
    made = []
    for field in fields:
        raw = whole >> (32 - field.at - field.bits) & ((1 << field.bits) - 1)
        present = field.when is None or (whole >> field.when[0] & 1) == field.when[1]
        if present and min(field.first, field.last) <= raw <= max(field.first, field.last):
            value = field.low + (raw - field.first) / (field.last - field.first) * (field.high - field.low)
            made.append(Measurement(field.kind, round(value, 4), field.unit))
    return made


def _four_bs(*fields: _Field, **flags: tuple[int, int, int]) -> _Read:
    """A 4BS profile of linear values and of flags: kind -> (data byte, bit, the value of it that is true)."""

    def read(telegram: Telegram) -> list[Measurement]:
        bits = {
            kind: (telegram.data[3 - byte] >> bit & 1) == true_when for kind, (byte, bit, true_when) in flags.items()
        }
        made = [Measurement(kind, value) for kind, value in bits.items() if kind != "button"]
        if bits.get("button"):
            made.append(Measurement("button", "press", channel="occupancy"))
        return made + _linear(fields, telegram)

    return read


def _contact(telegram: Telegram) -> list[Measurement]:
    """D5-00-01: bit 0 is 1 when the contact is closed."""
    return [Measurement("opening", not telegram.data[0] & 0x01)]


def _push_button(telegram: Telegram) -> list[Measurement]:
    """F6-01-01."""
    return [Measurement("button", "press" if telegram.data[0] & 0x10 else "release")]


ROCKERS = ("ai", "ao", "bi", "bo")
"""The four buttons of two rockers, as the profile counts them."""


def _rockers(telegram: Telegram) -> list[Measurement]:
    """F6-02-01 and -02: one or two buttons; a release does not say which, and no more than a pair is told apart."""
    data = telegram.data[0]
    if not telegram.status & T21:  # an older module of four rockers codes its buttons otherwise
        return []
    word = "press" if data & 0x10 else "release"
    if not telegram.status & NU:
        return [Measurement("button", word)]
    numbers = [data >> 5, *([data >> 1 & 0x07] if data & 0x01 else [])]
    return [Measurement("button", word, channel=ROCKERS[number]) for number in numbers if number < len(ROCKERS)]


def _handle(telegram: Telegram) -> list[Measurement]:
    """F6-10-00: a handle that has come to point down has closed the window; level or up, it is open or tilted."""
    position = telegram.data[0] >> 4
    if position < 0xC:  # a button's telegram
        return []
    return [Measurement("opening", position != 0xF)]


def _temperature(low: float, high: float) -> _Read:
    """A5-02-01 to -1B: DB_1, falling."""
    return _four_bs(_Field("temperature", "Cel", 16, 8, 255, 0, low, high))


_VOLTS = _Field("voltage", "V", 0, 8, 0, 250, 0.0, 5.0)
"""DB_3; 251 to 255 are error codes."""
_VOLTS_255 = _VOLTS._replace(last=255, high=5.1)
_HUMIDITY = _Field("humidity", "%RH", 8, 8, 0, 250, 0.0, 100.0)
_TEMPERATURE_250 = _Field("temperature", "Cel", 16, 8, 0, 250, 0.0, 40.0, (1, 1))
_TEMPERATURE_255 = _Field("temperature", "Cel", 16, 8, 0, 255, 0.0, 51.0)
_LUX_10_BITS = _Field("illuminance", "lx", 8, 10, 0, 1000, 0.0, 1000.0)
"""DB_2 and two bits of DB_1; 1001 is over range, above that is reserved."""
_LUX_250 = _Field("illuminance", "lx", 8, 8, 0, 250, 0.0, 1000.0)


def _room(lux: float, low: float, high: float) -> _Read:
    """A5-08-01 to -03. PIR and button are 0 when on."""
    return _four_bs(
        _VOLTS_255,
        _Field("illuminance", "lx", 8, 8, 0, 255, 0.0, lux),
        _TEMPERATURE_255._replace(low=low, high=high),
        motion=(0, 1, 0),
        button=(0, 0, 0),
    )


def _light(first: tuple[float, float], second: tuple[float, float]) -> _Read:
    """A5-06-01, -02 and -05: bit 0 of DB_0 says which of two ranges the sensor means, DB_1 or DB_2."""
    return _four_bs(
        _VOLTS_255,
        _Field("illuminance", "lx", 16, 8, 0, 255, *first, (0, 0)),
        _Field("illuminance", "lx", 8, 8, 0, 255, *second, (0, 1)),
    )


PROFILES: Mapping[str, _Read] = {
    **{
        f"A5-02-{number:02X}": _temperature(low, low + 40)
        for number, low in zip(range(1, 12), range(-40, 61, 10), strict=True)
    },
    **{
        f"A5-02-{number:02X}": _temperature(low, low + 80)
        for number, low in zip(range(16, 28), range(-60, 51, 10), strict=True)
    },
    "A5-02-20": _four_bs(_Field("temperature", "Cel", 14, 10, 1023, 0, -10.0, 41.2)),
    "A5-02-30": _four_bs(_Field("temperature", "Cel", 14, 10, 1023, 0, -40.0, 62.3)),
    "A5-04-01": _four_bs(_TEMPERATURE_250, _HUMIDITY),
    "A5-04-02": _four_bs(_TEMPERATURE_250._replace(low=-20.0, high=60.0), _HUMIDITY),
    "A5-04-03": _four_bs(
        _Field("temperature", "Cel", 14, 10, 0, 1023, -20.0, 60.0),
        _Field("humidity", "%RH", 0, 8, 0, 255, 0.0, 100.0),
    ),
    "A5-06-01": _light((600.0, 60_000.0), (300.0, 30_000.0)),
    "A5-06-02": _light((0.0, 1020.0), (0.0, 510.0)),
    "A5-06-03": _four_bs(_VOLTS, _LUX_10_BITS),
    "A5-06-05": _light((0.0, 10_200.0), (0.0, 5100.0)),
    "A5-07-01": _four_bs(_VOLTS._replace(when=(0, 1)), motion=(1, 7, 1)),
    "A5-07-02": _four_bs(_VOLTS, motion=(0, 7, 1)),
    "A5-07-03": _four_bs(_VOLTS, _LUX_10_BITS, motion=(0, 7, 1)),
    "A5-08-01": _room(510.0, 0.0, 51.0),
    "A5-08-02": _room(1020.0, 0.0, 51.0),
    "A5-08-03": _room(1530.0, -30.0, 50.0),
    "A5-09-04": _four_bs(
        _Field("co2", "ppm", 8, 8, 0, 255, 0.0, 2550.0),
        _Field("humidity", "%RH", 0, 8, 0, 200, 0.0, 100.0, (2, 1)),
        _TEMPERATURE_255._replace(when=(1, 1)),
    ),
    "A5-14-01": _four_bs(_VOLTS, opening=(0, 0, 1)),
    "A5-14-02": _four_bs(_VOLTS, _LUX_250, opening=(0, 0, 1)),
    "A5-14-03": _four_bs(_VOLTS, opening=(0, 0, 1), vibration=(0, 1, 1)),
    "A5-14-04": _four_bs(_VOLTS, _LUX_250, opening=(0, 0, 1), vibration=(0, 1, 1)),
    "A5-14-05": _four_bs(_VOLTS, vibration=(0, 1, 1)),
    "A5-14-06": _four_bs(_VOLTS, _LUX_250, vibration=(0, 1, 1)),
    "D5-00-01": _contact,
    "F6-01-01": _push_button,
    "F6-02-01": _rockers,
    "F6-02-02": _rockers,
    "F6-10-00": _handle,
}


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
    modality="pir",
    decode=decode,
    decode_with=decode_with,
    profiles=tuple(PROFILES),
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
