"""What a sensor's readings are made into before a room model weighs them: levels, slopes, and how it was lately.

Every family of kinds has a memory (moving averages over minutes to hours, as a tuple) that each reading updates, and
features that are read off it. A moving average forgets by time, not by number of readings: a sensor that reports every
second and one that reports every ten minutes mean the same. Nothing here knows what hour it is: days of learning are
few, and a habit of one week is not a fact about the room.
"""

from __future__ import annotations

from math import exp, expm1, log, log1p
from typing import NamedTuple

from rules.witness_air import Air, breathe, odds

MINUTE = 60.0
FAMILY = {
    "illuminance": "light",
    "light_level": "light",
    "co2": "gas",
    "tvoc": "vapour",
    "temperature": "climate",
    "humidity": "climate",
    "sound": "sound",
    "occupied": "level",
    "count": "level",
    "motion": "motion",
}
"""Kinds (drivers' vocabulary) that a model can use. Others say nothing about presence."""
NAMES = {
    "light": ("now", "mean5", "change15"),
    "gas": ("above_floor", "slope10", "slope30", "slope90", "breath"),
    "vapour": ("above_floor", "slope10", "slope30", "slope90"),
    "climate": ("slope10", "slope30", "slope180"),
    "sound": ("now", "mean1", "mean5", "mean15"),
    "level": ("now", "mean2"),
    "motion": ("recent5", "share10"),
}
FOR_COUNT = {
    "gas": ("above_floor", "slope30"),
    "sound": ("mean5", "mean15"),
    "level": ("now",),
    "motion": NAMES["motion"],
}
"""What the count uses. Light is left out: that a lamp burns says hardly how many sit under it."""
_SPANS_S = {
    "light": (5 * MINUTE, 15 * MINUTE),
    "gas": (2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 90 * MINUTE),
    "vapour": (2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 90 * MINUTE),
    "climate": (2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 180 * MINUTE),
    "sound": (1 * MINUTE, 5 * MINUTE, 15 * MINUTE),
    "level": (2 * MINUTE,),
    "motion": (5 * MINUTE, 10 * MINUTE),
}
OUTDOORS = log(430.0)
"""CO2 of fresh air, ppm: what a room goes down to, before its own lowest level is known."""
_FLOOR_RISE = 0.15 / 86_400
"""How fast the lowest gas level is forgotten, 1/s: outdoor air and a sensor's zero drift in days."""


class Sense(NamedTuple):
    """What a sensor has said so far."""

    at: int
    """Of its last reading, ns."""
    value: float
    """As read."""
    means: tuple[float, ...]
    floor: float = 0.0
    """Of a gas: its lowest level lately."""
    air: Air | None = None
    """Of CO2: what its balance says (witness_air.py)."""


def scaled(family: str, value: float, logarithm: bool) -> float:
    """A value in the scale in which its features are linear."""
    if family == "light":
        return log1p(max(value, 0.0))
    if family == "motion":
        return 1.0 if value else 0.0
    return log(max(value, 1e-3)) if logarithm else value


def sense(family: str, logarithm: bool, old: Sense | None, value: float, at: int) -> Sense:
    """Take a reading that is not older than the last one."""
    x = scaled(family, value, logarithm)
    spans = _SPANS_S[family]
    if old is None:
        if family == "gas":
            return Sense(at, value, (x,) * len(spans), min(x, OUTDOORS), breathe(None, value, at))
        return Sense(at, value, (x,) * len(spans), x)
    passed = (at - old.at) / 1e9
    means = [mean + (1 - exp(-passed / span)) * (x - mean) for mean, span in zip(old.means, spans, strict=True)]
    if family == "motion":  # the first is how recent it is, not a mean
        means[0] = max(x, old.means[0] * exp(-passed / spans[0]))
    air = breathe(old.air, value, at) if family == "gas" else None
    return Sense(at, value, tuple(means), min(x, old.floor + passed * _FLOOR_RISE), air)


def features(family: str, logarithm: bool, seen: Sense) -> tuple[float, ...]:
    """In the order of NAMES[family]."""
    x, means = scaled(family, seen.value, logarithm), seen.means
    match family:
        case "light":
            return (seen.value, expm1(means[0]), x - means[1])
        case "gas" | "vapour":
            smooth = means[0]
            slopes = (smooth - seen.floor, smooth - means[1], smooth - means[2], smooth - means[3])
            return slopes if family == "vapour" else (*slopes, 0.0 if seen.air is None else odds(seen.air))
        case "climate":
            smooth = means[0]
            return (smooth - means[1], smooth - means[2], smooth - means[3])
        case "motion":
            return means
        case _:
            return (x, *means)


__all__ = ["FAMILY", "FOR_COUNT", "NAMES", "Sense", "features", "scaled", "sense"]
