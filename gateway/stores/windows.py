"""Quarter hours of a place: pure arithmetic over what is known of it, and what is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

SECOND = 1_000_000_000
QUARTER = 900 * SECOND
KNOWN = frozenset({"occupied", "vacant"})
Interval = tuple[int, int]
"""[from, to), ns."""


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


def windows(start: int, end: int, limit: int) -> Iterator[int]:
    """Starts of the windows that [start, end] touches and that end at or before `limit`."""
    at = window_of(start)
    while at <= end and at + QUARTER <= limit:
        yield at
        at += QUARTER


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
