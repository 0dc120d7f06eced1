"""Milesight LoRaWAN sensors of people, desks, presence, doors and buttons. FRMPayload, port 85 unless set otherwise.

The layout and the sources stand in fields.py; the tables here say what each model's fields mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drivers.api import Measurement
from drivers.occupancy.milesight.fields import (
    AIR,
    AIR_KINDS,
    BATTERY,
    HOUR,
    TEMPERATURE,
    TEMPERATURE_ALARM,
    Field,
    driver,
    flag,
    in_out,
    number,
    skip,
)


def _regions(first: int, regions: int) -> Field:
    """A byte for each region: people in it."""

    def read(value: bytes) -> list[Measurement]:
        return [Measurement("count", people, "", f"region_{first + n}") for n, people in enumerate(value)]

    return Field(regions, read)


def _people_and_regions(value: bytes) -> list[Measurement]:
    """VS121: people, number of regions, and a big-endian mask: in which of them somebody is."""
    people, regions, mask = value[0], min(value[1], 16), int.from_bytes(value[2:4], "big")
    occupied = [Measurement("occupied", bool(mask >> n & 1), "", f"region_{n + 1}") for n in range(regions)]
    return [Measurement("count", people), *occupied]


def _desks(value: bytes) -> list[Measurement]:
    """VS321: which of ten regions are watched, and in which of them somebody is."""
    watched, mask = int.from_bytes(value[:2], "little"), int.from_bytes(value[2:], "little")
    return [Measurement("occupied", bool(mask >> n & 1), "", f"region_{n + 1}") for n in range(10) if watched >> n & 1]


def _room_of_vs373(value: bytes) -> list[Measurement]:
    """0 normal, 1 vacant, 2 in bed, 3 out of bed, 4 fallen. Out of bed may be out of the room: that says nothing."""
    return [Measurement("occupied", value[0] != 1)] if value[0] in (0, 1, 2, 4) else []


def _regions_of_vs373(value: bytes) -> list[Measurement]:
    """The other way round than elsewhere: 0 occupied, 1 vacant."""
    return [
        Measurement("occupied", state == 0, "", f"region_{n}") for n, state in enumerate(value, 1) if state in (0, 1)
    ]


def _temperature_of_vs321(value: bytes) -> list[Measurement]:
    """FFFF: not read. So the VS321 cannot say -0.1; on other models FFFF is -0.1."""
    return [] if value[:2] == b"\xff\xff" else TEMPERATURE.read(value)


def _sound_levels(value: bytes) -> list[Measurement]:
    """Weighting, then level, mean (Leq) and maximum in 0.1 dB."""
    levels = (int.from_bytes(value[at : at + 2], "little") / 10 for at in (1, 3, 5))
    return [Measurement("sound", level, "dB", name) for level, name in zip(levels, (None, "mean", "max"), strict=True)]


def _button(names: Mapping[int, str], at: int, size: int) -> Field:
    def read(value: bytes) -> list[Measurement]:
        number = value[0] if at else None  # a panel says first which of its buttons it was
        channel = None if number is None else f"button_{number}"
        return [Measurement("button", names[value[at]], "", channel)] if value[at] in names else []

    return Field(size, read)


def _by_type(sizes: Mapping[int, int]) -> Callable[[bytes], int | None]:
    """Stored values whose fifth byte, after the time, says what they are. An unknown one ends the reading."""
    return lambda rest: sizes.get(rest[4]) if len(rest) > 4 else 5


def _serial_of_vs121(rest: bytes) -> int:
    """6 bytes, 8 in newer firmware: a serial number has decimal digits, so FF begins the next field."""
    return 8 if len(rest) >= 8 and rest[6] != 0xFF and rest[8:9] in (b"", b"\xff") else 6


_TOTAL, _PERIOD = ("entered_total", "left_total"), ("entered_period", "left_period")

_VS121 = {
    "ff08": skip(_serial_of_vs121),
    "04c9": Field(4, _people_and_regions),
    "05cc": in_out(*_PERIOD),
    "06cd": skip(1),  # the most people at once since the last message
    "07d5": _regions(1, 8),
    "08d5": _regions(9, 8),
    **{f"{channel:02x}da": skip(8) for channel in range(0x09, 0x0D)},  # ways through the room
    "0dcc": in_out(*_TOTAL),
    "0ee4": skip(5),  # how long people stay
    "0f85": skip(4),  # clock
    "10f7": skip(4),  # a line; the guide does not say since when it counts
    "20ce": skip(_by_type({0x03: 6, 0x11: 10, **dict.fromkeys((1, 2, *range(4, 0x11), 0x12), 9)})),
}
_VS132 = {
    "03d2": number("entered_total", 4),
    "04d2": number("left_total", 4),
    "05cc": in_out(*_PERIOD),
}


def _line(line: int) -> dict[str, Field]:
    """Channels of one line of a VS133. Children are a part of all people and not counted twice."""
    at, children = 3 * line, 3 * line + 14
    return {
        f"{at:02x}d2": number("entered_total", 4, channel=f"line_{line}"),
        f"{at + 1:02x}d2": number("left_total", 4, channel=f"line_{line}"),
        f"{at + 2:02x}cc": in_out(*_PERIOD, f"line_{line}"),
        f"{children:02x}d2": skip(4),
        f"{children + 1:02x}d2": skip(4),
        f"{children + 2:02x}cc": skip(4),
    }


_VS133 = {
    **{key: field for line in range(1, 5) for key, field in _line(line).items()},
    "0fe3": _regions(1, 4),
    "10e4": skip(5),  # how long people stay
    "1de3": skip(4),  # children
    "1ee4": skip(5),
    "50fc": flag("problem", "covered", at=2, size=3),
    "20ce": skip(_by_type({**dict.fromkeys(range(3, 0x1E), 9), 0x10: 8, 0x1E: 8, 0x20: 8, 0x3C: 8})),
}
_VS321 = {
    **AIR,
    "0aef": skip(4),  # clock
    "0367": Field(2, _temperature_of_vs321),
    "05fd": number("count", 2),
    "06fe": Field(4, _desks),
    "07ff": skip(1),  # bright and dim: the maker's two descriptions contradict each other
    "08f4": flag("problem", "detection", at=1, size=2),
    "8367": TEMPERATURE_ALARM,
    "8468": number("humidity", 1, "%RH", scale=2, most=200, tail=1),
    "20ce": skip(_by_type({0: 7, 1: 9})),
}
_VS330 = {
    **BATTERY,
    "0282": number("distance", 2, "m", scale=1000, most=0xFFFE),
    "038e": flag("occupied"),
    "048e": skip(1),  # calibration
    "02a5": skip(8),  # raw distances
    "04a8": skip(1),
    "08a8": skip(1),
    "06a6": skip(4),
    "07a7": skip(4),
    "09a9": skip(4),
}
_DESK = {**BATTERY, "0300": flag("occupied")}
_VS370 = {**_DESK, "0400": flag("light")}
_COUNTER = {
    **BATTERY,
    "0aef": skip(4),  # clock
    "04cc": in_out(*_TOTAL),
    "05cc": in_out(*_PERIOD),
    "84cc": in_out(*_TOTAL, tail=1),
    "85cc": in_out(*_PERIOD, tail=1),
    "20ce": skip(_by_type({0: 9, 1: 13})),
}
_VS350 = {**_COUNTER, "0367": TEMPERATURE, "8367": TEMPERATURE_ALARM}
_EVENTS = {0: "counting", 1: "node", 2: "alignment"}


def _event_of_vs360(value: bytes) -> list[Measurement]:
    """Which fault, and whether it came or went."""
    known = value[0] in _EVENTS and value[1] in (0, 1)
    return [Measurement("problem", value[1] == 1, "", _EVENTS[value[0]])] if known else []


_VS360 = {
    **_COUNTER,
    "0175": number("battery", 1, "%", most=100, channel="main"),
    "0275": number("battery", 1, "%", most=100, channel="node"),
    "03f4": Field(2, _event_of_vs360),
}
_VS373 = {
    "03f8": Field(6, _room_of_vs373),
    "04f9": Field(4, _regions_of_vs373),
    "05fa": skip(8),  # how long out of bed
    "06fb": skip(5),  # alarms of care
    "20ce": skip(9),
}
_WS101 = {**BATTERY, "ff2e": _button({1: "press", 2: "long_press", 3: "double_press"}, 0, 1)}
_PANEL = {**BATTERY, "ff34": _button({1: "press", 2: "double_press", 3: "long_press"}, 2, 3)}
_WS202 = {**BATTERY, "0300": flag("motion"), "0400": flag("light")}
_WS203 = {**AIR, "0500": flag("occupied"), "8367": TEMPERATURE_ALARM, "20ce": skip(9)}
_WS301 = {**BATTERY, "0300": flag("opening"), "0400": flag("tamper")}
_WS302 = {**BATTERY, "055b": Field(7, _sound_levels)}

_COUNTS = "entered_total left_total entered_period left_period"

# Intervals: that of the VS321 is the maker's README's; the others are factory settings as far as known. WS101, WS156,
# WS202 and WS301 send on an event, and their battery every 1080 minutes.
DRIVERS = (
    driver("vs121", "VS121, people in regions", _VS121, "counter", f"count occupied {_COUNTS}"),
    driver("vs132", "VS132, people counter", _VS132, "counter", _COUNTS),
    driver(
        "vs133 vs135",
        "VS133, VS135, people counter",
        _VS133,
        "counter",
        f"count occupied {_COUNTS} problem",
        regions_are_all=True,
    ),
    driver(
        "vs321",
        "VS321, people and desks",
        _VS321,
        "counter",
        f"count occupied {AIR_KINDS} problem",
        regions_are_all=True,
    ),
    driver("vs330", "VS330, cabin occupancy", _VS330, "seat", "occupied distance battery"),
    driver("vs340 vs341", "VS340, VS341, desk and seat occupancy", _DESK, "seat", "occupied battery", HOUR),
    driver("vs350 vs351", "VS350, VS351, people counter", _VS350, "counter", f"{_COUNTS} temperature battery"),
    driver("vs360", "VS360, light barrier people counter", _VS360, "counter", f"{_COUNTS} problem battery"),
    driver("vs370", "VS370, presence radar", _VS370, "radar", "occupied light battery", HOUR),
    driver("vs373", "VS373, fall detection radar", _VS373, "radar", "occupied"),
    driver("ws101", "WS101, button", _WS101, "contact", "button battery", 18 * HOUR),
    driver("ws136 ws156", "WS136, WS156, button panel", _PANEL, "contact", "button battery", 18 * HOUR),
    driver("ws202", "WS202, motion and light", _WS202, "pir", "motion light battery", 18 * HOUR),
    driver("ws203", "WS203, motion and climate", _WS203, "seat", f"occupied {AIR_KINDS}", HOUR),
    driver("ws301", "WS301, door contact", _WS301, "contact", "opening tamper battery", 18 * HOUR),
    driver("ws302", "WS302, sound level", _WS302, "environment", "sound battery"),
)
