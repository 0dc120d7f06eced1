"""Check-ins and reservations of desks, from the ledger's rows without a person.

No row of a person is read: the copies for everybody say the desk, the time, how it ended, and the unit where that has
at least five people.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.contract.times import parsed
from gateway.ledger_view import Stored, View
from gateway.web.reports.ground import NOBODY, Desk
from gateway.web.reports.period import HOUR
from rules.api import SECOND

STARTED, ENDED = "desk.checkin.started", "desk.checkin.ended"
RELEASED = "desk.reservation.released"
LONGEST = 36 * HOUR
"""A check-in ends with its day, or soon after; one that does not is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Somebody held a desk, or had reserved it and did not come."""

    desk: Desk
    unit: str
    """Of the person; `_`: none, or of fewer than five people."""
    start: int
    """Of the check-in, or of the reservation, ns UTC."""
    outcome: str
    """of a check-in: user, moved, auto_release, end_of_day, operator, correction, open; of a reservation: no_show, or
    expired: its time ran out, and nobody knows whether somebody came."""
    booked: bool = False
    """By a reservation."""
    dwell_s: float | None = None
    """From start to last evidence; None: open."""

    @property
    def visit(self) -> bool:
        """Whether it was a check-in."""
        return self.outcome not in UNUSED


NO_SHOW, EXPIRED = "no_show", "expired"
UNUSED = frozenset({NO_SHOW, EXPIRED})


def claims(view: View, desks: Iterable[Desk], start: int, end: int) -> Iterator[Claim]:
    """Check-ins that started and reservations whose start was in [start, end), by desk."""
    for desk in desks:
        ends = {}
        for row in view.at(desk.place, (ENDED,), start, end + LONGEST):
            data = _data(row)
            ends[data.get("checkin_id")] = data
        for row in view.at(desk.place, (STARTED,), start, end):
            if row.cls == "evt" and row.at is not None:
                yield _visit(desk, row.at, _data(row), ends)
        for row in view.at(desk.place, (RELEASED,), start, end + LONGEST):
            data = _data(row)
            due = None if data.get("due") is None else parsed(data["due"])
            cause = data.get("cause")
            if due is not None and start <= due < end and cause in (None, NO_SHOW):
                outcome = EXPIRED if cause is None else NO_SHOW
                yield Claim(desk=desk, unit=_unit(data), start=due, outcome=outcome, booked=True)


def _visit(desk: Desk, at: int, data: dict[str, Any], ends: dict[Any, dict[str, Any]]) -> Claim:
    ended = ends.get(data.get("checkin_id"), {})
    dwell = ended.get("dwell_s")
    return Claim(
        desk=desk,
        unit=_unit(data),
        start=at,
        outcome=str(ended.get("reason", "open")),
        booked=bool(data.get("matches_reservation")),
        dwell_s=None if dwell is None else max(0.0, float(dwell)),
    )


def held(claims: Iterable[Claim]) -> Iterator[tuple[int, int]]:
    """[from, to) of the check-ins among some claims."""
    for claim in claims:
        if claim.visit:
            yield claim.start, claim.start + int((claim.dwell_s or 0.0) * SECOND)


def _unit(data: dict[str, Any]) -> str:
    return str(data.get("unit") or NOBODY)


def _data(row: Stored) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row.body)["data"]
    return found
