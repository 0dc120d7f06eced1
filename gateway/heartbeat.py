"""What a gateway says of itself every HEALTH_S, and what is looked at on that occasion."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

from gateway.alarms import Alarm
from gateway.clock import Clock, age_s, rfc3339
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.counters import Counters
from gateway.equipment import Equipment
from gateway.forward import Forwarder
from gateway.gaps import Gaps
from gateway.mqtt import Link
from gateway.outbox import Draft, Outbox
from gateway.replay_guard import ReplayGuard
from gateway.sources.base import Source, health

HEALTH_S = 10.0
LOOKS = 10
"""So many looks for silent devices between two words of health."""
COUNTERS_EVERY = 60
"""Of these: replay counters of frames that changed nothing are kept then, and at the stop."""


MOST_ALARMS = 64
_log = logging.getLogger(__name__)


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
        forwarder: Forwarder,
        sources: Sequence[Source],
        clock: Clock,
        counters: Counters,
        draft: Callable[[str, Mapping[str, Any]], Draft],
        alarms: Callable[[], Awaitable[Sequence[Alarm]]],
    ) -> None:
        """`draft` makes an event of the gateway itself, of its type and data."""
        self._origin = origin
        self._link = link
        self._outbox = outbox
        self._equipment = equipment
        self._guard = guard
        self._forwarder = forwarder
        self._sources = sources
        self._clock = clock
        self._counters = counters
        self._gaps = Gaps(outbox, partial(draft, "gateway.gap"))
        self._alarms = alarms
        self._told: set[tuple[str, str]] = set()
        """Alarms that were logged and are still there."""

    async def run(self) -> None:
        """Until cancelled."""
        topic = topics.gateway_health(self._origin.site, self._origin.gateway)
        for number in count(1):
            for _ in range(LOOKS):
                await asyncio.sleep(HEALTH_S / LOOKS)
                self._equipment.look()
            if number % COUNTERS_EVERY == 0 and (facts := self._guard.take_facts()):
                self._outbox.submit((), facts)  # and not wait: a disk without room must not silence what is said of it
            await self._gaps.declare()
            self._link.publish(topic, wire.write(wire.GatewayHealth, await self._body()), qos=0)

    def _tell(self, now: Sequence[Alarm]) -> None:
        """In the log, once, when an alarm begins, and when it is over."""
        present = {(alarm.name, alarm.about) for alarm in now}
        for alarm in now:
            if (alarm.name, alarm.about) not in self._told:
                _log.error("alarm %s %s: %s; %s", alarm.name, alarm.about, alarm.why, alarm.do)
        for name, about in sorted(self._told - present):
            _log.warning("alarm %s %s is over", name, about)
        self._told = present

    async def _body(self) -> dict[str, Any]:
        backlog, alarms = await self._outbox.backlog(), await self._alarms()
        self._tell(alarms)
        now = self._clock.office()
        return {
            "boot": self._origin.boot,
            "at": rfc3339(now),
            "counters": dict(self._counters.snapshot()),
            "backlog": {
                "count": backlog.events,
                "bytes": backlog.bytes,
                "oldest_s": age_s(backlog.oldest_at, now),
                "dead": backlog.dead,
            },
            "forwarding": self._forwarder.summary(now),
            "clock": self._clock.quality()._asdict(),
            "alarms": tuple(
                {"name": one.name, "about": one.about[:256], "why": one.why[:512], "do": one.do[:256]}
                for one in alarms[:MOST_ALARMS]
            ),
            "sources": {source.id: health(source.state, self._clock.machine()) for source in self._sources},
        }
