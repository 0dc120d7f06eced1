"""A day of a gateway as a drawing: when it was there, when it was not, and what was not watched. Pure numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gateway.web.outages import COVERAGE_LOST, DOWN, EVENTS_LOST, Found, Outage

WIDTH = 1440
"""Units of a day."""
THIN = 4
"""No stretch is drawn narrower than it can be seen."""


class Bar(NamedTuple):
    """A stretch of the drawing: x, width, and what it is: up, down, coverage, lost, untold."""

    x: int
    width: int
    look: str


def bars(gateway: str, found: Found, start: int, end: int, now: int) -> list[Bar]:
    """Of one gateway in [start, end); what is to come is not drawn. Later bars lie upon earlier ones."""
    until = min(now, end)
    if until <= start:
        return []
    known = found.known_from.get(gateway)
    made = []
    if known is None or known > start:
        made.append(_bar(start, min(until, known or until), "untold", start, end))
    if known is not None and known < until:
        made.append(_bar(max(known, start), until, "up", start, end))
    mine = [outage for outage in found.outages if outage.gateway == gateway]
    for kind in (COVERAGE_LOST, DOWN, EVENTS_LOST):
        made += [_of(outage, start, until, end) for outage in mine if outage.kind == kind]
    return made


def _of(outage: Outage, start: int, until: int, end: int) -> Bar:
    last = until if outage.until is None else min(outage.until, until)
    return _bar(max(outage.since, start), last, outage.kind, start, end)


def _bar(since: int, until: int, look: str, start: int, end: int) -> Bar:
    x = (since - start) * WIDTH // (end - start)
    width = (until - start) * WIDTH // (end - start) - x
    thin = THIN if look in (DOWN, COVERAGE_LOST, EVENTS_LOST) else 0
    return Bar(min(x, WIDTH - thin), max(width, thin), look)


def down_share(made: Iterable[Bar]) -> int:
    """How much of what is drawn is not there, in whole percent: for the drawing's own words."""
    bars_ = list(made)
    drawn = max((bar.x + bar.width for bar in bars_ if bar.look in ("up", "untold")), default=0)
    return 0 if not drawn else min(100, 100 * sum(bar.width for bar in bars_ if bar.look == DOWN) // drawn)
