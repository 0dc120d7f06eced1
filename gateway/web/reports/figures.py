"""What a report says. Beside each figure stands how much of the time was known: its coverage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

DWELL_STEP_S = 900
"""Percentiles of single stays are told in quarter hours."""


class Why(StrEnum):
    """Why there is no figure."""

    NO_DATA = "no_data"
    """Nothing is known of the time: that is not the same as nothing used."""
    SMALL_GROUP = "small_group"
    """Fewer than five people, or nobody."""
    NOTHING = "nothing"
    """There was nothing of which it could be a share."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that may be missing. Exactly one of `value` and `why` is there."""

    value: float | None
    coverage: float | None
    """Share of the desks' time of which something was known, 0 to 1; None: there was no such time."""
    why: Why | None = None
    of: int | None = None
    """How many it was computed of, where that is told."""


@dataclass(frozen=True, slots=True)
class Use:
    """How some desks were used over some time, seconds of desks."""

    used_s: float = 0.0
    known_s: float = 0.0
    total_s: float = 0.0

    def __add__(self, other: Use) -> Use:
        return Use(self.used_s + other.used_s, self.known_s + other.known_s, self.total_s + other.total_s)

    @property
    def coverage(self) -> float | None:
        """0 to 1; None: no time at all."""
        return None if self.total_s <= 0 else min(1.0, self.known_s / self.total_s)

    @property
    def figure(self) -> Figure:
        """Used of what was known."""
        if self.known_s <= 0:
            return Figure(None, self.coverage, Why.NO_DATA)
        return Figure(min(1.0, self.used_s / self.known_s), self.coverage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """A cell of the heat map: an hour of the day on one weekday, over all its days of the period."""

    weekday: int
    """0 Monday .. 6 Sunday."""
    hour: int
    use: Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One local day."""

    day: int
    """Since 1970-01-01."""
    off: bool
    """Nobody is expected: a weekend or a holiday."""
    work: Use
    """Within working time."""
    whole: Use
    peak: Figure
    """Desks at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceUse:
    """How the desks of a place were used, whoever used them."""

    desks: int
    work: Use
    """Within working time: the utilization."""
    whole: Use
    """All hours: the coverage of figures that are of no working time."""
    peak: Figure
    peak_time: int | None
    """Start of the quarter hour of the peak, ns UTC."""
    hours: tuple[Hour, ...]
    """All 168, by weekday and hour. Days off in the week are left out."""
    days: tuple[Day, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How some people used desks. Nobody can be told from it: it is made of groups of at least five."""

    visits: Figure
    """Check-ins."""
    walk_in: Figure
    """Share of check-ins without a reservation."""
    dwell_p50: Figure
    """Seconds, in steps of a quarter hour."""
    dwell_p90: Figure
    released: Figure
    """Share of ended check-ins that were released because nobody was there."""
    no_show: Figure
    """Share of reservations, that were not cancelled, to which nobody came."""
    expired: Figure
    """Share of reservations of which nobody knows whether somebody came."""
    cross: Figure
    """Share of check-ins at desks of another unit, of people whose unit is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """One unit's people. The rows, with the one of groups that had to be put together, add up to the total."""

    unit: str | None
    """None: several units together. `_`: of no unit, or of one of fewer than five people."""
    desks: int
    """That the unit owns at the place."""
    conduct: Conduct


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """Check-ins of people of a unit at desks of a unit."""

    unit: str
    host: str
    visits: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleUse:
    """How people used the desks of a place."""

    total: Conduct
    units: tuple[UnitRow, ...]
    hosts: tuple[HostRow, ...]


def share(part: int, whole: int, coverage: float | None) -> Figure:
    """In whole percent."""
    if whole <= 0:
        return Figure(None, coverage, Why.NOTHING)
    return Figure(round(part / whole, 2), coverage, of=whole)


def percentile(values: Sequence[float], percent: int, fewest: int, coverage: float | None) -> Figure:
    """The smallest value that at least so many percent do not exceed, to DWELL_STEP_S; of fewer than `fewest`: none."""
    if len(values) < fewest:
        return Figure(None, coverage, Why.SMALL_GROUP)
    found = sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]
    return Figure(float(round(found / DWELL_STEP_S) * DWELL_STEP_S), coverage, of=len(values))


def total(uses: Iterable[Use]) -> Use:
    """Sum."""
    return sum(uses, Use())
