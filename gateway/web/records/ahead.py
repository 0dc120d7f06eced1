"""Reservations that stand, for questions about a time to come: the ledger is read on from where it was read before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from threading import Lock

from gateway.clock import SECOND, Clock
from gateway.ledger_view import LATEST, Stored, View
from gateway.web.reading import Reading
from gateway.web.records.reservations import ABOUT, AHEAD, CAME, DROPPED, KEPT, Reservation, folded, key_of

KEPT_S = 5.0
PAGE = 10_000
EARLY = 7 * 86_400 * SECOND
"""Nobody takes a desk so long before the reservation."""
LATE = 86_400 * SECOND
"""What became of a reservation may be here so long before the reservation itself."""


class Ahead:
    """Of one site."""

    def __init__(self, reading: Reading, clock: Clock) -> None:
        self._reading = reading
        self._clock = clock
        self._at: int | None = None
        self._cursor: int | None = None
        self._rows: dict[str, dict[int, Stored]] = {}
        """Of what stands, by what they are folded by, and id."""
        self._found: dict[str, Reservation] = {}
        self._reads = asyncio.Lock()
        self._reads_on = Lock()
        """A question that was given up goes on in its thread."""

    async def reservations(self) -> list[Reservation]:
        """What stands, without persons, by start. Raises TransientError: the ledger cannot be read."""
        async with self._reads:
            machine = self._clock.machine()
            now = self._clock.office()
            if self._at is None or machine - self._at > KEPT_S * SECOND:
                await self._reading.ask(lambda view: self._read(view, now))
                self._at = machine
            standing = (each for each in self._found.values() if each.stands(now))
            return sorted(standing, key=lambda each: (each.start, each.place))

    async def reserved(self, at: int) -> dict[str, Reservation]:
        """By place, what is reserved at an office time."""
        return {each.place: each for each in await self.reservations() if each.start <= at < each.end}

    def _read(self, view: View, now: int) -> None:
        with self._reads_on:
            self._read_on(view, now)

    def _read_on(self, view: View, now: int) -> None:
        newest = view.last_id()
        if self._cursor is None or newest < self._cursor:  # or another ledger was put in its place
            self._rows, self._found = {}, {}
            self._go_on(view, (*KEPT, *DROPPED), now, 0)
            for each in [each for each in self._found.values() if each.stands(now) and each.start < now + EARLY]:
                self._take(view.at(each.place, CAME, each.start - EARLY, LATEST))
        else:
            self._go_on(view, ABOUT, now, self._cursor)
        self._cursor = newest

    def _go_on(self, view: View, types: tuple[str, ...], now: int, after: int) -> None:
        while page := view.query(types=types, since=now - AHEAD, after=after, limit=PAGE):
            self._take(page)
            self._forget(now)
            after = page[-1].id

    def _take(self, rows: Iterable[Stored]) -> None:
        changed = set()
        for row in rows:
            if row.cls == "evt" and (key := key_of(row)):
                self._rows.setdefault(key, {})[row.id] = row
                changed.add(key)
        for key in changed:
            self._found.update(folded(self._rows[key].values()))

    def _forget(self, now: int) -> None:
        for key, rows in list(self._rows.items()):
            known = self._found.get(key)
            if known.end <= now if known is not None else all(row.recorded < now - LATE for row in rows.values()):
                del self._rows[key]
                self._found.pop(key, None)
