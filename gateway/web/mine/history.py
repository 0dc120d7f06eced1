"""A person's days: what is stored, what waits to be, and what was refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from gateway.errors import TransientError
from gateway.ledger_view import View
from gateway.web.mine.attempts import DAY, REFUSED, UNSURE, Attempt, Attempts
from gateway.web.mine.days import local
from gateway.web.mine.record import OWN, Record, Visit, fold
from gateway.web.site import Site

ACTS = frozenset({"checkin", "checkout", "arrive", "depart", "extend"})
"""What belongs into a history of check-ins; bookings are on the first page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a day: a check-in of the record, or what was asked for and is not (yet) in it."""

    at: int
    visit: Visit | None = None
    attempt: Attempt | None = None

    @property
    def stage(self) -> str:
        """stored, sent (waits to be stored), unsure, refused."""
        return "stored" if self.attempt is None else self.attempt.state


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Of some days."""

    days: tuple[tuple[date, tuple[Line, ...]], ...]
    """Latest first; within a day in order of time."""
    readable: bool
    visits: tuple[Visit, ...]


async def history(site: Site, pid: str, days: int) -> History:
    """The last `days` days of `pid`, today among them."""
    now = site.clock.office()
    since = max(0, now - days * DAY)

    def mine(view: View) -> Record:
        return fold(view.of_person(pid, OWN, since))

    try:
        record, readable = await site.reading.ask(mine), True
    except TransientError:
        record, readable = Record(), False
    lines = [Line(at=visit.at, visit=visit) for visit in record.visits]
    lines += _asked(Attempts(site.accounts.connection).of(pid, now - DAY), record)
    found: dict[date, list[Line]] = {}
    for line in sorted(lines, key=lambda each: each.at):
        found.setdefault(local(site, line.at).date(), []).append(line)
    return History(
        days=tuple((day, tuple(found[day])) for day in sorted(found, reverse=True)),
        readable=readable,
        visits=record.visits,
    )


def _asked(attempts: Iterable[Attempt], record: Record) -> list[Line]:
    """What was refused, and what the ledger does not have."""
    return [
        Line(at=one.at, attempt=one)
        for one in attempts
        if one.act in ACTS and (one.state in (REFUSED, UNSURE) or not one.is_stored(record.ids))
    ]
