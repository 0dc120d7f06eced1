"""Elsys (ELSYS) LoRaWAN sensors: ERS, EMS and ELT series. FRMPayload, any port.

    type byte | value, big-endian | offset        again and again

The low six bits of the type byte say what the value is and how long. The high two bits say how many bytes of offset
follow: none, 1, 2 or 4, the seconds since it was measured. A value with an offset tells of the past and is skipped.
Type 3E (settings, sent after power-up on the next port) reaches to the end of the message and says nothing here.
An unknown type has an unknown length: the reading ends and keeps what it has; Unsupported where it has nothing.

Occupancy (type 11; ERS Eye, ERS Desk, EMS Desk): 0 unoccupied, 1 pending (somebody comes or goes: the heat sensor does
not see yet, or not any more, what moves), 2 occupied. Pending is neither and makes no measurement, so that nobody is
called absent who just sat down, nor present who just left. What moved is in type 05.

The reed switch of an EMS Door or EMS is digital input 1 (type 0D): 1 is closed, for the magnet closes the switch.

Sources: Elsys, Sensor payload (Sensor_payload.pdf), section 1.2 (sensor data) and 1.2.1 (NOB, STYPE), as Elsys's entry
in TheThingsNetwork/lorawan-devices and open parsers quote it; occupancy and reed switch: operating manuals of ERS Desk,
EMS Desk and EMS, as integrators' device descriptions quote them. Read 2026-11-26.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from drivers.api import Driver, Frame, Measurement, Truncated, Unsupported

SETTINGS = 0x3E
_OFFSETS = (0, 1, 2, 4)


class _Type(NamedTuple):
    """One type of value."""

    size: int
    read: Callable[[bytes], list[Measurement]]


def decode(door: bool, frame: Frame) -> list[Measurement]:
    """What was measured now; `door`: digital input 1 is a reed switch."""
    data = frame.payload
    if not data:
        raise Truncated("empty")
    made: list[Measurement] = []
    at = 0
    while at < len(data):
        offset, kind = _OFFSETS[data[at] >> 6], data[at] & 0x3F
        if kind == SETTINGS:
            break
        known = _TYPES.get(kind)
        if known is None:
            if made:
                break
            raise Unsupported(f"type {data[at]:02x}")
        end = at + 1 + known.size
        if len(data) < end + offset:
            raise Truncated(f"type {data[at]:02x}: {len(data) - at - 1} of {known.size + offset} bytes")
        if offset == 0:
            value = data[at + 1 : end]
            made += _reed(value) if door and kind == 0x0D else known.read(value)
        at = end + offset
    return made


def _reed(value: bytes) -> list[Measurement]:
    return [Measurement("opening", value[0] == 0)] if value[0] in (0, 1) else []


def _nothing(_value: bytes) -> list[Measurement]:
    return []


def _skip(size: int) -> _Type:
    return _Type(size, _nothing)


def _number(
    kind: str, size: int, unit: str, scale: int = 1, channel: str | None = None, *, signed: bool = False
) -> _Type:
    def read(value: bytes) -> list[Measurement]:
        raw = int.from_bytes(value, "big", signed=signed)
        return [Measurement(kind, raw / scale if scale > 1 else raw, unit, channel)]

    return _Type(size, read)


def _humidity(value: bytes) -> list[Measurement]:
    return [Measurement("humidity", value[0], "%RH")] if value[0] <= 100 else []


def _counted(kind: str) -> _Type:
    """How often since the last message."""
    return _Type(1, lambda value: [Measurement(kind, value[0] > 0)])


def _occupancy(value: bytes) -> list[Measurement]:
    return [Measurement("occupied", value[0] == 2)] if value[0] in (0, 2) else []


def _sound(value: bytes) -> list[Measurement]:
    return [Measurement("sound", value[1], "dB"), Measurement("sound", value[0], "dB", "max")]


_TYPES = {
    0x01: _number("temperature", 2, "Cel", 10, signed=True),
    0x02: _Type(1, _humidity),
    0x03: _skip(3),  # acceleration: which way up
    0x04: _number("illuminance", 2, "lx"),
    0x05: _counted("motion"),
    0x06: _number("co2", 2, "ppm"),
    0x07: _number("voltage", 2, "V", 1000),
    0x08: _skip(2),  # analogue input
    0x09: _skip(6),  # position
    0x0A: _skip(2),  # pulses
    0x0B: _skip(4),
    0x0C: _number("temperature", 2, "Cel", 10, "external_1", signed=True),
    0x0D: _skip(1),  # digital input: means what it is wired to
    0x0E: _number("distance", 2, "m", 1000),
    0x0F: _counted("moving"),
    0x10: _skip(4),  # infrared temperatures
    0x11: _Type(1, _occupancy),
    0x12: _skip(1),  # water: a level, or events and a state, by firmware
    0x13: _skip(65),  # infrared picture
    0x14: _number("pressure", 4, "hPa", 1000),
    0x15: _Type(2, _sound),
    0x16: _skip(2),
    0x17: _skip(4),
    0x18: _skip(2),
    0x19: _number("temperature", 2, "Cel", 10, "external_2", signed=True),
    0x1A: _skip(1),
    0x1B: _skip(4),
    0x1C: _number("tvoc", 2, "ppb"),
    0x3D: _skip(4),  # debug
}
_KINDS = (
    *("occupied", "motion", "moving", "distance", "temperature", "humidity", "illuminance"),
    *("co2", "pressure", "sound", "tvoc", "voltage"),
)


def _driver(name: str, models: str, title: str, modality: str, *, door: bool = False) -> Driver:
    spelt = [spelling for model in models.split() for spelling in dict.fromkeys((model.replace("-", "_"), model))]
    return Driver(
        name=f"elsys_{name}",
        title=f"Elsys {title} (LoRaWAN)",
        media=tuple(f"lorawan:elsys:{model}" for model in spelt),
        modality=modality,
        decode=partial(decode, door),
        kinds=(*(["opening"] if door else []), *_KINDS),
        checked="2026-11-26",
        expect_s=600.0,  # operating manuals: base period 10 minutes
    )


DRIVERS = (
    _driver("ers", "ers ers-co2 ers-voc ers-sound ers2", "ERS, ERS CO2, ERS VOC, ERS Sound, room sensor", "pir"),
    _driver("ers_eye", "ers-eye ers-desk", "ERS Eye, ERS Desk, occupancy", "seat"),
    _driver("ems_desk", "ems-desk", "EMS Desk, desk occupancy", "seat"),
    _driver("ems_door", "ems-door ems", "EMS Door, EMS, door contact", "contact", door=True),
    _driver(
        "ers_lite",
        "ers-lite ers-co2-lite ers2-lite ems-lite elt-2 elt-lite elt-ultrasonic",
        "ERS Lite, ERS CO2 Lite, EMS Lite, ELT-2, ELT Lite, ELT Ultrasonic",
        "environment",
    ),
)
