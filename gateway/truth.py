"""Delivery truth: whether what is sent reaches the archive. A canary goes the events' way to the ledger and back.

A broker that takes everything and hands on nothing looks like a healthy one: PUBACKs come, and while nothing happens
in the office no event waits. So every EVERY_S a numbered message goes to the archive, which answers it with its
acknowledgements, behind the ledger's next transaction. What stays without an answer is an alarm (alarms.py).
"""

from __future__ import annotations

import asyncio
from collections import deque

from gateway.clock import SECOND, Clock
from gateway.contract import topics
from gateway.contract.acks import write_canary
from gateway.contract.envelope import Origin
from gateway.mqtt import Link

EVERY_S = 2.5
SILENT_S = 5.5
"""Two canaries without an answer."""
MOST_OUT = 100
"""Canaries without an answer that are remembered; the oldest says how long it is silent."""


class Canary:
    """Of one gateway."""

    def __init__(self, link: Link, origin: Origin, clock: Clock) -> None:
        self._link = link
        self._origin = origin
        self._clock = clock
        self._number = 0
        self._out: deque[tuple[int, int]] = deque()
        """(number, machine time) of those without an answer, oldest first; MOST_OUT at most, for the oldest counts."""
        link.on_connect(self._begin)

    async def run(self) -> None:
        """Until cancelled."""
        topic = topics.canary(self._origin.site, self._origin.gateway)
        while True:
            if self._link.state.connected:
                body = write_canary(self._origin.boot, self._number + 1)
                if self._link.publish(topic, body):
                    self._number += 1
                    if len(self._out) < MOST_OUT:
                        self._out.append((self._number, self._clock.machine()))
            await asyncio.sleep(EVERY_S)

    def answered(self, number: int) -> None:
        """The archive has seen the canary `number`, and those before it: they go one way."""
        while self._out and self._out[0][0] <= number:
            self._out.popleft()

    @property
    def silent_s(self) -> float:
        """Seconds for which a canary has had no answer though we are connected; 0: they are answered in time."""
        if not self._out or not self._link.state.connected:
            return 0.0
        silent = (self._clock.machine() - self._out[0][1]) / SECOND
        return silent if silent >= SILENT_S else 0.0

    def _begin(self) -> None:
        self._out.clear()  # what was on its way went down with the connection
