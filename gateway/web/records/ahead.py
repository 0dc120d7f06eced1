"""Reservations that stand, for questions about a time to come: read from the ledger every few seconds at most."""

from __future__ import annotations

import asyncio

from gateway.clock import SECOND, Clock
from gateway.web.reading import Reading
from gateway.web.records.reservations import Reservation, of_places

KEPT_S = 5.0


class Ahead:
    """Of one site."""

    def __init__(self, reading: Reading, clock: Clock) -> None:
        self._reading = reading
        self._clock = clock
        self._at: int | None = None
        self._found: list[Reservation] = []
        self._reads = asyncio.Lock()

    async def reservations(self) -> list[Reservation]:
        """What stands, without persons, by start. Raises TransientError: the ledger cannot be read."""
        async with self._reads:
            machine = self._clock.machine()
            if self._at is None or machine - self._at > KEPT_S * SECOND:
                now = self._clock.office()
                self._found = await self._reading.ask(lambda view: of_places(view, now))
                self._at = machine
            return self._found

    async def reserved(self, at: int) -> dict[str, Reservation]:
        """By place, what is reserved at an office time."""
        return {each.place: each for each in await self.reservations() if each.start <= at < each.end}
