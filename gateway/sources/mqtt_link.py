"""What the sources behind a broker share: a client of their own, and what the state of its link means for the source.

The link (gateway/mqtt.py) comes back by itself, so that such a source runs until it is cancelled. An outage shorter
than GRACE_S is none: the broker has kept what came meanwhile for the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from gateway.clock import SECOND, Clock
from gateway.config.sources import Broker
from gateway.counters import Counters
from gateway.mqtt import Link, Message
from gateway.sources.base import OnState, SourceState, Teller

GRACE_S = 2.0
"""A broker that is started anew is back before; the first tries come within half a second, and within one."""
LOOK_S = 0.25
DAY_S = 86_400


class BrokerLink:
    """One client of a broker, whose ups and downs are the source's."""

    def __init__(
        self,
        broker: Broker,
        *,
        client_id: str,
        base: Path,
        clock: Clock,
        counters: Counters,
        session_expiry_s: int,
        on_state: OnState | None = None,
    ) -> None:
        """`session_expiry_s`: how old a message may become at the broker. `base`: where paths of `broker` begin.

        MQTT 3.1.1 keeps a session for ever or not at all: there it is kept only where messages may be a day old.
        """
        self.state = SourceState()
        self._broker = broker
        self._clock = clock
        self._back: list[Callable[[], None]] = []
        self._filters: set[str] = set()
        self._teller = Teller(self.state, on_state)
        keep = broker.protocol == "5" or session_expiry_s >= DAY_S
        self.link = Link(
            broker,
            client_id=client_id,
            clock=clock,
            counters=counters,
            base=base,
            clean_start=not keep,
            session_expiry_s=session_expiry_s,
        )
        self.link.on_connect(self._connected)

    def subscribe(self, topic_filter: str, handler: Callable[[Message], None]) -> None:
        """As Link.subscribe; the source is up before `handler` is called."""

        def heard(message: Message) -> None:
            self._look()  # messages that the broker has kept may come before `on_connect` is called
            handler(message)

        self._filters.add(topic_filter)
        self.link.subscribe(topic_filter, heard)

    def on_back(self, callback: Callable[[], None]) -> None:
        """Call when the source comes up, before it hears anything."""
        self._back.append(callback)

    async def run(self) -> None:
        """Keep the link until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.link.run(), name="link")
                group.create_task(self._watch(), name="watch")
        finally:
            self.state.up = False

    async def _watch(self) -> None:
        since = self._clock.machine()
        while True:
            now = self._clock.machine()
            if self.link.state.connected:
                since = now
                self._look()
            elif now - since > GRACE_S * SECOND:
                reason = self.link.state.reason
                self._teller.down("broker", self._sentence(reason, "is it running, and are the credentials right?"))
            await asyncio.sleep(LOOK_S)

    def _look(self) -> None:
        """There is a connection. The source is up as long as the broker does not refuse all that it subscribes to."""
        refused = self.link.state.refused
        problem = self._sentence(self.link.state.reason, "let this client read them") if refused else ""
        if len(refused) >= len(self._filters) > 0:
            self._teller.down("refused", problem)
        elif not self.state.up:
            self._teller.up()
            for callback in self._back:
                callback()
        if self.state.up:
            self.state.problem = problem

    def _sentence(self, reason: str, advice: str) -> str:
        return f"broker {self._broker.host}:{self._broker.port}: {reason}; {advice}"

    def _connected(self) -> None:
        self.state.opens += 1
        self._look()


def client_id(site: str, gateway: str, source: str) -> str:
    """The same at each start: the broker keeps what was not acknowledged."""
    return f"hadir-{site}-{gateway}-{source}"
