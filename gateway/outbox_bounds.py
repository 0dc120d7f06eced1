"""The bounds of the outbox: how much waits, and how long, before it is given up."""

from __future__ import annotations

from gateway.clock import SECOND, Clock
from gateway.config import model
from gateway.outbox_store import Table

PURGE_EVERY_S = 60.0


class Bounds:
    """For the outbox's worker thread."""

    def __init__(self, settings: model.Outbox, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._purged = clock.machine()

    def hold(self, table: Table) -> None:
        """Give up what is too much or too old, in the running transaction."""
        now = self._clock.machine()
        full = table.bytes > self._settings.max_bytes
        if not full and now - self._purged < PURGE_EVERY_S * SECOND:
            return
        self._purged = now
        known = self._clock.quality().known  # nothing is too old for a clock that may be years ahead
        oldest = self._clock.office() - int(self._settings.max_age_days * 86_400 * SECOND) if known else 0
        # a tenth at once, so that a full outbox does not delete at every commit
        table.drop_oldest(self._settings.max_bytes * 9 // 10 if full else self._settings.max_bytes, oldest)
