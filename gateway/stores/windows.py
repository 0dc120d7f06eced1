"""Quarter hours of a place: pure arithmetic over what is known of it, and what is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

SECOND = 1_000_000_000
QUARTER = 900 * SECOND
KNOWN = frozenset({"occupied", "vacant"})
REACH = 40 * 86_400 * SECOND
"""A late row changes windows no further back: an outbox keeps 30 days, and a clock without a battery begins in 1970."""
Interval = tuple[int, int]
"""[from, to), ns."""
Window = tuple[str, int]
"""(place, start)."""


class Use(NamedTuple):
    """Of one place in one window."""

    used_s: float
    known_s: float
    """Never more than the window; what an outage hides is in neither."""
    ever: bool
    """Occupied at some known moment."""


def window_of(at: int) -> int:
    """Start of the quarter hour that holds `at`."""
    return at - at % QUARTER


def stretch(start: int, end: int, limit: int) -> Interval | None:
    """First and last start of the windows that [start, end] touches and that end at or before `limit`; None: none."""
    first = window_of(max(start, limit - REACH))
    last = min(window_of(end), window_of(limit) - QUARTER)
    return (first, last) if first <= last else None


class Stretches:
    """Windows of places, in few numbers however many there are."""

    def __init__(self) -> None:
        self._of: dict[str, list[Interval]] = {}

    def __bool__(self) -> bool:
        return bool(self._of)

    def add(self, place: str, found: Interval | None) -> None:
        """All windows of a stretch of a place."""
        if found is not None:
            self._of.setdefault(place, []).append(found)

    def take(self, most: int) -> list[Window]:
        """Up to `most` windows, each once; they are no longer here."""
        taken: list[Window] = []
        while self._of and len(taken) < most:
            place, runs = self._of.popitem()
            runs = joined(runs, QUARTER)
            while runs and len(taken) < most:
                first, last = runs.pop()
                end = min(last, first + (most - len(taken) - 1) * QUARTER)
                taken += [(place, at) for at in range(first, end + 1, QUARTER)]
                if end < last:
                    runs.append((end + QUARTER, last))
            if runs:
                self._of[place] = runs
        return taken


def joined(intervals: Iterable[Interval], gap: int = 0) -> list[Interval]:
    """In order, those that overlap or are at most `gap` apart as one."""
    made: list[Interval] = []
    for since, until in sorted(intervals):
        if made and since <= made[-1][1] + gap:
            made[-1] = (made[-1][0], max(made[-1][1], until))
        else:
            made.append((since, until))
    return made


def use(start: int, end: int, changes: Sequence[tuple[int, str]], blind: Sequence[Interval]) -> Use:
    """How [start, end) was used. `changes`: (time, state) in order, first the one before `start` if there is any."""
    used = known = 0
    for at, (since, state) in enumerate(changes):
        until = changes[at + 1][0] if at + 1 < len(changes) else end
        piece = (max(start, since), min(end, until))
        if state not in KNOWN or piece[0] >= piece[1]:
            continue
        seen = _without(piece, blind)
        known += seen
        if state == "occupied":
            used += seen
    return Use(used / SECOND, known / SECOND, used > 0)


def _without(piece: Interval, blind: Sequence[Interval]) -> int:
    """Length of `piece` outside all `blind` intervals, which may overlap."""
    at, end = piece
    left = 0
    for begin, until in sorted(blind):
        if until <= at:
            continue
        if begin >= end:
            break
        left += max(0, begin - at)
        at = max(at, until)
    return left + max(0, end - at)
