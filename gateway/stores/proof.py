"""Whether a store has what it says that it took: an answer of 204 is a word, and a query is the proof.

With what is written goes, at most once a second, a canary: a point of a measurement of its own, at the time now.
Canaries that had time to settle are counted by a query. As long as none is missing, what was written up to the last of
them is there; when one is missing, everything behind the last proof is in doubt and is written again. Not seen is what
goes missing between two canaries. A store that cannot be asked is believed.
"""

from __future__ import annotations

import asyncio
from collections import deque

from gateway.clock import SECOND, Clock
from gateway.errors import PermanentError, TransientError
from gateway.stores.base import CANARY, Point, Store

EVERY_S = 1.0
SETTLED_S = 30.0
"""VictoriaMetrics finds a point five seconds after it has taken it, and the first of a series after ten."""
LOOK_S = 1.0
"""How often a store in doubt is asked for a canary that was just written."""


class Proof:
    """Of one store, in one life of the archive."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._asks = store.answers
        self._out: deque[tuple[int, int]] = deque()
        """Canaries that were written and not yet found: machine time, and the office time that they stand at."""
        self._last = clock.machine() - int(EVERY_S * SECOND)
        self._proven = clock.machine()
        self._doubt = False

    @property
    def at(self) -> int:
        """Machine time: what was written before it is in the store."""
        return self._proven if self._asks and (self._out or self._doubt) else self._clock.machine()

    def carried(self, points: list[Point]) -> list[Point]:
        """With a canary, when it is time for one."""
        now = self._clock.machine()
        if not self._asks or not points or now - self._last < EVERY_S * SECOND:
            return points
        return [*points, self._canary(now)]

    async def look(self) -> None:
        """Ask for what has settled. Raises TransientError: the store has not what it took, or it is away."""
        if self._doubt:
            await self._again()
        settled = [out for out in self._out if out[0] <= self._clock.machine() - SETTLED_S * SECOND]
        if not settled:
            return
        times = [at for _, at in settled]
        found = await self._store.count(CANARY, (("store", self._store.name),), min(times), max(times))
        if found is None:
            self._asks = False
        elif found < len(set(times)):
            self._doubt = True
            raise TransientError(f"it said that it took {len(times)} points, and a query finds {found} of them")
        self._proven = settled[-1][0]
        for _ in settled:
            self._out.popleft()

    def forget(self) -> None:
        """What was written behind the last proof is written again."""
        self._out.clear()

    async def _again(self) -> None:
        """One canary alone, until it is found. Raises TransientError when it is not."""
        now = self._clock.machine()
        point = self._canary(now)
        self._out.clear()
        try:
            await self._store.write([point])
        except PermanentError as error:
            raise TransientError(f"it does not take a point at the time now: {error}") from error
        while self._clock.machine() - now < SETTLED_S * SECOND:
            await asyncio.sleep(LOOK_S)
            if await self._store.count(CANARY, point.tags, point.time, point.time) != 0:
                self._doubt = False
                self._proven = self._clock.machine()
                return
        raise TransientError("it says that it takes points, and a query does not find them")

    def _canary(self, now: int) -> Point:
        self._last = now
        at = self._clock.office() // 1_000_000 * 1_000_000  # a store may keep milliseconds only
        self._out.append((now, at))
        return Point(CANARY, (("store", self._store.name),), (("n", 1),), at)
