"""What the tests of projections share: a store in the test's hand, and a ledger that is projected into it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.clock import ManualClock
from gateway.contract.envelope import Envelope
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.ledger import Ledger
from gateway.projections import Projections
from gateway.stores.base import BadPoints, Point, Tags
from rules.api import SECOND
from tests.archive.events import START, make_office

D1 = "ikn/kk2/l1/north/d-1"
HOME = "ikn/kk2/l1/_/_"
Found = dict[tuple[str, str, int], dict[str, float]]


class Memory:
    """A store in memory that fails, refuses and forgets as it is told to."""

    name = "memory"
    whole = False
    answers = False

    def __init__(self, *, milliseconds: bool = False) -> None:
        self.milliseconds = milliseconds
        self.points: dict[tuple[str, tuple[tuple[str, str], ...], int], dict[str, float]] = {}
        self.fails = 0
        self.keeps = True
        self.bad: Callable[[Point], bool] = lambda _: False
        self.started = "1"
        self.writes = 0

    async def write(self, points: Sequence[Point]) -> None:
        self.writes += 1
        if self.fails:
            self.fails -= 1
            raise TransientError("503")
        if any(map(self.bad, points)):
            raise BadPoints("refused", "400")
        for point in points if self.keeps else ():
            time = point.time // 1_000_000 if self.milliseconds else point.time
            self.points[point.measurement, point.tags, time] = {name: float(value) for name, value in point.fields}

    async def life(self) -> str:
        return self.started

    async def count(self, measurement: str, tags: Tags, first: int, last: int) -> int | None:
        times = [at for name, found, at in self.points if (name, found) == (measurement, tags)]
        return sum(first <= at <= last for at in times)

    def close(self) -> None:
        pass

    def of(self, measurement: str) -> Found:
        return {
            (dict(tags).get("floor", ""), dict(tags).get("space", ""), time): fields
            for (name, tags, time), fields in self.points.items()
            if name == measurement
        }


class Bench:
    """A ledger, its projections and a clock in the test's hand."""

    def __init__(self, folder: Path, clock: ManualClock, *stores: Any) -> None:
        self.ledger = Ledger(folder / "ledger.sqlite")
        self.clock = clock
        self.counters = Counters()
        self.projections = Projections(self.ledger, stores, make_office(folder), clock, self.counters)

    def commit(self, *events: Envelope) -> None:
        outcomes = self.ledger.commit(events)
        assert {outcome.state for outcome in outcomes} <= {"stored", "duplicate"}
        self.projections.wake()

    async def pass_(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.projections.wake()

    async def done(self, store: str = "memory") -> None:
        """Until everything committed is projected, and every quarter hour that has ended."""
        newest = self.ledger.last_id()
        async with asyncio.timeout(20):
            while not self.projections.is_done(store, newest):  # noqa: ASYNC110 it is another task's word
                await asyncio.sleep(0.005)


@asynccontextmanager
async def bench(folder: Path, *stores: Any, now: float = 0.0, clock: ManualClock | None = None) -> AsyncIterator[Bench]:
    made = Bench(folder, clock or ManualClock(START + int(now * SECOND), SECOND), *stores)
    running = asyncio.get_running_loop().create_task(made.projections.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        made.ledger.close()
