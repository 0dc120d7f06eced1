"""How many desks were used at the same time: the sum at each instant first, and the greatest of them after.

What is not known is not counted. A state that nobody has taken back while its gateway was away would count on, so the
sum of an instant is at most the number of desks that were known to be used within its quarter hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from gateway.web.reports.period import Period
from gateway.web.reports.store import Change, Quarter

QUARTER_S = 900
QUARTER = QUARTER_S * 1_000_000_000
_ROUNDING = 1e-6


class Peak(NamedTuple):
    """Of one day, or of a period."""

    desks: int
    time: int
    """Start of the first quarter hour with so many, ns UTC."""


def peaks(
    quarters: Sequence[Quarter], occupied: Iterable[int], changes: Iterable[Change], period: Period
) -> dict[int, Peak]:
    """By local day, for days of which something is known.

    `quarters`: in order. `occupied`: series that are when the first of them begins. `changes`: from then on, by time.
    """
    now = set(occupied)
    told = iter(changes)
    change = next(told, None)
    found: dict[int, Peak] = {}
    for quarter in quarters:
        while change is not None and change.time < quarter.time:  # of quarter hours that were not computed
            _apply(now, change)
            change = next(told, None)
        most = len(now)
        while change is not None and change.time < quarter.time + QUARTER:
            _apply(now, change)
            most = max(most, len(now))
            change = next(told, None)
        if quarter.known_s <= 0:
            continue
        # somebody's mean is at most somebody's greatest; this holds also where the states themselves are gone
        most = max(min(most, quarter.ever), ceil(quarter.used_s / QUARTER_S - _ROUNDING))
        day = period.calendar.day(quarter.time)
        if day not in found or most > found[day].desks:
            found[day] = Peak(most, quarter.time)
    return found


def _apply(now: set[int], change: Change) -> None:
    if change.occupied:
        now.add(change.series)
    else:
        now.discard(change.series)
