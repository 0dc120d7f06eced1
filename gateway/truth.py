"""Delivery truth: whether what is sent reaches the archive. A canary goes the events' way to the ledger and back.

A broker that takes everything and hands on nothing looks like a healthy one: PUBACKs come, and while nothing happens
in the office no event waits. So every EVERY_S a numbered message goes to the archive, which answers it with its
acknowledgements, behind the ledger's next transaction. What stays without an answer is an alarm (alarms.py).
"""

from __future__ import annotations

import asyncio

from gateway.clock import SECOND, Clock
from gateway.contract import topics
from gateway.contract.acks import write_canary
from gateway.contract.envelope import Origin
from gateway.mqtt import Link

EVERY_S = 2.5
SILENT_S = 5.5
"""Two canaries without an answer."""


class Canary:
    """Of one gateway."""

    def __init__(self, link: Link, origin: Origin, clock: Clock) -> None:
        self._link = link
        self._origin = origin
        self._clock = clock
        self._number = 0
        self._asked = 0
        """Machine time of the first canary since the last answer; 0: none is out."""
        link.on_connect(self._begin)

    async def run(self) -> None:
        """Until cancelled."""
        topic = topics.canary(self._origin.site, self._origin.gateway)
        while True:
            if self._link.state.connected:
                body = write_canary(self._origin.boot, self._number + 1)
                if self._link.publish(topic, body):
                    self._number += 1
                    self._asked = self._asked or self._clock.machine()
            await asyncio.sleep(EVERY_S)

    def answered(self, number: int) -> None:
        """The archive has seen the canary `number`."""
        if number >= self._number:
            self._asked = 0

    @property
    def silent_s(self) -> float:
        """Seconds for which the archive has answered nothing though we are connected; 0: it answers."""
        if not self._asked or not self._link.state.connected:
            return 0.0
        silent = (self._clock.machine() - self._asked) / SECOND
        return silent if silent >= SILENT_S else 0.0

    def _begin(self) -> None:
        self._asked = 0  # what was on its way went down with the connection
