"""Who follows the ledger now, and the one look at it that serves all of them."""

from __future__ import annotations

import asyncio

from gateway.clock import SECOND, Clock
from gateway.web.readers import Readers
from gateway.web.reading import Reading

MOST_FOLLOWERS = 200
LOOK_S = 0.4
"""How old the newest id may be that followers are told."""


class Followers:
    """Of one site."""

    def __init__(self, reading: Reading, clock: Clock) -> None:
        """`clock`: its machine time is asked."""
        self.readers = Readers(MOST_FOLLOWERS)
        self._reading = reading
        self._clock = clock
        self._looked: tuple[int, int] | None = None
        """(machine time, newest id)."""
        self._looks = asyncio.Lock()

    async def newest(self) -> int:
        """The id of the newest row, as of a moment ago. Raises TransientError."""
        async with self._looks:
            machine = self._clock.machine()
            if self._looked is None or machine - self._looked[0] >= LOOK_S * SECOND:
                self._looked = (machine, await self._reading.ask(lambda view: view.last_id()))
            return self._looked[1]
