"""Sources behind a real Mosquitto: what they deliver, what is durable, and a publisher of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt

from drivers.api import Frame
from gateway.clock import Clock, SystemClock
from gateway.config.sources import Broker
from gateway.counters import Counters
from gateway.sources.base import OnState, Source
from gateway.sources.mqtt_link import BrokerLink
from gateway.supervise import keep


class Taken:
    """A pipeline that says of each frame when it is durable: at once, or when the test wants it."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.frames: list[Frame] = []
        self.waiting: list[Callable[[], None]] = []
        self._at_once = at_once
        self._more = asyncio.Event()

    def __call__(self, frame: Frame, durable: Callable[[], None] | None = None, /) -> None:
        self.frames.append(frame)
        if durable is not None:
            if self._at_once:
                durable()
            else:
                self.waiting.append(durable)
        self._more.set()

    async def count(self, number: int, seconds: float = 20.0) -> list[Frame]:
        async with asyncio.timeout(seconds):
            while len(self.frames) < number:
                self._more.clear()
                await self._more.wait()
        return self.frames


def link(
    port: int,
    counters: Counters,
    *,
    client_id: str = "hadir-demo-gw-01-net",
    expiry_s: int = 86_400,
    on_state: OnState | None = None,
    clock: Clock | None = None,
    broker: Broker | None = None,
) -> BrokerLink:
    return BrokerLink(
        broker or Broker(port=port, frozen_after_s=2),
        client_id=client_id,
        base=Path(),
        clock=clock or SystemClock(),
        counters=counters,
        session_expiry_s=expiry_s,
        on_state=on_state,
    )


@asynccontextmanager
async def running(source: Source, counters: Counters, *, at_once: bool = True) -> AsyncIterator[Taken]:
    """The source, kept running as in a daemon, from the moment that it is up."""
    taken = Taken(at_once=at_once)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keep(source.id, lambda: source.run(taken), SystemClock(), counters))
        async with asyncio.timeout(20):
            while not source.state.up:  # noqa: ASYNC110 it tells nobody
                await asyncio.sleep(0.01)
        yield taken
        task.cancel()


async def publish(port: int, messages: Iterable[tuple[str, bytes, bool]], *, qos: int = 1) -> None:
    """Publish (topic, body, retain), each acknowledged by the broker before the next."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for topic, body, retain in messages:
            await client.publish(topic, body, qos=qos, retain=retain)
