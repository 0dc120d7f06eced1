"""What really happened on a whole day, for the judge (scores.py). Times are office ns; series are in order of time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware_sim.actions import SECOND
from firmware_sim.deeds import Down, Reserve
from firmware_sim.scenario import Scenario


class PlaceTruth(NamedTuple):
    """A desk or a room."""

    kind: str
    modality: str
    """Of its sensor; of several, the quickest one's."""
    reader: str
    """Of a desk; empty for a room, whose reader takes nothing."""
    gateway: str


class TapAt(NamedTuple):
    """One tap at a desk, or at the entrance."""

    at: int
    reader: str
    place: str
    """Of a desk; at the entrance the reader's id."""
    person: int
    expected: str
    """started, ended, rejected; lost: the gateway is off."""


class Outage(NamedTuple):
    """A place whose sensor was silent."""

    place: str
    start: int
    end: int
    cause: str
    """battery, gateway."""
    known: int
    """ns after its start by which it can be known."""


@dataclass(kw_only=True)
class DayTruth:
    """Filled while the day runs."""

    scenario: Scenario
    places: dict[str, PlaceTruth]
    occupied: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)
    taken: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)
    """Desk -> whether a check-in is open, by taps alone."""
    holder: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Desk -> (from when on, who took it)."""
    taps: list[TapAt] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    down: Down | None = None
    reservations: list[Reserve] = field(default_factory=list)
    acts: dict[int, list[int]] = field(default_factory=dict)
    """Person -> when the badge was read anywhere."""
    left: dict[int, list[int]] = field(default_factory=dict)
    """Person -> when the badge was read at the way out."""
    zones: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    """Person -> (from when on, `floor/zone`, empty outside)."""
    desks: dict[str, str] = field(default_factory=dict)
    """Id of a desk or room -> its place."""

    def sits(self, place: str, at: int) -> bool:
        """Whether somebody sits there."""
        return value_at(self.occupied.get(place, ()), at)

    def vacant_since(self, place: str, at: int) -> int:
        """Since when nobody sits there; `at` where somebody does."""
        series = self.occupied.get(place, [])
        index = bisect_right(series, (at, True))
        if index and series[index - 1][1]:
            return at
        return series[index - 1][0] if index else self.scenario.begin

    def blind(self, place: str, start: int, end: int) -> int:
        """ns of [start, end) in which its sensor was silent."""
        return sum(max(0, min(end, o.end) - max(start, o.start)) for o in self.outages if o.place == place)

    def sat(self, place: str, now: int, by: int, heads: dict[str, int]) -> None:
        """Somebody sits down (+1) or gets up (-1)."""
        before = heads.get(place, 0)
        heads[place] = before + by
        if bool(before) != bool(before + by):
            self.occupied.setdefault(place, []).append((now, before + by > 0))


def value_at(series: Sequence[tuple[int, bool]], at: int) -> bool:
    """The value that holds at `at`; False before the first."""
    index = bisect_right(series, (at, True))
    return bool(index) and series[index - 1][1]


KNOWN_AFTER = 3
"""Intervals without a word, after which a device is held for silent."""
MARGIN = 5 * SECOND
