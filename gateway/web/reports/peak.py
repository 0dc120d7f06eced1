"""How many desks were used at the same time: the sum at each instant first, and the greatest of them after.

What is not known is not counted. A state that nobody has taken back while its gateway was away would count on, so the
sum of an instant is at most the number of desks that were known to be used within its quarter hour. Of the last
minutes, of which no quarter hour is computed yet, the states alone are believed; after a gap, those told since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from gateway.web.reports.period import Period
from gateway.web.reports.store import Change, Quarter

QUARTER_S = 900
QUARTER = QUARTER_S * 1_000_000_000
INSTANT = 1_000_000
"""A millisecond: the digits of a point's time below it are a sequence, and no time."""
_ROUNDING = 1e-6


class Peak(NamedTuple):
    """Of one day, or of a period."""

    desks: int
    time: int
    """Start of the first quarter hour with so many, ns UTC."""


def peaks(
    quarters: Sequence[Quarter],
    occupied: Iterable[int],
    changes: Iterable[Change],
    period: Period,
    fresh: Iterable[int] = (),
) -> dict[int, Peak]:
    """By local day, for days of which something is known.

    `quarters`: in order. `occupied`: series that are when the first of them begins. `changes`: from then on, by time.
    `fresh`: starts of quarter hours after them that are not computed yet.
    """
    now = set(occupied)
    told = iter(changes)
    change = next(told, None)
    found: dict[int, Peak] = {}
    computed = {quarter.time: quarter for quarter in quarters}
    last = None
    for start in (*computed, *fresh):
        while change is not None and change.time < start:  # of quarter hours that were not computed
            _apply(now, change)
            change = next(told, None)
        if start not in computed and last != start - QUARTER:
            now.clear()
        last = start
        most = len(now)
        while change is not None and change.time < start + QUARTER:
            _apply(now, change)
            at, change = change.time, next(told, None)
            if change is None or change.time // INSTANT > at // INSTANT:
                most = max(most, len(now))
        quarter = computed.get(start)
        if quarter is None and most == 0:
            continue  # nobody has said that nobody is there
        if quarter is not None:
            if quarter.known_s <= 0:
                continue
            # a mean is at most the greatest; this holds also where the states themselves are gone
            most = max(min(most, quarter.ever), ceil(quarter.used_s / QUARTER_S - _ROUNDING))
        day = period.calendar.day(start)
        if day not in found or most > found[day].desks:
            found[day] = Peak(most, start)
    return found


def _apply(now: set[int], change: Change) -> None:
    if change.occupied:
        now.add(change.series)
    else:
        now.discard(change.series)
