"""What a gateway says of itself every HEALTH_S, and what is looked at on that occasion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

from gateway.clock import Clock, rfc3339
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.counters import Counters
from gateway.equipment import Equipment
from gateway.mqtt import Link
from gateway.outbox import Draft, Outbox
from gateway.replay_guard import ReplayGuard
from gateway.sources.base import Source, health

HEALTH_S = 10.0
COUNTERS_EVERY = 60
"""Of these: replay counters of frames that changed nothing are kept then, and at the stop."""


class Heartbeat:
    """Publishes `gw/<site>/<gw>/health`."""

    def __init__(
        self,
        *,
        origin: Origin,
        link: Link,
        outbox: Outbox,
        equipment: Equipment,
        guard: ReplayGuard,
        sources: Sequence[Source],
        clock: Clock,
        counters: Counters,
        draft: Callable[[str, Mapping[str, Any]], Draft],
    ) -> None:
        """`draft` makes an event of the gateway itself, of its type and data."""
        self._origin = origin
        self._link = link
        self._outbox = outbox
        self._equipment = equipment
        self._guard = guard
        self._sources = sources
        self._clock = clock
        self._counters = counters
        self._draft = draft

    async def run(self) -> None:
        """Until cancelled."""
        topic = topics.gateway_health(self._origin.site, self._origin.gateway)
        for number in count(1):
            await asyncio.sleep(HEALTH_S)
            self._equipment.look()
            if number % COUNTERS_EVERY == 0 and (facts := self._guard.take_facts()):
                await self._outbox.append((), facts)
            await self._outbox.declare(partial(self._draft, "gateway.gap"))
            self._link.publish(topic, wire.write(wire.GatewayHealth, await self._body()), qos=0)

    async def _body(self) -> dict[str, Any]:
        backlog = await self._outbox.backlog()
        now = self._clock.office()
        oldest = None if backlog.oldest_at is None else max(0.0, (now - backlog.oldest_at) / 1e9)
        return {
            "boot": self._origin.boot,
            "at": rfc3339(now),
            "counters": dict(self._counters.snapshot()),
            "backlog": {"count": backlog.events, "bytes": backlog.bytes, "oldest_s": oldest, "dead": backlog.dead},
            "clock": self._clock.quality()._asdict(),
            "sources": {source.id: health(source.state, self._clock.machine()) for source in self._sources},
        }
