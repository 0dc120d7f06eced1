"""Readings and labels of a room as a table to learn from: what each sensor's features were at each label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp
from typing import NamedTuple

from rules.api import SECOND, Reading
from rules.fusion import FADES_S, REFRACTORY
from rules.room_model import Sensor
from rules.room_model_features import FAMILY, NAMES, Sense, features, sense

DECADES = 50.0
"""A sound whose highest value is so many times its lowest is a voltage or a pressure, not a level in dB."""
STALE_S, STALE_AFTER = 900.0, 5.0
NEVER_S = 1e9


class Label(NamedTuple):
    """What was true at a time."""

    at: int
    occupied: bool
    people: int | None = None
    """How many, where that is known."""


@dataclass(slots=True)
class Column:
    """A feature over all labels; None where the sensor had not spoken yet, or not for long."""

    dev: str
    kind: str
    name: str
    values: list[float | None]


@dataclass(slots=True)
class Table:
    """Of one room."""

    sensors: list[Sensor]
    columns: list[Column]
    ages: list[tuple[float, bool]]
    """Of each label: seconds since the last movement before the label before it; whether somebody moved since."""


def tabulate(readings: Sequence[Reading], labels: Sequence[Label]) -> Table:
    """Features as they stood at each label."""
    sensors = _sensors(readings)
    place = {(one.dev, one.kind): n for n, one in enumerate(sensors)}
    columns = [[Column(one.dev, one.kind, name, []) for name in NAMES[FAMILY[one.kind]]] for one in sensors]
    senses: list[Sense | None] = [None] * len(sensors)
    shown: list[tuple[float, ...]] = [()] * len(sensors)
    stale = [int(one.stale_s * SECOND) for one in sensors]
    ages: list[tuple[float, bool]] = []
    taken, last, before, count = 0, 0, 0, len(readings)
    for label in labels:
        changed: dict[int, Sense] = {}
        any_moved, since = False, last
        while taken < count and readings[taken].at <= label.at:
            item = readings[taken]
            taken += 1
            n = place[item.dev, item.kind]
            changed[n] = sense(FAMILY[item.kind], sensors[n].logarithm, senses[n], float(item.value), item.at)
            senses[n] = changed[n]
            if item.kind == "motion" and item.value and (not last or item.at >= last + REFRACTORY):
                last, any_moved = item.at, True
        for n, new in changed.items():
            shown[n] = features(FAMILY[sensors[n].kind], sensors[n].logarithm, new)
        for n, own in enumerate(columns):
            seen = senses[n]
            if seen is None or label.at >= seen.at + stale[n]:
                for column in own:
                    column.values.append(None)
                continue
            fades = exp((seen.at - label.at) / SECOND / FADES_S) if sensors[n].kind == "motion" else 1.0
            for column, value in zip(own, shown[n], strict=True):
                column.values.append(value * fades)
        ages.append(((before - since) / SECOND if since else NEVER_S, any_moved))
        before = label.at
    return Table(sensors, [column for own in columns for column in own], ages)


def _sensors(readings: Sequence[Reading]) -> list[Sensor]:
    times: dict[tuple[str, str], list[int]] = {}
    spans: dict[tuple[str, str], tuple[float, float]] = {}
    for item in readings:
        key, value = (item.dev, item.kind), float(item.value)
        times.setdefault(key, []).append(item.at)
        low, high = spans.get(key, (value, value))
        spans[key] = (min(low, value), max(high, value))
    made = []
    for key in sorted(times):
        at = times[key]
        gaps = sorted(b - a for a, b in pairwise(at))
        usual = gaps[len(gaps) // 2] / SECOND if gaps else STALE_S
        low, high = spans[key]
        decades = key[1] == "sound" and low > 0 and high > DECADES * low
        made.append(
            Sensor(
                dev=key[0],
                kind=key[1],
                logarithm=FAMILY[key[1]] in ("gas", "vapour") or key[1] == "humidity" or decades,
                stale_s=max(STALE_S, STALE_AFTER * usual),
            )
        )
    return made


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of values in order, interpolated."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


__all__ = ["NEVER_S", "Column", "Label", "Table", "quantile", "tabulate"]
