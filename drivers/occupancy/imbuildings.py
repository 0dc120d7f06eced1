"""IMBuildings LoRaWAN people counter and comfort sensor.

With a header: type | variant | device id, 8 bytes | body. Without (the installer's choice) only the body, and the port
says what it is. All numbers are big-endian; voltages, temperatures and humidities in hundredths.

    type 1, variant 3, port 13   device status, volts, temperature, humidity, CO2, presence (without a header the
                                 first two may be left out)
    type 2, variant 5            device status, volts, A, B, sensor status, message counter
    type 2, variant 6, port 26   device status, volts, A, B, sensor status, total A, total B, message counter
    type 2, variant 7, port 27   sensor status, total A, total B
    type 2, variant 8, port 28   device status, volts, sensor status
    type F1, port 10             answer to settings: says nothing here

A and B are the two ways through the beam; which of them leads in depends on how the pair is mounted, so A is told as
entered and B as left, and a counter that hangs the other way round is turned by its place's configuration. A and B
count since the last message, the totals since power-up. Variants of the NB-IoT models do not come over LoRaWAN.
Sources: IMBuildings' payload decoder 1.1 and its successor, in TheThingsNetwork/lorawan-devices. Read 2026-11-26.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from drivers.api import DecodeError, Driver, Frame, Measurement, Truncated, Unsupported

HEADER = 10
_ANSWER = b"\xf1\x01"
_LEFT_OUT = bytes(3)
"""Device status and volts of a comfort sensor that does not send them."""


class _Body(NamedTuple):
    """One variant."""

    size: int
    read: Callable[[bytes], list[Measurement]]


def _decode(types: frozenset[int], frame: Frame) -> list[Measurement]:
    """Air and presence of a comfort sensor, counts of a people counter; voltage of both."""
    data = frame.payload
    if not data:
        raise Truncated("empty")
    if frame.port == 10 and data.startswith(_ANSWER):
        return []
    variant, body = _cut(data, frame.port)
    if variant[0] not in types:
        raise Unsupported(f"type {variant[0]} is another product's")
    return _BODIES[variant].read(body)


def _cut(data: bytes, port: int | None) -> tuple[tuple[int, int], bytes]:
    """Type and variant, by the header or else by the port, and the body."""
    headed = (data[0], data[1]) if len(data) > 1 else (0, 0)
    if headed in _BODIES and len(data) == HEADER + _BODIES[headed].size:
        return headed, data[HEADER:]
    variant = _PORTS.get(port or 0)
    if variant is None:
        if headed in _BODIES and len(data) < HEADER + _BODIES[headed].size:
            raise Truncated(f"{len(data)} of {HEADER + _BODIES[headed].size} bytes")
        raise Unsupported(f"neither a known header nor a known port ({port})")
    size = _BODIES[variant].size
    if variant == (1, 3) and len(data) == size - len(_LEFT_OUT):
        return variant, _LEFT_OUT + data
    if len(data) < size:
        raise Truncated(f"{len(data)} of {size} bytes")
    if len(data) > size:
        raise DecodeError(f"{len(data)} bytes, not {size}")
    return variant, data


def _volts(data: bytes) -> list[Measurement]:
    volts = _word(data, 1)
    return [Measurement("voltage", volts / 100, "V")] if volts else []


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _comfort(data: bytes) -> list[Measurement]:
    return [
        *([Measurement("occupied", data[9] == 1)] if data[9] in (0, 1) else []),
        Measurement("temperature", int.from_bytes(data[3:5], "big", signed=True) / 100, "Cel"),
        *([Measurement("humidity", _word(data, 5) / 100, "%RH")] if _word(data, 5) <= 10_000 else []),
        Measurement("co2", _word(data, 7), "ppm"),
        *_volts(data),
    ]


def _period(data: bytes, at: int) -> list[Measurement]:
    return [Measurement("entered_period", _word(data, at)), Measurement("left_period", _word(data, at + 2))]


def _total(data: bytes, at: int) -> list[Measurement]:
    return [Measurement("entered_total", _word(data, at)), Measurement("left_total", _word(data, at + 2))]


_BODIES = {
    (1, 3): _Body(10, _comfort),
    (2, 5): _Body(9, lambda data: [*_period(data, 3), *_volts(data)]),
    (2, 6): _Body(13, lambda data: [*_period(data, 3), *_total(data, 8), *_volts(data)]),
    (2, 7): _Body(5, lambda data: _total(data, 1)),
    (2, 8): _Body(4, _volts),
}
_PORTS: dict[int, tuple[int, int]] = {13: (1, 3), 26: (2, 6), 27: (2, 7), 28: (2, 8)}


def _driver(models: str, title: str, types: frozenset[int], modality: str, kinds: str) -> Driver:
    names = models.split()
    return Driver(
        name=f"imbuildings_{names[0]}",
        title=f"IMBuildings {title} (LoRaWAN)",
        media=tuple(f"lorawan:imbuildings:{name}" for name in names),
        modality=modality,
        decode=partial(_decode, types),
        kinds=(*kinds.split(), "voltage"),
        checked="2026-11-26",
        expect_s=None,  # the installer sets the interval, or that only events are sent
    )


_AIR = "occupied temperature humidity co2"
_COUNTS = "entered_total left_total entered_period left_period"

DRIVERS = (
    _driver(
        "people_counter people-counter imbuildings-people-counter imbuildings-office-occupancy-counter",
        "people counter, office occupancy counter",
        frozenset({2}),
        "counter",
        _COUNTS,
    ),
    _driver(
        "comfort_sensor comfort-sensor imbuildings-comfort-sensor",
        "comfort sensor",
        frozenset({1}),
        "environment",
        _AIR,
    ),
    # not a counter: a comfort sensor's presence is 0 as well where its motion sensor is not used
    _driver("imbuildings", "people counter or comfort sensor", frozenset({1, 2}), "environment", f"{_COUNTS} {_AIR}"),
)
