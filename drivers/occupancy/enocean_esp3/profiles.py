"""What the bytes of a telegram mean, by EnOcean equipment profile (EEP).

Sources: EnOcean Equipment Profiles (EEP) 2.6.x, each profile under its own name, as the tables of open libraries quote
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from drivers.api import Measurement

T21, NU = 0x20, 0x10
"""Status of a rocker's telegram: of a two-rocker module; a button's (and not the energy bow's alone)."""


class Telegram(NamedTuple):
    """A radio telegram, of whatever profile."""

    rorg: int
    data: bytes
    """The sensor's bytes, DB_n first."""
    sender: bytes
    status: int


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


_WORTH = {"A5-07": "pir", "A5-08": "pir", "A5-14": "contact", "D5": "contact", "F6-10": "contact"}

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
    **{f"A5-10-{number:02X}": _temperature(0.0, 40.0) for number in range(0x01, 0x0E)},
    **{
        f"A5-10-{number:02X}": _four_bs(_TEMPERATURE_250._replace(when=None), _HUMIDITY) for number in range(0x10, 0x15)
    },
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

MODALITIES: Mapping[str, str] = {
    name: next((word for start, word in _WORTH.items() if name.startswith(start)), "environment") for name in PROFILES
}
"""What the rules make of a sensor of each profile."""
