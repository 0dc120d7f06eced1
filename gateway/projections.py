"""All time-series stores of an archive, and from when on which gateway was not heard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.clock import Clock
from gateway.config.model import Office
from gateway.counters import Counters
from gateway.ledger import Ledger
from gateway.projection import Projection
from gateway.stores.base import Store


class Projections:
    """All stores of an archive."""

    def __init__(
        self, ledger: Ledger, stores: Sequence[Store], office: Office, clock: Clock, counters: Counters
    ) -> None:
        """Raises HadirError."""
        path = office.path(office.archive.ledger)
        self._ledger = ledger
        self._clock = clock
        self._silences = ledger.silences()
        self._each = {store.name: Projection(store, ledger, path, office, clock, counters) for store in stores}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, projection in self._each.items():
                group.create_task(projection.run(), name=f"projection {name}")

    def wake(self, *, busy: bool = False) -> None:
        """See Projection."""
        for projection in self._each.values():
            projection.wake(busy=busy)

    async def rewind(self, store: str, since: int = 0) -> None:
        """Write again to one store everything recorded at or after an office time; 0: everything. Raises KeyError."""
        await self._each[store].rewind(since)

    async def gateway(self, gateway: str, *, heard: bool, at: int = 0) -> None:
        """A gateway is not heard from an office time on (lost, disconnected, no status for long), or heard again.

        `at` 0: since when is not known (a retained status): since its last event. Raises TransientError.
        """
        if heard == (gateway not in self._silences):
            return
        if heard:
            await asyncio.to_thread(self._ledger.silence, gateway, None)
            since = self._silences.pop(gateway)
        else:
            since = at or await asyncio.to_thread(self._ledger.last_word, gateway) or self._clock.office()
            await asyncio.to_thread(self._ledger.silence, gateway, since)
            self._silences[gateway] = since
        for projection in self._each.values():
            projection.look_again(gateway, since)

    def is_done(self, store: str, newest: int) -> bool:
        """Whether a store holds everything up to an id of the ledger. Raises KeyError."""
        return self._each[store].is_done(newest)

    def status(self) -> dict[str, dict[str, Any]]:
        """By store: cursor, and why it is not written to, if so."""
        return {name: {"cursor": each.cursor, "problem": each.problem} for name, each in self._each.items()}
