"""What a message may mean: fields, plans of them, and the words that devices use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

LARGEST = 1e15
"""Numbers beyond it are none."""
Type = Literal["bool", "whole", "number", "text"]
KINDS: Mapping[str, tuple[Type, tuple[str, ...]]] = {
    "occupied": ("bool", ("",)),
    "motion": ("bool", ("",)),
    "moving": ("bool", ("",)),
    "opening": ("bool", ("",)),
    "count": ("whole", ("",)),
    "entered_total": ("whole", ("",)),
    "left_total": ("whole", ("",)),
    "entered_period": ("whole", ("",)),
    "left_period": ("whole", ("",)),
    "distance": ("number", ("m", "mm")),
    "moving_distance": ("number", ("m",)),
    "still_distance": ("number", ("m",)),
    "temperature": ("number", ("Cel",)),
    "humidity": ("number", ("%RH",)),
    "illuminance": ("number", ("lx",)),
    "light_level": ("number", ("",)),
    "co2": ("number", ("ppm",)),
    "pressure": ("number", ("hPa",)),
    "sound": ("number", ("dB",)),
    "tvoc": ("number", ("ug/m3", "ppb", "")),
    "pm2_5": ("number", ("ug/m3",)),
    "pm10": ("number", ("ug/m3",)),
    "battery": ("number", ("%",)),
    "battery_low": ("bool", ("",)),
    "voltage": ("number", ("V",)),
    "tamper": ("bool", ("",)),
    "vibration": ("bool", ("",)),
    "button": ("text", ("",)),
    "online": ("bool", ("",)),
}
"""What a field may mean: the type of its values, and the units of which the first is meant unless it says another."""


TRUE = frozenset({"true", "on", "1"})
FALSE = frozenset({"false", "off", "0"})
OPEN, CLOSED = frozenset({"open", "opened"}), frozenset({"close", "closed"})
HERE = TRUE | {"online", "connected", "ready", "alive"}
GONE = FALSE | {"offline", "disconnected", "lost", "sleeping"}
NOTHING = frozenset({"", "nan", "null", "none", "n/a", "unknown", "unavailable"})
"""A device that does not know says so."""

Path = tuple[str, ...]


class Field(NamedTuple):
    """One value of a message, and what it means."""

    topic: str
    path: Path
    kind: str = ""
    """Empty: not read, nor by a later field."""
    unit: str = ""
    scale: float = 1
    offset: float = 0
    invert: bool = False
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()
    table: Mapping[str, Any] = {}
    only: tuple[tuple[Path, str], ...] = ()
    """(path, word): read only where the message says so."""
    channel: int | str | None = None


class Plan(NamedTuple):
    """A profile with a mapping over it."""

    status: Mapping[str, str]
    topics: Mapping[str, str]
    """Name -> topic or filter, with its places."""
    fields: tuple[Field, ...]
    online: Field = Field("*", ("state",), "online", yes=HERE, no=GONE)


def field(topic: str, path: str, kind: str, **more: Any) -> Field:
    """A field of the unit that its kind has first."""
    unit = more.pop("unit", KINDS[kind][1][0])
    return Field(topic, steps(path), kind, unit, **more)


def steps(text: str) -> Path:
    """`a.b.0` as the steps that it is."""
    return tuple(text.split(".")) if text else ()


def only(path: str, word: str) -> tuple[tuple[Path, str], ...]:
    """The condition that one path has one word."""
    return ((steps(path), word),)


def word_of(value: Any) -> str:
    """As words are compared: text without regard to case, true, 1, 2.5; what is no single value is no word."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value.strip().lower()
        case int() | float() if -LARGEST < value < LARGEST:
            return str(int(value)) if value == int(value) else repr(value)
        case None:
            return "null"
        case _:
            return "\0"
