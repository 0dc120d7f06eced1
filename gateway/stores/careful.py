"""Writing to a store so that one bad point does not lose the others, nor stop what comes behind it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from gateway.counters import Counters
from gateway.errors import PermanentError
from gateway.stores.base import BadPoints, Point, Store

_log = logging.getLogger(__name__)

AT_ONCE = 2_000
"""Points of one write."""


class Careful:
    """Around a store. What it will never take is counted, and everything else is written."""

    def __init__(self, store: Store, counters: Counters) -> None:
        self._store = store
        self._counters = counters

    async def write(self, points: Sequence[Point]) -> None:
        """Everything that is good; what is bad is counted. Raises TransientError."""
        for at in range(0, len(points), AT_ONCE):
            await self._some(list(points[at : at + AT_ONCE]))

    async def _some(self, points: list[Point]) -> None:
        if not points:
            return
        try:
            await self._store.write(points)
        except PermanentError as error:
            bad = set(error.bad) if isinstance(error, BadPoints) else set()
            if bad:
                self._bad(len(bad), error)
                await self._some([point for at, point in enumerate(points) if at not in bad])
            elif len(points) == 1:
                self._bad(1, error)
            else:
                middle = len(points) // 2
                await self._some(points[:middle])
                await self._some(points[middle:])
            return
        self._counters.add("projection.points", self._store.name, len(points))

    def _bad(self, n: int, error: PermanentError) -> None:
        self._counters.add("projection.bad_points", self._store.name, n)
        _log.debug("%s: %s", self._store.name, error)
