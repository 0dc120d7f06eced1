"""Browan TABS and MerryIoT LoRaWAN sensors: motion, door, climate, light, sound, button, leak, CO2.

Each model has its own port, and the port says what the bytes are. Common to TABS:

    status | battery, low four bits v: (25 + v) / 10 V | temperature of the board, low seven bits - 32 Cel | ...

The board's temperature is not the room's and is not reported. A message of zeros only is what a device sends before
it has measured: it says nothing. MerryIoT (CD10, MS10): (21 + v) / 10 V, little-endian numbers.
Sources: Browan reference manuals TBMS100 (BQW_02_0006.002), TBHV110, TBSL100 (BQW_02_0011.001) and MerryIoT MS10
(BQW_02_0033), CD10, section 4.1.2 (payload) and 3.2 (intervals), as public copies show them; TBDW100, TBHH100, TBAM100,
TBWL100 and TBPB100: Browan's entries in TheThingsNetwork/lorawan-devices. Read 2026-11-26.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from drivers.api import DecodeError, Driver, Frame, Measurement, Truncated, Unsupported

MINUTE, HOUR = 60.0, 3600.0


class _Message(NamedTuple):
    """What a model sends."""

    port: int
    least: int
    """Bytes that are read; some models send reserved ones behind them."""
    most: int
    read: Callable[[bytes], list[Measurement]]
    volts: int = 25
    """Tenths of a volt that are added to the battery's four bits."""


def _decode(message: _Message, frame: Frame) -> list[Measurement]:
    data = frame.payload
    if frame.port != message.port:
        raise Unsupported(f"port {frame.port}, not {message.port}")
    if len(data) < message.least:
        raise Truncated(f"{len(data)} of {message.least} bytes")
    if len(data) > message.most:
        raise DecodeError(f"{len(data)} bytes, at most {message.most}")
    if not any(data):
        return []
    return [*message.read(data), Measurement("voltage", (message.volts + (data[1] & 0x0F)) / 10, "V")]


def _occupied(data: bytes) -> list[Measurement]:
    return [Measurement("occupied", bool(data[0] & 1))]


def _opening(data: bytes) -> list[Measurement]:
    return [Measurement("opening", bool(data[0] & 1))]


def _sound(data: bytes) -> list[Measurement]:
    return [Measurement("sound", data[3], "dB")]


def _light(data: bytes) -> list[Measurement]:
    """In 0.01 lx."""
    return [Measurement("illuminance", int.from_bytes(data[3:6], "little") / 100, "lx")]


def _pressed(data: bytes) -> list[Measurement]:
    """Without the bit it only says that it is there."""
    return [Measurement("button", "press")] if data[0] & 1 else []


def _humidity(raw: int) -> list[Measurement]:
    return [Measurement("humidity", raw, "%RH")] if raw <= 100 else []


def _temperature(raw: int) -> Measurement:
    return Measurement("temperature", (raw & 0x7F) - 32, "Cel")


def _climate(data: bytes) -> list[Measurement]:
    """The TBHH100 has no other thermometer than the one at byte 2, and it is the room's."""
    return [_temperature(data[2]), *_humidity(data[3] & 0x7F)]


def _air(data: bytes) -> list[Measurement]:
    """The index of air quality is measured. eCO2 is guessed from it, so it is no co2."""
    index = int.from_bytes(data[8:10], "little")
    return [_temperature(data[10]), *_humidity(data[3] & 0x7F), Measurement("tvoc", index)]


def _leak(data: bytes) -> list[Measurement]:
    return [Measurement("moisture_detected", bool(data[0] & 1)), _temperature(data[4]), *_humidity(data[3])]


def _co2(data: bytes) -> list[Measurement]:
    """Its first message after joining has CO2 0: not measured yet (manual, section 3.1)."""
    co2 = int.from_bytes(data[5:7], "little")
    return [
        Measurement("temperature", int.from_bytes(data[2:4], "little", signed=True) / 10, "Cel"),
        *_humidity(data[4]),
        *([Measurement("co2", co2, "ppm")] if co2 else []),
        *([Measurement("button", "press")] if data[0] & 2 else []),
    ]


def _motion_and_tamper(data: bytes) -> list[Measurement]:
    return [
        *_occupied(data),
        Measurement("tamper", bool(data[0] & 4)),
        *([Measurement("button", "press")] if data[0] & 2 else []),
    ]


def _driver(
    models: str, title: str, message: _Message, modality: str, kinds: str, expect_s: float | None = HOUR
) -> Driver:
    names = models.split()
    return Driver(
        name=f"browan_{names[0]}",
        title=f"Browan {title} (LoRaWAN)",
        media=tuple(f"lorawan:browan:{name}" for name in names),
        modality=modality,
        decode=partial(_decode, message),
        kinds=(*kinds.split(), "voltage"),
        checked="2026-11-26",
        expect_s=expect_s,
    )


# TBMS100: every 10 minutes while occupied, every 60 minutes while free; the others every 60 minutes; TBDW100 and
# TBPB100 once a day.
DRIVERS = (
    _driver("tbms100 motionsensor", "TBMS100, motion", _Message(102, 8, 8, _occupied), "seat", "occupied"),
    _driver(
        "tbdw100 doorwindowsensor",
        "TBDW100, door contact",
        _Message(100, 8, 8, _opening),
        "contact",
        "opening",
        24 * HOUR,
    ),
    _driver(
        "tbhh100 temperaturehumiditysensor",
        "TBHH100, climate",
        _Message(103, 4, 8, _climate),
        "environment",
        "temperature humidity",
    ),
    _driver("tbhv110", "TBHV110, room air", _Message(103, 11, 11, _air), "environment", "temperature humidity tvoc"),
    _driver("tbam100 ambientlightsensor", "TBAM100, light", _Message(104, 6, 8, _light), "environment", "illuminance"),
    _driver("tbsl100 soundlevelsensor", "TBSL100, sound level", _Message(105, 4, 8, _sound), "environment", "sound"),
    _driver(
        "tbwl100 waterleaksensor",
        "TBWL100, leak and climate",
        _Message(106, 5, 8, _leak),
        "environment",
        "moisture_detected temperature humidity",
    ),
    _driver("tbpb100", "TBPB100, button", _Message(147, 3, 8, _pressed), "contact", "button", 24 * HOUR),
    _driver(
        "cd10",
        "MerryIoT CD10, room air",
        _Message(127, 7, 7, _co2, 21),
        "environment",
        "temperature humidity co2 button",
    ),
    _driver(
        "ms10", "MerryIoT MS10, motion", _Message(122, 9, 9, _motion_and_tamper, 21), "seat", "occupied tamper button"
    ),
)
