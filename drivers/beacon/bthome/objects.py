"""What the objects of BTHome mean, by id: kind, unit, length and scale. Version 1 shares them. Sources: adverts.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from drivers.api import DecodeError

LENGTH_FIRST = -1
"""Size of a value that says its length in its first byte."""

_BUTTONS = {
    0x01: "press",
    0x02: "double_press",
    0x03: "triple_press",
    0x04: "long_press",
    0x05: "long_double_press",
    0x06: "long_triple_press",
    0x80: "hold_press",
    0x81: "hold_release",
    0xFE: "hold_press",  # older Shelly firmware
}
"""0: this one of several buttons was not pressed."""
_DIMMERS = {0x01: "rotate_left", 0x02: "rotate_right"}


def _flag(value: bytes) -> bool:
    return any(value)


def _button(value: bytes) -> str | None:
    return _BUTTONS.get(value[0])


def _dimmer(value: bytes) -> list[str | int] | None:
    direction = _DIMMERS.get(value[0])
    return None if direction is None or len(value) < 2 else [direction, value[1]]


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("a text that is not UTF-8") from error


def _version(value: bytes) -> str:
    return ".".join(str(part) for part in reversed(value))


class Object(NamedTuple):
    """What stands behind an id: a number, scaled by `times` / `per`, unless `read` is there."""

    kind: str
    """Empty: passed over, it is no measurement."""
    unit: str = ""
    size: int = 1
    """Of its value in version 2."""
    signed: bool = False
    """In version 2."""
    times: int = 1
    per: int = 1
    read: Callable[[bytes], Any] | None = None
    """None of the result: nothing happened."""


_FLAGS = {
    0x0F: "generic_boolean",
    0x10: "power",
    0x11: "opening",
    0x15: "battery_low",
    0x16: "battery_charging",
    0x17: "carbon_monoxide",
    0x18: "cold",
    0x19: "connectivity",
    0x1A: "door",
    0x1B: "garage_door",
    0x1C: "gas_detected",
    0x1D: "heat",
    0x1E: "light",
    0x1F: "lock",
    0x20: "moisture_detected",
    0x21: "motion",
    0x22: "moving",
    0x23: "occupied",
    0x24: "plug",
    0x25: "presence",
    0x26: "problem",
    0x27: "running",
    0x28: "safety",
    0x29: "smoke",
    0x2A: "sound_detected",
    0x2B: "tamper",
    0x2C: "vibration",
    0x2D: "window",
}
TEXT, RAW = 0x53, 0x54
OBJECTS: Mapping[int, Object] = {
    0x00: Object("packet_counter"),
    0x01: Object("battery", "%"),
    0x02: Object("temperature", "Cel", 2, signed=True, per=100),
    0x03: Object("humidity", "%RH", 2, per=100),
    0x04: Object("pressure", "hPa", 3, per=100),
    0x05: Object("illuminance", "lx", 3, per=100),
    0x06: Object("mass", "kg", 2, per=100),
    0x07: Object("mass", "lb", 2, per=100),
    0x08: Object("dewpoint", "Cel", 2, signed=True, per=100),
    0x09: Object("count"),
    0x0A: Object("energy", "kWh", 3, per=1000),
    0x0B: Object("power", "W", 3, per=100),
    0x0C: Object("voltage", "V", 2, per=1000),
    0x0D: Object("pm2_5", "ug/m3", 2),
    0x0E: Object("pm10", "ug/m3", 2),
    **{number: Object(kind, read=_flag) for number, kind in _FLAGS.items()},
    0x12: Object("co2", "ppm", 2),
    0x13: Object("tvoc", "ug/m3", 2),
    0x14: Object("moisture", "%", 2, per=100),
    0x2E: Object("humidity", "%RH"),
    0x2F: Object("moisture", "%"),
    0x3A: Object("button", read=_button),
    0x3B: Object("", size=LENGTH_FIRST),  # command to another device: length of arguments (bits 0 to 4), opcode
    0x3C: Object("dimmer", size=2, read=_dimmer),
    0x3D: Object("count", size=2),
    0x3E: Object("count", size=4),
    0x3F: Object("rotation", "deg", 2, signed=True, per=10),
    0x40: Object("distance", "m", 2, per=1000),
    0x41: Object("distance", "m", 2, per=10),
    0x42: Object("duration", "s", 3, per=1000),
    0x43: Object("current", "A", 2, per=1000),
    0x44: Object("speed", "m/s", 2, per=100),
    0x45: Object("temperature", "Cel", 2, signed=True, per=10),
    0x46: Object("uv_index", per=10),
    0x47: Object("volume", "L", 2, per=10),
    0x48: Object("volume", "mL", 2),
    0x49: Object("volume_flow_rate", "m3/h", 2, per=1000),
    0x4A: Object("voltage", "V", 2, per=10),
    0x4B: Object("gas", "m3", 3, per=1000),
    0x4C: Object("gas", "m3", 4, per=1000),
    0x4D: Object("energy", "kWh", 4, per=1000),
    0x4E: Object("volume", "L", 4, per=1000),
    0x4F: Object("water", "L", 4, per=1000),
    0x50: Object("timestamp", "s", 4),
    0x51: Object("acceleration", "m/s2", 2, per=1000),
    0x52: Object("gyroscope", "deg/s", 2, per=1000),
    TEXT: Object("text", size=LENGTH_FIRST, read=_text),
    RAW: Object("raw", size=LENGTH_FIRST, read=bytes.hex),
    0x55: Object("volume_storage", "L", 4, per=1000),
    0x56: Object("conductivity", "uS/cm", 2),
    0x57: Object("temperature", "Cel", signed=True),
    0x58: Object("temperature", "Cel", signed=True, times=35, per=100),
    0x59: Object("count", signed=True),
    0x5A: Object("count", size=2, signed=True),
    0x5B: Object("count", size=4, signed=True),
    0x5C: Object("power", "W", 4, signed=True, per=100),
    0x5D: Object("current", "A", 2, signed=True, per=1000),
    0x5E: Object("direction", "deg", 2, per=100),
    0x5F: Object("precipitation", "mm", 2, per=10),
    0x60: Object("channel"),
    0x61: Object("rotational_speed", "rpm", 2),
    0x62: Object("speed", "m/s", 4, signed=True, per=1_000_000),
    0x63: Object("acceleration", "m/s2", 4, signed=True, per=1_000_000),
    0x64: Object("light_level"),
    0x65: Object("settings_revision"),
    0xF0: Object("device_type_id", size=2),
    0xF1: Object("firmware_version", size=4, read=_version),
    0xF2: Object("firmware_version", size=3, read=_version),
}

KINDS = tuple(dict.fromkeys(known.kind for _, known in sorted(OBJECTS.items()) if known.kind))
