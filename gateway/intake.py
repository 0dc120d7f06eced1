"""The queue between sources and pipeline: bounded, and never at the cost of a tap.

What people did on purpose (taps, commands) waits as long as it must. Telemetry beyond the bound drops its oldest,
counted: the next report of a sensor replaces the lost one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from drivers.api import Frame
from gateway.counters import Counters
from gateway.outbox_store import Row
from rules.api import Fact, Input


class Asked(NamedTuple):
    """An input or a frame whose sender waits until what it caused is durable."""

    item: Frame | Input
    answer: Callable[[Sequence[Row]], None]
    """Called then, with its events (none: it changed nothing)."""
    facts: Sequence[Fact] = ()
    """Remembered in the same transaction: how far the sender was listened to ..."""
    outcome: Callable[[bool], Sequence[Fact]] = lambda _changed: ()
    """... and what became of it: called when the rules have it, with whether they had something to say."""


Item = Frame | Input | Asked

MOST_TELEMETRY = 20_000


class Intake:
    """Two queues in order of arrival; `take` merges them by time."""

    def __init__(self, counters: Counters, most: int = MOST_TELEMETRY) -> None:
        self._counters = counters
        self._acts: deque[tuple[int, Item]] = deque()
        self._telemetry: deque[tuple[int, Item]] = deque(maxlen=most)
        self.wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._acts) + len(self._telemetry)

    def act(self, item: Item, at: int) -> None:
        """Put in something that must not be lost, observed at `at`."""
        self._acts.append((at, item))
        self.wake.set()

    def telemetry(self, item: Item, at: int) -> None:
        """Put in something that its sender will say again."""
        if len(self._telemetry) == self._telemetry.maxlen:
            self._counters.add("intake.dropped", "telemetry")
        self._telemetry.append((at, item))
        self.wake.set()

    def take(self, most: int) -> Iterator[tuple[int, Item]]:
        """Up to `most` items that are here now, oldest first."""
        acts, telemetry = self._acts, self._telemetry
        for _ in range(min(most, len(self))):
            if acts and (not telemetry or acts[0][0] <= telemetry[0][0]):
                yield acts.popleft()
            else:
                yield telemetry.popleft()
